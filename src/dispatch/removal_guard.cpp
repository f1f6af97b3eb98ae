#include "dispatch/removal_guard.h"

#include <algorithm>
#include <limits>

namespace nightpost::dispatch {
namespace {

/// A run holds at `window` and remembers no more than this many windows, so that a long fault does not have to be
/// outweighed whole once it is over.
constexpr double kRunWindowsMax = 2;

constexpr double kNever = std::numeric_limits<double>::infinity();

/// `count` words, of which each speaks against as many of the others as `part : rest`.
double weighed(double count, double rest, double part) noexcept {
  if (count == 0) return 0;
  return part > 0 ? count * rest / part : kNever;
}

}  // namespace

RemovalGuard::Change RemovalGuard::count(const Said& said, MonoTime now, const RemovalLimits& limits) noexcept {
  const bool held = holds(now);
  if (!has_held_ && now - last_dead_ >= limits.period) reset();
  if (said.dead == 0 && (!in_run_ || (has_held_ && said.live == 0))) return Change::None;

  const double live = said.live, dead = said.dead, other = said.other;
  const double most = kRunWindowsMax * static_cast<double>(limits.window);
  in_run_ = true;
  silence_ = std::min(silence_ + dead + other - weighed(live, 1 - limits.live_share, limits.live_share), most);
  deaths_ = std::min(deaths_ + dead - weighed(live + other, limits.share, 1 - limits.share), most);
  if (said.dead > 0) last_dead_ = now;

  if (silence_ <= 0 || (!has_held_ && deaths_ <= 0)) {
    const bool had_held = has_held_;
    reset();
    return had_held ? Change::Released : Change::None;
  }
  if (said.dead == 0) return Change::None;
  const auto window = static_cast<double>(limits.window);
  if (!has_held_ && (limits.share >= 1 || silence_ < window || deaths_ < window)) return Change::None;
  has_held_ = true;
  held_until_ = now + limits.period;
  return held ? Change::None : Change::Held;
}

void RemovalGuard::resume(const RemovalLimits& limits) noexcept {
  if (limits.share >= 1) return;  // it never holds
  in_run_ = has_held_ = true;
  silence_ = std::max(silence_, static_cast<double>(limits.window));
}

bool may_remove(const Device& device, std::optional<WallTime> gone_at, WallTime sent_at) noexcept {
  return gone_at ? device.registered_at <= *gone_at : device.registered_at < sent_at;
}

}  // namespace nightpost::dispatch
