// Where the outcomes of receipts go: to Kafka, and known to be there.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/outcome.h"
#include "core/result.h"
#include "kafka/pending_record.h"
#include "kafka/producer.h"

namespace nightpost::app {

class ReceiptSink {
 public:
  virtual ~ReceiptSink() = default;
  /// Returns once all of them are durable. Timeout: they are not yet, but may be one day. Overloaded: those of an
  /// earlier call are not yet, so none of these was taken. Io: the broker will not take some. Blocks for a bounded
  /// time.
  virtual Result<void> write(std::span<const Outcome> outcomes) = 0;
};

/// Over a producer of its own that does not linger, for a vendor waits for each answer. One thread. At most one call's
/// outcomes wait for the brokers, which bounds its queue, and while they are down calls are refused at once.
class KafkaReceiptSink final : public ReceiptSink {
 public:
  /// `on_fatal` and `metrics` as kafka::Producer::start.
  static Result<std::unique_ptr<ReceiptSink>> start(kafka::ProducerOptions options, std::string topic,
                                                    milliseconds wait, std::function<void(Error)> on_fatal,
                                                    kafka::ProducerMetrics& metrics);
  ~KafkaReceiptSink() override;
  Result<void> write(std::span<const Outcome> outcomes) override;

 private:
  KafkaReceiptSink(std::string topic, milliseconds wait, const kafka::ProducerMetrics& metrics)
      : topic_(std::move(topic)), wait_(wait), metrics_(metrics) {}
  bool settled();
  std::uint64_t reported() const noexcept { return kafka::read(metrics_.delivered) + kafka::read(metrics_.refused); }

  const std::string topic_;
  const milliseconds wait_;
  const kafka::ProducerMetrics& metrics_;
  kafka::PendingRecordPool::Owner pending_records_ = kafka::PendingRecordPool::make();
  std::atomic<kafka::PendingRecord*> ticket_ = nullptr;  // of the last call, until it is settled
  std::atomic<std::uint64_t> refused_ = 0;               // of its outcomes, for good: no such topic, not allowed
  std::uint64_t reported_then_ = 0;                      // reported() once all of them are
  std::unique_ptr<kafka::Producer> producer_;            // goes first: its thread uses the two above
};

}  // namespace nightpost::app
