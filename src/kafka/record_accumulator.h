// What is collected for one topic until librdkafka is given it. Pure: bytes and times in, batches out.
//
// librdkafka 2.0.2 lets an idempotent producer have one request at a time on its way to a partition, and polls in a
// tight loop, at a whole processor's cost, while one is and a message that has waited for linger.ms stands behind it.
// So nothing ever stands there: messages are collected here, by queues that stand for partitions, and a queue's next
// batch is handed over when the last one has been reported on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "kafka/pending_record.h"

namespace nightpost::kafka {

/// Messages that go to the broker in one request, and their bytes. Not changed once it is sealed, so that librdkafka
/// may read them where they are.
struct ProducerBatch {
  struct Message {
    ProducerBatch* in;
    PendingRecord* pending;  // may be null
    std::uint32_t at;        // of the key in bytes; the value follows it
    std::uint32_t key_size, value_size;
    std::uint32_t hash;
  };
  std::string_view key(const Message& message) const { return {bytes.data() + message.at, message.key_size}; }
  std::string_view value(const Message& message) const {
    return {bytes.data() + message.at + message.key_size, message.value_size};
  }

  std::size_t queue = 0;
  std::size_t open = 0;  // messages not reported on; the shell's
  MonoTime since{};      // when the first message came
  std::vector<Message> messages;
  std::string bytes;
};

class RecordAccumulator {
 public:
  struct Limits {
    std::size_t messages = 10'000;  // a batch's
    std::size_t bytes = 850'000;    // a batch's, with kOverhead a message; passed by a single larger one
    milliseconds linger{15};        // how long a batch that is not full waits for more
  };
  static constexpr std::size_t kOverhead = 64;  // more than a message's own fields take in a record batch

  explicit RecordAccumulator(Limits limits) : limits_(limits), queues_(1) {}

  /// The queue is `hash` modulo the number of queues. True: whoever calls next() should look again, for a queue that
  /// had nothing has something now, or has a full batch.
  bool add(std::uint32_t hash, PendingRecord* pending, std::string_view key, std::string_view value, MonoTime now);
  /// From now on so many queues (at least one). What is collected moves; equal hashes keep their order.
  void spread(std::size_t queues);
  std::size_t queues() const noexcept { return queues_.size(); }

  /// A batch that is full or has waited for long enough, of a queue that has none out; null: none. `hurry`: also one
  /// that has not waited. The queue gives no other until done().
  std::unique_ptr<ProducerBatch> next(MonoTime now, bool hurry);
  /// The batch was reported on, message by message.
  void done(std::unique_ptr<ProducerBatch> batch);
  /// When next() has something although nothing is added or done; nullopt: never.
  std::optional<MonoTime> due() const;

 private:
  struct PartitionQueue {
    std::deque<std::unique_ptr<ProducerBatch>> waiting;  // the last one is open
    bool out = false;                                    // a batch of it
  };
  bool is_full(const ProducerBatch& batch) const;
  std::unique_ptr<ProducerBatch> empty_parcel();
  void recycle(std::unique_ptr<ProducerBatch> batch);

  const Limits limits_;
  std::vector<PartitionQueue> queues_;
  std::vector<std::unique_ptr<ProducerBatch>> spare_;  // empty ones, for their memory
};

}  // namespace nightpost::kafka
