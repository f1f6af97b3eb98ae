// What of events is kept for `nightpost trace`, and for how long: the config's section "trace".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "app/json_section.h"
#include "core/time.h"
#include "store/store_url.h"

namespace nightpost::app {

struct TraceOptions {
  bool enabled = true;
  std::string path;                    // SQLite file; empty: beside the store's, "-trace" before its extension
  double sample = 0.01;                // share of the events that are kept whole; of all others only what failed is
  milliseconds keep{259'200'000};      // rows that are older are deleted: three days
  std::uint64_t rows_max = 5'000'000;  // the oldest beyond it are deleted; a row is some 700 bytes of disk
  std::uint32_t rows_per_second_max = 500;  // of the process; what is over is dropped and counted
  std::size_t rows_per_event_max = 500;     // of one record, a group's receivers together
  std::size_t queue_rows_max = 10'000;      // not yet written; what is over is dropped and counted
  std::string otlp_url;  // of an OpenTelemetry collector, "http://127.0.0.1:4318/v1/traces"; empty: no spans
  std::size_t otlp_spans_max = 4'096;  // not yet sent; what is over is dropped and counted
};

void read_trace(JsonSection section, TraceOptions& options);

/// The trace file that goes with a store; beside var/nightpost.db where that is no file.
std::string trace_path(const TraceOptions& options, const store::StoreUrl& store);

}  // namespace nightpost::app
