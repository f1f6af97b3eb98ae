// One partition during one stay with this consumer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "core/time.h"
#include "kafka/due_at.h"
#include "kafka/offset_ledger.h"
#include "kafka/start_at.h"
#include "kafka/topic_partition.h"

namespace nightpost::kafka {

/// How old the oldest unfinished record is, to a tenth of a second: remembers when some of the offsets came.
class AgeTrack {
 public:
  void came(std::int64_t offset, MonoTime now) {
    if (marks_.empty() || (now - marks_.back().second >= kGrain && marks_.size() < kMarksMax))
      marks_.emplace_back(offset, now);
  }
  /// When the record at `offset`, the oldest unfinished one, came: the last mark at or before it.
  std::optional<MonoTime> since(std::int64_t offset) {
    while (marks_.size() > 1 && marks_[1].first <= offset) marks_.pop_front();
    return marks_.empty() ? std::nullopt : std::optional(marks_.front().second);
  }
  void clear() noexcept { marks_.clear(); }

 private:
  static constexpr milliseconds kGrain{100};
  static constexpr std::size_t kMarksMax = 36'000;  // an hour of them
  std::deque<std::pair<std::int64_t, MonoTime>> marks_;
};

/// A record that the ledger had no room for, or that is not due yet.
struct ParkedRecord {
  std::int64_t offset = 0;
  std::string key, value, traceparent, remainder, due_at, origin_topic;
  WallTime written_at{};
  std::int32_t origin_partition = 0;
  std::int64_t origin_offset = 0;
};

struct Partition {
  TopicPartition at;
  std::uint32_t epoch = 0;
  std::size_t shard = 0;   // chosen at the assignment, kept for the stay
  std::size_t intake = 0;  // whose limits it is under: the shard's for its kind of topic
  milliseconds delay{0};   // of its topic; 0: fresh events
  OffsetLedger ledger;
  bool fresh = true;     // nothing was ever committed: the ledger starts at the first record that comes
  bool paused = false;   // what we told librdkafka
  bool limited = false;  // and a limit is why, or the drain; else a record that waits until it is due
  bool leaving = false;  // being revoked: nothing more is handed out
  bool dirty = false;    // something was finished since the last commit
  bool commit_on_way = false;
  std::size_t in_flight = 0;
  std::size_t in_flight_bytes = 0;
  /// Fetched, and the ledger has no room or the first is not due: the partition is paused until that is over. One
  /// record, for the pause is told at once.
  std::deque<ParkedRecord> parked;
  std::optional<DueWait> waits;           // the first of `parked`, if it is not due
  std::optional<std::int64_t> committed;  // as the broker knows it
  LogRange log;
  AgeTrack ages;
};

}  // namespace nightpost::kafka
