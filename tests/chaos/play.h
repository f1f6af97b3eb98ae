// A chaos run from the first event to the figures. One thread plays; ends all it started, also when it throws.
#pragma once

#include <cstdint>
#include <string>

#include "chaos/schedule.h"
#include "chaos/verdict.h"

namespace nightpost::chaos {

struct PlayOptions {
  std::string program;  // the release binary
  Form form;
  std::uint64_t seed = 1;
  std::string keep_logs;  // a folder that the workers' logs are copied to; empty: they go
};

/// Says on stderr what it does. Throws std::runtime_error if the ground breaks (no broker, no sandbox): no verdict
/// then.
Figures play(const PlayOptions& options);

}  // namespace nightpost::chaos
