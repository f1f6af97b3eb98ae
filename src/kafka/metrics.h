// What the consumer and the producer count. Written by their threads with relaxed atomics, read by the scrape; nothing
// decides by reading them. One struct a client; src/app sums and names them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "kafka/topic_partition.h"

namespace nightpost::kafka {

using Cell = std::atomic<std::uint64_t>;
inline void add(Cell& cell, std::uint64_t n = 1) noexcept { cell.fetch_add(n, std::memory_order_relaxed); }
inline void set(Cell& cell, std::uint64_t n) noexcept { cell.store(n, std::memory_order_relaxed); }
inline std::uint64_t read(const Cell& cell) noexcept { return cell.load(std::memory_order_relaxed); }

struct ConsumerMetrics {
  // Counters.
  Cell records{0};            // handed to shards
  Cell bytes{0};              // their keys, values, traceparents and remainders
  Cell batches{0};            // on_batch calls
  Cell commits{0};            // offset commits the broker accepted
  Cell commit_errors{0};      // those it refused or did not answer; repeated at the next interval
  Cell rebalances{0};         // assignments, revocations and losses
  Cell assignments_lost{0};   // the group went on without us: what was not committed comes again, here or elsewhere
  Cell stale_completions{0};  // records that ended after their partition had moved away
  Cell skipped_done{0};       // fetched again though the commit's metadata said they were done
  Cell metadata_ignored{0};   // commits whose metadata was malformed or somebody else's
  Cell metadata_unread{0};    // assignments that went on without metadata: the coordinator did not answer
  Cell gap_offsets{0};        // offsets that never came: compacted away, transaction markers, retention; elsewhere 0
  Cell retention_lost{0};     // offsets that the log had forgotten before they were done
  Cell due_ignored{0};        // records of delay topics delivered at once: no due_at, a malformed or an absurd one
  Cell rewinds{0};            // the log went back below what was committed (topic created anew, truncated)
  Cell errors{0};             // what librdkafka reported, brokers down included
  // Gauges.
  Cell assigned_partitions{0};
  Cell paused_partitions{0};   // by a limit, or the drain
  Cell waiting_partitions{0};  // paused until their first record is due
  Cell commits_plain{0};       // 1: commits are offsets alone, so a restart repeats more
  Cell in_flight{0};           // records handed out and not settled
  Cell in_flight_bytes{0};
  Cell pending_records{0};  // those in flight, and stale ones that a shard or a message still holds
  /// High watermark − committed or begun, summed over the assigned partitions of each topic (TopicPartition::topic).
  std::array<Cell, kSourceTopicsMax> lag{};
  Cell oldest_unsettled_ms{0};  // age of the oldest record in flight, to a tenth of a second; 0: none
  Cell brokers_down{0};         // 1 while no broker has answered anything for ConsumerOptions::silence
};

struct ProducerMetrics {
  // Counters.
  Cell messages{0};           // taken from callers
  Cell bytes{0};              // their keys, values and headers
  Cell delivered{0};          // acknowledged by all in-sync replicas
  Cell refused{0};            // a topic would not take them; each keeps its record's hold, and counts each time
  Cell letters_shortened{0};  // dead letters too large for their topic
  Cell queue_full{0};         // times a caller waited for room
  Cell errors{0};             // what librdkafka reported, brokers down included
  // Gauges.
  Cell queued{0};                        // taken and not acknowledged
  std::array<Cell, 6> topic_unusable{};  // 1: by index of ProducerOptions::watched, missing, forbidden or refusing
};

}  // namespace nightpost::kafka
