// Reads topics from their beginning or their end, without a group and without committing: for tools that look (demo,
// trace, tests).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "kafka/consumer.h"

struct rd_kafka_message_s;

namespace nightpost::kafka {

struct TailMessage {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = 0;  // the broker's or the producer's, as the topic is set; 0: none
  std::string key;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;

  std::string_view header(std::string_view name) const noexcept;  // empty: none
};
/// A copy. REQUIRED: the message holds no error.
TailMessage tail_message(const rd_kafka_message_s& message);

/// Single-threaded. Holds at most librdkafka's prefetch (16 MiB here) in memory.
class Tail {
 public:
  enum class From : std::uint8_t { Beginning, End };
  /// Io: the brokers do not answer within `wait`; NotFound: a topic does not exist.
  static Result<std::unique_ptr<Tail>> start(const ClientOptions& options, const std::vector<std::string>& topics,
                                             milliseconds wait, From from = From::Beginning);
  ~Tail();
  /// The next message of any of the topics, or nothing within `wait`.
  std::optional<TailMessage> next(milliseconds wait);

 private:
  struct Impl;
  explicit Tail(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nightpost::kafka
