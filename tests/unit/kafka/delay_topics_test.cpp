// Records that wait until they are due, and the parts of the limits, as the book decides them. On manual time.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kafka/partition_book.h"

namespace nightpost::kafka {
namespace {

constexpr milliseconds kDelay{10'000};
constexpr milliseconds kGrain = wait_grain(kDelay);
constexpr TopicPartition kFresh{0, 0}, kLate{1, 0}, kLater{2, 0};
using At = std::vector<TopicPartition>;
using Offer = PartitionBook::Offer;
using Flow = PartitionBook::Flow;

/// A book that reads fresh events, and two topics with delays of ten seconds and of a minute.
struct Bed {
  explicit Bed(BookLimits limits = {}) : book(with(limits), metrics) {}
  static BookLimits with(BookLimits limits) {
    limits.delays = {milliseconds(0), kDelay, milliseconds(60'000)};
    limits.commit_interval = milliseconds(0);
    limits.hold_before_pause = milliseconds(0);
    return limits;
  }
  ~Bed() {
    hand_out();
    for (const SourceRecord& record : held) Consumer::give_back(record.pending);
  }

  void pass(milliseconds time) { pass(time, time); }
  void pass(milliseconds mono_time, milliseconds wall_time) {
    mono += mono_time;
    wall += wall_time;
    round();
  }
  void round() {
    book.settle();
    book.steer(mono);
    book.unpark(mono, wall);
    const PartitionBook::Pauses changed = book.take_pauses();
    for (const TopicPartition at : changed.pause) paused[at] = true;
    for (const TopicPartition at : changed.resume) paused[at] = false;
    hand_out();
  }
  /// `due_in`: nullopt: no such header.
  Offer offer(TopicPartition at, std::int64_t offset, std::optional<milliseconds> due_in = {}) {
    const std::string due_at = due_in ? std::to_string(to_ms(wall + *due_in)) : "";
    return offer_text(at, offset, due_at);
  }
  Offer offer_text(TopicPartition at, std::int64_t offset, const std::string& due_at) {
    return book.offer({.at = at,
                       .offset = offset,
                       .key = "key",
                       .value = "value",
                       .traceparent = "trace",
                       .remainder = "left",
                       .due_at = due_at,
                       .written_at = wall_from_ms(offset + 1),
                       .origin = {"first", 3, 77}},
                      mono, wall);
  }
  void hand_out() {
    book.hand_out([this](std::size_t, std::unique_ptr<Batch> batch) {
      held.insert(held.end(), batch->records().begin(), batch->records().end());
      batches.push_back(std::move(batch));
    });
  }
  std::vector<std::int64_t> delivered(TopicPartition at) {
    hand_out();
    std::vector<std::int64_t> offsets;
    for (const SourceRecord& record : held)
      if (record.stay.at == at) offsets.push_back(record.offset);
    return offsets;
  }
  void release_all() {
    hand_out();
    for (const SourceRecord& record : std::exchange(held, {})) Consumer::release(record.pending);
    book.settle();
  }
  std::int64_t committed(TopicPartition at) {
    const auto commits = book.commits_of(group_of(at), At{at});
    if (commits.empty()) return -1;
    book.commit_answered(group_of(at), std::vector<PartitionBook::CommitAnswer>{{at, commits[0].next, true}});
    return commits[0].next;
  }

  ConsumerMetrics metrics;
  PartitionBook book;
  MonoTime mono{seconds(1'000)};
  WallTime wall = wall_from_ms(1'795'225'887'405);
  std::map<TopicPartition, bool> paused;
  std::vector<SourceRecord> held;
  std::vector<std::unique_ptr<Batch>> batches;
};

using Offsets = std::vector<std::int64_t>;

TEST_CASE("delay: a record waits for its time, and its partition with it", "[kafka][delay]") {
  Bed bed;
  for (const TopicPartition at : {kFresh, kLate, kLater}) REQUIRE(bed.book.assign(at, 0, ""));
  CHECK(bed.offer(kLate, 0, kDelay) == Offer::Parked);
  bed.round();
  CHECK(bed.paused[kLate]);
  CHECK_FALSE(bed.paused[kFresh]);
  CHECK_FALSE(bed.paused[kLater]);
  bed.book.measure(bed.mono);
  CHECK(read(bed.metrics.waiting_partitions) == 1);
  CHECK(read(bed.metrics.paused_partitions) == 0);
  CHECK(bed.book.in_flight() == 0);
  // Nobody waits with it.
  CHECK(bed.offer(kFresh, 0) == Offer::Admitted);
  CHECK(bed.offer(kLater, 0, milliseconds(0)) == Offer::Admitted);
  bed.pass(kDelay);
  CHECK(bed.delivered(kLate).empty());  // due, but for the grain
  CHECK(bed.paused[kLate]);
  bed.pass(kGrain);
  CHECK(bed.delivered(kLate) == Offsets{0});
  CHECK_FALSE(bed.paused[kLate]);
  bed.book.measure(bed.mono);
  CHECK(read(bed.metrics.waiting_partitions) == 0);
  CHECK(read(bed.metrics.due_ignored) == 0);
  // As it came.
  const auto late = std::ranges::find(bed.held, kLate, [](const SourceRecord& record) { return record.stay.at; });
  CHECK(late->key == "key");
  CHECK(late->value == "value");
  CHECK(late->traceparent == "trace");
  for (const SourceRecord& record : bed.held) CHECK(record.written_at == wall_from_ms(record.offset + 1));
  CHECK(late->remainder == "left");
  CHECK(late->pending->origin().topic == "first");
  CHECK(late->pending->origin().partition == 3);
  CHECK(late->pending->origin().offset == 77);
}

TEST_CASE("delay: what is due when it comes does not wait", "[kafka][delay]") {
  Bed bed;
  REQUIRE(bed.book.assign(kLate, 0, ""));
  CHECK(bed.offer(kLate, 0, milliseconds(-5)) == Offer::Admitted);
  CHECK(bed.offer(kLate, 1, milliseconds(0)) == Offer::Admitted);
  CHECK(bed.offer(kLate, 2, milliseconds(1)) == Offer::Parked);
  CHECK(read(bed.metrics.due_ignored) == 0);
}

TEST_CASE("delay: an absurd time is no reason to wait", "[kafka][delay]") {
  struct Row {
    const char* name;
    std::string due_at;
  };
  const Row row = GENERATE(values<Row>({{"none", ""},
                                        {"no number", "tomorrow"},
                                        {"negative", "-1"},
                                        {"beyond 64 bits", "99999999999999999999"},
                                        {"in seconds of another epoch", "9223372036854775807"},
                                        {"in a month", std::to_string(1'795'225'887'405 + 2'592'000'000)}}));
  CAPTURE(row.name);
  Bed bed;
  REQUIRE(bed.book.assign(kLate, 0, ""));
  CHECK(bed.offer_text(kLate, 0, row.due_at) == Offer::Admitted);
  CHECK(read(bed.metrics.due_ignored) == 1);
}

TEST_CASE("delay: fresh events know no time", "[kafka][delay]") {
  Bed bed;
  REQUIRE(bed.book.assign(kFresh, 0, ""));
  CHECK(bed.offer(kFresh, 0, milliseconds(5'000)) == Offer::Admitted);
  CHECK(bed.offer_text(kFresh, 1, "nonsense") == Offer::Admitted);
  CHECK(read(bed.metrics.due_ignored) == 0);
}

TEST_CASE("delay: what came before the pause was heard goes in order, each at its time", "[kafka][delay]") {
  Bed bed;
  REQUIRE(bed.book.assign(kLate, 0, ""));
  CHECK(bed.offer(kLate, 0, milliseconds(1'000)) == Offer::Parked);
  CHECK(bed.offer(kLate, 1, milliseconds(1'100)) == Offer::Parked);
  CHECK(bed.offer(kLate, 2, milliseconds(0)) == Offer::Parked);  // due, but behind them
  CHECK(bed.offer(kLate, 3, milliseconds(5'000)) == Offer::Parked);
  bed.pass(milliseconds(1'000) + kGrain);
  CHECK(bed.delivered(kLate) == Offsets{0, 1, 2});
  CHECK(bed.paused[kLate]);
  bed.pass(milliseconds(4'000));
  CHECK(bed.delivered(kLate) == Offsets{0, 1, 2, 3});
}

TEST_CASE("delay: a clock that jumps holds nobody for ever", "[kafka][delay]") {
  struct Row {
    const char* name;
    milliseconds jump;
    bool at_once;
    std::uint64_t ignored;
  };
  const Row row = GENERATE(values<Row>({{"an hour on", std::chrono::hours(1), true, 0},
                                        {"an hour back", -std::chrono::hours(1), true, 1},
                                        {"back by a second", -seconds(1), false, 0}}));
  CAPTURE(row.name);
  Bed bed;
  REQUIRE(bed.book.assign(kLate, 0, ""));
  REQUIRE(bed.offer(kLate, 0, kDelay) == Offer::Parked);
  bed.pass(milliseconds(1), row.jump);
  CHECK(bed.delivered(kLate).empty() != row.at_once);
  CHECK(read(bed.metrics.due_ignored) == row.ignored);
  bed.pass(kDelay + seconds(1) + kGrain);
  CHECK(bed.delivered(kLate) == Offsets{0});
}

TEST_CASE("delay: a clock that stands still is given up on", "[kafka][delay]") {
  Bed bed;
  REQUIRE(bed.book.assign(kLate, 0, ""));
  REQUIRE(bed.offer(kLate, 0, kDelay) == Offer::Parked);
  bed.pass(kDelay * kWaitDelaysMax + kGrain, milliseconds(0));
  CHECK(bed.delivered(kLate).empty());
  bed.pass(milliseconds(1), milliseconds(0));
  CHECK(bed.delivered(kLate) == Offsets{0});
  CHECK(read(bed.metrics.due_ignored) == 1);
}

TEST_CASE("delay: a revocation waits for no record that waits, and loses none", "[kafka][delay]") {
  Bed bed;
  REQUIRE(bed.book.assign(kLate, 0, ""));
  REQUIRE(bed.offer(kLate, 0, milliseconds(0)) == Offer::Admitted);
  REQUIRE(bed.offer(kLate, 1, kDelay) == Offer::Parked);
  bed.round();
  bed.release_all();
  CHECK_FALSE(bed.book.has_in_flight(At{kLate}));
  bed.book.leave(At{kLate});
  bed.pass(kDelay + kGrain);
  CHECK(bed.delivered(kLate).empty());  // it leaves: the next owner delivers it
  CHECK(bed.committed(kLate) == 1);
  bed.book.retire(At{kLate});
  CHECK(bed.book.take_ended().empty());

  Bed next;
  REQUIRE(next.book.assign(kLate, 1, ""));
  CHECK(next.book.position(kLate) == 1);
  CHECK(next.offer(kLate, 1, milliseconds(-1)) == Offer::Admitted);
}

TEST_CASE("delay: no commit passes a record that waits", "[kafka][delay]") {
  Bed bed;
  REQUIRE(bed.book.assign(kLate, 5, ""));
  REQUIRE(bed.offer(kLate, 5, kDelay) == Offer::Parked);
  bed.round();
  CHECK(bed.committed(kLate) == -1);
  bed.pass(kDelay + kGrain);
  bed.release_all();
  CHECK(bed.committed(kLate) == 6);
}

TEST_CASE("delay: a drain delivers nothing that waits", "[kafka][delay]") {
  Bed bed;
  REQUIRE(bed.book.assign(kLate, 0, ""));
  REQUIRE(bed.offer(kLate, 0, kDelay) == Offer::Parked);
  bed.round();
  bed.book.stop_taking();
  bed.pass(kDelay + kGrain);
  CHECK(bed.delivered(kLate).empty());
  CHECK(bed.paused[kLate]);
}

TEST_CASE("delay: partitions of one number in several topics have nothing in common", "[kafka][delay]") {
  Bed bed;
  for (const TopicPartition at : {kFresh, kLate, kLater})
    REQUIRE(bed.book.assign(at, std::int64_t{at.topic} * 100, ""));
  for (const TopicPartition at : {kFresh, kLate, kLater})
    REQUIRE(bed.offer(at, std::int64_t{at.topic} * 100, milliseconds(0)) == Offer::Admitted);
  bed.release_all();
  std::map<TopicPartition, std::int64_t> next;
  const auto commits_of = [&](Group group) { return bed.book.commits_of(group, bed.book.partitions()); };
  for (const Group group : kGroups)
    for (const auto& commit : commits_of(group)) next[commit.at] = commit.next;
  CHECK(next == std::map<TopicPartition, std::int64_t>{{kFresh, 1}, {kLate, 101}, {kLater, 201}});
  // Answers too.
  bed.book.commit_answered(Group::Fresh, std::vector<PartitionBook::CommitAnswer>{{kFresh, 1, true}});
  bed.book.commit_answered(Group::Delays,
                           std::vector<PartitionBook::CommitAnswer>{{kLate, 101, false}, {kLater, 201, true}});
  CHECK(commits_of(Group::Fresh).empty());
  const auto again = commits_of(Group::Delays);
  REQUIRE(again.size() == 1);
  CHECK(again[0].at == kLate);
  bed.book.retire(At{kLate});
  CHECK(bed.book.has(kFresh));
  CHECK(bed.book.has(kLater));
}

TEST_CASE("delay: a commit whose answer does not come holds up the other group's nowhere", "[kafka][delay]") {
  Bed bed;
  for (const TopicPartition at : {kFresh, kLate}) REQUIRE(bed.book.assign(at, std::int64_t{0}, ""));
  const auto finish = [&](std::int64_t offset) {
    for (const TopicPartition at : {kFresh, kLate}) REQUIRE(bed.offer(at, offset, milliseconds(0)) == Offer::Admitted);
    bed.release_all();
  };
  finish(0);
  const Group stuck = GENERATE(Group::Fresh, Group::Delays);
  const Group other = stuck == Group::Fresh ? Group::Delays : Group::Fresh;
  REQUIRE(bed.book.due_commits(stuck, bed.mono).size() == 1);
  for (std::int64_t offset = 1; offset < 4; ++offset) {
    const auto due = bed.book.due_commits(other, bed.mono);
    REQUIRE(due.size() == 1);
    CHECK(due[0].next == offset);
    CHECK(group_of(due[0].at) == other);
    CHECK(bed.book.commit_on_way(other));
    bed.book.commit_answered(other, std::vector<PartitionBook::CommitAnswer>{{due[0].at, due[0].next, true}});
    CHECK_FALSE(bed.book.commit_on_way(other));
    CHECK(bed.book.commit_on_way(stuck));
    CHECK(bed.book.due_commits(stuck, bed.mono).empty());
    finish(offset);
    bed.mono += seconds(1);
  }
  CHECK(read(bed.metrics.commit_errors) == 0);
  bed.book.commit_answered(stuck, {});  // lost: said again
  CHECK(read(bed.metrics.commit_errors) == 1);
  const auto again = bed.book.due_commits(stuck, bed.mono);
  REQUIRE(again.size() == 1);
  CHECK(again[0].next == 4);
}

TEST_CASE("delay: the lag is told apart by topic", "[kafka][delay]") {
  Bed bed;
  REQUIRE(bed.book.assign(kFresh, 0, ""));
  REQUIRE(bed.book.assign(kLate, 10, ""));
  bed.book.set_log(kFresh, 0, 7);
  bed.book.set_log(kLate, 0, 13);
  bed.book.measure(bed.mono);
  CHECK(read(bed.metrics.lag[0]) == 7);
  CHECK(read(bed.metrics.lag[1]) == 3);
  CHECK(read(bed.metrics.lag[2]) == 0);
}

TEST_CASE("delay: each topic is dealt out evenly", "[kafka][delay]") {
  Bed bed({.shards = 3});
  for (std::int32_t id = 0; id < 4; ++id) REQUIRE(bed.book.assign({0, id}, 0, ""));
  for (std::int32_t id = 0; id < 6; ++id) REQUIRE(bed.book.assign({1, id}, 0, ""));
  for (std::int32_t id = 0; id < 3; ++id) REQUIRE(bed.book.assign({2, id}, 0, ""));
  std::map<std::pair<std::uint32_t, std::size_t>, int> count;
  for (const TopicPartition at : bed.book.partitions()) ++count[{at.topic, bed.book.shard_of(at)}];
  for (std::size_t shard = 0; shard < 3; ++shard) {
    CHECK(count[{0, shard}] >= 1);
    CHECK(count[{1, shard}] == 2);
    CHECK(count[{2, shard}] == 1);
  }
}

/// As many as its intake takes.
int fill(Bed& bed, TopicPartition at) {
  int taken = 0;
  for (; bed.book.is_open(bed.book.intake_of(at)); ++taken)
    REQUIRE(bed.offer(at, taken, milliseconds(0)) == Offer::Admitted);
  return taken;
}

TEST_CASE("limits: each shard has its part, and of it a quarter is for delay topics", "[kafka][limits]") {
  struct Row {
    std::size_t shards, in_flight_max;
    int fresh, delayed;
  };
  const Row row = GENERATE(values<Row>({{1, 40, 30, 10}, {2, 40, 15, 5}, {2, 41, 15, 5}, {4, 40, 8, 2}, {2, 2, 1, 1}}));
  CAPTURE(row.shards, row.in_flight_max);
  Bed bed({.shards = row.shards, .in_flight_max = row.in_flight_max});
  const auto shards = static_cast<std::int32_t>(row.shards);
  for (const std::uint32_t topic : {0u, 1u, 2u})
    for (std::int32_t id = 0; id < shards; ++id) REQUIRE(bed.book.assign({topic, id}, 0, ""));
  for (std::int32_t id = 0; id < shards; ++id) {
    CHECK(fill(bed, {0, id}) == row.fresh);
    CHECK(fill(bed, {1, id}) == row.delayed);
    CHECK(fill(bed, {2, id}) == 0);  // of all delay topics together
  }
}

TEST_CASE("limits: what comes back does so at its rate", "[kafka][limits]") {
  Bed bed({.delay_rate_min = 100, .delay_rate_share = 0.5});
  for (const TopicPartition at : {kFresh, kLate}) REQUIRE(bed.book.assign(at, 0, ""));
  std::int64_t offset = 0;
  const auto take = [&] {
    const std::int64_t before = offset;
    while (bed.book.is_open(1) && offset < before + 10'000) bed.offer(kLate, offset++, milliseconds(0));
    bed.release_all();
    return offset - before;
  };
  CHECK(take() == 10);  // a tenth of a second's
  CHECK(bed.book.is_open(0));
  CHECK(bed.book.is_holding());
  bed.pass(milliseconds(0));
  CHECK(take() == 0);
  bed.pass(milliseconds(50));
  CHECK(take() == 5);
  bed.pass(seconds(10));
  CHECK(take() == 10);  // nothing was saved up
  CHECK(bed.book.flow(1) == Flow::Polling);
  CHECK_FALSE(bed.paused[kLate]);
  SECTION("where much is fresh, half of that") {
    std::int64_t fresh = 0, back = 0;
    for (int turn = 0; turn < 600; ++turn) {
      for (int i = 0; i < 20; ++i) bed.offer(kFresh, fresh++);
      bed.pass(milliseconds(20));
      back += turn < 500 ? 0 * take() : take();
    }
    CHECK(back > 990);
    CHECK(back <= 1'010);
  }
}

TEST_CASE("limits: without delay topics all is for fresh events", "[kafka][limits]") {
  ConsumerMetrics metrics;
  PartitionBook book({.shards = 2, .in_flight_max = 40}, metrics);
  CHECK(book.intakes() == 2);
  REQUIRE(book.assign({0, 0}, 0, ""));
  std::int64_t taken = 0;
  while (book.is_open(0)) book.offer({.at = {}, .offset = taken++, .value = "v"}, MonoTime{}, WallTime{});
  CHECK(taken == 20);
  book.hand_out([](std::size_t, std::unique_ptr<Batch> batch) {
    for (const SourceRecord& record : batch->records()) Consumer::give_back(record.pending);
  });
}

TEST_CASE("limits: a shard that is full stops neither its siblings nor the other kind", "[kafka][limits]") {
  const bool by_bytes = GENERATE(false, true);
  CAPTURE(by_bytes);
  Bed bed(by_bytes ? BookLimits{.shards = 2, .in_flight_bytes_max = 800}
                   : BookLimits{.shards = 2, .in_flight_max = 80});
  for (const std::uint32_t topic : {0u, 1u})
    for (std::int32_t id = 0; id < 2; ++id) REQUIRE(bed.book.assign({topic, id}, 0, ""));
  const int taken = fill(bed, {0, 0});
  CHECK(taken > 10);
  bed.round();
  bed.round();
  CHECK(bed.book.flow(bed.book.intake_of({0, 0})) == Flow::Paused);
  CHECK(bed.paused[{0, 0}]);
  for (const TopicPartition other : {TopicPartition{0, 1}, {1, 0}, {1, 1}}) {
    CAPTURE(other.topic, other.partition);
    CHECK_FALSE(bed.paused[other]);
    CHECK(bed.book.is_open(bed.book.intake_of(other)));
  }
  // And it goes on once there is room.
  bed.release_all();
  bed.round();
  CHECK_FALSE(bed.paused[{0, 0}]);
  CHECK(bed.book.is_open(bed.book.intake_of({0, 0})));
}

TEST_CASE("limits: what is due goes only where there is room", "[kafka][limits]") {
  Bed bed({.in_flight_max = 8});  // two for delay topics
  for (std::int32_t id = 0; id < 4; ++id) REQUIRE(bed.book.assign({1, id}, 0, ""));
  for (std::int32_t id = 0; id < 4; ++id) REQUIRE(bed.offer({1, id}, 0, seconds(5)) == Offer::Parked);
  bed.pass(seconds(6));
  CHECK(bed.book.in_flight() == 2);
  bed.release_all();
  bed.round();
  CHECK(bed.book.in_flight() == 2);
  bed.release_all();
  bed.round();
  CHECK(bed.book.in_flight() == 0);
}

TEST_CASE("delay: whatever comes in whatever order, each record is delivered once and not before its time",
          "[kafka][delay]") {
  const std::uint64_t seed = GENERATE(range<std::uint64_t>(1, 41));
  CAPTURE(seed);
  std::mt19937_64 rng(seed);
  Bed bed({.shards = 1 + rng() % 3, .in_flight_max = 8 + rng() % 40});
  struct Log {
    std::vector<WallTime> due;
    std::int64_t next = 0;
    std::int64_t committed = 0;
  };
  std::map<TopicPartition, Log> logs;
  std::map<TopicPartition, std::map<std::int64_t, int>> seen;
  for (const std::uint32_t topic : {1u, 2u})
    for (std::int32_t id = 0; id < 2; ++id) {
      Log& log = logs[{topic, id}];
      for (int i = 0; i < 60; ++i) log.due.push_back(bed.wall + milliseconds(rng() % 20'000) * (topic == 1 ? 1 : 6));
      std::ranges::sort(log.due);
      REQUIRE(bed.book.assign({topic, id}, 0, ""));
    }
  const auto all_done = [&] {
    return std::ranges::all_of(logs, [](const auto& log) { return log.second.committed == 60; });
  };
  for (int round = 0; round < 20'000 && !all_done(); ++round) {
    bed.pass(milliseconds(rng() % 200));
    for (auto& [at, log] : logs) {
      const std::size_t intake = bed.book.intake_of(at);
      while (!bed.paused[at] && log.next < 60 && bed.book.is_open(intake) && rng() % 8 != 0) {
        const auto offered = bed.offer_text(at, log.next, std::to_string(to_ms(log.due[std::size_t(log.next)])));
        ++log.next;
        if (offered == Offer::Parked) bed.round();
      }
    }
    bed.hand_out();
    for (const SourceRecord& record : bed.held) {
      CHECK(bed.wall >= logs[record.stay.at].due[std::size_t(record.offset)]);
      ++seen[record.stay.at][record.offset];
    }
    bed.release_all();
    for (const Group group : kGroups)
      for (const auto& commit : bed.book.commits_of(group, bed.book.partitions())) {
        logs[commit.at].committed = commit.next;
        bed.book.commit_answered(group, std::vector<PartitionBook::CommitAnswer>{{commit.at, commit.next, true}});
      }
  }
  CHECK(all_done());
  CHECK(read(bed.metrics.due_ignored) == 0);
  for (const auto& [at, offsets] : seen)
    for (const auto& [offset, times] : offsets) CHECK(times == 1);
}

}  // namespace
}  // namespace nightpost::kafka
