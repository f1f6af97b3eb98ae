// Kafka as a test sees it: makes topics, writes records, counts and reads what is there, asks what a group has
// committed. On librdkafka alone, so that it cannot share a mistake with src/kafka. Throws std::runtime_error.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/c_handle.h"

namespace nightpost::support {

struct ReadRecord {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string_view key, value;  // valid during the call
  std::vector<std::pair<std::string, std::string>> headers;
};

class Topics {
 public:
  explicit Topics(std::string brokers, const std::map<std::string, std::string>& producer_settings = {});
  ~Topics();

  /// `settings` of the topic, over max.message.bytes=20000000.
  void create(const std::string& topic, int partitions, const std::map<std::string, std::string>& settings = {});
  /// Its max.message.bytes: what is larger is refused from now on.
  void limit_message_bytes(const std::string& topic, int bytes);
  /// Queues; a full queue waits for the broker. Durable after flush() only.
  void produce(const std::string& topic, std::string_view key, std::string_view value);
  void flush(std::chrono::milliseconds patience);

  /// Records in the topic, all partitions: end minus beginning offsets.
  std::int64_t size(const std::string& topic);
  /// Records of the topic that `group` has committed past; partitions without a commit count nothing.
  std::int64_t committed(const std::string& group, const std::string& topic);
  /// What `group` has not committed past, as it is now.
  void read_uncommitted(const std::string& group, const std::string& topic,
                        const std::function<void(const ReadRecord&)>& take);
  /// Every record from the beginning to the ends as they are now.
  void read(const std::string& topic, const std::function<void(const ReadRecord&)>& take);

 private:
  using Client = Handle<rd_kafka_t, rd_kafka_destroy>;
  Client consumer(const std::string& group) const;
  int served(const std::string& topic);
  int partitions(const std::string& topic);
  std::pair<std::int64_t, std::int64_t> bounds(const std::string& topic, int partition);
  /// By partition; negative: nothing was committed.
  std::vector<std::int64_t> committed_offsets(const std::string& group, const std::string& topic);

  std::string brokers_;
  Client producer_;
  std::map<std::string, int> partitions_;
  std::map<std::string, Client> groups_;  // by group id; never subscribed, so never members
};

}  // namespace nightpost::support
