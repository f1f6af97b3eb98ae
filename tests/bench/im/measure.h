// What the phases measure with.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace nightpost::bench {

using Clock = std::chrono::steady_clock;

double seconds_of(Clock::duration span) noexcept;
/// User and system time of this process.
std::chrono::microseconds own_cpu() noexcept;
/// The least value in ms that the share `p` of `all` does not exceed; 0 of nothing. Changes their order.
double percentile_ms(std::vector<Clock::duration>& all, double p);

/// How much of the machine's processors was at work since the last look, whoever it worked for. From 0 to 1.
class MachineLoad {
 public:
  MachineLoad() { share(); }
  double share();

 private:
  std::uint64_t busy_ = 0, all_ = 0;
};

/// Of a load that was offered at a rate.
struct Limits {
  double offered_per_s = 0, reached_per_s = 0;
  double machine_load = 0;        // of all processors, 0 to 1
  double commits_per_s = 0;       // the server's
  double bare_commits_per_s = 0;  // of the same store with nothing else to do
};
/// What kept the rate from growing, in words: the offer, the processors, the store, or none of them. Pure.
std::string what_limits(const Limits& limits);

}  // namespace nightpost::bench
