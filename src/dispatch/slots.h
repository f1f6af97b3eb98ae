// Places for requests, of a credential or of the whole shard: those in the air, and those still being put together.
#pragma once

#include <algorithm>
#include <cstddef>

namespace nightpost::dispatch {

/// Counts only; whoever asks names the limit. A request is reserved while pushes gather for it, then taken until its
/// answer is there; one that nobody shares is only taken.
class Slots {
 public:
  /// Whether one more push may come: the last request that fits is still being put together, and may get company.
  bool fits(std::size_t max) const noexcept { return in_flight_ < max && in_flight_ + reserved_ <= max; }
  /// How many requests more may be begun.
  std::size_t room(std::size_t max) const noexcept { return max - std::min(max, in_flight_ + reserved_); }

  void reserve() noexcept { ++reserved_; }
  void unreserve() noexcept { --reserved_; }
  void take() noexcept { ++in_flight_; }
  void give_back() noexcept { --in_flight_; }

  std::size_t in_flight() const noexcept { return in_flight_; }
  std::size_t reserved() const noexcept { return reserved_; }
  bool empty() const noexcept { return in_flight_ + reserved_ == 0; }

 private:
  std::size_t in_flight_ = 0;
  std::size_t reserved_ = 0;
};

}  // namespace nightpost::dispatch
