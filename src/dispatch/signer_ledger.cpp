#include "dispatch/signer_ledger.h"

#include <algorithm>
#include <chrono>

namespace nightpost::dispatch {
namespace {

/// A period's requests are dealt out in so many leases, so that shards that send unequally much waste little of them.
constexpr std::size_t kLeasesAPeriod = 256;

}  // namespace

bool SharedSigner::raise(Ticks& ticks, MonoTime to) noexcept {
  const MonoTime::rep value = to.time_since_epoch().count();
  MonoTime::rep known = ticks.load(std::memory_order_relaxed);
  while (known < value)
    if (ticks.compare_exchange_weak(known, value, std::memory_order_relaxed)) return true;
  return false;
}

void SharedSigner::pause_until(MonoTime until) noexcept {
  if (raise(paused_until_, until)) epoch_.fetch_add(1, std::memory_order_release);
}

bool SharedSigner::rest_class(const std::string& name, MonoTime until, MonoTime now, const Options& options) {
  const std::lock_guard lock(mutex_);
  std::erase_if(resting_, [now](const auto& each) { return each.second <= now; });
  if (const auto found = resting_.find(name); found != resting_.end()) {
    found->second = std::max(found->second, until);
    raise(classes_rest_until_, until);
    return false;
  }
  if (resting_.size() >= options.class_rests_max) {
    const auto first = std::ranges::min_element(resting_, {}, [](const auto& each) { return each.second; });
    if (first == resting_.end()) return false;
    resting_.erase(first);
  }
  resting_.emplace(name, until);
  raise(classes_rest_until_, until);
  return true;
}

std::optional<MonoTime> SharedSigner::class_rests_until(const std::string& name, MonoTime now) const {
  const std::lock_guard lock(mutex_);
  const auto found = resting_.find(name);
  if (found == resting_.end() || found->second <= now) return std::nullopt;
  return found->second;
}

SharedSigner::Lease SharedSigner::lease(std::size_t most, MonoTime now, milliseconds period) {
  const std::lock_guard lock(mutex_);
  if (!in_period(now)) {
    period_ends_.store((now + period).time_since_epoch().count(), std::memory_order_relaxed);
    leased_ = 0;
  }
  const std::size_t left = most - std::min(most, leased_);
  const std::size_t requests = std::min(left, std::max<std::size_t>(most / kLeasesAPeriod, 1));
  leased_ += requests;
  return {requests, time_of(period_ends_)};
}

std::optional<milliseconds> SharedSigner::fall(SignerHealth::State to, MonoTime now, const Options& options) {
  const std::lock_guard lock(mutex_);
  if (!health_.fall(to, now, options)) return std::nullopt;
  state_.store(to, std::memory_order_release);
  return std::chrono::ceil<milliseconds>(health_.retry_at(now) - now);
}

bool SharedSigner::recover() {
  const std::lock_guard lock(mutex_);
  if (!health_.recover()) return false;
  epoch_.fetch_add(1, std::memory_order_release);  // before the state: who sees the signer healthy sends few
  state_.store(SignerHealth::State::Healthy, std::memory_order_release);
  return true;
}

void SharedSigner::settle() {
  const std::lock_guard lock(mutex_);
  health_.settle();
}

std::uint32_t SharedSigner::begin_probe(MonoTime now) {
  if (is_healthy()) return 0;
  const std::lock_guard lock(mutex_);
  return health_.may_probe(now) ? health_.begin_probe() : 0;
}

bool SharedSigner::is_probe(std::uint32_t probe) const {
  const std::lock_guard lock(mutex_);
  return health_.is_probe(probe);
}

void SharedSigner::probe_ended(std::uint32_t probe, bool heard, MonoTime now, const Options& options) {
  const std::lock_guard lock(mutex_);
  health_.probe_ended(probe, heard, now, options);
  state_.store(health_.state(), std::memory_order_release);
}

std::optional<MonoTime> SharedSigner::retry_at(MonoTime now) const {
  const std::lock_guard lock(mutex_);
  if (health_.state() == SignerHealth::State::Healthy || health_.may_probe(now)) return std::nullopt;
  return health_.retry_at(now);
}

template <class Map, class Gone>
void SignerLedger::sweep(Map& map, std::size_t& at, Gone gone) {
  if (map.size() < at) return;
  std::erase_if(map, gone);
  at = std::max(kSweepFirst, 2 * map.size());
}

std::shared_ptr<SharedSigner> SignerLedger::open(const std::string& key, Vendor vendor) {
  const std::lock_guard lock(mutex_);
  sweep(signers_, sweep_at_, [](const auto& each) { return each.second.signer.expired(); });
  Known& known = signers_[key];
  std::shared_ptr<SharedSigner> signer = known.signer.lock();
  if (!signer) {
    signer = std::make_shared<SharedSigner>();
    known = {signer, vendor};
  }
  return signer;
}

std::shared_ptr<QuotaBook> SignerLedger::quotas_of(const std::string& key, Vendor vendor, const Options& options) {
  const std::lock_guard lock(mutex_);
  if (!quota_devices_) quota_devices_ = std::make_shared<DeviceCounts>(options.quota_devices_max);
  sweep(quotas_, sweep_quotas_at_, [](const auto& each) { return each.second.book.expired(); });
  KnownQuotas& known = quotas_[key];
  std::shared_ptr<QuotaBook> book = known.book.lock();
  if (!book) {
    book = std::make_shared<QuotaBook>(key, quota_devices_);
    known = {book, vendor};
  }
  return book;
}

std::shared_ptr<BreakerGauge> SignerLedger::breaker_of(const Certificate& certificate,
                                                       const std::shared_ptr<SharedSigner>& signer) {
  auto gauge = std::make_shared<BreakerGauge>();
  const std::lock_guard lock(mutex_);
  sweep(breakers_, sweep_breakers_at_, [](const auto& each) { return each.second.gauge.expired(); });
  breakers_.emplace(Version(certificate.id.value, certificate.version),
                    KnownBreaker{gauge, signer, certificate.vendor});
  return gauge;
}

std::vector<SignerLedger::Standing> SignerLedger::standings(MonoTime now) const {
  std::vector<Standing> all;
  const std::lock_guard lock(mutex_);
  std::optional<Version> last;
  for (const auto& [version, known] : breakers_) {
    const auto gauge = known.gauge.lock();
    if (!gauge) continue;
    const bool same_certificate = last && last->first == version.first;
    if (!same_certificate)
      all.emplace_back();
    else if (last->second != version.second)
      all.back() = {};  // of an older version
    last = version;
    Standing& standing = all.back();
    standing.certificate = CertificateId{version.first};
    standing.vendor = known.vendor;
    standing.breaker = std::max(standing.breaker, gauge->read(now));
    if (const auto signer = known.signer.lock(); signer && signer->paused_until() > now)
      standing.paused = std::max(standing.paused, std::chrono::ceil<milliseconds>(signer->paused_until() - now));
  }
  return all;
}

SignerLedger::QuotaUses SignerLedger::quotas(WallTime now) const {
  QuotaUses all{};
  const std::lock_guard lock(mutex_);
  for (const auto& [key, known] : quotas_) {
    const auto book = known.book.lock();
    if (!book) continue;
    for (const QuotaBook::Use& use : book->uses(now)) {
      QuotaUse& sum = all[static_cast<std::size_t>(known.vendor)][static_cast<std::size_t>(use.per)];
      const std::uint64_t left = use.most - std::min(use.most, use.used);
      sum.used += use.used;
      sum.left = std::min(sum.left.value_or(left), left);
    }
  }
  return all;
}

SignerLedger::DeviceRoom SignerLedger::quota_devices(WallTime now) const {
  std::shared_ptr<DeviceCounts> devices;
  {
    const std::lock_guard lock(mutex_);
    devices = quota_devices_;
  }
  if (!devices) return {};
  return {.counted = devices->counted(now), .room = devices->room()};
}

std::shared_ptr<SuspectBook> SignerLedger::suspects_of(const Certificate& certificate, const Options& options) {
  const std::lock_guard lock(mutex_);
  sweep(suspects_, sweep_suspects_at_, [](const auto& each) { return each.second.expired(); });
  std::weak_ptr<SuspectBook>& known = suspects_[{certificate.id.value, certificate.version}];
  std::shared_ptr<SuspectBook> book = known.lock();
  if (!book) known = book = std::make_shared<SuspectBook>(options);
  return book;
}

std::shared_ptr<RemovalBook> SignerLedger::removals_of(const Certificate& certificate, const Options& options) {
  const std::lock_guard lock(mutex_);
  sweep(removals_, sweep_removals_at_,
        [](const auto& each) { return each.second.use_count() == 1 && each.second->is_told(); });
  std::shared_ptr<RemovalBook>& book = removals_[{certificate.id.value, certificate.version}];
  if (!book) book = std::make_shared<RemovalBook>(certificate, options);
  return book;
}

std::vector<std::shared_ptr<RemovalBook>> SignerLedger::held_removals(MonoTime now) const {
  std::vector<std::shared_ptr<RemovalBook>> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [version, book] : removals_)
    if (book->holds(now) || !book->is_told()) all.push_back(book);
  return all;
}

std::size_t SignerLedger::suspects() const {
  std::size_t sum = 0;
  const std::lock_guard lock(mutex_);
  for (const auto& [version, known] : suspects_)
    if (const auto book = known.lock()) sum += book->size();
  return sum;
}

SignerLedger::Counts SignerLedger::count() const {
  Counts counts{};
  const std::lock_guard lock(mutex_);
  for (const auto& [key, known] : signers_)
    if (const auto signer = known.signer.lock())
      ++counts[static_cast<std::size_t>(known.vendor)][static_cast<std::size_t>(signer->state())];
  return counts;
}

}  // namespace nightpost::dispatch
