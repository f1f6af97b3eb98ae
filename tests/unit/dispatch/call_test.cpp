// A call rings now or not at all: for as long as it lasts, and until it is taken back.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "batch_fixture.h"

using namespace nightpost;
using namespace nightpost::testing;

namespace {

struct Call : Fixture {
  Call() {
    options.quick_for = seconds(10);
    options.retry_for = std::chrono::hours(24);
    world.add("vinson");
  }
  static json event(std::int64_t lasts_ms = 60'000) {
    return {{"event_id", "E"},
            {"app_id", 1400000001},
            {"occurred_at", kNowMs},
            {"expires_at", kNowMs + lasts_ms},
            {"kind", "call"},
            {"from", {{"user_id", "denny"}, {"nick", "Denny"}}},
            {"message", {{"id", "call-1"}}},
            {"to", {{{"user_id", "vinson"}}}}};
  }
  static json end() {
    json made = event(86'400'000);
    made["event_id"] = "C";
    made["kind"] = "cancel";
    made["cancel"] = {{"reason", "call_ended"}};
    return made;
  }
  std::vector<std::string> told() const {
    std::vector<std::string> all;
    for (const json& each : world.outcomes)
      all.push_back(each["event_id"].get<std::string>() + " " + each["outcome"].get<std::string>() + " " +
                    each["rule"].get<std::string>());
    return all;
  }
};

using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("call: it rings, for what is left of it", "[dispatch][call]") {
  Call f;
  f.world.clock.advance(seconds(15));
  f.accept(f.event());
  REQUIRE(f.world.sent.size() == 1);
  CHECK(f.world.sent[0].http.body == "a new message|Denny:[语音或视频通话]");
  CHECK(f.world.sent[0].header("sound") == "default");
  CHECK(f.world.sent[0].header("badge") == "(left)");
  CHECK(f.world.sent[0].header("lives-for") == "45000");
  CHECK(f.world.sent[0].header("collapse-id") == "call-1");
  f.world.answer(200, "id");
  CHECK(f.told() == Told{"E accepted accepted"});
  CHECK(f.all_over());
}

TEST_CASE("call: nobody waits on the line for a day, whatever the event says", "[dispatch][call]") {
  Call f;
  f.options.call_lasts_max = seconds(90);
  f.accept(f.event(86'400'000));
  REQUIRE(f.world.sent.size() == 1);
  CHECK(f.world.sent[0].header("lives-for") == "90000");
  f.world.answer(200, "id");
  f.world.clock.advance(seconds(90));
  f.accept(f.event(86'400'000));
  CHECK(f.world.sent.size() == 1);
  CHECK(f.told() == Told{"E accepted accepted", "E expired expired"});
  f.accept(event_for({"vinson"}));  // a message's expiry is the producer's
  CHECK(std::stoll(f.world.sent.back().header("lives-for")) > 90'000);
  f.world.answer(200, "id");
  CHECK(f.world.letters.empty());
  CHECK(f.all_over());
}

TEST_CASE("call: who gets none, and why; nothing of it is kept for a replay", "[dispatch][call]") {
  struct Row {
    const char* want;
    void (*change)(Call& f, json& event);
  };
  const auto row = GENERATE(values<Row>({
      {"E suppressed foreground",
       [](Call& f, json&) { f.world.users["vinson"].devices[0].state = DeviceState::Foreground; }},
      {"E suppressed muted_all", [](Call& f, json&) { f.world.users["vinson"].mutes = {Mute{}}; }},
      {"E suppressed muted_peer",
       [](Call& f, json&) { f.world.users["vinson"].mutes = {{.kind = Mute::Kind::Peer, .target = "denny"}}; }},
      {"E suppressed muted_group",
       [](Call& f, json& e) {
         f.world.users["vinson"].mutes = {{.kind = Mute::Kind::Group, .target = "g1"}};
         e["group"] = {{"group_id", "g1"}};
       }},
      {"E suppressed user_push_off", [](Call& f, json&) { f.world.users["vinson"].settings.enabled = false; }},
      {"E suppressed push_disabled", [](Call&, json& e) { e["push"]["disabled"] = true; }},
      {"E suppressed sender_itself", [](Call&, json& e) { e["from"]["user_id"] = "vinson"; }},
      {"E suppressed no_device", [](Call& f, json&) { f.world.users["vinson"].devices.clear(); }},
      {"E rejected certificate_missing", [](Call& f, json&) { f.world.users["vinson"].devices[0].certificate = {5}; }},
      {"E rejected payload_unbuildable", [](Call&, json& e) { e["push"]["ext"] = "too big"; }},
      {"E expired expired", [](Call&, json& e) { e["expires_at"] = kNowMs; }},
  }));
  CAPTURE(row.want);
  Call f;
  json event = f.event();
  row.change(f, event);
  f.accept(event);
  CHECK(f.world.sent.empty());
  CHECK(f.told() == Told{row.want});
  CHECK(f.world.letters.empty());
  CHECK(f.all_over());
}

TEST_CASE("call: it is put off within its time, and never beyond", "[dispatch][call]") {
  struct Row {
    const char* name;
    std::int64_t lasts_ms;
    const char* throttled;  // the vendor's seconds
    bool put_off;
  };
  const auto row = GENERATE(values<Row>({
      {"time enough", 60'000, "Token 12", true},
      {"just so", 60'000, "Token 55", true},
      {"until after it", 60'000, "Token 60", false},
      {"for an hour", 60'000, "Token 3600", false},
      {"a short one", 12'000, "Token 15", false},
  }));
  CAPTURE(row.name);
  Call f;
  f.accept(f.event(row.lasts_ms));
  f.world.answer(429, row.throttled);
  CHECK(f.world.deferrals.size() == (row.put_off ? 1 : 0));
  if (row.put_off) {
    CHECK(f.world.deferrals[0].due_at < f.world.clock.wall() + milliseconds(row.lasts_ms));
    CHECK(delay_of(f.world.deferrals[0].tier) <= seconds(10));
  } else {
    CHECK(f.told().back().starts_with("E expired"));
  }
  CHECK(f.world.letters.empty());
  CHECK(f.all_over());
}

TEST_CASE("call: what fails until it is over expires", "[dispatch][call]") {
  Call f;
  f.accept(f.event(8'000));
  for (int i = 0; i < 20 && f.world.outcomes.empty(); ++i) {
    f.world.answer(503, "Busy");
    f.pass(seconds(2));
  }
  CHECK(f.told() == Told{"E expired expired"});
  CHECK(f.world.deferrals.empty());
  CHECK(f.world.letters.empty());
  CHECK(f.all_over());
}

TEST_CASE("call: its end ends what waits, and replaces what was shown", "[dispatch][call]") {
  Call f;
  SECTION("it waits") {
    f.accept(f.event());
    f.world.answer(503, "Busy");
    f.accept(f.end());
    CHECK(f.told() == Told{"E suppressed recalled", "C suppressed nothing_sent"});
    CHECK(f.world.metrics.recalled.read() == 1);
    f.pass(std::chrono::minutes(1));
    CHECK(f.world.sent.size() == 1);
  }
  SECTION("it was shown") {
    f.accept(f.event());
    f.world.answer(200, "id");
    f.accept(f.end());
    REQUIRE(f.world.sent.size() == 2);
    CHECK(f.world.sent[1].http.body == "a new message|Denny:[通话已结束]");
    CHECK(f.world.sent[1].header("collapse-id") == "call-1");
    CHECK(f.world.sent[1].header("sound") == "(silent)");
    f.world.answer(200, "id");
    CHECK(f.told() == Told{"E accepted accepted", "C accepted accepted"});
  }
  SECTION("it comes after its end") {
    json end = f.end();
    end["push"]["disabled"] = true;
    f.accept(end);
    f.accept(f.event());
    CHECK(f.told() == Told{"C suppressed push_disabled", "E suppressed recalled"});
    CHECK(f.world.sent.empty());
  }
  SECTION("another call rings on") {
    f.accept(f.event());
    f.world.answer(503, "Busy");
    json end = f.end();
    end["message"]["id"] = "call-2";
    end["push"]["disabled"] = true;
    f.accept(end);
    f.pass(seconds(5));
    REQUIRE(f.world.sent.size() == 2);
    f.world.answer(200, "id");
    CHECK(f.told() == Told{"C suppressed push_disabled", "E accepted accepted"});
  }
  CHECK(f.all_over());
}
