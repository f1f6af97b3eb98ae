// How long the last of a queue waits.
#include "dispatch/drain_rate.h"

#include <catch2/catch.hpp>

#include "times.h"

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {
MonoTime at(std::int64_t ms) { return kNow + milliseconds(ms); }
}  // namespace

TEST_CASE("drain rate: not known before a quarter of a second", "[dispatch][drain]") {
  DrainRate rate;
  rate.begin(kNow);
  CHECK_FALSE(rate.wait_of(1, kNow));
  rate.left(50, at(100));
  CHECK_FALSE(rate.wait_of(1'000, at(249)));
  CHECK(rate.wait_of(1'000, at(250)) == milliseconds(5'000));
}

TEST_CASE("drain rate: where nothing leaves, for ever", "[dispatch][drain]") {
  DrainRate rate;
  rate.begin(kNow);
  CHECK_FALSE(rate.wait_of(1, at(999)));  // a moment says nothing
  CHECK(rate.wait_of(1, at(1'000)) == DrainRate::kNever);
  rate.begin(kNow);
  rate.left(100, at(500));
  CHECK(rate.wait_of(100, at(500)) == milliseconds(500));
  CHECK(rate.wait_of(1, at(60'000)) == DrainRate::kNever);  // that was long ago
}

TEST_CASE("drain rate: of the last one to two seconds", "[dispatch][drain]") {
  DrainRate rate;
  rate.begin(kNow);
  for (std::int64_t ms = 0; ms < 5'000; ms += 10) rate.left(1, at(ms));  // 100 a second
  CHECK(*rate.wait_of(100, at(5'000)) >= milliseconds(980));
  CHECK(*rate.wait_of(100, at(5'000)) <= milliseconds(1'020));
  for (std::int64_t ms = 5'000; ms < 8'000; ms += 1) rate.left(1, at(ms));  // ten times faster
  CHECK(*rate.wait_of(100, at(8'000)) <= milliseconds(110));
  SECTION("a new measuring forgets") {
    rate.begin(at(8'000));
    CHECK_FALSE(rate.wait_of(100, at(8'100)));
    CHECK(rate.wait_of(100, at(9'300)) == DrainRate::kNever);
  }
  SECTION("a queue that nobody could fill twice is never waited for longer than a day") {
    CHECK(*rate.wait_of(~std::size_t{0}, at(8'000)) == DrainRate::kNever);
  }
}
