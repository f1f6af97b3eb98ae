// What the certificates of one signer (team and key, service account, app secret) share in a shard: how many requests
// may be in the air, who waits for that, and whether the vendor answers at all. What the shards of the process share of
// it stands in the ledger. Pure but for that.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/time.h"
#include "dispatch/bulk_limit.h"
#include "dispatch/concurrency_limit.h"
#include "dispatch/drain_rate.h"
#include "dispatch/now.h"
#include "dispatch/options.h"
#include "dispatch/quota_book.h"
#include "dispatch/signer_ledger.h"
#include "dispatch/slots.h"
#include "dispatch/two_lines.h"
#include "providers/authorizer.h"
#include "providers/provider.h"

namespace nightpost::dispatch {

/// During a pause nothing goes, in a rate's period no more requests than the rate, while the vendor does not answer one
/// probe, and never more at once than limit(). `now` never goes back between two calls.
class SignerPace {
 public:
  static constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();

  /// `options` and `shard` are borrowed and must outlive it. `shared`, `quotas`: of the ledger; by default nobody
  /// else's. `shard`: all requests of the shard, of which this signer may have as many as are free beside it; null: no
  /// matter.
  explicit SignerPace(const Options& options, std::shared_ptr<SharedSigner> shared = std::make_shared<SharedSigner>(),
                      const Slots* shard = nullptr, std::shared_ptr<QuotaBook> quotas = nullptr);

  // Before a request.

  MonoTime paused_until() const noexcept { return shared_->paused_until(); }
  /// One kind of message rests for all certificates of the signer; others go on. True: it has not rested until now.
  bool rest_class(const std::string& name, MonoTime until, MonoTime now) {
    return shared_->rest_class(name, until, now, *options_);
  }
  bool any_class_rests(MonoTime now) const noexcept { return shared_->any_class_rests(now); }
  std::optional<MonoTime> class_rests_until(const std::string& name, MonoTime now) const {
    return shared_->class_rests_until(name, now);
  }
  /// Until when the rate is used up, requests being put together included; nullopt: it is not.
  std::optional<MonoTime> quota_spent_until(const RequestRate& rate, MonoTime now);
  /// Counts one message in each of these, or in none (QuotaBook::take).
  std::optional<QuotaBook::Spent> take(std::span<const Quota> quotas, const QuotaBook::Message& message,
                                       const Now& now);
  void give_back(std::span<const Quota> quotas, const QuotaBook::Message& message, WallTime taken_at) noexcept {
    quotas_->give_back(quotas, message, taken_at);
  }
  /// The vendor answers. Else only a probe may go: see retry_at().
  bool is_healthy() const noexcept { return shared_->is_healthy(); }
  SignerHealth::State state() const noexcept { return shared_->state(); }
  /// When a push that is no probe should be tried again; nullopt: it may go, or be the probe.
  std::optional<MonoTime> retry_at(MonoTime now) const { return shared_->retry_at(now); }
  bool fits() const noexcept { return slots_.fits(limit()); }
  /// `promised`: places of the shard that others will have taken by then.
  std::size_t room(std::size_t promised = 0) const noexcept { return slots_.room(limit(promised)); }
  /// The least of four: `credential_in_flight_max`, what its latency bears (ConcurrencyLimit), what the vendor's last
  /// complaint leaves (allowed()), and as many as the shard has free beside it, times `slots_alpha` (the dynamic
  /// threshold of Choudhury and Hahne, 1998).
  std::size_t limit(std::size_t promised = 0) const noexcept;
  /// Few after a pause, a recovery or a stale grant, doubled by each proof; kUnbounded: no matter.
  std::size_t allowed() const noexcept { return allowed_; }
  /// Another shard met a pause or a recovery: few may go here, too.
  void catch_up(MonoTime now) noexcept;

  // A request's way.

  void reserve() noexcept { slots_.reserve(); }
  void unreserve() noexcept { slots_.unreserve(); }
  void sent(MonoTime now) noexcept;
  /// `sent_at`: its request; by default after the last recovery.
  void answered(MonoTime sent_at = MonoTime::max()) noexcept;
  /// Before answered(): the vendor answered, or the request's time ran out.
  void measure(milliseconds latency, MonoTime now) noexcept { concurrency_.answered(latency, slots_.in_flight(), now); }
  /// Not 0: the next request is the probe of this number.
  std::uint32_t begin_probe(MonoTime now) { return shared_->begin_probe(now); }
  bool is_probe(std::uint32_t probe) const { return shared_->is_probe(probe); }
  void probe_ended(std::uint32_t probe, bool heard, MonoTime now) {
    shared_->probe_ended(probe, heard, now, *options_);
  }

  // What the vendor said.

  /// It answered a request, whatever it said.
  void heard(MonoTime now) noexcept;
  /// It did what it was asked, or refused it for a reason. True: it is back.
  bool good(MonoTime now);
  /// It failed, or did not answer. After `failures_max` in a row, while no other shard fares better, it is failing:
  /// then returns how long until the first probe. What is lost at one moment is one failure: a connection.
  std::optional<milliseconds> failed(bool answered, MonoTime now);
  /// An answer about a push itself. `doubles`: it may let more go, too.
  void proven(bool doubles);
  /// The vendor calls the grant stale. A new one may be refused as well, so only a few try it. Each counts once.
  void stale(const Grant* grant) noexcept;
  /// The vendor takes nothing of the signer before `until`, or nothing on this connection. Without a proof in between
  /// each pause is twice as long as the one before, and only one request tries. Returns how long a new pause is.
  std::optional<milliseconds> throttle(const Answer& answer, MonoTime until, std::uint64_t connection, MonoTime sent_at,
                                       MonoTime now) noexcept;

  // Silence, which no event tells of.

  /// When look() wants to be called, if nobody is to call it yet: once a request is in the air.
  std::optional<MonoTime> arm(MonoTime now) noexcept;
  struct Look {
    std::optional<milliseconds> fell;  // silent from now on; the first probe goes after so long
    std::optional<MonoTime> again;     // nullopt: nothing is in the air, or somebody else is to call
  };
  /// Silent is: something is in the air, and for `silence` no shard has heard anything. Looked at twice, for after a
  /// stall of this thread the answers may lie unread.
  Look look(MonoTime now);

  // Its pushes.

  /// Those that are open, wherever they are; and of them those of events of that audience.
  std::size_t held() const noexcept { return held(Audience::Few) + held(Audience::Many); }
  std::size_t held(Audience whose) const noexcept { return line(whose).held; }
  void hold(Audience whose) noexcept { ++line(whose).held; }
  void let_go(Audience whose) noexcept { --line(whose).held; }
  /// Those that wait for room among its requests.
  std::size_t waiting() const noexcept { return line(Audience::Few).waiting + line(Audience::Many).waiting; }
  void wait_began(Audience whose, MonoTime now) noexcept;
  /// `called`: to be sent. Else it is over.
  void wait_ended(Audience whose, bool called, MonoTime now) noexcept;
  /// For one more push, behind those of its audience alone: each has its turns. nullopt: not known yet.
  std::optional<milliseconds> expected_wait(Audience whose, MonoTime now) noexcept;
  /// Of bulk, those in the air, by weight (kBulkAlone).
  std::size_t bulk_in_air() const noexcept { return bulk_in_air_; }
  void bulk_took_off(std::size_t weight) noexcept { bulk_in_air_ += weight; }
  void bulk_landed(std::size_t weight) noexcept { bulk_in_air_ -= weight; }
  /// CalmTime's.
  double lateness(double took_ms, bool calm, MonoTime now) noexcept { return calm_.lateness(took_ms, calm, now); }
  /// Something wants to be sent with it.
  void asked(MonoTime now) noexcept { asked_at_ = now; }
  bool is_active(MonoTime now) const noexcept { return now - asked_at_ < kActive; }
  static constexpr milliseconds kActive{5'000};

  /// Nothing hangs on it, so it may be forgotten.
  bool is_idle(MonoTime now) const noexcept;

 private:
  static constexpr milliseconds kSecondLook{100};
  static constexpr milliseconds kLookLate{1'000};
  MonoTime quiet_since() const noexcept;
  std::size_t few() const noexcept { return shared_->complaints() > 1 ? 1 : options_->credential_in_flight_first; }

  const Options* options_;
  std::shared_ptr<SharedSigner> shared_;
  std::shared_ptr<QuotaBook> quotas_;
  const Slots* shard_;
  Slots slots_;
  ConcurrencyLimit concurrency_;
  std::size_t allowed_ = kUnbounded;
  MonoTime few_since_{};
  std::size_t old_ =
      0;  // of those in the air: sent before that. They may hang for long and are not counted in allowed_
  std::uint32_t epoch_ = 0;                 // of the ledger's, caught up with
  std::uint64_t throttled_connection_ = 0;  // the last connection that was
  MonoTime throttled_at_{};                 // when it said so
  const Grant* stale_ = nullptr;            // the last grant called stale; compared, never followed

  std::ptrdiff_t leased_ = 0;  // of the vendor's rate; below 0: sent without being asked for
  MonoTime lease_ends_{};
  bool spent_ = false;         // there is no more to lease before
  MonoTime counting_until_{};  // a period of an app's quota in which something was taken

  MonoTime in_air_since_{};  // when the first request left while none was in the air
  MonoTime heard_at_{};
  MonoTime told_heard_at_{}, told_good_at_{};  // the ledger
  MonoTime failing_since_{}, lost_at_{};
  int failures_ = 0;      // in a row
  MonoTime look_at_{};    // when look() is to be called
  MonoTime suspected_{};  // quiet since; looked at once

  struct Line {  // the pushes of events of one audience
    std::size_t held = 0;
    std::size_t waiting = 0;
    DrainRate drain;
  };
  Line& line(Audience whose) noexcept { return lines_[static_cast<std::size_t>(whose)]; }
  const Line& line(Audience whose) const noexcept { return lines_[static_cast<std::size_t>(whose)]; }

  std::array<Line, 2> lines_;
  std::size_t bulk_in_air_ = 0;
  CalmTime calm_;
  MonoTime asked_at_{};
};

}  // namespace nightpost::dispatch
