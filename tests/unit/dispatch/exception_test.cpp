// A bug behind a port ends the pushes it was asked about, not the process, and leaves nothing of them behind.
#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>

#include "batch_fixture.h"
#include "support/throwing_provider.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::BatchFixture;
using nightpost::testing::event_for;
using nightpost::testing::Fixture;
using nightpost::testing::ThrowingProvider;
using nlohmann::json;

namespace {

/// The provider of certificate 1 throws in `*call` from now on; empty: nowhere.
std::shared_ptr<std::string> make_throwing(Fixture& f) {
  auto call = std::make_shared<std::string>();
  auto& route = *f.world.routes[1];
  route.provider =
      std::make_shared<ThrowingProvider>(route.provider, [call](std::string_view name) { return name == *call; });
  return call;
}

void check_over(Fixture& f, const char* stage, std::size_t pushes, std::uint64_t errors = 1) {
  CHECK(f.all_over());
  CHECK(f.world.metrics.internal_errors.read() == errors);
  REQUIRE(f.world.letters.size() == 1);
  CHECK(f.world.letters[0].stage == stage);
  CHECK(f.world.letters[0].reason == "internal_error");
  CHECK(f.world.letters[0].value.starts_with("{"));
  CHECK(f.world.released.size() == 1);
  REQUIRE(f.world.outcomes.size() == pushes);
  for (const json& outcome : f.world.outcomes) {
    CHECK(outcome["outcome"] == "dead");
    CHECK(outcome["rule"] == "internal_error");
    CHECK(outcome.dump().find("token-of") == std::string::npos);
  }
}

/// The next event goes its way as if nothing had been.
void check_alive(Fixture& f) {
  const std::size_t settled = f.world.released.size(), letters = f.world.letters.size();
  f.world.add("another");
  f.accept(event_for({"another"}));
  f.world.answer(200);
  CHECK(f.world.released.size() == settled + 1);
  CHECK(f.world.letters.size() == letters);
  CHECK(f.all_over());
}

}  // namespace

TEST_CASE("exceptions: a provider that throws ends the push, with its words and without its token", "[dispatch]") {
  struct Row {
    const char *call, *stage;
  };
  const auto row = GENERATE(values<Row>({{"closed_until", "plan"}, {"build", "plan"}, {"classify", "deliver"}}));
  CAPTURE(row.call);
  Fixture f;
  f.world.add("vinson");
  const auto call = make_throwing(f);
  *call = row.call;
  f.accept(event_for({"vinson"}));
  if (std::string_view(row.call) == "classify") f.world.answer(200);
  check_over(f, row.stage, 1);
  CHECK(f.only_outcome()["attempt"] == (std::string_view(row.call) == "classify" ? 1 : 0));
  CHECK(f.world.letters[0].detail.find(std::string(row.call) + " near") != std::string::npos);
  CHECK(f.world.letters[0].detail.find("token-of") == std::string::npos);
  *call = "";
  check_alive(f);
}

TEST_CASE("exceptions: one device's fault is not the others'", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.world.add("denise");
  int builds = 0;
  auto& route = *f.world.routes[1];
  route.provider = std::make_shared<ThrowingProvider>(
      route.provider, [&](std::string_view name) { return name == "build" && builds++ == 0; });
  f.accept(event_for({"vinson", "denise"}));
  REQUIRE(f.world.sent.size() == 1);
  CHECK(f.world.released.empty());
  f.world.answer(200);
  REQUIRE(f.world.outcomes.size() == 2);
  CHECK(f.world.outcomes[0]["rule"] == "internal_error");
  CHECK(f.world.outcomes[1]["rule"] == "accepted");
  CHECK(f.world.letters.size() == 1);
  CHECK(f.world.released.size() == 1);
  CHECK(f.all_over());
}

TEST_CASE("exceptions: a port that throws", "[dispatch]") {
  struct Row {
    const char *call, *stage;
    int status;  // of the answer; 0: nothing is sent
  };
  const auto row = GENERATE(values<Row>({{"find", "resolve", 0},
                                         {"knows", "resolve", 0},
                                         {"route", "plan", 0},
                                         {"grant", "plan", 0},
                                         {"send", "deliver", 0},
                                         {"refresh", "deliver", 403},
                                         {"remove_token", "deliver", 410}}));
  CAPTURE(row.call);
  Fixture f;
  if (std::string_view(row.call) != "knows") f.world.add("vinson");
  f.world.throws_in = row.call;
  f.accept(event_for({"vinson"}));
  if (row.status != 0) f.world.answer(row.status, row.status == 403 ? "Expired" : "Unregistered");
  check_over(f, row.stage, 1);
  CHECK(f.world.letters[0].detail.find("a bug in " + std::string(row.call)) != std::string::npos);
  f.world.throws_in.clear();
  check_alive(f);
}

TEST_CASE("exceptions: a directory that throws after it has answered", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.world.throws_in = "after find";
  f.accept(event_for({"vinson"}));
  REQUIRE(f.world.sent.size() == 1);  // the answer counts
  f.world.answer(200);
  CHECK(f.only_outcome()["rule"] == "accepted");
  CHECK(f.all_over());
}

TEST_CASE("exceptions: a connection that cannot be left costs nobody the push", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.world.throws_in = "drain_connection";
  f.accept(event_for({"vinson"}));
  f.world.answer(429, "Connection 1");
  CHECK(f.world.metrics.internal_errors.read() == 1);
  f.pass(seconds(10));
  REQUIRE(f.world.sent.size() == 2);
  f.world.throws_in.clear();
  f.world.answer(200);
  CHECK(f.only_outcome()["rule"] == "accepted");
  CHECK(f.all_over());
}

TEST_CASE("exceptions: the probe of a breaker may throw, and the next one comes a wait later", "[dispatch]") {
  const std::string seam = GENERATE("classify", "send", "build");
  CAPTURE(seam);
  Fixture f;
  f.world.add("vinson");
  const auto call = make_throwing(f);
  f.accept(event_for({"vinson"}));
  f.world.answer(403, "Forbidden");  // opens the breaker
  f.pass(f.options.breaker_first);
  (seam == "send" ? f.world.throws_in : *call) = seam;
  f.accept(event_for({"vinson"}));
  if (seam == "classify") f.world.answer(200);
  CHECK(f.world.outcomes.back()["rule"] == "internal_error");
  CHECK(f.all_over());
  f.world.throws_in.clear();
  call->clear();
  f.pass(f.options.breaker_first);
  f.accept(event_for({"vinson"}));  // would be credential_breaker_open if the first probe were still waited for
  f.world.answer(200);
  CHECK(f.world.outcomes.back()["rule"] == "accepted");
}

TEST_CASE("exceptions: a batch ends push by push", "[dispatch][batch]") {
  struct Row {
    const char *call, *stage;
    bool saves_first;
  };
  const auto row = GENERATE(values<Row>({{"build", "plan", false},
                                         {"classify", "deliver", false},
                                         {"send", "deliver", false},
                                         {"build", "plan", true},
                                         {"address", "deliver", true},
                                         {"classify", "deliver", true}}));
  CAPTURE(row.call, row.saves_first);
  BatchFixture f;
  f.provider->saves_first = row.saves_first;
  const auto call = make_throwing(f);
  const std::string_view seam = row.call;
  if (seam == "send")
    f.world.throws_in = seam;
  else
    *call = seam;
  f.accept(f.members(5));
  if (row.saves_first && seam != "build") f.world.answer(200, seam == "classify" ? "no" : "saved 1");
  if (!row.saves_first && seam == "classify") f.world.answer(200);
  check_over(f, row.stage, 5);
  f.world.throws_in.clear();
  call->clear();
  f.world.outcomes.clear();
  f.world.letters.clear();
  f.provider->saves_first = false;
  f.accept(f.members(5, 10));
  f.world.answer(200);
  CHECK(f.outcomes("accepted") == 5);
  CHECK(f.world.letters.empty());
  CHECK(f.all_over());
}

TEST_CASE("exceptions: letters of unequal content go one by one where their room throws", "[dispatch][batch]") {
  BatchFixture f;
  f.provider->wants = {.tokens = false, .mixed_max = 2};
  const auto call = make_throwing(f);
  *call = "build_mixed";
  f.accept(f.members(2));
  CHECK(f.world.metrics.internal_errors.read() == 1);
  REQUIRE(f.world.sent.size() == 2);
  f.world.answer(200, "", 0);
  f.world.answer(200, "", 1);
  CHECK(f.outcomes("accepted") == 2);
  CHECK(f.all_over());
}

TEST_CASE("exceptions: what is no std::exception is one too", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.world.throws_in = "an int in route";
  f.accept(event_for({"vinson"}));
  check_over(f, "plan", 1);
  CHECK(f.world.letters[0].detail.find("no std::exception") != std::string::npos);
}
