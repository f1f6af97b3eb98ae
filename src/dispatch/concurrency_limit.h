// How many requests of one signer are worth having in the air: Gradient2 of Netflix's concurrency-limits. Pure.
//
// The short average of the latency against the long one: while they agree the limit grows, and when the short one rises
// above `kTolerance` times the long one, requests queue up somewhere and the limit shrinks in proportion. Unlike the
// original a rise below `kSlack` does not count: with thousands of requests in the air an answer of a fast vendor waits
// that long for our own thread, which no smaller limit would make faster. And growing is by an eighth, not by a
// constant, so that a limit of thousands is back in seconds.
#pragma once

#include <cstddef>

#include "core/time.h"

namespace nightpost::dispatch {

/// Between the two bounds it was given. Starts at the upper one: a new signer begins with few requests by other means.
class ConcurrencyLimit {
 public:
  ConcurrencyLimit(std::size_t least, std::size_t most) noexcept;
  std::size_t limit() const noexcept { return static_cast<std::size_t>(limit_); }
  /// A request was answered, or its time ran out, after `latency`; `in_flight` counts it still.
  void answered(milliseconds latency, std::size_t in_flight, MonoTime now) noexcept;

 private:
  static constexpr double kTolerance = 1.5;
  static constexpr double kSlackMs = 100;
  static constexpr double kSmoothing = 0.5;
  static constexpr double kLongWindows = 120;  // the long average's: half a minute under load
  static constexpr milliseconds kWindow{250};
  static constexpr std::size_t kSamplesMin = 8;
  void close_window() noexcept;

  double least_;
  double most_;
  double limit_;
  double long_ms_ = 0;  // 0: nothing measured yet
  double sum_ms_ = 0;   // of the present window
  std::size_t samples_ = 0;
  std::size_t in_flight_most_ = 0;
  MonoTime window_ends_{};
};

}  // namespace nightpost::dispatch
