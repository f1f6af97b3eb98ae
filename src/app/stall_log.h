// What ops hear of loops that stall: at once, and then at most once a minute for each shard, with the longest since.
#pragma once

#include <cstddef>
#include <map>

#include "app/loop_monitor.h"
#include "core/time.h"
#include "observe/log.h"

namespace nightpost::app {

/// Single-threaded; `log` outlives it.
class StallLog {
 public:
  static constexpr seconds kSilence{60};

  explicit StallLog(observe::Log& log) : log_(log) {}
  void hear(std::size_t shard, const LoopMonitor::Report& report, MonoTime now);

 private:
  struct Untold {
    MonoTime silent_until{};
    std::uint64_t stalls = 0;
    LoopStall longest;
  };
  void say(std::size_t shard, const LoopStall& stall, std::uint64_t stalls, bool over);

  observe::Log& log_;
  std::map<std::size_t, Untold> shards_;
};

}  // namespace nightpost::app
