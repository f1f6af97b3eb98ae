// Groups over a session: its requests, what is delivered of a group, and what acknowledging or missing that means.
#include <catch2/catch.hpp>

#include "im/gateway/group_frame.h"
#include "session_rig.h"

namespace nightpost::im {
namespace {

using Rig = fake::SessionRig;
using fake::group_message;
using fake::Words;

TEST_CASE("session: requests about groups reach the service and are answered", "[im][session][group]") {
  Rig rig;
  rig.log_in(10);
  struct Row {
    const char* op;
    const char* body;
    const char* call;
    const char* answer;
  };
  for (
      const Row& row : {
          Row{"group_create",
              R"({"type":"Private","name":"Team","members":[{"user":"mia"},{"user":"bob","role":"admin"}]})",
              "phone: create Team Work 2", R"({"group":"@TGS#5","conv":"5","ver":20,"unknown":["nobody"]})"},
          Row{"group_dismiss", R"({"group":"g"})", "phone: dismiss g", R"({"ver":20})"},
          Row{"group_change", R"({"group":"g","name":"New"})", "phone: change g New", R"({"ver":20})"},
          Row{"group_transfer", R"({"group":"g","owner":"mia"})", "phone: transfer g mia", R"({"ver":20})"},
          Row{"group_infos", R"({"groups":["g","gone"]})", "phone: infos 2",
              R"({"groups":[{"group":"g","conv":"5","type":"Work","name":"Team","owner":"denny","members":2,"members_max":0,"join":"free","invite":"free","fields":{"city":"Oslo"},"self":{"role":"owner","option":"notify","unread":3}},{"group":"gone","code":10010,"why":"group: no such group"}],"more":false})"},
          Row{"groups", R"({"after":"4","limit":7})", "phone: joined 4 7",
              R"({"groups":[{"group":"g","conv":"5","type":"Work","name":"Team","members":0,"members_max":0,"join":"free","invite":"free"}],"total":1,"more":false})"},
          Row{"group_join", R"({"group":"g","note":"hello"})", "phone: join g hello",
              R"({"result":"waiting","ver":20})"},
          Row{"group_applications", R"({"group":"g"})", "phone: applications g",
              R"({"applications":[{"user":"mia","time":7,"note":"let me in"}]})"},
          Row{"group_decide", R"({"group":"g","user":"mia","agree":false})", "phone: decide mia no", R"({"ver":20})"},
          Row{"group_quit", R"({"group":"g"})", "phone: quit g", R"({"ver":20})"},
          Row{"group_invitations", "{}", "phone: invitations",
              R"({"invitations":[{"group":"g","name":"Team","type":"Work","by":"mia","time":7}]})"},
          Row{"group_answer", R"({"group":"g","agree":true,"note":"gladly"})", "phone: answer g yes gladly",
              R"({"result":"done","ver":20})"},
          Row{"group_invite", R"({"group":"g","users":["mia","bob"]})", "phone: invite 2",
              R"({"members":[{"user":"mia","result":"done"},{"user":"bob","result":"failed","why":"user: no such account"}],"ver":20})"},
          Row{"group_kick", R"({"group":"g","users":["mia"],"reason":"spam"})", "phone: kick spam 1", nullptr},
          Row{"group_member", R"({"group":"g","user":"mia","silence_ms":5000,"card":"M"})", "phone: member mia 5000 M",
              R"({"ver":20})"},
          Row{"group_members", R"({"group":"g","after":"bob","limit":9})", "phone: members g bob 9",
              R"({"members":[{"user":"denny","role":"owner","nick":"D"}],"total":1,"more":false})"},
          Row{"group_read", R"({"group":"g","seq":3})", "phone: read g",
              R"({"read":3,"unread":0,"unread_total":4,"ver":21})"},
          Row{"group_pull", R"({"group":"g","after":3})", "phone: pull g",
              R"({"conv":"5","messages":[],"from":1,"to":9,"head":9,"changes":0,"more":false})"},
          Row{"group_chat", R"({"group":"g","pinned":true})", "phone: chat g", R"({"ver":20})"},
      }) {
    CAPTURE(row.op);
    rig.ask(1, row.op, row.body);
    CHECK(rig.heard() == Words{"res 1 0"});
    REQUIRE(rig.service.group_calls.size() == 1);
    CHECK(rig.service.group_calls[0] == row.call);
    if (row.answer) CHECK(rig.last["body"].dump() == nlohmann::json::parse(row.answer).dump());
    rig.service.group_calls.clear();
  }
  rig.ask(
      2, "group_send",
      R"({"group":"g","client_id":"c","elements":[{"type":"text","text":"x"}],"mentions":["mia","@TIM#ALL"],"targets":["bob"],"no_last":true})");
  REQUIRE(rig.service.group_sends.size() == 1);
  auto [request, reply] = rig.service.pop(rig.service.group_sends);
  CHECK(request.mentions == std::vector<std::string>{"mia", "@TIM#ALL"});
  CHECK(request.targets == std::vector<std::string>{"bob"});
  CHECK(request.no_last);
  reply(SendReply{.id = {ConvId{5}, Seq{1}}, .at = wall_from_ms(9), .ver = Ver{10}});
  CHECK(rig.heard() == Words{"res 2 0"});
  CHECK(rig.last["body"]["id"] == "5-1");
}

TEST_CASE("session: requests about groups that are refused by their form", "[im][session][group]") {
  Rig rig;
  rig.log_in(10);
  struct Row {
    const char* op;
    const char* body;
    const char* why;
  };
  for (const Row& row : {
           Row{"group_create", R"({"name":"x"})", "body.type: missing"},
           Row{"group_create", R"({"type":"Work"})", "body.name: missing"},
           Row{"group_create", R"({"type":"Community","name":"x"})", "body.type: an unknown word"},
           Row{"group_create", R"({"type":"Work","name":"x","join":"maybe"})", "body.join: an unknown word"},
           Row{"group_create", R"({"type":"Work","name":"x","members":["mia"]})", "body.members[0]: not an object"},
           Row{"group_create", R"({"type":"Work","name":"x","members":[{"user":"a"},{"role":"admin"}]})",
               "body.members[1].user: missing"},
           Row{"group_create", R"({"type":"Work","name":"x","members":[{"user":"a","role":"king"}]})",
               "body.members[0].role: an unknown word"},
           Row{"group_create", R"({"type":"Work","name":"x","fields":{"a":1}})", "body.fields.a: not a string"},
           Row{"group_create", R"({"type":"Work","name":"x","fields":[]})", "body.fields: not an object"},
           Row{"group_dismiss", "{}", "body.group: missing"},
           Row{"group_change", R"({"group":"g","all_silenced":"yes"})", "body.all_silenced: not true or false"},
           Row{"group_change", R"({"group":"g","members_max":0})", "body.members_max: 0 is not in [1, 1000000]"},
           Row{"group_transfer", R"({"group":"g"})", "body.owner: missing"},
           Row{"group_infos", R"({"groups":[]})", "body.groups: has 0 entries, 1 to 1000 are allowed"},
           Row{"groups", R"({"after":"x"})", "body.after: not the number of a conversation"},
           Row{"groups", R"({"after":7})", "body.after: not a string"},
           Row{"group_decide", R"({"group":"g","user":"mia"})", "body.agree: missing"},
           Row{"group_invite", R"({"group":"g"})", "body.users: missing"},
           Row{"group_answer", R"({"agree":true})", "body.group: missing"},
           Row{"group_kick", R"({"group":"g","users":["mia"],"ban_ms":-1})",
               "body.ban_ms: -1 is not in [0, 4294967295000]"},
           Row{"group_members", R"({"group":"g","banned":1})", "body.banned: not true or false"},
           Row{"group_answer", R"({"group":"g"})", "body.agree: missing"},
           Row{"group_answer", R"({"group":"g","agree":"yes"})", "body.agree: not true or false"},
           Row{"group_change", R"({"group":"g","invite":"maybe"})", "body.invite: an unknown word"},
           Row{"group_change", R"({"group":"g","invite_consent":1})", "body.invite_consent: not true or false"},
           Row{"group_kick", R"({"group":"g","users":[1]})", "body.users[0]: not a string"},
           Row{"group_member", R"({"group":"g"})", "body.role: missing, and so is every other change"},
           Row{"group_member", R"({"group":"g","silence_ms":-1})", "body.silence_ms: -1 is not in [0, 4294967295000]"},
           Row{"group_member", R"({"group":"g","option":"loud"})", "body.option: an unknown word"},
           Row{"group_send", R"({"group":"g","client_id":"c"})", "body.elements: missing"},
           Row{"group_send", R"({"group":"g","client_id":"c","elements":[],"mentions":"mia"})",
               "body.mentions: not an array"},
           Row{"group_read", R"({"group":"g","seq":1,"until":2})", "body.until: stands beside seq"},
           Row{"group_pull", R"({"group":"g","after":1,"before":2})", "body.before: stands beside after"},
           Row{"sync", R"({"ver":1,"since":-5})", "body.since: -5 is not in [0, 9007199254740991]"},
           Row{"sync", R"({"ver":1,"after_group":"-1"})", "body.after_group: not the number of a conversation"},
       }) {
    CAPTURE(row.op, row.body);
    rig.ask(1, row.op, row.body);
    CHECK(rig.heard() == Words{"res 1 6017"});
    CHECK(rig.last["why"] == row.why);
  }
  CHECK(rig.service.group_calls.empty());
}

TEST_CASE("session: a group's message is delivered without a ver, and acknowledged by its id", "[im][session][group]") {
  Rig rig;
  rig.log_in(10);
  rig.deliver(group_message(1));
  CHECK(rig.heard() == Words{"deliver 1 0"});
  CHECK(rig.last["items"][0]["message"]["group"] == "@TGS#5");
  CHECK_FALSE(rig.last["items"][0]["message"].contains("to"));
  CHECK_FALSE(rig.last.contains("unread_total"));
  rig.deliver(group_message(2, "denny", "phone"));  // its own: the answer says it
  rig.deliver(group_message(3, "denny", "tablet"));
  rig.deliver(group_message(4, "mia", "phone"));  // another user's phone
  CHECK(rig.heard() == Words{"deliver 2 0", "deliver 3 0"});
  CHECK(rig.told().empty());
  rig.ack(2);
  CHECK(rig.told() == Words{"has 5-1 5-3"});
  CHECK_FALSE(rig.session->may_acknowledge({ConvId{5}, Seq{1}}));
  CHECK(rig.session->may_acknowledge({ConvId{5}, Seq{4}}));
  rig.ack(3);
  CHECK_FALSE(rig.session->may_acknowledge({ConvId{5}, Seq{4}}));
  CHECK(rig.told() == Words{"has 5-4"});
  CHECK(rig.service.acks.empty());
  CHECK(rig.session->acknowledged() == Ver{10});
}

TEST_CASE("session: a device that does not acknowledge a group's message counts as away", "[im][session][group]") {
  Rig rig;
  rig.log_in(10);
  rig.deliver(group_message(1));
  rig.pass(milliseconds(10'000));
  CHECK(rig.told() == Words{"away"});
  rig.ack(1);
  CHECK(rig.told() == Words{"has 5-1", "foreground"});
}

TEST_CASE("session: news, recalls and read marks of groups", "[im][session][group]") {
  Rig rig;
  rig.log_in(10);
  const auto deliver = [&](Item item, Ver ver, ConvId group) {
    rig.session->deliver(
        {.to = {AppId{1}, "denny"}, .ver = ver, .item = std::move(item), .unread_total = 2, .group = group}, nullptr);
    REQUIRE(rig.heard().size() == 1);
    return rig.last["items"][0].dump();
  };
  const auto tip = std::make_shared<const std::string>(R"({"type":"tip","kind":"kick"})");
  CHECK(deliver(GroupNews{"g", tip, true}, Ver{11}, {}) ==
        R"({"group":"g","kind":"group","tip":{"kind":"kick","type":"tip"}})");
  CHECK(rig.last["unread_total"] == 2);
  CHECK(rig.last["ver"] == 11);
  CHECK(deliver(GroupNews{"g", nullptr, true}, Ver{12}, {}) == R"({"group":"g","kind":"group"})");
  CHECK(deliver(GroupRead{"g", Seq{4}, 1}, Ver{13}, {}) == R"({"group":"g","kind":"read","read":4,"unread":1})");
  CHECK(deliver(GroupRecalled{"g", {{ConvId{5}, Seq{2}}, "mia", wall_from_ms(7)}}, {}, ConvId{5}) ==
        R"({"by":"mia","group":"g","id":"5-2","kind":"recall","time":7})");
  rig.ack(4);
  CHECK(rig.told() == Words{"acknowledged 13"});
}

TEST_CASE("session: behind with a group: a sync that began later has it, one that began earlier has not",
          "[im][session][group]") {
  GatewayOptions options;
  options.unacked_frames_max = 2;
  Rig rig(options);
  rig.log_in(10);
  rig.tells_caught_up = true;
  rig.deliver(group_message(1));
  rig.deliver(group_message(2));
  rig.deliver(group_message(3));
  CHECK(rig.heard() == Words{"deliver 1 0", "deliver 2 0", "behind 10"});
  rig.ack(2);
  CHECK(rig.told() == Words{"has 5-1 5-2"});
  rig.ask(1, "sync", R"({"ver":10,"since":5})");
  rig.deliver(group_message(4));  // the sync may not have it
  CHECK(rig.heard().empty());
  SyncReply reply;
  reply.ver = Ver{10};
  rig.service.pop(rig.service.syncs).second(reply);
  CHECK(rig.heard() == Words{"res 1 0"});
  CHECK(rig.last["body"]["more"] == true);
  rig.ask(2, "sync", R"({"ver":10,"since":5})");
  rig.service.pop(rig.service.syncs).second(reply);
  CHECK(rig.heard() == Words{"res 2 0"});
  CHECK(rig.last["body"]["more"] == false);
  rig.deliver(group_message(5));
  CHECK(rig.heard() == Words{"deliver 3 0"});
  CHECK(rig.told().empty());
  rig.ack_ver(10);  // kept safe: all but what is on its way
  CHECK(rig.told() == Words{"caught up but 5-5"});
  rig.ack_ver(10);
  CHECK(rig.told().empty());  // said once
}

TEST_CASE("session: pages of a sync are one sync: what is dropped after the first page is asked for anew",
          "[im][session][group]") {
  GatewayOptions options;
  options.unacked_frames_max = 1;
  Rig rig(options);
  rig.log_in(10);
  rig.deliver(group_message(1));
  rig.deliver(group_message(2));
  rig.heard();
  rig.ask(1, "sync", R"({"ver":10,"since":5})");
  SyncReply page;
  page.ver = Ver{10};
  page.more = true;
  page.after_group = ConvId{4};
  rig.service.pop(rig.service.syncs).second(page);
  CHECK(rig.heard() == Words{"res 1 0"});
  CHECK(rig.last["body"]["after_group"] == "4");
  rig.deliver(group_message(3));  // of a group of the first page, perhaps
  rig.ask(2, "sync", R"({"ver":10,"since":5,"after_group":"4"})");
  CHECK(rig.service.syncs.front().first.after_group == ConvId{4});
  page.more = false;
  page.after_group = {};
  rig.service.pop(rig.service.syncs).second(page);
  CHECK(rig.heard() == Words{"res 2 0"});
  CHECK(rig.last["body"]["more"] == true);
}

TEST_CASE("session: who is behind with a group alone owes an acknowledgement, and counts as away",
          "[im][session][group]") {
  GatewayOptions options;
  options.unacked_frames_max = 1;
  Rig rig(options);
  rig.log_in(10);
  rig.deliver(group_message(1));
  rig.deliver(group_message(2));
  rig.ack(1);
  rig.ask(1, "sync", R"({"ver":10,"since":5})");
  SyncReply reply;
  reply.ver = Ver{10};
  rig.service.pop(rig.service.syncs).second(reply);
  rig.told();
  rig.pass(milliseconds(10'000));
  CHECK(rig.told() == Words{"away"});
  rig.ack_ver(10);
  CHECK(rig.told() == Words{"foreground"});
}

TEST_CASE("session: mere events and online-only messages of a group put nobody behind", "[im][session][group]") {
  GatewayOptions options;
  options.unacked_frames_max = 1;
  Rig rig(options);
  rig.log_in(10);
  rig.deliver(group_message(1));
  Delivery passing = group_message(2);
  std::get<NewMessage>(passing.item).online_only = true;
  rig.deliver(passing);
  rig.session->deliver({.to = {AppId{1}, "mia"}, .item = GroupNews{"g", nullptr, false}, .group = ConvId{5}}, nullptr);
  CHECK(rig.heard() == Words{"deliver 1 0"});
  rig.session->deliver({.to = {AppId{1}, "mia"}, .item = GroupNews{"g", nullptr, true}, .group = ConvId{5}}, nullptr);
  CHECK(rig.heard() == Words{"behind 10"});
}

TEST_CASE("frames: applications that fit into no frame are said to be missing", "[im][frames][group]") {
  const Application quiet{.user = "mia", .note = "let me in"};
  CHECK_FALSE(applications_body(std::vector(100, quiet)).contains("more"));
  const std::string loud(300, '\1');  // six bytes each, escaped
  const std::string cut = applications_body(std::vector(100, Application{.user = "mia", .note = loud, .answer = loud}));
  CHECK(cut.size() < 262'144);
  CHECK(cut.ends_with(R"(],"more":true})"));
  CHECK(applications_body({}) == R"({"applications":[]})");
}

TEST_CASE("frames: a sync with groups that is too long is cut where its cursor can go on", "[im][frames][group]") {
  const auto row = [](std::int64_t conv, std::int64_t ver, std::size_t bytes) {
    GroupChat chat{.conv = ConvId{conv}, .group = "g" + std::to_string(conv), .ver = Ver{ver}};
    Message last;
    last.id = {ConvId{conv}, Seq{1}};
    last.from = "mia";
    last.group = chat.group;
    last.elements = R"([{"type":"text","text":")" + std::string(bytes, 'x') + R"("}])";
    chat.last = std::move(last);
    return chat;
  };
  SyncReply reply;
  reply.ver = Ver{50};
  Chat small;
  small.conv = ConvId{9};
  small.peer = "p";
  small.ver = Ver{20};
  reply.chats = {small};
  small.ver = Ver{40};
  reply.chats.push_back(small);
  reply.groups = {row(3, 10, 120'000), row(4, 30, 120'000), row(2, 35, 120'000)};
  auto body = nlohmann::json::parse(sync_body(reply));
  CHECK(body["groups"].size() == 2);
  CHECK(body["chats"].size() == 1);
  CHECK(body["more"] == true);
  CHECK(body["ver"] == 30);
  CHECK_FALSE(body.contains("after_group"));

  reply = {};
  reply.ver = Ver{50};
  reply.groups = {row(7, 45, 120'000), row(3, 10, 120'000), row(5, 10, 120'000)};
  reply.moved = 2;
  body = nlohmann::json::parse(sync_body(reply));
  CHECK(body["groups"].size() == 2);
  CHECK(body["ver"] == 50);
  CHECK(body["more"] == true);
  CHECK(body["after_group"] == "4");
  CHECK(reply.moved == 1);
}

}  // namespace
}  // namespace nightpost::im
