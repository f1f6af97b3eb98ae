// Healthy, silent, failing, and the one request that tries.
#include "dispatch/signer_health.h"

#include <catch2/catch.hpp>

#include "times.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using State = SignerHealth::State;

namespace {}

TEST_CASE("signer health: a healthy one is neither probed nor recovers", "[dispatch][health]") {
  SignerHealth health;
  CHECK(health.state() == State::Healthy);
  CHECK_FALSE(health.may_probe(kNow));
  CHECK_FALSE(health.recover());
  health.probe_ended(0, true, kNow, {});
  health.probe_ended(1, true, kNow, {});
  CHECK(health.state() == State::Healthy);
}

TEST_CASE("signer health: it falls once, and is probed after the first interval", "[dispatch][health]") {
  const Options options;
  const State to = GENERATE(State::Silent, State::Failing);
  SignerHealth health;
  CHECK(health.fall(to, kNow, options));
  CHECK(health.state() == to);
  CHECK_FALSE(health.fall(State::Silent, kNow, options));
  CHECK_FALSE(health.fall(State::Failing, kNow + seconds(9), options));
  CHECK(health.state() == to);
  CHECK(health.retry_at(kNow) == kNow + options.probe_first);
  CHECK_FALSE(health.may_probe(kNow + options.probe_first - milliseconds(1)));
  CHECK(health.may_probe(kNow + options.probe_first));
  CHECK(health.retry_at(kNow + seconds(7)) == kNow + seconds(7));
}

TEST_CASE("signer health: one probe at a time, and longer from each to the next", "[dispatch][health]") {
  const Options options;
  SignerHealth health;
  health.fall(State::Silent, kNow, options);
  MonoTime now = kNow + options.probe_first;
  for (const std::int64_t interval : {2'000, 4'000, 8'000, 16'000, 30'000, 30'000}) {
    CAPTURE(interval);
    REQUIRE(health.may_probe(now));
    const std::uint32_t probe = health.begin_probe();
    CHECK(probe != 0);
    now += seconds(10);
    CHECK_FALSE(health.may_probe(now));  // it is in the air
    CHECK(health.retry_at(now) > now);
    health.probe_ended(probe + 1, false, now, options);  // another one's end
    CHECK_FALSE(health.may_probe(now + options.probe_max));
    health.probe_ended(probe, false, now, options);
    CHECK(health.state() == State::Silent);
    CHECK(health.retry_at(now) == now + milliseconds(interval));
    health.probe_ended(probe, false, now + seconds(1), options);  // once
    now += milliseconds(interval) - milliseconds(1);
    CHECK_FALSE(health.may_probe(now));
    now += milliseconds(1);
  }
}

TEST_CASE("signer health: a probe that is answered with a failure says that it fails", "[dispatch][health]") {
  const Options options;
  SignerHealth health;
  health.fall(State::Silent, kNow, options);
  health.probe_ended(health.begin_probe(), true, kNow + seconds(2), options);
  CHECK(health.state() == State::Failing);
  health.probe_ended(health.begin_probe(), false, kNow + seconds(9), options);
  CHECK(health.state() == State::Failing);
}

TEST_CASE("signer health: recovery ends the probe; the interval is kept until it has settled", "[dispatch][health]") {
  const Options options;
  SignerHealth health;
  health.fall(State::Failing, kNow, options);
  const std::uint32_t probe = health.begin_probe();
  health.probe_ended(probe, true, kNow, options);
  const std::uint32_t second = health.begin_probe();
  CHECK(second != probe);
  CHECK(health.recover());
  CHECK_FALSE(health.recover());
  health.probe_ended(second, false, kNow, options);
  CHECK(health.state() == State::Healthy);
  const bool settled = GENERATE(false, true);
  if (settled) health.settle();
  health.fall(State::Silent, kNow, options);
  CHECK(health.retry_at(kNow) == kNow + (settled ? options.probe_first : 4 * options.probe_first));
  CHECK(health.may_probe(kNow + options.probe_max));
}
