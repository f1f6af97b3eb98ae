// Events that name the devices that are due: no other is looked at, here or after a hop.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "batch_fixture.h"

using namespace nightpost;
using namespace nightpost::testing;

namespace {

struct Due : Fixture {
  Due() {
    options.quick_for = seconds(10);
    options.retry_for = std::chrono::hours(24);
  }
  void add(const std::string& user, std::initializer_list<const char*> devices) {
    for (const char* id : devices) world.add(user).devices.back().device_id = id;
  }
  json event(const std::string& user, std::vector<std::string> devices) {
    json made = event_for({user});
    made["to"][0]["devices"] = std::move(devices);
    return made;
  }
  std::vector<std::string> told() const {
    std::vector<std::string> all;
    for (const json& each : world.outcomes)
      all.push_back(each.value("device_id", "") + " " + each["outcome"].get<std::string>() + " " +
                    each.value("rule", ""));
    return all;
  }
};

using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("due devices: those that the event names get it, wherever their app is", "[dispatch][due]") {
  Due f;
  f.add("vinson", {"phone", "pad", "old"});
  f.world.users["vinson"].devices[1].state = DeviceState::Foreground;
  f.accept(f.event("vinson", {"pad", "old"}));
  REQUIRE(f.world.sent.size() == 2);
  f.world.answer(200, "id", 0);
  f.world.answer(200, "id", 1);
  CHECK(f.told() == Told{"pad accepted accepted", "old accepted accepted"});
  CHECK(f.all_over());
}

TEST_CASE("due devices: what a device or its user is not to get stays away", "[dispatch][due]") {
  struct Row {
    const char* name;
    void (*change)(Receiver& receiver);
    Told want;
  };
  const auto row = GENERATE(values<Row>({
      {"logged out", [](Receiver& r) { r.devices[0].state = DeviceState::LoggedOut; }, {"phone suppressed logged_out"}},
      {"no token", [](Receiver& r) { r.devices[0].token = DeviceToken(); }, {"phone suppressed no_token"}},
      {"gone", [](Receiver& r) { r.devices.erase(r.devices.begin()); }, {"phone suppressed device_unknown"}},
      {"nobody left", [](Receiver& r) { r.devices.clear(); }, {"phone suppressed no_device"}},
      {"muted", [](Receiver& r) { r.mutes = {Mute{}}; }, {"phone suppressed muted_all"}},
      {"off", [](Receiver& r) { r.settings.enabled = false; }, {"phone suppressed user_push_off"}},
  }));
  CAPTURE(row.name);
  Due f;
  f.add("vinson", {"phone", "pad"});
  f.add("ann", {"other"});  // the app is known
  row.change(f.world.users["vinson"]);
  f.accept(f.event("vinson", {"phone"}));
  CHECK(f.told() == row.want);
  CHECK(f.world.sent.empty());
  CHECK(f.all_over());
}

TEST_CASE("due devices: beside a receiver of whom none is named", "[dispatch][due]") {
  Due f;
  f.add("a", {"a-phone", "a-pad"});
  f.add("b", {"b-phone", "b-pad"});
  json event = event_for({"a", "b"});
  event["to"][1]["devices"] = {"b-pad"};
  f.accept(event);
  CHECK(f.world.sent.size() == 3);
}

TEST_CASE("due devices: put off before it was looked at, the same are due later", "[dispatch][due]") {
  Due f;
  f.add("vinson", {"phone", "pad"});
  f.world.store_down = Error{Errc::Io, "away"};
  f.accept(f.event("vinson", {"pad"}));
  f.pass(seconds(10));
  REQUIRE(f.world.deferrals.size() == 1);
  CHECK(f.only_remainder().left.at(0).devices.at(0).device_id == "pad");
  f.world.store_down.reset();
  f.pass(f.world.deferrals.front().due_at - f.world.clock.wall());
  f.come_back();
  f.pass(seconds(6));
  REQUIRE(f.world.sent.size() == 1);
  f.world.answer(200, "id");
  CHECK(f.told().back() == "pad accepted accepted");
  CHECK(f.all_over());
}

TEST_CASE("due devices: a remainder knows better who is left", "[dispatch][due]") {
  Due f;
  f.add("vinson", {"phone", "pad"});
  const std::string event = f.event("vinson", {"phone", "pad"}).dump();
  SECTION("some of them") {
    f.accept(event, R"({"v":1,"left":[{"user_id":"vinson","devices":[{"device_id":"pad","hops":1}]}]})");
    CHECK(f.world.sent.size() == 1);
  }
  SECTION("none was looked at: those that the event names") {
    f.accept(event, R"({"v":1,"left":[{"user_id":"vinson"}]})");
    CHECK(f.world.sent.size() == 2);
  }
}
