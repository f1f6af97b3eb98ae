#include "providers/meizu/message.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "providers/notify_id.h"

using namespace nightpost;
using meizu::message_json;
using meizu::notify_key;
using meizu::Profile;
using nlohmann::json;

namespace {

Notification notification() {
  Notification n;
  n.title = "张三";
  n.body = "晚上一起吃饭？";
  n.sound = "default";
  n.collapse_id = "c1";
  n.sent_at = wall_from_ms(1'735'689'600'000);
  n.expires_at = n.sent_at + std::chrono::hours(24);
  return n;
}

std::string text(const Profile& p, const Notification& n) {
  const auto made = message_json(p, n);
  if (!made) FAIL(made.error().detail);
  return *made;
}
json read(const Profile& p, const Notification& n) { return json::parse(text(p, n)); }

}  // namespace

// Spec §5.8 example 1 with our ext, notify key and receipt.
TEST_CASE("meizu message: the vendor's example, byte for byte", "[meizu]") {
  Notification n = notification();
  n.ext = R"({"conv":"g_42"})";
  n.receipt_tag = "m-1001";
  const Profile p{.receipt_url = "https://push.example.com/cb/meizu",
                  .click = {Click::Kind::Page, "com.example.im.ChatActivity"}};
  CHECK(
      text(p, n) ==
      R"({"noticeBarInfo":{"noticeMsgType":1,"noticeBarType":0,"title":"张三","content":"晚上一起吃饭？"},"noticeExpandInfo":{"noticeExpandType":0},"clickTypeInfo":{"clickType":1,"activity":"com.example.im.ChatActivity","parameters":{"ext":"{\"conv\":\"g_42\"}"}},"pushTimeInfo":{"offLine":1,"validTime":24},"advanceInfo":{"clearNoticeBar":1,"notificationType":{"vibrate":1,"lights":1,"sound":1},"notifyKey":")" +
          notify_key(notify_id("c1")) +
          R"("},"extra":{"callback":"https://push.example.com/cb/meizu","callback.param":"m-1001","callback.type":"3"}})");
}

TEST_CASE("meizu message: what a tap does", "[meizu]") {
  struct Row {
    const char* name;
    Click click;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {"app", {}, R"({"clickType":0,"parameters":{"ext":"e"}})"},
      {"web: nobody is there to read ext",
       {Click::Kind::Web, "https://e.com/?a=1&b"},
       R"({"clickType":2,"url":"https://e.com/?a=1&b"})"},
      {"class", {Click::Kind::Page, "a.b.C"}, R"({"clickType":1,"activity":"a.b.C","parameters":{"ext":"e"}})"},
      {"URI", {Click::Kind::Page, "shop://o/1"}, R"({"clickType":2,"url":"shop://o/1","parameters":{"ext":"e"}})"},
  }));
  CAPTURE(row.name);
  Notification n = notification();
  n.ext = "e";
  CHECK(read({.click = row.click}, n)["clickTypeInfo"] == json::parse(row.want));
  n.ext.clear();
  CHECK_FALSE(read({.click = row.click}, n)["clickTypeInfo"].contains("parameters"));
}

TEST_CASE("meizu message: whole hours, at least one, at most 72", "[meizu]") {
  struct Row {
    milliseconds life;
    int hours;
  };
  const Row row = GENERATE(values<Row>({
      {milliseconds(-1), 1},
      {milliseconds(1), 1},
      {std::chrono::hours(1), 1},
      {std::chrono::hours(1) + milliseconds(1), 2},
      {std::chrono::hours(72), 72},
      {std::chrono::hours(900), 72},
  }));
  Notification n = notification();
  n.expires_at = n.sent_at + row.life;
  CHECK(read({}, n)["pushTimeInfo"] == json({{"offLine", 1}, {"validTime", row.hours}}));
  n.expires_at = {};
  CHECK(read({}, n)["pushTimeInfo"]["validTime"] == 24);
}

TEST_CASE("meizu message: private, public, silent", "[meizu]") {
  Notification n = notification();
  CHECK(read({}, n)["noticeBarInfo"]["noticeMsgType"] == 1);
  CHECK(read({.private_messages = false}, n)["noticeBarInfo"]["noticeMsgType"] == 0);
  n.priority = Priority::Low;
  CHECK(read({}, n)["noticeBarInfo"]["noticeMsgType"] == 0);
  n.sound.reset();
  CHECK(read({}, n)["advanceInfo"]["notificationType"] == json({{"vibrate", 0}, {"lights", 1}, {"sound", 0}}));
  CHECK_FALSE(read({}, n).contains("extra"));
  n.receipt_tag = "t";
  CHECK_FALSE(read({}, n).contains("extra"));  // nowhere to send it
  CHECK_FALSE(read({.receipt_url = "https://e.com/r"}, notification())["extra"].contains("callback.param"));
}

TEST_CASE("meizu message: texts are cut at the vendor's characters, blank ones are not sent", "[meizu]") {
  Notification n = notification();
  n.title = std::string(32, 'x');
  n.body = std::string(100, 'y');
  CHECK(read({}, n)["noticeBarInfo"]["title"] == n.title);
  CHECK(read({}, n)["noticeBarInfo"]["content"] == n.body);
  n.title = std::string(30, 'x') + "😀";  // 32 units
  CHECK(read({}, n)["noticeBarInfo"]["title"] == n.title);
  n.title += 'x';
  n.body += 'y';
  CHECK(read({}, n)["noticeBarInfo"]["title"] == std::string(30, 'x') + "…");
  CHECK(read({}, n)["noticeBarInfo"]["content"] == std::string(99, 'y') + "…");
  n.title = " ";
  CHECK_FALSE(message_json({}, n));
  CHECK(read({.app_name = "例子"}, n)["noticeBarInfo"]["title"] == "例子");
  n.body = "\x01";
  const auto refused = message_json({.app_name = "例子"}, n);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Malformed);
}

TEST_CASE("meizu message: notify keys are the id in base 62", "[meizu]") {
  CHECK(notify_key(0) == "0");
  CHECK(notify_key(1) == "1");
  CHECK(notify_key(61) == "z");
  CHECK(notify_key(62) == "10");
  CHECK(notify_key(2147483647) == "2LKcb1");
  Notification n = notification();
  const json first = read({}, n)["advanceInfo"]["notifyKey"];
  CHECK(read({}, n)["advanceInfo"]["notifyKey"] == first);
  n.collapse_id = "c2";
  CHECK(read({}, n)["advanceInfo"]["notifyKey"] != first);
  n.collapse_id.clear();
  n.push_id = "p";
  CHECK(read({}, n)["advanceInfo"]["notifyKey"] == notify_key(notify_id("p")));
}
