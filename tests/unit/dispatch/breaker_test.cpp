#include "dispatch/breaker.h"

#include <catch2/catch.hpp>

#include "dispatch/breaker_gauge.h"
#include "times.h"

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {
constexpr milliseconds kFirst{5'000};
constexpr milliseconds kMax{18'000};
}  // namespace

TEST_CASE("breaker: who is doubtful probes after the others", "[dispatch][breaker]") {
  Breaker b;
  CHECK(b.admits_doubtful(kNow));
  REQUIRE(b.trip(false, kNow, kFirst, kMax));
  CHECK_FALSE(b.admits_doubtful(kNow));
  CHECK(b.admits(kNow + kFirst));
  CHECK_FALSE(b.admits_doubtful(kNow + 2 * kFirst - milliseconds(1)));
  CHECK(b.admits_doubtful(kNow + 2 * kFirst));
  REQUIRE(b.sent(kNow + 2 * kFirst));
  CHECK_FALSE(b.admits_doubtful(kNow + 4 * kFirst));  // somebody probes
  b.unclear(kNow + 4 * kFirst, kFirst);
  CHECK(b.admits(kNow + 5 * kFirst));
  CHECK_FALSE(b.admits_doubtful(kNow + 6 * kFirst - milliseconds(1)));
  CHECK(b.admits_doubtful(kNow + 6 * kFirst));
  REQUIRE(b.sent(kNow + 6 * kFirst));
  REQUIRE(b.passed());
  CHECK(b.admits_doubtful(kNow + 6 * kFirst));
}

TEST_CASE("breaker gauge: as its breaker, and half open once one may try", "[dispatch][breaker]") {
  using Shown = BreakerGauge::State;
  Breaker breaker;
  BreakerGauge gauge;
  CHECK(gauge.read(kNow) == Shown::Closed);
  breaker.trip(false, kNow, seconds(5), seconds(60));
  CHECK(gauge.read(kNow) == Shown::Closed);  // nobody told it
  gauge.set(breaker);
  CHECK(gauge.read(kNow) == Shown::Open);
  CHECK(gauge.read(kNow + milliseconds(4'999)) == Shown::Open);
  CHECK(gauge.read(kNow + seconds(5)) == Shown::HalfOpen);
  REQUIRE(breaker.sent(kNow + seconds(5)));
  gauge.set(breaker);
  CHECK(gauge.read(kNow + seconds(5)) == Shown::HalfOpen);
  CHECK(gauge.read(kNow) == Shown::HalfOpen);
  REQUIRE(breaker.passed());
  gauge.set(breaker);
  CHECK(gauge.read(kNow + seconds(5)) == Shown::Closed);
}

TEST_CASE("breaker: closed, open, one probe, closed", "[dispatch][breaker]") {
  Breaker b;
  CHECK(b.admits(kNow));
  CHECK_FALSE(b.sent(kNow));
  CHECK(b.trip(false, kNow, kFirst, kMax));
  CHECK(b.state() == Breaker::State::Open);
  CHECK_FALSE(b.admits(kNow));
  CHECK_FALSE(b.admits(kNow + kFirst - milliseconds(1)));
  CHECK(b.admits(kNow + kFirst));
  CHECK(b.sent(kNow + kFirst));
  CHECK(b.state() == Breaker::State::Probing);
  CHECK_FALSE(b.admits(kNow + std::chrono::hours(5)));
  b.passed();
  CHECK(b.state() == Breaker::State::Closed);
  CHECK(b.admits(kNow + kFirst));
}

TEST_CASE("breaker: a failed probe doubles the wait up to its limit; success starts over", "[dispatch][breaker]") {
  Breaker b;
  MonoTime now = kNow;
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
  REQUIRE(b.trip(false, kNow, kFirst, kMax));
  CHECK_FALSE(b.trip(false, kNow + milliseconds(100), kFirst, kMax));
  CHECK(b.admits(kNow + kFirst));
  REQUIRE(b.sent(kNow + kFirst));
  CHECK_FALSE(b.trip(false, kNow + kFirst, kFirst, kMax));
  CHECK(b.state() == Breaker::State::Probing);
}

TEST_CASE("breaker: after a probe that said nothing the next one comes a wait later", "[dispatch][breaker]") {
  Breaker b;
  REQUIRE(b.trip(false, kNow, kFirst, kMax));
  MonoTime now = kNow + kFirst;
  REQUIRE(b.sent(now));
  b.unclear(now, kFirst);
  CHECK_FALSE(b.admits(now));
  CHECK_FALSE(b.admits(now + kFirst - milliseconds(1)));
  now += kFirst;
  REQUIRE(b.sent(now));
  CHECK(b.trip(true, now, kFirst, kMax));  // and its refusal doubles what was before
  CHECK_FALSE(b.admits(now + 2 * kFirst - milliseconds(1)));
  CHECK(b.admits(now + 2 * kFirst));
}

TEST_CASE("breaker: what is said of a probe while none is out changes nothing", "[dispatch][breaker]") {
  Breaker b;
  CHECK_FALSE(b.passed());
  b.unclear(kNow, kFirst);
  CHECK(b.admits(kNow));
  REQUIRE(b.trip(true, kNow, kFirst, kMax));
  b.unclear(kNow, milliseconds(0));
  CHECK_FALSE(b.passed());
  CHECK_FALSE(b.admits(kNow + kFirst - milliseconds(1)));
  CHECK_FALSE(b.trip(true, kNow + kFirst, kFirst, kMax));  // the second answer to one probe's pushes
  CHECK(b.delay() == kFirst);
  CHECK(b.admits(kNow + kFirst));
  REQUIRE(b.sent(kNow + kFirst));
  CHECK(b.passed());
  CHECK(b.delay() == milliseconds(0));
}
