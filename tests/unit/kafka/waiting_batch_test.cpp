#include "kafka/waiting_batch.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kafka/partition_book.h"
#include "kafka/pending_record.h"
#include "kafka/record_batch.h"

namespace nightpost::kafka {
namespace {

/// A pool, a batch of it, and how its records ended.
struct Bed {
  /// Record i has i + 1 bytes of value and is of partition i % 2.
  std::unique_ptr<RecordBatch> batch(int records) {
    auto made = std::make_unique<RecordBatch>();
    for (int i = 0; i < records; ++i) {
      const Stay stay{{0, i % 2}, 1};
      made->add(pool->acquire(stay, i, 0), stay, i, "", std::string(static_cast<std::size_t>(i) + 1, 'x'), "", "",
                WallTime{});
    }
    return made;
  }
  /// What has ended since the last call: "3" was released, "-3" was given back.
  std::set<std::string> ended() {
    std::set<std::string> all;
    pool->drain([&](const PendingRecord& pending) {
      CHECK(all.insert((pending.given_back() ? "-" : "") + std::to_string(pending.offset())).second);
    });
    return all;
  }
  static std::vector<PendingRecord*> take(WaitingBatch& from, std::size_t bytes) {
    std::vector<PendingRecord*> taken;
    for (const SourceRecord& record : from.take(bytes)) taken.push_back(record.pending);
    return taken;
  }
  PendingRecordPool::Owner pool = PendingRecordPool::make();
};

using Ended = std::set<std::string>;

TEST_CASE("waiting batch: it is taken in bites", "[kafka][waiting_batch]") {
  struct Row {
    std::size_t bytes;
    std::vector<std::size_t> bites;  // records, of values of 1, 2, 3, 4 and 5 bytes
  };
  const Row row = GENERATE(values<Row>({
      {1, {1, 1, 1, 1, 1}},
      {3, {2, 1, 1, 1}},
      {6, {3, 2}},
      {9, {4, 1}},
      {100, {5}},
  }));
  CAPTURE(row.bytes);
  Bed bed;
  WaitingBatch waiting(bed.batch(5));
  std::vector<std::size_t> bites;
  while (!waiting.empty()) {
    const std::vector<PendingRecord*> taken = Bed::take(waiting, row.bytes);
    bites.push_back(taken.size());
    for (PendingRecord* pending : taken) Consumer::release(pending);
  }
  CHECK(bites == row.bites);
  CHECK(waiting.take(100).empty());
  CHECK(bed.ended() == Ended{"0", "1", "2", "3", "4"});
}

TEST_CASE("waiting batch: what is not taken goes back with it", "[kafka][waiting_batch]") {
  const std::size_t bytes = GENERATE(0u, 1u, 3u, 100u);
  Bed bed;
  std::vector<PendingRecord*> taken;
  {
    WaitingBatch waiting(bed.batch(4));
    taken = Bed::take(waiting, bytes);
    WaitingBatch moved = std::move(waiting);
    CHECK(bed.ended().empty());
  }
  Ended back, released;
  for (std::size_t i = 0; i < 4; ++i)
    (i < taken.size() ? released : back).insert((i < taken.size() ? "" : "-") + std::to_string(i));
  CHECK(bed.ended() == back);
  for (PendingRecord* pending : taken) Consumer::release(pending);
  CHECK(bed.ended() == released);
  CHECK(bed.pool->out() == 0);
}

TEST_CASE("waiting batch: stale records go back, the others stay", "[kafka][waiting_batch]") {
  const auto of_partition = [](std::int32_t partition) {
    return [=](Stay stay) { return stay == Stay{{0, partition}, 1}; };
  };
  Bed bed;
  WaitingBatch waiting(bed.batch(6));
  const std::vector<PendingRecord*> taken = Bed::take(waiting, 3);
  REQUIRE(taken.size() == 2);
  SECTION("of one stay") {
    waiting.give_back(of_partition(1));
    CHECK(bed.ended() == Ended{"-3", "-5"});
    const std::span<const SourceRecord> rest = waiting.take(100);
    REQUIRE(rest.size() == 2);
    CHECK(rest[0].offset == 2);
    CHECK(rest[0].value == "xxx");
    CHECK(rest[1].offset == 4);
    CHECK(rest[1].value == "xxxxx");
    for (const SourceRecord& record : rest) Consumer::give_back(record.pending);
    CHECK(bed.ended() == Ended{"-2", "-4"});
  }
  SECTION("of an earlier stay of the same partition") {
    waiting.give_back([](Stay stay) { return stay == Stay{{}, 7}; });
    CHECK(bed.ended().empty());
    CHECK_FALSE(waiting.empty());
  }
  SECTION("all") {
    waiting.give_back([](Stay) { return true; });
    CHECK(waiting.empty());
    CHECK(bed.ended() == Ended{"-2", "-3", "-4", "-5"});
    waiting.give_back([](Stay) { return true; });
  }
  SECTION("twice") {
    waiting.give_back(of_partition(0));
    waiting.give_back(of_partition(0));
    CHECK(bed.ended() == Ended{"-2", "-4"});
  }
  for (PendingRecord* pending : taken) Consumer::release(pending);
  CHECK(bed.ended() == Ended{"0", "1"});
}

/// A shard in small, on a thread of its own: a dispatcher with room for few records, of which some are malformed and
/// end at once, others when a later one comes.
class SmallShard {
 public:
  explicit SmallShard(std::uint64_t seed) : rng_(seed), thread_([this] { run(); }) {}
  ~SmallShard() {
    post([this] { over_ = true; });
    thread_.join();
  }
  void enqueue(std::unique_ptr<Batch> batch) {
    post([this, waiting = std::make_shared<WaitingBatch>(std::move(batch))] {
      waiting_.push_back(std::move(*waiting));
    });
  }
  void hand_back(std::vector<Stay> ended) {
    post([this, ended = std::move(ended)] {
      const auto is_stale = [&](Stay stay) { return std::ranges::find(ended, stay) != ended.end(); };
      std::erase_if(open_, [&](PendingRecord* pending) {
        if (!is_stale(pending->stay())) return false;
        Consumer::give_back(pending);
        return true;
      });
      for (WaitingBatch& batch : waiting_) batch.give_back(is_stale);
      std::erase_if(waiting_, [](const WaitingBatch& batch) { return batch.empty(); });
    });
  }
  /// Everything that was released, by stay. REQUIRED: the shard is idle or gone.
  std::map<std::pair<std::int32_t, std::uint32_t>, std::set<std::int64_t>> released() const {
    const std::scoped_lock lock(mutex_);
    return released_;
  }

 private:
  void post(std::function<void()> work) {
    const std::scoped_lock lock(mutex_);
    posted_.push_back(std::move(work));
  }
  void run() {
    while (!over_) {
      std::deque<std::function<void()>> work;
      {
        const std::scoped_lock lock(mutex_);
        work.swap(posted_);
      }
      for (const auto& each : work) each();
      accept();
      std::this_thread::yield();
    }
    for (PendingRecord* pending : open_) Consumer::give_back(pending);
    waiting_.clear();
    posted_.clear();
  }
  /// One bite, so that batches are left half taken between the calls from outside.
  void accept() {
    if (waiting_.empty()) return;
    for (const SourceRecord& record : waiting_.front().take(1 + rng_() % 20)) {
      open_.push_back(record.pending);
      const std::size_t which = rng_() % open_.size();
      if (rng_() % 4 == 0) continue;
      release(open_[which]);
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(which));
    }
    if (waiting_.front().empty()) waiting_.pop_front();
  }
  void release(PendingRecord* pending) {
    {
      const std::scoped_lock lock(mutex_);
      released_[{pending->stay().at.partition, pending->stay().epoch}].insert(pending->offset());
    }
    Consumer::release(pending);
  }

  std::mt19937_64 rng_;
  mutable std::mutex mutex_;
  std::deque<std::function<void()>> posted_;
  std::map<std::pair<std::int32_t, std::uint32_t>, std::set<std::int64_t>> released_;
  bool over_ = false;  // the thread's
  std::deque<WaitingBatch> waiting_;
  std::vector<PendingRecord*> open_;
  std::jthread thread_;
};

// ThreadSanitizer is one of the judges: pending records are recycled on this thread while the shard hands back.
TEST_CASE("waiting batch: rebalances while batches are half taken", "[kafka][waiting_batch]") {
  const std::uint64_t seed = GENERATE(range<std::uint64_t>(1, 6));
  CAPTURE(seed);
  std::mt19937_64 rng(seed);
  ConsumerMetrics metrics;
  PartitionBook book({.shards = 1, .commit_interval = milliseconds(0)}, metrics);
  std::map<std::int32_t, std::int64_t> committed, fetched;
  std::map<std::int32_t, std::uint32_t> epoch;
  std::uint32_t last_epoch = 0;
  std::uint64_t offered = 0;
  const auto assign = [&](std::int32_t partition) {
    REQUIRE(book.assign({0, partition}, committed[partition], ""));
    fetched[partition] = committed[partition];
    epoch[partition] = ++last_epoch;
  };
  auto shard = std::make_unique<SmallShard>(seed);
  // Nothing that is committed may be neither released nor committed before.
  const auto commit = [&] {
    for (const PartitionBook::Commit& each : book.commits_of(Group::Fresh, book.partitions())) {
      const auto all = shard->released();
      const auto done = all.find({each.at.partition, epoch[each.at.partition]});
      for (std::int64_t offset = committed[each.at.partition]; offset < each.next; ++offset)
        REQUIRE((done != all.end() && done->second.contains(offset)));
      committed[each.at.partition] = each.next;
      book.commit_answered(Group::Fresh, std::vector<PartitionBook::CommitAnswer>{{each.at, each.next, true}});
    }
  };
  for (int partition = 0; partition < 3; ++partition) assign(partition);
  for (int round = 0; round < 300; ++round) {
    book.settle();
    if (rng() % 10 == 0) {
      const auto partition = static_cast<std::int32_t>(rng() % 3);
      commit();
      book.retire(std::vector{TopicPartition{0, partition}});
      shard->hand_back(book.take_ended());
      assign(partition);
    }
    for (std::int32_t partition = 0; partition < 3; ++partition)
      for (std::uint64_t records = rng() % 20; records > 0; --records, ++offered)
        book.offer({.at = {0, partition}, .offset = fetched[partition]++, .value = std::string(1 + rng() % 3, 'x')},
                   MonoTime{}, WallTime{});
    book.hand_out([&](std::size_t, std::unique_ptr<Batch> batch) { shard->enqueue(std::move(batch)); });
  }
  commit();
  shard.reset();
  book.settle();
  CHECK(book.in_flight() == 0);
  book.measure_in_flight();
  CHECK(read(metrics.pending_records) == 0);
  CHECK(read(metrics.records) == offered);
}

}  // namespace
}  // namespace nightpost::kafka
