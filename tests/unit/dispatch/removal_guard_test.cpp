#include "dispatch/removal_guard.h"

#include <catch2/catch.hpp>

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {

const MonoTime kStart{std::chrono::hours(1)};

/// Counts so many answers; whether any of them was the one that passed the share.
bool count(RemovalGuard& guard, int alive, int dead, MonoTime now, const Options& options = {}) {
  bool passed = false;
  for (int i = 0; i < alive; ++i) passed |= guard.count(false, now, options);
  for (int i = 0; i < dead; ++i) passed |= guard.count(true, now, options);
  return passed;
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
  CHECK_FALSE(guard.count(true, kStart, options));
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
  for (int i = 0; i < 50; ++i) held = guard.count(true, kStart + options.mass_removal_period * i / 60, options);
  CHECK(held);
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
