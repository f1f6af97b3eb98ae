#include "dispatch/tier.h"

#include <catch2/catch.hpp>

using namespace nightpost;
using namespace nightpost::dispatch;

TEST_CASE("tier: which one serves a wait", "[dispatch][tier]") {
  struct Row {
    milliseconds wait;
    Tier want;
    milliseconds left = milliseconds::max();
  };
  const auto row = GENERATE(values<Row>({
      {milliseconds(-1), Tier::TenSeconds},
      {milliseconds(0), Tier::TenSeconds},
      {seconds(10), Tier::TenSeconds},
      {seconds(30), Tier::TenSeconds},
      {milliseconds(30'001), Tier::OneMinute},
      {seconds(60), Tier::OneMinute},
      {seconds(300), Tier::OneMinute},
      {milliseconds(300'001), Tier::TenMinutes},
      {seconds(1'800), Tier::TenMinutes},
      {milliseconds(1'800'001), Tier::OneHour},
      {std::chrono::hours(20), Tier::OneHour},
      {milliseconds::max(), Tier::OneHour},
      // None outlasts what is left of the event, as long as there is a shorter one.
      {seconds(40), Tier::OneMinute, milliseconds(60'001)},
      {seconds(40), Tier::TenSeconds, seconds(60)},
      {seconds(2'400), Tier::TenMinutes, seconds(3'000)},
      {seconds(8), Tier::TenSeconds, seconds(9)},
  }));
  CAPTURE(row.wait.count(), row.left.count());
  CHECK(tier_for(row.wait, row.left) == row.want);
}

TEST_CASE("tier: each is longer than the one before, and has a name", "[dispatch][tier]") {
  for (std::size_t i = 0; i < kTiers; ++i) {
    CHECK_FALSE(name_of(Tier(i)).empty());
    if (i > 0) CHECK(delay_of(Tier(i)) > delay_of(Tier(i - 1)));
    CHECK(tier_for(delay_of(Tier(i))) == Tier(i));
  }
}
