#include "app/stall_log.h"

namespace nightpost::app {
namespace {

using observe::kv;

const char* todo_for(const LoopStall& stall, bool over) {
  if (stall.part == LoopPart::Store)
    return "look for another process that writes much to the store's file, and at the disk; see store.busy_timeout_ms";
  if (!over) return "if it does not end: take a stack of the thread named shard, and restart the worker";
  if (stall.cpu * 2 < stall.lasted)
    return "the thread waited: look for CPU limits, other load and swapping on this machine";
  return "the thread was busy: if it goes on, raise worker.shards, or lower dispatch.pushes_in_flight_max";
}

}  // namespace

void StallLog::hear(std::size_t shard, const LoopMonitor::Report& report, MonoTime now) {
  if (report.stalls == 0 && !report.under_way && !shards_.contains(shard)) return;
  Untold& untold = shards_[shard];
  if (report.longest && untold.longest.lasted < report.longest->lasted) untold.longest = *report.longest;
  untold.stalls += report.stalls;
  if (now < untold.silent_until) return;
  if (report.under_way) {
    say(shard, *report.under_way, untold.stalls, false);
    untold = {.silent_until = now + kSilence};
  } else if (untold.stalls > 0) {
    say(shard, untold.longest, untold.stalls, true);
    untold = {.silent_until = now + kSilence};
  }
}

void StallLog::say(std::size_t shard, const LoopStall& stall, std::uint64_t stalls, bool over) {
  const auto part = kv("part", name_of(stall.part)), ms = kv("ms", stall.lasted.count()),
             todo = kv("todo", todo_for(stall, over));
  if (over)
    log_.warn("worker.loop_stalled", {kv("shard", shard), part, ms, kv("cpu_ms", stall.cpu.count()), kv("over", over),
                                      kv("stalls", stalls), todo});
  else  // its CPU time is known once it has ended
    log_.warn("worker.loop_stalled", {kv("shard", shard), part, ms, kv("over", over), kv("stalls", stalls), todo});
}

}  // namespace nightpost::app
