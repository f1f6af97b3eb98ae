// How many pushes of bulk events a shard has in the air, and begins in a second: as many as let the others be answered
// about as soon as they are without bulk. Pure.
//
// After LEDBAT (RFC 6817), by which a background transfer yields to the rest: it watches a delay, not losses. There the
// delay is the way's; here it is that of the other pushes, from the writing of their event to the vendor's answer, so
// it counts everything they share with bulk: the way to here, this thread, the vendor's server, a signer's places, the
// machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/time.h"

namespace nightpost::dispatch {

/// How long events wait before they are accepted, beyond the least of late: what a clock is off by, and what the way
/// takes at best, is in both.
class WayIn {
 public:
  /// `written_at` the epoch, that is unknown: 0.
  milliseconds waited(WallTime written_at, WallTime now, MonoTime now_mono) noexcept;

 private:
  static constexpr std::chrono::minutes kTurn{5};  // the least of this turn and the one before counts
  milliseconds least_ = milliseconds::max(), least_before_ = milliseconds::max();
  MonoTime turn_ends_{};
};

/// How long the pushes of one signer take while no bulk is in the air.
class CalmTime {
 public:
  /// How many times that one push took; 1 or less: no longer. `calm`: no bulk is in the air, so it tells what is usual.
  /// Otherwise that follows within minutes: where there is always some bulk, what always is is usual.
  double lateness(double took_ms, bool calm, MonoTime now) noexcept;

 private:
  static constexpr double kSmoothing = 1.0 / 512;  // the few that are late say the most, so it takes many
  static constexpr std::chrono::duration<double> kFollows{60};
  static constexpr double kFollowsAtMost = 2;  // times what was usual: squares would make one that hung the rule
  static constexpr double kLeastMs = 5;        // what is faster than that may vary as it likes
  double usual_sq_ = 0;  // ms²: the mean of squares, for of the others' tail, too, bulk is to take nothing
  double samples_ = 0;
  MonoTime heard_at_{};
};

/// Between its two bounds. While nobody but bulk sends there is no limit.
/// The pace is a limit of its own: a vendor that takes a thousand devices a request, and answers at once, has few
/// pushes in the air however many there are, and each of them has an outcome that the machine must write.
class BulkLimit {
 public:
  BulkLimit(std::size_t least, std::size_t most, std::size_t least_per_s) noexcept;
  /// A push that is not bulk's was answered. `in_air`: of bulk.
  void heard(double lateness, std::size_t in_air, MonoTime now) noexcept;
  std::size_t limit(MonoTime now) const noexcept;
  /// What is metered by the pace: the begin of pushes, and before it, four times as fast for it costs as much less and
  /// an event's sending waits for it, the look-up of their receivers.
  enum class Step : std::uint8_t { LookUp, Begin };
  /// How many may be done now.
  std::size_t may(Step step, MonoTime now) noexcept;
  /// So many were. More than may is a debt.
  void did(Step step, std::size_t count) noexcept;
  /// When some more may be, if none may; `now`: they may.
  MonoTime goes_on_at(Step step, MonoTime now) noexcept;
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

 private:
  static constexpr double kTolerance = 1.1;   // of the root mean square of many; of n pushes 1 / sqrt(n) more
  static constexpr double kLatenessMax = 10;  // of one push: a stall says no more than that
  static constexpr int kWindowsMax = 8;       // that passed without a push at once: nobody felt anything
  static constexpr milliseconds kWindow{100};
  static constexpr milliseconds kAlone{2'000};
  static constexpr std::chrono::duration<double> kBurst{0.02};  // of the pace, at once
  static constexpr std::chrono::duration<double> kSome{0.005};  // of the pace; fewer are not worth a call
  static constexpr double kPaceMost = 1e9;
  double per_s(Step step) const noexcept { return step == Step::LookUp ? 4 * pace_ : pace_; }
  void close_window(int passed) noexcept;

  double least_, most_, limit_;
  double pace_least_, pace_;  // pushes a second
  struct Meter {
    double credit = 0;  // pushes
    MonoTime at{};
  };
  std::array<Meter, 2> meters_;  // by step
  double began_ = 0;             // in the present window
  double sum_ = 0;               // of the present window
  std::size_t samples_ = 0;
  std::size_t in_air_most_ = 0;
  MonoTime window_ends_{};
  MonoTime heard_at_{};
  bool heard_any_ = false;
};

}  // namespace nightpost::dispatch
