// A phone with a PushKit token has two rows: calls go to one of them, all else to the other.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "batch_fixture.h"
#include "dispatch/decide.h"

using namespace nightpost;
using namespace nightpost::testing;

namespace {

using Told = std::vector<std::string>;

struct Voip : Fixture {
  Voip() {
    options.quick_for = seconds(10);
    options.retry_for = std::chrono::hours(24);
    Receiver& vinson = world.add("vinson");
    vinson.devices[0].device_id = "phone";
    Device voip = vinson.devices[0];
    voip.device_id = "phone.voip";
    voip.token = DeviceToken("pushkit", TokenKind::Voip);
    vinson.devices.push_back(voip);
  }
  std::vector<Device>& devices() { return world.users["vinson"].devices; }
  static json message() {
    json made = event_for({"vinson"});
    made["event_id"] = "M";
    return made;
  }
  static json call() {
    json made = message();
    made["event_id"] = "E";
    made["kind"] = "call";
    made["message"] = {{"id", "call-1"}};
    return made;
  }
  static json cancel(const char* reason) {
    json made = call();
    made["event_id"] = "C";
    made["kind"] = "cancel";
    made["cancel"] = {{"reason", reason}};
    return made;
  }
  /// All that is in the air is taken.
  void settle() {
    for (std::size_t i = answered; i < world.sent.size(); ++i) world.answer(200, "id", i);
    answered = world.sent.size();
  }
  Told told() const {
    Told all;
    for (const json& each : world.outcomes)
      all.push_back(each.value("device_id", "") + " " + each["outcome"].get<std::string>() + " " +
                    each.value("rule", ""));
    return all;
  }
  std::size_t answered = 0;
};

}  // namespace

TEST_CASE("voip: a call rings by the VoIP row alone, a message goes to the other", "[dispatch][voip]") {
  Voip f;
  f.accept(f.call());
  REQUIRE(f.world.sent.size() == 1);
  CHECK(f.world.sent[0].http.path == "/pushkit");
  f.settle();
  f.accept(f.message());
  REQUIRE(f.world.sent.size() == 2);
  CHECK(f.world.sent[1].http.path == "/token-of-vinson-phone");
  f.settle();
  // Of a message the VoIP row has no outcome: it is no device for it.
  CHECK(f.told() == Told{"phone suppressed rung_by_voip", "phone.voip accepted accepted", "phone accepted accepted"});
  CHECK(f.all_over());
}

TEST_CASE("voip: what holds a call back, and which row has it then", "[dispatch][voip]") {
  struct Row {
    const char* name;
    void (*change)(Voip& f, json& call);
    Told want;
  };
  const auto row = GENERATE(values<Row>({
      {"the app is open, which the phone's row knows",
       [](Voip& f, json&) { f.devices()[0].state = DeviceState::Foreground; },
       {"phone suppressed foreground", "phone.voip suppressed foreground"}},
      {"the producer names the phone, open or not",
       [](Voip& f, json& e) {
         f.devices()[0].state = DeviceState::Foreground;
         e["to"][0]["devices"] = {"phone"};
       },
       {"phone suppressed rung_by_voip", "phone.voip accepted accepted"}},
      {"logged out on the phone",
       [](Voip& f, json&) { f.devices()[0].state = DeviceState::LoggedOut; },
       {"phone suppressed logged_out", "phone.voip suppressed logged_out"}},
      {"the VoIP row has logged out",
       [](Voip& f, json&) { f.devices()[1].state = DeviceState::LoggedOut; },
       {"phone.voip suppressed logged_out", "phone accepted accepted"}},
      {"the VoIP row has no token",
       [](Voip& f, json&) { f.devices()[1].token = DeviceToken("", TokenKind::Voip); },
       {"phone.voip suppressed no_token", "phone accepted accepted"}},
      {"the VoIP row is another phone's",
       [](Voip& f, json&) { f.devices()[1].device_id = "pad.voip"; },
       {"phone accepted accepted", "pad.voip accepted accepted"}},
      {"a name that only looks like it",
       [](Voip& f, json&) { f.devices()[1].token = DeviceToken("pushkit"); },
       {"phone accepted accepted", "phone.voip accepted accepted"}},
      {"a VoIP row under no phone's name",
       [](Voip& f, json&) { f.devices()[1].device_id = ".voip"; },
       {"phone accepted accepted", ".voip accepted accepted"}},
      {"the VoIP row alone",
       [](Voip& f, json&) { f.devices().erase(f.devices().begin()); },
       {"phone.voip accepted accepted"}},
      {"the VoIP row alone is named",
       [](Voip&, json& e) { e["to"][0]["devices"] = {"phone.voip"}; },
       {"phone.voip accepted accepted"}},
      {"both are named",
       [](Voip&, json& e) { e["to"][0]["devices"] = {"phone.voip", "phone"}; },
       {"phone suppressed rung_by_voip", "phone.voip accepted accepted"}},
      {"a phone is named that has no VoIP row",
       [](Voip& f, json& e) {
         f.devices().pop_back();
         e["to"][0]["devices"] = {"phone"};
       },
       {"phone accepted accepted"}},
      {"a VoIP row is named that is not there",
       [](Voip& f, json& e) {
         f.devices().pop_back();
         e["to"][0]["devices"] = {"phone.voip"};
       },
       {"phone.voip suppressed device_unknown"}},
      {"a phone is named whose VoIP row has no token",
       [](Voip& f, json& e) {
         f.devices()[1].token = DeviceToken("", TokenKind::Voip);
         e["to"][0]["devices"] = {"phone"};
       },
       {"phone accepted accepted"}},
      {"a phone is named, and muted",
       [](Voip& f, json& e) {
         f.world.users["vinson"].mutes = {Mute{}};
         e["to"][0]["devices"] = {"phone"};
       },
       {"phone suppressed muted_all", "phone.voip suppressed muted_all"}},
      {"a phone is named, and the call is over",
       [](Voip&, json& e) {
         e["expires_at"] = kNowMs;
         e["to"][0]["devices"] = {"phone"};
       },
       {"phone expired expired"}},
      {"muted", [](Voip& f, json&) { f.world.users["vinson"].mutes = {Mute{}}; }, {" suppressed muted_all"}},
  }));
  CAPTURE(row.name);
  Voip f;
  json call = f.call();
  row.change(f, call);
  f.accept(call);
  f.settle();
  CHECK(f.told() == row.want);
  CHECK(f.all_over());
}

TEST_CASE("voip: nothing but a call goes to the row", "[dispatch][voip]") {
  struct Row {
    const char* name;
    json event;
    Told want;
  };
  json badge = {{"event_id", "B"},
                {"app_id", 1400000001},
                {"kind", "badge"},
                {"occurred_at", kNowMs},
                {"to", {{{"user_id", "vinson"}, {"unread", 1}}}},
                {"expires_at", kNowMs + 60'000}};
  json named = Voip::message();
  named["to"][0]["devices"] = {"phone", "phone.voip"};
  json named_alone = Voip::message();
  named_alone["to"][0]["devices"] = {"phone.voip"};
  const auto row = GENERATE_COPY(values<Row>({
      {"a message", Voip::message(), {"phone accepted accepted"}},
      {"a badge", badge, {"phone accepted accepted"}},
      {"a recall", Voip::cancel("recalled"), {"phone accepted accepted"}},
      {"a message that names it", named, {"phone.voip suppressed calls_only", "phone accepted accepted"}},
      {"a message that names it alone", named_alone, {"phone.voip suppressed calls_only"}},
      {"the end of a call, which the other row has not shown",
       Voip::cancel("call_ended"),
       {"phone suppressed rung_by_voip"}},
  }));
  CAPTURE(row.name);
  Voip f;
  f.devices()[0].platform = Platform::Ios;
  f.accept(row.event);
  f.settle();
  CHECK(f.told() == row.want);
  CHECK(f.all_over());
}

TEST_CASE("voip: for a message a receiver with VoIP rows alone has no device", "[dispatch][voip]") {
  Voip f;
  f.devices().erase(f.devices().begin());
  f.accept(f.message());
  CHECK(f.told() == Told{" suppressed no_device"});
  CHECK(f.all_over());
}

TEST_CASE("voip: a call that is put off comes back to the row that it was for", "[dispatch][voip]") {
  Voip f;
  json call = f.call();
  call["to"][0]["devices"] = {"phone"};
  f.accept(call);
  REQUIRE(f.world.sent.size() == 1);
  f.world.answer(429, "Token 12");
  const Remainder left = f.only_remainder();
  REQUIRE(left.left.size() == 1);
  REQUIRE(left.left[0].devices.size() == 1);
  CHECK(left.left[0].devices[0].device_id == "phone.voip");
  f.pass(seconds(15));
  SECTION("and rings") {
    f.come_back();
    REQUIRE(f.world.sent.size() == 2);
    CHECK(f.world.sent[1].http.path == "/pushkit");
    f.world.answer(200, "id");
    CHECK(f.told().back() == "phone.voip accepted accepted");
  }
  SECTION("and has an outcome, should the row be gone") {
    f.devices().pop_back();
    f.come_back();
    CHECK(f.told().back() == "phone.voip suppressed device_unknown");
  }
  CHECK(f.all_over());
}

TEST_CASE("voip: a call whose devices could not be read finds the VoIP row later", "[dispatch][voip]") {
  Voip f;
  f.options.call_lasts_max = std::chrono::minutes(10);
  json call = f.call();
  call["to"][0]["devices"] = {"phone"};
  f.world.store_down = Error{Errc::Io, "gone"};
  f.accept(call);
  f.pass(seconds(12));
  REQUIRE(f.world.deferrals.size() == 1);
  f.world.store_down.reset();
  f.world.outcomes.clear();
  f.pass(seconds(15));
  f.come_back();
  f.settle();
  CHECK(f.told() == Told{"phone suppressed rung_by_voip", "phone.voip accepted accepted"});
  CHECK(f.all_over());
}

TEST_CASE("voip: the row is Apple's", "[dispatch][voip]") {
  Device device;
  device.token = DeviceToken("pushkit", TokenKind::Voip);
  Certificate certificate;
  CHECK(decide_certificate(device, certificate) == Rule::None);
  certificate.vendor = Vendor::Fcm;  // which serves iPhones, too
  CHECK(decide_certificate(device, certificate) == Rule::WrongVendor);
  device.token = DeviceToken("registration");
  CHECK(decide_certificate(device, certificate) == Rule::None);
}
