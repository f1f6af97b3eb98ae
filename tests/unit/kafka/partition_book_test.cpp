#include "kafka/partition_book.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace nightpost::kafka {
namespace {

using Ids = std::vector<std::int32_t>;

/// Partitions of fresh events.
TopicPartition fresh(std::int32_t id) { return {0, id}; }
std::vector<TopicPartition> fresh(const Ids& ids) {
  std::vector<TopicPartition> all;
  for (const std::int32_t id : ids) all.push_back(fresh(id));
  return all;
}

/// A worker's book, and what it handed out.
struct Member {
  explicit Member(std::size_t shards, BookLimits limits = {}) : shards(shards), book(with(limits, shards), metrics) {}
  static BookLimits with(BookLimits limits, std::size_t shards) {
    limits.shards = shards;
    limits.commit_interval = milliseconds(0);
    return limits;
  }

  void assign(std::int32_t partition, std::optional<std::int64_t> committed = 0) {
    REQUIRE(book.assign(fresh(partition), committed, ""));
  }
  /// The next `records` of a partition, from `offset` on.
  void offer(std::int32_t partition, std::int64_t offset, int records = 1) {
    for (int i = 0; i < records; ++i)
      book.offer({.at = fresh(partition), .offset = offset + i, .value = "value"}, MonoTime{}, WallTime{});
  }
  struct Handed {
    std::size_t shard;
    SourceRecord record;
  };
  /// What left with this call. Whoever ends a record takes it out of `held`.
  std::vector<Handed> hand_out() {
    std::vector<Handed> all;
    book.hand_out([&](std::size_t shard, std::unique_ptr<Batch> batch) {
      for (const SourceRecord& record : batch->records()) all.push_back({shard, record});
      batches.push_back(std::move(batch));
    });
    for (const Handed& each : all) held[{each.record.stay.epoch, each.record.offset}] = each.record.pending;
    return all;
  }
  void release(const SourceRecord& record) {
    end(record, [](PendingRecord* one) { Consumer::release(one); });
  }
  void give_back(const SourceRecord& record) {
    end(record, [](PendingRecord* one) { Consumer::give_back(one); });
  }
  template <class How>
  void end(const SourceRecord& record, How how) {
    REQUIRE(held.erase({record.stay.epoch, record.offset}) == 1);
    how(record.pending);
  }
  /// Partitions of each shard.
  std::vector<std::size_t> loads() const {
    std::vector<std::size_t> count(shards);
    for (const TopicPartition at : book.partitions()) ++count[book.shard_of(at)];
    return count;
  }
  std::size_t spread() const {
    const std::vector<std::size_t> all = loads();
    const auto [least, most] = std::ranges::minmax(all);
    return most - least;
  }
  std::map<std::int32_t, std::size_t> shards_now() const {
    std::map<std::int32_t, std::size_t> all;
    for (const TopicPartition at : book.partitions()) all[at.partition] = book.shard_of(at);
    return all;
  }
  ~Member() {
    hand_out();
    for (const auto& [name, pending] : held) Consumer::give_back(pending);
  }

  const std::size_t shards;
  ConsumerMetrics metrics;
  PartitionBook book;
  std::vector<std::unique_ptr<Batch>> batches;
  std::map<std::pair<std::uint32_t, std::int64_t>, PendingRecord*> held;
};

// How the group's assignors deal partitions out, for member `m` of `members`.
Ids strided(int members, int partitions, int m) {
  Ids ids;
  for (int id = m; id < partitions; id += members) ids.push_back(id);
  return ids;
}
Ids in_ranges(int members, int partitions, int m) {
  Ids ids;
  for (int id = 0; id < partitions; ++id)
    if (id * members / partitions == m) ids.push_back(id);
  return ids;
}
Ids shuffled(int members, int partitions, int m) {
  Ids all(static_cast<std::size_t>(partitions));
  std::iota(all.begin(), all.end(), 0);
  std::ranges::shuffle(all, std::mt19937_64(static_cast<std::uint64_t>(members) * 1'000 + 7));
  Ids ids;
  for (const int at : strided(members, partitions, m)) ids.push_back(all[static_cast<std::size_t>(at)]);
  return ids;
}

struct Fleet {
  int members;
  std::size_t shards;
  int partitions;
};
const std::vector<Fleet> kFleets = {
    {1, 1, 1},  {1, 4, 3},  {1, 4, 16},  {1, 7, 100}, {2, 2, 8},   {2, 4, 12},  {3, 2, 7},    {4, 4, 16},
    {4, 4, 64}, {4, 8, 16}, {8, 4, 256}, {5, 3, 48},  {6, 16, 60}, {16, 2, 32}, {3, 5, 1000},
};

TEST_CASE("book: partitions that come at once are dealt out evenly, in every shape and order", "[kafka][book]") {
  const Fleet fleet = GENERATE(from_range(kFleets));
  const auto deal = GENERATE(as<Ids (*)(int, int, int)>{}, strided, in_ranges, shuffled);
  const bool backwards = GENERATE(false, true);
  CAPTURE(fleet.members, fleet.shards, fleet.partitions, backwards);
  for (int m = 0; m < fleet.members; ++m) {
    Member member(fleet.shards);
    Ids ids = deal(fleet.members, fleet.partitions, m);
    if (backwards) std::ranges::reverse(ids);
    for (const std::int32_t id : ids) member.assign(id);
    CAPTURE(m, member.loads());
    CHECK(member.spread() <= 1);
    CHECK(member.book.partitions().size() == ids.size());
  }
}

TEST_CASE("book: cooperative rebalances keep what stays where it is", "[kafka][book]") {
  const std::uint64_t seed = GENERATE(range<std::uint64_t>(1, 41));
  CAPTURE(seed);
  std::mt19937_64 rng(seed);
  const std::size_t shards = 1 + rng() % 8;
  Member member(shards);
  Ids free(1 + rng() % 64);
  std::iota(free.begin(), free.end(), 0);
  Ids ours;
  for (int change = 0; change < 60; ++change) {
    const auto before = member.shards_now();
    const std::size_t spread_before = member.spread();
    Ids moved;
    const bool comes = ours.empty() || (!free.empty() && rng() % 2 == 0);
    Ids& from = comes ? free : ours;
    std::ranges::shuffle(from, rng);
    for (std::size_t n = 1 + rng() % 3; n > 0 && !from.empty(); --n) {
      moved.push_back(from.back());
      from.pop_back();
    }
    Ids& to = comes ? ours : free;
    to.insert(to.end(), moved.begin(), moved.end());
    if (comes) {
      for (const std::int32_t id : moved) member.assign(id);
      CHECK(member.spread() <= std::max<std::size_t>(spread_before, 1));  // never less even than it was
    } else {
      member.book.leave(fresh(moved));
      member.book.retire(fresh(moved));
    }
    const auto after = member.shards_now();
    CHECK(after.size() == ours.size());
    for (const auto& [id, shard] : before)
      if (after.contains(id)) CHECK(after.at(id) == shard);
  }
}

TEST_CASE("book: one comes for one that went, and the shards stay even", "[kafka][book]") {
  const Fleet fleet = GENERATE(from_range(kFleets));
  CAPTURE(fleet.shards, fleet.partitions);
  Member member(fleet.shards);
  for (std::int32_t id = 0; id < fleet.partitions; ++id) member.assign(id);
  for (std::int32_t id = 0; id < fleet.partitions; ++id) {
    member.book.retire(fresh(Ids{id}));
    member.assign(fleet.partitions + id);
    CHECK(member.spread() <= 1);
  }
}

TEST_CASE("book: among equals the shard with the least in flight is chosen", "[kafka][book]") {
  Member member(3);
  for (std::int32_t id = 0; id < 3; ++id) member.assign(id);
  REQUIRE(member.book.shard_of(fresh(0)) == 0);
  REQUIRE(member.book.shard_of(fresh(1)) == 1);
  member.offer(0, 0, 5);
  member.offer(1, 0, 2);
  member.offer(2, 0, 9);
  SECTION("in flight counts") { CHECK((member.assign(3), member.book.shard_of(fresh(3))) == 1); }
  SECTION("what was finished does not") {
    for (const Member::Handed& each : member.hand_out())
      if (each.record.stay.at.partition == 2) member.release(each.record);
    member.book.settle();
    CHECK((member.assign(3), member.book.shard_of(fresh(3))) == 2);
  }
  SECTION("nor what was given back") {
    for (const Member::Handed& each : member.hand_out())
      if (each.record.stay.at.partition == 0) member.give_back(each.record);
    member.book.settle();
    CHECK((member.assign(3), member.book.shard_of(fresh(3))) == 0);
  }
  SECTION("nor what is stale") {
    member.book.retire(fresh(Ids{2}));
    member.assign(3);
    CHECK(member.book.shard_of(fresh(3)) == 2);
  }
  SECTION("the number of partitions counts first") {
    member.assign(3);
    member.assign(4);
    CHECK(member.book.shard_of(fresh(4)) == 0);  // five in flight: more than shard 1 has, which has two partitions
  }
}

TEST_CASE("book: a partition assigned again is a new stay", "[kafka][book]") {
  Member member(2);
  member.assign(5);
  member.offer(5, 0, 2);
  const auto first = member.hand_out();
  REQUIRE(first.size() == 2);
  member.assign(5);  // the assignment was lost, and came again without a revocation
  CHECK(member.book.take_ended() == std::vector<Stay>{first[0].record.stay});
  CHECK(member.book.in_flight() == 0);
  member.offer(5, 0, 2);
  const auto second = member.hand_out();
  REQUIRE(second.size() == 2);
  CHECK(second[0].record.stay.epoch != first[0].record.stay.epoch);
  for (const auto& each : first) member.release(each.record);
  member.book.settle();
  CHECK(read(member.metrics.stale_completions) == 2);
  CHECK(member.book.in_flight() == 2);
  CHECK(member.book.commits_of(Group::Fresh, fresh(Ids{5})).empty());  // nothing of this stay is done
}

TEST_CASE("book: what ends after its partition went touches nothing", "[kafka][book]") {
  const bool comes_again = GENERATE(false, true);
  const bool given_back = GENERATE(false, true);
  CAPTURE(comes_again, given_back);
  Member member(2);
  member.assign(0);
  member.assign(1);
  member.offer(0, 0, 3);
  member.offer(1, 0, 3);
  const auto handed = member.hand_out();
  member.book.leave(fresh(Ids{1}));
  CHECK(member.book.has_in_flight(fresh(Ids{1})));
  member.offer(1, 3);  // dropped: it leaves
  CHECK(member.hand_out().empty());
  member.book.retire(fresh(Ids{1}));
  CHECK_FALSE(member.book.has_in_flight(fresh(Ids{1})));
  CHECK(member.book.take_ended().size() == 1);
  CHECK(member.book.take_ended().empty());
  if (comes_again) member.assign(1, 1);
  for (const auto& each : handed)
    if (each.record.stay.at.partition == 1) given_back ? member.give_back(each.record) : member.release(each.record);
  member.book.settle();
  CHECK(read(member.metrics.stale_completions) == 3);
  CHECK(member.book.in_flight() == 3);
  CHECK(member.book.commits_of(Group::Fresh, member.book.partitions()).empty());
  member.book.measure_in_flight();
  CHECK(read(member.metrics.pending_records) == 3);
}

TEST_CASE("book: a partition without anything in flight ends silently", "[kafka][book]") {
  Member member(2);
  member.assign(0);
  member.offer(0, 0);
  for (const auto& each : member.hand_out()) member.release(each.record);
  member.book.settle();
  member.book.retire(fresh(Ids{0, 3}));  // 3 was never ours
  CHECK(member.book.take_ended().empty());
  CHECK(member.book.partitions().empty());
}

TEST_CASE("book: a rewind begins anew on the same shard", "[kafka][book]") {
  Member member(4);
  for (std::int32_t id = 0; id < 7; ++id) member.assign(id, 100);
  const std::size_t shard = member.book.shard_of(fresh(5));
  member.offer(5, 100, 2);
  const auto before = member.hand_out();
  REQUIRE(before.size() == 2);
  member.offer(5, 3, 2);  // the topic was made anew
  const std::vector<PartitionBook::Rewind> rewinds = member.book.take_rewinds();
  REQUIRE(rewinds.size() == 1);
  CHECK(rewinds[0].at.partition == 5);
  CHECK(rewinds[0].to == 3);
  CHECK(rewinds[0].committed == 100);
  CHECK(member.book.take_ended() == std::vector<Stay>{before[0].record.stay});
  CHECK(member.book.shard_of(fresh(5)) == shard);
  const auto after = member.hand_out();
  REQUIRE(after.size() == 2);
  for (const auto& each : after) {
    CHECK(each.shard == shard);
    CHECK(each.record.stay.epoch > before[0].record.stay.epoch);
    member.release(each.record);
  }
  for (const auto& each : before) member.release(each.record);  // stale: the committed offset is the new log's
  member.book.settle();
  const std::vector<PartitionBook::Commit> commits = member.book.commits_of(Group::Fresh, fresh(Ids{5}));
  REQUIRE(commits.size() == 1);
  CHECK(commits[0].next == 5);
  CHECK(member.book.in_flight() == 0);
}

TEST_CASE("book: a paused partition stays paused over its rewind", "[kafka][book]") {
  Member member(1, {.in_flight_max = 2, .hold_before_pause = milliseconds(0)});
  member.assign(0, 100);
  member.offer(0, 100, 2);
  member.book.steer(MonoTime{});
  member.book.steer(MonoTime{});
  CHECK(member.book.take_pauses().pause == fresh(Ids{0}));
  member.offer(0, 3);
  CHECK(member.book.take_pauses().pause.empty());
  std::ignore = member.book.take_ended();
  member.book.retire(fresh(Ids{0}));
  member.hand_out();
}

TEST_CASE("book: no commit passes what was given back", "[kafka][book]") {
  Member member(1);
  member.assign(0, 10);
  member.offer(0, 10, 5);
  const auto handed = member.hand_out();
  REQUIRE(handed.size() == 5);
  for (const auto& each : handed)
    each.record.offset == 12 ? member.give_back(each.record) : member.release(each.record);
  member.book.settle();
  CHECK(member.book.in_flight() == 0);
  CHECK_FALSE(member.book.has_in_flight(fresh(Ids{0})));  // a revocation does not wait for it
  const std::vector<PartitionBook::Commit> commits = member.book.commits_of(Group::Fresh, fresh(Ids{0}));
  REQUIRE(commits.size() == 1);
  CHECK(commits[0].next == 12);
  // The next owner takes up that one alone.
  Member next(1);
  REQUIRE(next.book.assign(fresh(0), commits[0].next, commits[0].metadata));
  next.offer(0, 12, 4);
  const auto again = next.hand_out();
  REQUIRE(again.size() == 2);
  CHECK(again[0].record.offset == 12);
  CHECK(again[1].record.offset == 15);
  CHECK(read(next.metrics.skipped_done) == 2);
}

TEST_CASE("book: where a partition begins is committed before anything is done", "[kafka][book]") {
  Member member(1);
  member.assign(0, std::nullopt);
  CHECK_FALSE(member.book.position(fresh(0)));
  member.book.begin_at(fresh(0), 40);
  CHECK(member.book.position(fresh(0)) == 40);
  const std::vector<PartitionBook::Commit> commits = member.book.due_commits(Group::Fresh, MonoTime{});
  REQUIRE(commits.size() == 1);
  CHECK(commits[0].next == 40);
  CHECK(commits[0].metadata.empty());
  member.offer(0, 42);  // 40 and 41 were compacted away
  CHECK(read(member.metrics.gap_offsets) == 2);
  CHECK(member.book.in_flight() == 1);
}

TEST_CASE("book: what the log has forgotten is counted, unless it was done", "[kafka][book]") {
  struct Row {
    const char* name;
    std::vector<std::int64_t> done;  // of 100 … 149; 100 never is
    std::int64_t low;
    std::int64_t lost, position;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing", {}, 0, 0, 100},
      {"just not", {}, 100, 0, 100},
      {"the oldest", {}, 101, 1, 101},
      {"ten", {}, 110, 10, 110},
      {"ten, three of them done", {101, 105, 109, 110}, 110, 7, 111},
      {"one, and what follows is done", {101, 102, 103}, 101, 1, 104},
      {"all that is known, and more", {101, 149}, 100'000, 99'898, 100'000},
      {"far more than a ledger's window",
       {},
       100 + (std::int64_t{1} << 40),
       std::int64_t{1} << 40,
       100 + (std::int64_t{1} << 40)},
  }));
  CAPTURE(row.name);
  Member before(1);
  before.assign(0, 100);
  before.offer(0, 100, 50);
  for (const auto& each : before.hand_out())
    if (std::ranges::find(row.done, each.record.offset) != row.done.end()) before.release(each.record);
  before.book.settle();
  const std::vector<PartitionBook::Commit> commits = before.book.commits_of(Group::Fresh, fresh(Ids{0}));
  const std::string metadata = commits.empty() ? "" : commits[0].metadata;

  Member member(1);
  REQUIRE(member.book.assign(fresh(0), 100, metadata));
  CHECK(member.book.forget_below(fresh(0), row.low) == row.lost);
  CHECK(read(member.metrics.retention_lost) == static_cast<std::uint64_t>(row.lost));
  CHECK(member.book.position(fresh(0)) == row.position);
  CHECK(member.book.forget_below(fresh(0), row.low) == 0);  // said once
  // The records that are there come, and are no gap.
  const std::int64_t first = std::max<std::int64_t>(row.low, 100);
  member.offer(0, first, 60);
  CHECK(read(member.metrics.gap_offsets) == 0);
  CHECK(read(member.metrics.rewinds) == 0);
  const auto handed = member.hand_out();
  const auto done_above = std::ranges::count_if(row.done, [&](std::int64_t offset) { return offset >= first; });
  CHECK(handed.size() == static_cast<std::size_t>(60 - done_above));
  for (const auto& each : handed) member.release(each.record);
  member.book.settle();
  const std::vector<PartitionBook::Commit> after = member.book.commits_of(Group::Fresh, fresh(Ids{0}));
  REQUIRE(after.size() == 1);
  CHECK(after[0].next == first + 60);
}

TEST_CASE("book: a gap is retention's as far as the log does not reach back", "[kafka][book]") {
  struct Row {
    const char* name;
    std::int64_t low;
    std::int64_t lost;
  };
  const Row row = GENERATE(values<Row>({
      {"unknown", -1, 0},
      {"the log reaches further back: compacted", 5, 0},
      {"it begins with the gap", 13, 0},
      {"it begins in the gap", 15, 2},
      {"it begins with the record", 20, 7},
      {"it went on since", 500, 7},
  }));
  CAPTURE(row.name);
  Member member(1);
  member.assign(0, 10);
  member.offer(0, 10, 3);
  CHECK(member.book.take_gaps().empty());
  member.offer(0, 20);
  const std::vector<PartitionBook::Gap> gaps = member.book.take_gaps();
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].from == 13);
  CHECK(gaps[0].to == 20);
  CHECK(gaps[0].undone == 7);
  CHECK(member.book.count_lost(gaps[0], row.low) == row.lost);
  CHECK(read(member.metrics.retention_lost) == static_cast<std::uint64_t>(row.lost));
  CHECK(member.book.take_gaps().empty());
}

TEST_CASE("book: the lag is true before anything was committed", "[kafka][book]") {
  struct Row {
    const char* name;
    std::optional<std::int64_t> committed, begins;
    std::int64_t low, high;
    std::uint64_t lag;
  };
  const Row row = GENERATE(values<Row>({
      {"resumed", 30, {}, 10, 100, 70},
      {"resumed at the end", 100, {}, 10, 100, 0},
      {"overtaken by retention", 3, {}, 10, 100, 90},
      {"the log was made anew", 100, {}, 0, 5, 0},
      {"begins at the earliest", {}, 10, 10, 100, 90},
      {"begins at the end", {}, 100, 10, 100, 0},
      {"nothing is known of where it begins", {}, {}, 10, 100, 90},
      {"nothing is known of the log", 30, {}, -1001, -1001, 0},
      {"an empty log", {}, 0, 0, 0, 0},
  }));
  CAPTURE(row.name);
  Member member(1);
  member.assign(0, row.committed);
  member.book.set_log(fresh(0), row.low, row.high);
  if (row.begins) member.book.begin_at(fresh(0), *row.begins);
  member.book.measure(MonoTime{});
  CHECK(read(member.metrics.lag[0]) == row.lag);
  member.book.set_log(fresh(0), row.low - 1, row.high - 1);  // known in an earlier stay
  member.book.measure(MonoTime{});
  CHECK(read(member.metrics.lag[0]) == row.lag);
  member.book.set_log(fresh(0), -1001, -1001);  // librdkafka has not fetched yet: what the broker said before stays
  member.book.measure(MonoTime{});
  CHECK(read(member.metrics.lag[0]) == row.lag);
}

}  // namespace
}  // namespace nightpost::kafka
