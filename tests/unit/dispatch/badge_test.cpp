// A number for the icon, and nothing else: at once, or not at all.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "dispatch_fixture.h"

using namespace nightpost;
using namespace nightpost::testing;

namespace {

struct Badge : Fixture {
  Badge() {
    options.quick_for = seconds(10);
    options.retry_for = std::chrono::hours(24);
    world.add("vinson").devices[0].platform = Platform::Ios;
  }
  static json event(int unread = 0) {
    return {{"event_id", "B"},
            {"app_id", 1400000001},
            {"occurred_at", kNowMs - 100},
            {"expires_at", kNowMs + 86'400'000},
            {"kind", "badge"},
            {"to", {{{"user_id", "vinson"}, {"unread", unread}}}}};
  }
  json last() const { return world.outcomes.back(); }
};

}  // namespace

TEST_CASE("badge: the number goes out and nothing is shown", "[dispatch][badge]") {
  Badge f;
  f.accept(f.event(4));
  REQUIRE(f.world.sent.size() == 1);
  CHECK(f.world.sent[0].http.body == "(badge)");
  CHECK(f.world.sent[0].header("badge") == "4");
  CHECK(f.world.sent[0].header("collapse-id") == "badge-only");
  f.world.answer(200, "id");
  CHECK(f.only_outcome()["outcome"] == "accepted");
  CHECK(f.only_outcome()["collapse_id"] == "badge-only");
  CHECK(f.all_over());
}

TEST_CASE("badge: who gets none, and why", "[dispatch][badge]") {
  struct Row {
    const char* rule;
    void (*change)(Badge& f, json& event);
  };
  const auto row = GENERATE(values<Row>({
      {"no_badge_only", [](Badge& f, json&) { f.world.users["vinson"].devices[0].platform = Platform::Desktop; }},
      {"badge_off", [](Badge& f, json&) { f.world.users["vinson"].settings.badge = false; }},
      {"user_push_off", [](Badge& f, json&) { f.world.users["vinson"].settings.enabled = false; }},
      {"foreground", [](Badge& f, json&) { f.world.users["vinson"].devices[0].state = DeviceState::Foreground; }},
      {"logged_out", [](Badge& f, json&) { f.world.users["vinson"].devices[0].state = DeviceState::LoggedOut; }},
      {"no_token", [](Badge& f, json&) { f.world.users["vinson"].devices[0].token = DeviceToken(); }},
      {"no_device", [](Badge& f, json&) { f.world.users["vinson"].devices.clear(); }},
      {"device_unknown", [](Badge&, json& e) { e["to"][0]["devices"] = {"pad"}; }},
  }));
  CAPTURE(row.rule);
  Badge f;
  json event = f.event();
  row.change(f, event);
  f.accept(event);
  CHECK(f.world.sent.empty());
  CHECK(f.only_outcome()["outcome"] == "suppressed");
  CHECK(f.only_outcome()["rule"] == row.rule);
  CHECK(f.world.letters.empty());
  CHECK(f.all_over());
}

TEST_CASE("badge: an old number is nothing to replay", "[dispatch][badge]") {
  Badge f;
  f.world.users["vinson"].devices[0].certificate = {5};
  f.accept(f.event());
  CHECK(f.only_outcome()["rule"] == "certificate_missing");
  CHECK(f.world.letters.empty());
  CHECK(f.all_over());
}

TEST_CASE("badge: mutes do not hold a number back", "[dispatch][badge]") {
  Badge f;
  f.world.users["vinson"].mutes = {Mute{}};
  f.accept(f.event());
  REQUIRE(f.world.sent.size() == 1);
  f.world.answer(200, "id");
  CHECK(f.all_over());
}

TEST_CASE("badge: an old number is never sent late", "[dispatch][badge]") {
  struct Row {
    const char* name;
    void (*trouble)(Badge& f);
  };
  const auto row = GENERATE(values<Row>({
      {"throttled for a minute", [](Badge& f) { f.world.answer(429, "Token 60"); }},
      {"the vendor fails and fails",
       [](Badge& f) {
         for (int i = 0; i < 20 && f.world.outcomes.empty(); ++i) {
           f.world.answer(503, "Busy");
           f.pass(seconds(3));
         }
       }},
      {"no answer",
       [](Badge& f) {
         f.pass(seconds(61));
         f.world.lose(Errc::Timeout, true);
       }},
  }));
  CAPTURE(row.name);
  Badge f;
  f.accept(f.event());
  REQUIRE(f.world.sent.size() == 1);
  row.trouble(f);
  CHECK(f.only_outcome()["outcome"] == "expired");
  CHECK(f.only_outcome()["rule"] == "expired");
  CHECK(f.world.deferrals.empty());
  CHECK(f.world.letters.empty());
  CHECK(f.all_over());
}

TEST_CASE("badge: while the store is away it expires", "[dispatch][badge]") {
  Badge f;
  f.world.store_down = Error{Errc::Io, "gone"};
  f.accept(f.event());
  f.pass(seconds(30));
  CHECK(f.only_outcome()["rule"] == "expired");
  CHECK(f.world.deferrals.empty());
  CHECK(f.world.letters.empty());
  CHECK(f.all_over());
}
