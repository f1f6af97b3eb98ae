#include "app/replay_pace.h"

#include <catch2/catch.hpp>

using namespace nightpost;
using namespace nightpost::app;

TEST_CASE("replay pace: a step is a quarter of a second, within bounds", "[app][dlq]") {
  struct Row {
    double rate;
    std::size_t step;
  };
  const Row row = GENERATE(values<Row>({{0.01, 1}, {1, 1}, {7, 1}, {8, 2}, {500, 125}, {2'000, 500}, {1e5, 500}}));
  CAPTURE(row.rate);
  CHECK(ReplayPace(row.rate).step() == row.step);
}

TEST_CASE("replay pace: never more than the rate, and what was not used is gone", "[app][dlq]") {
  ReplayPace pace(100);
  MonoTime now = MonoTime(seconds(1'000));
  CHECK(pace.next() <= now);
  pace.on_sent(25, now);
  CHECK(pace.next() == now + milliseconds(250));
  pace.on_sent(25, now + milliseconds(250));
  CHECK(pace.next() == now + milliseconds(500));
  now += seconds(60);  // nothing matched for a minute: no burst makes up for it
  pace.on_sent(25, now);
  CHECK(pace.next() == now + milliseconds(250));
}
