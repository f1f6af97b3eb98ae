#include "im/relay/offline_event.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

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
