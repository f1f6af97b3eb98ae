#include "resolve/resolver.h"

#include <atomic>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "resolve/resolver_metrics.h"

namespace nightpost::resolve {
namespace {

/// Knows its hash: libstdc++ would otherwise hash, and so touch, every key it passes in a bucket.
struct KeyView {
  AppId app;
  std::string_view user_id;
  std::size_t hash;

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

/// Receivers by (app, user), the least recently used first to go. A node of the list owns its key's text; the map only
/// looks at it.
class ReceiverCache {
 public:
  explicit ReceiverCache(std::size_t max) : max_(max) {}

  /// Null: not cached.
  std::shared_ptr<const Receiver> find(const KeyView& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    nodes_.splice(nodes_.begin(), nodes_, found->second);
    return found->second->receiver;
  }
  /// How many had to go.
  std::size_t put(const KeyView& key, std::shared_ptr<const Receiver> receiver) {
    if (const auto found = index_.find(key); found != index_.end()) {
      found->second->receiver = std::move(receiver);
      return 0;
    }
    nodes_.push_front({key.app, std::string(key.user_id), std::move(receiver)});
    index_.emplace(KeyView{key.app, nodes_.front().user_id}, nodes_.begin());
    if (nodes_.size() <= max_) return 0;
    erase(std::prev(nodes_.end()));
    return 1;
  }
  void forget(const KeyView& key) {
    if (const auto found = index_.find(key); found != index_.end()) erase(found->second);
  }
  void clear() {
    index_.clear();
    nodes_.clear();
  }
  std::size_t size() const noexcept { return nodes_.size(); }

 private:
  struct Node {
    AppId app;
    std::string user_id;
    std::shared_ptr<const Receiver> receiver;
  };
  void erase(std::list<Node>::iterator node) {
    index_.erase(KeyView{node->app, node->user_id});
    nodes_.erase(node);
  }
  std::size_t max_;
  std::list<Node> nodes_;
  std::unordered_map<KeyView, std::list<Node>::iterator, KeyHash> index_;
};

/// Route ids are unique in the process, whichever shard makes them: lanes and breakers are kept by them.
std::uint64_t next_route_id() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

/// A certificate as this shard knows it: ready, or why not.
struct KnownCertificate {
  std::shared_ptr<const ReadyCertificate> ready;
  std::optional<Error> refused;
  std::optional<MonoTime> refused_at;
  bool checked = false;  // against the store, since the store last changed
};

}  // namespace

struct Resolver::Impl {
  ResolverOptions options;
  Source& source;
  GrantBook& grants;
  VendorFactory factory;
  const Clock& clock;
  ResolverMetrics& metrics;
  ReceiverCache receivers;
  std::unordered_map<std::int64_t, KnownCertificate> certificates;
  std::unordered_map<std::int64_t, bool> apps;
  std::optional<std::uint64_t> seen_version;

  void look_for_changes();
  void make_ready(CertificateId id, KnownCertificate& known);
};

Resolver::Resolver(ResolverOptions options, Source& source, GrantBook& grants, VendorFactory factory,
                   const Clock& clock, ResolverMetrics& metrics)
    : impl_(new Impl{options,
                     source,
                     grants,
                     std::move(factory),
                     clock,
                     metrics,
                     ReceiverCache(options.receivers_cached_max),
                     {},
                     {},
                     std::nullopt}) {}
Resolver::~Resolver() = default;

/// Another connection has written: receivers are read anew, certificates are compared by version when next asked for.
void Resolver::Impl::look_for_changes() {
  const auto version = source.data_version();
  if (!version) {
    metrics.store_errors.add();
    return;  // what is cached still serves; what is not will say what is wrong
  }
  if (seen_version && *seen_version == *version) return;
  if (seen_version) metrics.invalidations.add();
  seen_version = *version;
  receivers.clear();
  metrics.receivers_cached.set(0);
  apps.clear();
  for (auto& [id, known] : certificates) {
    known.checked = false;
    known.refused_at.reset();  // perhaps it was this that was mended
  }
}

Result<std::vector<std::shared_ptr<const Receiver>>> Resolver::receivers(std::span<const ReceiverKey> keys) {
  impl_->look_for_changes();
  std::vector<std::shared_ptr<const Receiver>> found(keys.size());
  std::vector<ReceiverKey> missing;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    found[i] = impl_->receivers.find({keys[i].app, keys[i].user_id});
    if (found[i] != nullptr) continue;
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
    impl_->metrics.receiver_evictions.add(impl_->receivers.put({missing[i].app, missing[i].user_id}, found[places[i]]));
  }
  impl_->metrics.receivers_cached.set(impl_->receivers.size());
  return found;
}

Result<bool> Resolver::app_known(AppId app) {
  if (const auto found = impl_->apps.find(app.value); found != impl_->apps.end()) return found->second;
  const auto known = impl_->source.app_known(app);
  if (!known) {
    impl_->metrics.store_errors.add();
    return known;
  }
  // Numbers of apps come from outside: what is unknown is not let fill the memory.
  if (impl_->apps.size() >= impl_->options.routes_cached_max) impl_->apps.clear();
  impl_->apps.emplace(app.value, *known);
  return known;
}

Result<bool> Resolver::remove_token(AppId app, std::string_view user_id, const Device& device) {
  impl_->receivers.forget({app, user_id});  // our own commit does not change the version we see
  impl_->metrics.receivers_cached.set(impl_->receivers.size());
  return impl_->source.remove_token(app, user_id, device);
}

/// Reads the certificate and, if it has changed, makes it ready anew. A version that cannot be used does not replace
/// one that can: bad credentials never replace good ones.
void Resolver::Impl::make_ready(CertificateId id, KnownCertificate& known) {
  const auto refuse = [&](Error error) {
    if (error.code == Errc::Io || error.code == Errc::Overloaded) metrics.store_errors.add();
    const bool gone = error.code == Errc::NotFound;
    if (gone) known.ready = nullptr;
    if (known.ready == nullptr) known.refused = std::move(error);
    known.refused_at = clock.mono();
    metrics.routes_refused.add();
  };
  auto certificate = source.certificate(id);
  if (!certificate) return refuse(certificate.error());
  if (known.ready != nullptr && known.ready->certificate.version == certificate->version) {
    known.checked = true;
    return;
  }
  const auto secret = source.secret(id);
  if (!secret) {  // only what the key refuses is the certificate's fault; a busy store is nobody's
    const Errc code = secret.error().code == Errc::Unauthorized ? Errc::Malformed : secret.error().code;
    return refuse({code, secret.error().detail});
  }
  auto parts = factory(*certificate, *secret);
  if (!parts) return refuse({Errc::Malformed, parts.error().detail});
  known.ready = std::make_shared<const ReadyCertificate>(
      ReadyCertificate{next_route_id(), *std::move(certificate), *std::move(parts)});
  known.refused.reset();
  known.checked = true;
  metrics.routes_made.add();
}

Result<std::shared_ptr<const ReadyCertificate>> Resolver::certificate(AppId app, CertificateId id) {
  if (!impl_->certificates.contains(id.value) && impl_->certificates.size() >= impl_->options.routes_cached_max)
    impl_->certificates.clear();  // far more than an installation has; starting over is simple and bounded
  KnownCertificate& known = impl_->certificates[id.value];
  const bool resting = known.refused_at && impl_->clock.mono() - *known.refused_at < impl_->options.bad_route_retry;
  if (!known.checked && !resting) impl_->make_ready(id, known);
  if (known.ready == nullptr)
    return std::unexpected(known.refused.value_or(Error{Errc::NotFound, "there is no such certificate"}));
  if (known.ready->certificate.app != app)
    return fail(Errc::NotFound, "certificate " + std::to_string(id.value) + " belongs to another app");
  return known.ready;
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
