#include "kafka/partition_book.h"

#include <algorithm>
#include <utility>

namespace nightpost::kafka {

PartitionBook::PartitionBook(const BookLimits& limits, ConsumerMetrics& metrics) : limits_(limits), metrics_(metrics) {
  outgoing_.resize(std::max<std::size_t>(limits_.shards, 1));
}

Partition* PartitionBook::find(std::int32_t id) const noexcept {
  const auto at = static_cast<std::size_t>(id);
  return at < partitions_.size() ? partitions_[at].get() : nullptr;
}

std::vector<std::int32_t> PartitionBook::partitions() const {
  std::vector<std::int32_t> all;
  for_each([&](const Partition& partition) { all.push_back(partition.id); });
  return all;
}

/// The one with the fewest partitions; among equals the one with the least in flight. `partition % shards` would leave
/// most shards idle in a fleet, for the group's assignors deal partitions out in strides of the members' number.
std::size_t PartitionBook::choose_shard() const {
  std::vector<std::pair<std::size_t, std::size_t>> loads(outgoing_.size());  // partitions, in flight
  for_each([&](const Partition& partition) {
    ++loads[partition.shard].first;
    loads[partition.shard].second += partition.in_flight;
  });
  return static_cast<std::size_t>(std::ranges::min_element(loads) - loads.begin());
}

Partition& PartitionBook::begin_stay(std::int32_t id, std::size_t shard) {
  const auto at = static_cast<std::size_t>(id);
  if (at >= partitions_.size()) partitions_.resize(at + 1);
  partitions_[at] = std::make_unique<Partition>();
  Partition& partition = *partitions_[at];
  partition.id = id;
  partition.epoch = ++last_epoch_;
  partition.shard = shard;
  return partition;
}

Result<void> PartitionBook::assign(std::int32_t id, std::optional<std::int64_t> committed, std::string_view metadata) {
  retire(std::span(&id, 1));
  Partition& partition = begin_stay(id, choose_shard());
  if (!committed) return {};
  partition.fresh = false;
  partition.committed = *committed;
  Result<void> restored = partition.ledger.restore(*committed, metadata);
  if (!restored) add(metrics_.metadata_ignored);
  return restored;
}

void PartitionBook::begin_at(std::int32_t id, std::int64_t offset) {
  Partition& partition = *find(id);
  partition.ledger = OffsetLedger(offset);
  partition.fresh = false;
  partition.dirty = true;
}

std::int64_t PartitionBook::forget_below(std::int32_t id, std::int64_t low) {
  Partition& partition = *find(id);
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

std::optional<std::int64_t> PartitionBook::position(std::int32_t id) const noexcept {
  const Partition& partition = *find(id);
  return partition.fresh ? std::nullopt : std::optional(partition.ledger.next_commit());
}

void PartitionBook::leave(std::span<const std::int32_t> ids) {
  for (const std::int32_t id : ids)
    if (Partition* const partition = find(id)) partition->leaving = true;
}

bool PartitionBook::has_in_flight(std::span<const std::int32_t> ids) const {
  return std::ranges::any_of(ids, [this](std::int32_t id) {
    const Partition* const partition = find(id);
    return partition != nullptr && partition->in_flight > 0;
  });
}

void PartitionBook::retire(std::span<const std::int32_t> ids) {
  for (const std::int32_t id : ids) {
    Partition* const partition = find(id);
    if (partition == nullptr) continue;
    if (partition->in_flight > 0) ended_.push_back({id, partition->epoch});
    in_flight_ -= partition->in_flight;
    in_flight_bytes_ -= partition->in_flight_bytes;
    partitions_[static_cast<std::size_t>(id)].reset();
  }
}

PartitionBook::Offer PartitionBook::offer(const FetchedRecord& record, MonoTime now) {
  Partition* const partition = find(record.partition);
  if (partition == nullptr || partition->leaving || !taking_) return Offer::Dropped;
  // Behind parked records this one has no room either: the ledger wants the order of offsets.
  const Offer admitted = partition->parked.empty() ? admit(*partition, record, now) : Offer::Parked;
  if (admitted == Offer::Parked)
    partition->parked.push_back(
        {record.offset, std::string(record.key), std::string(record.value), std::string(record.traceparent)});
  return admitted;
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
      rewinds_.push_back({partition.id, record.offset, partition.ledger.next_commit()});
      const std::int32_t id = partition.id;
      const std::size_t shard = partition.shard;
      const bool paused = partition.paused;
      retire(std::span(&id, 1));
      Partition& anew = begin_stay(id, shard);
      anew.paused = paused;
      return admit(anew, record, now);
    }
  }
  if (gap > 0) add(metrics_.gap_offsets, static_cast<std::uint64_t>(gap));
  if (undone > 0) gaps_.push_back({partition.id, record.offset - gap, record.offset, undone});

  const std::size_t bytes = record.key.size() + record.value.size() + record.traceparent.size();
  partition.ages.came(record.offset, now);
  ++partition.in_flight;
  partition.in_flight_bytes += bytes;
  ++in_flight_;
  in_flight_bytes_ += bytes;

  std::unique_ptr<RecordBatch>& batch = outgoing_[partition.shard];
  if (!batch) batch = std::make_unique<RecordBatch>();
  const Stay stay{partition.id, partition.epoch};
  batch->add(pending_records_->acquire(stay, record.offset, static_cast<std::uint32_t>(bytes)), stay, record.offset,
             record.key, record.value, record.traceparent);
  add(metrics_.records);
  add(metrics_.bytes, bytes);
  return Offer::Admitted;
}

void PartitionBook::unpark(MonoTime now) {
  if (flow_ != Flow::Polling || !taking_) return;
  for (const std::int32_t id : partitions()) {
    if (Partition& partition = *find(id);
        partition.parked.empty() || partition.leaving || !partition.ledger.below_half())
      continue;
    std::deque<ParkedRecord> waiting = std::exchange(find(id)->parked, {});
    for (; !waiting.empty(); waiting.pop_front()) {
      const ParkedRecord& first = waiting.front();
      // A rewind begins the partition anew, so it is looked up for each.
      if (admit(*find(id), {id, first.offset, first.key, first.value, first.traceparent}, now) == Offer::Parked) break;
    }
    find(id)->parked = std::move(waiting);
  }
}

void PartitionBook::settle() {
  pending_records_->drain([this](const PendingRecord& pending) {
    Partition* const partition = find(pending.stay().partition);
    if (partition == nullptr || partition->epoch != pending.stay().epoch) {
      add(metrics_.stale_completions);
      return;
    }
    --partition->in_flight;
    partition->in_flight_bytes -= pending.bytes();
    --in_flight_;
    in_flight_bytes_ -= pending.bytes();
    if (pending.given_back()) return;  // stays open in the ledger, so no commit passes it
    partition->ledger.complete(pending.offset());
    partition->dirty = true;
  });
}

PartitionBook::Flow PartitionBook::steer(MonoTime now) {
  const auto at_most = [this](std::size_t eighths) {
    return in_flight_ <= limits_.in_flight_max * eighths / 8 &&
           in_flight_bytes_ <= limits_.in_flight_bytes_max / 8 * eighths;
  };
  switch (flow_) {
    case Flow::Polling:
      if (is_full()) {
        flow_ = Flow::Holding;
        held_since_ = now;
      }
      break;
    case Flow::Holding:
      if (at_most(7))
        flow_ = Flow::Polling;
      else if (now - held_since_ >= limits_.hold_before_pause)
        flow_ = Flow::Paused;
      break;
    case Flow::Paused:
      if (at_most(4)) flow_ = Flow::Polling;
      break;
  }
  return flow_;
}

PartitionBook::Pauses PartitionBook::take_pauses() {
  Pauses changed;
  const bool all = flow_ == Flow::Paused || !taking_;
  for_each([&](Partition& partition) {
    const bool wanted = all || !partition.parked.empty();
    if (std::exchange(partition.paused, wanted) == wanted) return;
    (wanted ? changed.pause : changed.resume).push_back(partition.id);
  });
  return changed;
}

std::vector<PartitionBook::Commit> PartitionBook::due_commits(MonoTime now) {
  if (commit_on_way_ || now < next_commit_) return {};
  std::vector<Commit> due = commits_of(partitions());
  if (!due.empty()) next_commit_ = now + limits_.commit_interval;
  return due;
}

std::vector<PartitionBook::Commit> PartitionBook::commits_of(std::span<const std::int32_t> ids) {
  std::vector<Commit> commits;
  for (const std::int32_t id : ids) {
    Partition* const partition = find(id);
    if (partition == nullptr || !std::exchange(partition->dirty, false)) continue;
    OffsetLedger::Commit said = partition->ledger.commit();
    if (commits_plainly_) said.metadata.clear();
    commits.push_back({id, said.next, std::move(said.metadata)});
    partition->commit_on_way = true;
  }
  commit_on_way_ = !commits.empty();
  return commits;
}

void PartitionBook::commit_answered(std::span<const CommitAnswer> answers) {
  commit_on_way_ = false;
  bool refused = answers.empty();
  for (const CommitAnswer& answer : answers) {
    // The first time it is said again without, and no error.
    refused = refused || (!answer.accepted && (commits_plainly_ || !answer.metadata_too_large));
  }
  for (const CommitAnswer& answer : answers) {
    if (answer.metadata_too_large) commits_plainly_ = true;
    Partition* const partition = find(answer.partition);
    // What was committed in an earlier stay says nothing of this one.
    if (partition == nullptr || !std::exchange(partition->commit_on_way, false)) continue;
    if (answer.accepted)
      partition->committed = answer.next;
    else
      partition->dirty = true;
  }
  for_each([&](Partition& partition) {  // those the answer does not name
    if (!std::exchange(partition.commit_on_way, false)) return;
    partition.dirty = true;
    refused = true;
  });
  set(metrics_.commits_plain, commits_plainly_ ? 1 : 0);
  add(refused ? metrics_.commit_errors : metrics_.commits);
}

void PartitionBook::set_log(std::int32_t id, std::int64_t low, std::int64_t high) {
  Partition* const partition = find(id);
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
  std::uint64_t assigned = 0, paused = 0, lag = 0;
  MonoTime oldest = now;
  for_each([&](Partition& partition) {
    ++assigned;
    if (partition.paused) ++paused;
    const std::int64_t begun = partition.fresh ? partition.log.low : partition.ledger.next_commit();
    const std::int64_t from = std::max(partition.committed.value_or(begun), partition.log.low);
    if (partition.log.high > from) lag += static_cast<std::uint64_t>(partition.log.high - from);
    if (partition.in_flight == 0)
      partition.ages.clear();
    else if (const auto since = partition.ages.since(partition.ledger.next_commit()))
      oldest = std::min(oldest, *since);
  });
  set(metrics_.assigned_partitions, assigned);
  set(metrics_.paused_partitions, paused);
  set(metrics_.lag, lag);
  set(metrics_.oldest_unsettled_ms,
      static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now - oldest).count()));
}

}  // namespace nightpost::kafka
