#include "app/trace_recorder.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <utility>

#include "app/otlp_spans.h"
#include "app/ports.h"
#include "core/text.h"
#include "core/thrown_by.h"
#include "core/uuid.h"
#include "dispatch/content.h"
#include "dispatch/outcome_json.h"
#include "kafka/pending_record.h"

namespace nightpost::app {
namespace {

constexpr milliseconds kWriteEvery{250};
constexpr milliseconds kPruneEvery{2'000};

}  // namespace

bool is_in_sample(std::string_view event_id, double share) noexcept {
  if (share >= 1) return true;
  if (share <= 0) return false;
  std::array<char, 32> tag;
  if (!dispatch::is_receipt_tag(event_id)) {  // then receipts bring its hash: receipt_tag_of()
    const Hash128 hash = hash128({event_id});
    fmt::format_to_n(tag.data(), tag.size(), "{:016x}{:016x}", hash.high, hash.low);
    event_id = {tag.data(), tag.size()};
  }
  return static_cast<double>(hash128({event_id}).high) < std::ldexp(share, 64);
}

TraceRecorder::TraceRecorder(const TraceOptions& options, std::string path, const Clock& clock, observe::Log& log,
                             TraceMetrics& metrics)
    : options_(options),
      clock_(clock),
      queue_(options, metrics),
      writer_(options, std::move(path), clock, log, metrics),
      exporter_(options.otlp_url.empty() ? nullptr
                                         : std::make_unique<OtlpExporter>(options.otlp_url, options.otlp_spans_max,
                                                                          worker_name(), log, metrics.otlp)),
      thread_([this] { run(); }) {}

TraceRecorder::~TraceRecorder() {
  queue_.close();
  thread_.join();
}

void TraceRecorder::run() {
  pthread_setname_np(pthread_self(), "trace");
  for (MonoTime prune_at = clock_.mono();;) {
    const bool last = queue_.closed();  // asked first: what was added before close() is taken below
    const std::vector<store::TraceHop> rows = queue_.take(kWriteEvery);
    if (exporter_) exporter_->add(rows);
    writer_.write(rows);
    if (last) return;
    if (clock_.mono() < prune_at) continue;
    writer_.prune();
    prune_at = clock_.mono() + kPruneEvery;
  }
}

bool ShardTracer::in_sample(std::string_view event_id, std::string_view traceparent) const noexcept {
  const TraceOptions& options = recorder_.options();
  const bool chosen = is_in_sample(event_id, options.sample) || (!options.otlp_url.empty() && wants_spans(traceparent));
  return chosen && recorder_.admits_sampled();
}

void ShardTracer::record(const dispatch::Hop& hop) noexcept {
  // No memory is no reason to end a push: the row is lost.
  [[maybe_unused]] const auto thrown = thrown_by([&] {
    store::TraceHop row{.event_id = std::string(hop.event_id),
                        .app = hop.app,
                        .user_id = std::string(hop.user_id),
                        .device_id = std::string(hop.device_id),
                        .hop = std::string(name_of(hop.what)),
                        .at = hop.at,
                        .facts = std::string(hop.facts)};
    if (hop.what == dispatch::Hop::What::Consumed) {
      const kafka::PendingRecord* const record = pending_record_of(hop.record_id);
      row.facts.pop_back();
      append_json_member(row.facts, "worker", worker_);
      if (record != nullptr) {
        append_json_member(row.facts, "topic", topics_.source(record->stay().at.topic));
        append_json_member(row.facts, "partition", static_cast<std::int64_t>(record->stay().at.partition));
        append_json_member(row.facts, "offset", record->offset());
      }
      row.facts += '}';
    }
    recorder_.add(std::move(row));
  });
}

Result<void> TracedReceiptSink::write(std::span<const Outcome> outcomes) {
  auto written = sink_->write(outcomes);
  if (!written) return written;  // the vendor repeats it
  for (const Outcome& outcome : outcomes) {
    const bool good = outcome.kind == OutcomeKind::Delivered || outcome.kind == OutcomeKind::Clicked;
    if (outcome.event_id.empty() || (good && !is_in_sample(outcome.event_id, recorder_.options().sample))) continue;
    recorder_.add({.event_id = outcome.event_id,
                   .app = outcome.app,
                   .user_id = outcome.user_id,
                   .device_id = outcome.device_id,
                   .hop = "receipt",
                   .at = outcome.at,
                   .facts = dispatch::to_json(outcome)});
  }
  return written;
}

std::string worker_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host.front() = '\0';
  return fmt::format("{}:{}", host.data(), ::getpid());
}

}  // namespace nightpost::app
