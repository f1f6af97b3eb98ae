#include "resolve/resolver.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <unordered_map>
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
  explicit KeyView(const ReceiverKey& key) : KeyView(key.app, key.user_id) {}
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

/// A call of receivers() that the cache could not answer alone.
struct Lookup {
  std::vector<std::shared_ptr<const Receiver>> found;
  std::size_t waits_for = 0;  // its own read, and each key that another's brings
  std::optional<Error> failed;
  Resolver::Found tell;
};
/// A question to the source.
struct Read {
  std::vector<ReceiverKey> keys;
  std::shared_ptr<Lookup> lookup;   // whose it is
  std::vector<std::size_t> places;  // there, by key
  struct Joined {
    std::shared_ptr<Lookup> lookup;
    std::size_t place, key;
  };
  std::vector<Joined> joined;  // lookups that want some of the keys too
  bool answered = false;
  std::vector<bool> passing;  // by key: told, but not kept, for it has changed meanwhile. Empty: answered at once
};

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
  struct InFlight {
    std::shared_ptr<Read> read;
    std::size_t key;
  };
  // By key, a view into its read. What has changed since it was asked for is no longer here.
  std::unordered_map<KeyView, InFlight, KeyHash> reading;

  void ask(const std::shared_ptr<Impl>& self, std::shared_ptr<Read> read);
  void answered(Read& read, Result<std::vector<Receiver>> answer);
  static void tell(Lookup& lookup);
  void drop(const KeyView& key);
  template <class Which>
  void drop_reading_if(Which which) {
    std::erase_if(reading, [&](const auto& each) {
      const auto& [key, in_flight] = each;
      if (!which(key)) return false;
      in_flight.read->passing[in_flight.key] = true;
      return true;
    });
  }
  void look_for_changes();
  void forget(const Changes& changed);
  Result<ReadyCertificate> make_ready(CertificateId id, const KnownCertificate* known);
  std::optional<Error> check(CertificateId id, KnownCertificate* known);
};

Resolver::Resolver(ResolverOptions options, Source& source, GrantBook& grants, VendorFactory factory,
                   const Clock& clock, ResolverMetrics& metrics)
    : impl_(std::make_shared<Impl>(
          options, source, grants, std::move(factory), clock, metrics,
          LruCache<CachedKey, std::shared_ptr<const Receiver>, KeyView, KeyHash>(options.receivers_cached_max),
          LruCache<std::int64_t, KnownCertificate>(std::max<std::size_t>(options.routes_cached_max, 1)),
          LruCache<std::int64_t, RefusedCertificate>(options.routes_cached_max), Ids(options.routes_cached_max),
          Ids(options.routes_cached_max))) {}
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
    drop_reading_if([](const KeyView&) { return true; });
  }
  for (const ReceiverKey& key : changed.receivers) drop(KeyView(key));
  if (!changed.apps.empty()) {
    const std::unordered_set<std::int64_t> whole = ids_of(changed.apps);
    receivers.erase_if([&](const CachedKey& key, const auto&) { return whole.contains(key.app.value); });
    drop_reading_if([&](const KeyView& key) { return whole.contains(key.app.value); });
  }
  metrics.receivers_cached.set(receivers.size());
  // Any row may be an app's first or last.
  apps.clear();
  apps_unknown.clear();
  if (!changed.certificates && !changed.everything) return;
  certificates_refused.clear();  // perhaps it was one of them that was mended
  ++changes;
}

/// The copy is old. A read that may have begun before the change is not kept, and nobody joins it any more.
void Resolver::Impl::drop(const KeyView& key) {
  receivers.erase(key);
  if (reading.empty()) return;
  const auto found = reading.find(key);
  if (found == reading.end()) return;
  found->second.read->passing[found->second.key] = true;
  reading.erase(found);
}

void Resolver::receivers(std::span<const ReceiverKey> keys, Found found) {
  impl_->look_for_changes();
  std::vector<std::shared_ptr<const Receiver>> at_hand(keys.size());
  std::shared_ptr<Read> read;
  std::vector<std::pair<Impl::InFlight, std::size_t>> joins;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const KeyView key(keys[i]);
    if (const auto* const cached = impl_->receivers.find(key)) {
      at_hand[i] = *cached;
      continue;
    }
    if (!impl_->reading.empty())
      if (const auto other = impl_->reading.find(key); other != impl_->reading.end()) {
        joins.emplace_back(other->second, i);
        continue;
      }
    if (!read) read = std::make_shared<Read>();
    read->keys.push_back(keys[i]);
    read->places.push_back(i);
  }
  const std::size_t misses = joins.size() + (read ? read->keys.size() : 0);
  impl_->metrics.receiver_hits.add(keys.size() - misses);
  impl_->metrics.receiver_misses.add(misses);
  if (misses == 0) return found(std::move(at_hand));
  const auto lookup =
      std::make_shared<Lookup>(std::move(at_hand), joins.size() + (read ? 1 : 0), std::nullopt, std::move(found));
  for (auto& [other, place] : joins) other.read->joined.push_back({lookup, place, other.key});
  if (!read) return;
  read->lookup = lookup;
  impl_->ask(impl_, std::move(read));
}

void Resolver::Impl::ask(const std::shared_ptr<Impl>& self, std::shared_ptr<Read> read) {
  source.receivers(read->keys, [weak = std::weak_ptr(self), read](Result<std::vector<Receiver>> answer) {
    if (const auto alive = weak.lock()) alive->answered(*read, std::move(answer));
  });
  if (read->answered) return;
  read->passing.assign(read->keys.size(), false);
  // Of a user that is there twice, the first one is kept.
  for (std::size_t i = 0; i < read->keys.size(); ++i)
    if (!reading.try_emplace(KeyView(read->keys[i]), read, i).second) read->passing[i] = true;
}

void Resolver::Impl::answered(Read& read, Result<std::vector<Receiver>> answer) {
  if (std::exchange(read.answered, true)) return;
  const bool waited = !read.passing.empty();
  if (waited) {
    look_for_changes();  // what has changed since the question is not kept
    for (const ReceiverKey& key : read.keys)
      if (const auto found = reading.find(KeyView(key)); found != reading.end() && found->second.read.get() == &read)
        reading.erase(found);
  }
  if (answer && answer->size() != read.keys.size())
    answer = fail(Errc::Io, "the store answered for another number of users");
  Lookup& own = *read.lookup;
  if (answer) {
    for (std::size_t i = 0; i < read.keys.size(); ++i) {
      auto receiver = std::make_shared<const Receiver>(std::move((*answer)[i]));
      if (!waited || !read.passing[i]) metrics.receiver_evictions.add(receivers.put(KeyView(read.keys[i]), receiver));
      own.found[read.places[i]] = std::move(receiver);
    }
    metrics.receivers_cached.set(receivers.size());
  } else {
    metrics.store_errors.add();
    own.failed = answer.error();
  }
  std::vector<std::shared_ptr<Lookup>> complete;  // told last: who is told may ask again
  --own.waits_for;
  if (own.waits_for == 0) complete.push_back(read.lookup);
  for (Read::Joined& joined : read.joined) {
    joined.lookup->found[joined.place] = own.found[read.places[joined.key]];
    if (!answer) joined.lookup->failed = answer.error();
    if (--joined.lookup->waits_for == 0) complete.push_back(std::move(joined.lookup));
  }
  for (const auto& lookup : complete) tell(*lookup);
}

void Resolver::Impl::tell(Lookup& lookup) {
  const auto is_there = [](const auto& receiver) { return receiver != nullptr; };
  if (lookup.failed && std::ranges::none_of(lookup.found, is_there))
    return lookup.tell(std::unexpected(*std::move(lookup.failed)));
  lookup.tell(std::move(lookup.found));
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
  impl_->drop(KeyView(app, user_id));  // the source need not name what was written through it
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
