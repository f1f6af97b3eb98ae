// The source of events: one thread that polls, hands batches to the shards, keeps the offset ledgers and commits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "kafka/connection_trouble.h"
#include "kafka/group_membership.h"
#include "kafka/metrics.h"
#include "kafka/start_at.h"
#include "kafka/topic_partition.h"

namespace nightpost::observe {
class Log;
}

namespace nightpost::kafka {

/// What every client needs. `client` passes any librdkafka setting through (security.protocol, sasl.*, ssl.*); keys
/// that Nightpost's promises hang on (enable.auto.commit, …) are refused by check_client_settings().
struct ClientOptions {
  std::string brokers = "localhost:9092";
  std::map<std::string, std::string> client;
  /// Setting → file with its value, read when a client is made (a line's end at its end is cut). For secrets, which
  /// `client` refuses.
  std::map<std::string, std::string> client_files;
  observe::Log* log = nullptr;  // borrowed; where librdkafka's own lines go. Null: they are dropped
};
/// Malformed, naming the key: one of ours, a secret that is no file, unknown to librdkafka, or a value it does not
/// take.
Result<void> check_client_settings(const std::map<std::string, std::string>& client,
                                   const std::map<std::string, std::string>& client_files = {});
/// Both maps, checked and read. NotFound or Malformed: names the file, never its content.
Result<std::map<std::string, std::string>> client_settings(const ClientOptions& options);

/// Counts what is written under one record and not yet durable. Handed to shards with the record and back to the
/// producer with each message; the ledger hears when the last hold is gone. Thread-safe.
class PendingRecord;

/// One stay of a partition with this consumer.
struct Stay {
  TopicPartition at;
  std::uint32_t epoch = 0;  // never used twice by one consumer
  friend bool operator==(const Stay&, const Stay&) = default;
};

struct SourceRecord {
  /// Holds one count, ended by Consumer::release() or give_back(). REQUIRED: not looked into after that, for the
  /// consumer's thread uses it anew.
  PendingRecord* pending = nullptr;
  std::string_view key, value, traceparent, remainder;  // valid until the batch is destroyed
  Stay stay;
  std::int64_t offset = 0;
  WallTime written_at{};  // by the producer's or the broker's clock, as the topic is set; the epoch: unknown
};

/// Owns the bytes its records point into. Moved to a shard, destroyed there.
class Batch {
 public:
  virtual ~Batch() = default;
  virtual std::span<const SourceRecord> records() const noexcept = 0;
  /// Takes out the records of which `which` is true, asked once of each from index `first` on. Their bytes stay.
  virtual void erase_if(std::size_t first, const std::function<bool(const SourceRecord&)>& which) = 0;
};

/// A topic whose records each wait until their header `due_at` (due_at.h). It begins at the earliest record always.
struct DelayTopic {
  std::string name;
  milliseconds delay{0};  // what its records are written with; above 0
};

struct ConsumerOptions {
  ClientOptions kafka;
  std::string group_id = "nightpost";
  std::string delay_group_id;     // of delay topics; empty: group_id with ".delay" (group_membership.h)
  std::string group_instance_id;  // static membership, a pattern (group_membership.h); empty: none
  GroupTiming group_timing{
      .session = milliseconds(7'000), .heartbeat = milliseconds(1'000), .max_poll = milliseconds(300'000)};
  std::string topic = "nightpost.offline.v1";  // of fresh events; its TopicPartition::topic is 0
  std::vector<DelayTopic> delay_topics;        // 1, 2, …; at most kSourceTopicsMax with `topic`
  StartAt start_at;                            // for partitions of `topic` of which the group has committed nothing
  std::size_t shards = 1;                      // a partition that comes goes to the one with the fewest
  /// Records handed out and not settled, and their bytes. Each shard has its equal part, and of that a quarter is for
  /// delay topics, if there are any: whoever has used up its own stops, and the others go on.
  std::size_t in_flight_max = 40'000;
  std::size_t in_flight_bytes_max = 256u << 20;  // each of these parts may be passed by one record
  /// Fetched ahead: two seconds of work, counted in the memory bound. Divided likewise, but equally.
  std::size_t fetch_queue_kbytes = 131'072;
  milliseconds commit_interval{200};
  milliseconds revoke_grace{5'000};  // a rebalance waits this long for what is in flight
  milliseconds commit_wait{5'000};   // a commit at revocation or stop waits this long for the broker's answer
  /// A back-pressured consumer stops taking records for this long before it pauses its partitions: pausing throws
  /// away what librdkafka has fetched ahead, not polling for minutes would cost the group membership.
  milliseconds hold_before_pause{1'000};
  /// A shard takes at most so many records a second from delay topics, or this share of what it takes of fresh events,
  /// whichever is more.
  std::size_t delay_rate_min = 1'000;
  double delay_rate_share = 0.5;
  /// Without an answer of any broker for so long they count as down; raised to three heartbeats.
  milliseconds silence{10'000};
};

struct ConsumerHandlers {
  std::function<void(std::size_t shard, std::unique_ptr<Batch>)> on_batch;  // on the consumer's thread
  std::function<void()> on_first_assignment;                                // by each of its groups: ready
  /// After revoke_grace: what is not yet in the air of these stays shall be handed back.
  std::function<void(std::vector<Stay> ended)> on_revoked;
  std::function<void(Error)> on_fatal;  // the process must leave
};

class Consumer {
 public:
  static Result<std::unique_ptr<Consumer>> start(ConsumerOptions options, ConsumerHandlers handlers,
                                                 ConsumerMetrics& metrics);
  ~Consumer();  // as stop(0)
  /// Ends a record's own hold: it is done once all that it caused is durable. Any thread, also once the consumer is
  /// gone.
  static void release(PendingRecord* pending) noexcept;
  /// Likewise, but the record is not done: it comes again after a restart, or at its partition's next owner.
  static void give_back(PendingRecord* pending) noexcept;
  /// Stops fetching at once; what is in flight goes on.
  void stop_fetching();
  /// Records handed out and not settled.
  std::size_t in_flight() const noexcept;
  /// Brokers that refuse us, by each of its groups' clients. Any thread.
  std::vector<ConnectionTrouble> connection_troubles() const;
  /// Commits what is settled, leaves the group, joins the thread.
  void stop();

 private:
  struct Impl;
  explicit Consumer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nightpost::kafka
