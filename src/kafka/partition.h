// One partition during one stay with this consumer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "core/time.h"
#include "kafka/client_conf.h"
#include "kafka/offset_ledger.h"

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

struct Partition {
  std::int32_t id = 0;
  std::uint32_t epoch = 0;
  OffsetLedger ledger;
  bool fresh = true;     // nothing was ever committed: the ledger starts at the first record that comes
  bool paused = false;   // what we told librdkafka
  bool leaving = false;  // being revoked: nothing more is handed out
  bool dirty = false;    // something was finished since the last commit
  std::size_t in_flight = 0;
  std::size_t in_flight_bytes = 0;
  std::deque<Message> parked;  // fetched, and the ledger has no room: the partition is paused until it has
  std::int64_t committed = RD_KAFKA_OFFSET_INVALID;
  AgeTrack ages;
};

}  // namespace nightpost::kafka
