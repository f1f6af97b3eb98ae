#include "kafka/due_at.h"

#include <charconv>

namespace nightpost::kafka {

std::optional<WallTime> parse_due_at(std::string_view text) noexcept {
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error != std::errc() || end != text.data() + text.size() || ms < 0) return std::nullopt;
  return wall_from_ms(ms);
}

Due due_of(std::optional<WallTime> due_at, milliseconds delay, WallTime wall) noexcept {
  if (!due_at) return Due::Absurd;
  if (*due_at <= wall) return Due::Now;
  return *due_at - wall > kWaitDelaysMax * delay ? Due::Absurd : Due::Later;
}

Due DueWait::look(milliseconds delay, WallTime wall, MonoTime now) const noexcept {
  if (now - since > kWaitDelaysMax * delay + wait_grain(delay)) return Due::Absurd;
  const Due due = due_of(due_at, delay, wall);
  return due == Due::Now && wall < due_at + wait_grain(delay) ? Due::Later : due;
}

}  // namespace nightpost::kafka
