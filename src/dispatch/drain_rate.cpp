#include "dispatch/drain_rate.h"

#include <algorithm>
#include <chrono>

namespace nightpost::dispatch {

void DrainRate::begin(MonoTime now) noexcept {
  began_ = slice_ = now;
  before_ = count_ = 0;
}

void DrainRate::left(std::size_t count, MonoTime now) noexcept {
  roll(now);
  count_ += count;
}

std::optional<milliseconds> DrainRate::wait_of(std::size_t waiting, MonoTime now) noexcept {
  roll(now);
  const auto span = std::chrono::duration_cast<milliseconds>(now - began_);
  const std::size_t all = before_ + count_;
  if (span < (all == 0 ? kSlice : kLeast)) return std::nullopt;  // a moment in which nothing leaves says little
  if (all == 0) return kNever;
  const double ms = static_cast<double>(waiting) * static_cast<double>(span.count()) / static_cast<double>(all);
  return milliseconds(static_cast<std::int64_t>(std::min(ms, static_cast<double>(kNever.count()))));
}

void DrainRate::roll(MonoTime now) noexcept {
  if (now - slice_ < kSlice) return;
  const bool gap = now - slice_ >= 2 * kSlice;
  before_ = gap ? 0 : count_;
  began_ = gap ? now - kSlice : slice_;
  count_ = 0;
  slice_ = gap ? now : slice_ + kSlice;
}

}  // namespace nightpost::dispatch
