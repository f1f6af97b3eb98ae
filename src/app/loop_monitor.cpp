#include "app/loop_monitor.h"

#include <time.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace nightpost::app {
namespace {

std::chrono::nanoseconds time_of(clockid_t clock) noexcept {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

std::string_view name_of(LoopPart part) noexcept {
  static constexpr std::array<std::string_view, std::size_t(LoopPart::Count)> kNames = {
      "other", "accept", "answers", "timers", "grants", "outcomes", "flush", "store", "hand_back", "sweep"};
  return kNames[std::size_t(part)];
}

LoopPart part_to_name(MonoTime::duration lasted, const LoopTimes& spent) noexcept {
  const auto most = std::max_element(spent.begin() + 1, spent.end());  // after Other, which also stands for idling
  const MonoTime::duration named = std::accumulate(spent.begin() + 1, spent.end(), MonoTime::duration(0));
  return lasted - named > *most ? LoopPart::Other : static_cast<LoopPart>(most - spent.begin());
}

LoopPart LoopMonitor::change_to(LoopPart part) noexcept {
  const MonoTime now = clock_.mono();
  const LoopPart before = part_.load(std::memory_order_relaxed);
  spent_[std::size_t(before)] += now - changed_at_;
  changed_at_ = now;
  part_.store(part, std::memory_order_relaxed);
  return before;
}

void LoopMonitor::beat(MonoTime now, std::chrono::nanoseconds thread_cpu) {
  change_to(LoopPart::Other);
  const MonoTime before = beat_at_.load(std::memory_order_relaxed);
  const MonoTime::duration late = now - before - interval();
  if (before != MonoTime{} && late >= stall_after_) {
    LoopStall stall;
    stall.lasted = std::chrono::floor<milliseconds>(late);
    stall.cpu = std::min(std::chrono::floor<milliseconds>(thread_cpu - cpu_at_beat_), stall.lasted);
    stall.part = part_to_name(late, spent_);
    metrics_.stalls[std::size_t(stall.part)].add();
    metrics_.stall_time.observe(stall.lasted.count());
    const std::lock_guard lock(mutex_);
    ++ended_;
    if (!longest_ || longest_->lasted < stall.lasted) longest_ = stall;
  }
  spent_ = {};
  cpu_at_beat_ = thread_cpu;
  beat_at_.store(now, std::memory_order_relaxed);
}

LoopMonitor::Report LoopMonitor::report(MonoTime now) {
  Report report;
  {
    const std::lock_guard lock(mutex_);
    report.stalls = std::exchange(ended_, 0);
    report.longest = std::exchange(longest_, std::nullopt);
  }
  const MonoTime before = beat_at_.load(std::memory_order_relaxed);
  if (const auto late = now - before - interval(); before != MonoTime{} && late >= stall_after_)
    report.under_way =
        LoopStall{.lasted = std::chrono::floor<milliseconds>(late), .part = part_.load(std::memory_order_relaxed)};
  return report;
}

WallTime CoarseClock::wall() const noexcept {
  return WallTime(std::chrono::floor<milliseconds>(time_of(CLOCK_REALTIME_COARSE)));
}
MonoTime CoarseClock::mono() const noexcept { return MonoTime(time_of(CLOCK_MONOTONIC_COARSE)); }

std::chrono::nanoseconds thread_cpu_time() noexcept { return time_of(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace nightpost::app
