#include "resolve/resolver.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <unordered_set>
#include <variant>

#include "core/lru_cache.h"
#include "core/thrown_by.h"
#include "resolve/resolver_metrics.h"

namespace nightpost::resolve {
namespace {

/// Knows its hash: libstdc++ would otherwise hash, and so touch, every key it passes in a bucket.
struct KeyView {
  AppId app;
  std::string_view user_id;
  std::size_t hash;

  explicit KeyView(const struct CachedKey& key);
  KeyView(AppId of, std::string_view user)
      : app(of),
        user_id(user),
        hash(std::hash<std::string_view>{}(user) ^ static_cast<std::size_t>(of.value) * 0x9e3779b97f4a7c15ULL) {}
  bool operator==(const KeyView& other) const noexcept {
    return hash == other.hash && app == other.app && user_id == other.user_id;
  }
};
struct KeyHash {
  std::size_t operator()(const KeyView& key) const noexcept { return key.hash; }
};

struct CachedKey {
  AppId app;
  std::string user_id;
  explicit CachedKey(const KeyView& key) : app(key.app), user_id(key.user_id) {}
};
KeyView::KeyView(const CachedKey& key) : KeyView(key.app, key.user_id) {}

/// Route ids are unique in the process, whichever shard makes them: lanes and breakers are kept by them.
std::uint64_t next_route_id() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

struct KnownCertificate {
  std::shared_ptr<const ReadyCertificate> ready;
  std::uint64_t checked = 0;  // against the store, as of this change of it
  std::uint64_t refused = 0;  // the change whose edit could not be used, or could not be read
  MonoTime refused_at{};      // when that was
};
/// A certificate that is not there or cannot be used.
struct RefusedCertificate {
  Error why;
  MonoTime at{};
};
using Ids = LruCache<std::int64_t, std::monostate>;

std::unordered_set<std::int64_t> ids_of(std::span<const AppId> apps) {
  std::unordered_set<std::int64_t> ids;
  for (const AppId app : apps) ids.insert(app.value);
  return ids;
}

}  // namespace

struct Resolver::Impl {
  ResolverOptions options;
  Source& source;
  GrantBook& grants;
  VendorFactory factory;
  const Clock& clock;
  ResolverMetrics& metrics;
  LruCache<CachedKey, std::shared_ptr<const Receiver>, KeyView, KeyHash> receivers;
  // Ids come from outside. What is refused is kept apart, so that no number of unknown ids takes the place of an id
  // that is in use: a certificate made ready anew is a new route, with new connections and its quota forgotten.
  LruCache<std::int64_t, KnownCertificate> certificates;
  LruCache<std::int64_t, RefusedCertificate> certificates_refused;
  Ids apps, apps_unknown;
  std::uint64_t changes = 1;  // of certificates, seen

  void look_for_changes();
  void forget(const Changes& changed);
  Result<ReadyCertificate> make_ready(CertificateId id, const KnownCertificate* known);
  std::optional<Error> check(CertificateId id, KnownCertificate* known);
};

Resolver::Resolver(ResolverOptions options, Source& source, GrantBook& grants, VendorFactory factory,
                   const Clock& clock, ResolverMetrics& metrics)
    : impl_(
          new Impl{options, source, grants, std::move(factory), clock, metrics,
                   LruCache<CachedKey, std::shared_ptr<const Receiver>, KeyView, KeyHash>(options.receivers_cached_max),
                   LruCache<std::int64_t, KnownCertificate>(std::max<std::size_t>(options.routes_cached_max, 1)),
                   LruCache<std::int64_t, RefusedCertificate>(options.routes_cached_max),
                   Ids(options.routes_cached_max), Ids(options.routes_cached_max)}) {}
Resolver::~Resolver() = default;

void Resolver::Impl::look_for_changes() {
  const auto changed = source.changes();
  if (changed) return forget(*changed);
  metrics.store_errors.add();  // what is cached still serves; what is not will say what is wrong
}

/// What others have written is read anew when it is next asked for; certificates are then compared by version.
void Resolver::Impl::forget(const Changes& changed) {
  if (changed.empty()) return;
  metrics.changes.add(changed.receivers.size() + changed.apps.size() + (changed.certificates ? 1 : 0));
  if (changed.everything) {
    metrics.invalidations.add();
    receivers.clear();
  }
  for (const ReceiverKey& key : changed.receivers) receivers.erase(KeyView(key.app, key.user_id));
  if (!changed.apps.empty()) {
    const std::unordered_set<std::int64_t> whole = ids_of(changed.apps);
    receivers.erase_if([&](const CachedKey& key, const auto&) { return whole.contains(key.app.value); });
  }
  metrics.receivers_cached.set(receivers.size());
  // Any row may be an app's first or last.
  apps.clear();
  apps_unknown.clear();
  if (!changed.certificates && !changed.everything) return;
  certificates_refused.clear();  // perhaps it was one of them that was mended
  ++changes;
}

Result<std::vector<std::shared_ptr<const Receiver>>> Resolver::receivers(std::span<const ReceiverKey> keys) {
  impl_->look_for_changes();
  std::vector<std::shared_ptr<const Receiver>> found(keys.size());
  std::vector<ReceiverKey> missing;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (const auto* const cached = impl_->receivers.find(KeyView(keys[i].app, keys[i].user_id))) {
      found[i] = *cached;
      continue;
    }
    missing.push_back(keys[i]);
    places.push_back(i);
  }
  impl_->metrics.receiver_hits.add(keys.size() - missing.size());
  impl_->metrics.receiver_misses.add(missing.size());
  if (missing.empty()) return found;
  auto read = impl_->source.receivers(missing);
  if (!read) {
    impl_->metrics.store_errors.add();
    return std::unexpected(read.error());
  }
  if (read->size() != missing.size()) return fail(Errc::Io, "the store answered for another number of users");
  for (std::size_t i = 0; i < missing.size(); ++i) {
    found[places[i]] = std::make_shared<const Receiver>(std::move((*read)[i]));
    impl_->metrics.receiver_evictions.add(
        impl_->receivers.put(KeyView(missing[i].app, missing[i].user_id), found[places[i]]));
  }
  impl_->metrics.receivers_cached.set(impl_->receivers.size());
  return found;
}

Result<bool> Resolver::app_known(AppId app) {
  if (impl_->apps.find(app.value) != nullptr) return true;
  if (impl_->apps_unknown.find(app.value) != nullptr) return false;
  const auto known = impl_->source.app_known(app);
  if (!known) {
    impl_->metrics.store_errors.add();
    return known;
  }
  (*known ? impl_->apps : impl_->apps_unknown).put(app.value, {});
  return known;
}

void Resolver::remove_token(AppId app, std::string_view user_id, const Device& device, Source::Removed removed) {
  impl_->receivers.erase(KeyView(app, user_id));  // the source need not name what was written through it
  impl_->metrics.receivers_cached.set(impl_->receivers.size());
  impl_->source.remove_token(app, user_id, device, std::move(removed));
}

/// The certificate made ready, if it has changed since `known`: null, there was none. An error says what is wrong with
/// it, or with the store. Without an id where it has not changed.
Result<ReadyCertificate> Resolver::Impl::make_ready(CertificateId id, const KnownCertificate* known) {
  auto certificate = source.certificate(id);
  if (!certificate) return std::unexpected(std::move(certificate.error()));
  if (known != nullptr && known->ready->certificate.version == certificate->version) return ReadyCertificate{};
  const auto secret = source.secret(id);
  if (!secret) {  // only what the key refuses is the certificate's fault; a busy store is nobody's
    const Errc code = secret.error().code == Errc::Unauthorized ? Errc::Malformed : secret.error().code;
    return fail(code, secret.error().detail);
  }
  // An exception's words may quote the secret, so they are not repeated.
  Result<VendorParts> parts = fail(Errc::Malformed, "internal error: the vendor's room threw at this certificate");
  if (thrown_by([&] { parts = factory(*certificate, *secret); })) metrics.internal_errors.add();
  if (!parts) return fail(Errc::Malformed, std::move(parts.error().detail));
  return ReadyCertificate{next_route_id(), *std::move(certificate), *std::move(parts)};
}

/// Compares the certificate with the store and keeps what comes of it. `known`: as it is in `certificates`, if it is.
/// A version that cannot be used does not replace one that can: bad credentials never replace good ones. An error: it
/// cannot be used.
std::optional<Error> Resolver::Impl::check(CertificateId id, KnownCertificate* known) {
  Result<ReadyCertificate> made = make_ready(id, known);
  if (made) {
    if (made->id == 0) {
      known->checked = changes;
      return std::nullopt;
    }
    auto ready = std::make_shared<const ReadyCertificate>(*std::move(made));
    certificates.put(id.value, {.ready = std::move(ready), .checked = changes});
    certificates_refused.erase(id.value);
    metrics.routes_made.add();
    return std::nullopt;
  }
  metrics.routes_refused.add();
  const Errc code = made.error().code;
  if (code == Errc::Io || code == Errc::Overloaded) metrics.store_errors.add();
  if (known != nullptr && code != Errc::NotFound) {
    known->refused = changes;
    known->refused_at = clock.mono();
    return std::nullopt;
  }
  certificates.erase(id.value);
  certificates_refused.put(id.value, {made.error(), clock.mono()});
  return std::move(made.error());
}

Result<std::shared_ptr<const ReadyCertificate>> Resolver::certificate(AppId app, CertificateId id) {
  const auto rests = [this](MonoTime since) { return impl_->clock.mono() - since < impl_->options.bad_route_retry; };
  KnownCertificate* known = impl_->certificates.find(id.value);
  if (known == nullptr)
    if (const RefusedCertificate* const refused = impl_->certificates_refused.find(id.value);
        refused != nullptr && rests(refused->at))
      return std::unexpected(refused->why);
  const bool resting = known != nullptr && known->refused == impl_->changes && rests(known->refused_at);
  if (known == nullptr || (known->checked != impl_->changes && !resting)) {
    if (auto refused = impl_->check(id, known)) return std::unexpected(*std::move(refused));
    known = impl_->certificates.find(id.value);
  }
  if (known->ready->certificate.app != app)
    return fail(Errc::NotFound, "certificate " + std::to_string(id.value) + " belongs to another app");
  return known->ready;
}

std::string Resolver::grant_key(const ReadyCertificate& certificate) {
  std::string signer = certificate.parts.authorizer->signer();
  return signer.empty() ? "certificate:" + std::to_string(certificate.id) : signer;
}

Result<GrantAnswer> Resolver::grant(const ReadyCertificate& certificate, WallTime now, GrantWaiter& waiter) {
  return impl_->grants.current(grant_key(certificate), *certificate.parts.authorizer, now, waiter);
}

Result<GrantAnswer> Resolver::refresh(const ReadyCertificate& certificate, const Grant& refused, WallTime now,
                                      GrantWaiter& waiter) {
  return impl_->grants.refresh(grant_key(certificate), *certificate.parts.authorizer, refused, now, waiter);
}

}  // namespace nightpost::resolve
