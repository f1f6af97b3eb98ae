// What the results topic says of an event: for those whose hops no worker has kept here.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "kafka/consumer.h"
#include "store/trace_store.h"

namespace nightpost::app {

/// An outcome as the topic has it, as a hop; nullopt: it is none, or of no event. Pure.
std::optional<store::TraceHop> hop_of_outcome(std::string_view json);

/// Adds those of `found` that `hops` does not have: the same user, device, outcome and time are one outcome. Pure.
void add_missing(std::vector<store::TraceHop>& hops, std::vector<store::TraceHop> found);

struct ResultsScan {
  std::string topic;
  std::string event_id, receipt_tag;  // receipts have the tag as their key
  WallTime since{};                   // the epoch: from the topic's beginning
  milliseconds wait{15'000};          // for the brokers, at each step
  std::size_t messages_max = 0;       // read at most
};
struct ResultsFound {
  std::vector<store::TraceHop> hops;
  std::size_t read = 0;
  bool whole = false;  // all that was there since `since` was read
};
/// Reads the topic from `since` to where it ends now. Errors as kafka::TopicReader's.
Result<ResultsFound> scan_results(const kafka::ClientOptions& options, const ResultsScan& scan);

}  // namespace nightpost::app
