// What a worker's /metrics say of it: what it has counted since its start, and how it stands now. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/outcome.h"
#include "core/result.h"
#include "core/vendor.h"

namespace nightpost::admin {

inline constexpr auto kPutOffReasons = std::to_array<std::string_view>(
    {"failure", "throttle", "quota", "closed", "breaker", "grant", "store", "capacity"});

/// What one worker has counted since its start.
struct WorkerCounts {
  std::array<double, std::size_t(OutcomeKind::Count)> outcomes{};  // nightpost_outcomes_total
  std::array<double, std::size_t(Vendor::Count)> errors{};    // nightpost_attempts_total, by vendor: what went wrong
  std::array<double, std::size_t(Vendor::Count)> requests{};  // nightpost_vendor_requests_total
  std::array<double, kPutOffReasons.size()> put_off{};        // nightpost_put_off_total
  double lag = 0;                                             // nightpost_kafka_lag, all topics: records, now
};

/// A number of a worker as a whole, by its place in the API. A series that is there several times is added up.
struct WorkerNumber {
  std::string_view group, member, series;
  std::string_view use = {};  // its label "for"; empty: any
};
inline constexpr auto kWorkerNumbers = std::to_array<WorkerNumber>({
    {"pushes", "in_flight", "nightpost_pushes_in_flight"},
    {"pushes", "in_flight_limit", "nightpost_pushes_in_flight_limit"},
    {"pushes", "waiting", "nightpost_pushes_waiting"},
    {"pushes", "waiting_limit", "nightpost_pushes_waiting_limit"},
    {"pushes", "grants_waiting", "nightpost_grant_waiting"},
    {"lanes", "connections", "nightpost_lane_connections"},
    {"lanes", "draining", "nightpost_lane_draining"},
    {"lanes", "streams", "nightpost_lane_streams_open"},
    {"lanes", "streams_limit", "nightpost_lane_streams_limit"},
    {"lanes", "queued", "nightpost_lane_queued"},
    {"http", "connections", "nightpost_http_connections", "pushes"},
    {"http", "open", "nightpost_http_open", "pushes"},
    {"http", "queued", "nightpost_http_queued", "pushes"},
    {"events", "open", "nightpost_events_open"},
    {"events", "open_limit", "nightpost_events_open_limit"},
    {"kafka", "lag", "nightpost_kafka_lag"},
    {"kafka", "oldest_unsettled_s", "nightpost_kafka_oldest_unsettled_seconds"},
    {"kafka", "partitions", "nightpost_kafka_partitions_assigned"},
    {"kafka", "partitions_paused", "nightpost_kafka_partitions_paused"},
    {"kafka", "brokers_down", "nightpost_kafka_brokers_down"},
    {"since_start", "breakers_opened", "nightpost_breakers_opened_total"},
    {"since_start", "signers_down", "nightpost_signers_down_total"},
    {"since_start", "signer_probes", "nightpost_signer_probes_total"},
});

inline constexpr auto kSignerStates = std::to_array<std::string_view>({"healthy", "silent", "failing"});
inline constexpr auto kQuotaPeriods = std::to_array<std::string_view>({"second", "minute", "hour", "day"});
inline constexpr std::size_t kHeldNamedMax = 20;  // certificates of one vendor whose removals are held

/// How one worker stands with one vendor.
struct VendorState {
  struct Quota {
    std::optional<double> used, left;  // of the app that has the least left
  };
  std::array<std::optional<double>, kSignerStates.size()> signers;  // nightpost_signers
  std::array<Quota, kQuotaPeriods.size()> quotas;                   // nightpost_quota_used, nightpost_quota_left
  std::size_t holds = 0;                                            // nightpost_removal_holds
  std::vector<std::int64_t> held;                                   // of these certificates; the first of them
};

/// nullopt: the page does not say.
struct WorkerState {
  WorkerCounts counts;
  std::array<std::optional<double>, kWorkerNumbers.size()> numbers;
  std::array<VendorState, std::size_t(Vendor::Count)> vendors;
};

/// Of a page in Prometheus' text format. Malformed: it counts no outcomes, so it is no worker's. Names that this binary
/// does not know, and values that are no count (below zero, not finite), are passed over.
Result<WorkerState> read_worker_page(std::string_view page);

}  // namespace nightpost::admin
