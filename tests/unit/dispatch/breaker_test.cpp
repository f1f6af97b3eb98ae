#include "dispatch/breaker.h"

#include <catch2/catch.hpp>

using namespace nightpost;
using namespace nightpost::dispatch;
using State = Breaker::State;

namespace {
const MonoTime kStart{std::chrono::hours(1)};
constexpr milliseconds kFirst{5'000};
constexpr milliseconds kMax{18'000};
}  // namespace

TEST_CASE("breaker: closed, open, one probe, closed", "[dispatch][breaker]") {
  Breaker b;
  CHECK(b.admits(kStart));
  CHECK_FALSE(b.sent(kStart));
  CHECK(b.trip(false, kStart, kFirst, kMax));
  CHECK(b.state() == State::Open);
  CHECK_FALSE(b.admits(kStart));
  CHECK_FALSE(b.admits(kStart + kFirst - milliseconds(1)));
  CHECK(b.admits(kStart + kFirst));
  CHECK(b.sent(kStart + kFirst));
  CHECK(b.state() == State::Probing);
  CHECK_FALSE(b.admits(kStart + std::chrono::hours(5)));
  b.passed();
  CHECK(b.state() == State::Closed);
  CHECK(b.admits(kStart + kFirst));
}

TEST_CASE("breaker: a failed probe doubles the wait up to its limit; success starts over", "[dispatch][breaker]") {
  Breaker b;
  MonoTime now = kStart;
  REQUIRE(b.trip(false, now, kFirst, kMax));
  milliseconds wait = kFirst;
  for (const milliseconds next : {milliseconds(10'000), milliseconds(18'000), milliseconds(18'000)}) {
    now += wait;
    REQUIRE(b.sent(now));
    CHECK(b.trip(true, now, kFirst, kMax));
    wait = next;
    CHECK_FALSE(b.admits(now + wait - milliseconds(1)));
    CHECK(b.admits(now + wait));
  }
  now += wait;
  REQUIRE(b.sent(now));
  b.passed();
  REQUIRE(b.trip(false, now, kFirst, kMax));
  CHECK(b.admits(now + kFirst));
}

TEST_CASE("breaker: what was sent before it opened changes nothing", "[dispatch][breaker]") {
  Breaker b;
  REQUIRE(b.trip(false, kStart, kFirst, kMax));
  CHECK_FALSE(b.trip(false, kStart + milliseconds(100), kFirst, kMax));
  CHECK(b.admits(kStart + kFirst));
  REQUIRE(b.sent(kStart + kFirst));
  CHECK_FALSE(b.trip(false, kStart + kFirst, kFirst, kMax));
  CHECK(b.state() == State::Probing);
}

TEST_CASE("breaker: a probe that nobody answered leaves the next one free", "[dispatch][breaker]") {
  Breaker b;
  REQUIRE(b.trip(false, kStart, kFirst, kMax));
  REQUIRE(b.sent(kStart + kFirst));
  b.unclear();
  CHECK(b.admits(kStart + kFirst));
  CHECK(b.sent(kStart + kFirst));
}
