// One run of the whole way: events in a real Kafka → worker → sink, first as fast as it goes, then at a moderate rate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/spine/report.h"
#include "support/process.h"
#include "support/spine/rig.h"
#include "support/spine/topics.h"

namespace nightpost::bench {

struct SpinePlan {
  std::size_t events = 200'000;  // each to a user and a phone of its own
  int partitions = 8;
  int shards = 1;
  double moderate_share = 0.2;  // of the full speed just measured, for the latency
  std::size_t moderate_seconds = 10;
  std::uint64_t seed = 1;                            // of the order of the users
  nlohmann::json config = nlohmann::json::object();  // merged over the worker's
};

/// Everything that the runs share. The store has users [0, plan.events).
struct SpineBed {
  const support::TempFolder& folder;
  const support::Nightpost& nightpost;
  const std::string& brokers;
  support::Sink& sink;
};

/// Run number `run`, with topics and a group of its own. Throws when a push is lost or doubled, an event ends in the
/// dead topic, or the worker does not leave in good order: then there is nothing worth measuring.
Measured run_spine(const SpinePlan& plan, const SpineBed& bed, int run);

}  // namespace nightpost::bench
