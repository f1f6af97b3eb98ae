// The companion and the dispatcher in one process: the config section `all`.
#pragma once

#include <cstddef>

#include "core/time.h"

namespace nightpost::app {

struct AllOptions {
  /// Bytes of the events whose pushes are not over; what is over it waits in the relay. The in-process broker keeps the
  /// latest 5 MiB of a partition, and an event put off takes up to twice its bytes there.
  std::size_t unsettled_bytes_max = 1u << 20;
  /// Without a word of the dispatcher beyond the time that it named, an event is published again.
  milliseconds outcome_wait{900'000};
};

}  // namespace nightpost::app
