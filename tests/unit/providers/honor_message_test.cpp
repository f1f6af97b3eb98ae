#include "providers/honor/message.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "providers/notify_id.h"

using namespace nightpost;
using honor::message_start;
using honor::Profile;
using nlohmann::json;

namespace {

Notification notification() {
  Notification n;
  n.title = "Order shipped";
  n.body = "Parcel 8841 left the warehouse";
  n.collapse_id = "order-8841";
  n.sent_at = wall_from_ms(1'735'689'600'123);
  n.expires_at = n.sent_at + std::chrono::hours(24);
  return n;
}

std::string text(const Profile& p, const Notification& n) {
  const auto made = message_start(p, n);
  if (!made) FAIL(made.error().detail);
  return *made;
}
json android(const Profile& p, const Notification& n) { return json::parse(text(p, n) + "}")["android"]; }

constexpr const char* kIntent = "intent://com.example.shop/order?id=8841#Intent;scheme=shop;end";

}  // namespace

// Spec §4.6 example A; ours sets the badge instead of adding to it, and hashes the notify id.
TEST_CASE("honor message: the vendor's example, byte for byte", "[honor]") {
  Notification n = notification();
  n.receipt_tag = "m-8841";
  n.badge = 1;
  CHECK(
      text({.badge_class = "com.example.shop.MainActivity", .click = {Click::Kind::Page, kIntent}}, n) ==
      R"({"android":{"ttl":"86400s","biTag":"m-8841","notification":{"title":"Order shipped","body":"Parcel 8841 left the warehouse","importance":"NORMAL","tag":"order-8841","notifyId":)" +
          std::to_string(notify_id("order-8841")) +
          R"(,"clickAction":{"type":1,"intent":"intent://com.example.shop/order?id=8841#Intent;scheme=shop;end"},"badge":{"setNum":1,"badgeClass":"com.example.shop.MainActivity"}}})");
}

TEST_CASE("honor message: the least there is", "[honor]") {
  Notification n;
  n.title = "A";
  n.body = "b";
  CHECK(text({}, n) == R"({"android":{"notification":{"title":"A","body":"b","importance":"NORMAL","notifyId":)" +
                           std::to_string(notify_id("")) + R"(,"clickAction":{"type":3}}})");
}

TEST_CASE("honor message: what a tap does, and where ext is then", "[honor]") {
  struct Row {
    const char* name;
    Click click;
    const char* action;
    const char* data;
  };
  const Row row = GENERATE(values<Row>({
      {"app", {}, R"({"type":3})", R"({"ext":"{\"a\": \"ü;\"}"})"},
      {"web",
       {Click::Kind::Web, "https://m.example.com/p/8841"},
       R"({"type":2,"url":"https://m.example.com/p/8841"})",
       nullptr},
      {"intent",
       {Click::Kind::Page, kIntent},
       R"({"type":1,"intent":"intent://com.example.shop/order?id=8841#Intent;scheme=shop;S.ext=%7B%22a%22%3A%20%22%C3%BC%3B%22%7D;end"})",
       nullptr},
      {"action",
       {Click::Kind::Page, "com.example.shop.ORDER"},
       R"({"type":1,"action":"com.example.shop.ORDER"})",
       R"({"ext":"{\"a\": \"ü;\"}"})"},
  }));
  CAPTURE(row.name);
  Notification n = notification();
  n.ext = R"({"a": "ü;"})";
  const json with = android({.click = row.click}, n);
  CHECK(with["notification"]["clickAction"] == json::parse(row.action));
  CHECK(with.contains("data") == (row.data != nullptr));
  if (row.data != nullptr) CHECK(with["data"] == row.data);
  n.ext.clear();
  const json without = android({.click = row.click}, n);
  CHECK_FALSE(without.contains("data"));
  CHECK(without.dump().find("ext") == std::string::npos);
}

TEST_CASE("honor message: life, importance, test messages", "[honor]") {
  struct Row {
    seconds life;
    const char* ttl;
  };
  const Row row = GENERATE(values<Row>({{seconds(-9), "1s"},
                                        {seconds(0), "1s"},
                                        {seconds(3600), "3600s"},
                                        {seconds(1'296'000), "1296000s"},
                                        {seconds(9'000'000), "1296000s"}}));
  Notification n = notification();
  n.expires_at = n.sent_at + row.life;
  CHECK(android({}, n)["ttl"] == row.ttl);
  CHECK(android({.low_importance = true}, n)["notification"]["importance"] == "LOW");
  n.priority = Priority::Low;
  CHECK(android({}, n)["notification"]["importance"] == "LOW");
  n.priority = Priority::High;
  CHECK(android({}, n)["notification"]["importance"] == "NORMAL");
  CHECK_FALSE(android({}, n).contains("targetUserType"));
  CHECK(android({.test_messages = true}, n)["targetUserType"] == 1);
}

TEST_CASE("honor message: badges need the launcher's class and stay in 0 to 99", "[honor]") {
  Notification n = notification();
  const Profile p{.badge_class = "a.b.C"};
  CHECK_FALSE(android(p, n)["notification"].contains("badge"));
  for (const auto& [badge, want] : std::vector<std::pair<int, int>>{{-3, 0}, {0, 0}, {7, 7}, {99, 99}, {100, 99}}) {
    n.badge = badge;
    CHECK(android(p, n)["notification"]["badge"] == json({{"setNum", want}, {"badgeClass", "a.b.C"}}));
    CHECK_FALSE(android({}, n)["notification"].contains("badge"));
  }
}

TEST_CASE("honor message: texts are cut at the vendor's characters, blank ones are not sent", "[honor]") {
  Notification n = notification();
  n.title = std::string(40, 'x');
  n.body = std::string(256, 'y');
  CHECK(android({}, n)["notification"]["title"] == n.title);
  CHECK(android({}, n)["notification"]["body"] == n.body);
  n.title += "😀";
  n.body += 'y';
  CHECK(android({}, n)["notification"]["title"] == std::string(39, 'x') + "…");
  CHECK(android({}, n)["notification"]["body"] == std::string(255, 'y') + "…");
  n.title = "\t";
  CHECK(android({.app_name = "Shop"}, n)["notification"]["title"] == "Shop");
  CHECK_FALSE(message_start({}, n));
  n.title = "t";
  n.body = " ";
  CHECK_FALSE(message_start({}, n));
}

TEST_CASE("honor message: four thousand bytes; the text gives way, ext last of all", "[honor]") {
  Notification n = notification();
  n.collapse_id.clear();
  n.push_id.clear();
  n.title = "标题";
  n.body.clear();
  for (int i = 0; i < 256; ++i) n.body += "消";  // 768 bytes
  for (std::size_t size = 2'500; size < 3'900; size += 7) {
    CAPTURE(size);
    n.ext = std::string(size, 'e');
    const auto made = message_start({}, n);
    if (!made) {
      CHECK(made.error().code == Errc::Malformed);
      CHECK(made.error().detail.find("ext") != std::string::npos);
      CHECK(size > 3'700);
      continue;
    }
    CHECK(made->size() <= (size > 3'600 ? 4'096 : 4'000));
    const json sent = json::parse(*made + "}")["android"];
    CHECK(sent["data"] == R"({"ext":")" + n.ext + "\"}");
    const auto body = sent["notification"]["body"].get<std::string>();
    CHECK((body == n.body || (body.ends_with("…") && body.size() >= 20 * 3)));
  }
  n.ext = std::string(5'000, 'e');
  n.collapse_id.clear();
  n.push_id.clear();
  CHECK_FALSE(message_start({}, n));
  n.collapse_id = "m-1";
  CHECK(json::parse(*message_start({}, n) + "}")["android"]["data"] == R"({"ext":"{\"ref\":\"m-1\"}"})");
}
