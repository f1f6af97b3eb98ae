// How often a peer may do something that costs us and brings nothing: a burst, and a rate at which it grows back.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "core/time.h"

namespace nightpost::server {

class FloodBudget {
 public:
  FloodBudget(std::uint32_t burst, std::uint32_t per_second)
      : full_(std::uint64_t{burst} * kUnit), left_(full_), per_second_(per_second) {}

  /// False: used up.
  bool spend(MonoTime now) noexcept {
    if (left_ < kUnit) refill(now);
    if (left_ == full_) filled_at_ = now;  // a full budget does not grow
    if (left_ < kUnit) return false;
    left_ -= kUnit;
    return true;
  }
  void give_back() noexcept { left_ = std::min(left_ + kUnit, full_); }

 private:
  static constexpr std::uint64_t kUnit = 1000;  // so that a millisecond brings whole parts

  void refill(MonoTime now) noexcept {
    const auto elapsed = std::chrono::duration_cast<milliseconds>(now - filled_at_);
    if (elapsed.count() <= 0) return;
    filled_at_ += elapsed;
    left_ = std::min(left_ + static_cast<std::uint64_t>(elapsed.count()) * per_second_, full_);
  }

  std::uint64_t full_;
  std::uint64_t left_;
  std::uint32_t per_second_;
  MonoTime filled_at_{};
};

}  // namespace nightpost::server
