// What the consumer decides, without Kafka: whose partition is whose, which records may be handed out and to which
// shard, what is done, what may be committed, when to pause. Pure and single-threaded; times are handed in. Only the
// last drop() of a PendingRecord comes from other threads, and is heard in settle().
//
// Consumer::Impl is the shell that connects it to librdkafka. A simulation is another one: a model broker and a model
// group call the same functions, in each round in this order.
//
//   settle()                                     what the shards and the producer have finished
//   assign() and begin_at() or forget_below(), leave(), has_in_flight(), retire()
//                                                as the group moves partitions; take_ended() goes to the shards
//   due_commits(group, now) → commit_answered()  to the broker and back; restart a member with what was committed
//   steer(now); unpark(now, wall); take_pauses() which partitions to fetch from
//   offer() to an intake while it is_open()      what was fetched, in order; then take_rewinds() and take_gaps()
//   hand_out(on_batch)                           batches to the shards
//   measure(now)
//
// A record ends once whoever works on it and each message that it caused have dropped their holds. If the worker's hold
// was given back instead, the record is not done: it is in flight no more, and no commit passes it during this stay.
//
// An intake is a part of the limits with a flow of its own: each shard has one of fresh events and, if delay topics are
// read, one of these. What fills one of them stops neither other shards nor the other kind.
//
// A record of a delay topic that comes before its time (due_at.h) is parked with its partition paused. It is not begun
// in the ledger, so a revocation drops it and it comes again at the next owner.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "kafka/consumer.h"
#include "kafka/metrics.h"
#include "kafka/offset_ledger.h"
#include "kafka/partition.h"
#include "kafka/pending_record.h"
#include "kafka/record_batch.h"
#include "kafka/record_headers.h"
#include "kafka/topic_partition.h"

namespace nightpost::kafka {

/// As ConsumerOptions names them.
struct BookLimits {
  /// Of each topic that is read, by TopicPartition::topic; 0: its records are delivered as they come.
  std::vector<milliseconds> delays{milliseconds(0)};
  std::size_t shards = 1;
  std::size_t in_flight_max = 40'000;
  std::size_t in_flight_bytes_max = 256u << 20;
  milliseconds hold_before_pause{1'000};
  std::size_t delay_rate_min = 1'000;
  double delay_rate_share = 0.5;
  milliseconds commit_interval{200};
};

/// One record of the log. Views are valid during the call only.
struct FetchedRecord {
  TopicPartition at;
  std::int64_t offset = 0;
  std::string_view key, value, traceparent, remainder, due_at;
  WallTime written_at{};  // as SourceRecord's
  Origin origin;
};

class PartitionBook {
 public:
  PartitionBook(const BookLimits& limits, ConsumerMetrics& metrics);

  // Partitions.

  /// The partition comes to us and goes to the shard that has the fewest of its topic, for as long as it stays.
  /// `committed` and `metadata` are the group's; nullopt: it has committed nothing. Malformed: the metadata was
  /// ignored, so records repeat; the partition is ours all the same.
  Result<void> assign(TopicPartition at, std::optional<std::int64_t> committed, std::string_view metadata);
  /// After assign() without a commit: it begins at `offset`, and that is committed with what is due next, so that
  /// nobody has to choose again. REQUIRED: has(at), and nothing of it was offered yet.
  void begin_at(TopicPartition at, std::int64_t offset);
  /// After assign(): the log begins at `low`. Returns how many offsets below it were not done: they are lost, and
  /// counted. REQUIRED: has(at), and nothing of it was offered yet.
  std::int64_t forget_below(TopicPartition at, std::int64_t low);
  /// The offset to fetch first; nullopt: whatever librdkafka begins with. REQUIRED: as begin_at().
  std::optional<std::int64_t> position(TopicPartition at) const noexcept;
  /// Being revoked: nothing more of these is handed out; what is in flight goes on.
  void leave(std::span<const TopicPartition> partitions);
  bool has_in_flight(std::span<const TopicPartition> partitions) const;
  /// They are somebody else's from here on. What of them is in flight touches no ledger any more.
  void retire(std::span<const TopicPartition> partitions);
  /// Stays that ended with records in flight, since the last call: whoever works on these shall hand them back.
  std::vector<Stay> take_ended() { return std::exchange(ended_, {}); }
  std::vector<TopicPartition> partitions() const;
  bool has(TopicPartition at) const noexcept { return find(at) != nullptr; }
  /// REQUIRED: has(at).
  std::size_t shard_of(TopicPartition at) const noexcept { return find(at)->shard; }

  // Records.

  enum class Offer : std::uint8_t {
    Admitted,  // leaves with the next hand_out()
    Done,      // was finished before a restart, or came twice
    Parked,    // no room in the ledger, or not due: kept, and its partition wants to be paused at once (take_pauses)
    Dropped,   // not our partition, or one that leaves: it comes again at the next owner
  };
  /// Records of one partition come in the order of their offsets.
  Offer offer(const FetchedRecord& record, MonoTime now, WallTime wall);
  /// Admits what was parked, where there is room again or its time has come. To be called at least once a second,
  /// for the wall clock may jump.
  void unpark(MonoTime now, WallTime wall);
  /// The log went back below what was committed: its partition began anew.
  struct Rewind {
    TopicPartition at;
    std::int64_t to = 0;
    std::int64_t committed = 0;
  };
  std::vector<Rewind> take_rewinds() { return std::exchange(rewinds_, {}); }
  /// Offsets [from, to) never came; `undone` of them were not done.
  struct Gap {
    TopicPartition at;
    std::int64_t from = 0;
    std::int64_t to = 0;
    std::int64_t undone = 0;
  };
  std::vector<Gap> take_gaps() { return std::exchange(gaps_, {}); }
  /// How many of these were lost to retention, for the log begins at `low`; counted.
  std::int64_t count_lost(const Gap& gap, std::int64_t low) noexcept;
  /// Calls `on_batch(shard, std::unique_ptr<Batch>)` for each shard that has something since the last call.
  template <class OnBatch>
  void hand_out(OnBatch&& on_batch) {
    for (std::size_t shard = 0; shard < outgoing_.size(); ++shard) {
      if (!outgoing_[shard]) continue;
      add(metrics_.batches);
      on_batch(shard, std::unique_ptr<Batch>(std::move(outgoing_[shard])));
    }
  }
  /// Takes up what was finished since the last call.
  void settle();

  // Limits.

  enum class Flow : std::uint8_t {
    Polling,
    Holding,  // full: poll nothing of it, for pausing throws away what was fetched ahead
    Paused,   // full for hold_before_pause: its partitions are paused
  };
  void steer(MonoTime now);
  std::size_t intakes() const noexcept { return intakes_.size(); }
  /// Whose partitions it takes.
  Group group_of_intake(std::size_t intake) const noexcept { return intakes_[intake].group; }
  /// REQUIRED: has(at).
  std::size_t intake_of(TopicPartition at) const noexcept { return find(at)->intake; }
  Flow flow(std::size_t intake) const noexcept { return intakes_[intake].flow; }
  /// It may be polled for one more record.
  bool is_open(std::size_t intake) const noexcept {
    return intakes_[intake].flow == Flow::Polling && !intakes_[intake].is_full() && intakes_[intake].has_credit();
  }
  /// One of them is not open, and will be without a record or a settlement.
  bool is_holding() const noexcept {
    return std::ranges::any_of(
        intakes_, [](const Intake& intake) { return intake.flow == Flow::Holding || !intake.has_credit(); });
  }
  /// From here on all partitions want to be paused and nothing parked is admitted: the worker drains.
  void stop_taking() noexcept { taking_ = false; }
  struct Pauses {
    std::vector<TopicPartition> pause, resume;
  };
  /// What changed since the last call; taken as done.
  Pauses take_pauses();
  /// REQUIRED: has(at).
  bool is_paused(TopicPartition at) const noexcept { return find(at)->paused; }
  /// It is paused for a limit, not for a record that waits.
  bool is_limited(TopicPartition at) const noexcept { return find(at)->paused && find(at)->limited; }
  std::size_t in_flight() const noexcept { return in_flight_; }

  // Commits. One of each group is on its way at a time, so that an older one can never land after a newer.

  struct Commit {
    TopicPartition at;
    std::int64_t next = 0;
    std::string metadata;
  };
  /// Of all the group's partitions that have something new to say; empty before the next commit_interval, or while one
  /// is on its way. Not empty: it is on its way until commit_answered().
  std::vector<Commit> due_commits(Group group, MonoTime now);
  /// Likewise of those among `partitions`, now. REQUIRED: none is on its way.
  std::vector<Commit> commits_of(Group group, std::span<const TopicPartition> partitions);
  bool commit_on_way(Group group) const noexcept { return of(group).on_way; }
  struct CommitAnswer {
    TopicPartition at;
    std::int64_t next = 0;
    bool accepted = false;            // false: said again at the next interval
    bool metadata_too_large = false;  // for the broker: not accepted, and from here on nothing but offsets is said
  };
  void commit_answered(Group group, std::span<const CommitAnswer> answers);
  /// Commits are offsets alone, for the broker takes no metadata of our size: a restart repeats all that was done
  /// beyond the oldest unfinished record. Until the process ends, for a broker's limit seldom changes.
  bool commits_plainly() const noexcept { return commits_plainly_; }

  // Gauges.

  /// What the log holds: offsets [low, high), as the broker said of late. Negative: not known, so what was known stays.
  void set_log(TopicPartition at, std::int64_t low, std::int64_t high);
  /// Sets the gauges.
  void measure(MonoTime now);
  /// Those that change with each round.
  void measure_in_flight();

 private:
  struct GroupCommits {
    bool on_way = false;
    MonoTime next{};
  };
  /// Its part of the limits, and what of it is used.
  struct Intake {
    Group group = Group::Fresh;
    std::size_t in_flight_max = 0, bytes_max = 0;
    std::size_t in_flight = 0, bytes = 0;
    Flow flow = Flow::Polling;
    MonoTime held_since{};
    double credit = std::numeric_limits<double>::infinity();  // of delay topics: records that may be taken by now
    std::size_t taken = 0;                                    // since the last refill
    double per_s = 0;                                         // taken, over the last second or two

    bool has_credit() const noexcept { return credit >= 1; }
    bool is_full() const noexcept { return in_flight >= in_flight_max || bytes >= bytes_max; }
    bool at_most(std::size_t eighths) const noexcept {
      return in_flight <= in_flight_max * eighths / 8 && bytes <= bytes_max / 8 * eighths;
    }
  };

  GroupCommits& of(Group group) noexcept { return commits_[static_cast<std::size_t>(group)]; }
  const GroupCommits& of(Group group) const noexcept { return commits_[static_cast<std::size_t>(group)]; }
  Partition* find(TopicPartition at) const noexcept;
  Partition& begin_stay(TopicPartition at, std::size_t shard);
  void refill(MonoTime now);
  Offer admit(Partition& partition, const FetchedRecord& record, MonoTime now);
  bool must_wait(Partition& partition, std::string_view due_at, MonoTime now, WallTime wall);
  void admit_parked(TopicPartition at, MonoTime now, WallTime wall);
  std::size_t choose_shard(std::uint32_t topic) const;
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& topic : partitions_)
      for (const std::unique_ptr<Partition>& partition : topic)
        if (partition) visit(*partition);
  }

  const BookLimits limits_;
  ConsumerMetrics& metrics_;
  PendingRecordPool::Owner pending_records_ = PendingRecordPool::make();
  std::vector<std::vector<std::unique_ptr<Partition>>> partitions_;  // by topic and id; null: not ours
  MonoTime refilled_at_ = MonoTime::max();
  std::vector<Intake> intakes_;                         // of each shard: fresh events, delay topics
  std::vector<std::unique_ptr<RecordBatch>> outgoing_;  // by shard; null: nothing for it in this round
  std::vector<Stay> ended_;
  std::vector<Rewind> rewinds_;
  std::vector<Gap> gaps_;
  std::uint32_t last_epoch_ = 0;
  std::size_t in_flight_ = 0;
  std::size_t in_flight_bytes_ = 0;
  bool taking_ = true;
  std::array<GroupCommits, kGroups.size()> commits_;
  bool commits_plainly_ = false;
};

}  // namespace nightpost::kafka
