// How often one certificate's vendor may call: a bucket of tokens that fills by the clock. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "core/time.h"

namespace nightpost::app {

/// Holds as many as it gains in a second, and starts full.
class TokenBucket {
 public:
  explicit TokenBucket(std::uint32_t per_second) : per_second_(per_second), held_(per_second) {}

  /// False: none is left. Times must not go back.
  bool try_acquire(MonoTime now) noexcept {
    const std::chrono::duration<double> since = now - filled_at_;
    held_ = std::min(per_second_, held_ + since.count() * per_second_);
    filled_at_ = now;
    if (held_ < 1) return false;
    held_ -= 1;
    return true;
  }

 private:
  double per_second_;
  double held_;
  MonoTime filled_at_{};
};

}  // namespace nightpost::app
