// What goes out: the spec's examples, batches, limits.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "providers/huawei/huawei.h"
#include "providers/huawei/limits.h"
#include "providers/huawei/message.h"
#include "providers/notify_id.h"

using namespace nightpost;
using Json = nlohmann::json;

namespace {

const WallTime kSent = wall_from_ms(1'735'689'600'000);

Certificate certificate(Settings settings) {
  Certificate made;
  made.vendor = Vendor::Huawei;
  made.settings = std::move(settings);
  return made;
}

Settings v1(Settings more = {}) {
  more.merge(Settings{{"app_id", "100000001"}});
  return more;
}
Settings v3(Settings more = {}) {
  more.merge(Settings{{"api", "v3"}, {"project_id", "736430079244623230"}});
  return more;
}

std::shared_ptr<const Provider> provider(const Settings& settings) {
  if (const auto checked = check_settings(huawei::settings(), settings); !checked) FAIL(checked.error().detail);
  auto made = huawei::make_provider(certificate(settings));
  if (!made) FAIL(made.error().detail);
  return *made;
}

Notification order() {
  Notification n;
  n.title = "Order shipped";
  n.body = "Parcel 8841 left the warehouse";
  n.collapse_id = "order-8841";
  n.receipt_tag = "m-8841";
  n.sound = "default";
  n.sent_at = kSent;
  n.expires_at = kSent + std::chrono::days(1);
  return n;
}

std::vector<DeviceToken> tokens(std::size_t count) {
  std::vector<DeviceToken> made;
  for (std::size_t i = 1; i <= count; ++i) made.emplace_back("AOxx" + std::to_string(i));
  return made;
}

Json body_of(const Notification& n, const Settings& settings) {
  const auto requests = provider(settings)->build(n, tokens(1), {});
  if (!requests) FAIL(requests.error().detail);
  return Json::parse(requests->front().http.body);
}
Json shown(const Notification& n, const Settings& settings) {
  const Json body = body_of(n, settings);
  return body.contains("payload") ? body["payload"]["notification"] : body["message"]["android"]["notification"];
}

}  // namespace

TEST_CASE("huawei: the spec's v1 example, with our ids and badge", "[huawei]") {
  // §3.11 A: set_num instead of add_num (we count), notify_id from the collapse id, default_sound written out.
  Notification n = order();
  n.badge = 1;
  const auto requests =
      provider(v1({{"category", "EXPRESS"},
                   {"badge_class", "com.example.shop.MainActivity"},
                   {"click", "page"},
                   {"click_target",
                    "intent://com.example.shop/order?id=8841#Intent;scheme=shop;launchFlags=0x4000000;end"}}))
          ->build(n, tokens(2), Grant{.authorization = "Bearer DAEBExample"});
  REQUIRE(requests);
  REQUIRE(requests->size() == 1);
  const HttpRequest& http = requests->front().http;
  CHECK(http.method == "POST");
  CHECK(http.path == "/v1/100000001/messages:send");
  CHECK(http.body ==
        R"({"validate_only":false,"message":{"android":{"collapse_key":-1,"category":"EXPRESS","ttl":"86400s",)"
        R"("bi_tag":"m-8841","notification":{"title":"Order shipped","body":"Parcel 8841 left the warehouse",)"
        R"("click_action":{"type":1,"intent":"intent://com.example.shop/order?id=8841#Intent;scheme=shop;)"
        R"(launchFlags=0x4000000;end"},"importance":"NORMAL","default_sound":true,"tag":"order-8841","notify_id":)" +
            std::to_string(notify_id("order-8841")) +
            R"(,"badge":{"set_num":1,"class":"com.example.shop.MainActivity"},"foreground_show":true}},)"
            R"("token":["AOxx1","AOxx2"]}})");
  REQUIRE(http.headers.size() == 2);
  CHECK(http.headers[0].name == "authorization");
  CHECK(http.headers[0].value == "Bearer DAEBExample");
  CHECK(http.headers[0].indexing == Indexing::Never);
  CHECK(http.headers[1].name == "content-type");
  CHECK(http.headers[1].value == "application/json; charset=UTF-8");
}

TEST_CASE("huawei: the spec's v3 example, with our ids and badge", "[huawei]") {
  // §3.11 E.
  Notification n = order();
  n.badge = 1;
  n.ext = R"({"oid":8841})";
  const std::vector<DeviceToken> token = {DeviceToken("MAMz1")};
  const auto requests =
      provider(v3({{"category", "EXPRESS"}, {"click", "page"}, {"click_target", "com.example.shop.ORDER"}}))
          ->build(n, token, Grant{.authorization = "Bearer jwt"});
  REQUIRE(requests);
  const HttpRequest& http = requests->front().http;
  CHECK(http.path == "/v3/736430079244623230/messages:send");
  CHECK(http.body ==
        R"({"payload":{"notification":{"category":"EXPRESS","title":"Order shipped",)"
        R"("body":"Parcel 8841 left the warehouse","notifyId":)" +
            std::to_string(notify_id("order-8841")) +
            R"(,"appMessageId":"order-8841","clickAction":{"actionType":1,"action":"com.example.shop.ORDER",)"
            R"("data":{"oid":8841}},"badge":{"setNum":1},"foregroundShow":true}},"target":{"token":["MAMz1"]},)"
            R"("pushOptions":{"ttl":86400,"biTag":"m-8841","collapseKey":-1}})");
  REQUIRE(http.headers.size() == 3);
  CHECK(http.headers[0].indexing == Indexing::Never);
  CHECK(http.headers[1].value == "application/json");
  CHECK(http.headers[2].name == "push-type");
  CHECK(http.headers[2].value == "0");
}

TEST_CASE("huawei: v2 is v1 at another address", "[huawei]") {
  const Settings v2 = v1({{"api", "v2"}, {"project_id", "736430079244623230"}});
  const auto two = provider(v2)->build(order(), tokens(1), {});
  const auto one = provider(v1())->build(order(), tokens(1), {});
  REQUIRE((one && two));
  CHECK(two->front().http.path == "/v2/736430079244623230/messages:send");
  CHECK(two->front().http.body == one->front().http.body);
}

TEST_CASE("huawei: batches reach each token once, in order, and differ in nothing else", "[huawei]") {
  const auto sends = provider(GENERATE(v1(), v3()));
  const std::size_t count = GENERATE(std::size_t{0}, 1, 999, 1000, 1001, 2000, 2500);
  const auto all = tokens(count);
  const auto requests = sends->build(order(), all, {});
  REQUIRE(requests);
  CHECK(requests->size() == (count + 999) / 1000);
  std::size_t next = 0;
  std::string rest;
  for (const Planned& planned : *requests) {
    CHECK(planned.first == next);
    CHECK(planned.count <= huawei::kTokensMax);
    Json body = Json::parse(planned.http.body);
    Json& list = body.contains("message") ? body["message"]["token"] : body["target"]["token"];
    REQUIRE(list.size() == planned.count);
    for (const Json& token : list) CHECK(token == all[next++].text());
    list = nullptr;
    if (rest.empty()) rest = body.dump();
    CHECK(body.dump() == rest);
  }
  CHECK(next == count);
}

TEST_CASE("huawei: no request has a token twice", "[huawei]") {
  std::vector<DeviceToken> all = {DeviceToken("a"), DeviceToken("b"), DeviceToken("a"), DeviceToken("a"),
                                  DeviceToken("c")};
  const auto requests = provider(v1())->build(order(), all, {});
  REQUIRE(requests);
  REQUIRE(requests->size() == 3);
  CHECK((*requests)[0].count == 2);
  CHECK((*requests)[1].count == 1);
  CHECK((*requests)[2].first == 3);
  CHECK((*requests)[2].count == 2);
}

TEST_CASE("huawei: who may share a request", "[huawei]") {
  CHECK(provider(v1())->batching().tokens);
  CHECK_FALSE(provider(v1())->batching().badge);  // no class, no badge
  CHECK(provider(v1({{"badge_class", "com.example.Main"}}))->batching().badge);
  CHECK(provider(v3())->batching().badge);
  CHECK(provider(v3())->batching().sound);
  CHECK(provider(v1())->origin() == "https://push-api.cloud.huawei.com");
  CHECK(provider(v1())->vendor() == Vendor::Huawei);
  CHECK(provider(v1())->wire() == Wire::Any);
  Certificate elsewhere = certificate(v1());
  elsewhere.host_override = "https://localhost:8443";
  CHECK((*huawei::make_provider(elsewhere))->origin() == "https://localhost:8443");
  elsewhere.host_override = "http://localhost:8443";
  CHECK_FALSE(huawei::make_provider(elsewhere));
}

TEST_CASE("huawei: what a tap does, and where ext rides", "[huawei]") {
  Notification n = order();
  n.ext = "a b;%小\n";
  const auto android = [&](const Settings& settings) { return body_of(n, settings)["message"]["android"]; };

  SECTION("v1 app") {
    const Json body = android(v1());
    CHECK(body["notification"]["click_action"] == Json{{"type", 3}});
    CHECK(Json::parse(body["data"].get<std::string>()) == Json{{"ext", n.ext}});
  }
  SECTION("v1 web: ext has no business there") {
    const Json body = android(v1({{"click", "web"}, {"click_target", "https://a.example/?x=1"}}));
    CHECK(body["notification"]["click_action"] == Json{{"type", 2}, {"url", "https://a.example/?x=1"}});
    CHECK_FALSE(body.contains("data"));
  }
  SECTION("v1 intent") {
    const Json body = android(v1({{"click", "page"}, {"click_target", "intent://h/p#Intent;scheme=shop;end"}}));
    CHECK(body["notification"]["click_action"] ==
          Json{{"type", 1}, {"intent", "intent://h/p#Intent;scheme=shop;S.ext=a%20b%3B%25%E5%B0%8F%0A;end"}});
    CHECK_FALSE(body.contains("data"));
    n.ext.clear();
    CHECK(shown(n, v1({{"click", "page"},
                       {"click_target", "intent://h/p#Intent;scheme=shop;end"}}))["click_action"]["intent"] ==
          "intent://h/p#Intent;scheme=shop;end");
  }
  SECTION("v1 action") {
    const Json body = android(v1({{"click", "page"}, {"click_target", "com.example.OPEN"}}));
    CHECK(body["notification"]["click_action"] == Json{{"type", 1}, {"action", "com.example.OPEN"}});
    CHECK(body.contains("data"));
  }
  SECTION("v3 app: text is wrapped") {
    CHECK(shown(n, v3())["clickAction"] == Json{{"actionType", 0}, {"data", {{"ext", n.ext}}}});
    n.ext.clear();
    CHECK(shown(n, v3())["clickAction"] == Json{{"actionType", 0}});
  }
  SECTION("v3: an object is handed over as it is, nothing else is") {
    n.ext = " {\"a\":[1,{\"b\":null}]} ";
    CHECK(shown(n, v3())["clickAction"]["data"] == Json::parse(n.ext));
    for (const char* ext : {"[1]", "7", "\"x\"", "{", "{\"a\":1}}", "{'a':1}", "{}x"}) {
      CAPTURE(ext);
      n.ext = ext;
      CHECK(shown(n, v3())["clickAction"]["data"] == Json{{"ext", ext}});
    }
    n.ext = std::string(2'000, '[');
    CHECK(shown(n, v3())["clickAction"]["data"]["ext"] == n.ext);
  }
  SECTION("v3 page") {
    CHECK(shown(n, v3({{"click", "page"}, {"click_target", "shop://orders/1"}}))["clickAction"]["uri"] ==
          "shop://orders/1");
    CHECK(shown(n, v3({{"click", "page"}, {"click_target", "action.ORDER"}}))["clickAction"]["action"] ==
          "action.ORDER");
  }
  SECTION("v3 web") {
    CHECK(shown(n, v3({{"click", "web"}, {"click_target", "https://a.example/"}}))["clickAction"] ==
          Json{{"actionType", 1}, {"uri", "https://a.example/"}, {"data", {{"url", "https://a.example/"}}}});
  }
}

TEST_CASE("huawei: sounds, priorities, categories, channels", "[huawei]") {
  Notification n = order();
  SECTION("sound") {
    n.sound = "chime.caf";
    CHECK(shown(n, v1())["sound"] == "/raw/chime");
    CHECK(shown(n, v1())["default_sound"] == false);
    CHECK(shown(n, v3())["sound"] == "chime.caf");
    for (const char* odd : {".hidden", "a.b.c.wav", "sub/dir.wav", "Chime.wav"}) {
      n.sound = odd;
      CHECK(shown(n, v1())["default_sound"] == true);
      CHECK_FALSE(shown(n, v1()).contains("sound"));
    }
    n.sound = "default";
    CHECK(shown(n, v1())["default_sound"] == true);
    CHECK_FALSE(shown(n, v1()).contains("sound"));
    CHECK_FALSE(shown(n, v3()).contains("sound"));
    n.sound.reset();  // silent: Huawei wants a sound where default_sound is false, so it is the importance that says it
    CHECK(shown(n, v1())["importance"] == "LOW");
    CHECK_FALSE(shown(n, v1()).contains("default_sound"));
  }
  SECTION("priority") {
    n.priority = Priority::High;
    CHECK(shown(n, v1())["importance"] == "NORMAL");
    CHECK_FALSE(body_of(n, v1())["message"]["android"].contains("category"));
    n.priority = Priority::Low;
    CHECK(shown(n, v1({{"category", "IM"}}))["importance"] == "LOW");
    CHECK(body_of(n, v1({{"category", "IM"}}))["message"]["android"]["category"] == "MARKETING");
    CHECK(shown(n, v3())["category"] == "MARKETING");
  }
  SECTION("category and channel") {
    CHECK(shown(n, v3())["category"] == "IM");
    CHECK(shown(n, v3({{"category", "MISS_CALL"}}))["category"] == "MISS_CALL");
    CHECK_FALSE(shown(n, v1()).contains("channel_id"));
    CHECK(shown(n, v1({{"channel_id", "chat"}}))["channel_id"] == "chat");
    n.extras = {{"huawei.channel", "orders"}, {"oppo.channel", "x"}};
    CHECK(shown(n, v1({{"channel_id", "chat"}}))["channel_id"] == "orders");
    n.extras = {{"huawei.channel", "WORK"}};  // a class of notifications
    CHECK(body_of(n, v1({{"category", "IM"}}))["message"]["android"]["category"] == "WORK");
    CHECK(shown(n, v1({{"channel_id", "chat"}}))["channel_id"] == "chat");
    CHECK(shown(n, v3())["category"] == "WORK");
  }
  SECTION("badge") {
    const Settings with = v1({{"badge_class", "com.example.Main"}});
    n.badge = 120;
    CHECK(shown(n, with)["badge"] == Json{{"set_num", 99}, {"class", "com.example.Main"}});
    CHECK(shown(n, v3())["badge"] == Json{{"setNum", 99}});
    n.badge = -1;
    CHECK(shown(n, with)["badge"]["set_num"] == 0);
    CHECK_FALSE(shown(n, v1()).contains("badge"));
    n.badge.reset();
    CHECK_FALSE(shown(n, with).contains("badge"));
    CHECK_FALSE(shown(n, v3()).contains("badge"));
  }
  SECTION("collapse key, receipt id, and ids that are not there") {
    const Settings with = {{"collapse_key", "0"}, {"receipt_id", "RCP1"}};
    CHECK(body_of(n, v1(with))["message"]["android"]["collapse_key"] == 0);
    CHECK(body_of(n, v1(with))["message"]["android"]["receipt_id"] == "RCP1");
    CHECK(body_of(n, v3(with))["pushOptions"]["collapseKey"] == 0);
    CHECK(body_of(n, v3(with))["pushOptions"]["receiptId"] == "RCP1");
    n.collapse_id.clear();
    n.receipt_tag.clear();
    CHECK_FALSE(shown(n, v1()).contains("notify_id"));
    CHECK_FALSE(shown(n, v3()).contains("notifyId"));
    CHECK_FALSE(body_of(n, v3())["pushOptions"].contains("biTag"));
    n.collapse_id.assign(65, 'x');
    CHECK(shown(n, v3())["appMessageId"].get<std::string>().size() == 32);
  }
}

TEST_CASE("huawei: control characters are not sent, and a picture is", "[huawei]") {
  Notification n = order();
  n.title = "a\x07\tb";
  n.body = "c\x1b\nd";
  n.image = "https://e.com/a.png";
  for (const Settings& settings : {v1(), v3()}) {
    CHECK(shown(n, settings)["title"] == "a b");
    CHECK(shown(n, settings)["body"] == "c\nd");
    CHECK(shown(n, settings)["image"] == n.image);
  }
}

TEST_CASE("huawei: how long it lives", "[huawei]") {
  Notification n = order();
  struct Row {
    seconds life;
    int want;
  };
  const Row row = GENERATE(Row{seconds(1), 1}, Row{seconds(0), 1}, Row{seconds(-9), 1}, Row{seconds(3'600), 3'600},
                           Row{seconds(1'296'000), 1'296'000}, Row{seconds(9'999'999), 1'296'000});
  n.expires_at = n.sent_at + row.life;
  CHECK(body_of(n, v1())["message"]["android"]["ttl"] == std::to_string(row.want) + "s");
  CHECK(body_of(n, v3())["pushOptions"]["ttl"] == row.want);
  n.expires_at = {};
  CHECK_FALSE(body_of(n, v1())["message"]["android"].contains("ttl"));
  CHECK_FALSE(body_of(n, v3())["pushOptions"].contains("ttl"));
}

TEST_CASE("huawei: the budget is kept by cutting the text, whatever the tokens", "[huawei]") {
  const Settings settings = GENERATE(v1(), v3());
  Notification n = order();
  n.ext = R"({"oid":8841})";
  const auto size = [&](std::size_t count) {
    const auto requests = provider(settings)->build(n, tokens(count), {});
    REQUIRE(requests);
    std::size_t list = 0;
    for (const DeviceToken& token : tokens(count)) list += token.text().size() + 3;
    return requests->front().http.body.size() - (list - 1);
  };
  constexpr std::size_t kMost = huawei::kBodyBytesMax - huawei::kBodyBytesMargin;
  n.body.assign(9'000, 'b');
  CHECK(size(1) == kMost);
  CHECK(size(1'000) == kMost);
  n.body.clear();
  for (int i = 0; i < 3'000; ++i) n.body += "今";
  CHECK(size(1) <= kMost);
  CHECK(size(1) > kMost - 3);
  CHECK(shown(n, settings)["body"].get<std::string>().ends_with("…"));

  n.ext.assign(GENERATE(4'090, 4'096, 4'097, 1'000'000), 'x');
  const Json whole = body_of(n, settings);
  CHECK(whole.dump().find("ref") != std::string::npos);  // the app fetches it
  CHECK(whole.dump().find("xxx") == std::string::npos);
  n.collapse_id.clear();
  const auto requests = provider(settings)->build(n, tokens(1), {});
  REQUIRE_FALSE(requests);
  CHECK(requests.error().code == Errc::Malformed);
  CHECK(requests.error().detail.find("ext has " + std::to_string(n.ext.size())) != std::string::npos);
}

TEST_CASE("huawei: what cannot be built", "[huawei]") {
  Notification n = order();
  const auto fails = [&] { return !provider(v1())->build(n, tokens(1), {}); };
  n.title.clear();
  CHECK(fails());
  n = order();
  n.body.clear();
  CHECK(fails());
  const std::string bad = GENERATE(std::string(), std::string("a b"), std::string("a\"b"), std::string("a\\b"),
                                   std::string("a\n"), std::string("令牌"), std::string(1'025, 'a'));
  CHECK_FALSE(provider(v1())->well_formed(DeviceToken(bad)));
  const std::vector<DeviceToken> with = {DeviceToken("good"), DeviceToken(bad)};
  CHECK_FALSE(provider(v1())->build(order(), with, {}));
  CHECK_FALSE(provider(v1())->well_formed(DeviceToken("good", TokenKind::Fid)));
  CHECK(provider(v1())->well_formed(DeviceToken("good")));

  CHECK_FALSE(huawei::make_provider(certificate({})));
  CHECK_FALSE(huawei::make_provider(certificate({{"api", "v2"}, {"app_id", "1"}})));
  CHECK_FALSE(huawei::make_provider(certificate({{"api", "v9"}, {"app_id", "1"}})));
  CHECK_FALSE(huawei::make_provider(certificate({{"app_id", "1"}, {"category", "MISS_CALL"}})));
  CHECK_FALSE(huawei::make_provider(certificate({{"app_id", "1"}, {"click", "web"}})));
  CHECK_FALSE(
      huawei::make_provider(certificate({{"app_id", "1"}, {"click", "web"}, {"click_target", "http://e.com"}})));
}

TEST_CASE("huawei: a call goes by the class for calls, where the certificate claims one", "[huawei][call]") {
  struct Row {
    const char* name;
    Settings settings;
    const char* channel;
    bool call;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {"v1", v1({{"category", "IM"}, {"call_category", "VOIP"}}), "", true, "VOIP"},
      {"v3", v3({{"category", "IM"}, {"call_category", "VOIP"}}), "", true, "VOIP"},
      {"a message", v1({{"category", "IM"}, {"call_category", "VOIP"}}), "", false, "IM"},
      {"no right to it", v1({{"category", "IM"}}), "", true, "IM"},
      {"no right to any, v3", v3(), "", true, "IM"},
      {"the event knows better", v1({{"category", "IM"}, {"call_category", "VOIP"}}), "WORK", true, "WORK"},
      {"the event's channel is none", v1({{"category", "IM"}, {"call_category", "VOIP"}}), "ring", true, "VOIP"},
  }));
  CAPTURE(row.name);
  Notification n = order();
  n.priority = Priority::High;
  if (row.call) n.call.emplace();
  if (*row.channel != '\0') n.extras = {{"huawei.channel", row.channel}};
  const Json body = body_of(n, row.settings);
  const Json& said = body.contains("payload") ? body["payload"]["notification"] : body["message"]["android"];
  CHECK(said["category"] == row.want);
}

TEST_CASE("huawei: a class for calls that Huawei does not know is refused", "[huawei][call]") {
  CHECK_FALSE(check_settings(huawei::settings(), v1({{"call_category", "CALLS"}})));
  CHECK_FALSE(huawei::make_provider(certificate(v1({{"call_category", "MISS_CALL"}}))));  // v3 alone has it
  CHECK(huawei::make_provider(certificate(v3({{"call_category", "MISS_CALL"}}))));
}

TEST_CASE("huawei: a text in the app stands beside the one that Huawei wants in any case", "[huawei][loc]") {
  Notification n = order();
  n.loc = {.title_key = "T", .body_key = "B", .title_args = {}, .body_args = {"x", "y"}};
  const Json of_v1 = shown(n, v1());
  CHECK(of_v1["title"] == n.title);
  CHECK(of_v1["body"] == n.body);
  CHECK(of_v1["title_loc_key"] == "T");
  CHECK_FALSE(of_v1.contains("title_loc_args"));
  CHECK(of_v1["body_loc_key"] == "B");
  CHECK(of_v1["body_loc_args"] == Json{"x", "y"});
  const Json of_v3 = shown(n, v3());  // it knows none
  for (const char* key : {"title_loc_key", "body_loc_key", "titleLocKey", "bodyLocKey"})
    CHECK_FALSE(of_v3.contains(key));
}
