// One partition during one stay with this consumer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "core/time.h"
#include "kafka/offset_ledger.h"
#include "kafka/start_at.h"

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

/// A record that the ledger had no room for.
struct ParkedRecord {
  std::int64_t offset = 0;
  std::string key, value, traceparent;
};

struct Partition {
  std::int32_t id = 0;
  std::uint32_t epoch = 0;
  std::size_t shard = 0;  // chosen at the assignment, kept for the stay
  OffsetLedger ledger;
  bool fresh = true;     // nothing was ever committed: the ledger starts at the first record that comes
  bool paused = false;   // what we told librdkafka
  bool leaving = false;  // being revoked: nothing more is handed out
  bool dirty = false;    // something was finished since the last commit
  bool commit_on_way = false;
  std::size_t in_flight = 0;
  std::size_t in_flight_bytes = 0;
  std::deque<ParkedRecord> parked;        // fetched, and the ledger has no room: the partition is paused until it has
  std::optional<std::int64_t> committed;  // as the broker knows it
  LogRange log;
  AgeTrack ages;
};

}  // namespace nightpost::kafka
