// What the shards of a process share of a signer: the vendor's pauses, its quota, which kinds of message rest, and
// whether it answers at all; and of a certificate, which tokens are in doubt, and whether dead ones are removed.
// Thread-safe. A push that may go reads a few atomics and takes no lock; locks are for what is rare: a lease of the
// quota, a change of health, a probe, a kind of message that rests.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/certificate.h"
#include "core/time.h"
#include "core/vendor.h"
#include "dispatch/breaker_gauge.h"
#include "dispatch/options.h"
#include "dispatch/quota_book.h"
#include "dispatch/removal_book.h"
#include "dispatch/signer_health.h"
#include "dispatch/suspect_book.h"

namespace nightpost::dispatch {

/// One signer at one origin. Every function may be called by any thread; `now` is the caller's and may be a little
/// behind another's.
class SharedSigner {
 public:
  MonoTime paused_until() const noexcept { return time_of(paused_until_); }
  /// Never earlier than before. Everybody's next requests are few (epoch()).
  void pause_until(MonoTime until) noexcept;
  /// Pauses, and connections called throttled, since the last proof of any shard.
  int complaints() const noexcept { return complaints_.load(std::memory_order_relaxed); }
  int add_complaint() noexcept { return complaints_.fetch_add(1, std::memory_order_relaxed) + 1; }
  void forget_complaints() noexcept {
    if (complaints() != 0) complaints_.store(0, std::memory_order_relaxed);
  }
  /// Another one: since the last look there was a pause or a recovery, so few requests may try.
  std::uint32_t epoch() const noexcept { return epoch_.load(std::memory_order_acquire); }

  /// One kind of message rests, others go on; not shorter than it does already. Of more than `class_rests_max` the one
  /// that ends first gives way. True: it has not rested until now.
  bool rest_class(const std::string& name, MonoTime until, MonoTime now, const Options& options);
  bool any_class_rests(MonoTime now) const noexcept { return time_of(classes_rest_until_) > now; }
  /// nullopt: it does not rest.
  std::optional<MonoTime> class_rests_until(const std::string& name, MonoTime now) const;

  /// A lease on the requests that the vendor takes in a period.
  struct Lease {
    std::size_t requests = 0;  // 0: the period's are used up
    MonoTime ends{};           // the period; what is not sent by then is lost
  };
  /// `most`: what this process may send in `period`, which begins with the first lease of it.
  Lease lease(std::size_t most, MonoTime now, milliseconds period = std::chrono::minutes(1));
  /// A period of a rate has begun and is not over.
  bool in_period(MonoTime now) const noexcept { return time_of(period_ends_) > now; }

  SignerHealth::State state() const noexcept { return state_.load(std::memory_order_acquire); }
  bool is_healthy() const noexcept { return state() == SignerHealth::State::Healthy; }
  /// When any shard last heard an answer, and when one that was no failure; up to kToldEvery late.
  MonoTime heard_at() const noexcept { return time_of(heard_at_); }
  MonoTime good_at() const noexcept { return time_of(good_at_); }
  void heard(MonoTime now) noexcept { raise(heard_at_, now); }
  void good(MonoTime now) noexcept { raise(good_at_, now); }
  static constexpr milliseconds kToldEvery{100};

  /// As SignerHealth, which it keeps. fall() returns how long until the first probe, if it was healthy until now.
  std::optional<milliseconds> fall(SignerHealth::State to, MonoTime now, const Options& options);
  bool recover();
  void settle();
  /// Not 0: the caller's next request is the probe of this number.
  std::uint32_t begin_probe(MonoTime now);
  bool is_probe(std::uint32_t probe) const;
  void probe_ended(std::uint32_t probe, bool heard, MonoTime now, const Options& options);
  /// When a push that may not go now should be tried again; nullopt: it may be the probe.
  std::optional<MonoTime> retry_at(MonoTime now) const;

 private:
  using Ticks = std::atomic<MonoTime::rep>;
  static MonoTime time_of(const Ticks& ticks) noexcept {
    return MonoTime(MonoTime::duration(ticks.load(std::memory_order_relaxed)));
  }
  static bool raise(Ticks& ticks, MonoTime to) noexcept;

  // Read by every push, written seldom.
  alignas(64) Ticks paused_until_{0};
  std::atomic<std::uint32_t> epoch_{0};
  std::atomic<SignerHealth::State> state_{SignerHealth::State::Healthy};
  std::atomic<int> complaints_{0};
  Ticks period_ends_{0};
  Ticks classes_rest_until_{0};  // the last of them
  // Written every kToldEvery by each shard.
  alignas(64) Ticks heard_at_{0};
  Ticks good_at_{0};

  alignas(64) mutable std::mutex mutex_;  // guards what follows
  SignerHealth health_;
  std::size_t leased_ = 0;                             // in the period
  std::unordered_map<std::string, MonoTime> resting_;  // kinds of message, until when
};

/// The signers of a process, their quotas, and of its certificates the tokens in doubt and the removals that are held;
/// owned by whoever owns the shards, and outlives them. Each is forgotten once no shard holds it any more; held
/// removals once somebody has taken them, too.
class SignerLedger {
 public:
  /// `key`: the origin and the signer.
  std::shared_ptr<SharedSigner> open(const std::string& key, Vendor vendor);
  std::shared_ptr<SuspectBook> suspects_of(const Certificate& certificate, const Options& options);
  /// `key`: as open(). The first call of all says for how many devices there is room.
  std::shared_ptr<QuotaBook> quotas_of(const std::string& key, Vendor vendor, const Options& options);
  /// What is used of the vendors' quotas in the periods that run, all signers that some shard holds. For the metrics.
  struct QuotaUse {
    std::uint64_t used = 0;
    std::optional<std::uint64_t> left;  // of the one that has the least left; nullopt: nothing is counted
  };
  using QuotaUses = std::array<std::array<QuotaUse, std::size_t(Quota::Per::Count)>, std::size_t(Vendor::Count)>;
  QuotaUses quotas(WallTime now) const;
  /// Devices counted one by one, and for how many there is room.
  struct DeviceRoom {
    std::size_t counted = 0, room = 0;
  };
  DeviceRoom quota_devices(WallTime now) const;
  /// Tokens in doubt of all certificates.
  std::size_t suspects() const;
  std::shared_ptr<RemovalBook> removals_of(const Certificate& certificate, const Options& options);
  /// Those that hold removals, or have something to tell.
  std::vector<std::shared_ptr<RemovalBook>> held_removals(MonoTime now) const;
  /// A gauge of one shard's breaker. `signer`: whose pauses hold the certificate back.
  std::shared_ptr<BreakerGauge> breaker_of(const Certificate& certificate, const std::shared_ptr<SharedSigner>& signer);
  /// How the process stands with a certificate that some shard has sent with. For the metrics.
  struct Standing {
    CertificateId certificate;
    Vendor vendor = Vendor::Apns;
    BreakerGauge::State breaker = BreakerGauge::State::Closed;  // of the shards', the one furthest from closed
    milliseconds paused{0};                                     // left of the vendor's pause; 0: none
  };
  /// By id; of a certificate that was edited the latest version that was sent with.
  std::vector<Standing> standings(MonoTime now) const;
  /// Of the signers that some shard holds: how many are in each state, by vendor. For the metrics.
  using Counts = std::array<std::array<std::size_t, 3>, std::size_t(Vendor::Count)>;
  Counts count() const;

 private:
  struct Known {
    std::weak_ptr<SharedSigner> signer;
    Vendor vendor = Vendor::Apns;
  };
  mutable std::mutex mutex_;
  static constexpr std::size_t kSweepFirst = 64;
  template <class Map, class Gone>
  static void sweep(Map& map, std::size_t& at, Gone gone);
  std::unordered_map<std::string, Known> signers_;
  std::size_t sweep_at_ = kSweepFirst;
  struct KnownQuotas {
    std::weak_ptr<QuotaBook> book;
    Vendor vendor = Vendor::Apns;
  };
  std::unordered_map<std::string, KnownQuotas> quotas_;
  std::size_t sweep_quotas_at_ = kSweepFirst;
  std::shared_ptr<DeviceCounts> quota_devices_;
  using Version = std::pair<std::int64_t, std::int64_t>;  // a certificate's id, and its version
  std::map<Version, std::weak_ptr<SuspectBook>> suspects_;
  std::size_t sweep_suspects_at_ = kSweepFirst;
  struct KnownBreaker {
    std::weak_ptr<const BreakerGauge> gauge;
    std::weak_ptr<const SharedSigner> signer;
    Vendor vendor = Vendor::Apns;
  };
  std::multimap<Version, KnownBreaker> breakers_;  // one a shard
  std::size_t sweep_breakers_at_ = kSweepFirst;
  std::map<Version, std::shared_ptr<RemovalBook>> removals_;
  std::size_t sweep_removals_at_ = kSweepFirst;
};

}  // namespace nightpost::dispatch
