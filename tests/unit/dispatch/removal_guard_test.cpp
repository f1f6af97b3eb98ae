#include "dispatch/removal_guard.h"

#include <catch2/catch.hpp>

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {

const MonoTime kStart{std::chrono::hours(1)};

using Said = RemovalGuard::Said;
using Change = RemovalGuard::Change;

/// Counts so many answers of one kind; the last change that any of them made.
Change say(RemovalGuard& guard, Said said, int times, MonoTime now, const Options& options = {}) {
  Change last = Change::None;
  for (int i = 0; i < times; ++i)
    if (const Change change = guard.count(said, now, options); change != Change::None) last = change;
  return last;
}

/// Of an app whose other answers say nothing of tokens; whether removals are held from now on.
bool count(RemovalGuard& guard, int others, int dead, MonoTime now, const Options& options = {}) {
  say(guard, Said::Other, others, now, options);
  return say(guard, Said::Dead, dead, now, options) == Change::Held;
}

}  // namespace

TEST_CASE("removal guard: over the share of enough answers", "[dispatch][removal]") {
  struct Row {
    int alive, dead;
    bool held;
  };
  const Row row = GENERATE(values<Row>({
      {0, 0, false},
      {100, 0, false},
      {0, 49, false},   // too few to judge
      {0, 50, true},    // all dead
      {35, 15, false},  // 30 % is not over 30 %
      {34, 16, true},
      {700, 300, false},
      {699, 301, true},
  }));
  CAPTURE(row.alive, row.dead);
  RemovalGuard guard;
  CHECK(count(guard, row.alive, row.dead, kStart) == row.held);
  CHECK(guard.holds(kStart) == row.held);
}

TEST_CASE("removal guard: says so once, holds for a period after the last", "[dispatch][removal]") {
  RemovalGuard guard;
  const Options options;
  REQUIRE(count(guard, 0, 50, kStart));
  CHECK(guard.count(Said::Dead, kStart, options) == Change::None);
  CHECK(guard.holds(kStart + options.mass_removal_period - milliseconds(1)));
  CHECK_FALSE(guard.holds(kStart + options.mass_removal_period));
}

TEST_CASE("removal guard: answers older than the period count no more", "[dispatch][removal]") {
  RemovalGuard guard;
  const Options options;
  REQUIRE_FALSE(count(guard, 0, 49, kStart));
  CHECK_FALSE(count(guard, 0, 49, kStart + options.mass_removal_period));
  CHECK(count(guard, 0, 1, kStart + options.mass_removal_period));
}

TEST_CASE("removal guard: the slices of one period add up", "[dispatch][removal]") {
  RemovalGuard guard;
  const Options options;
  bool held = false;
  for (int i = 0; i < 50; ++i)
    held = guard.count(Said::Dead, kStart + options.mass_removal_period * i / 60, options) == Change::Held;
  CHECK(held);
}

TEST_CASE("removal guard: accepted pushes say that the dead are dead indeed", "[dispatch][removal]") {
  struct Row {
    const char* what;
    int live, dead, others;
    bool held;
  };
  const Row row = GENERATE(values<Row>({
      {"four of five are dead", 40, 160, 0, false},
      {"a tenth lives", 10, 90, 0, false},
      {"less than a tenth lives", 9, 90, 0, true},
      {"one lives", 1, 99, 0, true},
      {"none lives", 0, 100, 0, true},
      {"refusals for other reasons are no life", 0, 100, 100, true},
      {"few are dead, few live", 1, 30, 70, false},
  }));
  CAPTURE(row.what);
  RemovalGuard guard;
  say(guard, Said::Other, row.others, kStart);
  say(guard, Said::Lives, row.live, kStart);
  CHECK((say(guard, Said::Dead, row.dead, kStart) == Change::Held) == row.held);
}

TEST_CASE("removal guard: released once enough live, and says so once", "[dispatch][removal]") {
  RemovalGuard guard;
  const Options options;
  REQUIRE(say(guard, Said::Dead, 90, kStart) == Change::Held);
  SECTION("by accepted pushes") {
    CHECK(say(guard, Said::Lives, 9, kStart) == Change::None);
    CHECK(guard.holds(kStart));
    CHECK(guard.count(Said::Lives, kStart, options) == Change::Released);
    CHECK_FALSE(guard.holds(kStart));
    CHECK(guard.count(Said::Lives, kStart, options) == Change::None);
    CHECK(guard.count(Said::Dead, kStart, options) == Change::None);  // 10.8 % live
    CHECK(say(guard, Said::Dead, 20, kStart) == Change::Held);
  }
  SECTION("not by other answers") {
    CHECK(say(guard, Said::Other, 1'000, kStart) == Change::None);
    CHECK(guard.holds(kStart));
  }
  SECTION("not by what was accepted before the period") {
    CHECK(say(guard, Said::Lives, 1, kStart + options.mass_removal_period - milliseconds(1)) == Change::None);
    CHECK(guard.holds(kStart + options.mass_removal_period - milliseconds(1)));
  }
  SECTION("never, where nothing but life counts") {
    Options strict;
    strict.mass_removal_live_share = 1;
    CHECK(say(guard, Said::Lives, 1'000, kStart, strict) == Change::None);
    CHECK(guard.holds(kStart));
  }
}

TEST_CASE("410: only a token the vendor saw dead since it was registered goes", "[dispatch][removal]") {
  struct Row {
    std::int64_t registered;
    std::optional<std::int64_t> gone;
    std::int64_t sent;
    bool want;
  };
  const Row row = GENERATE(values<Row>({
      {1735500000000, 1735603200000, 1735700000000, true},  // the vendor page's own example
      {1735650000000, 1735603200000, 1735700000000, false},
      {1735603200000, 1735603200000, 1735700000000, true},
      {1735603200001, 1735603200000, 1735700000000, false},
      {1735650000000, std::nullopt, 1735700000000, true},
      {1735700000000, std::nullopt, 1735700000000, false},
      {1735700000001, std::nullopt, 1735700000000, false},
  }));
  CAPTURE(row.registered, row.sent);
  Device device;
  device.registered_at = wall_from_ms(row.registered);
  const auto gone = row.gone ? std::optional(wall_from_ms(*row.gone)) : std::nullopt;
  CHECK(may_remove(device, gone, wall_from_ms(row.sent)) == row.want);
}
