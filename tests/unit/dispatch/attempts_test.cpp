// After an attempt the push is in the air, gathered, waiting, parked, or gone: never none of them.
#include "dispatch/attempts.h"

#include <catch2/catch.hpp>
#include <functional>

#include "sending_bed.h"
#include "support/fake_batch_provider.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::FakeBatchProvider;
using nightpost::testing::SendingBed;

namespace {

void fill(SendingBed& bed) {
  for (std::size_t i = 0; i < bed.options.credential_in_flight_first; ++i) bed.pacer().sent(bed.now.mono);
}
void pause(SendingBed& bed, milliseconds time) {
  Pacer::Feedback feedback;
  const Answer full{.verdict = Verdict::Throttled, .retry_after = time, .scope = Scope::Credential};
  bed.pacer().count_answer(feedback, full, {}, nullptr, bed.now.mono);
  bed.pacer().conclude(feedback, Probe::None, 1, bed.now.mono, bed.now.mono);
}
std::shared_ptr<FakeBatchProvider> batching(SendingBed& bed) {
  auto provider = std::make_shared<FakeBatchProvider>();
  bed.world.routes[1]->provider = provider;
  return provider;
}

}  // namespace

TEST_CASE("attempts: it goes, waits or parks", "[dispatch][attempts]") {
  struct Row {
    const char* what;
    std::function<void(SendingBed&)> given;
    Push::State state;
    std::size_t sent;
  };
  const auto row = GENERATE(values<Row>({
      {"all is well", [](SendingBed&) {}, Push::State::InFlight, 1},
      {"a vendor that takes many", [](SendingBed& bed) { batching(bed); }, Push::State::Gathered, 0},
      {"the grant is being obtained", [](SendingBed& bed) { bed.world.grant_pending = true; }, Push::State::Parked, 0},
      {"the credential has all it may", [](SendingBed& bed) { fill(bed); }, Push::State::Parked, 0},
      {"the credential is paused", [](SendingBed& bed) { pause(bed, seconds(3)); }, Push::State::Waiting, 0},
      {"closing hours", [](SendingBed& bed) { batching(bed)->opens_at = bed.now.wall + seconds(30); },
       Push::State::Waiting, 0},
      {"the store is slow", [](SendingBed& bed) { bed.world.route_error = Error{Errc::Io, "disk"}; },
       Push::State::Waiting, 0},
      {"no grant for now", [](SendingBed& bed) { bed.world.grant_error = Error{Errc::Io, "busy"}; },
       Push::State::Waiting, 0},
  }));
  CAPTURE(row.what);
  SendingBed bed;
  row.given(bed);
  Push& push = bed.push();
  bed.attempts.attempt(push);
  CHECK(push.state == row.state);
  CHECK(bed.world.sent.size() == row.sent);
  CHECK(bed.world.outcomes.empty());
  CHECK(push.progress.attempts == int(row.sent));
  if (row.state != Push::State::InFlight && row.state != Push::State::Gathered) {
    REQUIRE(bed.timers.next());
    CHECK(*bed.timers.next() <= push.event->window.end());
  }
}

TEST_CASE("attempts: or it ends", "[dispatch][attempts]") {
  struct Row {
    const char* rule;
    std::function<void(SendingBed&)> given;
    bool letter;
  };
  const auto row = GENERATE(values<Row>({
      {"certificate_missing", [](SendingBed& bed) { bed.world.routes.clear(); }, true},
      {"certificate_unusable",
       [](SendingBed& bed) { bed.world.route_error = Error{Errc::Malformed, "sealed by another key"}; }, true},
      {"certificate_disabled",
       [](SendingBed& bed) { bed.world.routes[1]->certificate.status = CertificateStatus::Disabled; }, false},
      {"token_malformed", [](SendingBed& bed) { bed.world.add("vinson").devices[0].token = DeviceToken("bad"); },
       false},
      {"credential_breaker_open", [](SendingBed& bed) { bed.pacer().refuse(Probe::None, "x", "", bed.now.mono); },
       false},
      {"credential_bad", [](SendingBed& bed) { bed.world.grant_error = Error{Errc::Unauthorized, "no"}; }, true},
      {"vendor_throttled", [](SendingBed& bed) { pause(bed, std::chrono::minutes(30)); }, true},
      {"vendor_closed", [](SendingBed& bed) { batching(bed)->opens_at = bed.now.wall + std::chrono::hours(3); }, true},
      {"internal_error", [](SendingBed& bed) { bed.world.throws_in = "route"; }, true},
      {"internal_error", [](SendingBed& bed) { bed.world.throws_in = "send"; }, true},
      {"store_unavailable", [](SendingBed& bed) { bed.options.attempts_max = 0, bed.world.route_error = Error{}; },
       false},
  }));
  CAPTURE(row.rule);
  SendingBed bed;
  row.given(bed);
  bed.attempts.attempt(bed.push());
  CHECK(bed.only_rule() == row.rule);
  CHECK(bed.world.letters.size() == (row.letter ? 1 : 0));
  CHECK(bed.pushes.open() == 0);
  CHECK(bed.events.open() == 0);
  CHECK(bed.slots.empty());
}

TEST_CASE("attempts: a timer wakes whoever waits, and ends whoever is late", "[dispatch][attempts]") {
  SendingBed bed;
  Push& push = bed.push();
  SECTION("waiting, and there is a slot") {
    bed.attempts.wake(push);
    CHECK(push.state == Push::State::InFlight);
    bed.attempts.wake(push);  // an old timer of it
    CHECK(bed.world.sent.size() == 1);
  }
  SECTION("waiting, and there is none") {
    bed.options.pushes_in_flight_max = 0;
    bed.attempts.wake(push);
    CHECK(push.state == Push::State::Due);
    CHECK(bed.queues.has_due());
  }
  SECTION("parked, not late") {
    fill(bed);
    bed.attempts.attempt(push);
    bed.pass(seconds(1));
    bed.attempts.wake(push);
    CHECK(push.state == Push::State::Parked);
  }
  SECTION("late, whatever it waits for") {
    bed.options.pushes_in_flight_max = 0;
    if (GENERATE(false, true)) {
      fill(bed);
      bed.attempts.attempt(push);
    }
    bed.pass(bed.options.retry_for);
    bed.attempts.wake(push);
    CHECK(bed.only_rule() == "retries_exhausted");
  }
}

TEST_CASE("attempts: a refresh replays at once, waits for the grant, or refuses the credential",
          "[dispatch][attempts]") {
  SendingBed bed;
  Push& push = bed.push();
  bed.attempts.attempt(push);
  REQUIRE(push.state == Push::State::InFlight);
  push.state = Push::State::Due;
  const Next refresh{.what = Next::Do::Refresh};
  SECTION("at once, with the new one") {
    bed.attempts.carry_out(push, refresh, {});
    REQUIRE(bed.world.sent.size() == 2);
    CHECK(bed.world.sent[1].header("authorization") == "grant 2");
    CHECK(push.progress.refreshed);
  }
  SECTION("once it is there") {
    bed.world.grant_pending = true;
    bed.attempts.carry_out(push, refresh, {});
    CHECK(push.state == Push::State::Parked);
  }
  SECTION("too young to be stale") {
    bed.world.refresh_error = Error{Errc::Unauthorized, "too young"};
    bed.attempts.carry_out(push, refresh, {});
    CHECK(bed.only_rule() == "credential_bad");
    CHECK_FALSE(bed.pacer().breaker_admits(bed.now.mono));
  }
  SECTION("not to be had for now") {
    bed.world.refresh_error = Error{Errc::Io, "busy"};
    bed.attempts.carry_out(push, refresh, {});
    CHECK(push.state == Push::State::Waiting);
  }
  SECTION("handed back meanwhile") {
    push.event->leaving = true;
    bed.attempts.carry_out(push, refresh, {});
    CHECK(bed.world.outcomes.empty());
    CHECK(bed.events.open() == 0);
    CHECK(bed.world.released.empty());
  }
}

TEST_CASE("attempts: an exception's words lose the token, and are cut", "[dispatch][attempts]") {
  SendingBed bed;
  const std::uint64_t tag = bed.push().tag;
  const std::uint64_t all[] = {tag, 12345};
  bed.attempts.on_exception(all, "bad token-of-vinson-phone!" + std::string(2'000, 'x'));
  const std::string reason = bed.world.outcomes.at(0)["reason"];
  CHECK(reason.find("token-of") == std::string::npos);
  CHECK(reason.find("bad (token)!") != std::string::npos);
  CHECK(reason.size() < 500);
  CHECK(bed.world.metrics.internal_errors.read() == 1);
}
