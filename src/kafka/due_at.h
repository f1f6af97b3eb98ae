// When a record of a delay topic may be delivered: not before its header `due_at`, decimal ms since the epoch. Pure.
//
// Records of one delay topic are written with nearly the same delay, so they come in the order of their times, and the
// first that is not due holds its whole partition. While it does the partition is paused, and the fetch after that
// reads anew what the pause threw away. Hence the grain: what waits goes a twentieth of the delay late (five seconds
// at most), and with it all that has become due meanwhile.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/time.h"

namespace nightpost::kafka {

/// A wait of more than so many delays is nobody's wish: the header is wrong, or a clock.
inline constexpr int kWaitDelaysMax = 2;

constexpr milliseconds wait_grain(milliseconds delay) noexcept { return std::min(delay / 20, milliseconds(5'000)); }

/// nullopt: no decimal number, or a negative one.
std::optional<WallTime> parse_due_at(std::string_view text) noexcept;

enum class Due : std::uint8_t {
  Now,
  Later,
  Absurd,  // deliver it now and count it: no time, or one further away than kWaitDelaysMax
};
Due due_of(std::optional<WallTime> due_at, milliseconds delay, WallTime wall) noexcept;

/// A record that waits.
struct DueWait {
  WallTime due_at;
  MonoTime since;
  /// Later: it goes on waiting. Whatever the wall clock does, a wait ends after kWaitDelaysMax delays.
  Due look(milliseconds delay, WallTime wall, MonoTime now) const noexcept;
};

}  // namespace nightpost::kafka
