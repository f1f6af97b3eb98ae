// The two clocks. Decisions take times as arguments; only shells read a clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace nightpost {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// What the world calls now: ms since the Unix epoch, UTC. May jump; never used for waiting.
using WallTime = std::chrono::sys_time<milliseconds>;
/// For deadlines and latencies. Never jumps.
using MonoTime = std::chrono::steady_clock::time_point;

inline std::int64_t to_ms(WallTime t) noexcept { return t.time_since_epoch().count(); }
inline WallTime wall_from_ms(std::int64_t ms) noexcept { return WallTime(milliseconds(ms)); }

/// Handed to whoever must know the time, so that a test can be the clock.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const noexcept = 0;
  virtual MonoTime mono() const noexcept = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime wall() const noexcept override {
    return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  }
  MonoTime mono() const noexcept override { return std::chrono::steady_clock::now(); }
};

}  // namespace nightpost
