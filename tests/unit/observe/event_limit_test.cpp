#include "observe/event_limit.h"

#include <catch2/catch.hpp>
#include <string>

namespace nightpost::observe {
namespace {

constexpr MonoTime kStart{std::chrono::hours(5)};

TEST_CASE("event limit: an event passes so often a second, and the next window tells what was kept back", "[observe]") {
  EventLimit limit(2);
  struct Row {
    const char* name;
    int at_ms;
    const char* event;
    bool passes;
    std::uint64_t dropped;
  };
  const Row rows[] = {
      {"the first", 0, "a", true, 0},
      {"the second", 1, "a", true, 0},
      {"one too many", 2, "a", false, 0},
      {"another event has its own allowance", 2, "b", true, 0},
      {"still the same second", 999, "a", false, 0},
      {"the next second tells", 1000, "a", true, 2},
      {"and tells it once", 1001, "a", true, 0},
      {"the new window has its own limit", 1002, "a", false, 0},
      {"a window later than the next", 60'000, "a", true, 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto verdict = limit.admit(row.event, kStart + milliseconds(row.at_ms));
    CHECK(verdict.passes == row.passes);
    CHECK(verdict.dropped == row.dropped);
  }
}

TEST_CASE("event limit: zero lets nothing pass", "[observe]") {
  EventLimit limit(0);
  CHECK_FALSE(limit.admit("a", kStart).passes);
  CHECK_FALSE(limit.admit("a", kStart + seconds(10)).passes);
  CHECK(limit.take_dropped() == std::vector<std::pair<std::string, std::uint64_t>>{{"a", 2}});
}

TEST_CASE("event limit: what was kept back is handed over once", "[observe]") {
  EventLimit limit(1);
  for (int i = 0; i < 4; ++i) limit.admit("flood", kStart);
  limit.admit("calm", kStart);
  CHECK(limit.take_dropped() == std::vector<std::pair<std::string, std::uint64_t>>{{"flood", 3}});
  CHECK(limit.take_dropped().empty());
  CHECK(limit.admit("flood", kStart + seconds(2)).dropped == 0);
}

TEST_CASE("event limit: names beyond the bound share one allowance", "[observe]") {
  EventLimit limit(1);
  for (std::size_t i = 0; i < EventLimit::kEventsMax; ++i) REQUIRE(limit.admit("e" + std::to_string(i), kStart).passes);
  CHECK(limit.admit("one more", kStart).passes);
  CHECK_FALSE(limit.admit("and another", kStart).passes);
  CHECK_FALSE(limit.admit("e0", kStart).passes);
  CHECK(limit.admit("e0", kStart + seconds(1)).passes);
  // Those whose second is over, and that kept nothing back, make room.
  CHECK(limit.admit("a third", kStart + seconds(2)).passes);
  CHECK(limit.admit("a fourth", kStart + seconds(2)).passes);
}

TEST_CASE("event limit: once a minute", "[observe]") {
  EventLimit limit(1, milliseconds(60'000));
  CHECK(limit.admit("a", kStart).passes);
  CHECK_FALSE(limit.admit("a", kStart + seconds(1)).passes);
  CHECK_FALSE(limit.admit("a", kStart + milliseconds(59'999)).passes);
  const EventLimit::Verdict next = limit.admit("a", kStart + seconds(60));
  CHECK(next.passes);
  CHECK(next.dropped == 2);
}

}  // namespace
}  // namespace nightpost::observe
