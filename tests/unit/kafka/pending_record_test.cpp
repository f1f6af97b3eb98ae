#include "kafka/pending_record.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

namespace nightpost::kafka {
namespace {

TEST_CASE("pending: finishes when the last hold goes, not before", "[kafka][pending]") {
  const PendingRecordPool::Owner pool = PendingRecordPool::make();
  int finished = 0;
  const auto drain = [&] { pool->drain([&](const PendingRecord&) { ++finished; }); };
  PendingRecord* const pending = pool->acquire({{2, 3}, 5}, 77, 100);
  CHECK(pending->stay() == Stay{{2, 3}, 5});
  CHECK(pending->offset() == 77);
  CHECK(pending->bytes() == 100);
  pending->hold();
  pending->hold();
  pending->drop();
  pending->drop();
  drain();
  CHECK(finished == 0);
  pending->drop();
  drain();
  CHECK(finished == 1);
  drain();
  CHECK(finished == 1);
  PendingRecord* const again = pool->acquire({{0, 1}, 3}, 2, 4);
  CHECK(again == pending);
  again->drop();
}

TEST_CASE("pending: what was given back says so, whoever drops the last hold", "[kafka][pending]") {
  const bool message_last = GENERATE(false, true);
  const PendingRecordPool::Owner pool = PendingRecordPool::make();
  PendingRecord* const pending = pool->acquire({{2, 3}, 5}, 77, 100);
  pending->hold();  // of a message
  message_last ? pending->give_back() : pending->drop();
  CHECK(pool->out() == 1);
  message_last ? pending->drop() : pending->give_back();
  int given_back = 0;
  pool->drain([&](const PendingRecord& one) { given_back += one.given_back() ? 1 : 0; });
  CHECK(given_back == 1);
  CHECK(pool->out() == 0);

  PendingRecord* const again = pool->acquire({{0, 3}, 5}, 78, 100);
  REQUIRE(again == pending);
  again->drop();
  pool->drain([&](const PendingRecord& one) { given_back += one.given_back() ? 1 : 0; });
  CHECK(given_back == 1);
}

TEST_CASE("pending: dropped from many threads, each finishes once", "[kafka][pending]") {
  constexpr int kPendingRecords = 20'000, kThreads = 4;
  const PendingRecordPool::Owner pool = PendingRecordPool::make();
  std::vector<PendingRecord*> pending_records;
  for (int i = 0; i < kPendingRecords; ++i) {
    pending_records.push_back(pool->acquire({{0, 0}, 1}, i, 0));
    for (int t = 1; t < kThreads; ++t) pending_records.back()->hold();
  }
  std::set<std::int64_t> finished;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (PendingRecord* pending : pending_records) pending->drop();
    });
  while (finished.size() < kPendingRecords)
    pool->drain([&](const PendingRecord& pending) { CHECK(finished.insert(pending.offset()).second); });
  CHECK(finished.size() == kPendingRecords);
}

// ASan and LeakSanitizer are the judges here: the pool outlives its owner exactly until the last pending.
TEST_CASE("pending: may outlive the pool's owner", "[kafka][pending]") {
  const int dropped_before = GENERATE(0, 1, 3, 4);
  std::vector<PendingRecord*> pending_records;
  {
    const PendingRecordPool::Owner pool = PendingRecordPool::make();
    for (int i = 0; i < 4; ++i) pending_records.push_back(pool->acquire({{0, 0}, 1}, i, 0));
    for (int i = 0; i < dropped_before; ++i) pending_records[static_cast<std::size_t>(i)]->drop();
  }
  std::vector<std::jthread> threads;
  for (std::size_t i = static_cast<std::size_t>(dropped_before); i < pending_records.size(); ++i)
    threads.emplace_back([pending = pending_records[i]] { pending->drop(); });
}

TEST_CASE("pending: the owner may go while others drop", "[kafka][pending]") {
  for (int round = 0; round < 200; ++round) {
    PendingRecordPool::Owner pool = PendingRecordPool::make();
    std::vector<PendingRecord*> pending_records;
    for (int i = 0; i < 50; ++i) pending_records.push_back(pool->acquire({{0, 0}, 1}, i, 0));
    std::jthread dropper([&] {
      for (PendingRecord* pending : pending_records) pending->drop();
    });
    pool.reset();
  }
}

}  // namespace
}  // namespace nightpost::kafka
