#include "kafka/partition_book.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <compare>
#include <deque>
#include <utility>

namespace nightpost::kafka {

namespace {

/// Of a shard's part, what is for delay topics: a quarter.
constexpr std::size_t kDelayedShare = 4;

/// So many seconds of its rate a delay topic's intake may take at once.
constexpr double kBurst = 0.1;
constexpr double burst_of(double rate) { return std::max(rate * kBurst, 1.0); }

/// At least one record or byte, so that whoever has a part can always go on.
constexpr std::size_t part_of(std::size_t whole, std::size_t parts) { return std::max<std::size_t>(whole / parts, 1); }

}  // namespace

PartitionBook::PartitionBook(const BookLimits& limits, ConsumerMetrics& metrics) : limits_(limits), metrics_(metrics) {
  const std::size_t shards = std::max<std::size_t>(limits_.shards, 1);
  outgoing_.resize(shards);
  partitions_.resize(limits_.delays.size());
  const std::size_t records = part_of(limits_.in_flight_max, shards),
                    bytes = part_of(limits_.in_flight_bytes_max, shards);
  const bool delayed = std::ranges::any_of(limits_.delays, [](milliseconds delay) { return delay > milliseconds(0); });
  const auto rest = [](std::size_t part) { return part - part / kDelayedShare; };
  for (std::size_t shard = 0; shard < shards; ++shard) {
    intakes_.push_back(
        {.in_flight_max = delayed ? rest(records) : records, .bytes_max = delayed ? rest(bytes) : bytes});
    if (!delayed) continue;
    intakes_.push_back({.group = Group::Delays,
                        .in_flight_max = part_of(records, kDelayedShare),
                        .bytes_max = part_of(bytes, kDelayedShare),
                        .credit = burst_of(static_cast<double>(limits_.delay_rate_min))});
  }
}

Partition* PartitionBook::find(TopicPartition at) const noexcept {
  if (at.topic >= partitions_.size()) return nullptr;
  const auto& topic = partitions_[at.topic];
  const auto id = static_cast<std::size_t>(at.partition);
  return id < topic.size() ? topic[id].get() : nullptr;
}

std::vector<TopicPartition> PartitionBook::partitions() const {
  std::vector<TopicPartition> all;
  for_each([&](const Partition& partition) { all.push_back(partition.at); });
  return all;
}

/// The one with the fewest partitions of the topic, for topics differ in load; among equals the one with the fewest at
/// all, then the one with the least in flight. `partition % shards` would leave most shards idle in a fleet, for the
/// group's assignors deal partitions out in strides of the members' number.
std::size_t PartitionBook::choose_shard(std::uint32_t topic) const {
  struct Load {
    std::size_t of_topic = 0, partitions = 0, in_flight = 0;
    auto operator<=>(const Load&) const = default;
  };
  std::vector<Load> loads(outgoing_.size());
  for_each([&](const Partition& partition) {
    Load& load = loads[partition.shard];
    if (partition.at.topic == topic) ++load.of_topic;
    ++load.partitions;
    load.in_flight += partition.in_flight;
  });
  return static_cast<std::size_t>(std::ranges::min_element(loads) - loads.begin());
}

Partition& PartitionBook::begin_stay(TopicPartition at, std::size_t shard) {
  auto& topic = partitions_[at.topic];
  const auto id = static_cast<std::size_t>(at.partition);
  if (id >= topic.size()) topic.resize(id + 1);
  topic[id] = std::make_unique<Partition>();
  Partition& partition = *topic[id];
  partition.at = at;
  partition.epoch = ++last_epoch_;
  partition.shard = shard;
  partition.delay = limits_.delays[at.topic];
  const std::size_t kinds = intakes_.size() / outgoing_.size();
  partition.intake = shard * kinds + (partition.delay > milliseconds(0) ? 1 : 0);
  return partition;
}

Result<void> PartitionBook::assign(TopicPartition at, std::optional<std::int64_t> committed,
                                   std::string_view metadata) {
  retire(std::span(&at, 1));
  Partition& partition = begin_stay(at, choose_shard(at.topic));
  if (!committed) return {};
  partition.fresh = false;
  partition.committed = *committed;
  Result<void> restored = partition.ledger.restore(*committed, metadata);
  if (!restored) add(metrics_.metadata_ignored);
  return restored;
}

void PartitionBook::begin_at(TopicPartition at, std::int64_t offset) {
  Partition& partition = *find(at);
  partition.ledger = OffsetLedger(offset);
  partition.fresh = false;
  partition.dirty = true;
}

std::int64_t PartitionBook::forget_below(TopicPartition at, std::int64_t low) {
  Partition& partition = *find(at);
  if (partition.fresh || low <= partition.ledger.next_commit()) return 0;
  const std::int64_t lost = partition.ledger.forget_below(low);
  partition.dirty = true;
  add(metrics_.retention_lost, static_cast<std::uint64_t>(lost));
  return lost;
}

std::int64_t PartitionBook::count_lost(const Gap& gap, std::int64_t low) noexcept {
  const std::int64_t lost = std::clamp(std::min(low, gap.to) - gap.from, std::int64_t{0}, gap.undone);
  add(metrics_.retention_lost, static_cast<std::uint64_t>(lost));
  return lost;
}

std::optional<std::int64_t> PartitionBook::position(TopicPartition at) const noexcept {
  const Partition& partition = *find(at);
  return partition.fresh ? std::nullopt : std::optional(partition.ledger.next_commit());
}

void PartitionBook::leave(std::span<const TopicPartition> ids) {
  for (const TopicPartition at : ids)
    if (Partition* const partition = find(at)) partition->leaving = true;
}

bool PartitionBook::has_in_flight(std::span<const TopicPartition> ids) const {
  return std::ranges::any_of(ids, [this](TopicPartition at) {
    const Partition* const partition = find(at);
    return partition != nullptr && partition->in_flight > 0;
  });
}

void PartitionBook::retire(std::span<const TopicPartition> ids) {
  for (const TopicPartition at : ids) {
    Partition* const partition = find(at);
    if (partition == nullptr) continue;
    if (partition->in_flight > 0) ended_.push_back({at, partition->epoch});
    Intake& intake = intakes_[partition->intake];
    intake.in_flight -= partition->in_flight;
    intake.bytes -= partition->in_flight_bytes;
    in_flight_ -= partition->in_flight;
    in_flight_bytes_ -= partition->in_flight_bytes;
    partitions_[at.topic][static_cast<std::size_t>(at.partition)].reset();
  }
}

PartitionBook::Offer PartitionBook::offer(const FetchedRecord& record, MonoTime now, WallTime wall) {
  Partition* const partition = find(record.at);
  if (partition == nullptr || partition->leaving || !taking_) return Offer::Dropped;
  // Behind parked records this one has to wait too: the ledger wants the order of offsets.
  const bool waits = !partition->parked.empty() || must_wait(*partition, record.due_at, now, wall);
  const Offer admitted = waits ? Offer::Parked : admit(*partition, record, now);
  if (admitted == Offer::Parked)
    partition->parked.push_back({.offset = record.offset,
                                 .key = std::string(record.key),
                                 .value = std::string(record.value),
                                 .traceparent = std::string(record.traceparent),
                                 .remainder = std::string(record.remainder),
                                 .due_at = std::string(record.due_at),
                                 .origin_topic = std::string(record.origin.topic),
                                 .written_at = record.written_at,
                                 .origin_partition = record.origin.partition,
                                 .origin_offset = record.origin.offset});
  return admitted;
}

/// True: the record, the first of its partition, is not due. It is noted.
bool PartitionBook::must_wait(Partition& partition, std::string_view due_at, MonoTime now, WallTime wall) {
  if (partition.delay == milliseconds(0)) return false;
  const std::optional<WallTime> time = parse_due_at(due_at);
  const Due due = due_of(time, partition.delay, wall);
  if (due == Due::Absurd) add(metrics_.due_ignored);
  if (due == Due::Later) partition.waits = DueWait{.due_at = *time, .since = now};
  return due == Due::Later;
}

/// Parked: the ledger has no room for it, nothing was changed.
PartitionBook::Offer PartitionBook::admit(Partition& partition, const FetchedRecord& record, MonoTime now) {
  if (partition.fresh) {
    partition.ledger = OffsetLedger(record.offset);
    partition.fresh = false;
  }
  const std::int64_t gap = partition.ledger.gap_before(record.offset);
  const std::int64_t undone = gap > 0 ? partition.ledger.undone_before(record.offset) : 0;
  switch (partition.ledger.begin(record.offset)) {
    case OffsetLedger::Begin::Taken:
      break;
    case OffsetLedger::Begin::Done:
      add(metrics_.skipped_done);
      return Offer::Done;
    case OffsetLedger::Begin::NoRoom:
      return Offer::Parked;
    case OffsetLedger::Begin::Rewound: {
      add(metrics_.rewinds);
      rewinds_.push_back({partition.at, record.offset, partition.ledger.next_commit()});
      const TopicPartition at = partition.at;
      const std::size_t shard = partition.shard;
      const bool paused = partition.paused;
      retire(std::span(&at, 1));
      Partition& anew = begin_stay(at, shard);
      anew.paused = paused;
      return admit(anew, record, now);
    }
  }
  if (gap > 0) add(metrics_.gap_offsets, static_cast<std::uint64_t>(gap));
  if (undone > 0) gaps_.push_back({partition.at, record.offset - gap, record.offset, undone});

  const std::size_t bytes =
      record.key.size() + record.value.size() + record.traceparent.size() + record.remainder.size();
  partition.ages.came(record.offset, now);
  ++partition.in_flight;
  partition.in_flight_bytes += bytes;
  ++in_flight_;
  in_flight_bytes_ += bytes;
  Intake& intake = intakes_[partition.intake];
  ++intake.in_flight;
  ++intake.taken;
  intake.credit -= 1;
  intake.bytes += bytes;

  std::unique_ptr<RecordBatch>& batch = outgoing_[partition.shard];
  if (!batch) batch = std::make_unique<RecordBatch>();
  const Stay stay{partition.at, partition.epoch};
  batch->add(pending_records_->acquire(stay, record.offset, static_cast<std::uint32_t>(bytes), record.origin), stay,
             record.offset, record.key, record.value, record.traceparent, record.remainder, record.written_at);
  add(metrics_.records);
  add(metrics_.bytes, bytes);
  return Offer::Admitted;
}

void PartitionBook::unpark(MonoTime now, WallTime wall) {
  if (!taking_) return;
  for (const TopicPartition at : partitions()) {
    const Partition& partition = *find(at);
    if (partition.parked.empty() || partition.leaving || !is_open(partition.intake)) continue;
    const bool waits = partition.waits ? partition.waits->look(partition.delay, wall, now) == Due::Later
                                       : !partition.ledger.below_half();
    if (!waits) admit_parked(at, now, wall);
  }
}

void PartitionBook::admit_parked(TopicPartition at, MonoTime now, WallTime wall) {
  std::deque<ParkedRecord> parked = std::exchange(find(at)->parked, {});
  for (; !parked.empty(); parked.pop_front()) {
    Partition& partition = *find(at);  // a rewind begins it anew
    const ParkedRecord& first = parked.front();
    if (!is_open(partition.intake)) break;
    if (const auto wait = std::exchange(partition.waits, {})) {
      if (wait->look(partition.delay, wall, now) == Due::Absurd) add(metrics_.due_ignored);
    } else if (must_wait(partition, first.due_at, now, wall)) {
      break;
    }
    const FetchedRecord record = {.at = at,
                                  .offset = first.offset,
                                  .key = first.key,
                                  .value = first.value,
                                  .traceparent = first.traceparent,
                                  .remainder = first.remainder,
                                  .due_at = first.due_at,
                                  .written_at = first.written_at,
                                  .origin = {first.origin_topic, first.origin_partition, first.origin_offset}};
    if (admit(partition, record, now) == Offer::Parked) break;
  }
  find(at)->parked = std::move(parked);
}

void PartitionBook::settle() {
  pending_records_->drain([this](const PendingRecord& pending) {
    Partition* const partition = find(pending.stay().at);
    if (partition == nullptr || partition->epoch != pending.stay().epoch) {
      add(metrics_.stale_completions);
      return;
    }
    --partition->in_flight;
    partition->in_flight_bytes -= pending.bytes();
    --in_flight_;
    in_flight_bytes_ -= pending.bytes();
    Intake& intake = intakes_[partition->intake];
    --intake.in_flight;
    intake.bytes -= pending.bytes();
    if (pending.given_back()) return;  // stays open in the ledger, so no commit passes it
    partition->ledger.complete(pending.offset());
    partition->dirty = true;
  });
}

/// What comes back from delay topics does not crowd out what is fresh: an outage's backlog takes a while.
void PartitionBook::refill(MonoTime now) {
  const double passed = std::min(std::chrono::duration<double>(now - std::exchange(refilled_at_, now)).count(), 1.0);
  if (passed <= 0 || intakes_.size() == outgoing_.size()) return;
  for (std::size_t i = 0; i < intakes_.size(); i += 2) {
    Intake& fresh = intakes_[i];
    Intake& delayed = intakes_[i + 1];
    const double share = 1 - std::exp(-passed);
    fresh.per_s += share * (static_cast<double>(std::exchange(fresh.taken, 0)) / passed - fresh.per_s);
    const double rate = std::max(static_cast<double>(limits_.delay_rate_min), limits_.delay_rate_share * fresh.per_s);
    delayed.credit = std::min(delayed.credit + rate * passed, burst_of(rate));
  }
}

void PartitionBook::steer(MonoTime now) {
  refill(now);
  for (Intake& intake : intakes_) {
    switch (intake.flow) {
      case Flow::Polling:
        if (intake.is_full()) {
          intake.flow = Flow::Holding;
          intake.held_since = now;
        }
        break;
      case Flow::Holding:
        if (intake.at_most(7))
          intake.flow = Flow::Polling;
        else if (now - intake.held_since >= limits_.hold_before_pause)
          intake.flow = Flow::Paused;
        break;
      case Flow::Paused:
        if (intake.at_most(4)) intake.flow = Flow::Polling;
        break;
    }
  }
}

PartitionBook::Pauses PartitionBook::take_pauses() {
  Pauses changed;
  for_each([&](Partition& partition) {
    partition.limited =
        !taking_ || intakes_[partition.intake].flow == Flow::Paused || (!partition.parked.empty() && !partition.waits);
    const bool wanted = partition.limited || !partition.parked.empty();
    if (std::exchange(partition.paused, wanted) == wanted) return;
    (wanted ? changed.pause : changed.resume).push_back(partition.at);
  });
  return changed;
}

std::vector<PartitionBook::Commit> PartitionBook::due_commits(Group group, MonoTime now) {
  if (of(group).on_way || now < of(group).next) return {};
  std::vector<Commit> due = commits_of(group, partitions());
  if (!due.empty()) of(group).next = now + limits_.commit_interval;
  return due;
}

std::vector<PartitionBook::Commit> PartitionBook::commits_of(Group group, std::span<const TopicPartition> ids) {
  std::vector<Commit> commits;
  for (const TopicPartition at : ids) {
    Partition* const partition = group_of(at) == group ? find(at) : nullptr;
    if (partition == nullptr || !std::exchange(partition->dirty, false)) continue;
    OffsetLedger::Commit said = partition->ledger.commit();
    if (commits_plainly_) said.metadata.clear();
    commits.push_back({at, said.next, std::move(said.metadata)});
    partition->commit_on_way = true;
  }
  of(group).on_way = !commits.empty();
  return commits;
}

void PartitionBook::commit_answered(Group group, std::span<const CommitAnswer> answers) {
  of(group).on_way = false;
  bool refused = answers.empty();
  for (const CommitAnswer& answer : answers) {
    // The first time it is said again without, and no error.
    refused = refused || (!answer.accepted && (commits_plainly_ || !answer.metadata_too_large));
  }
  for (const CommitAnswer& answer : answers) {
    if (answer.metadata_too_large) commits_plainly_ = true;
    Partition* const partition = find(answer.at);
    // What was committed in an earlier stay says nothing of this one.
    if (partition == nullptr || !std::exchange(partition->commit_on_way, false)) continue;
    if (answer.accepted)
      partition->committed = answer.next;
    else
      partition->dirty = true;
  }
  for_each([&](Partition& partition) {  // those the answer does not name
    if (group_of(partition.at) != group || !std::exchange(partition.commit_on_way, false)) return;
    partition.dirty = true;
    refused = true;
  });
  set(metrics_.commits_plain, commits_plainly_ ? 1 : 0);
  add(refused ? metrics_.commit_errors : metrics_.commits);
}

void PartitionBook::set_log(TopicPartition at, std::int64_t low, std::int64_t high) {
  Partition* const partition = find(at);
  if (partition == nullptr) return;
  // Within a stay both only grow; librdkafka may still say what it knew in an earlier one.
  partition->log.low = std::max(partition->log.low, low);
  partition->log.high = std::max(partition->log.high, high);
}

void PartitionBook::measure_in_flight() {
  set(metrics_.in_flight, in_flight_);
  set(metrics_.in_flight_bytes, in_flight_bytes_);
  set(metrics_.pending_records, pending_records_->out());
}

void PartitionBook::measure(MonoTime now) {
  std::uint64_t assigned = 0, paused = 0, waiting = 0;
  std::array<std::uint64_t, kSourceTopicsMax> lag{};
  MonoTime oldest = now;
  for_each([&](Partition& partition) {
    ++assigned;
    if (partition.paused) ++(partition.limited ? paused : waiting);
    const std::int64_t begun = partition.fresh ? partition.log.low : partition.ledger.next_commit();
    const std::int64_t from = std::max(partition.committed.value_or(begun), partition.log.low);
    if (partition.log.high > from) lag[partition.at.topic] += static_cast<std::uint64_t>(partition.log.high - from);
    if (partition.in_flight == 0)
      partition.ages.clear();
    else if (const auto since = partition.ages.since(partition.ledger.next_commit()))
      oldest = std::min(oldest, *since);
  });
  set(metrics_.assigned_partitions, assigned);
  set(metrics_.paused_partitions, paused);
  set(metrics_.waiting_partitions, waiting);
  for (std::size_t topic = 0; topic < lag.size(); ++topic) set(metrics_.lag[topic], lag[topic]);
  set(metrics_.oldest_unsettled_ms,
      static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now - oldest).count()));
}

}  // namespace nightpost::kafka
