// The delay topics, one a tier: how long a remainder stays away, and which tier serves a wait. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/time.h"

namespace nightpost::dispatch {

/// Every record of a tier stays away for the same time, so a tier is first in, first out.
enum class Tier : std::uint8_t { TenSeconds, OneMinute, TenMinutes, OneHour, Count };
inline constexpr std::size_t kTiers = static_cast<std::size_t>(Tier::Count);

constexpr milliseconds delay_of(Tier tier) noexcept {
  constexpr std::array<milliseconds, kTiers> kDelays = {seconds(10), seconds(60), seconds(600), seconds(3'600)};
  return kDelays[static_cast<std::size_t>(tier)];
}
/// "10s": as in the names of the topics and of the series.
constexpr std::string_view name_of(Tier tier) noexcept {
  constexpr std::array<std::string_view, kTiers> kNames = {"10s", "1m", "10m", "1h"};
  return kNames[static_cast<std::size_t>(tier)];
}

/// The longest tier whose delay is less than twice the wait, so that a wait takes few hops and is late by less than
/// itself; the shortest tier for any shorter wait. `left`: until the event is of no use any more. No tier that
/// outlasts it is taken if a shorter one does not.
constexpr Tier tier_for(milliseconds wait, milliseconds left = milliseconds::max()) noexcept {
  std::size_t tier = kTiers - 1;
  while (tier > 0 && (delay_of(Tier(tier)) / 2 >= wait || delay_of(Tier(tier)) >= left)) --tier;
  return Tier(tier);
}

}  // namespace nightpost::dispatch
