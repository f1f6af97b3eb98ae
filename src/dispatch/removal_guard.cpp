#include "dispatch/removal_guard.h"

#include <algorithm>

namespace nightpost::dispatch {

RemovalGuard::Change RemovalGuard::count(Said said, MonoTime now, const Options& options) noexcept {
  const auto slice_ms = std::max<std::int64_t>(1, options.mass_removal_period.count() / kSlices);
  const auto now_ms = std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count();
  const std::int64_t number = now_ms / slice_ms;
  Slice& slice = slices_[static_cast<std::size_t>(number) % kSlices];
  if (slice.number != number) slice = {.number = number};
  ++slice.all;
  slice.dead += said == Said::Dead ? 1 : 0;
  slice.live += said == Said::Lives ? 1 : 0;
  const bool held = holds(now);
  if (said == Said::Other || (said == Said::Lives && !held)) return Change::None;
  double all = 0;
  double dead = 0;
  double live = 0;
  for (const Slice& each : slices_) {
    if (each.number <= number - static_cast<std::int64_t>(kSlices)) continue;
    all += each.all;
    dead += each.dead;
    live += each.live;
  }
  const bool works = live > 0 && live >= options.mass_removal_live_share * all;
  if (said == Said::Lives) {
    if (!works) return Change::None;
    held_until_ = now;
    return Change::Released;
  }
  if (works || all < static_cast<double>(options.mass_removal_window) || dead <= options.mass_removal_share * all)
    return Change::None;
  held_until_ = now + options.mass_removal_period;
  return held ? Change::None : Change::Held;
}

bool may_remove(const Device& device, std::optional<WallTime> gone_at, WallTime sent_at) noexcept {
  return gone_at ? device.registered_at <= *gone_at : device.registered_at < sent_at;
}

}  // namespace nightpost::dispatch
