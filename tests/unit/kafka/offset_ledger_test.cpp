#include "kafka/offset_ledger.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

namespace nightpost::kafka {
namespace {

using Begin = OffsetLedger::Begin;

TEST_CASE("ledger: commits the offset before which all is done", "[kafka][ledger]") {
  OffsetLedger ledger(100);
  for (std::int64_t offset = 100; offset < 104; ++offset) REQUIRE(ledger.begin(offset) == Begin::Taken);
  CHECK(ledger.commit().next == 100);
  ledger.complete(101);
  ledger.complete(103);
  CHECK(ledger.commit().next == 100);
  CHECK_FALSE(ledger.commit().metadata.empty());
  ledger.complete(100);
  CHECK(ledger.commit().next == 102);
  ledger.complete(102);
  CHECK(ledger.commit().next == 104);
  CHECK(ledger.commit().metadata.empty());
}

TEST_CASE("ledger: offsets that never come count as done", "[kafka][ledger]") {
  OffsetLedger ledger(0);
  REQUIRE(ledger.begin(5) == Begin::Taken);  // 0 to 4 were compacted away
  CHECK(ledger.commit().next == 5);
  REQUIRE(ledger.begin(9) == Begin::Taken);
  REQUIRE(ledger.begin(5'000'000'000) == Begin::NoRoom);  // too far ahead of 5 …
  ledger.complete(9);
  CHECK(ledger.commit().next == 5);
  ledger.complete(5);
  CHECK(ledger.commit().next == 10);
  REQUIRE(ledger.begin(5'000'000'000) == Begin::Taken);  // … and not once 5 is done
  CHECK(ledger.commit().next == 5'000'000'000);
  ledger.complete(5'000'000'000);
  CHECK(ledger.commit().next == 5'000'000'001);
}

TEST_CASE("ledger: what was done before a restart is skipped, what was not is taken", "[kafka][ledger]") {
  OffsetLedger before(7);
  for (std::int64_t offset = 7; offset < 40; ++offset) REQUIRE(before.begin(offset) == Begin::Taken);
  for (const std::int64_t offset : {9, 10, 11, 30, 39}) before.complete(offset);
  const OffsetLedger::Commit commit = before.commit();

  OffsetLedger after;
  REQUIRE(after.restore(commit.next, commit.metadata).has_value());
  for (std::int64_t offset = 7; offset < 40; ++offset) {
    CAPTURE(offset);
    const bool done = std::ranges::count(std::vector<std::int64_t>{9, 10, 11, 30, 39}, offset) > 0;
    CHECK(after.begin(offset) == (done ? Begin::Done : Begin::Taken));
  }
  after.complete(7);
  after.complete(8);
  CHECK(after.commit().next == 12);
}

TEST_CASE("ledger: restored records that vanished from the log do not hold the commit", "[kafka][ledger]") {
  OffsetLedger before(0);
  for (std::int64_t offset = 0; offset < 20; ++offset) REQUIRE(before.begin(offset) == Begin::Taken);
  before.complete(10);
  const OffsetLedger::Commit commit = before.commit();
  OffsetLedger after;
  REQUIRE(after.restore(commit.next, commit.metadata).has_value());
  CHECK(after.begin(8) == Begin::Taken);  // 0 to 7 went by retention
  CHECK(after.commit().next == 8);
  after.complete(8);
  CHECK(after.commit().next == 9);
  CHECK(after.begin(9) == Begin::Taken);
  after.complete(9);
  CHECK(after.commit().next == 11);
  CHECK(after.begin(10) == Begin::Done);  // below the commit by now, and still no rewind
  CHECK(after.begin(11) == Begin::Taken);
}

TEST_CASE("ledger: a record that comes twice is skipped, a log made anew is noticed", "[kafka][ledger]") {
  OffsetLedger ledger(50);
  REQUIRE(ledger.begin(50) == Begin::Taken);
  REQUIRE(ledger.begin(51) == Begin::Taken);
  CHECK(ledger.begin(50) == Begin::Done);
  CHECK(ledger.begin(51) == Begin::Done);
  CHECK(ledger.begin(49) == Begin::Rewound);
  ledger.complete(50);
  CHECK(ledger.begin(50) == Begin::Rewound);
  CHECK(ledger.open() == 1);
}

TEST_CASE("ledger: a full one refuses, changes nothing, and recovers", "[kafka][ledger]") {
  OffsetLedger ledger(0);
  // Every second block keeps an unfinished record: the dearest pattern there is for the room it covers.
  std::int64_t next = 0;
  std::vector<std::int64_t> open;
  while (ledger.begin(next) == Begin::Taken) {
    if (next % 16 == 3)
      open.push_back(next);
    else
      ledger.complete(next);
    ++next;
  }
  CHECK(ledger.commit().metadata.size() <= kMetadataBytesMax);
  CHECK_FALSE(ledger.has_capacity());
  const OffsetLedger::Commit full = ledger.commit();
  CHECK(ledger.begin(next) == Begin::NoRoom);
  CHECK(ledger.begin(next + 100'000) == Begin::NoRoom);
  CHECK(ledger.commit().next == full.next);
  CHECK(ledger.commit().metadata == full.metadata);
  CHECK(full.next == 3);
  for (const std::int64_t offset : open) ledger.complete(offset);
  CHECK(ledger.below_half());
  CHECK(ledger.commit().next == next);
  CHECK(ledger.begin(next) == Begin::Taken);
}

TEST_CASE("ledger: one stuck record lets millions pass, up to the window", "[kafka][ledger]") {
  OffsetLedger ledger(0);
  REQUIRE(ledger.begin(0) == Begin::Taken);
  std::int64_t next = 1;
  for (; ledger.begin(next) == Begin::Taken; ++next) ledger.complete(next);
  CHECK(next == static_cast<std::int64_t>(kWindowBlocksMax) * kOffsetsPerBlock);
  CHECK(ledger.commit().metadata.size() < 40);
  ledger.complete(0);
  CHECK(ledger.commit().next == next);
}

// The model keeps sets; the ledger must say the same, whatever order things end in.
TEST_CASE("ledger: never commits past an unfinished offset, and restores what it says", "[kafka][ledger][property]") {
  const auto seed = GENERATE(take(40, random(1u, 4'000'000'000u)));
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  const auto roll = [&](std::uint64_t n) { return dice() % n; };
  const std::uint64_t gap_share = roll(3) * 10, finish_share = 20 + roll(75);
  const std::uint64_t gap_max = roll(2) == 0 ? 5 : 150;

  std::int64_t next = static_cast<std::int64_t>(roll(1'000'000));
  OffsetLedger ledger(next);
  std::vector<std::int64_t> open;  // begun and unfinished
  std::set<std::int64_t> done;     // finished, and those that never came
  std::int64_t floor = next;       // everything below is done

  for (int step = 0; step < 3000; ++step) {
    if (roll(100) >= finish_share || open.empty()) {
      std::int64_t offset = next;
      if (roll(100) < gap_share) offset += static_cast<std::int64_t>(roll(gap_max));
      switch (ledger.begin(offset)) {
        case Begin::Taken:
          REQUIRE_FALSE(done.contains(offset));
          open.push_back(offset);
          break;
        case Begin::Done:
          REQUIRE((offset < floor || done.contains(offset)));
          break;
        case Begin::NoRoom:
          continue;
        case Begin::Rewound:
          FAIL("nothing was rewound");
      }
      for (std::int64_t gone = std::max(next, floor); gone < offset; ++gone) done.insert(gone);
      next = offset + 1;
    } else {
      const std::size_t which = roll(4) == 0 ? 0 : roll(open.size());
      const std::int64_t offset = open[which];
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
      ledger.complete(offset);
      done.insert(offset);
    }
    while (done.contains(floor)) done.erase(floor++);
    if (step % 50 != 0) continue;

    const OffsetLedger::Commit commit = ledger.commit();
    REQUIRE(commit.metadata.size() <= kMetadataBytesMax);
    for (const std::int64_t offset : open) REQUIRE(offset >= commit.next);
    REQUIRE(commit.next == floor);
    const auto blocks = parse_done(commit.next, commit.metadata);
    REQUIRE(blocks.has_value());
    const std::int64_t first = commit.next / 8 * 8;
    std::set<std::int64_t> said;
    for (std::size_t i = 0; i < blocks->size() * 8; ++i)
      if (((*blocks)[i / 8] >> (i % 8) & 1) != 0 && first + static_cast<std::int64_t>(i) > commit.next)
        said.insert(first + static_cast<std::int64_t>(i));
    std::set<std::int64_t> want;
    for (const std::int64_t offset : done)
      if (offset > commit.next) want.insert(offset);
    REQUIRE(said == want);

    if (roll(20) == 0 || step == 1500) {  // kill -9: what is not in the commit comes again
      OffsetLedger revived;
      REQUIRE(revived.restore(commit.next, commit.metadata).has_value());
      REQUIRE(revived.commit().next == commit.next);
      REQUIRE(revived.commit().metadata == commit.metadata);
      ledger = std::move(revived);
      open.clear();
      next = commit.next;
    }
  }
}

TEST_CASE("ledger: the text fits whatever ends after the last record was taken", "[kafka][ledger][property]") {
  const auto seed = GENERATE(take(15, random(1u, 4'000'000'000u)));
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  const std::uint64_t early = dice() % 100;
  OffsetLedger ledger(static_cast<std::int64_t>(dice() % (std::uint64_t{1} << 62)));
  std::vector<std::int64_t> open;
  for (std::int64_t offset = ledger.next_commit(); ledger.begin(offset) == Begin::Taken && open.size() < 60'000;
       ++offset) {
    if (dice() % 100 < early && offset != ledger.next_commit())
      ledger.complete(offset);
    else
      open.push_back(offset);
  }
  REQUIRE_FALSE(ledger.has_capacity());
  std::ranges::shuffle(open, dice);
  for (std::size_t i = 0; i < open.size(); ++i) {
    ledger.complete(open[i]);
    if (i % 97 == 0) REQUIRE(ledger.commit().metadata.size() <= kMetadataBytesMax);
  }
  CHECK(ledger.commit().metadata.empty());
}

}  // namespace
}  // namespace nightpost::kafka
