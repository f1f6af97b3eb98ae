#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "core/uuid.h"
#include "providers/notify_id.h"
#include "providers/text_fit.h"
#include "providers/vivo/limits.h"
#include "providers/vivo/reply.h"
#include "providers/vivo/vivo.h"

using namespace nightpost;
using nlohmann::json;
using vivo::Asked;

namespace {

const Grant kGrant{.authorization = "24509285-3767-4b9e-83fe-b6e55ac6243e"};
const DeviceToken kToken{"v2-CRkvTq0c8lDjV4bQm3nXwYz0123456789abcdefghijklmnopqrs"};
const DeviceToken kDigits{"15638535410301000000001"};

std::shared_ptr<const Provider> provider(Settings more = {}, Environment environment = Environment::Production) {
  Certificate certificate;
  certificate.vendor = Vendor::Vivo;
  certificate.bundle_id = "com.example.im";
  certificate.environment = environment;
  certificate.settings = std::move(more);
  certificate.settings.try_emplace("app_id", "10004");
  certificate.settings.try_emplace("app_key", "25509283-3767-4b9e-83fe-b6e55ac6243e");
  certificate.settings.try_emplace("category", "IM");
  auto made = vivo::make_provider(certificate);
  REQUIRE(made);
  return *made;
}

/// vivo's example of a whole request, as far as a neutral notification can say it.
Notification dinner() {
  Notification n;
  n.title = "张三";
  n.body = "晚上一起吃饭？";
  n.ext = R"({"conv":"g_42","seq":"1001"})";
  n.sound = "default";
  n.collapse_id = "m-1001";
  n.receipt_tag = "m-1001";
  n.sent_at = wall_from_ms(1'719'792'000'000);
  n.expires_at = wall_from_ms(1'719'878'400'000);
  return n;
}

std::vector<Planned> built(const Provider& provider, const Notification& n, std::span<const DeviceToken> tokens) {
  auto planned = provider.build(n, tokens, kGrant);
  REQUIRE(planned);
  return *planned;
}

json sent(const Notification& n, Settings more = {}, Environment environment = Environment::Production) {
  return json::parse(built(*provider(std::move(more), environment), n, {&kToken, 1}).at(0).http.body);
}

std::vector<DeviceToken> tokens(std::size_t count) {
  std::vector<DeviceToken> all;
  for (std::size_t i = 0; i < count; ++i) all.emplace_back("v2-" + hex_of({std::to_string(i)}));
  return all;
}

void check_headers(const HttpRequest& http) {
  REQUIRE(http.headers.size() == 2);
  CHECK(http.headers[0].name == "authtoken");
  CHECK(http.headers[0].value == kGrant.authorization);
  CHECK(http.headers[0].indexing == Indexing::Never);
  CHECK(http.headers[1].name == "content-type");
  CHECK(http.headers[1].value == "application/json;charset=UTF-8");
}

}  // namespace

TEST_CASE("vivo request: the spec's single push, byte for byte", "[vivo]") {
  const auto sender =
      provider({{"click", "page"},
                {"click_target", "intent:#Intent;component=com.example.im/com.example.im.ChatActivity;S.conv=g_42;end"},
                {"receipt_id", "7145"},
                {"receipt_url", "https://loses.example/"},
                {"foreground_show", "off"}});
  const auto planned = built(*sender, dinner(), {&kToken, 1});
  REQUIRE(planned.size() == 1);
  CHECK(planned[0].kind == static_cast<std::uint8_t>(Asked::Send));
  CHECK_FALSE(planned[0].prepares);
  CHECK(planned[0].count == 1);
  CHECK(planned[0].http.method == "POST");
  CHECK(planned[0].http.path == "/message/send");
  check_headers(planned[0].http);
  // Ours are the ids, and the ext under its own key.
  const std::string request_id = uuid_of({"vivo", "send", "m-1001", kToken.text() + ";"});
  CHECK(request_id.size() <= 64);
  CHECK(planned[0].http.body ==
        R"({"appId":10004,"regId":"v2-CRkvTq0c8lDjV4bQm3nXwYz0123456789abcdefghijklmnopqrs","notifyType":4,)"
        R"("title":"张三","content":"晚上一起吃饭？","timeToLive":86400,"skipType":4,)"
        R"("skipContent":"intent:#Intent;component=com.example.im/com.example.im.ChatActivity;S.conv=g_42;end",)"
        R"("networkType":-1,"classification":1,"category":"IM",)"
        R"("clientCustomMap":{"ext":"{\"conv\":\"g_42\",\"seq\":\"1001\"}"},)"
        R"("extra":{"callback.id":"7145","callback.param":"m-1001"},"requestId":")" +
            request_id + R"(","pushMode":0,"notifyId":)" + std::to_string(notify_id("m-1001")) +
            R"(,"foregroundShow":false})");
}

TEST_CASE("vivo request: save, then list", "[vivo]") {
  Notification n;
  n.title = "版本更新";
  n.body = "新版本已发布";
  n.push_id = "camp-2026-11-21";
  n.ext = "never with a web page";
  n.sent_at = wall_from_ms(1'719'792'000'000);
  n.expires_at = n.sent_at + std::chrono::hours(8);
  const auto sender =
      provider({{"click", "web"}, {"click_target", "https://example.com/release?v=3"}, {"category", "MARKETING"}});
  const std::vector<DeviceToken> both = {kDigits, DeviceToken{"15638535410301000000002"}};
  const auto save = built(*sender, n, both);
  REQUIRE(save.size() == 1);
  CHECK(save[0].prepares);
  CHECK(save[0].first == 0);
  CHECK(save[0].count == 2);
  CHECK(save[0].http.path == "/message/saveListPayload");
  check_headers(save[0].http);
  json want = json::parse(
      R"({"appId":10004,"title":"版本更新","content":"新版本已发布","notifyType":1,"timeToLive":28800,"skipType":2,
          "skipContent":"https://example.com/release?v=3","classification":0,"category":"MARKETING"})");
  want["requestId"] = uuid_of({"vivo", "save", "camp-2026-11-21", "15638535410301000000001;15638535410301000000002;"});
  want["networkType"] = -1;  // the default, said
  CHECK(json::parse(save[0].http.body) == want);

  const HttpResponse saved{200, {}, R"({"result":0,"desc":"请求成功","taskId":"512390841238"})"};
  const auto list = sender->address(n, both, saved, kGrant);
  REQUIRE(list);
  REQUIRE(list->size() == 1);
  CHECK(list->at(0).kind == static_cast<std::uint8_t>(Asked::List));
  CHECK(list->at(0).http.path == "/message/pushToList");
  check_headers(list->at(0).http);
  CHECK(list->at(0).http.body ==
        R"({"appId":10004,"regIds":["15638535410301000000001","15638535410301000000002"],"taskId":"512390841238",)"
        R"("requestId":")" +
            uuid_of({"vivo", "list", "camp-2026-11-21", "15638535410301000000001;15638535410301000000002;"}) +
            R"(","pushMode":0})");
}

TEST_CASE("vivo request: lists have 2 to 1000 ids, never one", "[vivo]") {
  struct Row {
    std::size_t tokens;
    std::vector<std::size_t> chunks;
  };
  const Row row = GENERATE(values<Row>({{2, {2}},
                                        {3, {3}},
                                        {1000, {1000}},
                                        {1001, {501, 500}},
                                        {2000, {1000, 1000}},
                                        {2001, {667, 667, 667}},
                                        {3001, {751, 750, 750, 750}}}));
  const auto all = tokens(row.tokens);
  const auto list = provider()->address(dinner(), all, {200, {}, R"({"result":"0","taskId":512390841238})"}, kGrant);
  REQUIRE(list);
  REQUIRE(list->size() == row.chunks.size());
  std::set<std::string> request_ids;
  std::size_t first = 0;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Planned& part = list->at(i);
    CHECK(part.first == first);
    CHECK(part.count == row.chunks[i]);
    const json body = json::parse(part.http.body);
    REQUIRE(body.at("regIds").size() == row.chunks[i]);
    CHECK(body["regIds"][0] == all[first].text());
    CHECK(body["regIds"].back() == all[first + part.count - 1].text());
    CHECK(body.at("taskId") == "512390841238");
    request_ids.insert(body.at("requestId"));
    first += part.count;
  }
  CHECK(first == row.tokens);
  CHECK(request_ids.size() == row.chunks.size());
}

TEST_CASE("vivo request: one id goes by itself, however often it stands there", "[vivo]") {
  const std::vector<DeviceToken> same = {kToken, kToken};
  const auto single = built(*provider(), dinner(), same);
  REQUIRE(single.size() == 1);
  CHECK(single[0].http.path == "/message/send");
  CHECK(single[0].count == 2);
  CHECK(single[0].http.body == built(*provider(), dinner(), {&kToken, 1})[0].http.body);
  const std::vector<DeviceToken> three = {kToken, kDigits, kToken};
  const auto list = provider()->address(dinner(), three, {200, {}, R"({"result":0,"taskId":"t"})"}, kGrant);
  REQUIRE(list);
  CHECK(list->at(0).count == 3);
  CHECK(json::parse(list->at(0).http.body).at("regIds").size() == 2);
  CHECK(built(*provider(), dinner(), {}).empty());
}

TEST_CASE("vivo request: what was not saved is not sent", "[vivo]") {
  const char* body =
      GENERATE(as<const char*>(), R"({"result":0})", R"({"result":0,"taskId":null})", R"({"result":0,"taskId":""})",
               R"({"result":0,"taskId":{}})", R"({"result":0,"taskId":"a b"})", R"({"result":10252,"taskId":"t"})",
               R"({"result":10000})", R"({"result":10302,"taskId":"t"})", R"({"taskId":"t"})", "",
               "Internet server error!", R"({"result":0,"taskId":"51)");
  CAPTURE(body);
  const std::vector<DeviceToken> both = {kToken, kDigits};
  const HttpResponse reply{200, {}, body};
  CHECK_FALSE(provider()->address(dinner(), both, reply, kGrant));
  for (const Answer& answer : provider()->classify(static_cast<std::uint8_t>(Asked::Save), both, reply)) {
    CHECK(answer.verdict != Verdict::Accepted);
    CHECK(answer.verdict != Verdict::TokenGone);
  }
}

TEST_CASE("vivo request: texts are cut between characters, by either rule", "[vivo]") {
  const auto times = [](std::string_view text, int count) {
    std::string out;
    while (count-- > 0) out += text;
    return out;
  };
  struct Row {
    const char* name;
    std::string text, title, content, old_title;
  };
  const std::string family = "👨‍👩‍👧";  // 8 UTF-16 units, one character
  const Row row = GENERATE_COPY(values<Row>({
      {"short", "你好", "你好", "你好", "你好"},
      {"20", times("字", 20), times("字", 20), times("字", 20), times("字", 20)},
      {"21", times("字", 21), times("字", 21), times("字", 21), times("字", 19) + "…"},
      {"40", times("字", 40), times("字", 40), times("字", 40), times("字", 19) + "…"},
      {"41", times("字", 41), times("字", 39) + "…", times("字", 41), times("字", 19) + "…"},
      {"101", times("字", 101), times("字", 39) + "…", times("字", 99) + "…", times("字", 19) + "…"},
      {"Latin counts one", times("é", 40), times("é", 40), times("é", 40), times("é", 40)},
      {"Latin and one more", times("é", 41), times("é", 39) + "…", times("é", 41), times("é", 38) + "…"},
      {"families", times(family, 6), times(family, 4) + "…", times(family, 6), times(family, 2) + "…"},
      {"bells go", "a\ab", "ab", "ab", "ab"},
  }));
  CAPTURE(row.name);
  Notification n = dinner();
  n.title = n.body = row.text;
  CHECK(sent(n).at("title") == row.title);
  CHECK(sent(n).at("content") == row.content);
  CHECK(sent(n, {{"text_rule", "old"}}).at("title") == row.old_title);
}

TEST_CASE("vivo request: what can never be sent", "[vivo]") {
  const auto refused = [](const Notification& n, Settings more = {}) {
    const auto planned = provider(std::move(more))->build(n, {&kToken, 1}, kGrant);
    return !planned && planned.error().code == Errc::Malformed;
  };
  Notification n = dinner();
  n.body = " \n";
  CHECK(refused(n));
  n = dinner();
  n.ext = std::string(1021, 'x');
  CHECK_FALSE(refused(n));
  n.ext += 'x';
  n.collapse_id = n.push_id = "";  // nothing to fetch it by
  CHECK(refused(n));
  CHECK_FALSE(refused(n, {{"click", "web"}, {"click_target", "https://a.example"}}));  // not sent there
  n = dinner();
  n.receipt_tag = std::string(65, 'x');
  CHECK(refused(n));
}

TEST_CASE("vivo request: how long it is kept", "[vivo]") {
  struct Row {
    const char* name;
    std::int64_t left_ms;
    int ttl;
    bool online_only;
  };
  const Row row = GENERATE(values<Row>({
      {"seconds, not ms", 3'600'000, 3600, false},
      {"never longer than asked", 100'999, 100, false},
      {"a minute at least", 5'000, 60, false},
      {"a day at most", 100LL * 86'400'000, 86'400, false},
      {"no time left is on line only", 0, 60, true},
      {"late is on line only", -5'000, 60, true},
  }));
  CAPTURE(row.name);
  Notification n = dinner();
  n.expires_at = n.sent_at + milliseconds(row.left_ms);
  CHECK(sent(n).at("timeToLive") == row.ttl);
  CHECK(sent(n).value("sendOnline", false) == row.online_only);
  n.expires_at = {};
  CHECK_FALSE(sent(n).contains("timeToLive"));
  CHECK_FALSE(sent(n).contains("sendOnline"));
}

TEST_CASE("vivo request: settings and the notification decide together", "[vivo]") {
  Notification n = dinner();
  CHECK(sent(n).at("notifyType") == 4);
  n.sound.reset();
  CHECK(sent(n).at("notifyType") == 1);
  CHECK(provider()->batching().sound);
  CHECK(provider()->batching().tokens);
  CHECK(provider()->batching().mixed_max == 0);

  n.badge = 5;
  CHECK_FALSE(sent(n).contains("addBadge"));
  CHECK_FALSE(provider()->batching().badge);
  const Settings badge = {{"badge", "on"}};
  CHECK(provider(badge)->batching().badge);
  CHECK(sent(n, badge).at("addBadge") == true);
  n.replaces = true;  // what takes a message's place is not one more
  CHECK_FALSE(sent(n, badge).contains("addBadge"));
  n.replaces = false;
  n.badge = 0;
  CHECK_FALSE(sent(n, badge).contains("addBadge"));
  n.badge.reset();
  CHECK_FALSE(sent(n, badge).contains("addBadge"));

  CHECK_FALSE(sent(n).contains("foregroundShow"));
  CHECK(sent(n, {{"foreground_show", "on"}}).at("foregroundShow") == true);
  CHECK_FALSE(sent(n).contains("extra"));
  CHECK(sent(n, {{"receipt_url", "https://a.example/r"}}).at("extra") ==
        json({{"callback", "https://a.example/r"}, {"callback.param", "m-1001"}}));
  n.receipt_tag.clear();
  CHECK(sent(n, {{"receipt_url", "https://a.example/r"}}).at("extra") == json({{"callback", "https://a.example/r"}}));
  n.ext.clear();
  CHECK_FALSE(sent(n).contains("clientCustomMap"));
  n.collapse_id.clear();
  CHECK_FALSE(sent(n).contains("notifyId"));  // 0 is not allowed

  // A zero is said, a one only where ops asked for test devices.
  CHECK(sent(n).at("pushMode") == 0);
  CHECK(sent(n, {}, Environment::Development).at("pushMode") == 1);
  const std::vector<DeviceToken> both = {kToken, kDigits};
  const auto list =
      provider({}, Environment::Development)->address(n, both, {200, {}, R"({"result":0,"taskId":"t"})"}, kGrant);
  REQUIRE(list);
  CHECK(json::parse(list->at(0).http.body).at("pushMode") == 1);
}

TEST_CASE("vivo request: the category says the classification", "[vivo]") {
  struct Row {
    const char* category;
    int classification;
  };
  const Row row = GENERATE(values<Row>({{"IM", 1},
                                        {"ACCOUNT", 1},
                                        {"TODO", 1},
                                        {"DEVICE_REMINDER", 1},
                                        {"ORDER", 1},
                                        {"SUBSCRIPTION", 1},
                                        {"NEWS", 0},
                                        {"CONTENT", 0},
                                        {"MARKETING", 0},
                                        {"SOCIAL", 0}}));
  const json made = sent(dinner(), {{"category", row.category}});
  CHECK(made.at("category") == row.category);
  CHECK(made.at("classification") == row.classification);
}

TEST_CASE("vivo request: operation messages have hours, by China's clock", "[vivo]") {
  struct Row {
    const char* name;
    std::int64_t now_s, opens_s;  // opens_s 0: now
  };
  constexpr std::int64_t kMidnight = 1'719'763'200;  // 2024-07-01 00:00 at UTC+8
  constexpr std::int64_t kHour = 3600;
  const Row row = GENERATE(values<Row>({
      {"midnight", kMidnight, kMidnight + 7 * kHour},
      {"a second before seven", kMidnight + 7 * kHour - 1, kMidnight + 7 * kHour},
      {"seven", kMidnight + 7 * kHour, 0},
      {"midnight in London", kMidnight + 8 * kHour, 0},
      {"noon", kMidnight + 12 * kHour, 0},
      {"a second before eleven at night", kMidnight + 23 * kHour - 1, 0},
      {"eleven at night", kMidnight + 23 * kHour, kMidnight + 31 * kHour},
      {"a second before midnight", kMidnight + 24 * kHour - 1, kMidnight + 31 * kHour},
  }));
  CAPTURE(row.name);
  const WallTime now = wall_from_ms(row.now_s * 1000);
  const auto opens = provider({{"category", "MARKETING"}})->closed_until(dinner(), now);
  CHECK(opens.value_or(WallTime{}) == wall_from_ms(row.opens_s * 1000));
  CHECK_FALSE(provider({{"category", "IM"}})->closed_until(dinner(), now));
}

TEST_CASE("vivo request: replays are byte-equal, other messages have other ids", "[vivo]") {
  const auto sender = provider();
  const Notification n = dinner();
  const auto three = tokens(3);
  CHECK(built(*sender, n, three)[0].http.body == built(*sender, n, three)[0].http.body);
  const HttpResponse saved{200, {}, R"({"result":0,"taskId":"t"})"};
  CHECK(sender->address(n, three, saved, kGrant)->at(0).http.body ==
        sender->address(n, three, saved, kGrant)->at(0).http.body);
  const auto id = [&](const Notification& of, std::span<const DeviceToken> to) {
    return json::parse(built(*sender, of, to)[0].http.body)["requestId"].get<std::string>();
  };
  Notification again = n;
  again.sent_at += std::chrono::seconds(30);
  again.push_id = "a5f0c1c3-7d0a-8a6e-9f1b-2a3c4d5e6f70";
  CHECK(id(n, {&kToken, 1}) == id(again, {&kToken, 1}));
  CHECK(id(n, {&kToken, 1}) != id(n, {&kDigits, 1}));
  CHECK(id(n, three) != id(n, std::span(three).first(2)));
  Notification next = n;
  next.collapse_id = "m-1002";
  CHECK(id(n, {&kToken, 1}) != id(next, {&kToken, 1}));
}

TEST_CASE("vivo request: host, and ids of any length and prefix", "[vivo]") {
  CHECK(provider()->origin() == "https://api-push.vivo.com.cn");
  Certificate sandbox;
  sandbox.settings = {{"app_id", "1"}, {"app_key", "k"}, {"category", "IM"}};
  sandbox.host_override = "https://localhost:9443";
  CHECK((*vivo::make_provider(sandbox))->origin() == "https://localhost:9443");
  sandbox.host_override = "http://localhost:9443";
  CHECK(vivo::make_provider(sandbox).error().code == Errc::Malformed);
  for (const DeviceToken& token : {kToken, kDigits, DeviceToken{"7"}, DeviceToken{"v3-" + std::string(600, 'a')}})
    CHECK(provider()->well_formed(token));
  for (const char* token : {"", "a b", "a\n", "a;b", "a,b", "中"})
    CHECK_FALSE(provider()->well_formed(DeviceToken{token}));
  CHECK_FALSE(provider()->well_formed(DeviceToken{std::string(1025, 'a')}));
}
