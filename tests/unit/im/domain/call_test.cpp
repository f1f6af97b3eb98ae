#include "im/domain/call.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "im/domain/elements.h"

namespace nightpost::im {
namespace {

const WallTime kNow = wall_from_ms(1'795'225'887'000);

TEST_CASE("im calls: the first step decides, and its device alone may repeat it", "[im][domain][call]") {
  struct Row {
    const char* name;
    CallFacts facts;
    const char* want;  // "done", "repeated", or what is refused
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"accepted in time", {.known = true, .mine = true, .now = kNow}, "done"},
      {"a call without a time", {.step = CallStep::Reject, .known = true, .mine = true, .now = kNow}, "done"},
      {"canceled while one waits", {.step = CallStep::Cancel, .known = true, .mine = true, .now = kNow}, "done"},
      {"a ms before the time-out", {.known = true, .mine = true, .until = kNow + milliseconds(1), .now = kNow}, "done"},
      {"the answer was lost",
       {.known = true, .mine = true, .state = CallState::Accepted, .same_device = true, .now = kNow},
       "repeated"},
      {"a repeat after the time-out of the others",
       {.known = true, .mine = true, .state = CallState::Accepted, .same_device = true, .until = kNow, .now = kNow},
       "repeated"},
      {"unknown", {.now = kNow}, "call: no such call"},
      {"not invited", {.known = true, .now = kNow}, "call: this user is not invited to it"},
      {"a cancel of another's", {.step = CallStep::Cancel, .known = true}, "call: another user invited to it"},
      {"another device was first",
       {.known = true, .mine = true, .state = CallState::Accepted, .now = kNow},
       "call: it is decided: accepted"},
      {"he has rejected it on this device",
       {.known = true, .mine = true, .state = CallState::Rejected, .same_device = true, .now = kNow},
       "call: it is decided: rejected"},
      {"canceled meanwhile",
       {.known = true, .mine = true, .state = CallState::Canceled, .now = kNow},
       "call: it is decided: canceled"},
      {"timed out and swept",
       {.known = true, .mine = true, .state = CallState::TimedOut, .until = kNow, .now = kNow},
       "call: it is decided: timed_out"},
      {"timed out, and the server has not come to it",
       {.known = true, .mine = true, .until = kNow, .now = kNow},
       "call: it is decided: timed_out"},
      {"a cancel after the time-out",
       {.step = CallStep::Cancel, .known = true, .mine = true, .until = kNow, .now = kNow},
       "call: it is decided: timed_out"},
      {"a cancel of what all have accepted",
       {.step = CallStep::Cancel, .known = true, .mine = true, .state = CallState::Accepted},
       "call: it is decided: accepted"},
      {"a cancel by another device of the inviter's",
       {.step = CallStep::Cancel, .known = true, .mine = true, .state = CallState::Canceled},
       "call: it is decided: canceled"},
  }));
  CAPTURE(row.name);
  const auto got = decide_call(row.facts);
  CHECK((got ? *got ? "done" : "repeated" : got.error().why) == row.want);
}

TEST_CASE("im calls: a step is an element that no client may write", "[im][domain][call]") {
  const std::string invite = call_elements({.step = CallStep::Invite,
                                            .call = {},
                                            .users = {"vin\"son", "mia"},
                                            .until = kNow,
                                            .data = R"({"desc":"room 7"})",
                                            .desc = "Denny calls"});
  CHECK(
      nlohmann::json::parse(invite) ==
      nlohmann::json::parse(
          R"([{"type":"call","step":"invite","until":1795225887000,"users":["vin\"son","mia"],"data":"{\"desc\":\"room 7\"}","desc":"Denny calls"}])"));
  CHECK(is_call_invite(invite));
  CHECK(call_shows(invite));
  CHECK(call_until(invite) == kNow);
  CHECK_FALSE(check_elements(invite, {}));

  const std::string silent = call_elements(
      {.step = CallStep::Invite, .call = {}, .users = {"mia"}, .until = {}, .data = R"({"desc":"x"})", .desc = ""});
  CHECK(is_call_invite(silent));
  CHECK_FALSE(call_shows(silent));
  CHECK_FALSE(call_until(silent));

  const std::string accept = call_elements(
      {.step = CallStep::Accept, .call = {ConvId{7}, Seq{3}}, .users = {"mia"}, .until = {}, .data = "", .desc = ""});
  CHECK(accept == R"([{"type":"call","step":"accept","call":"7-3","users":["mia"]}])");
  CHECK_FALSE(is_call_invite(accept));
  CHECK_FALSE(call_until(accept));

  for (const char* other :
       {"", "[]", R"([{"type":"text","text":"until"}])", R"([{"type":"call","step":"invite","until":x)",
        R"([{"type":"call","step":"invite","until":99999999999999999999}])"}) {
    CAPTURE(other);
    CHECK_FALSE(call_until(other));
  }
}

}  // namespace
}  // namespace nightpost::im
