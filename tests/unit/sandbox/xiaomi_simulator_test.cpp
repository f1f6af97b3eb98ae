// Requests written by hand from the vendor's examples.
#include "sandbox/xiaomi_simulator.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sandbox/form_fields.h"
#include "sandbox/json_fields.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr WallTime kNow{milliseconds{1'795'225'887'405}};
constexpr const char* kSecret = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7O==";
constexpr const char* kTaught = R"({"apps":[{"secret":"Ab1Cd2Ef3Gh4Ij5Kl6Mn7O==","package":"com.example.im",
  "channels":["104086"]}],"tokens":[{"token":"mi-reg-0001"},{"token":"mi-reg-0002","gone":true},
  {"token":"mi-reg-0003","app":"com.example.im"},{"token":"mi-reg-0004","app":"com.other"}]})";
constexpr const char* kSingle =
    "registration_id=mi-reg-0001&restricted_package_name=com.example.im&pass_through=0&title=%E5%BC%A0%E4%B8%89"
    "&description=%E6%99%9A%E4%B8%8A%E4%B8%80%E8%B5%B7%E5%90%83%E9%A5%AD%EF%BC%9F+%26+more&notify_type=-1"
    "&notify_id=1734829&time_to_live=86400000&payload=%7B%22conv%22%3A%22g_42%22%2C%22seq%22%3A1001%7D"
    "&extra.channel_id=104086&extra.notify_foreground=0&extra.notify_effect=2"
    "&extra.intent_uri=intent%3A%23Intent%3Bcomponent%3Dcom.example.im%2F.ChatActivity%3BS.conv%3Dg_42%3Bend"
    "&extra.callback=https%3A%2F%2Fpush.example.com%2Fcb%2Fxiaomi&extra.callback.param=m-1001"
    "&extra.callback.type=243";
constexpr const char* kRest =
    "&restricted_package_name=com.example.im&title=%E8%AE%A2%E5%8D%95&description=%E5%B7%B2%E5%8F%91%E8%B4%A7";

server::ServerRequest post(std::string target, std::string body, std::string key = "key=" + std::string(kSecret)) {
  return {.method = "POST",
          .target = std::move(target),
          .headers = {{"authorization", std::move(key)},
                      {"content-type", "application/x-www-form-urlencoded;charset=UTF-8"}},
          .body = std::move(body)};
}

struct Simulated {
  explicit Simulated(SimulatorOptions options = {}) : simulator(make_xiaomi_simulator(options)) {
    if (!options.accept_any) REQUIRE(simulator->teach(json::parse(kTaught)).has_value());
  }
  json ask(const server::ServerRequest& request, WallTime now = kNow) {
    judgement = simulator->judge(request, now);
    const server::ServerResponse response = simulator->answer(judgement);
    status = response.status;
    return response.body.empty() ? json() : json::parse(response.body);
  }
  std::unique_ptr<VendorSimulator> simulator;
  Judgement judgement;
  int status = 0;
};

TEST_CASE("xiaomi: the published single push", "[sandbox][xiaomi]") {
  Simulated xiaomi;
  for (const char* path : {"/v2/message/regid", "/v3/message/regid", "/v4/message/regid"}) {
    const json reply = xiaomi.ask(post(path, kSingle));
    CAPTURE(path, reply.dump());
    CHECK(reply["code"] == 0);
    CHECK(reply["result"] == "ok");
    CHECK(reply["data"]["id"] == xiaomi.judgement.id);
    CHECK_FALSE(reply["data"].contains("bad_regids"));
    CHECK(reply["info"] == "Received push messages for 1 REGID");
    CHECK(xiaomi.judgement.authorized);
    CHECK(xiaomi.judgement.topic == "com.example.im");
    CHECK(xiaomi.judgement.tokens[0].tag == "m-1001");
    CHECK(xiaomi.judgement.tokens[0].receipts);
    CHECK(xiaomi.judgement.tokens[0].token == "mi-reg-0001");
  }
}

TEST_CASE("xiaomi: dead ids are named, and only dead ones are an error", "[sandbox][xiaomi]") {
  Simulated xiaomi;
  const auto send = [&](const std::string& ids) {
    return xiaomi.ask(post("/v3/message/regid", "registration_id=" + ids + kRest));
  };
  CHECK(send("mi-reg-0001%2Cmi-reg-0002%2Cmi-reg-0003")["data"]["bad_regids"] == "mi-reg-0002");
  const json mixed = send("mi-reg-0004,nobody,mi-reg-0001");
  CHECK(mixed["data"]["bad_regids"] == "mi-reg-0004,nobody");
  CHECK(mixed["info"] == "Received push messages for 3 REGID");
  const json dead = send("mi-reg-0002,nobody");
  CHECK(dead["code"] == 20301);
  CHECK(dead["result"] == "error");
  CHECK_FALSE(dead.contains("data"));
}

TEST_CASE("xiaomi: the day's quota is that of public classes", "[sandbox][xiaomi]") {
  Simulated xiaomi;
  REQUIRE(xiaomi.simulator
              ->teach({{"apps", json::array({{{"secret", kSecret},
                                              {"package", "com.example.im"},
                                              {"channels", {"104086"}},
                                              {"public_channels", {"7"}},
                                              {"public_per_day", 3}}})}})
              .has_value());
  const auto send = [&](const std::string& more, WallTime now = kNow) {
    return xiaomi.ask(post("/v3/message/regid", "registration_id=mi-reg-0001,mi-reg-0002" + (kRest + more)),
                      now)["code"];
  };
  CHECK(send("&extra.channel_id=7") == 0);
  CHECK(send("") == 0);
  CHECK(send("&extra.channel_id=104086") == 0);
  CHECK(send("&extra.channel_id=7") == 0);
  CHECK(send("&extra.channel_id=7") == 200001);
  CHECK(send("") == 200001);
  CHECK(send("&extra.channel_id=104086") == 0);
  CHECK(send("", kNow + std::chrono::hours(24)) == 0);
}

TEST_CASE("xiaomi: requests refused", "[sandbox][xiaomi]") {
  struct Row {
    const char* name;
    const char* path;
    std::string body;
    int code;
  };
  const std::string ids1001 = [] {
    std::string ids = "registration_id=r";
    for (int i = 0; i < 1000; ++i) ids += "%2Cr" + std::to_string(i);
    return ids;
  }();
  const std::string one = R"({"target":"mi-reg-0001","message":{"title":"a","description":"b",)"
                          R"("restricted_package_name":"com.example.im"}})";
  const auto messages = [](const std::string& text) {
    std::string body = "messages=";
    for (const char c : text) body += c == '+' ? std::string("%2B") : std::string(1, c);
    return body;
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"no targets", "/v3/message/regid", kRest + 1, 10016},
      {"empty target", "/v3/message/regid", std::string("registration_id=") + kRest, 10017},
      {"trailing comma", "/v3/message/regid", std::string("registration_id=mi-reg-0001,") + kRest, 10017},
      {"1001 targets", "/v3/message/regid", ids1001 + kRest, 10017},
      {"the form is broken", "/v3/message/regid", std::string("registration_id=100%") + kRest, 10008},
      {"the text is not UTF-8", "/v3/message/regid", std::string("registration_id=a&title=%ff"), 10008},
      {"a misspelt target", "/v3/message/regid", std::string("refgistration_id=mi-reg-0001") + kRest, 10016},
      {"another call's target", "/v3/message/regid", std::string("alias=a&registration_id=r") + kRest, 10017},
      {"no alias", "/v3/message/alias", kRest + 1, 10016},
      {"no account", "/v2/message/user_account", kRest + 1, 10016},
      {"two topics", "/v3/message/topic", std::string("topic=a&topic=b") + kRest, 10016},
      {"six topics", "/v3/message/multi_topic",
       std::string("topics=a%3B$%3Bb%3B$%3Bc%3B$%3Bd%3B$%3Be%3B$%3Bf&topic_op=UNION") + kRest, 10017},
      {"no topic_op", "/v3/message/multi_topic", std::string("topics=a%3B$%3Bb") + kRest, 10017},
      {"a target for all", "/v3/message/all", std::string("registration_id=r") + kRest, 10017},
      {"messages missing", "/v2/multi_messages/regids", "time_to_send=1", 10016},
      {"messages no JSON", "/v2/multi_messages/regids", messages("["), 10017},
      {"messages an object", "/v2/multi_messages/regids", messages(one), 10017},
      {"messages empty", "/v2/multi_messages/regids", messages("[]"), 10017},
      {"no target in an item", "/v2/multi_messages/regids", messages(R"([{"message":{}}])"), 10017},
      {"a wrong member", "/v2/multi_messages/regids", messages(R"([{"target":"a","msg":{}}])"), 10017},
      {"nested extra with prefix", "/v2/multi_messages/regids",
       messages(R"([{"target":"a","message":{"title":"a","description":"b","restricted_package_name":"com.example.im",)"
                R"("extra":{"extra.channel_id":"104086","channel_id":"9"}}}])"),
       27001},
      {"a dotted name in JSON", "/v2/multi_messages/regids",
       messages(R"([{"target":"a","message":{"extra.callback.param":5}}])"), 10017},
      {"extra with a number", "/v2/multi_messages/regids",
       messages(R"([{"target":"a","message":{"extra":{"channel_id":104086}}}])"), 10017},
      {"second item without title", "/v2/multi_messages/regids",
       messages("[" + one + R"(,{"target":"a","message":{"restricted_package_name":"com.example.im"}}])"), 10016},
      {"flat fields beside messages", "/v2/multi_messages/regids", messages("[" + one + "]") + "&title=a", 10017},
      {"validation of nobody", "/v1/validation/regids", "", 10016},
  }));
  CAPTURE(row.name);
  Simulated xiaomi;
  const json reply = xiaomi.ask(post(row.path, row.body));
  CAPTURE(reply.dump());
  CHECK(reply["code"] == row.code);
  CHECK(reply["result"] == "error");
  CHECK(xiaomi.status == 200);
  CHECK_FALSE(xiaomi.judgement.accepted());
}

TEST_CASE("xiaomi: the secret is checked exactly", "[sandbox][xiaomi]") {
  Simulated xiaomi;
  for (const char* key : {"", "key=", "key=AppKey", "key= Ab1Cd2Ef3Gh4Ij5Kl6Mn7O==", "Key=Ab1Cd2Ef3Gh4Ij5Kl6Mn7O==",
                          "key:Ab1Cd2Ef3Gh4Ij5Kl6Mn7O==", "key=Ab1Cd2Ef3Gh4Ij5Kl6Mn7O", "Bearer x"}) {
    CAPTURE(key);
    const json reply = xiaomi.ask(post("/v3/message/regid", kSingle, key));
    CHECK(reply["code"] == 21301);
    CHECK(reply["reason"] == "Invalid application secret.");
    CHECK(reply["description"] == "认证失败");
    CHECK_FALSE(xiaomi.judgement.authorized);
  }
  auto bare = post("/v3/message/regid", kSingle);
  bare.headers.erase(bare.headers.begin());
  CHECK(xiaomi.ask(bare)["code"] == 21301);
  auto typed = post("/v3/message/regid", kSingle);
  typed.headers[1].second = "application/json";
  CHECK(xiaomi.ask(typed)["code"] == 10012);
}

TEST_CASE("xiaomi: paths and methods", "[sandbox][xiaomi]") {
  Simulated xiaomi;
  CHECK(xiaomi.ask(post("/v5/message/regid", kSingle)).is_null());
  CHECK(xiaomi.status == 404);
  xiaomi.ask(post("/", ""));
  CHECK(xiaomi.status == 404);
  auto get = post("/v3/message/regid", kSingle);
  get.method = "GET";
  xiaomi.ask(get);
  CHECK(xiaomi.status == 405);
}

TEST_CASE("xiaomi: quota probe, once a second", "[sandbox][xiaomi]") {
  Simulated xiaomi;
  auto probe = post("/v1/trace/quota/get", "");
  probe.method = "GET";
  const json quota = xiaomi.ask(probe);
  CHECK(quota["code"] == 0);
  CHECK(quota["data"]["day_quota"] == "200000");
  CHECK_FALSE(xiaomi.judgement.push);
  CHECK(xiaomi.ask(probe, kNow + milliseconds(999))["code"] == 10024);
  CHECK(xiaomi.ask(probe, kNow + milliseconds(1000))["code"] == 0);
  probe.headers[0].second = "key=wrong";
  CHECK(xiaomi.ask(probe)["code"] == 21301);
}

TEST_CASE("xiaomi: targets that are no ids", "[sandbox][xiaomi]") {
  Simulated xiaomi;
  CHECK(xiaomi.ask(post("/v3/message/alias", std::string("alias=a,b&alias=c") + kRest))["code"] == 0);
  CHECK(xiaomi.ask(post("/v2/message/user_account", std::string("user_account=u1") + kRest))["code"] == 0);
  CHECK(xiaomi.ask(post("/v3/message/topic", std::string("topic=news") + kRest))["code"] == 0);
  CHECK(xiaomi.ask(post("/v3/message/all", kRest + 1))["code"] == 0);
  CHECK(xiaomi.ask(
            post("/v3/message/multi_topic", std::string("topics=a%3B%24%3Bb&topic_op=EXCEPT") + kRest))["code"] == 0);
  CHECK(xiaomi.judgement.tokens.empty());
  const json valid = xiaomi.ask(
      post("/v1/validation/regids", "registration_ids=mi-reg-0001&registration_ids=mi-reg-0002&registration_ids=x"));
  CHECK(valid["data"]["valid_regids"] == "mi-reg-0001");
}

TEST_CASE("xiaomi: different messages", "[sandbox][xiaomi]") {
  Simulated xiaomi;
  std::string body;
  const std::string item = R"({"target":"T","message":{"title":"订单","description":"已发货","notify_type":-1,)"
                           R"("pass_through":0,"notify_id":11,"restricted_package_name":"com.example.im",)"
                           R"("extra":{"channel_id":"104086","notify_effect":"1"}}})";
  const auto to = [&](const char* token) { return std::string(item).replace(item.find('T'), 1, token); };
  for (const char c : "[" + to("mi-reg-0001") + "," + to("mi-reg-0002") + "]") {
    char hex[4];
    std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    body += hex;
  }
  const json reply = xiaomi.ask(post("/v2/multi_messages/regids", "messages=" + body));
  CAPTURE(reply.dump());
  CHECK(reply["code"] == 0);
  CHECK(reply["data"]["bad_regids"] == "mi-reg-0002");

  // A quota that a script has used up is told by class.
  CHECK(xiaomi.simulator->tells(xiaomi.judgement, "channel_exceed_quota"));
  CHECK(xiaomi.simulator->tells(xiaomi.judgement, "bad_regids"));
  CHECK_FALSE(xiaomi.simulator->tells(xiaomi.judgement, "200001"));
  xiaomi.judgement.tokens[0].reason = "channel_exceed_quota";
  const json exceeded = json::parse(xiaomi.simulator->answer(xiaomi.judgement).body);
  CHECK(exceeded["data"]["channel_exceed_quota"] == "104086:1");
}

TEST_CASE("xiaomi: scripted answers", "[sandbox][xiaomi]") {
  Simulated xiaomi;
  xiaomi.ask(post("/v3/message/regid", kSingle));
  const auto scripted = [&](int status, const char* reason) {
    return xiaomi.simulator->answer(xiaomi.judgement, {.status = status, .reason = reason});
  };
  const json quota = json::parse(scripted(200, "200001").body);
  CHECK(quota["code"] == 200001);
  CHECK(quota["reason"] == "exceed quota, quota: 10000, have acked: 10000");
  CHECK(json::parse(scripted(200, "-1").body)["code"] == -1);
  CHECK(scripted(503, "").status == 503);
  CHECK(scripted(503, "").body.empty());
  CHECK(scripted(502, "<html>bad gateway</html>").body == "<html>bad gateway</html>");
  CHECK(json::parse(scripted(200, "").body)["code"] == 0);
}

TEST_CASE("xiaomi: with accept_any unknown apps, channels and ids are good", "[sandbox][xiaomi]") {
  Simulated xiaomi({.accept_any = true});
  CHECK(xiaomi.ask(post("/v3/message/regid", kSingle, "key=whatever"))["code"] == 0);
  CHECK(xiaomi.ask(post("/v3/message/regid", kSingle, "key="))["code"] == 21301);
  CHECK(xiaomi.ask(post("/v3/message/regid", kRest + 1, "key=whatever"))["code"] == 10016);
  REQUIRE(xiaomi.simulator->teach(json::parse(kTaught)).has_value());
  CHECK(xiaomi.ask(post("/v3/message/regid", std::string("registration_id=mi-reg-0002") + kRest))["code"] == 20301);
}

TEST_CASE("xiaomi: what cannot be taught", "[sandbox][xiaomi]") {
  Simulated xiaomi({.tokens_known_max = 6});
  struct Row {
    const char* json;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {R"({"key":1})", "$.key: unknown member"},
      {R"({"apps":[{}]})", "$.apps[0].secret: missing or empty"},
      {R"({"apps":[{"secret":"a","channels":[1]}]})", "$.apps[0].channels: not an array of strings"},
      {R"({"tokens":[{"token":"a"},{"gone":true}]})", "$.tokens[1].token: missing or empty"},
      {R"({"tokens":[{"token":"a","gone":1}]})", "$.tokens[0].gone: not true or false"},
      {R"({"tokens":[{"token":"a"},{"token":"b"},{"token":"c"}]})", "$.tokens: more than 6 in all"},
  }));
  const auto taught = xiaomi.simulator->teach(json::parse(row.json));
  REQUIRE_FALSE(taught.has_value());
  CHECK(taught.error().detail == row.want);
  xiaomi.simulator->forget();
  CHECK(xiaomi.ask(post("/v3/message/regid", kSingle))["code"] == 21301);
}

TEST_CASE("xiaomi: receipts are sent to who asks", "[sandbox][xiaomi]") {
  struct Row {
    const char* wish;
    bool want;
  };
  const Row row = GENERATE(values<Row>({
      {"", false},
      {"&extra.callback.type=1", false},
      {"&extra.callback=https%3A%2F%2Fa.b%2Fc", true},
      {"&extra.callback=https%3A%2F%2Fa.b%2Fc&extra.callback.type=17", true},
      {"&extra.callback=https%3A%2F%2Fa.b%2Fc&extra.callback.type=16", false},
  }));
  CAPTURE(row.wish);
  Simulated xiaomi;
  REQUIRE(xiaomi.ask(
              post("/v3/message/regid", std::string("registration_id=mi-reg-0001") + kRest + row.wish))["code"] == 0);
  CHECK(xiaomi.judgement.tokens.at(0).receipts == row.want);
}

TEST_CASE("xiaomi: receipts are forms, one a type", "[sandbox][xiaomi]") {
  Simulated xiaomi;
  const std::vector<ReceiptEvent> events = {
      {.token = "mi-reg-0001", .status = "", .id = "scm1", .tag = "m-1001"},
      {.token = "mi-reg-0003", .status = "1", .id = "scm1", .tag = "m-1001"},
      {.token = "mi-reg-0002", .status = "16", .id = "scm1", .tag = "m-1001"},
      {.token = "mi-reg-0001", .status = "", .id = "scm2", .tag = ""},
  };
  const auto posts = xiaomi.simulator->receipts(events, {}, kNow);
  REQUIRE(posts.has_value());
  REQUIRE(posts->size() == 2);
  CHECK((*posts)[0].headers[0].second == "application/x-www-form-urlencoded");
  const auto data = [&](std::size_t i) {
    const auto form = FormFields::parse((*posts)[i].body);
    REQUIRE(form.has_value());
    REQUIRE(form->all().size() == 1);
    return json::parse(form->value("data"));
  };
  CHECK(data(0)["scm1"] == json{{"param", "m-1001"},
                                {"type", 1},
                                {"targets", "mi-reg-0001,mi-reg-0003"},
                                {"jobkey", ""},
                                {"barStatus", "Enable"},
                                {"timestamp", 1'795'225'887'405}});
  CHECK(data(0)["scm2"]["targets"] == "mi-reg-0001");
  CHECK(data(1)["scm1"]["errorCode"] == 1);
  CHECK(data(1)["scm1"]["type"] == 16);
  const std::vector<ReceiptEvent> odd = {{.token = "a", .status = "3"}};
  CHECK(xiaomi.simulator->receipts(odd, {}, kNow).error().code == Errc::Malformed);
  CHECK(xiaomi.simulator->has_receipts());
}

}  // namespace
}  // namespace nightpost::sandbox
