// What a bad credential costs: few requests, whatever the vendor says of it, or fails to say.
#include <catch2/catch.hpp>
#include <functional>

#include "batch_fixture.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::BatchFixture;
using nightpost::testing::event_for;
using nightpost::testing::Fixture;
using nightpost::testing::World;
using nlohmann::json;

namespace {

/// Ops, listening.
struct CredentialOps final : Watcher {
  std::vector<std::string> heard;
  void breaker_opened(const Route& route, std::string_view code, std::string_view meaning,
                      milliseconds open_for) override {
    heard.push_back("opened " + std::to_string(route.certificate.id.value) + " " + std::string(code) + " (" +
                    std::string(meaning) + ") " + std::to_string(open_for.count()));
  }
  void breaker_closed(const Route& route) override {
    heard.push_back("closed " + std::to_string(route.certificate.id.value));
  }
  void credential_throttled(const Route&, std::string_view code, std::string_view, milliseconds pause) override {
    heard.push_back("throttled " + std::string(code) + " " + std::to_string(pause.count()));
  }
  void signer_fell(const Route&, Rule rule, milliseconds probe_in) override {
    heard.push_back("fell " + std::string(name_of(rule)) + " " + std::to_string(probe_in.count()));
  }
  void signer_recovered(const Route&) override { heard.push_back("recovered"); }
  void class_rests(const Route&, std::string_view kind, std::string_view code, std::string_view,
                   milliseconds rest) override {
    heard.push_back("rests " + std::string(kind) + " " + std::string(code) + " " + std::to_string(rest.count()));
  }
  void removals_released(const Route&) override { heard.push_back("removals released"); }
  void removals_held(const Route&, milliseconds period) override {
    heard.push_back("removals held " + std::to_string(period.count()));
  }
  void dead_letter(const DeadLetter& letter) override { heard.push_back("dead " + std::string(letter.reason)); }
};

/// A dispatcher with a lane that has one request on the wire at a time and whose vendor answers each the same way.
struct OneByOne : Fixture {
  CredentialOps ops;
  std::function<void(std::size_t)> vendor;
  std::size_t on_wire = 0;  // requests that left
  std::size_t next = 0;     // of world.sent: the first in the lane's queue
  std::size_t withdrawn = 0;

  OneByOne() {
    options.credential_in_flight_first = Options().credential_in_flight_first;
    world.add("vinson");
    made = std::make_unique<Dispatcher>(options, world, world, world, world, world.clock, world.metrics, &ops);
  }
  void turn() {
    while (next < world.sent.size()) {
      if (withdrawn < world.withdrawn.size()) {
        withdrawn = world.withdrawn.size();
        for (const std::size_t end = world.sent.size(); next < end;) world.never_sent(next++);
        continue;
      }
      ++on_wire;
      vendor(next++);
    }
    withdrawn = world.withdrawn.size();
  }
  /// An event each 50 ms.
  void run(milliseconds time) {
    for (const MonoTime end = world.clock.mono() + time; world.clock.mono() < end;) {
      accept(event_for({"vinson"}));
      turn();
      for (int i = 0; i < 10; ++i) {
        pass(milliseconds(5));
        turn();
      }
    }
  }
};

}  // namespace

TEST_CASE("credential: when the breaker opens, what waits in the lane comes back and ends unsent",
          "[dispatch][breaker]") {
  Fixture f;
  for (const char* user : {"a", "b", "c"}) f.world.add(user);
  f.accept(event_for({"a", "b", "c"}));
  REQUIRE(f.world.sent.size() == 3);
  f.world.answer(403, "InvalidProviderToken", 0);
  CHECK(f.world.withdrawn == std::vector<std::uint64_t>{7});
  f.world.never_sent(1);
  f.world.never_sent(2, Errc::Timeout);
  CHECK(f.world.sent.size() == 3);
  REQUIRE(f.world.outcomes.size() == 3);
  CHECK(f.world.outcomes[0]["rule"] == "credential_bad");
  CHECK(f.world.outcomes[0]["attempt"] == 1);
  for (const std::size_t i : {1, 2}) {
    const json& outcome = f.world.outcomes[i];
    CHECK(outcome["rule"] == "credential_breaker_open");
    CHECK(outcome["attempt"] == 0);
    CHECK_FALSE(outcome.contains("push_id"));
    CHECK_FALSE(outcome.contains("collapse_id"));
    CHECK(outcome["reason"].get<std::string>().find("InvalidProviderToken") != std::string::npos);
  }
  CHECK(f.all_over());
}

TEST_CASE("credential: what had left already is answered as ever", "[dispatch][breaker]") {
  Fixture f;
  for (const char* user : {"a", "b"}) f.world.add(user);
  f.accept(event_for({"a", "b"}));
  f.world.answer(403, "InvalidProviderToken", 0);
  f.world.answer(200, "id", 1);
  CHECK(f.world.outcomes[1]["outcome"] == "accepted");
  CHECK(f.world.withdrawn.size() == 1);
  CHECK(f.all_over());
}

TEST_CASE("credential: what is handed back meanwhile is dropped unsent", "[dispatch][breaker]") {
  Fixture f;
  for (const char* user : {"a", "b"}) f.world.add(user);
  f.accept(event_for({"a"}));
  f.accept(event_for({"b"}));
  f.world.answer(403, "InvalidProviderToken", 0);
  f.dispatcher().hand_back([](RecordId record) { return record == RecordId{2}; });
  f.world.never_sent(1);
  CHECK(f.world.outcomes.size() == 1);
  CHECK(f.world.released.size() == 1);
  CHECK(f.all_over());
}

TEST_CASE("credential: bounded requests, whatever the vendor answers", "[dispatch][breaker]") {
  struct Row {
    const char* what;
    int status;
    const char* body;
    std::size_t at_most;  // in the first two minutes, of 2400 events and 500 that waited
  };
  const auto row = GENERATE(values<Row>({
      {"refused", 403, "InvalidProviderToken", 10},
      {"stale, and so is each new grant", 403, "Expired", 20},
      {"throttled on each connection", 429, "Connection", 30},
      {"throttled as a whole", 429, "Credential", 30},
      {"throttled as a whole, for a second", 429, "Credential 1", 30},
  }));
  CAPTURE(row.what);
  OneByOne f;
  f.vendor = [&](std::size_t i) { f.world.answer(row.status, row.body, i); };
  for (int i = 0; i < 500; ++i) f.accept(event_for({"vinson"}));
  f.run(seconds(120));
  CHECK(f.on_wire >= 3);  // it is probed
  CHECK(f.on_wire <= row.at_most);
  REQUIRE_FALSE(f.ops.heard.empty());
  std::size_t said = 0;
  for (const std::string& each : f.ops.heard) said += each.starts_with("dead") ? 0 : 1;
  CHECK(said >= 1);
  CHECK(said <= row.at_most);

  // And once the vendor takes it, all is as before.
  f.vendor = [&](std::size_t i) { f.world.answer(200, "id", i); };
  f.pass(f.options.breaker_max + f.options.backoff_max);
  f.turn();
  f.world.outcomes.clear();
  f.run(seconds(1));
  f.pass(f.options.backoff_max);
  f.turn();
  REQUIRE(f.world.outcomes.size() >= 20);
  CHECK(f.world.outcomes.back()["outcome"] == "accepted");
  CHECK(f.all_over());
}

TEST_CASE("credential: a probe that is refreshed is judged by its replay", "[dispatch][breaker]") {
  Fixture f;
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  f.world.answer(403, "Expired");
  f.world.answer(403, "Expired");
  REQUIRE(f.world.metrics.breakers_opened.read() == 1);
  f.pass(f.options.breaker_first);
  f.accept(event_for({"vinson"}));
  REQUIRE(f.world.sent.size() == 3);  // the probe
  const bool pending = GENERATE(false, true);
  CAPTURE(pending);
  f.world.grant_pending = pending;
  f.world.answer(403, "Expired");
  if (pending) {
    f.accept(event_for({"vinson"}));
    CHECK(f.world.sent.size() == 3);  // nobody probes beside it
    f.world.grant_pending = false;
    f.world.current = std::make_shared<Grant>(Grant{.authorization = "obtained"});
    f.dispatcher().on_grant(7);
  }
  REQUIRE(f.world.sent.size() == 4);
  SECTION("which is refused: open for twice as long") {
    f.world.answer(403, "Expired");
    CHECK(f.world.metrics.breakers_opened.read() == 2);
    f.pass(2 * f.options.breaker_first - milliseconds(1));
    f.accept(event_for({"vinson"}));
    CHECK(f.world.sent.size() == 4);
    f.pass(milliseconds(1));
    f.accept(event_for({"vinson"}));
    CHECK(f.world.sent.size() == 5);
  }
  SECTION("which is taken: closed") {
    f.world.answer(200);
    f.accept(event_for({"vinson"}));
    f.accept(event_for({"vinson"}));
    CHECK(f.world.sent.size() == 6);
  }
  SECTION("which is lost: the next one probes, a wait later") {
    f.world.lose(Errc::Timeout, true);
    f.accept(event_for({"vinson"}));
    CHECK(f.world.sent.size() == 4);
    f.pass(f.options.breaker_first);
    f.accept(event_for({"vinson"}));
    CHECK(f.world.sent.size() == 5);
  }
}

TEST_CASE("credential: a probe that never comes to an end frees the place", "[dispatch][breaker]") {
  Fixture f;
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  f.world.answer(403, "Forbidden");
  f.pass(f.options.breaker_first);
  f.accept(event_for({"vinson"}));
  REQUIRE(f.world.sent.size() == 2);
  SECTION("its grant is not to be had in its time") {
    f.world.grant_pending = true;
    f.world.answer(403, "Expired");
    f.pass(f.options.retry_for);
    f.world.grant_pending = false;
  }
  SECTION("it is handed back") {
    f.world.grant_pending = true;
    f.world.answer(403, "Expired");
    f.dispatcher().hand_back([](RecordId) { return true; });
    f.world.grant_pending = false;
  }
  SECTION("the token endpoint fails") {
    f.world.refresh_error = Error{Errc::Io, "busy"};
    f.world.answer(403, "Expired");
    f.world.refresh_error.reset();
  }
  SECTION("its certificate is gone") {
    f.world.grant_pending = true;
    f.world.answer(403, "Expired");
    f.world.grant_pending = false;
    const auto route = std::exchange(f.world.routes[1], nullptr);
    f.world.routes.erase(1);
    f.dispatcher().on_grant(7);
    f.world.routes[1] = route;
  }
  f.pass(f.options.breaker_first);
  const std::size_t before = f.world.sent.size();
  f.accept(event_for({"vinson"}));
  f.accept(event_for({"vinson"}));
  CHECK(f.world.sent.size() == before + 1);
}

TEST_CASE("credential: a batch is one probe, its replay too", "[dispatch][breaker][batch]") {
  BatchFixture f;
  f.accept(f.members(3));
  f.world.answer(401);
  f.world.answer(401);
  REQUIRE(f.world.metrics.breakers_opened.read() == 1);
  f.pass(f.options.breaker_first);
  f.accept(f.members(3, 10));
  REQUIRE(f.world.sent.size() == 3);
  f.world.answer(401);
  REQUIRE(f.world.sent.size() == 4);  // all three again, in one request
  CHECK(f.outcomes("credential_breaker_open") == 0);
  SECTION("refused") {
    f.world.answer(401);
    CHECK(f.outcomes("credential_bad") == 6);
    CHECK(f.world.metrics.breakers_opened.read() == 2);
  }
  SECTION("taken") {
    f.world.answer(200);
    CHECK(f.outcomes("accepted") == 3);
    f.accept(f.members(3, 20));
    CHECK(f.world.sent.size() == 5);
  }
}

TEST_CASE("credential: once a batch's probe has failed for one of it, no other goes as the probe",
          "[dispatch][breaker][batch]") {
  BatchFixture f;
  f.accept(f.members(3));
  f.world.answer(401);
  f.world.answer(401);
  f.pass(f.options.breaker_first);
  f.accept(f.members(3, 10));
  REQUIRE(f.world.sent.size() == 3);
  f.world.grant_pending = true;
  f.world.answer(401);  // all three wait for a new grant
  f.world.grant_pending = false;
  f.world.grant_error = Error{Errc::Unauthorized, "wrong secret"};
  f.dispatcher().on_grant(7);
  CHECK(f.world.sent.size() == 3);
  CHECK(f.world.metrics.breakers_opened.read() == 2);
  CHECK(f.outcomes("credential_bad") == 3 + 1);
  CHECK(f.outcomes("credential_breaker_open") == 2);
  CHECK(f.all_over());
}

TEST_CASE("credential: one that no answer has proven has few requests in the air", "[dispatch][breaker]") {
  Fixture f;
  f.options.credential_in_flight_first = 4;
  json event = event_for({});
  for (int i = 0; i < 40; ++i) {
    f.world.add("u" + std::to_string(i));
    event["to"].push_back({{"user_id", "u" + std::to_string(i)}});
  }
  f.accept(event);
  REQUIRE(f.world.sent.size() == 4);
  SECTION("silence leaves it at that") {
    for (std::size_t i = 0; i < 4; ++i)
      f.world.sent[i].handler->on_reply(f.world.sent[i].tag,
                                        {.response = fail(Errc::Timeout, "no answer"), .maybe_sent = true});
    CHECK(f.dispatcher().requests_in_flight() == 4);
  }
  SECTION("each proof doubles it") {
    f.world.answer(200, "id", 0);
    CHECK(f.dispatcher().requests_in_flight() == 8);
    f.world.answer(410, "Unregistered", 1);
    CHECK(f.dispatcher().requests_in_flight() == 16);
    f.world.answer(400, "PayloadEmpty", 2);
    CHECK(f.dispatcher().requests_in_flight() == 32);
  }
  SECTION("a refusal starts over") {
    for (std::size_t i = 0; i < 3; ++i) f.world.answer(200, "id", i);
    f.world.answer(403, "Forbidden", 3);
    for (std::size_t i = 4; i < f.world.sent.size(); ++i) f.world.answer(200, "id", i);
    f.world.sent.clear();
    f.pass(f.options.breaker_first);
    f.accept(event_for({"u0"}));
    REQUIRE(f.world.sent.size() == 1);
    f.accept(event);
    f.world.answer(200, "id", 0);
    f.accept(event);
    CHECK(f.dispatcher().requests_in_flight() <= 16);
  }
}

TEST_CASE("credential: attempts that never reached a wire are bounded and not told as sends", "[dispatch]") {
  Fixture f;
  f.options.quick_for = f.options.retry_for = std::chrono::minutes(10);
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  for (int i = 0; i < f.options.attempts_max; ++i) {
    REQUIRE(f.world.sent.size() == std::size_t(i) + 1);
    CHECK(f.world.outcomes.empty());
    if (i == 2)
      f.world.lose(Errc::ConnectionLost, false);  // once a part of it left
    else
      f.world.never_sent(std::size_t(i));
    f.pass(f.options.backoff_max);
  }
  CHECK(f.only_outcome()["rule"] == "vendor_failing");
  CHECK(f.only_outcome()["attempt"] == 1);
  CHECK(f.only_outcome().contains("push_id"));
  CHECK(f.only_remainder().left.at(0).devices.at(0).sent == 1);

  f.options.attempts_max = 1;
  f.options.retry_for = seconds(5);  // too short for a delay topic
  f.made.reset();
  f.world.outcomes.clear();
  f.accept(event_for({"vinson"}));
  f.world.never_sent(f.world.sent.size() - 1);
  CHECK(f.only_outcome()["rule"] == "retries_exhausted");
  CHECK(f.only_outcome()["attempt"] == 0);
  CHECK_FALSE(f.only_outcome().contains("push_id"));
  CHECK(f.world.letters.at(0).attempts == 0);
  CHECK(f.world.letters[0].stage == "deliver");
}

TEST_CASE("credential: ops hear who, why and for how long", "[dispatch][breaker]") {
  OneByOne f;
  std::string body = "InvalidProviderToken";
  f.vendor = [&](std::size_t i) { f.world.answer(403, body, i); };
  f.accept(event_for({"vinson"}));
  f.turn();
  CHECK(f.ops.heard ==
        std::vector<std::string>{"opened 1 InvalidProviderToken (status 403) 5000", "dead credential_bad"});
  f.pass(f.options.breaker_first);
  f.accept(event_for({"vinson"}));
  f.turn();
  CHECK(f.ops.heard.at(2) == "opened 1 InvalidProviderToken (status 403) 10000");
  f.pass(2 * f.options.breaker_first);
  f.vendor = [&](std::size_t i) { f.world.answer(200, "id", i); };
  f.accept(event_for({"vinson"}));
  f.turn();
  CHECK(f.ops.heard.back() == "closed 1");

  f.ops.heard.clear();
  f.vendor = [&](std::size_t i) { f.world.answer(429, "Credential 7", i); };
  f.accept(event_for({"vinson"}));
  f.turn();
  REQUIRE(f.ops.heard.size() == 1);
  CHECK(f.ops.heard[0].starts_with("throttled Credential 7"));
  f.pass(seconds(10));
  f.turn();
  f.ops.heard.clear();

  f.vendor = [&](std::size_t i) { f.world.answer(410, "Unregistered", i); };
  f.pass(f.options.retry_for);
  f.ops.heard.clear();
  for (std::size_t i = 0; i < f.options.mass_removal_window; ++i) {
    f.accept(event_for({"vinson"}));
    f.turn();
  }
  CHECK(std::ranges::find(f.ops.heard, "removals held 300000") != f.ops.heard.end());
}
