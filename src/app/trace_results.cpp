#include "app/trace_results.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/json_members.h"
#include "dispatch/outcome_json.h"
#include "kafka/topic_reader.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

/// Whether both rows are one outcome: that of a shard has the time of sending beside what the topic has.
bool same(const store::TraceHop& a, const store::TraceHop& b) {
  if (a.user_id != b.user_id || a.device_id != b.device_id || a.at != b.at || a.hop != b.hop) return false;
  const Json one = Json::parse(a.facts, nullptr, false), other = Json::parse(b.facts, nullptr, false);
  return one.is_object() && other.is_object() && text_in(one, "outcome") == text_in(other, "outcome");
}

}  // namespace

std::optional<store::TraceHop> hop_of_outcome(std::string_view json) {
  const Json outcome = Json::parse(json, nullptr, false);
  if (!outcome.is_object()) return std::nullopt;
  store::TraceHop hop{.event_id = text_in(outcome, "event_id"),
                      .app = {number_in(outcome, "app_id")},
                      .user_id = text_in(outcome, "user_id"),
                      .device_id = text_in(outcome, "device_id"),
                      .hop = text_in(outcome, "rule") == dispatch::kReceiptRule ? "receipt" : "outcome",
                      .at = wall_from_ms(number_in(outcome, "at")),
                      .facts = std::string(json)};
  if (hop.event_id.empty() || text_in(outcome, "outcome").empty()) return std::nullopt;
  return hop;
}

void add_missing(std::vector<store::TraceHop>& hops, std::vector<store::TraceHop> found) {
  for (store::TraceHop& hop : found)
    if (std::ranges::none_of(hops, [&](const store::TraceHop& known) { return same(known, hop); }))
      hops.push_back(std::move(hop));
}

Result<ResultsFound> scan_results(const kafka::ClientOptions& options, const ResultsScan& scan) {
  auto reader = kafka::TopicReader::open(options, scan.topic, scan.wait);
  if (!reader) return std::unexpected(std::move(reader.error()));
  if (scan.since != WallTime{})
    if (auto rewound = (*reader)->rewind(scan.since); !rewound) return std::unexpected(std::move(rewound.error()));
  ResultsFound found;
  while (found.read < scan.messages_max) {
    auto next = (*reader)->next();
    if (!next) return std::unexpected(std::move(next.error()));
    if (!*next) {
      found.whole = true;
      break;
    }
    ++found.read;
    const kafka::TailMessage& message = **next;
    if (message.key != scan.event_id && message.key != scan.receipt_tag) continue;
    if (auto hop = hop_of_outcome(message.value)) {
      hop->event_id = scan.event_id;
      found.hops.push_back(*std::move(hop));
    }
  }
  return found;
}

}  // namespace nightpost::app
