// The idempotent producer of outcomes and dead letters, and of events for `event publish`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "kafka/consumer.h"
#include "kafka/metrics.h"

namespace nightpost::kafka {

struct ProducerOptions {
  ClientOptions kafka;
  milliseconds linger{20};
  std::string compression = "lz4";
  std::size_t queue_messages_max = 500'000;
  std::size_t queue_kbytes_max = 262'144;
  std::size_t message_bytes_max = 12u << 20;  // the dead topic's max.message.bytes should be the same
  /// The broker will never take this message (too large for the topic, not allowed, no such topic): it is not durable,
  /// so its record stays unsettled and its partition's commit stands still until the cause is repaired and the worker
  /// started anew. Any thread.
  std::function<void(Error, const std::string& topic)> on_refused;
};

using Headers = std::vector<std::pair<std::string_view, std::string>>;

/// Thread-safe. Retries inside librdkafka without limit (message.timeout.ms = 0), so what it took is durable or the
/// process has ended.
class Producer {
 public:
  static Result<std::unique_ptr<Producer>> start(ProducerOptions options, std::function<void(Error)> on_fatal,
                                                 ProducerMetrics& metrics);
  ~Producer();
  /// Takes a hold on `pending` (may be null) until the broker has acknowledged. A full queue blocks the caller up to
  /// the time the broker needs: that is the back-pressure.
  void produce(PendingRecord* pending, const std::string& topic, std::string_view key, std::string_view value,
               const Headers& headers = {});
  struct Message {
    PendingRecord* pending;  // may be null; else held for this message already, and that hold is the producer's now
    std::string_view key, value;
  };
  /// As produce() for each, in order and without headers, but what all callers share is locked once for all of them.
  void produce_batch(const std::string& topic, std::span<const Message> messages);
  struct Written {
    std::string topic;
    std::int32_t partition;
    std::int64_t offset;
  };
  /// Waits for the acknowledgement; Timeout after `wait`.
  Result<Written> produce_and_wait(const std::string& topic, std::string_view key, std::string_view value,
                                   const Headers& headers, milliseconds wait);
  /// Waits until everything is acknowledged or `wait` is over.
  bool flush(milliseconds wait);

 private:
  struct Impl;
  explicit Producer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// librdkafka's in-process broker: volatile, for demo and tests.
class EmbeddedBroker {
 public:
  static Result<std::unique_ptr<EmbeddedBroker>> start(
      const std::vector<std::pair<std::string, int>>& topics_and_partitions);
  ~EmbeddedBroker();
  const std::string& brokers() const noexcept;

 private:
  struct Impl;
  explicit EmbeddedBroker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nightpost::kafka
