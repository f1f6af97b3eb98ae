// What becomes of a push once it was sent.
#include <catch2/catch.hpp>
#include <functional>

#include "dispatch_fixture.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::event_for;
using nightpost::testing::Fixture;
using nightpost::testing::kNowMs;
using nightpost::testing::World;
using nlohmann::json;

TEST_CASE("dispatcher: the vendor's final answers", "[dispatch]") {
  struct Row {
    int status;
    std::string body;
    const char *outcome, *rule;
    bool letter;
  };
  const auto row = GENERATE(values<Row>({
      {400, "PayloadEmpty", "rejected", "vendor_rejected", true},
      {400, "BadDeviceToken", "rejected", "token_suspect", false},
      {404, "BadPath", "rejected", "vendor_misconfigured", true},
      {451, "Policy", "suppressed", "vendor_suppressed", false},
      {403, "Forbidden", "dead", "credential_bad", true},
      {410, "Unregistered", "token_removed", "token_gone", false},
      {410, "Unregistered " + std::to_string(kNowMs), "token_removed", "token_gone", false},
      {410, "Unregistered 5", "rejected", "token_newer", false},
  }));
  CAPTURE(row.status, row.body);
  Fixture f;
  f.world.add("vinson");
  const json event = event_for({"vinson"});
  f.accept(event);
  f.world.answer(row.status, row.body);
  const json outcome = f.only_outcome();
  CHECK(outcome["outcome"] == row.outcome);
  CHECK(outcome["rule"] == row.rule);
  CHECK(outcome["code"] == row.body.substr(0, row.body.find(' ')));
  CHECK(outcome["certificate_id"] == 1);
  CHECK(f.world.letters.size() == (row.letter ? 1U : 0U));
  if (row.letter) {
    CHECK(f.world.letters[0].stage == "deliver");
    CHECK(f.world.letters[0].vendor == "apns");
    CHECK(f.world.letters[0].attempts == 1);
    CHECK(f.world.letters[0].value == event.dump());
  }
  CHECK(f.world.removed.size() == (std::string(row.rule) == "token_gone" ? 1U : 0U));
  CHECK(f.world.left.size() == (row.status == 403 ? 1U : 0U));
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: a removal that did not happen", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  SECTION("somebody was faster") {
    f.world.removes = false;
    f.world.answer(410, "Unregistered");
    CHECK(f.only_outcome()["rule"] == "token_already_removed");
  }
  SECTION("the store failed") {
    f.world.remove_error = Error{Errc::Io, "disk full"};
    f.world.answer(410, "Unregistered");
    CHECK(f.only_outcome()["rule"] == "removal_failed");
  }
}

TEST_CASE("dispatcher: repeats carry the same ids until the attempts are used up", "[dispatch]") {
  Fixture f;
  f.world.routes[1]->certificate.vendor = Vendor::Honor;  // which asks for nothing special
  f.world.add("vinson").devices[0].platform = Platform::Android;
  f.accept(event_for({"vinson"}));
  for (int attempt = 1; attempt <= f.options.attempts_max; ++attempt) {
    REQUIRE(f.world.sent.size() == static_cast<std::size_t>(attempt));
    CHECK(f.world.sent.back().header("push-id") == f.world.sent.front().header("push-id"));
    CHECK(f.world.sent.back().header("collapse-id") == f.world.sent.front().header("collapse-id"));
    CHECK(f.world.outcomes.empty());
    f.world.answer(503, "Shutdown");
    f.pass(seconds(15));
  }
  CHECK(f.only_outcome()["outcome"] == "retrying");
  CHECK(f.only_outcome()["rule"] == "vendor_failing");
  CHECK(f.only_outcome()["attempt"] == f.options.attempts_max);
  CHECK(f.world.letters.empty());
  CHECK(f.only_remainder().left.at(0).devices.at(0).sent == f.options.attempts_max);
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: what the vendor fails without a reason is tried once more", "[dispatch]") {
  Fixture f;
  f.world.routes[1]->certificate.vendor = Vendor::Honor;
  f.world.add("vinson").devices[0].platform = Platform::Android;
  f.accept(event_for({"vinson"}));
  f.world.answer(500, "Failed");
  f.pass(f.options.backoff_max);
  REQUIRE(f.world.sent.size() == 2);
  SECTION("and then let be") {
    f.world.answer(500, "Failed");
    CHECK(f.only_outcome()["rule"] == "vendor_suppressed");
    CHECK(f.only_outcome()["code"] == "Failed");
    CHECK(f.world.letters.empty());
    CHECK(f.world.removed.empty());
  }
  SECTION("but another failure in between is another matter") {
    f.world.answer(500, "Busy");
    f.pass(f.options.backoff_max);
    REQUIRE(f.world.sent.size() == 3);
    f.world.answer(200);
    CHECK(f.only_outcome()["outcome"] == "accepted");
  }
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: no answer twice is enough for now", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  f.world.lose(Errc::Timeout, true);
  f.pass(seconds(1));
  REQUIRE(f.world.sent.size() == 2);
  CHECK(f.world.metrics.repeats_maybe_sent.read() == 1);
  f.world.lose(Errc::ConnectionLost, true);
  CHECK(f.only_outcome()["rule"] == "unanswered");
  CHECK(f.world.letters.empty());
  CHECK(f.only_remainder().left.at(0).devices.at(0).unheard == 2);
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: a retry that would come after the expiry is not made", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  json event = event_for({"vinson"});
  event["expires_at"] = kNowMs + 5'000;
  f.accept(event);
  CHECK(f.world.sent[0].deadline == f.world.clock.mono() + milliseconds(5'000));
  f.world.answer(503, "Shutdown 5");
  CHECK(f.only_outcome()["outcome"] == "expired");
  CHECK(f.world.letters.empty());
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: a stale grant is replaced once, for everybody", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.world.add("ann");
  f.accept(event_for({"vinson", "ann"}));
  REQUIRE(f.world.sent.size() == 2);
  f.world.answer(403, "Expired", 0);
  f.world.answer(403, "Expired", 1);
  REQUIRE(f.world.sent.size() == 4);  // at once
  CHECK(f.world.signatures == 2);
  CHECK(f.world.flushes == 3);
  CHECK(f.world.sent[2].header("authorization") == "grant 2");
  CHECK(f.world.sent[3].header("authorization") == "grant 2");
  CHECK(f.world.left == std::vector<std::uint64_t>{3, 3});
  f.world.answer(200, "id", 2);
  f.world.answer(403, "Expired", 3);
  CHECK(f.world.signatures == 2);
  CHECK(f.world.outcomes[0]["outcome"] == "accepted");
  CHECK(f.world.outcomes[1]["rule"] == "credential_bad");
  CHECK(f.world.metrics.breakers_opened.read() == 1);
  CHECK(f.all_over());
}

TEST_CASE("dispatcher: a grant too young to be stale opens the breaker, unsigned", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.world.refresh_error = Error{Errc::Unauthorized, "made a minute ago"};
  f.accept(event_for({"vinson"}));
  f.world.answer(403, "Expired");
  CHECK(f.only_outcome()["rule"] == "credential_bad");
  CHECK(f.world.signatures == 1);
  CHECK(f.world.metrics.breakers_opened.read() == 1);

  f.accept(event_for({"vinson"}));
  CHECK(f.world.sent.size() == 1);
  CHECK(f.world.outcomes.back()["rule"] == "credential_breaker_open");
  CHECK(f.world.outcomes.back()["outcome"] == "retrying");
  CHECK(f.world.letters.size() == 1);
  CHECK(f.only_remainder().left.at(0).devices.at(0).rule == "credential_breaker_open");
}

TEST_CASE("dispatcher: the breaker lets one probe through and closes on its success", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  SECTION("opened by an answer") { f.world.answer(403, "Forbidden"); }
  SECTION("opened by the end of the connection") { f.world.lose(Errc::Unauthorized, false); }
  f.pass(f.options.breaker_first);
  f.accept(event_for({"vinson"}));
  f.accept(event_for({"vinson"}));
  REQUIRE(f.world.sent.size() == 2);  // the probe
  CHECK(f.world.outcomes.back()["rule"] == "credential_breaker_open");
  f.world.answer(200);
  f.accept(event_for({"vinson"}));
  CHECK(f.world.sent.size() == 3);
}

TEST_CASE("dispatcher: a replaced certificate starts with a closed breaker", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  f.world.answer(403, "Forbidden");
  f.world.routes[1] = World::route(1, 8);
  f.accept(event_for({"vinson"}));
  CHECK(f.world.sent.size() == 2);
}

TEST_CASE("dispatcher: a throttled credential rests, a throttled token only itself", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.world.add("ann");
  f.accept(event_for({"vinson"}));
  const std::string scope = GENERATE("Credential", "Token", "Connection");
  CAPTURE(scope);
  f.world.answer(429, scope + " 30");
  CHECK(f.world.left.size() == (scope == "Connection" ? 1U : 0U));
  f.accept(event_for({"ann"}));
  CHECK(f.world.sent.size() == (scope == "Credential" ? 1U : 2U));
  f.pass(milliseconds(29'999));
  CHECK(f.world.sent.size() == (scope == "Credential" ? 1U : 2U));
  f.pass(seconds(2));
  CHECK(f.world.sent.size() == 3);
  CHECK(f.world.outcomes.empty());
}

TEST_CASE("dispatcher: when too many tokens die, they stay", "[dispatch]") {
  Fixture f;
  for (int i = 0; i < 60; ++i) {
    f.world.add("u" + std::to_string(i));
    f.accept(event_for({"u" + std::to_string(i)}));
  }
  REQUIRE(f.world.sent.size() == 60);
  for (std::size_t i = 0; i < 60; ++i) f.world.answer(410, "Unregistered", i);
  CHECK(f.world.removed.size() == 49);
  CHECK(f.world.metrics.removals_held.read() == 11);
  CHECK(f.world.metrics.breakers_opened.read() == 0);
  CHECK(f.world.outcomes.back()["outcome"] == "rejected");
  CHECK(f.world.outcomes.back()["rule"] == "removal_held");
  CHECK(f.world.letters.size() == 11);

  // Those who live are told.
  f.accept(event_for({"u0"}));
  REQUIRE(f.world.sent.size() == 61);
  f.world.answer(200);
  CHECK(f.world.outcomes.back()["rule"] == "accepted");
  CHECK(f.world.letters.size() == 11);
}

TEST_CASE("dispatcher: a vendor's endless words are cut, so that the outcome fits into any topic", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  f.world.answer(400, std::string(500'000, 'w'));
  CHECK(f.only_outcome().dump().size() < 8'000);
  REQUIRE(f.world.letters.size() == 1);
  CHECK(f.world.letters.front().detail.size() < 8'000);
  CHECK(f.world.letters.front().code.size() < 8'000);
}
