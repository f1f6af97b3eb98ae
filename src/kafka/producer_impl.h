// The inside of Producer: producer.cpp is what callers see, producer_clerk.cpp the thread that hands batches over and
// hears what became of them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kafka/client_conf.h"
#include "kafka/pending_record.h"
#include "kafka/producer.h"
#include "kafka/record_accumulator.h"
#include "kafka/topic_watch.h"
#include "observe/log.h"

namespace nightpost::kafka {

/// Where produce_and_wait() waits.
struct DeliveryWaiter {
  std::mutex mutex;
  std::condition_variable told;
  std::optional<Result<Producer::Written>> result;
};

/// What went wrong with a topic, as refusals and as the watch say.
struct Trouble {
  Refusal why = Refusal::Other;
  std::string words;
};

struct TopicState {
  TopicState(std::string the_name, RecordAccumulator::Limits limits) : name(std::move(the_name)), accumulator(limits) {}
  const std::string name;
  std::atomic<std::int32_t> partitions{1};  // as librdkafka said last, from threads of its own
  std::atomic<std::uint32_t> turn{0};       // of messages without a key
  std::mutex mutex;
  RecordAccumulator accumulator;                        // by mutex
  std::optional<Trouble> refused;                       // by mutex: the last refusal, while the topic refuses
  std::optional<Trouble> watched;                       // by mutex: what the watch was told
  std::vector<std::unique_ptr<ProducerBatch>> batches;  // out; the clerk's
  std::size_t refusals = 0;                             // not yet told; the clerk's
  Trouble last_refusal;                                 // likewise
  Topic handle;                                         // goes before the client does
};

constexpr milliseconds kReportWait{100};  // how late the clerk sees that it shall end

struct Producer::Impl {
  Impl(ProducerOptions the_options, std::function<void(Error)> the_on_fatal, ProducerMetrics& the_metrics)
      : options(std::move(the_options)), on_fatal(std::move(the_on_fatal)), metrics(the_metrics) {}
  ~Impl();
  Result<void> start();

  // For callers on any thread.
  TopicState* topic(const std::string& name);  // null: not a name Kafka can have
  void add_one(ProduceCredit& credit, PendingRecord* pending, const std::string& topic_name, std::string_view key,
               std::string_view value, std::unique_ptr<MessageExtras> extras);
  static bool add_to(TopicState& topic, ProduceCredit& credit, PendingRecord* pending, std::string_view key,
                     std::string_view value, MonoTime now, std::unique_ptr<MessageExtras> extras = nullptr);
  void count_taken(ProduceCredit& credit, std::size_t messages, std::size_t bytes);
  void not_a_topic(const std::string& name);
  void failed(rd_kafka_resp_err_t code, const char* words);

  // The clerk's thread: hands batches over and hears what became of every message.
  void run();
  milliseconds hand_over_due();
  void hand_over(TopicState& topic, std::unique_ptr<ProducerBatch> batch);
  void send_slice(TopicState& topic);
  rd_kafka_resp_err_t send_with_headers(const TopicState& topic, ProducerBatch::Message& message);
  void reported(const rd_kafka_message_t& message);
  void reported(ProducerBatch::Message& one, TopicState& topic, rd_kafka_resp_err_t code, std::int32_t partition,
                std::int64_t offset);
  void not_written(ProducerBatch::Message& one, TopicState& topic, rd_kafka_resp_err_t code);
  void refund(const ProducerBatch::Message& one);
  void tell_reported();
  void let_go(ProducerBatch& batch, TopicState& topic);
  void tell_refusals(TopicState& topic, bool refuses, bool shortened);
  void drop_holds(TopicState& topic);

  // The watch's thread.
  void on_said(TopicState& topic, const TopicWatch::Said& said);
  void show(TopicState& topic);

  const ProducerOptions options;
  const std::function<void(Error)> on_fatal;
  ProducerMetrics& metrics;
  Opaque opaque;
  std::mutex credits_mutex;
  std::deque<ProduceCredit> credits;  // the first is our own; go after all messages
  Client client;
  Queue reports;
  mutable std::shared_mutex topics_mutex;
  std::map<std::string, TopicState> topics;
  std::atomic<TopicState*> last_topic{nullptr};  // most messages go where the last one went
  std::atomic<std::size_t> queued{0};            // taken, and neither acknowledged nor dropped
  std::mutex room_mutex;
  std::condition_variable room;  // a report has freed some
  std::atomic<int> waiting{0};   // for room, or for none being left
  std::atomic<int> flushing{0};
  std::atomic<bool> was_fatal{false};
  std::atomic<bool> stopping{false};
  std::atomic<bool> drops_holds{false};
  // The clerk's.
  std::vector<rd_kafka_message_t> slice;
  struct Refund {
    ProduceCredit* credit;
    std::size_t messages, bytes;
  };
  std::vector<Refund> refunds;  // not yet told to the callers: they and the clerk would fight for the counters
  std::size_t delivered = 0;    // likewise
  std::thread thread;
  std::optional<TopicWatch> watch;
};

}  // namespace nightpost::kafka
