#include "bench/im/measure.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <utility>

namespace nightpost::bench {
namespace {

constexpr double kKept = 0.98;      // of an offered rate: it was kept
constexpr double kFull = 0.9;       // of the processors: nothing is left
constexpr double kStoreFull = 0.8;  // of bare commits, which are smaller than the server's

}  // namespace

double seconds_of(Clock::duration span) noexcept { return std::chrono::duration<double>(span).count(); }

std::chrono::microseconds own_cpu() noexcept {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::seconds(used.tv_sec) +
                                                               std::chrono::nanoseconds(used.tv_nsec));
}

double percentile_ms(std::vector<Clock::duration>& all, double p) {
  if (all.empty()) return 0;
  const auto at = std::min(all.size() - 1, static_cast<std::size_t>(p * static_cast<double>(all.size())));
  std::ranges::nth_element(all, all.begin() + std::ptrdiff_t(at));
  return std::chrono::duration<double, std::milli>(all[at]).count();
}

double MachineLoad::share() {
  std::ifstream stat("/proc/stat");
  std::string name;
  stat >> name;  // proc_pid_stat(5): user nice system idle iowait irq softirq steal
  std::uint64_t busy = 0, all = 0, ticks = 0;
  for (int column = 0; column < 8 && stat >> ticks; ++column) {
    all += ticks;
    if (column != 3 && column != 4) busy += ticks;
  }
  const std::uint64_t was_busy = std::exchange(busy_, busy), was_all = std::exchange(all_, all);
  return all > was_all ? static_cast<double>(busy - was_busy) / static_cast<double>(all - was_all) : 0;
}

std::string what_limits(const Limits& limits) {
  if (limits.reached_per_s >= kKept * limits.offered_per_s) return "the offered rate: the server kept up with it";
  if (limits.machine_load >= kFull) return "the processors, clients included";
  if (limits.commits_per_s >= kStoreFull * limits.bare_commits_per_s) return "the store's commits";
  return "neither processors nor commits: one thread of the server, or of the clients";
}

}  // namespace nightpost::bench
