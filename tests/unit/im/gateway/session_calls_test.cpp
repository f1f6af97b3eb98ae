// Calls over a session: requests, answers, and what is refused by its form.
#include <catch2/catch.hpp>

#include "im/gateway/call_frame.h"
#include "session_rig.h"

namespace nightpost::im {
namespace {

using Rig = fake::SessionRig;
using fake::Words;

TEST_CASE("session: calls reach the service and are answered", "[im][session][call]") {
  Rig rig;
  rig.log_in(10);
  rig.ask(
      1, "call_invite",
      R"({"group":"g","users":["mia","bob"],"client_id":"c","timeout_ms":30000,"data":"room 7","desc":"Denny calls","push":{"title":"T"}})");
  REQUIRE(rig.service.call_invites.size() == 1);
  auto [invite, made] = rig.service.pop(rig.service.call_invites);
  CHECK(invite.group == "g");
  CHECK(invite.to.empty());
  CHECK(invite.users == std::vector<std::string>{"mia", "bob"});
  CHECK(invite.client_id == "c");
  CHECK(invite.timeout == milliseconds(30'000));
  CHECK(invite.data == "room 7");
  CHECK(invite.desc == "Denny calls");
  CHECK(invite.push == R"({"title":"T"})");
  made(CallReply{.id = {ConvId{7}, Seq{3}}, .at = wall_from_ms(5), .until = wall_from_ms(30'005), .ver = Ver{11}});
  CHECK(rig.heard() == Words{"res 1 0"});
  CHECK(rig.last["body"].dump() == R"({"call":"7-3","time":5,"until":30005,"ver":11})");
  rig.ack_ver(11);  // it was shown
  CHECK(rig.heard().empty());

  for (const auto& [op, step] : {std::pair{"call_cancel", CallStep::Cancel}, std::pair{"call_accept", CallStep::Accept},
                                 std::pair{"call_reject", CallStep::Reject}}) {
    CAPTURE(op);
    rig.ask(2, op, R"({"call":"7-3","data":"busy"})");
    REQUIRE(rig.service.call_answers.size() == 1);
    auto [answer, said] = rig.service.pop(rig.service.call_answers);
    CHECK(answer.call == MessageId{ConvId{7}, Seq{3}});
    CHECK(answer.step == step);
    CHECK(answer.data == "busy");
    said(SendReply{.id = {ConvId{7}, Seq{4}}, .at = wall_from_ms(6), .ver = Ver{12}});
    CHECK(rig.heard() == Words{"res 2 0"});
    CHECK(rig.last["body"]["id"] == "7-4");
  }
  rig.ask(3, "call_accept", R"({"call":"7-3"})");
  rig.service.pop(rig.service.call_answers).second(refuse(Code::CallOver, "call: it is decided: accepted"));
  CHECK(rig.heard() == Words{"res 3 8010"});
  CHECK(rig.last["why"] == "call: it is decided: accepted");

  rig.ask(4, "calls");
  REQUIRE(rig.service.call_lists.size() == 1);
  rig.service.pop(rig.service.call_lists)(
      std::vector<OpenCall>{{.id = {ConvId{7}, Seq{3}},
                             .by = "denny",
                             .to = "",
                             .group = "g",
                             .at = wall_from_ms(5),
                             .until = {},
                             .data = "x",
                             .users = {{"mia", CallState::Accepted}, {"bob", CallState::Waits}}}});
  CHECK(rig.heard() == Words{"res 4 0"});
  CHECK(
      rig.last["body"].dump() ==
      R"({"calls":[{"by":"denny","call":"7-3","data":"x","group":"g","time":5,"users":[{"state":"accepted","user":"mia"},{"state":"waits","user":"bob"}]}]})");
}

TEST_CASE("session: a list of calls is no longer than a frame", "[im][session][call]") {
  OpenCall call{.id = {ConvId{7}, Seq{3}},
                .by = "denny",
                .to = "mia",
                .group = "",
                .at = {},
                .until = {},
                .data = "",
                .users = {}};
  call.data = std::string(100'000, 'x');
  const std::string body = open_calls_body({call, call, call});
  CHECK(body.size() < kServerFrameBytesMax);
  const auto read = nlohmann::json::parse(body);
  CHECK(read["calls"].size() == 2);
  CHECK(read["more"] == true);
}

TEST_CASE("session: requests about calls that are refused by their form", "[im][session][call]") {
  Rig rig;
  rig.log_in(10);
  struct Row {
    const char* op;
    const char* body;
    const char* why;
  };
  for (const Row& row : {
           Row{"call_invite", R"({"to":"mia"})", "body.client_id: missing"},
           Row{"call_invite", R"({"client_id":"c","to":7})", "body.to: not a string"},
           Row{"call_invite", R"({"client_id":"c","group":"g","users":"mia"})", "body.users: not an array"},
           Row{"call_invite", R"({"client_id":"c","group":"g","users":[7]})", "body.users[0]: not a string"},
           Row{"call_invite", R"({"client_id":"c","to":"mia","timeout_ms":-1})",
               "body.timeout_ms: -1 is not in [0, 9007199254740991]"},
           Row{"call_invite", R"({"client_id":"c","to":"mia","timeout_ms":1.5})",
               "body.timeout_ms: not a whole number"},
           Row{"call_invite", R"({"client_id":"c","to":"mia","data":{}})", "body.data: not a string"},
           Row{"call_invite", R"({"client_id":"c","to":"mia","push":[]})", "body.push: not an object"},
           Row{"call_accept", R"({})", "body.call: missing"},
           Row{"call_accept", R"({"call":7})", "body.call: not a string"},
           Row{"call_reject", R"({"call":"7"})", "body.call: not the id of a message"},
           Row{"call_cancel", R"({"call":"7-0"})", "body.call: not the id of a message"},
           Row{"call_cancel", R"({"call":"7-3","data":1})", "body.data: not a string"},
       }) {
    CAPTURE(row.body);
    rig.ask(1, row.op, row.body);
    CHECK(rig.heard() == Words{"res 1 6017"});
    CHECK(rig.last["why"] == row.why);
  }
  CHECK(rig.service.call_invites.empty());
  CHECK(rig.service.call_answers.empty());
}

}  // namespace
}  // namespace nightpost::im
