#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/uuid.h"
#include "providers/form_field.h"
#include "providers/notify_id.h"
#include "providers/oppo/limits.h"
#include "providers/oppo/message.h"
#include "providers/oppo/oppo.h"
#include "providers/oppo/region.h"
#include "providers/oppo/reply.h"
#include "providers/text_fit.h"

using namespace nightpost;
using nlohmann::json;
using oppo::Asked;

namespace {

constexpr const char* kGrant = "bd4c2a6e-fd3f-4d1c-a1c8-1b9a37c6e0aa";
const DeviceToken kToken{"CN_0123456789abcdef0123456789abcdef"};
const DeviceToken kOther{"CN_ffffffffffffffffffffffffffffffff"};

Certificate certificate(Settings more = {}) {
  Certificate certificate;
  certificate.vendor = Vendor::Oppo;
  certificate.bundle_id = "com.example.im";
  certificate.settings = {{"app_key", "ak"}, {"channel_id", "im_message"}};
  more.merge(certificate.settings);
  certificate.settings = std::move(more);
  return certificate;
}

std::shared_ptr<const Provider> provider(Settings more = {}) {
  auto made = oppo::make_provider(certificate(std::move(more)));
  REQUIRE(made);
  return *made;
}

/// OPPO's example of a whole request, as far as a neutral notification can say it.
Notification dinner() {
  Notification n;
  n.title = "张三";
  n.body = "晚上一起吃饭？";
  n.ext = R"({"conv":"g_42"})";
  n.sound = "default";
  n.collapse_id = "m-1001";
  n.receipt_tag = "m-1001";
  n.sent_at = wall_from_ms(1'719'792'000'000);
  n.expires_at = wall_from_ms(1'719'878'400'000);
  return n;
}

const Settings kDinner = {{"category", "IM"},
                          {"notify_level", "16"},
                          {"click", "page"},
                          {"click_target", "com.example.im.ChatActivity"},
                          {"receipt_url", "https://push.example.com/cb/oppo"}};

std::vector<Planned> built(const Provider& provider, const Notification& n, std::span<const DeviceToken> tokens) {
  auto planned = provider.build(n, tokens, {.authorization = kGrant});
  REQUIRE(planned);
  return *planned;
}

json message_in(const Planned& planned) { return json::parse(form_field(planned.http.body, "message").value()); }
json notification_of(const Notification& n, Settings more = {}) {
  return message_in(built(*provider(std::move(more)), n, {&kToken, 1}).at(0)).at("notification");
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

std::vector<DeviceToken> tokens(std::size_t count) {
  std::vector<DeviceToken> all;
  for (std::size_t i = 0; i < count; ++i) all.emplace_back("CN_" + hex_of({std::to_string(i)}));
  return all;
}

}  // namespace

TEST_CASE("oppo request: the spec's single push, byte for byte", "[oppo]") {
  const auto planned = built(*provider(kDinner), dinner(), {&kToken, 1});
  REQUIRE(planned.size() == 1);
  CHECK(planned[0].kind == static_cast<std::uint8_t>(Asked::Unicast));
  CHECK_FALSE(planned[0].prepares);
  const HttpRequest& http = planned[0].http;
  CHECK(http.method == "POST");
  CHECK(http.path == "/server/v1/message/notification/unicast");
  REQUIRE(http.headers.size() == 1);
  CHECK(http.headers[0].name == "content-type");
  CHECK(http.headers[0].value == "application/x-www-form-urlencoded;charset=utf-8");
  std::string golden =
      "auth_token=bd4c2a6e-fd3f-4d1c-a1c8-1b9a37c6e0aa&message=%7B%22target_type%22%3A2%2C%22target_value%22%3A%22CN_"
      "0123456789abcdef0123456789abcdef%22%2C%22verify_registration_id%22%3Afalse%2C%22notification%22%3A%7B%22app_"
      "message_id%22%3A%22m-1001%22%2C%22style%22%3A1%2C%22title%22%3A%22%E5%BC%A0%E4%B8%89%22%2C%22content%22%3A%22%"
      "E6%99%9A%E4%B8%8A%E4%B8%80%E8%B5%B7%E5%90%83%E9%A5%AD%EF%BC%9F%22%2C%22click_action_type%22%3A4%2C%22click_"
      "action_activity%22%3A%22com.example.im.ChatActivity%22%2C%22action_parameters%22%3A%22%7B%5C%22conv%5C%22%3A%5C%"
      "22g_42%5C%22%7D%22%2C%22off_line%22%3Atrue%2C%22off_line_ttl%22%3A86400%2C%22channel_id%22%3A%22im_message%22%"
      "2C%22category%22%3A%22IM%22%2C%22notify_level%22%3A16%2C%22notify_id%22%3A1734829%2C%22call_back_url%22%3A%"
      "22https%3A%2F%2Fpush.example.com%2Fcb%2Foppo%22%2C%22call_back_parameter%22%3A%22m-1001%22%7D%7D";
  // The two ids that are ours to choose.
  golden = replaced(golden, "%22m-1001%22%2C%22style",
                    "%22" + uuid_of({"oppo", "m-1001", kToken.text()}) + "%22%2C%22style");
  golden = replaced(golden, "1734829", std::to_string(notify_id("m-1001")));
  CHECK(http.body == golden);
}

TEST_CASE("oppo request: save, then broadcast", "[oppo]") {
  Notification n;
  n.title = "版本更新";
  n.body = "新版本已发布";
  n.push_id = "camp-2026-11-21";
  n.ext = R"({"never":"with a web page"})";
  n.sent_at = wall_from_ms(1'719'792'000'000);
  n.expires_at = wall_from_ms(1'719'878'400'000);
  const auto sender = provider({{"click", "web"},
                                {"click_target", "https://example.com/release?v=3"},
                                {"channel_id", "marketing"},
                                {"category", "MARKETING"},
                                {"notify_level", "1"}});
  const std::vector<DeviceToken> both = {kToken, kOther};
  const auto save = built(*sender, n, both);
  REQUIRE(save.size() == 1);
  CHECK(save[0].prepares);
  CHECK(save[0].first == 0);
  CHECK(save[0].count == 2);
  CHECK(save[0].http.path == "/server/v1/message/notification/save_message_content");
  const std::string id = uuid_of({"oppo", "camp-2026-11-21", kToken.text() + ";" + kOther.text() + ";"});
  CHECK(
      save[0].http.body ==
      "auth_token=bd4c2a6e-fd3f-4d1c-a1c8-1b9a37c6e0aa&app_message_id=" + id +
          "&style=1&title=%E7%89%88%E6%9C%AC%E6%9B%B4%E6%96%B0&content=%E6%96%B0%E7%89%88%E6%9C%AC%E5%B7%B2%E5%8F%91%"
          "E5%B8%83&click_action_type=2&click_action_url=https%3A%2F%2Fexample.com%2Frelease%3Fv%3D3&off_line=true&off_"
          "line_ttl=86400&channel_id=marketing&category=MARKETING&notify_level=1");

  const HttpResponse saved{200, {}, R"({"code":0,"message":"success","data":{"message_id":"5b9a1c0be4b2"}})"};
  const auto sent = sender->address(n, both, saved, {.authorization = kGrant});
  REQUIRE(sent);
  REQUIRE(sent->size() == 1);
  CHECK_FALSE(sent->at(0).prepares);
  CHECK(sent->at(0).kind == static_cast<std::uint8_t>(Asked::Broadcast));
  CHECK(sent->at(0).http.path == "/server/v1/message/notification/broadcast");
  CHECK(sent->at(0).http.body ==
        "auth_token=bd4c2a6e-fd3f-4d1c-a1c8-1b9a37c6e0aa&message_id=5b9a1c0be4b2&target_type=2&target_value=CN_"
        "0123456789abcdef0123456789abcdef%3BCN_ffffffffffffffffffffffffffffffff");
}

TEST_CASE("oppo request: a broadcast has at most 1000 ids, each once", "[oppo]") {
  struct Row {
    std::size_t tokens;
    std::vector<std::size_t> chunks;
  };
  const Row row = GENERATE(values<Row>({{2, {2}}, {1000, {1000}}, {1001, {1000, 1}}, {2500, {1000, 1000, 500}}}));
  const auto all = tokens(row.tokens);
  const HttpResponse saved{200, {}, R"({"code":"0","data":{"messageId":77}})"};
  const auto sent = provider()->address(dinner(), all, saved, {.authorization = kGrant});
  REQUIRE(sent);
  REQUIRE(sent->size() == row.chunks.size());
  std::size_t first = 0;
  for (std::size_t i = 0; i < sent->size(); ++i) {
    const Planned& part = sent->at(i);
    CHECK(part.first == first);
    CHECK(part.count == row.chunks[i]);
    const std::string ids = form_field(part.http.body, "target_value").value();
    CHECK(static_cast<std::size_t>(std::ranges::count(ids, ';')) == row.chunks[i] - 1);
    CHECK(ids.starts_with(all[first].text()));
    CHECK(ids.ends_with(all[first + part.count - 1].text()));
    CHECK(form_field(part.http.body, "message_id") == "77");
    first += part.count;
  }
  CHECK(first == row.tokens);

  const std::vector<DeviceToken> twice = {kToken, kOther, kToken};
  const auto once = provider()->address(dinner(), twice, saved, {.authorization = kGrant});
  REQUIRE(once);
  CHECK(once->at(0).count == 3);
  CHECK(form_field(once->at(0).http.body, "target_value") == kToken.text() + ";" + kOther.text());
}

TEST_CASE("oppo request: what was not saved is not broadcast", "[oppo]") {
  const char* body = GENERATE(as<const char*>(), R"({"code":0})", R"({"code":0,"data":{}})", R"({"code":0,"data":""})",
                              R"({"code":0,"data":[]})", R"({"code":0,"data":{"message_id":null}})",
                              R"({"code":0,"data":{"message_id":"has blanks"}})", R"({"code":11})", R"({"code":-2})",
                              R"({"code":10004,"data":{"message_id":"a"}})", R"({"data":{"message_id":"a"}})", "",
                              "<html>", R"({"code":0,"data":{"message_id":"5b9)");
  CAPTURE(body);
  const std::vector<DeviceToken> both = {kToken, kOther};
  const HttpResponse reply{200, {}, body};
  CHECK_FALSE(provider()->address(dinner(), both, reply, {}));
  for (const Answer& answer : provider()->classify(static_cast<std::uint8_t>(Asked::Save), both, reply)) {
    CHECK(answer.verdict != Verdict::Accepted);
    CHECK(answer.verdict != Verdict::TokenGone);
  }
}

TEST_CASE("oppo request: a content stored by an attempt before goes to each by itself", "[oppo]") {
  const std::vector<DeviceToken> both = {kToken, kOther};
  const auto sent =
      provider()->address(dinner(), both, {200, {}, R"({"code":32,"message":"duplicate"})"}, {.authorization = kGrant});
  REQUIRE(sent);
  REQUIRE(sent->size() == 1);
  CHECK(sent->at(0).kind == static_cast<std::uint8_t>(Asked::Batch));
  CHECK(sent->at(0).count == 2);
  const json messages = json::parse(form_field(sent->at(0).http.body, "messages").value());
  CHECK(messages.size() == 2);
  // Where OPPO does repeat the id, it is used.
  const auto known = provider()->address(dinner(), both, {200, {}, R"({"code":32,"data":{"message_id":"a1"}})"}, {});
  REQUIRE(known);
  CHECK(known->at(0).kind == static_cast<std::uint8_t>(Asked::Broadcast));
}

TEST_CASE("oppo request: an answer to a repeat is read as one", "[oppo]") {
  const HttpResponse duplicate{200, {}, R"({"code":32,"message":"duplicate"})"};
  const auto sender = provider();
  Notification first = dinner(), again = dinner();
  again.repeat = true;
  const auto verdict_of = [&](const Notification& n) {
    const auto planned = sender->build(n, {&kToken, 1}, {});
    REQUIRE(planned);
    return sender->classify(planned->at(0).kind, {&kToken, 1}, duplicate).at(0).verdict;
  };
  CHECK(verdict_of(first) == Verdict::Rejected);
  CHECK(verdict_of(again) == Verdict::Accepted);
  CHECK(sender->build(first, {&kToken, 1}, {})->at(0).http.body ==
        sender->build(again, {&kToken, 1}, {})->at(0).http.body);

  // Letters of both kinds share no request, for its answer is read for all of them alike.
  const DeviceToken third("CN_0000000000000000000000000000000f");
  const std::vector<Letter> letters = {{&first, &kToken}, {&first, &kOther}, {&again, &third}};
  const auto planned = sender->build_mixed(letters, {});
  REQUIRE(planned);
  REQUIRE(planned->size() == 2);
  CHECK(planned->at(0).count == 2);
  CHECK(planned->at(1).count == 1);
  CHECK(sender->classify(planned->at(1).kind, {&third, 1}, duplicate).at(0).verdict == Verdict::Accepted);
}

TEST_CASE("oppo request: the spec's batch of two", "[oppo]") {
  Notification sent_off;
  sent_off.title = "订单";
  sent_off.body = "已发货";
  sent_off.push_id = "o-11";
  sent_off.sent_at = wall_from_ms(1'719'792'000'000);
  sent_off.expires_at = sent_off.sent_at + std::chrono::hours(1);
  Notification arrived = sent_off;
  arrived.body = "已签收";
  arrived.push_id = "o-12";
  const auto sender = provider({{"channel_id", "order"}, {"category", "ORDER"}, {"notify_level", "2"}});
  const std::vector<Letter> letters = {{&sent_off, &kToken}, {&arrived, &kOther}};
  const auto planned = sender->build_mixed(letters, {.authorization = kGrant});
  REQUIRE(planned);
  REQUIRE(planned->size() == 1);
  CHECK(planned->at(0).kind == static_cast<std::uint8_t>(Asked::Batch));
  CHECK(planned->at(0).http.path == "/server/v1/message/notification/unicast_batch");
  CHECK_FALSE(form_field(planned->at(0).http.body, "message"));
  std::string golden =
      R"([{"target_type":2,"target_value":"CN_0123456789abcdef0123456789abcdef","verify_registration_id":false,)"
      R"("notification":{"app_message_id":"o-11","style":1,"title":"订单","content":"已发货","click_action_type":0,)"
      R"("off_line":true,"off_line_ttl":3600,"channel_id":"order","category":"ORDER","notify_level":2}},)"
      R"({"target_type":2,"target_value":"CN_ffffffffffffffffffffffffffffffff","verify_registration_id":false,)"
      R"("notification":{"app_message_id":"o-12","style":1,"title":"订单","content":"已签收","click_action_type":0,)"
      R"("off_line":true,"off_line_ttl":3600,"channel_id":"order","category":"ORDER","notify_level":2}}])";
  golden = replaced(golden, "o-11", uuid_of({"oppo", "o-11", kToken.text()}));
  golden = replaced(golden, "o-12", uuid_of({"oppo", "o-12", kOther.text()}));
  CHECK(form_field(planned->at(0).http.body, "messages") == golden);
  CHECK(form_field(planned->at(0).http.body, "auth_token") == kGrant);
}

TEST_CASE("oppo request: a batch is split at 1000, and where an id comes again", "[oppo]") {
  const Notification n = dinner();
  std::vector<Letter> letters;
  const auto all = tokens(1001);
  for (const DeviceToken& token : all) letters.push_back({&n, &token});
  auto planned = provider()->build_mixed(letters, {.authorization = kGrant});
  REQUIRE(planned);
  REQUIRE(planned->size() == 2);
  CHECK(planned->at(0).count == 1000);
  CHECK(planned->at(1).first == 1000);
  CHECK(planned->at(1).count == 1);

  letters = {{&n, &kToken}, {&n, &kOther}, {&n, &kToken}, {&n, &kToken}};
  planned = provider()->build_mixed(letters, {.authorization = kGrant});
  REQUIRE(planned);
  REQUIRE(planned->size() == 3);
  CHECK(planned->at(0).count == 2);
  CHECK(planned->at(1).first == 2);
  CHECK(planned->at(2).first == 3);

  Notification blank = n;
  blank.body = " ";
  letters = {{&n, &kToken}, {&blank, &kOther}};
  CHECK(provider()->build_mixed(letters, {}).error().code == Errc::Malformed);
  CHECK(provider()->build_mixed({}, {})->empty());
  CHECK(built(*provider(), n, {}).empty());
}

TEST_CASE("oppo request: texts are cut between characters, and the style follows the length", "[oppo]") {
  struct Row {
    const char* name;
    std::string body;
    int style;
    std::string content;
  };
  const auto times = [](std::string_view text, int count) {
    std::string out;
    while (count-- > 0) out += text;
    return out;
  };
  const std::string family = "👨‍👩‍👧";  // 8 UTF-16 units, one character
  const Row row = GENERATE_COPY(values<Row>({
      {"50 fit a standard one", times("字", 50), 1, times("字", 50)},
      {"51 make it long", times("字", 51), 2, times("字", 51)},
      {"128 fit a long one", times("字", 128), 2, times("字", 128)},
      {"129 are cut", times("字", 129), 2, times("字", 127) + "…"},
      {"a family counts 8 units", times(family, 6), 1, times(family, 6)},
      {"a family is never cut in two", times(family, 17), 2, times(family, 15) + "…"},
      {"lines stay, bells go", "a\nb\a", 1, "a\nb"},
  }));
  CAPTURE(row.name);
  Notification n = dinner();
  n.body = row.body;
  const json made = notification_of(n);
  CHECK(made.at("style") == row.style);
  CHECK(made.at("content") == row.content);
  CHECK(utf16_size(made.at("content").get<std::string>()) <= oppo::kLongContentUnits);
  n.title = row.body;
  CHECK(utf16_size(notification_of(n).at("title").get<std::string>()) <= oppo::kTitleUnits);
}

TEST_CASE("oppo request: ext reaches the app as an object", "[oppo]") {
  struct Row {
    const char* ext;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {"", ""},
      {R"({"a":"1"})", R"({"a":"1"})"},
      {" {\"a\": {\"b\":[1]} }\n", " {\"a\": {\"b\":[1]} }\n"},
      {"hello \"you\"", R"({"ext":"hello \"you\""})"},
      {"[1]", R"({"ext":"[1]"})"},
      {"7", R"({"ext":"7"})"},
      {"\"{}\"", R"({"ext":"\"{}\""})"},
      {"null", R"({"ext":"null"})"},
      {R"({"a":1)", R"({"ext":"{\"a\":1"})"},
      {R"({"a":1}x)", R"({"ext":"{\"a\":1}x"})"},
      {R"({'a':1})", R"({"ext":"{'a':1}"})"},
  }));
  Notification n = dinner();
  n.ext = row.ext;
  CHECK(notification_of(n).value("action_parameters", "") == row.want);

  n.ext = "{\"a\":\"" + std::string(oppo::kActionParametersUnits - 8, 'x') + "\"}";
  CHECK(provider()->build(n, {&kToken, 1}, {}));
  n.ext.insert(7, "x");
  CHECK(notification_of(n).at("action_parameters") == R"({"ref":"m-1001"})");
  n.collapse_id.clear();
  CHECK(provider()->build(n, {&kToken, 1}, {}).error().code == Errc::Malformed);
}

TEST_CASE("oppo request: how long it is kept", "[oppo]") {
  struct Row {
    const char* name;
    std::int64_t left_ms;
    json off_line, ttl;
  };
  const Row row = GENERATE(values<Row>({
      {"seconds, not ms", 3'600'000, true, 3600},
      {"never longer than asked", 1'999, true, 1},
      {"no time left is on line only", 0, false, nullptr},
      {"under a second too", 999, false, nullptr},
      {"late is on line only", -5'000, false, nullptr},
      {"ten days at most", 100LL * 86'400'000, true, 864'000},
  }));
  CAPTURE(row.name);
  Notification n = dinner();
  n.expires_at = n.sent_at + milliseconds(row.left_ms);
  const json made = notification_of(n);
  CHECK(made.at("off_line") == row.off_line);  // false is said, not left out
  CHECK((made.contains("off_line_ttl") ? made["off_line_ttl"] : json()) == row.ttl);
  n.expires_at = {};
  CHECK(notification_of(n).at("off_line") == true);
  CHECK_FALSE(notification_of(n).contains("off_line_ttl"));
}

TEST_CASE("oppo request: settings and the event decide together", "[oppo]") {
  Notification n = dinner();
  CHECK(notification_of(n).at("channel_id") == "im_message");
  n.extras = {{"oppo.channel", "calls"}, {"xiaomi.channel", "no"}};
  CHECK(notification_of(n).at("channel_id") == "calls");

  n.badge = 120;
  CHECK_FALSE(notification_of(n).contains("badge_message_count"));
  CHECK_FALSE(provider()->batching().badge);
  CHECK(notification_of(n, {{"badge", "on"}}).at("badge_message_count") == 120);
  CHECK(notification_of(n, {{"badge", "on"}}).at("badge_operation_type") == 0);
  CHECK(provider({{"badge", "on"}})->batching().badge);
  n.badge = 0;
  CHECK(notification_of(n, {{"badge", "on"}}).at("badge_message_count") == 0);
  n.badge = -3;
  CHECK(notification_of(n, {{"badge", "on"}}).at("badge_message_count") == 0);
  n.badge.reset();
  CHECK_FALSE(notification_of(n, {{"badge", "on"}}).contains("badge_message_count"));

  CHECK(notification_of(n, {{"category", "IM"}, {"notify_level", "16"}}).at("notify_level") == 16);
  n.sound.reset();  // 16 rings
  CHECK(notification_of(n, {{"category", "IM"}, {"notify_level", "16"}}).at("notify_level") == 2);
  CHECK(notification_of(n, {{"category", "IM"}, {"notify_level", "1"}}).at("notify_level") == 1);
  CHECK_FALSE(notification_of(n, {{"category", "IM"}}).contains("notify_level"));
  CHECK(provider({{"category", "IM"}, {"notify_level", "16"}})->batching().sound);
  CHECK_FALSE(provider({{"category", "IM"}, {"notify_level", "2"}})->batching().sound);

  CHECK_FALSE(notification_of(n).contains("call_back_url"));
  const Settings receipts = {{"receipt_url", "https://a.example/r?key=k"}};
  CHECK(notification_of(n, receipts).at("call_back_url") == "https://a.example/r?key=k");
  n.receipt_tag = std::string(51, 'x');
  CHECK(provider(receipts)->build(n, {&kToken, 1}, {}).error().code == Errc::Malformed);
  n.receipt_tag.clear();
  CHECK_FALSE(notification_of(n, receipts).contains("call_back_url"));
}

TEST_CASE("oppo request: what a tap does", "[oppo]") {
  struct Row {
    const char* name;
    Settings settings;
    int type;
    std::string_view key;
  };
  const Row row = GENERATE(values<Row>({
      {"app", {}, 0, ""},
      {"web", {{"click", "web"}, {"click_target", "https://example.com/a"}}, 2, "click_action_url"},
      {"class", {{"click", "page"}, {"click_target", "com.example.Chat"}}, 4, "click_action_activity"},
      {"action",
       {{"click", "page"}, {"click_target", "com.example.OPEN"}, {"click_page", "action"}},
       1,
       "click_action_activity"},
      {"own scheme", {{"click", "page"}, {"click_target", "myapp://chat/1"}}, 5, "click_action_url"},
      {"intent", {{"click", "page"}, {"click_target", "intent://a#Intent;scheme=b;end"}}, 5, "click_action_url"},
  }));
  CAPTURE(row.name);
  const json made = notification_of(dinner(), row.settings);
  CHECK(made.at("click_action_type") == row.type);
  for (const char* key : {"click_action_url", "click_action_activity"}) CHECK(made.contains(key) == (row.key == key));
  if (!row.key.empty()) CHECK(made.at(std::string(row.key)) == row.settings.at("click_target"));
  CHECK(made.contains("action_parameters") == (row.type != 2));
}

TEST_CASE("oppo request: replays are byte-equal, other messages have other ids", "[oppo]") {
  const auto sender = provider(kDinner);
  const Notification n = dinner();
  const auto three = tokens(3);
  CHECK(built(*sender, n, three)[0].http.body == built(*sender, n, three)[0].http.body);
  const auto id = [&](const Notification& of, const DeviceToken& to) {
    return message_in(built(*sender, of, {&to, 1})[0])["notification"]["app_message_id"].get<std::string>();
  };
  Notification again = n;
  again.sent_at += std::chrono::seconds(30);
  again.push_id = "a5f0c1c3-7d0a-8a6e-9f1b-2a3c4d5e6f70";
  CHECK(id(n, kToken) == id(again, kToken));
  CHECK(id(n, kToken) != id(n, kOther));
  Notification next = n;
  next.collapse_id = "m-1002";
  CHECK(id(n, kToken) != id(next, kToken));
  // The batch of one event asks under the id that a single push of it would have.
  const std::vector<Letter> letters = {{&n, &kToken}};
  const auto batch = sender->build_mixed(letters, {.authorization = kGrant});
  REQUIRE(batch);
  const json messages = json::parse(form_field(batch->at(0).http.body, "messages").value());
  CHECK(messages[0]["notification"]["app_message_id"] == id(n, kToken));
  // A fresh grant is the only difference it makes.
  auto fresh = sender->build(n, {&kToken, 1}, {.authorization = "fresh"});
  REQUIRE(fresh);
  CHECK(replaced(fresh->at(0).http.body, "fresh", kGrant) == built(*sender, n, {&kToken, 1})[0].http.body);
}

TEST_CASE("oppo request: hosts and registration ids by region", "[oppo]") {
  CHECK(provider()->origin() == "https://api.push.oppomobile.com");
  CHECK(provider({{"region", "intl"}})->origin() == "https://api-intl.push.oppomobile.com");
  Certificate sandbox = certificate({{"region", "intl"}});
  sandbox.host_override = "https://localhost:9443";
  CHECK((*oppo::make_provider(sandbox))->origin() == "https://localhost:9443");
  sandbox.host_override = "http://localhost:9443";
  CHECK(oppo::make_provider(sandbox).error().code == Errc::Malformed);

  struct Row {
    std::string id;
    bool china, overseas;
  };
  const std::string digits = "0123456789abcdef0123456789abcdef";
  const Row row = GENERATE_COPY(values<Row>({
      {digits, true, false},
      {"CN_" + digits, true, false},
      {"OPPO_CN_" + digits, true, false},
      {"realme_CN_" + digits, true, false},
      {"0123456789abcdef01234567", true, false},
      {"IN_" + digits, false, true},
      {"cn_" + digits, false, true},
      {"OPPO_IN_" + digits, false, true},
      {"CN_IN_" + digits, false, true},
      {"a_CN_b_" + digits, false, true},
      {"", false, false},
      {"CN_12;34", false, false},
      {"CN_12 34", false, false},
      {"CN_12\n", false, false},
      {"CN_" + std::string(300, 'a'), false, false},
  }));
  CAPTURE(row.id);
  CHECK(provider()->well_formed(DeviceToken{row.id}) == row.china);
  CHECK(provider({{"region", "intl"}})->well_formed(DeviceToken{row.id}) == row.overseas);
}
