// How fast letters are replayed. Pure.
#pragma once

#include <algorithm>
#include <cstddef>

#include "core/time.h"

namespace nightpost::app {

/// `per_second` letters at the most, in steps of a quarter of a second, so that a step's transaction is short. What was
/// not used is not made up for.
class ReplayPace {
 public:
  static constexpr std::size_t kStepMax = 500;

  explicit ReplayPace(double per_second) : per_second_(per_second) {}
  /// Letters that go together.
  std::size_t step() const noexcept {
    return static_cast<std::size_t>(std::clamp(per_second_ / 4, 1.0, static_cast<double>(kStepMax)));
  }
  /// When the next may go.
  MonoTime next() const noexcept { return next_; }
  void on_sent(std::size_t letters, MonoTime now) noexcept {
    next_ = std::max(next_, now) + std::chrono::duration_cast<MonoTime::duration>(
                                       std::chrono::duration<double>(static_cast<double>(letters) / per_second_));
  }

 private:
  double per_second_;
  MonoTime next_{};
};

}  // namespace nightpost::app
