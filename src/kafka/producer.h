// The idempotent producer of outcomes and dead letters, and of events for `event publish`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "kafka/consumer.h"
#include "kafka/message_sink.h"
#include "kafka/metrics.h"
#include "kafka/produce_credit.h"
#include "kafka/refusal.h"

namespace nightpost::kafka {

struct ProducerOptions {
  ClientOptions kafka;
  milliseconds linger{20};
  std::string compression = "lz4";
  std::size_t queue_messages_max = 500'000;
  std::size_t queue_kbytes_max = 262'144;
  std::size_t message_bytes_max = 12u << 20;  // the dead topic's max.message.bytes should be the same
  milliseconds refused_backoff_first{1'000};  // until a topic that refused is tried again, doubling
  milliseconds refused_backoff_max{30'000};
  /// Topics that are asked after at the start and while something is wrong with them; at most kWatchedMax.
  std::vector<std::string> watched;
  static constexpr std::size_t kWatchedMax = 6;
  /// Not set: what is refused is tried again until it is taken, so its record stays unsettled until then. Set: it is
  /// told for each message, which is not tried again and keeps its hold. On the producer's thread, or produce()'s for
  /// what is no topic's name.
  std::function<void(Error, const std::string& topic)> on_refused;
};

/// A topic that does not take what it is given.
struct TopicTrouble {
  std::string topic;
  Refusal why = Refusal::Other;
  std::string words;  // librdkafka's
};

/// Thread-safe. Retries without limit, inside librdkafka what fails on the way (message.timeout.ms = 0) and here what a
/// topic refuses (record_accumulator.h), so what it took is durable or the process has ended. Never blocks a caller
/// but where it says so: what may be on its way is bounded by credit (produce_credit.h).
class Producer final : public MessageSink {
 public:
  static Result<std::unique_ptr<Producer>> start(ProducerOptions options, std::function<void(Error)> on_fatal,
                                                 ProducerMetrics& metrics);
  /// What was not acknowledged keeps its holds. Takes at most some seconds, whatever the brokers do.
  ~Producer() override;
  /// Credit for one of `shares` callers, an equal part of the queue. Lives as long as the producer.
  ProduceCredit& open_credit(std::size_t shares, std::function<void()> on_room);
  /// The credit, all of the queue, of calls that name none.
  ProduceCredit& own_credit() noexcept;
  /// Takes a hold on `pending` (may be null) until the broker has acknowledged.
  void produce(PendingRecord* pending, const std::string& topic, std::string_view key, std::string_view value,
               Headers headers = {});
  /// A dead letter: as produce(), but it may be shortened.
  void produce_letter(ProduceCredit& credit, PendingRecord* pending, const std::string& topic, std::string_view key,
                      std::string_view value, Headers headers) override;
  /// As produce(), with credit of one's own: what of an event is put off must come back whole.
  void produce_whole(ProduceCredit& credit, PendingRecord* pending, const std::string& topic, std::string_view key,
                     std::string_view value, Headers headers) override;
  /// As produce() for each, without headers, but what all callers share is locked once for all of them.
  void produce_batch(ProduceCredit& credit, const std::string& topic, std::span<const Message> messages) override;
  struct Written {
    std::string topic;
    std::int32_t partition;
    std::int64_t offset;
  };
  /// Blocks for room and for the acknowledgement; Overloaded or Timeout after `wait`. Io: refused, and not tried again.
  Result<Written> produce_and_wait(const std::string& topic, std::string_view key, std::string_view value,
                                   Headers headers, milliseconds wait);
  /// Blocks until everything is acknowledged or `wait` is over.
  bool flush(milliseconds wait);
  /// Any thread.
  std::vector<TopicTrouble> troubles() const;
  /// Brokers that refuse us. Any thread.
  std::vector<ConnectionTrouble> connection_troubles() const;
  /// The destructor will drop what holds are left, so that their records' memory is freed. REQUIRED: their consumer
  /// has stopped, or it would commit what was never written.
  void drop_holds_at_end() noexcept;

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
  // Faults.
  /// From now on the topic is missing or forbidden for whoever asks after it; nullopt: it is well again.
  void set_trouble(const std::string& topic, std::optional<Refusal> trouble);
  /// The next produce requests are refused so, one each.
  void refuse_next(std::span<const Refusal> refusals);
  /// The next so many offset commits are refused for their metadata's size.
  void refuse_metadata(int commits);
  /// From now on it answers so late.
  void answer_after(milliseconds late);

 private:
  struct Impl;
  explicit EmbeddedBroker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nightpost::kafka
