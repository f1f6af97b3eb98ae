// What fan-out costs at the least: the same bytes to as many connections, from one thread that does nothing else.
#pragma once

#include <cstddef>

namespace nightpost::bench {

struct BareFanOut {
  double deliveries_per_s = 0;
  double cpu_us = 0;  // of the writing thread, a delivery
};

/// `messages` of `bytes` to each of `connections` on the loopback, at most `window` of them on their way. Throws
/// std::runtime_error.
BareFanOut bare_fan_out(std::size_t connections, std::size_t bytes, std::size_t messages, std::size_t window, bool tls);

}  // namespace nightpost::bench
