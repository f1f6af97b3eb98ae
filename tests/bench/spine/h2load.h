// What this machine can do at best: h2load (nghttp2) against the same sink, with requests shaped like a worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "support/process.h"

namespace nightpost::bench {

struct H2loadPlan {
  std::string origin;
  std::size_t requests = 0;  // each to a path of its own
  std::uint64_t connections = 1;
  std::uint64_t streams_each = 1000;  // in flight on each connection
  std::size_t body_bytes = 0;
};

/// Requests per second by h2load's own clock. Throws unless every single one was answered 200.
double h2load_per_s(const H2loadPlan& plan, const support::TempFolder& folder);

}  // namespace nightpost::bench
