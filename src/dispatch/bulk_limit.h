// How many pushes of bulk events a shard has in the air: as many as let the others be answered about as soon as they
// are without bulk. Pure.
//
// After LEDBAT (RFC 6817), by which a background transfer yields to the rest: it watches a delay, not losses. There the
// delay is the way's; here it is that of the other pushes, from their event's acceptance to the vendor's answer, so it
// counts everything they share with bulk: this thread, the vendor's server, a signer's places, the machine.
#pragma once

#include <cstddef>
#include <limits>

#include "core/time.h"

namespace nightpost::dispatch {

/// How long the pushes of one signer take while no bulk is in the air.
class CalmTime {
 public:
  /// How many times that one push took; 1 or less: no longer. `calm`: no bulk is in the air, so it tells what is usual.
  /// Otherwise that follows within minutes: where there is always some bulk, what always is is usual.
  double lateness(double took_ms, bool calm, MonoTime now) noexcept;

 private:
  static constexpr double kSmoothing = 1.0 / 64;
  static constexpr std::chrono::duration<double> kFollows{60};
  static constexpr double kLeastMs = 5;  // what is faster than that may vary as it likes
  double usual_ms_ = 0;
  double samples_ = 0;
  MonoTime heard_at_{};
};

/// Between its two bounds. While nobody but bulk sends there is no limit.
class BulkLimit {
 public:
  BulkLimit(std::size_t least, std::size_t most) noexcept;
  /// A push that is not bulk's was answered. `in_air`: of bulk.
  void heard(double lateness, std::size_t in_air, MonoTime now) noexcept;
  std::size_t limit(MonoTime now) const noexcept;
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

 private:
  static constexpr double kTolerance = 1.1;   // of the mean of many; of n pushes 1 / sqrt(n) more
  static constexpr double kLatenessMax = 10;  // of one push: a stall says no more than that
  static constexpr int kWindowsMax = 8;       // that passed without a push at once: nobody felt anything
  static constexpr milliseconds kWindow{100};
  static constexpr milliseconds kAlone{2'000};
  void close_window(int passed) noexcept;

  double least_, most_, limit_;
  double sum_ = 0;  // of the present window
  std::size_t samples_ = 0;
  std::size_t in_air_most_ = 0;
  MonoTime window_ends_{};
  MonoTime heard_at_{};
  bool heard_any_ = false;
};

}  // namespace nightpost::dispatch
