// What is collected for one topic until librdkafka is given it, and what becomes of what the topic refuses. Pure:
// bytes, times and fates in, batches out.
//
// librdkafka 2.0.2 lets an idempotent producer have one request at a time on its way to a partition, and polls in a
// tight loop, at a whole processor's cost, while one is and a message that has waited for linger.ms stands behind it.
// So nothing ever stands there: messages are collected here, by queues that stand for partitions, and a queue's next
// batch is handed over when the last one has been reported on.
//
// How to drive it, as producer.cpp and the simulation do: add() what callers produce; at due(), and whenever add() says
// so or a batch is done, ask next() until it is null and send what comes; give each message of a batch its fate
// (written(), refused(), dropped()) and then the batch back with done(). What was refused comes out of next() again:
//   - the topic refuses everything (missing, forbidden, …): the whole batch, first in its queue, after a back-off of
//     the topic's; while it lasts one batch probes, and the first message written ends it;
//   - a request of several messages was too large: in two halves at once, and later batches are that small;
//   - a message alone was too large: after a back-off; refused so again, a dead letter goes shortened (refusal.h),
//     and anything else waits for the topic to be changed, tried again at most every backoff_max. What stands behind
//     it in its queue overtakes it.
// Nothing is ever given up, so each message is written or held (and counted by its ProduceCredit) to the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "kafka/pending_record.h"
#include "kafka/produce_credit.h"
#include "kafka/refusal.h"

namespace nightpost::kafka {

struct DeliveryWaiter;  // the shell's

/// What few messages have.
struct MessageExtras {
  Headers headers;
  bool may_shorten = false;                // a dead letter
  std::shared_ptr<DeliveryWaiter> waiter;  // shared with whoever waits, who may give up first; never tried again
};

/// Messages that go to the broker in one request, and their bytes. Not changed once it is sealed, so that librdkafka
/// may read them where they are.
struct ProducerBatch {
  enum class Fate : std::uint8_t { Sent, Written, Dropped, TooLarge, Refused };
  struct Message {
    ProducerBatch* in;
    PendingRecord* pending;  // may be null
    ProduceCredit* credit;   // charged until the message is written or dropped; may be null
    std::unique_ptr<MessageExtras> extras;
    std::uint32_t at;  // of the key in bytes; the value follows it
    std::uint32_t key_size, value_size;
    std::uint32_t hash;
    std::uint32_t charged;  // bytes
    Fate fate;
  };
  std::string_view key(const Message& message) const { return {bytes.data() + message.at, message.key_size}; }
  std::string_view value(const Message& message) const {
    return {bytes.data() + message.at + message.key_size, message.value_size};
  }

  std::size_t queue = 0;
  std::size_t open = 0;   // messages not reported on; the shell's
  MonoTime since{};       // when the first message came
  MonoTime not_before{};  // refused: nothing of it goes out earlier
  bool sealed = false;    // takes no more messages
  bool shortened = false;
  bool stuck = false;  // too large, whatever is done
  int refusals = 0;    // of its only message
  std::vector<Message> messages;
  std::string bytes;
};

class RecordAccumulator {
 public:
  struct Limits {
    std::size_t messages = 10'000;      // a batch's
    std::size_t bytes = 850'000;        // a batch's, with kOverhead a message; passed by a single larger one
    milliseconds linger{15};            // how long a batch that is not full waits for more
    milliseconds backoff_first{1'000};  // after a refusal, doubling
    milliseconds backoff_max{30'000};
    std::uint32_t jitter_seed = 1;
  };
  static constexpr std::size_t kOverhead = 64;          // more than a message's own fields take in a record batch
  static constexpr std::size_t kBatchBytesMin = 4'096;  // no refusal makes batches smaller

  explicit RecordAccumulator(Limits limits)
      : limits_(limits), bytes_max_(limits.bytes), queues_(1), rng_(limits.jitter_seed) {}

  /// The queue is `hash` modulo the number of queues. True: whoever calls next() should look again, for a queue that
  /// had nothing has something now, or has a full batch. `extras`: it does not linger.
  bool add(std::uint32_t hash, PendingRecord* pending, std::string_view key, std::string_view value, MonoTime now,
           ProduceCredit* credit = nullptr, std::unique_ptr<MessageExtras> extras = nullptr);
  /// What a message counts against its credit.
  static std::size_t bytes_of(std::string_view key, std::string_view value, const MessageExtras* extras) noexcept;
  /// From now on so many queues (at least one). What is collected moves; equal hashes keep their order.
  void spread(std::size_t queues);
  std::size_t queues() const noexcept { return queues_.size(); }

  /// A batch that is full or has waited for long enough, of a queue that has none out; null: none. `hurry`: also one
  /// that has not waited. The queue gives no other until done().
  std::unique_ptr<ProducerBatch> next(MonoTime now, bool hurry);
  /// The fate of a message of a batch that is out.
  static void written(ProducerBatch::Message& message) noexcept { message.fate = ProducerBatch::Fate::Written; }
  /// It is never tried again.
  static void dropped(ProducerBatch::Message& message) noexcept { message.fate = ProducerBatch::Fate::Dropped; }
  static void refused(ProducerBatch::Message& message, Refusal why) noexcept {
    message.fate = why == Refusal::TooLarge ? ProducerBatch::Fate::TooLarge : ProducerBatch::Fate::Refused;
  }
  /// Every message of the batch was given its fate. True: a dead letter was shortened because of it.
  bool done(std::unique_ptr<ProducerBatch> batch, MonoTime now);
  /// When next() has something although nothing is added or done; nullopt: never.
  std::optional<MonoTime> due() const;

  /// The topic refuses everything, or a message that cannot be shortened: it is tried again until it is taken.
  bool refusing() const noexcept { return topic_refusals_ > 0 || stuck_ > 0; }
  /// The cause seems to be gone: what waits for the back-off goes now.
  void retry_now(MonoTime now);
  /// Every message that is collected and in no batch that is out.
  template <class Each>
  void for_each(Each&& each) const {
    for (const PartitionQueue& queue : queues_)
      for (const std::unique_ptr<ProducerBatch>& batch : queue.waiting)
        for (const ProducerBatch::Message& message : batch->messages) each(message);
  }

 private:
  struct PartitionQueue {
    std::deque<std::unique_ptr<ProducerBatch>> waiting;  // refused ones first; the last one is open
    bool out = false;                                    // a batch of it
  };
  bool is_full(const ProducerBatch& batch) const;
  bool is_ripe(const PartitionQueue& queue, const ProducerBatch& batch, MonoTime now) const;
  std::unique_ptr<ProducerBatch> empty_batch(std::size_t queue, MonoTime now);
  void recycle(std::unique_ptr<ProducerBatch> batch);
  static void move_message(const ProducerBatch& from, ProducerBatch::Message& message, ProducerBatch& to);
  void put_back(std::unique_ptr<ProducerBatch> batch);
  void split(ProducerBatch& batch, std::vector<std::unique_ptr<ProducerBatch>>& halves);
  bool too_large_alone(ProducerBatch& batch, MonoTime now);

  const Limits limits_;
  std::size_t bytes_max_;  // of a batch, as the topic has shown
  std::vector<PartitionQueue> queues_;
  std::size_t out_ = 0;
  int topic_refusals_ = 0;  // in a row
  std::size_t stuck_ = 0;   // batches of one message that is too large whatever is done
  MonoTime retry_at_{};
  std::minstd_rand rng_;
  std::vector<std::unique_ptr<ProducerBatch>> spare_;  // empty ones, for their memory
};

}  // namespace nightpost::kafka
