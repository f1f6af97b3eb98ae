// How much of a call into the dispatcher may be bulk's. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

namespace nightpost::dispatch {

/// A group's thousands of devices, looked up, planned and sent in one go, would keep everybody else's records and
/// answers waiting for as long as that takes. So a call does a part of it, and the rest is done in the calls that
/// follow at once, what came meanwhile in between.
class BulkTurn {
 public:
  /// So many devices and receivers a call; a quarter beside others.
  explicit BulkTurn(std::size_t most) noexcept : most_(std::max<std::size_t>(most, 1)), left_(most_) {}

  /// A call begins. `yields`: there are others whom a longer turn would keep waiting. `may`: no more than that.
  void begin(bool yields = false, std::size_t may = std::numeric_limits<std::size_t>::max()) noexcept {
    left_ = std::min(yields ? std::max<std::size_t>(most_ / kYieldsPart, 1) : most_, may);
    was_cut_ = false;
  }
  /// There is more to do, and none of it may be done in this call.
  bool is_over() noexcept {
    was_cut_ |= left_ == 0;
    return left_ == 0;
  }
  void count(std::size_t some = 1) noexcept { left_ -= std::min(left_, some); }
  /// As many as may be done of `wanted`. The rest is done in the next call.
  std::size_t take(std::size_t wanted) noexcept {
    const std::size_t some = std::min(wanted, left_);
    was_cut_ |= some < wanted;
    count(some);
    return some;
  }
  /// Something is left for the next call, which should come at once, or when more may begin.
  bool was_cut() const noexcept { return was_cut_; }

 private:
  static constexpr std::size_t kYieldsPart = 4;  // always so little would cost: each call has system calls of its own
  std::size_t most_, left_;
  bool was_cut_ = false;
};

}  // namespace nightpost::dispatch
