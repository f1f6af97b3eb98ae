#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "app/chat_json.h"
#include "app/chat_screen.h"
#include "app/chat_state.h"

namespace nightpost::app {
namespace {

using nlohmann::json;

/// A client that is online as denny.
struct CallBed {
  CallBed() : state(names(), {[] { return std::string("sig"); }, true}, now) {
    state.connected(now);
    (void)state.take_frames();
    get({{"type", "welcome"}, {"code", 0}, {"version", 1}, {"user", "denny"}, {"ver", 10}, {"heartbeat_ms", 30'000}});
    const std::vector<std::string> frames = state.take_frames();
    REQUIRE(frames.size() == 1);
    answer(json::parse(frames[0]),
           {{"chats", json::array()}, {"ver", 10}, {"more", false}, {"unread_total", 0}, {"time", 1'000}});
    (void)state.take_frames();
    (void)state.take_events();
  }
  static ChatOptions names() {
    ChatOptions options;
    options.app = AppId{7};
    options.user = "denny";
    options.device = "term-1";
    options.seed = 0xabc;
    return options;
  }
  void get(const json& frame) { state.received(frame.dump(), now); }
  void answer(const json& asked, json body) {
    get({{"type", "res"}, {"id", asked["id"]}, {"code", 0}, {"body", std::move(body)}});
  }
  /// What a typed line asks for; null: nothing.
  json typed(const std::string& line) {
    state.typed(line, now);
    for (const std::string& text : state.take_frames()) {
      json frame = json::parse(text);
      if (frame["type"] == "req") return frame;
    }
    return nullptr;
  }
  std::string screen() {
    std::string text;
    for (const json& event : state.take_events()) text += chat_text(event);
    return text;
  }
  MonoTime now{std::chrono::hours(1)};
  ChatState state;
};

TEST_CASE("chat calls: typed commands become requests", "[app][chat][call]") {
  CallBed bed;
  bed.state.typed("/open mia", bed.now);
  json asked = bed.typed("/call 20");
  REQUIRE(asked["op"] == "call_invite");
  CHECK(asked["body"]["to"] == "mia");
  CHECK(asked["body"]["timeout_ms"] == 20'000);
  CHECK(asked["body"]["desc"] == "denny calls");
  CHECK(asked["body"].contains("client_id"));
  (void)bed.screen();
  bed.answer(asked, {{"call", "7-3"}, {"time", 43'200'000}, {"until", 43'220'000}, {"ver", 3}});
  CHECK(bed.screen() == "12:00:00 calling mia   (7-3)\n");

  bed.state.typed("/group g", bed.now);
  asked = bed.typed("/call mia bob");
  REQUIRE(asked["op"] == "call_invite");
  CHECK(asked["body"]["group"] == "g");
  CHECK(asked["body"]["users"] == json::parse(R"(["mia","bob"])"));
  CHECK(asked["body"]["timeout_ms"] == 30'000);
  bed.answer(asked, {{"call", "9-1"}, {"time", 1}, {"ver", 3}});
  asked = bed.typed("/call 5bob");  // a user, and no number
  CHECK(asked["body"]["users"] == json::parse(R"(["5bob"])"));
  CHECK(asked["body"]["timeout_ms"] == 30'000);
  bed.answer(asked, {{"call", "9-2"}, {"time", 1}, {"ver", 3}});
  for (const auto& [line, op] : {std::pair{"/accept 7-3", "call_accept"}, std::pair{"/reject 7-3", "call_reject"},
                                 std::pair{"/cancel 7-3", "call_cancel"}}) {
    CAPTURE(line);
    (void)bed.screen();
    asked = bed.typed(line);
    CHECK(asked["op"] == op);
    CHECK(asked["body"] == json::parse(R"({"call":"7-3"})"));
    bed.answer(asked, {{"id", "7-4"}, {"time", 1}, {"ver", 4}});
    CHECK(bed.screen() == std::string("-- ") + op + ": done\n");
  }
  asked = bed.typed("/calls");
  CHECK(asked["op"] == "calls");
  bed.answer(asked, {{"calls", json::parse(R"([{"call":"7-3","by":"mia","to":"denny","time":1,
      "users":[{"user":"denny","state":"waits"}]}])")}});
  CHECK(bed.screen() == "-- mia calls denny (waits): 7-3\n");
}

TEST_CASE("chat calls: what cannot be asked", "[app][chat][call]") {
  CallBed bed;
  CHECK(bed.typed("/call").is_null());  // nothing is open
  CHECK_THAT(bed.screen(), Catch::Contains("no conversation is open"));
  bed.state.typed("/open mia", bed.now);
  CHECK(bed.typed("/call bob").is_null());
  CHECK_THAT(bed.screen(), Catch::Contains("users are called in a group"));
  CHECK(bed.typed("/call 9223372036854775807").is_null());
  CHECK_THAT(bed.screen(), Catch::Contains("86400 seconds at most"));
  bed.state.typed("/group g", bed.now);
  CHECK(bed.typed("/call 20").is_null());
  CHECK_THAT(bed.screen(), Catch::Contains("/call [SECONDS] USER..."));
  for (const char* line : {"/accept", "/reject a b", "/cancel", "/calls now"}) {
    CAPTURE(line);
    CHECK(bed.typed(line).is_null());
    CHECK_THAT(bed.screen(), Catch::Contains("written so"));
  }
}

TEST_CASE("chat calls: a step is shown as one", "[app][chat][call]") {
  CHECK(shown_text(json::parse(R"([{"type":"call","step":"invite","users":["denny"],"desc":"mia calls"}])")) ==
        "[call invite] mia calls");
  CHECK(shown_text(json::parse(R"([{"type":"call","step":"timeout","call":"7-3","users":["denny"]}])")) ==
        "[call timeout 7-3]");
}

}  // namespace
}  // namespace nightpost::app
