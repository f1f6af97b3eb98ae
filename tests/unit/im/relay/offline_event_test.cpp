#include "im/relay/offline_event.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "im/relay/group_event.h"
#include "support/json_schema.h"

using namespace nightpost;
using namespace nightpost::im;
using nlohmann::json;

namespace {

Intent intent() {
  auto message = std::make_shared<Message>();
  message->id = {ConvId{144115}, Seq{7}};
  message->at = wall_from_ms(1'795'225'887'405);
  message->from = "de\"nny";
  message->nick = "Denny";
  message->elements = R"([{"type":"text","text":"tonight?"},{"type":"custom","data":"x","desc":"a poll"}])";
  message->push = R"({"title":"T","apns":{"badge":"ignore"}})";
  return {.id = 1, .message = message, .to = {AppId{1400000001}, "vinson"}, .ver = Ver{3}, .unread_total = 4};
}
constexpr milliseconds kDay{86'400'000};

}  // namespace

TEST_CASE("offline event: every member of the contract", "[im][relay]") {
  CHECK(json::parse(offline_event(intent(), {"phone", "pa\\d"}, kDay)) == json::parse(R"({
    "event_id": "144115-7", "app_id": 1400000001, "occurred_at": 1795225887405, "expires_at": 1795312287405, "kind": "c2c",
    "from": {"user_id": "de\"nny", "nick": "Denny"},
    "message": {"id": "144115-7", "seq": 7, "sent_at": 1795225887405, "priority": "normal",
                "elements": [{"type": "text", "text": "tonight?"}, {"type": "custom", "data": "x", "desc": "a poll"}]},
    "push": {"title": "T", "apns": {"badge": "ignore"}},
    "to": [{"user_id": "vinson", "unread": 4, "devices": ["phone", "pa\\d"]}]})"));
  CHECK(event_key(intent()) == "c2c_de\"nny_vinson");
}

TEST_CASE("offline event: what may be missing or at its end", "[im][relay]") {
  Intent one = intent();
  Message message = *one.message;
  message.push.clear();
  message.elements.clear();
  message.priority = Priority::High;
  message.expires = message.at + milliseconds(1);
  one.message = std::make_shared<Message>(message);
  one.unread_total = 5'000'000'000;
  const json event = json::parse(offline_event(one, {"p"}, kDay));
  CHECK_FALSE(event.contains("push"));
  CHECK(event["message"]["elements"] == json::array());
  CHECK(event["message"]["priority"] == "high");
  CHECK(event["expires_at"] == 1795225887406);
  CHECK(event["to"][0]["unread"] == 2147483647);
}

namespace {

FollowUp follow_up(FollowUp::Kind kind) {
  return {.id = 4711,
          .kind = kind,
          .to = {AppId{1400000001}, "vinson"},
          .at = wall_from_ms(1'795'225'887'405),
          .message = {ConvId{144115}, Seq{7}},
          .from = "de\"nny",
          .nick = "Denny",
          .unread_total = 4};
}

}  // namespace

TEST_CASE("offline event: a message that was recalled", "[im][relay]") {
  const FollowUp one = follow_up(FollowUp::Kind::Recalled);
  CHECK(json::parse(cancel_event(one, {"phone"}, kDay)) == json::parse(R"({
    "event_id": "144115-7.recalled", "app_id": 1400000001, "occurred_at": 1795225887405, "expires_at": 1795312287405,
    "kind": "cancel", "from": {"user_id": "de\"nny", "nick": "Denny"}, "message": {"id": "144115-7", "seq": 7},
    "to": [{"user_id": "vinson", "unread": 4, "devices": ["phone"]}]})"));
  CHECK(event_key(one) == event_key(intent()));
}

TEST_CASE("offline event: a call ends with its time, and in a group each member's is an event of its own",
          "[im][relay]") {
  Intent one = intent();
  Message message = *one.message;
  message.elements =
      R"([{"type":"call","step":"invite","until":1795225917405,"users":["vinson"],"desc":"Denny calls"}])";
  one.message = std::make_shared<Message>(message);
  CHECK(json::parse(offline_event(one, {"phone"}, kDay))["expires_at"] == 1795225917405);
  CHECK(json::parse(offline_event(one, {"phone"}, milliseconds(5)))["expires_at"] == 1795225887410);

  // Where workers know the kind.
  CHECK(json::parse(offline_event(one, {"phone"}, kDay))["kind"] == "c2c");
  CHECK(json::parse(offline_event(one, {"phone"}, kDay, true))["kind"] == "call");
  CHECK(json::parse(offline_event(intent(), {"phone"}, kDay, true))["kind"] == "c2c");
  FollowUp ended = follow_up(FollowUp::Kind::Recalled);
  CHECK_FALSE(json::parse(cancel_event(ended, {"phone"}, kDay, true)).contains("cancel"));
  ended.call = true;
  CHECK_FALSE(json::parse(cancel_event(ended, {"phone"}, kDay)).contains("cancel"));
  json event = json::parse(cancel_event(ended, {"phone"}, kDay, true));
  CHECK(event["cancel"]["reason"] == "call_ended");
  CHECK_FALSE(event.contains("push"));
  ended.answered = true;
  event = json::parse(cancel_event(ended, {"phone"}, kDay, true));
  CHECK(event["push"] == json::parse(R"({"disabled":true})"));

  FollowUp over = follow_up(FollowUp::Kind::Recalled);
  over.group = "@TGS#144115";
  over.group_name = "Team";
  over.range = 3;
  CHECK(json::parse(cancel_event(over, {"phone"}, kDay)) == json::parse(R"({
    "event_id": "144115-7.recalled.4711", "app_id": 1400000001, "occurred_at": 1795225887405, "expires_at": 1795312287405,
    "kind": "cancel", "from": {"user_id": "de\"nny", "nick": "Denny"}, "group": {"group_id": "@TGS#144115", "name": "Team"},
    "message": {"id": "144115-7", "seq": 7}, "to": [{"user_id": "vinson", "unread": 4, "devices": ["phone"]}]})"));
  CHECK(event_key(over) == "group_144115_3");
}

TEST_CASE("offline event: a call in a group", "[im][relay]") {
  auto message = std::make_shared<Message>(*intent().message);
  message->elements =
      R"([{"type":"call","step":"invite","until":1795225917405,"users":["vinson"],"desc":"Denny calls"}])";
  message->group = "@TGS#144115";
  const GroupIntent one{.id = 1, .message = message, .app = AppId{1400000001}, .name = "Team"};
  const std::vector<DueMember> due = {{.user = "vinson", .unread_total = 4, .mentioned = false, .devices = {"phone"}}};
  json event = json::parse(group_event(one, 0, due, kDay));
  CHECK(event["kind"] == "group");
  CHECK(event["expires_at"] == 1795225917405);
  event = json::parse(group_event(one, 0, due, kDay, true));
  CHECK(event["kind"] == "call");
  CHECK(event["group"]["group_id"] == "@TGS#144115");
  message->elements = R"([{"type":"text","text":"hi"}])";
  CHECK(json::parse(group_event(one, 0, due, kDay, true))["kind"] == "group");
}

TEST_CASE("offline event: a conversation that was read", "[im][relay]") {
  FollowUp one = follow_up(FollowUp::Kind::Read);
  one.nick.clear();
  CHECK(json::parse(cancel_event(one, {"phone", "pad"}, kDay)) == json::parse(R"({
    "event_id": "144115-7.read", "app_id": 1400000001, "occurred_at": 1795225887405, "expires_at": 1795312287405,
    "kind": "cancel", "cancel": {"reason": "read"}, "from": {"user_id": "de\"nny"}, "message": {"id": "144115-7", "seq": 7},
    "to": [{"user_id": "vinson", "unread": 4, "devices": ["phone", "pad"]}]})"));
  CHECK(event_key(one) == event_key(intent()));
}

TEST_CASE("offline event: a total that fell", "[im][relay]") {
  FollowUp one = follow_up(FollowUp::Kind::Badge);
  one.message = {};
  one.unread_total = -1;
  CHECK(json::parse(badge_event(one, {"phone"}, kDay)) == json::parse(R"({
    "event_id": "badge.4711", "app_id": 1400000001, "occurred_at": 1795225887405, "expires_at": 1795312287405,
    "kind": "badge", "to": [{"user_id": "vinson", "unread": 0, "devices": ["phone"]}]})"));
  CHECK(event_key(one) == "badge_vinson");
}

TEST_CASE("offline event: as the schema has them", "[im][relay]") {
  const auto schema = testing::JsonSchema::from_file(NIGHTPOST_SCHEMAS "/offline-event.schema.json");
  std::vector<std::string> all = {offline_event(intent(), {"phone"}, kDay)};
  for (const auto kind : {FollowUp::Kind::Recalled, FollowUp::Kind::Read})
    all.push_back(cancel_event(follow_up(kind), {"phone"}, kDay));
  FollowUp over = follow_up(FollowUp::Kind::Recalled);
  over.group = "@TGS#144115";
  all.push_back(cancel_event(over, {"phone"}, kDay));
  over.call = true;
  all.push_back(cancel_event(over, {"phone"}, kDay, true));
  over.answered = true;
  all.push_back(cancel_event(over, {"phone"}, kDay, true));
  auto invite = std::make_shared<Message>(*intent().message);
  invite->elements = R"([{"type":"call","step":"invite","until":1795225917405,"users":["vinson"],"data":"7"}])";
  invite->group = over.group;
  Intent ringing = intent();
  ringing.message = invite;
  all.push_back(offline_event(ringing, {"phone"}, kDay, true));
  const GroupIntent in_group{.id = 1, .message = invite, .app = AppId{1400000001}, .name = "Team"};
  all.push_back(group_event(in_group, 0, {{"vinson", 4, false, {"phone"}}}, kDay, true));
  all.push_back(badge_event(follow_up(FollowUp::Kind::Badge), {"phone"}, kDay));
  for (const std::string& event : all) {
    CAPTURE(event);
    CHECK(schema.mistakes(json::parse(event)).empty());
  }
  json broken = json::parse(all.back());
  broken["to"][0].erase("unread");
  CHECK(schema.mistakes(broken).size() == 1);
  broken = json::parse(all[1]);
  broken.erase("message");
  CHECK(schema.mistakes(broken).size() == 1);
}
