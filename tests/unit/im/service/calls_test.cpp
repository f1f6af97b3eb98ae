// Calls: decided once, timed out by the server's clock, also across a kill.
#include <algorithm>
#include <string>
#include <vector>

#include "group_world.h"
#include "im/service/call_requests.h"

namespace nightpost::im {
namespace {

struct CallWorld : GroupWorld {
  explicit CallWorld(ServiceOptions with = {}) : GroupWorld(std::move(with)) {}
  Answer<CallReply> try_invite(const Terminal& who, CallInvite invite) {
    if (invite.client_id.empty()) invite.client_id = "call" + std::to_string(++made_);
    return ask<CallReply>([&](auto reply) { service->invite_to_call(who, std::move(invite), std::move(reply)); });
  }
  MessageId invite_one(milliseconds timeout = milliseconds(30'000)) {
    const auto made =
        try_invite(phone("olga"), {.to = "mia", .timeout = timeout, .data = "room 7", .desc = "Olga calls"});
    if (!made) FAIL(made.error().why);
    return made->id;
  }
  MessageId invite_group(const std::string& group, std::vector<std::string> invited) {
    const auto made = try_invite(
        phone("olga"),
        {.group = group, .users = std::move(invited), .timeout = milliseconds(30'000), .desc = "Olga calls"});
    if (!made) FAIL(made.error().why);
    return made->id;
  }
  Answer<SendReply> step(const Terminal& who, MessageId call, CallStep what, const std::string& data = "") {
    return ask<SendReply>([&](auto reply) { service->answer_call(who, {call, what, data}, std::move(reply)); });
  }
  std::vector<OpenCall> open(const std::string& user) {
    auto all = ask<std::vector<OpenCall>>([&](auto reply) { service->open_calls(phone(user), std::move(reply)); });
    REQUIRE(all);
    return *std::move(all);
  }
  /// The wall clock goes on, and the sweep that comes due is over.
  void pass_time(milliseconds time) {
    clock.pass(time);
    loop.pass(time);
    (void)open("olga");                                     // a look sees what was committed before
    for (int i = 0; i < 2; ++i) REQUIRE(import("nobody"));  // a command behind the sweep
  }
  /// The steps that were delivered: "accept 1-1 mia to olga" or "… in team".
  std::vector<std::string> steps() {
    std::vector<std::string> out;
    for (const Delivery& delivery : news().deliveries) {
      const auto* const said = std::get_if<NewMessage>(&delivery.item);
      if (said == nullptr || !said->message->elements.starts_with(R"([{"type":"call")")) continue;
      const std::string& text = said->message->elements;
      const auto word = [&](const std::string& name) {
        const std::size_t at = text.find("\"" + name + "\":\"");
        return at == text.npos
                   ? std::string()
                   : text.substr(at + name.size() + 4, text.find('"', at + name.size() + 4) - at - name.size() - 4);
      };
      out.push_back(word("step") + " " + word("call") + (word("call").empty() ? "" : " ") + "by " +
                    said->message->from + " to " + (delivery.group.value != 0 ? std::string("all") : delivery.to.user));
    }
    return out;
  }

 private:
  int made_ = 0;
};
using Steps = std::vector<std::string>;

TEST_CASE("im calls: an invite is a message with a push that ends with it", "[im][service][call]") {
  CallWorld world;
  const MessageId call = world.invite_one();
  CHECK(text_of(call) == "1-1");
  const Committed news = world.news();
  REQUIRE(news.intents.size() == 1);
  CHECK(news.intents[0].message->id == call);
  CHECK(news.intents[0].to.user == "mia");
  CHECK(call_until(news.intents[0].message->elements) == world.clock.wall() + milliseconds(30'000));
  CHECK(world.chat(world.phone("mia"), "olga").unread == 1);
  for (const char* user : {"olga", "mia"}) {
    CAPTURE(user);
    const auto all = world.open(user);
    REQUIRE(all.size() == 1);
    CHECK(all[0].id == call);
    CHECK(all[0].by == "olga");
    CHECK(all[0].to == "mia");
    CHECK(all[0].data == "room 7");
    CHECK(all[0].users == std::vector<std::pair<std::string, CallState>>{{"mia", CallState::Waits}});
  }
  CHECK(world.open("max").empty());

  REQUIRE(world.step(world.phone("mia"), call, CallStep::Accept, "here I am"));
  const Committed after = world.news();
  CHECK(after.recalled == std::vector{call});  // no push any more
  REQUIRE(after.follow_ups.size() == 1);       // her other phones, which may show one
  CHECK(after.follow_ups[0].kind == FollowUp::Kind::Recalled);
  CHECK(after.follow_ups[0].to.user == "mia");
  CHECK(after.follow_ups[0].call);
  CHECK(after.follow_ups[0].answered);
  CHECK(world.follow_ups()[0].answered);  // after a kill, too
  CHECK(after.intents.empty());           // of the answer
  CHECK(world.chat(world.phone("olga"), "mia").unread == 0);
  CHECK(world.open("mia").empty());
  CHECK(world.open("olga").empty());
  CHECK(world.intents().empty());
}

TEST_CASE("im calls: decided once, whoever comes second", "[im][service][call]") {
  CallWorld world;
  const Terminal pad = world.login("mia", "pad", Platform::Desktop);
  const MessageId call = world.invite_one();
  world.news();
  const Terminal mia = world.phone("mia");
  const Terminal olga = world.phone("olga");
  SECTION("two devices accept") {
    REQUIRE(world.step(pad, call, CallStep::Accept));
    CHECK(world.steps() == Steps{"accept 1-1 by mia to mia", "accept 1-1 by mia to olga"});
    REQUIRE(world.step(pad, call, CallStep::Accept));  // its answer was lost
    CHECK(world.steps().empty());
    CHECK(code_of(world.step(mia, call, CallStep::Accept)) == Code::CallOver);
    CHECK(code_of(world.step(pad, call, CallStep::Reject)) == Code::CallOver);
    CHECK(code_of(world.step(olga, call, CallStep::Cancel)) == Code::CallOver);
  }
  SECTION("canceled first") {
    REQUIRE(world.step(olga, call, CallStep::Cancel));
    CHECK(world.steps() == Steps{"cancel 1-1 by olga to olga", "cancel 1-1 by olga to mia"});
    REQUIRE(world.step(olga, call, CallStep::Cancel));
    CHECK(world.steps().empty());
    CHECK(code_of(world.step(mia, call, CallStep::Accept)) == Code::CallOver);
  }
  SECTION("rejected, and a kill later") {
    REQUIRE(world.step(mia, call, CallStep::Reject, "line busy"));
    world.crash();
    CHECK(code_of(world.step(pad, call, CallStep::Accept)) == Code::CallOver);
    REQUIRE(world.step(mia, call, CallStep::Reject, "line busy"));
    CHECK(world.steps().empty());
  }
  SECTION("timed out: also before the server has come to it") {
    world.clock.pass(milliseconds(30'000));
    CHECK(world.open("mia").empty());
    CHECK(code_of(world.step(mia, call, CallStep::Accept)) == Code::CallOver);
    world.loop.pass(milliseconds(30'000));
    REQUIRE(world.loop.until([&] { return world.number("SELECT waiting FROM im_calls") == 0; }));
    REQUIRE(world.import("nobody"));
    CHECK(world.steps() == Steps{"timeout 1-1 by olga to olga", "timeout 1-1 by olga to mia"});
    CHECK(code_of(world.step(olga, call, CallStep::Cancel)) == Code::CallOver);
  }
}

TEST_CASE("im calls: a time-out outlives a kill, and comes once", "[im][service][call]") {
  CallWorld world;
  const MessageId call = world.invite_one();
  world.news();
  world.crash();
  world.pass_time(milliseconds(29'999));
  CHECK(world.steps().empty());
  world.pass_time(milliseconds(1'001));
  CHECK(world.steps() == Steps{"timeout 1-1 by olga to olga", "timeout 1-1 by olga to mia"});
  REQUIRE(world.follow_ups().size() == 1);
  CHECK(world.follow_ups()[0].call);
  CHECK_FALSE(world.follow_ups()[0].answered);
  CHECK(world.intents().empty());
  world.restart();
  world.pass_time(milliseconds(2'000));
  CHECK(world.steps().empty());
  CHECK(code_of(world.step(world.phone("mia"), call, CallStep::Accept)) == Code::CallOver);
  world.clock.pass(std::chrono::hours(25));
  world.loop.pass(milliseconds(60'000));
  REQUIRE(world.loop.until([&] { return world.number("SELECT count(*) FROM im_calls") == 0; }));
  CHECK(world.number("SELECT count(*) FROM im_call_users") == 0);
}

TEST_CASE("im calls: one without words rings, too, and phones hear of its end", "[im][service][call]") {
  const bool rings = GENERATE(true, false);
  ServiceOptions options;
  options.calls.rings = rings;
  CallWorld world(std::move(options));
  const auto made = world.try_invite(world.phone("olga"), {.to = "mia", .timeout = milliseconds(30'000)});
  REQUIRE(made);
  world.news();
  REQUIRE(world.step(world.phone("olga"), made->id, CallStep::Cancel));
  CHECK(world.news().follow_ups.size() == (rings ? 1U : 0U));
}

TEST_CASE("im calls: one without a time waits until it is forgotten", "[im][service][call]") {
  CallWorld world;
  const MessageId call = world.invite_one(milliseconds(0));
  world.news();
  world.pass_time(milliseconds(7'200'000));
  CHECK(world.steps().empty());
  REQUIRE(world.step(world.phone("mia"), call, CallStep::Accept));
}

TEST_CASE("im calls: what an invite may not be", "[im][service][call]") {
  ServiceOptions options;
  options.calls.open_max = 2;
  options.calls.invited_max = 2;
  CallWorld world(std::move(options));
  const std::string group = world.create(GroupType::Work);
  struct Row {
    const char* name;
    CallInvite invite;
    Code code;
    const char* why;
  };
  const std::vector<Row> rows = {
      {"nobody", {}, Code::Malformed, "to, group: one of them"},
      {"both", {.to = "mia", .group = group}, Code::Malformed, "to, group: one of them"},
      {"oneself", {.to = "olga"}, Code::Malformed, "to: oneself"},
      {"a stranger", {.to = "nemo"}, Code::ReceiverUnknown, "to"},
      {"users of a user", {.to = "mia", .users = {"max"}}, Code::Malformed, "users: 1-2 of a group, else none"},
      {"none of a group", {.group = group}, Code::Malformed, "users: 1-2 of a group, else none"},
      {"three of a group", {.group = group, .users = {"mia", "max", "sam"}}, Code::Malformed, "users: not 1-2"},
      {"one twice", {.group = group, .users = {"mia", "mia"}}, Code::Malformed, "users: one is named twice"},
      {"oneself in a group", {.group = group, .users = {"olga"}}, Code::Malformed, "users: oneself"},
      {"no member", {.group = group, .users = {"sam"}}, Code::GroupForbidden, "users: sam is no member of the group"},
      {"no group", {.group = "none", .users = {"mia"}}, Code::GroupUnknown, "group: no such group"},
      {"too long a time",
       {.to = "mia", .timeout = milliseconds(3'600'001)},
       Code::Malformed,
       "timeout_ms: not in 0-3600000"},
      {"a time in the past",
       {.to = "mia", .timeout = milliseconds(-1)},
       Code::Malformed,
       "timeout_ms: not in 0-3600000"},
      {"too much data", {.to = "mia", .data = std::string(4'097, 'x')}, Code::TooLarge, "data"},
      {"a zero", {.to = "mia", .data = std::string("a\0b", 3)}, Code::Malformed, "data"},
      {"a push that is none", {.to = "mia", .push = R"({"sound":1})"}, Code::Malformed, "push"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto got = world.try_invite(world.phone("olga"), row.invite);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == row.code);
    CHECK_THAT(got.error().why, Catch::Contains(row.why));
  }
  CHECK(world.number("SELECT count(*) FROM im_calls") == 0);
  CHECK(code_of(world.try_invite(world.phone("sam"), {.group = group, .users = {"mia"}})) == Code::GroupForbidden);

  // A repeat finds the first; and so many may wait.
  const auto first =
      world.try_invite(world.phone("olga"), {.to = "mia", .client_id = "c1", .timeout = milliseconds(9)});
  REQUIRE(first);
  const auto again =
      world.try_invite(world.phone("olga"), {.to = "mia", .client_id = "c1", .timeout = milliseconds(9)});
  REQUIRE(again);
  CHECK(again->repeated);
  CHECK(again->id == first->id);
  CHECK(again->until == first->until);
  REQUIRE(world.try_invite(world.phone("olga"), {.to = "max"}));
  CHECK(code_of(world.try_invite(world.phone("olga"), {.to = "sam"})) == Code::TooFast);
  CHECK(code_of(world.step(world.phone("mia"), {ConvId{99}, Seq{1}}, CallStep::Accept)) == Code::CallOver);
  CHECK(code_of(world.step(world.phone("sam"), first->id, CallStep::Accept)) == Code::CallForbidden);
  CHECK(code_of(world.step(world.phone("mia"), first->id, CallStep::Cancel)) == Code::CallForbidden);
  CHECK(code_of(world.step(world.phone("mia"), first->id, CallStep::TimeOut)) == Code::Malformed);
}

TEST_CASE("im calls: a device reports no VoIP token, whatever its name", "[im][service][call]") {
  CallWorld world;
  const Terminal odd = world.login("mia", "pad.voip");
  CHECK(code_of(world.ask<void>([&](auto reply) {
          world.service->report_token(odd, {CertificateId{7}, DeviceToken("abc", TokenKind::Voip)}, std::move(reply));
        })) == Code::Malformed);
  CHECK(world.bound("mia").empty());
}

TEST_CASE("im calls: who is blocked calls nobody, and hears of a time-out alone", "[im][service][call]") {
  CallWorld world;
  REQUIRE(world.block(world.phone("mia"), "olga"));
  world.news();
  const MessageId call = world.invite_one();
  CHECK(world.news().intents.empty());
  CHECK(world.open("mia").empty());
  CHECK(code_of(world.step(world.phone("mia"), call, CallStep::Accept)) == Code::CallOver);
  world.pass_time(milliseconds(30'000));
  CHECK(world.steps() == Steps{"timeout 1-1 by olga to olga"});
  CHECK(world.follow_ups().empty());
  CHECK(world.sync(world.phone("mia")).chats.empty());
}

TEST_CASE("im calls: in a group all hear it, the invited answer, their phones alone are pushed to",
          "[im][service][call]") {
  CallWorld world;
  REQUIRE(world.import("olga", "Olga"));
  const std::string group = world.create(GroupType::Work, {"mia", "max", "sam"});
  world.news();
  const MessageId call = world.invite_group(group, {"mia", "max"});
  CHECK(world.steps() == Steps{"invite by olga to all"});
  CHECK(world.receiver_words(call) == "max mia");
  CHECK(world.unread("sam", group) == 1);
  REQUIRE(world.open("sam").empty());
  REQUIRE(world.open("max").size() == 1);
  CHECK(world.open("max")[0].group == group);
  CHECK(code_of(world.step(world.phone("sam"), call, CallStep::Accept)) == Code::CallForbidden);

  REQUIRE(world.step(world.phone("mia"), call, CallStep::Accept));
  const Committed one = world.news();
  CHECK(one.recalled.empty());  // Max is still called
  REQUIRE(one.follow_ups.size() == 1);
  CHECK(one.follow_ups[0].to.user == "mia");
  CHECK(one.follow_ups[0].group == group);
  CHECK(one.follow_ups[0].group_name == "Team");
  CHECK(world.receiver_words(call) == "max");
  REQUIRE(world.kick_out(world.as("olga"), group, {"max"}));
  CHECK(code_of(world.step(world.phone("max"), call, CallStep::Accept)) == Code::GroupForbidden);
  CHECK(world.open("max").empty());
  world.news();
  world.pass_time(milliseconds(30'000));
  const Committed over = world.news();
  CHECK(over.recalled == std::vector{call});
  CHECK(over.follow_ups.empty());  // he is no member, whose pushes are not ours any more
  CHECK(world.group_intents().empty());
  // What the row says after a kill is what was told.
  world.crash();
  auto rows = world.follow_ups();
  std::erase_if(rows, [](const FollowUp& row) { return row.kind == FollowUp::Kind::Badge; });  // Max's total fell
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].group == group);
  CHECK(rows[0].range == one.follow_ups[0].range);
  CHECK(rows[0].from == "olga");
  CHECK(rows[0].nick == "Olga");
}

TEST_CASE("im calls: an account that goes leaves no call open", "[im][service][call]") {
  CallWorld world;
  const MessageId call = world.invite_one();
  world.news();
  SECTION("who has invited") {
    REQUIRE(world.ask<void>([&](auto reply) { world.service->remove_account({kApp, "olga"}, std::move(reply)); }));
    CHECK(world.open("mia").empty());
    CHECK(code_of(world.step(world.phone("mia"), call, CallStep::Accept)) == Code::CallOver);
  }
  SECTION("who is invited") {
    REQUIRE(world.ask<void>([&](auto reply) { world.service->remove_account({kApp, "mia"}, std::move(reply)); }));
    const Steps steps = world.steps();
    CHECK(std::ranges::find(steps, "reject 1-1 by mia to olga") != steps.end());
    CHECK(world.open("olga").empty());
  }
  SECTION("one of several in a group") {
    const std::string group = world.create(GroupType::Work);
    const MessageId both = world.invite_group(group, {"mia", "max"});
    REQUIRE(world.ask<void>([&](auto reply) { world.service->remove_account({kApp, "mia"}, std::move(reply)); }));
    const auto open = world.open("max");
    REQUIRE(open.size() == 1);
    CHECK(open[0].id == both);
    REQUIRE(world.step(world.phone("max"), both, CallStep::Accept));
  }
  CHECK(world.number("SELECT count(*) FROM im_calls WHERE waiting > 0") == 0);
  CHECK(world.number("SELECT count(*) FROM im_call_users WHERE state = 0") == 0);
}

TEST_CASE("im calls: a silence stops an invite, not an answer", "[im][service][call]") {
  CallWorld world;
  const std::string group = world.create(GroupType::Public, {"mia", "max"});
  const MessageId call = world.invite_group(group, {"mia"});
  REQUIRE(world.silence(world.as("olga"), group, "mia", milliseconds(600'000)));
  world.news();
  REQUIRE(world.step(world.phone("mia"), call, CallStep::Reject));
  CHECK(world.steps() == Steps{"reject " + text_of(call) + " by mia to all"});
  CHECK(code_of(world.try_invite(world.phone("mia"), {.group = group, .users = {"max"}})) == Code::GroupSilenced);
  CHECK(world.number("SELECT count(*) FROM im_calls") == 1);
  REQUIRE(world.dismiss(world.as("olga"), group));
  CHECK(code_of(world.step(world.phone("olga"), call, CallStep::Cancel)) == Code::CallOver);
}

}  // namespace
}  // namespace nightpost::im
