// Requests written by hand from the vendor's examples and vectors.
#include "sandbox/vivo_simulator.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr WallTime kNow{milliseconds{1'719'792'000'000}};  // 08:00 at UTC+8
constexpr const char* kLive = "v2-CRkvTq0c8lDjV4bQm3nXwYz0123456789abcdefghijklmnopqrs";
constexpr const char* kOld = "15638535410301000000001";
constexpr const char* kGone = "15638535410301000000002";
constexpr const char* kTaught = R"({"apps":[{"app_id":"10004","app_key":"25509283-3767-4b9e-83fe-b6e55ac6243e",
    "app_secret":"8a3f1c52-4f1c-4f1f-9a55-2f6b6b7a9c11"},{"app_id":"10001","app_key":"appkey","app_secret":"appsecret",
    "daily_max":3}],
  "tokens":[{"token":"v2-CRkvTq0c8lDjV4bQm3nXwYz0123456789abcdefghijklmnopqrs"},{"token":"15638535410301000000001"},
    {"token":"15638535410301000000002","gone":true},{"token":"tester","test":true},{"token":"theirs","app":"10001"}]})";

json auth() {
  return {{"appId", 10004},
          {"appKey", "25509283-3767-4b9e-83fe-b6e55ac6243e"},
          {"timestamp", 1'719'792'000'000},
          {"sign", "e2bf04790ddabc8b0b717e6baeb17568"}};
}
json other_auth() {
  return {{"appId", "10001"},
          {"appKey", "appkey"},
          {"timestamp", 1'700'000'000'000},
          {"sign", "479a761be7a8e724976d748ea0ddf237"}};
}

/// The published push, with `changes` merged in; null removes.
json push(const json& changes = json::object()) {
  json value = {{"appId", 10004},
                {"regId", kLive},
                {"notifyType", 4},
                {"title", "张三"},
                {"content", "晚上一起吃饭？"},
                {"timeToLive", 86400},
                {"skipType", 4},
                {"skipContent", "intent:#Intent;component=com.example.im/com.example.im.ChatActivity;S.conv=g_42;end"},
                {"networkType", -1},
                {"classification", 1},
                {"category", "IM"},
                {"clientCustomMap", {{"conv", "g_42"}, {"seq", "1001"}}},
                {"extra", {{"callback.id", "7145"}, {"callback.param", "m-1001"}}},
                {"requestId", "m-1001-a1"},
                {"pushMode", 0},
                {"notifyId", 1734829},
                {"foregroundShow", false}};
  value.merge_patch(changes);
  return value;
}
json saved(const json& changes = json::object()) {
  json value = push({{"regId", nullptr}});
  value.merge_patch(changes);
  return value;
}

struct Simulated {
  explicit Simulated(SimulatorOptions options = {}) : simulator(make_vivo_simulator(options)) {
    if (!options.accept_any) REQUIRE(simulator->teach(json::parse(kTaught)).has_value());
    grant(auth(), kNow);
  }
  void grant(const json& body, WallTime now) {
    token.clear();
    token = ask("/message/auth", body, now).value("authToken", "");
  }
  json ask(const std::string& path, const json& body, WallTime now = kNow) { return ask_text(path, body.dump(), now); }
  json ask_text(const std::string& path, std::string body, WallTime now = kNow) {
    server::ServerRequest request{.method = "POST",
                                  .target = path,
                                  .headers = {{"content-type", "application/json;charset=UTF-8"}},
                                  .body = std::move(body)};
    if (!token.empty()) request.headers.emplace_back("authtoken", token);
    return ask(request, now);
  }
  json ask(const server::ServerRequest& request, WallTime now = kNow) {
    judgement = simulator->judge(request, now);
    const server::ServerResponse response = simulator->answer(judgement);
    status = response.status;
    return status == 200 ? json::parse(response.body) : json();
  }
  std::unique_ptr<VendorSimulator> simulator;
  Judgement judgement;
  std::string token;
  int status = 0;
};

std::string repeated(std::string_view text, int times) {
  std::string out;
  while (times-- > 0) out += text;
  return out;
}

TEST_CASE("vivo: a grant for a right signature", "[sandbox][vivo]") {
  Simulated vivo;
  const json first = vivo.ask("/message/auth", auth(), kNow + std::chrono::minutes(10));
  CHECK(first["result"] == 0);
  CHECK(first["desc"] == "请求成功");
  CHECK(first["authToken"].get<std::string>().size() > 30);
  CHECK_FALSE(vivo.judgement.push);
  json textual = auth();
  textual["appId"] = "10004";
  CHECK(vivo.ask("/message/auth", textual)["result"] == 0);
  CHECK(vivo.ask("/message/auth", other_auth(), wall_from_ms(1'700'000'000'000))["result"] == 0);

  vivo.simulator->forget();
  REQUIRE(vivo.simulator->teach(json::parse(R"({"apps":[{"app_id":"10001","app_key":"k1","app_secret":"s1"}]})"))
              .has_value());
  const json third = {{"appId", 10001},
                      {"appKey", "k1"},
                      {"timestamp", 1'795'225'887'405},
                      {"sign", "ddc30818da8f23681afadcb3b5a03624"}};
  CHECK(vivo.ask("/message/auth", third, wall_from_ms(1'795'225'887'405))["result"] == 0);
}

TEST_CASE("vivo: no grant", "[sandbox][vivo]") {
  struct Row {
    const char* name;
    json changes;
    std::int64_t late_ms;
    int code;
  };
  const Row row = GENERATE(values<Row>({
      {"no appId", {{"appId", nullptr}}, 0, 10200},
      {"unknown appId", {{"appId", 10005}}, 0, 10200},
      {"appId a word", {{"appId", "app"}}, 0, 10200},
      {"no appKey", {{"appKey", nullptr}}, 0, 10201},
      {"wrong appKey", {{"appKey", "x"}}, 0, 10201},
      {"no timestamp", {{"timestamp", nullptr}}, 0, 10202},
      {"timestamp in seconds", {{"timestamp", 1'719'792'000}}, 0, 10202},
      {"too late", {}, 600'001, 10202},
      {"too early", {}, -600'001, 10202},
      {"no sign", {{"sign", nullptr}}, 0, 10203},
      {"another time was signed", {{"timestamp", 1'719'792'000'001}}, 0, 10203},
      {"upper-case sign", {{"sign", "E2BF04790DDABC8B0B717E6BAEB17568"}}, 0, 10203},
      {"the published one has another secret", {{"sign", "8424f52fd5eaedc16474e4f702d230d2"}}, 0, 10203},
  }));
  CAPTURE(row.name);
  Simulated vivo;
  json body = auth();
  if (!row.changes.is_null()) body.merge_patch(row.changes);
  const json reply = vivo.ask("/message/auth", body, kNow + milliseconds(row.late_ms));
  CHECK(reply["result"] == row.code);
  CHECK_FALSE(reply.contains("authToken"));
}

TEST_CASE("vivo: ten grants a second", "[sandbox][vivo]") {
  Simulated vivo;  // the first one
  for (int i = 0; i < 9; ++i) CHECK(vivo.ask("/message/auth", auth())["result"] == 0);
  CHECK(vivo.ask("/message/auth", auth(), kNow + milliseconds(999))["result"] == 10093);
  CHECK(vivo.ask("/message/auth", auth(), kNow + milliseconds(1000))["result"] == 0);
}

TEST_CASE("vivo: a push needs a grant of its app, for 24 hours", "[sandbox][vivo]") {
  Simulated vivo;
  const std::string token = vivo.token;
  CHECK(vivo.ask("/message/send", push())["result"] == 0);
  CHECK(vivo.ask("/message/send", push({{"appId", "10004"}}))["result"] == 0);
  CHECK(vivo.ask("/message/send", push({{"appId", 10001}}))["result"] == 10094);
  CHECK(vivo.ask("/message/send", push({{"appId", nullptr}}))["result"] == 10094);
  CHECK(vivo.ask("/message/send", push(), kNow + std::chrono::hours(24) - milliseconds(1))["result"] == 0);
  CHECK(vivo.ask("/message/send", push(), kNow + std::chrono::hours(24))["result"] == 10000);
  for (const char* bad : {"", "24509285-3767-4b9e-83fe-b6e55ac6243e"}) {
    vivo.token = bad;
    for (const char* path : {"/message/send", "/message/saveListPayload", "/message/pushToList", "/message/all"})
      CHECK(vivo.ask(path, push())["result"] == 10000);
  }
  vivo.token = token;
  vivo.simulator->forget();
  CHECK(vivo.ask("/message/send", push())["result"] == 10000);
}

TEST_CASE("vivo: one push", "[sandbox][vivo]") {
  Simulated vivo;
  const json reply = vivo.ask("/message/send", push());
  CHECK(reply["taskId"] == vivo.judgement.id);
  CHECK(vivo.judgement.tag == "m-1001");
  CHECK(vivo.judgement.receipts);
  CHECK(vivo.ask("/message/send", push({{"regId", kOld}}))["result"] == 0);
  const json gone = vivo.ask("/message/send", push({{"regId", kGone}}));
  CHECK(gone == json{{"result", 10302}, {"desc", "regId不合法"}, {"invalidUser", {{"userid", kGone}, {"status", 2}}}});
  CHECK(vivo.ask("/message/send", push({{"regId", "nobody"}}))["invalidUser"]["status"] == 1);
  CHECK(vivo.ask("/message/send", push({{"regId", "theirs"}}))["invalidUser"]["status"] == 1);
  CHECK(vivo.ask("/message/send", push({{"regId", nullptr}, {"alias", "a"}}))["result"] == 0);
  CHECK(vivo.ask("/message/send", push({{"extra", nullptr}}))["result"] == 0);
  CHECK_FALSE(vivo.judgement.receipts);
}

TEST_CASE("vivo: test mode reaches test devices", "[sandbox][vivo]") {
  Simulated vivo;
  const json real = vivo.ask("/message/send", push({{"pushMode", 1}}));
  CHECK(real["result"] == 0);
  CHECK(real["invalidUser"] == json{{"userid", kLive}, {"status", 4}});
  const json tester = vivo.ask("/message/send", push({{"pushMode", 1}, {"regId", "tester"}}));
  CHECK_FALSE(tester.contains("invalidUser"));
  CHECK_FALSE(vivo.judgement.receipts);
}

TEST_CASE("vivo: good members", "[sandbox][vivo]") {
  const json changes = GENERATE(values<json>({
      {{"title", repeated("张", 40)}},
      {{"content", repeated("张", 100)}},
      {{"timeToLive", 60}},
      {{"timeToLive", nullptr}},
      {{"skipType", 1}, {"skipContent", nullptr}},
      {{"skipType", 2}, {"skipContent", "https://example.com/release?v=3"}},
      {{"skipType", 3}, {"skipContent", "anything"}},
      {{"classification", 0}, {"category", "NEWS"}},
      {{"clientCustomMap", {{"k", repeated("x", 1008)}}}},
      {{"extra", {{"callback", "https://push.example.com/cb"}}}},
      {{"sendOnline", true}, {"addBadge", true}, {"profileId", "u1"}, {"auditReview", json::array()}},
      {{"notifyId", 2147483647}},
      {{"requestId", repeated("r", 64)}},
  }));
  CAPTURE(changes.dump());
  Simulated vivo;
  const json reply = vivo.ask("/message/send", push(changes));
  CHECK(reply["result"] == 0);
}

TEST_CASE("vivo: members refused", "[sandbox][vivo]") {
  struct Row {
    json changes;
    int code;  // 400: HTTP 400
  };
  const Row row = GENERATE(values<Row>({
      {{{"regId", nullptr}}, 10050},
      {{{"regId", " "}}, 10050},
      {{{"regId", 1563853541030100}}, 10050},
      {{{"regId", nullptr}, {"alias", repeated("a", 71)}}, 10301},
      {{{"alias", 1}}, 10307},
      {{{"notifyType", nullptr}}, 10054},
      {{{"notifyType", 0}}, 10054},
      {{{"notifyType", 5}}, 10054},
      {{{"notifyType", "4"}}, 10054},
      {{{"title", nullptr}}, 10055},
      {{{"title", " "}}, 10055},
      {{{"title", 5}}, 10055},
      {{{"title", repeated("张", 41)}}, 10056},
      {{{"title", repeated("😀", 21)}}, 10056},
      {{{"content", ""}}, 10057},
      {{{"content", repeated("a", 101)}}, 10058},
      {{{"timeToLive", 59}}, 10059},
      {{{"timeToLive", 86401}}, 10059},
      {{{"timeToLive", 0}}, 10059},
      {{{"timeToLive", "86400"}}, 10059},
      {{{"skipType", nullptr}}, 10060},
      {{{"skipType", 0}}, 10060},
      {{{"skipType", 5}}, 10060},
      {{{"skipType", 2}, {"skipContent", nullptr}}, 10061},
      {{{"skipType", 2}, {"skipContent", "myapp://x"}}, 10062},
      {{{"skipType", 3}, {"skipContent", ""}}, 10063},
      {{{"skipContent", "intent:#Intent;" + repeated("x", 1010)}}, 10064},
      {{{"skipContent", "intent:#Intent;component=a/b"}}, 10069},
      {{{"networkType", 0}}, 10065},
      {{{"networkType", 2}}, 10065},
      {{{"clientCustomMap", {{"seq", 1001}}}}, 10066},
      {{{"clientCustomMap", "{}"}}, 10066},
      {{{"clientCustomMap", {{"k", repeated("x", 1009)}}}}, 10067},
      {{{"skipContent", nullptr}}, 10068},
      {{{"skipContent", "com.example.im.ChatActivity"}}, 10069},
      {{{"category", nullptr}}, 10096},
      {{{"category", "im"}}, 10096},
      {{{"category", "CHAT"}}, 10096},
      {{{"category", "MARKETING"}}, 10097},
      {{{"classification", 0}}, 10097},
      {{{"classification", nullptr}}, 10097},
      {{{"classification", 2}}, 11000},
      {{{"classification", "1"}}, 11000},
      {{{"extra", {{"callback", "https://" + repeated("a", 121)}}}}, 10305},
      {{{"extra", {{"callback", "push.example.com"}}}}, 10305},
      {{{"extra", {{"callback.param", repeated("x", 65)}}}}, 10306},
      {{{"requestId", nullptr}}, 10352},
      {{{"requestId", ""}}, 10352},
      {{{"requestId", 17}}, 10352},
      {{{"requestId", repeated("r", 65)}}, 10353},
      {{{"extra", {{"callback", 1}}}}, 400},
      {{{"pushMode", 2}}, 400},
      {{{"pushMode", "0"}}, 400},
      {{{"notifyId", 0}}, 400},
      {{{"notifyId", 2147483648}}, 400},
      {{{"foregroundShow", 0}}, 400},
      {{{"addBadge", "true"}}, 400},
      {{{"profileId", repeated("u", 65)}}, 400},
      {{{"regIds", {"a", "b"}}}, 400},
      {{{"channel_id", "a"}}, 400},
  }));
  CAPTURE(row.changes.dump());
  Simulated vivo;
  const json reply = vivo.ask("/message/send", push(row.changes));
  CAPTURE(vivo.judgement.detail, vivo.judgement.reason);
  CHECK_FALSE(vivo.judgement.detail.empty());
  if (row.code == 400) {
    CHECK(vivo.status == 400);
  } else {
    CHECK(vivo.judgement.reason == std::to_string(row.code));
    CHECK(reply["result"] == row.code);
  }
}

TEST_CASE("vivo: lists", "[sandbox][vivo]") {
  Simulated vivo;
  const std::string task = vivo.ask("/message/saveListPayload", saved())["taskId"];
  CHECK(vivo.ask("/message/saveListPayload", push()).is_null());  // with a target
  CHECK(vivo.status == 400);
  const json good = {
      {"appId", 10004}, {"regIds", {kLive, kOld}}, {"taskId", task}, {"requestId", "b1"}, {"pushMode", 0}};
  const auto with = [&](const json& changes) {
    json body = good;
    body.merge_patch(changes);
    return vivo.ask("/message/pushToList", body);
  };
  CHECK(with(json::object()) == json{{"result", 0}, {"desc", "请求成功"}, {"requestId", "b1"}});
  CHECK(vivo.judgement.id == task);
  CHECK(vivo.judgement.tag == "m-1001");
  CHECK(vivo.judgement.receipts);
  const json some = with({{"regIds", {kGone, kLive, "nobody"}}});
  CHECK(some["invalidUsers"] == json{{{"userid", kGone}, {"status", 2}}, {{"userid", "nobody"}, {"status", 1}}});
  CHECK(with({{"pushMode", 1}})["invalidUsers"].size() == 2);
  CHECK(with({{"regIds", nullptr}, {"aliases", {"a", "b"}}})["result"] == 0);

  CHECK(with({{"regIds", nullptr}})["result"] == 10150);
  CHECK(with({{"regIds", json::array()}})["result"] == 10150);
  CHECK(with({{"regIds", "a,b"}})["result"] == 10150);
  CHECK(with({{"regIds", {"a", 1}}})["result"] == 10150);
  CHECK(with({{"regIds", {"a", ""}}})["result"] == 10150);
  CHECK(with({{"taskId", nullptr}})["result"] == 10151);
  CHECK(with({{"taskId", "1"}})["result"] == 10151);
  CHECK(with({{"regIds", {kLive}}})["result"] == 10153);
  CHECK(with({{"regIds", json(1000, kLive)}})["result"] == 0);
  CHECK(with({{"regIds", json(1001, kLive)}})["result"] == 10154);
  CHECK(with({{"requestId", nullptr}})["result"] == 10352);
  CHECK(with({{"appId", 10001}})["result"] == 10094);
  CHECK(with({{"title", "a"}}).is_null());
  CHECK(with({{"pushMode", 3}}).is_null());
  const json checked = vivo.ask("/invalidUser/check", {{"userType", 1}, {"userIds", {kLive, kGone}}});
  CHECK(checked["invalidUsers"] == json{{{"userid", kGone}, {"status", 2}}});
}

TEST_CASE("vivo: operation messages have hours, everybody is spoken to once a day", "[sandbox][vivo]") {
  Simulated vivo;
  const json operation = push({{"classification", 0}, {"category", "NEWS"}});
  const std::string task =
      vivo.ask("/message/saveListPayload", saved({{"classification", 0}, {"category", "NEWS"}}))["taskId"];
  const auto at = [](int hour, int ms = 0) { return kNow + std::chrono::hours(hour - 8) + milliseconds(ms); };
  CHECK(vivo.ask("/message/send", operation, at(7))["result"] == 0);
  CHECK(vivo.ask("/message/send", operation, at(23, -1))["result"] == 0);
  CHECK(vivo.ask("/message/send", operation, at(23))["result"] == 10071);
  CHECK(vivo.ask("/message/send", operation, at(7, -1))["result"] == 10071);
  CHECK(vivo.ask("/message/send", push(), at(23))["result"] == 0);
  const json list = {{"appId", 10004}, {"regIds", {kLive, kOld}}, {"taskId", task}, {"requestId", "b1"}};
  CHECK(vivo.ask("/message/pushToList", list, at(23))["result"] == 10071);
  CHECK(vivo.ask("/message/all", saved())["result"] == 0);
  CHECK(vivo.ask("/message/all", saved())["result"] == 10254);
  CHECK(vivo.ask("/message/all", saved(), at(24, -1))["result"] == 10254);
  CHECK(vivo.ask("/message/all", saved(), at(24))["result"] == 0);
}

TEST_CASE("vivo: a full day stays full until midnight at UTC+8", "[sandbox][vivo]") {
  Simulated vivo;
  const WallTime evening = wall_from_ms(1'700'000'000'000);  // 06:13 at UTC+8
  vivo.grant(other_auth(), evening);
  const auto send = [&](WallTime now) { return vivo.ask("/message/send", push({{"appId", 10001}}), now)["result"]; };
  for (int i = 0; i < 3; ++i) CHECK(send(evening) == 0);
  CHECK(send(evening) == 10070);
  CHECK(vivo.ask("/message/saveListPayload", saved({{"appId", 10001}}), evening)["result"] == 10070);
  const auto midnight = wall_from_ms(1'700'064'000'000);
  CHECK(send(midnight - milliseconds(1)) == 10070);
  CHECK(send(midnight) == 0);

  // A script that says so closes the day as well, for this app only.
  const auto scripted = vivo.simulator->answer(vivo.judgement, {.status = 200, .reason = "10070"});
  CHECK(json::parse(scripted.body) == json{{"result", 10070}, {"desc", "发送总量超出限制"}});
  CHECK(send(midnight) == 10070);
  vivo.grant(auth(), kNow);
  CHECK(vivo.ask("/message/send", push())["result"] == 0);
}

TEST_CASE("vivo: the day's lists end, single pushes go on", "[sandbox][vivo]") {
  Simulated vivo;
  const char* const app = R"({"apps":[{"app_id":"10004","app_key":"25509283-3767-4b9e-83fe-b6e55ac6243e",
      "app_secret":"8a3f1c52-4f1c-4f1f-9a55-2f6b6b7a9c11","lists_per_day":2}]})";
  REQUIRE(vivo.simulator->teach(json::parse(app)).has_value());
  const auto save = [&](WallTime now) { return vivo.ask("/message/saveListPayload", saved(), now)["result"]; };
  CHECK(save(kNow) == 0);
  CHECK(save(kNow) == 0);
  CHECK(save(kNow) == 10252);
  CHECK(vivo.ask("/message/send", push())["result"] == 0);
  CHECK(save(kNow + std::chrono::hours(20)) == 0);
}

TEST_CASE("vivo: what is no request of vivo's", "[sandbox][vivo]") {
  Simulated vivo;
  for (const char* body : {"", "{", "[]", "null", "a=b", R"({"appId":10004)"}) {
    CAPTURE(body);
    vivo.ask_text("/message/send", body);
    CHECK(vivo.status == 400);
  }
  vivo.ask("/message/Send", push());
  CHECK(vivo.status == 404);
  vivo.ask(server::ServerRequest{.method = "GET", .target = "/message/send"});
  CHECK(vivo.status == 405);
  vivo.ask({.method = "POST",
            .target = "/message/send",
            .headers = {{"content-type", "application/x-www-form-urlencoded"}, {"authtoken", vivo.token}},
            .body = push().dump()});
  CHECK(vivo.status == 400);
}

TEST_CASE("vivo: scripts, receipts, accept_any", "[sandbox][vivo]") {
  Simulated vivo;
  vivo.ask("/message/send", push());
  const auto broken = vivo.simulator->answer(vivo.judgement, {.status = 500, .reason = ""});
  CHECK(broken.status == 500);
  CHECK(broken.body == "Internet server error!");
  CHECK(vivo.simulator->tells(vivo.judgement, "3"));
  CHECK(vivo.simulator->tells(vivo.judgement, "10302"));
  CHECK_FALSE(vivo.simulator->tells(vivo.judgement, "10072"));
  vivo.judgement.tokens[0].reason = "10302";
  CHECK(json::parse(vivo.simulator->answer(vivo.judgement).body)["invalidUser"]["status"] == 1);
  vivo.judgement.tokens[0].reason = "3";
  CHECK(json::parse(vivo.simulator->answer(vivo.judgement).body)["result"] == 0);

  const std::vector<ReceiptEvent> events = {{.token = kOld, .status = "", .id = "342982232646", .tag = "m-1001"},
                                            {.token = kLive, .status = "0", .id = "342982232646", .tag = "m-1001"},
                                            {.token = kGone, .status = "2", .id = "342982232646", .tag = "m-1001"}};
  const auto posts = vivo.simulator->receipts(events, {}, kNow);
  REQUIRE(posts.has_value());
  REQUIRE(posts->size() == 2);
  CHECK(json::parse((*posts)[0].body)["342982232646"] == json{{"targets", std::string(kOld) + "," + kLive},
                                                              {"ackTime", 1'719'792'000'000},
                                                              {"param", "m-1001"},
                                                              {"ackType", "0"}});
  CHECK(json::parse((*posts)[1].body)["342982232646"]["ackType"] == "2");
  const std::vector<ReceiptEvent> odd = {{.token = kOld, .status = "clicked"}};
  CHECK_FALSE(vivo.simulator->receipts(odd, {}, kNow).has_value());

  Simulated any({.accept_any = true});
  CHECK(any.ask("/message/send", push({{"regId", "whoever"}}))["result"] == 0);
  CHECK(any.ask("/message/send", push({{"title", ""}}))["result"] == 10055);
}

TEST_CASE("vivo: what cannot be taught", "[sandbox][vivo]") {
  Simulated vivo;
  struct Row {
    const char* json;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {R"({"apps":[{"app_id":10004}]})", "$.apps[0].app_id: not a string"},
      {R"({"apps":[{"app_id":"x","app_key":"a","app_secret":"b"}]})", "$.apps[0].app_id: not digits"},
      {R"({"apps":[{"app_id":"1","app_key":"a"}]})", "$.apps[0].app_secret: missing or empty"},
      {R"({"apps":[{"app_id":"1","app_key":"a","app_secret":"b","daily_max":0}]})",
       "$.apps[0].daily_max: not an integer in [1, 9223372036854775807]"},
  }));
  CHECK(vivo.simulator->teach(json::parse(row.json)).error().detail == row.want);
}

}  // namespace
}  // namespace nightpost::sandbox
