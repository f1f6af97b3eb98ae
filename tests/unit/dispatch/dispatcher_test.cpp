#include "dispatch/dispatcher.h"

#include <catch2/catch.hpp>

#include "support/dispatch_world.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::event_for;
using nightpost::testing::kNowMs;
using nightpost::testing::World;
using nlohmann::json;

namespace {

struct Fixture {
  World world;
  Options options;
  std::unique_ptr<Dispatcher> made;
  std::uint64_t tickets = 0;

  Fixture() { options.jitter_seed = 1; }
  Dispatcher& dispatcher() {
    if (!made) made = std::make_unique<Dispatcher>(options, world, world, world, world, world.clock, world.metrics);
    return *made;
  }
  Ticket accept(const std::string& value) {
    const Ticket ticket{++tickets};
    const Record record{ticket, "the key", value, "00-trace"};
    dispatcher().accept(std::span(&record, 1));
    return ticket;
  }
  Ticket accept(const json& event) { return accept(event.dump()); }
  void pass(milliseconds time) {
    const MonoTime until = world.clock.mono() + time;
    while (const auto next = dispatcher().next_wakeup()) {
      if (*next > until) break;
      if (*next > world.clock.mono()) world.clock.advance(std::chrono::ceil<milliseconds>(*next - world.clock.mono()));
      dispatcher().wake();
    }
    world.clock.advance(std::chrono::ceil<milliseconds>(until - world.clock.mono()));
    dispatcher().wake();
  }
  bool all_over() { return dispatcher().events_open() == 0 && dispatcher().pushes_in_flight() == 0; }
  json only_outcome() {
    REQUIRE(world.outcomes.size() == 1);
    return world.outcomes.front();
  }
};

}  // namespace

TEST_CASE("dispatcher: an accepted push, from record to release", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  const Ticket ticket = f.accept(event_for({"vinson"}));
  REQUIRE(f.world.sent.size() == 1);
  CHECK(f.world.flushes == 1);
  CHECK(f.world.finds == 1);
  const World::Sent& sent = f.world.sent.front();
  CHECK(sent.http.path == "/token-of-vinson-phone");
  CHECK(sent.http.body == "a new message|Denny:are you coming tonight?");
  CHECK(sent.header("collapse-id") == "144115-1-7");
  CHECK(sent.header("badge") == "3");
  CHECK(sent.header("sound") == "default");
  CHECK(f.world.released.empty());
  f.world.clock.advance(milliseconds(20));
  f.world.answer(200, "apple-id");
  CHECK(f.world.released == std::vector{ticket});
  CHECK(f.world.letters.empty());
  const json outcome = f.only_outcome();
  CHECK(outcome["outcome"] == "accepted");
  CHECK(outcome["vendor_id"] == "apple-id");
  CHECK(outcome["push_id"] == sent.header("push-id"));
  CHECK(outcome["attempt"] == 1);
  CHECK(outcome["latency_ms"] == 120);
  CHECK(outcome.dump().find("token-of") == std::string::npos);
  CHECK(f.all_over());
  CHECK(f.dispatcher().next_wakeup() == std::nullopt);
}

TEST_CASE("dispatcher: what is malformed goes whole to the dead topic", "[dispatch]") {
  Fixture f;
  json event = event_for({"vinson"});
  event["to"][0].erase("user_id");
  const Ticket ticket = f.accept(event);
  REQUIRE(f.world.letters.size() == 1);
  const DeadLetter& letter = f.world.letters.front();
  CHECK(letter.value == event.dump());
  CHECK(letter.key == "the key");
  CHECK(letter.traceparent == "00-trace");
  CHECK(letter.event_id == "01JDEVENT");
  CHECK(letter.stage == "decode");
  CHECK(letter.reason == "malformed");
  CHECK(letter.detail == "$.to[0].user_id: missing");
  CHECK(f.world.released == std::vector{ticket});
  CHECK(f.world.outcomes.empty());
  CHECK(f.world.finds == 0);
  CHECK(f.all_over());
}
