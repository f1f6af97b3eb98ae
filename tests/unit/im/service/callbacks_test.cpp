// What commands write for apps' servers: each callback of the table with its fields, in the transaction of what it
// tells of, within a bound.
#include <nlohmann/json.hpp>
#include <set>

#include "group_world.h"

namespace nightpost::im {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

ServiceOptions telling(std::size_t queued_max = 1'000, CallbackSet wanted = CallbackSet::all()) {
  ServiceOptions options;
  options.callbacks = {.wanted = {{kApp, wanted}}, .queued_max = queued_max};
  return options;
}

struct CallbackWorld : GroupWorld {
  explicit CallbackWorld(ServiceOptions with = telling()) : GroupWorld(std::move(with)) { jobs(); }

  std::vector<CallbackJob> waiting(std::int64_t after = 0, std::size_t limit = 1'000, AppId app = kApp) {
    auto reply =
        ask<std::vector<CallbackJob>>([&](auto back) { service->callbacks(app, after, limit, std::move(back)); });
    REQUIRE(reply);
    return *std::move(reply);
  }
  /// Those that were written since the last call.
  std::vector<CallbackJob> jobs() {
    auto all = waiting(seen_);
    if (!all.empty()) seen_ = all.back().id;
    return all;
  }
  json only(Callback what) {
    const auto all = jobs();
    REQUIRE(all.size() == 1);
    CHECK(all[0].command == traits_of(what).command);
    CHECK(all[0].app == kApp);
    CHECK(all[0].at == clock.wall());
    last = all[0];
    return json::parse(all[0].body);
  }
  Answer<AdminSent> send_as(const std::string& from, AdminSend message) {
    return ask<AdminSent>([&](auto reply) { service->send_as({kApp, from}, std::move(message), std::move(reply)); });
  }
  template <class T = void, class Call>
  void done(Call call) {
    const auto answer = ask<T>(std::move(call));
    if (!answer) FAIL(answer.error().why);
  }
  CallbackJob last;

 private:
  std::int64_t seen_ = 0;
};

/// The members of a body are those that the table names.
void check_fields(Callback what, const json& body) {
  std::set<std::string> must, may;
  for (const std::string_view field : traits_of(what).fields) {
    const bool optional = field.ends_with('?');
    const std::string name(field.substr(0, field.size() - (optional ? 1 : 0)));
    may.insert(name);
    if (!optional) must.insert(name);
  }
  CAPTURE(body.dump());
  CHECK(body.at("CallbackCommand") == traits_of(what).command);
  for (const auto& [name, value] : body.items()) {
    if (name == "CallbackCommand") continue;
    CAPTURE(name);
    CHECK(may.contains(name));
    must.erase(name);
  }
  CHECK(must == std::set<std::string>{});
}

AdminSend words(const std::string& to, const std::string& text = "hello") {
  return {.to = to, .elements = R"([{"type":"text","text":")" + text + R"("}])", .push = {}, .cloud_data = "c"};
}

}  // namespace

TEST_CASE("callbacks: each of the table is written by what it tells of", "[im][service][callbacks]") {
  CallbackWorld world;
  const std::string group = world.create(GroupType::Public, {"mia", "max"}, "team");
  world.jobs();
  struct Row {
    Callback what;
    std::function<void()> act;
    json want;  // some of its members
    std::string platform;
  };
  const auto& [olga, mia] = std::pair(world.phone("olga"), world.phone("mia"));
  MessageId mine, theirs;
  const json pair = json::array({{{"From_Account", "olga"}, {"To_Account", "mia"}, {"Initiator_Account", "olga"}}});
  const UserKey key{kApp, "olga"};
  const std::vector<Row> rows = {
      {Callback::StateChanged,
       [&] { world.login("eve"); },
       {{"Info", {{"Action", "Login"}, {"To_Account", "eve"}, {"Reason", "Register"}}}},
       "iOS"},
      {Callback::Sent,
       [&] { mine = world.send(olga, "mia").id; },
       {{"From_Account", "olga"},
        {"To_Account", "mia"},
        {"MsgSeq", 1},
        {"MsgRandom", 0},
        {"OnlineOnlyFlag", 0},
        {"MsgTime", 1'795'225'887},
        {"MsgKey", "1_0_1795225887"},
        {"SendMsgResult", 0},
        {"UnreadMsgNum", 1},
        {"MsgBody", json::array({{{"type", "text"}, {"text", "hello"}}})}},
       "iOS"},
      {Callback::Read,
       [&] { REQUIRE(world.read(mia, {.peer = "olga"})); },
       {{"Report_Account", "mia"}, {"Peer_Account", "olga"}, {"LastReadTime", 1'795'225'887}, {"UnreadMsgNum", 0}},
       "iOS"},
      {Callback::Recalled,
       [&] { REQUIRE(world.recall(olga, mine)); },
       {{"From_Account", "olga"}, {"To_Account", "mia"}, {"MsgKey", "1_0_1795225887"}, {"UnreadMsgNum", 0}},
       "iOS"},
      {Callback::GroupSent,
       [&] {
         auto request = world.words_for(group);
         request.mentions = {"mia", std::string(kMentionAll)};
         theirs = world.write("olga", std::move(request));
       },
       {{"GroupId", "team"},
        {"Type", "Public"},
        {"From_Account", "olga"},
        {"Operator_Account", "olga"},
        {"GroupAtInfo", json::array({{{"GroupAtAllFlag", 0}, {"GroupAt_Account", "mia"}}, {{"GroupAtAllFlag", 1}}})}},
       "iOS"},
      {Callback::GroupRecalled,
       [&] { REQUIRE(world.recall(olga, theirs)); },
       {{"GroupId", "team"}, {"Operator_Account", "olga"}},
       "iOS"},
      {Callback::GroupCreated,
       [&] {
         REQUIRE(world.try_create(
             world.as("olga"),
             {.group = "other", .type = GroupType::Work, .name = "Other", .members = {{"mia"}, {"nobody"}}}));
       },
       {{"Type", "Private"},
        {"GroupId", "other"},
        {"Owner_Account", "olga"},
        {"Name", "Other"},
        {"MemberList", json::array({{{"Member_Account", "mia"}}})}},
       "iOS"},
      {Callback::GroupJoined,
       [&] { REQUIRE(world.invite(CallbackWorld::app(), group, {"sam", "mia", "nobody"})); },
       {{"JoinType", "Invited"},
        {"Operator_Account", ""},
        {"NewMemberList", json::array({{{"Member_Account", "sam"}}})}},
       "RESTAPI"},
      {Callback::GroupLeft,
       [&] { REQUIRE(world.kick_out(world.as("olga"), group, {"sam", "adam"})); },
       {{"ExitType", "Kicked"}, {"ExitMemberList", json::array({{{"Member_Account", "sam"}}})}},
       "iOS"},
      {Callback::GroupChanged,
       [&] {
         REQUIRE(world.change_info(CallbackWorld::app(),
                                   {.group = group, .name = "New", .join = JoinOption::Free, .all_silenced = true}));
       },
       {{"Name", "New"}, {"ApplyJoinOption", "FreeAccess"}, {"ShutUpAllMember", "On"}, {"Operator_Account", ""}},
       "RESTAPI"},
      {Callback::GroupDismissed,
       [&] { REQUIRE(world.dismiss(world.as("olga"), group)); },
       {{"GroupId", "team"}, {"Owner_Account", "olga"}},
       "iOS"},
      {Callback::FriendAdded,
       [&] {
         world.done<AdminService::Each>([&](auto reply) {
           world.service->save_friends(key, {{.user = "mia"}, {.user = "nobody"}}, AdminService::Befriend::Force, true,
                                       std::move(reply));
         });
       },
       {{"PairList", pair}, {"ClientCmd", "friend_add"}, {"ForceFlag", 1}},
       "RESTAPI"},
      {Callback::FriendRemoved,
       [&] {
         world.done<AdminService::Each>(
             [&](auto reply) { world.service->remove_friends(key, {"mia", "max"}, true, std::move(reply)); });
       },
       {{"PairList", pair}, {"ClientCmd", "friend_delete"}},
       "RESTAPI"},
      {Callback::Blacklisted,
       [&] { REQUIRE(world.block(olga, "mia")); },
       {{"PairList", pair}, {"ClientCmd", "black_list_add"}},
       "iOS"},
      {Callback::Unblacklisted,
       [&] {
         world.done<AdminService::Each>(
             [&](auto reply) { world.service->change_blacklist(key, {"mia", "max"}, false, std::move(reply)); });
       },
       {{"PairList", pair}, {"ClientCmd", "black_list_delete"}},
       "RESTAPI"},
      {Callback::ProfileSet,
       [&] {
         world.done([&](auto reply) {
           world.service->set_full_profile(key, {"Olga \"O\"", std::nullopt}, {{"Tag_Profile_IM_Level", "7"}},
                                           std::move(reply));
         });
       },
       {{"From_Account", "olga"},
        {"ProfileItem", json::array({{{"Tag", "Tag_Profile_IM_Nick"}, {"Value", "Olga \"O\""}},
                                     {{"Tag", "Tag_Profile_IM_Level"}, {"Value", 7}}})}},
       "RESTAPI"},
  };
  std::set<Callback> seen = {Callback::PushResult, Callback::MassPushResult};  // below, mass_push_test.cpp
  for (const Row& row : rows) {
    CAPTURE(std::string(traits_of(row.what).command));
    row.act();
    const json body = world.only(row.what);
    check_fields(row.what, body);
    json some = json::object();
    for (const auto& [name, value] : row.want.items()) some[name] = body.contains(name) ? body[name] : json();
    CHECK(some == row.want);
    CHECK(world.last.platform == row.platform);
    seen.insert(row.what);
  }
  CHECK(seen.size() == kCallbacks);
}

TEST_CASE("callbacks: what the app's server did is marked as its own", "[im][service][callbacks]") {
  CallbackWorld world;
  AdminSend message = words("mia");
  message.wire_seq = 77;
  message.wire_random = 8;
  REQUIRE(world.send_as("olga", message));
  json body = world.only(Callback::Sent);
  CHECK(world.last.platform == "RESTAPI");
  CHECK(body["MsgSeq"] == 77);
  CHECK(body["MsgKey"] == "77_8_1795225887");
  CHECK(body["CloudCustomData"] == "c");
  REQUIRE(world.send_as("olga", message));  // a repeat
  CHECK(world.jobs().empty());
  message.wire_random = 9;
  message.online_only = true;
  REQUIRE(world.send_as("olga", message));
  body = world.only(Callback::Sent);
  CHECK(body["OnlineOnlyFlag"] == 1);
  CHECK(body["MsgId"] == "");
  message = words("mia", "seq made up");
  message.wire_random = 5;
  REQUIRE(world.send_as("olga", message));
  body = world.only(Callback::Sent);
  CHECK(body["MsgSeq"] == 2);
  CHECK(body["MsgRandom"] == 5);
}

TEST_CASE("callbacks: a message that its receiver does not see says so", "[im][service][callbacks]") {
  CallbackWorld world;
  REQUIRE(world.block(world.phone("mia"), "olga"));
  world.jobs();
  world.send(world.phone("olga"), "mia");
  const json body = world.only(Callback::Sent);
  CHECK(body["SendMsgResult"] == 20007);
  CHECK(body["ErrorInfo"] != "");
  CHECK(body["UnreadMsgNum"] == 0);
}

TEST_CASE("callbacks: what changed nothing, was refused or imported writes none", "[im][service][callbacks]") {
  CallbackWorld world;
  const Terminal& olga = world.phone("olga");
  SECTION("a receiver that is not there") { CHECK_FALSE(world.try_send(olga, world.text("nobody"))); }
  SECTION("a user who is not blocked") { CHECK(world.block(olga, "mia", false)); }
  SECTION("nothing to read") { CHECK(world.read(olga, {.peer = "mia"})); }
  SECTION("an import") {
    world.done([&](auto reply) {
      world.service->import_message({kApp, "olga"},
                                    {.to = "mia",
                                     .elements = R"([{"type":"text","text":"old"}])",
                                     .cloud_data = {},
                                     .wire_seq = 1,
                                     .wire_random = 1,
                                     .at = world.clock.wall(),
                                     .live = true},
                                    std::move(reply));
    });
  }
  SECTION("an import of an account") { CHECK(world.import("new", "New")); }
  SECTION("another app") {
    world.send(olga, "mia");
    CHECK(world.waiting(0, 10, AppId{7}).empty());
    world.jobs();
  }
  CHECK(world.jobs().empty());
}

TEST_CASE("callbacks: an app is told of what it wants, and others of nothing", "[im][service][callbacks]") {
  CallbackSet set;
  set.add(Callback::Read);
  CallbackWorld some(telling(10, set));
  some.send(some.phone("olga"), "mia");
  CHECK(some.jobs().empty());
  REQUIRE(some.read(some.phone("mia"), {.peer = "olga"}));
  CHECK(some.jobs().size() == 1);
  CallbackWorld none{ServiceOptions()};
  none.send(none.phone("olga"), "mia");
  CHECK(none.jobs().empty());
  CHECK(none.metrics.callbacks.read() == 0);
}

TEST_CASE("callbacks: logins end and connections close", "[im][service][callbacks]") {
  CallbackWorld world;
  const auto state = [&] {
    const json body = world.only(Callback::StateChanged);
    check_fields(Callback::StateChanged, body);
    std::string out = body["Info"]["Action"].get<std::string>() + " " + body["Info"]["Reason"].get<std::string>();
    for (const json& kicked : body.value("KickedDevice", json::array()))
      out += " " + kicked["Platform"].get<std::string>();
    return out;
  };
  auto request = world.login_request("mia", "second", Platform::Ios);
  request.address = "192.0.2.9";
  const auto second = world.try_login(request);
  REQUIRE(second);
  CHECK(state() == "Login Register iOS");
  CHECK(world.last.client_ip == "192.0.2.9");
  const auto closes = [&](const Terminal& who, bool silent) {
    world.service->disconnected(who, silent);
    world.sync(world.phone("olga"));    // a look
    REQUIRE(world.import("somebody"));  // behind it
  };
  closes(second->terminal, true);
  CHECK(state() == "Disconnect TimeOut");
  CHECK(world.last.client_ip == "192.0.2.9");
  closes(second->terminal, false);
  CHECK(state() == "Disconnect LinkClose");
  closes(world.phone("mia"), false);  // displaced: told of by the login above
  CHECK(world.jobs().empty());
  REQUIRE(world.logout(second->terminal));
  CHECK(state() == "Logout Unregister");
  closes(second->terminal, false);
  CHECK(world.jobs().empty());
  REQUIRE(world.kick("max"));
  CHECK(state() == "Logout Unregister");
}

TEST_CASE("callbacks: a phone that flips between front and background is nobody's news", "[im][service][callbacks]") {
  CallbackWorld world;
  world.create(GroupType::Public, {"mia", "max"});
  world.send(world.phone("olga"), "mia");
  world.jobs();
  world.news();
  for (int i = 0; i < 20; ++i) {
    const AppState state{.foreground = i % 2 == 1, .unread = 1};
    world.done([&](auto reply) { world.service->report_state(world.phone("mia"), state, std::move(reply)); });
  }
  CHECK(world.jobs().empty());
  const Committed told = world.news();
  CHECK(told.deliveries.empty());
  CHECK(told.follow_ups.empty());
  CHECK(told.ended.empty());
}

TEST_CASE("callbacks: connections that end together are one command or two, and all are told of",
          "[im][service][callbacks]") {
  CallbackWorld world;
  const std::size_t before = world.waiting().size();
  const std::uint64_t commands = world.metrics.commands.read();
  for (int i = 0; i < 200; ++i) world.service->disconnected(world.phone(i % 2 == 0 ? "olga" : "mia"), false);
  for (int i = 0; i < 3; ++i) REQUIRE(world.import("somebody"));  // behind them
  CHECK(world.waiting().size() == before + 200);
  CHECK(world.metrics.commands.read() == commands + 2 + 3);
  CHECK(world.metrics.disconnects_dropped.read() == 0);
}

TEST_CASE("callbacks: connections that end while the server stops are told of", "[im][service][callbacks]") {
  CallbackWorld world;
  for (int i = 0; i < 3; ++i) world.service->disconnected(world.phone("olga"), false);
  world.restart();
  CHECK(world.waiting().size() >= 2);
}

TEST_CASE("callbacks: those of an app that has no server any more go with time", "[im][service][callbacks]") {
  CallbackWorld world;
  world.send(world.phone("olga"), "mia");
  const std::size_t before = world.waiting().size();
  REQUIRE(before > 0);
  const auto pruned = [&](milliseconds time) {
    world.clock.pass(time);
    world.loop.pass(world.options.pruned_every);
    REQUIRE(world.import("somebody"));  // behind it
    world.sync(world.phone("olga"));
    return world.waiting().size();
  };
  CHECK(pruned(world.options.callbacks.kept) == before);  // their sender's to give up
  CHECK(pruned(std::chrono::hours(1) + milliseconds(1)) == 0);
}

TEST_CASE("callbacks: what became of pushes is told of messages that are here", "[im][service][callbacks]") {
  CallbackWorld world;
  AdminSend sent = words("mia");
  sent.wire_seq = 77;
  sent.wire_random = 8;
  const auto one = world.send_as("olga", sent);
  REQUIRE(one);
  const std::string group = world.create(GroupType::Public, {"mia"}, "team");
  const MessageId other = world.write("olga", group);
  const std::string mine = text_of(one->id), ours = text_of(other) + ".0";
  world.jobs();
  const auto tell = [&](PushOutcome outcome) {
    outcome.app = outcome.app.value == 0 ? kApp : outcome.app;
    outcome.at = wall_from_ms(1'795'225'900'999);
    world.done([&](auto reply) { world.service->push_outcomes({outcome}, std::move(reply)); });
  };
  SECTION("one-to-one") {
    tell({.event_id = mine,
          .user = "mia",
          .device = "phone",
          .platform = 3,
          .stage = 1,
          .code = 80300007,
          .info = "80300007: token",
          .push_id = "p1"});
    const json body = world.only(Callback::PushResult);
    check_fields(Callback::PushResult, body);
    CHECK(body["Events"] == json::array({{{"CallbackCommand", "Push.OfflinePush"},
                                          {"EventType", 1},
                                          {"EventTime", 1'795'225'900},
                                          {"From_Account", "olga"},
                                          {"To_Account", "mia"},
                                          {"PushPlatform", 3},
                                          {"PushStage", 1},
                                          {"MsgKey", "77_8_1795225887"},
                                          {"MsgSeq", 77},
                                          {"MsgRandom", 8},
                                          {"MsgTime", 1'795'225'887},
                                          {"PushID", "p1"},
                                          {"ErrCode", 80300007},
                                          {"ErrInfo", "80300007: token"},
                                          {"EventId", mine + "/mia/phone/1"}}}));
    CHECK(world.last.platform == "RESTAPI");
  }
  SECTION("a receipt whose token is nobody's now") {
    tell({.event_id = mine, .stage = 3});
    const json event = world.only(Callback::PushResult)["Events"][0];
    CHECK(event["To_Account"] == "mia");
    CHECK(event["PushStage"] == 3);
    CHECK(event["ErrCode"] == 0);
  }
  SECTION("a group's") {
    tell({.event_id = ours, .user = "mia", .device = "phone", .platform = 1});
    const json event = world.only(Callback::PushResult)["Events"][0];
    CHECK(event["EventType"] == 2);
    CHECK(event["GroupID"] == "team");
    CHECK(event["EventId"] == ours + "/mia/phone/1");
    CHECK(event["MsgSeq"] == other.seq.value);
    CHECK_FALSE(event.contains("MsgKey"));
  }
  SECTION("others are not told of") {
    for (const std::string& id : {std::string(""), std::string("e1"), mine + ".read", mine + ".recalled", mine + ".",
                                  std::string("badge.7"), std::string("99-1"), mine + "0"}) {
      CAPTURE(id);
      tell({.event_id = id, .user = "mia", .device = "phone"});
      CHECK(world.jobs().empty());
    }
    tell({.app = AppId{7}, .event_id = mine, .user = "mia"});
    tell({.event_id = mine, .user = "max"});  // of another producer's event, which is called the same
    CHECK(world.jobs().empty());
  }
  SECTION("an account that is gone") {
    world.done([&](auto reply) { world.service->remove_account({kApp, "mia"}, std::move(reply)); });
    world.jobs();
    tell({.event_id = mine, .user = "mia", .device = "phone"});
    CHECK(world.jobs().size() == 1);
  }
}

TEST_CASE("callbacks: what the store may hold is bounded, and what is over is counted", "[im][service][callbacks]") {
  CallbackSet set;
  set.add(Callback::Sent);
  CallbackWorld world(telling(3, set));
  const Terminal& olga = world.phone("olga");
  for (int i = 0; i < 5; ++i) world.send(olga, "mia");
  auto all = world.waiting();
  CHECK(all.size() == 3);
  CHECK(world.metrics.callbacks.read() == 3);
  CHECK(world.metrics.callbacks_dropped.read() == 2);
  world.service->callback_settled(all[0].id);
  world.service->callback_settled(all[1].id);
  world.loop.pass(world.options.intents_saved);
  REQUIRE(world.import("behind it"));
  REQUIRE(world.waiting().size() == 1);
  CHECK(world.waiting()[0].id == all[2].id);
  world.send(olga, "mia");  // rows are counted again a second later
  CHECK(world.waiting().size() == 1);
  world.clock.pass(milliseconds(1'000));
  for (int i = 0; i < 4; ++i) world.send(olga, "mia");
  CHECK(world.waiting().size() == 3);
  CHECK(world.metrics.callbacks_dropped.read() == 5);
}

TEST_CASE("callbacks: they are read by id, and outlive the process", "[im][service][callbacks]") {
  CallbackWorld world;
  for (int i = 0; i < 3; ++i) world.send(world.phone("olga"), "mia");
  CHECK(world.news().callbacks == std::vector<AppId>{kApp, kApp, kApp});
  const auto all = world.jobs();
  REQUIRE(all.size() == 3);
  CHECK((all[0].id < all[1].id && all[1].id < all[2].id));
  CHECK(world.waiting(all[1].id, 10).size() == 1);
  CHECK(world.waiting(all[0].id, 1).front().id == all[1].id);
  world.crash();
  CHECK(world.waiting(all[0].id - 1, 10).size() == 3);
  world.service->callback_settled(all[0].id);
  world.restart();  // which saves it
  CHECK(world.waiting(all[0].id - 1, 10).size() == 2);
  world.send(world.phone("olga"), "mia");
  CHECK(world.jobs().front().id > all[2].id);
}

TEST_CASE("callbacks: a commit that fails writes none", "[im][service][callbacks]") {
  CallbackWorld world;
  if (world.on_server()) return;  // failures_test.cpp has its own ways there
  const std::size_t before = world.waiting().size();
  world.sql("CREATE TRIGGER no BEFORE INSERT ON im_callbacks BEGIN SELECT RAISE(FAIL, 'no'); END");
  CHECK_FALSE(world.try_send(world.phone("olga"), world.text("mia")));
  world.sql("DROP TRIGGER no");
  CHECK(world.waiting().size() == before);
  CHECK(world.pull(world.phone("olga"), {.peer = "mia"}).messages.empty());
}

}  // namespace nightpost::im
