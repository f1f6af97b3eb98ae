#include "dispatch/removal_guard.h"

#include <algorithm>

namespace nightpost::dispatch {

bool RemovalGuard::count(bool dead, MonoTime now, const Options& options) noexcept {
  const auto slice_ms = std::max<std::int64_t>(1, options.mass_removal_period.count() / kSlices);
  const auto now_ms = std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count();
  const std::int64_t number = now_ms / slice_ms;
  Slice& slice = slices_[static_cast<std::size_t>(number) % kSlices];
  if (slice.number != number) slice = {.number = number};
  ++slice.all;
  if (!dead) return false;
  ++slice.dead;
  std::size_t all = 0;
  std::size_t gone = 0;
  for (const Slice& each : slices_) {
    if (each.number <= number - static_cast<std::int64_t>(kSlices)) continue;
    all += each.all;
    gone += each.dead;
  }
  if (all < options.mass_removal_window) return false;
  if (static_cast<double>(gone) <= options.mass_removal_share * static_cast<double>(all)) return false;
  const bool first = !holds(now);
  held_until_ = now + options.mass_removal_period;
  return first;
}

bool may_remove(const Device& device, std::optional<WallTime> gone_at, WallTime sent_at) noexcept {
  return gone_at ? device.registered_at <= *gone_at : device.registered_at < sent_at;
}

}  // namespace nightpost::dispatch
