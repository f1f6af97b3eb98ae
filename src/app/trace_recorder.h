// Keeps what became of events for `nightpost trace`: hops come from the shards and the receipts, and a thread of its
// own writes them to the trace file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "app/config.h"
#include "app/otlp_exporter.h"
#include "app/receipt_sink.h"
#include "app/trace_options.h"
#include "app/trace_queue.h"
#include "app/trace_writer.h"
#include "dispatch/tracer.h"

namespace nightpost::app {

/// Whether `share` of all event ids take in this one: the same in every process, and for the tag under which a vendor's
/// receipt names the event.
bool is_in_sample(std::string_view event_id, double share) noexcept;

/// Any thread; adding a row costs a lock that is held for nanoseconds, and waits for no disk.
class TraceRecorder {
 public:
  /// `clock`, `log` and `metrics` are borrowed. A file that cannot be opened costs rows and a line in the log.
  TraceRecorder(const TraceOptions& options, std::string path, const Clock& clock, observe::Log& log,
                TraceMetrics& metrics);
  /// Writes what was added.
  ~TraceRecorder();
  TraceRecorder(const TraceRecorder&) = delete;
  TraceRecorder& operator=(const TraceRecorder&) = delete;

  const TraceOptions& options() const noexcept { return options_; }
  /// As TraceQueue::admits_sampled().
  bool admits_sampled() { return queue_.admits_sampled(clock_.mono()); }
  void add(store::TraceHop row) { queue_.add(std::move(row), clock_.mono()); }

 private:
  void run();

  const TraceOptions options_;
  const Clock& clock_;
  TraceQueue queue_;
  TraceWriter writer_;
  std::unique_ptr<OtlpExporter> exporter_;  // null: no collector is named
  std::thread thread_;
};

/// dispatch → recorder, one per shard. The record's coordinates are added here.
class ShardTracer final : public dispatch::Tracer {
 public:
  /// `worker`: who consumed the record, for people. `recorder` and `topics` are borrowed.
  ShardTracer(TraceRecorder& recorder, std::string worker, const Topics& topics)
      : recorder_(recorder), worker_(std::move(worker)), topics_(topics) {}
  /// Where spans are exported, those whose producer wants them are in the sample as well.
  bool in_sample(std::string_view event_id, std::string_view traceparent) const noexcept override;
  std::size_t hops_per_event_max() const noexcept override { return recorder_.options().rows_per_event_max; }
  void record(const dispatch::Hop& hop) noexcept override;

 private:
  TraceRecorder& recorder_;
  const std::string worker_;
  const Topics& topics_;
};

/// Receipts that were written are added, by the same rule as outcomes: those of events in the sample, and what failed.
class TracedReceiptSink final : public ReceiptSink {
 public:
  TracedReceiptSink(std::unique_ptr<ReceiptSink> sink, TraceRecorder& recorder)
      : sink_(std::move(sink)), recorder_(recorder) {}
  Result<void> write(std::span<const Outcome> outcomes) override;

 private:
  std::unique_ptr<ReceiptSink> sink_;
  TraceRecorder& recorder_;
};

/// "host:pid".
std::string worker_name();

}  // namespace nightpost::app
