#include "app/receipt_sink.h"

#include <thread>

#include "dispatch/outcome_json.h"

namespace nightpost::app {
namespace {

constexpr std::chrono::microseconds kLook{200};  // acknowledgements are counted, not told: so often we look

}  // namespace

Result<std::unique_ptr<ReceiptSink>> KafkaReceiptSink::start(kafka::ProducerOptions options, std::string topic,
                                                             milliseconds wait, std::function<void(Error)> on_fatal,
                                                             kafka::ProducerMetrics& metrics) {
  std::unique_ptr<KafkaReceiptSink> sink(new KafkaReceiptSink(std::move(topic), wait, metrics));
  options.linger = milliseconds(0);
  // What is refused is told to the vendor, who repeats the call.
  options.on_refused = [sink = sink.get()](const Error&, const std::string&) {  // any thread; logged by the producer
    ++sink->refused_;
    if (kafka::PendingRecord* const pending = sink->ticket_.load()) pending->drop();  // who was refused keeps its hold
  };
  auto producer = kafka::Producer::start(std::move(options), std::move(on_fatal), metrics);
  if (!producer) return std::unexpected(producer.error());
  sink->producer_ = *std::move(producer);
  return sink;
}

KafkaReceiptSink::~KafkaReceiptSink() {
  producer_.reset();
  // What was never reported, because the process leaves, keeps its holds on the record, and they the pool.
  kafka::PendingRecord* const pending = ticket_;
  for (std::uint64_t left = reported_then_ - reported(); pending != nullptr && left > 0; --left) pending->drop();
}

bool KafkaReceiptSink::settled() {
  pending_records_->drain([this](const kafka::PendingRecord&) { ticket_ = nullptr; });
  return ticket_ == nullptr;
}

Result<void> KafkaReceiptSink::write(std::span<const Outcome> outcomes) {
  if (outcomes.empty()) return {};
  if (!settled()) return fail(Errc::Overloaded, "kafka: the outcomes of an earlier call are not written yet");
  kafka::PendingRecord* const pending = pending_records_->acquire({}, 0, 0);
  refused_ = 0;
  reported_then_ = reported() + outcomes.size();
  ticket_ = pending;
  for (const Outcome& outcome : outcomes)
    producer_->produce(pending, topic_, outcome.event_id, dispatch::to_json(outcome));
  pending->drop();
  const MonoTime deadline = std::chrono::steady_clock::now() + wait_;
  while (!settled()) {
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(Errc::Timeout, "kafka: no acknowledgement in time; the outcomes may still be written");
    std::this_thread::sleep_for(kLook);
  }
  if (refused_ > 0) return fail(Errc::Io, "kafka: the broker refuses outcomes on topic " + topic_);
  return {};
}

}  // namespace nightpost::app
