// The consumer's one thread: its loop (consumer.cpp), its part in rebalances (consumer_rebalance.cpp) and its commits
// (consumer_commit.cpp). It is a member of one group for fresh events and of another for delay topics, with a client of
// librdkafka's for each. Everything here runs on that thread but what is marked.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/time.h"
#include "kafka/client_conf.h"
#include "kafka/consumer.h"
#include "kafka/partition_book.h"
#include "kafka/wakeup.h"

namespace nightpost::kafka {

/// What librdkafka's threads say and touch: may be left to a client that cannot be destroyed (see close()).
struct GroupLink : Opaque {
  std::atomic<bool> asked_to_join{false};
  std::atomic<bool> joining{false};  // from asking to join the group's next generation until we know its number
  std::atomic<MonoTime> heard{};     // the last answer of any broker; at first, when we began to ask
};

struct Consumer::Impl {
  struct Member;
  Impl(ConsumerOptions options, ConsumerHandlers handlers, ConsumerMetrics& metrics);
  ~Impl();               // stops; any thread
  Result<void> start();  // the starter's thread
  void stop();           // any thread but this one

  // The loop.
  Result<void> make_member(Group group);
  Result<void> subscribe(Member& member);
  void run();
  void close();
  std::vector<Member*> close_clients(MonoTime deadline);
  std::size_t poll();
  void take_news(Member& member);
  void on_message(Member& member, const rd_kafka_message_t& message, MonoTime now, WallTime wall);
  void hand_out();
  void settle_finished();
  void apply_pauses();
  void measure(MonoTime now);
  void ask_ends(MonoTime now);
  void failed(Member& member, rd_kafka_resp_err_t code, const char* words);

  // Rebalances.
  struct Rebalance {
    rd_kafka_resp_err_t code;
    PartitionList partitions;
    MonoTime deadline{};  // revocation: end of the grace; assignment: end of asking the brokers
    bool begun = false;
    // Assignment: what the brokers said so far, by index of `partitions`.
    bool committed_known = false;
    std::vector<LogRange> logs{};                            // empty: not known
    std::vector<std::optional<std::int64_t>> young_since{};  // likewise; for StartAt::From::Back
  };
  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void* link);
  static void on_error(rd_kafka_t*, int code, const char* words, void* link);
  void rebalance(Member& member, MonoTime now);
  bool assign(Member& member, Rebalance& change, MonoTime now);
  bool ask(Member& member, Rebalance& change);
  static std::vector<std::int64_t> ask_offsets(rd_kafka_t* client, const rd_kafka_topic_partition_list_t& partitions,
                                               std::int64_t of, milliseconds wait);
  bool ask_committed(Member& member, rd_kafka_topic_partition_list_t* list);
  /// Partitions of fresh events that begin here for the first time, summed.
  struct FirstTime {
    std::int64_t partitions = 0, ahead = 0, passed_over = 0;  // records
  };
  void take_over(const Rebalance& change, int index, FirstTime& first);
  bool all_begin(const rd_kafka_topic_partition_list_t& list) const;
  void route(Member& member, const rd_kafka_topic_partition_list_t& list);
  void tell_lost(TopicPartition at, std::int64_t from, std::int64_t low, std::int64_t lost);
  bool revoke(Member& member, Rebalance& change, MonoTime now);
  void tell_ended();
  void answer_in_closing(Member& member, rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t* partitions);
  void tell_assigned(Member& member, const rd_kafka_topic_partition_list_t* partitions);
  void give_back(Member& member, const rd_kafka_topic_partition_list_t* partitions);

  // Names.
  const char* topic_of(TopicPartition at) const noexcept { return topics[at.topic].c_str(); }
  TopicPartition at_of(const rd_kafka_topic_partition_t& entry) const noexcept {
    return {index_of(entry.topic), entry.partition};
  }
  std::uint32_t index_of(std::string_view topic) const noexcept;
  rd_kafka_topic_partition_t* put(const PartitionList& list, TopicPartition at) const {
    return rd_kafka_topic_partition_list_add(list.get(), topic_of(at), at.partition);
  }
  PartitionList list_of(Group group, std::span<const TopicPartition> partitions) const;
  rd_kafka_t* client_of(TopicPartition at) const noexcept;

  // Commits.
  static void on_committed(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void* member);
  static rd_kafka_resp_err_t on_new(rd_kafka_t*, const rd_kafka_conf_t*, void* link, char*, std::size_t);
  static rd_kafka_resp_err_t on_sent(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t api, std::int16_t,
                                     std::int32_t, std::size_t, void* link);  // librdkafka's threads
  static rd_kafka_resp_err_t on_response(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t, std::int16_t,
                                         std::int32_t, std::size_t, std::int64_t, rd_kafka_resp_err_t code,
                                         void* link);  // librdkafka's threads
  void send_commits(Member& member, const std::vector<PartitionBook::Commit>& commits);
  void commit_and_wait(Member& member, std::span<const TopicPartition> partitions, MonoTime deadline);
  void commit_when_due(Member& member, MonoTime now);

  const ConsumerOptions options;
  const std::vector<std::string> topics;  // by TopicPartition::topic
  const ConsumerHandlers handlers;
  ConsumerMetrics& metrics;

  /// What it has in one of its groups.
  struct Member {
    Impl& impl;
    const Group group;
    const std::string group_id;
    std::unique_ptr<GroupLink> link = std::make_unique<GroupLink>();
    Client client{};
    Queue news{};                        // the group's callbacks and errors
    Queue commit_news{};                 // answers to commits, so that they are heard while no records are polled
    std::deque<Rebalance> rebalances{};  // noted by the callback, carried out by the loop
    bool was_assigned = false;
  };

  Wakeup wakeup;
  PartitionBook book;
  std::deque<Member> members;  // by Group; they stay where they are
  std::vector<Queue> records;  // by intake: what its partitions fetch, so that each can be left alone
  bool closing = false;
  bool was_fatal = false;
  milliseconds silence{};
  MonoTime next_measure{};
  MonoTime next_ends{}, next_waiting_ends{};

  std::atomic<std::size_t> in_flight_seen{0};  // the book's, for other threads
  std::atomic<bool> draining{false};
  std::atomic<bool> stopping{false};
  std::thread thread;
};

}  // namespace nightpost::kafka
