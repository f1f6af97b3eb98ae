// Full jitter: a random share of a delay that doubles with every failure in a row.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "core/time.h"

namespace nightpost::net {

class BackOff {
 public:
  /// Equal seeds give equal delays.
  BackOff(milliseconds first, milliseconds max, std::uint64_t seed) : first_(first), max_(max), random_(seed) {}

  /// Somewhere in [0, min(max, first * 2^failures)].
  milliseconds after_failure() {
    const auto doubled = first_.count() << std::min(failures_, 20);
    ++failures_;
    const auto ceiling = std::clamp<std::int64_t>(doubled, 0, max_.count());
    return milliseconds(std::uniform_int_distribution<std::int64_t>(0, ceiling)(random_));
  }
  void succeeded() { failures_ = 0; }

 private:
  milliseconds first_, max_;
  int failures_ = 0;
  std::mt19937_64 random_;
};

}  // namespace nightpost::net
