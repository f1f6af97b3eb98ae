// Requests written by hand from the vendor's examples.
#include "sandbox/huawei_simulator.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "made_rsa.h"
#include "sandbox/huawei_receipt.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr std::int64_t kSecond = 1'735'689'600;
constexpr WallTime kNow{milliseconds{kSecond * 1000}};
constexpr const char* kV1 = "/v1/100000001/messages:send";
constexpr const char* kV2 = "/v2/736430079244623230/messages:send";
constexpr const char* kV3 = "/v3/736430079244623230/messages:send";
constexpr const char* kStatic = "Bearer DAEBExample";
constexpr const char* kExample =
    R"({"validate_only":false,"message":{"android":{"collapse_key":-1,"category":"EXPRESS","ttl":"86400s","bi_tag":"m-8841",)"
    R"("notification":{"title":"Order shipped","body":"Parcel 8841 left the warehouse","click_action":{"type":1,"intent":)"
    R"("intent://com.example.shop/order?id=8841#Intent;scheme=shop;launchFlags=0x4000000;end"},"importance":"NORMAL","tag":)"
    R"("order-8841","notify_id":8841,"badge":{"add_num":1,"class":"com.example.shop.MainActivity"},"foreground_show":true}},)"
    R"("token":["AOxx1","AOxx2"]}})";
constexpr const char* kExampleV3 =
    R"({"payload":{"notification":{"category":"EXPRESS","title":"Order shipped","body":"Parcel 8841 left the warehouse",)"
    R"("notifyId":8841,"clickAction":{"actionType":1,"action":"com.example.shop.ORDER","data":{"oid":8841}},"badge":)"
    R"({"addNum":1},"foregroundShow":true}},"target":{"token":["MAMz1"]},"pushOptions":{"ttl":86400,"biTag":"m-8841",)"
    R"("collapseKey":-1}})";

const RsaSigner& signer() {
  static const RsaSigner kSigner;
  return kSigner;
}

std::string jwt(std::int64_t iat = kSecond, std::int64_t exp = kSecond + 3600, const RsaSigner& by = signer(),
                bool pss = true, const std::string& header = R"({"alg":"PS256","typ":"JWT","kid":"b3f0a1c2d4e5"})",
                const std::string& aud = "https://oauth-login.cloud.huawei.com/oauth2/v3/token",
                const std::string& iss = "100000001") {
  return "Bearer " + by.token(header, json{{"aud", aud}, {"iss", iss}, {"iat", iat}, {"exp", exp}}.dump(), pss);
}

server::ServerRequest post(std::string path, std::string body, std::string authorization = kStatic,
                           std::string push_type = "") {
  server::ServerRequest request{.method = "POST", .target = std::move(path), .body = std::move(body)};
  request.headers.emplace_back("content-type", "application/json; charset=UTF-8");
  if (!authorization.empty()) request.headers.emplace_back("authorization", std::move(authorization));
  if (!push_type.empty()) request.headers.emplace_back("push-type", std::move(push_type));
  return request;
}

server::ServerRequest form(std::string body) {
  return {.method = "POST",
          .target = "/oauth2/v3/token",
          .headers = {{"content-type", "application/x-www-form-urlencoded"}},
          .body = std::move(body)};
}

struct Simulated {
  explicit Simulated(SimulatorOptions options = {}) : simulator(make_huawei_simulator(options)) {
    if (options.accept_any) return;
    const json taught = {{"apps",
                          {{{"client_id", "100000001"},
                            {"client_secret", "s/e+c"},
                            {"project_id", "736430079244623230"},
                            {"package", "com.example.shop"},
                            {"receipt_ids", {"RCP1"}}},
                           {{"client_id", "100000002"},
                            {"client_secret", "other"},
                            {"high_priority", false},
                            {"devices_per_second", 3}}}},
                         {"service_accounts",
                          {{{"sub_account", "100000001"},
                            {"key_id", "b3f0a1c2d4e5"},
                            {"project_id", "736430079244623230"},
                            {"public_key_pem", signer().public_pem()}}}},
                         {"access_tokens", {"DAEBExample"}},
                         {"tokens",
                          {{{"token", "AOxx1"}},
                           {{"token", "AOxx2"}},
                           {{"token", "AOxx3"}, {"muted", true}},
                           {{"token", "AOxxD"}, {"gone", true}},
                           {{"token", "AOxxF"}, {"app", "999"}},
                           {{"token", "MAMz1"}, {"api", "v3"}}}}};
    REQUIRE(simulator->teach(taught).has_value());
  }
  json ask(const server::ServerRequest& request, WallTime now = kNow) {
    judgement = simulator->judge(request, now);
    response = simulator->answer(judgement);
    return json::parse(response.body);
  }
  std::string code(const server::ServerRequest& request, WallTime now = kNow) {
    return ask(request, now).value("code", "none");
  }
  std::unique_ptr<VendorSimulator> simulator;
  Judgement judgement;
  server::ServerResponse response;
};

TEST_CASE("huawei: the published notification, v1, v2, v3", "[sandbox][huawei]") {
  Simulated huawei;
  const json reply = huawei.ask(post(kV1, kExample));
  CAPTURE(reply.dump());
  CHECK(reply["code"] == "80000000");
  CHECK(reply["msg"] == "Success");
  CHECK(reply["requestId"] == huawei.judgement.id);
  CHECK(huawei.judgement.tag == "m-8841");
  CHECK(huawei.judgement.tokens.size() == 2);
  CHECK(
      huawei.code(post(
          kV2,
          R"({"message":{"data":"{\"t\":\"sync\"}","android":{"urgency":"NORMAL","ttl":"3600s"},"token":["AOxx1"]}})")) ==
      "80000000");
  CHECK(huawei.code(post(kV3, kExampleV3, jwt(), "0")) == "80000000");
  CHECK(huawei.judgement.tag == "m-8841");
}

TEST_CASE("huawei: some tokens, none", "[sandbox][huawei]") {
  Simulated huawei;
  const auto send = [&](const char* tokens) {
    return huawei.ask(post(kV1, std::string(R"({"message":{"data":"x","token":)") + tokens + "}}"));
  };
  const json some = send(R"(["AOxx1","AOxx2","AOxxD","nobody","MAMz1"])");
  CHECK(some["code"] == "80100000");
  CHECK(json::parse(some["msg"].get<std::string>()) ==
        json{{"success", 2}, {"failure", 3}, {"illegal_tokens", {"AOxxD", "nobody", "MAMz1"}}});
  CHECK(send(R"(["AOxx1","AOxxF"])")["code"] == "80300002");
  CHECK(send(R"(["AOxxF"])")["code"] == "80300002");
  CHECK(send(R"(["AOxxD"])")["code"] == "80300007");
  CHECK(huawei.response.status == 200);

  json v3 = json::parse(kExampleV3);
  v3["target"]["token"] = {"MAMz1", "AOxxF"};
  const json foreign = huawei.ask(post(kV3, v3.dump(), jwt(), "0"));
  CHECK(foreign["code"] == "80100000");
  CHECK(foreign["msg"].get<std::string>().contains("noRight"));
  v3["target"]["token"] = {"MAMz1", "AOxxD"};
  const json split = huawei.ask(post(kV3, v3.dump(), jwt(), "0"));
  CHECK(split["code"] == "80100000");
  CHECK(json::parse(split["msg"].get<std::string>()) ==
        json{{"success", 1}, {"failure", 1}, {"illegalTokens", {{"tokenFormatError", {"AOxxD"}}}}});
  CHECK(huawei.simulator->tells(huawei.judgement, "noRight"));
  CHECK_FALSE(huawei.simulator->tells(huawei.judgement, "80300002"));
  v3["target"]["token"] = {"AOxxD"};
  CHECK(huawei.code(post(kV3, v3.dump(), jwt(), "0")) == "80300007");
  send(R"(["AOxx1"])");
  CHECK(huawei.simulator->tells(huawei.judgement, "illegal_tokens"));
  CHECK_FALSE(huawei.simulator->tells(huawei.judgement, "noRight"));
}

/// `kExample` with one JSON pointer changed, or taken away by null.
std::string changed(const char* text, const std::string& pointer, const json& value) {
  json body = json::parse(text);
  const json::json_pointer at(pointer);
  if (value.is_null()) {
    body[at.parent_pointer()].erase(at.back());
  } else {
    body[at] = value;
  }
  return body.dump();
}

TEST_CASE("huawei: v1 bodies", "[sandbox][huawei]") {
  struct Row {
    const char* pointer;
    json value;
    const char* want;
  };
  json many = json::array();
  for (int i = 0; i <= 1000; ++i) many.push_back("t" + std::to_string(i));
  const std::string shown = "/message/android/notification";
  const Row row = GENERATE_REF(values<Row>({
      {"/message/android/ttl", "1296000s", "80000000"},
      {"/message/android/collapse_key", 100, "80000000"},
      {"/message/android/notification/click_action", {{"type", 3}}, "80000000"},
      {"/message/android/notification/click_action", {{"type", 2}, {"url", "https://e.com"}}, "80000000"},
      {"/message/android/receipt_id", "RCP1", "80000000"},
      {"/validate_only", true, "80000000"},

      {"/message", nullptr, "80300010"},
      {"/message/token", nullptr, "80300010"},
      {"/message/token", json::array(), "80300010"},
      {"/message/token", many, "80300010"},
      {"/message/token", "AOxx1", "80100003"},
      {"/message/token", {1}, "80100003"},
      {"/message/token", {"AOxx1", "AOxx1"}, "80100001"},
      {"/message/token", {""}, "80100001"},
      {"/message/topic", "news", "80100001"},
      {"/message/tokens", {"a"}, "80100003"},
      {"/validate_only", "true", "80100003"},
      {"/message/android/ttl", "1296001s", "80100004"},
      {"/message/android/ttl", "0s", "80100004"},
      {"/message/android/ttl", 86400, "80100004"},
      {"/message/android/ttl", "1d", "80100004"},
      {"/message/android/collapse_key", 101, "80100013"},
      {"/message/android/collapse_key", -2, "80100013"},
      {"/message/android/category", "NEWS", "80100001"},
      {"/message/android/urgency", "LOW", "80100001"},
      {"/message/android/target_user_type", 2, "80100001"},
      {"/message/android/receipt_id", "RCP2", "80300013"},
      {"/message/android/notification/title", nullptr, "80100001"},
      {"/message/android/notification/body", "", "80100001"},
      {"/message/android/notification/click_action", nullptr, "80100001"},
      {"/message/android/notification/click_action", json::object(), "80100001"},
      {"/message/android/notification/click_action", {{"type", 1}}, "80100001"},
      {"/message/android/notification/click_action", {{"type", 1}, {"intent", "com.e.Chat"}}, "80100001"},
      {"/message/android/notification/click_action", {{"type", 2}}, "80100001"},
      {"/message/android/notification/click_action", {{"type", 2}, {"url", "http://e.com"}}, "80100001"},
      {"/message/android/notification/click_action", {{"type", 5}}, "80100001"},
      {"/message/android/notification/badge", {{"add_num", 1}}, "80100001"},
      {"/message/android/notification/badge", {{"add_num", 0}, {"class", "c"}}, "80100001"},
      {"/message/android/notification/badge", {{"set_num", 100}, {"class", "c"}}, "80100001"},
      {"/message/android/notification/style", 1, "80100001"},
      {"/message/android/notification/style", 2, "80100001"},
      {"/message/android/notification/style", 3, "80100001"},
      {"/message/android/notification/inbox_content", {"1", "2", "3", "4", "5", "6"}, "80100001"},
      {"/message/android/notification/default_sound", false, "80100001"},
      {"/message/android/notification/light_settings", {{"light_on_duration", "1s"}}, "80100001"},
      {"/message/android/notification/color", "red", "80100001"},
      {"/message/android/notification/image", "http://e.com/i.png", "80100001"},
      {"/message/android/notification/body_loc_args", {"a"}, "80100001"},
      {"/message/android/notification/importance", "MAX", "80100001"},
      {"/message/android/notification/notify_id", "1", "80100003"},
      {"/message/android/notification/titel", "x", "80100003"},
      {"/message/android/notification/when", "now", "80100001"},
      {"/message/android/notification/buttons",
       {{{"name", "1"}}, {{"name", "2"}}, {{"name", "3"}}, {{"name", "4"}}},
       "80100001"},
      {"/message/android/notification/body", std::string(4096, 'x'), "80300008"},
  }));
  CAPTURE(row.pointer, row.value.dump().substr(0, 80));
  Simulated huawei;
  const json reply = huawei.ask(post(kV1, changed(kExample, row.pointer, row.value)));
  CAPTURE(reply.dump());
  CHECK(reply["code"] == row.want);
  if (reply["code"] == "80100001") CHECK(huawei.response.status == 400);
}

TEST_CASE("huawei: what does not go together", "[sandbox][huawei]") {
  json message = json::parse(kExample);
  message["message"].erase("token");
  std::string condition = "'a' in topics";
  for (int topics = 1; topics <= 6; ++topics, condition += " || 'b' in topics") {
    message["message"]["condition"] = condition;
    CAPTURE(condition);
    CHECK(Simulated().ask(post(kV1, message.dump()))["code"] == (topics <= 5 ? "80000000" : "80100001"));
  }
  message = json::parse(kExample);
  json& shown = message["message"]["android"]["notification"];
  shown["sound"] = "/raw/shake";
  shown["default_sound"] = false;
  CHECK(Simulated().ask(post(kV1, message.dump()))["code"] == "80000000");
  shown["default_sound"] = true;
  CHECK(Simulated().ask(post(kV1, message.dump()))["code"] == "80100001");
}

TEST_CASE("huawei: v3 bodies", "[sandbox][huawei]") {
  struct Row {
    const char* pointer;
    json value;
    const char* want;
  };
  json eleven = json::array();
  for (int i = 0; i < 11; ++i) eleven.push_back("t" + std::to_string(i));
  const Row row = GENERATE_REF(values<Row>({
      {"/pushOptions/ttl", 1296000, "80000000"},
      {"/payload/notification/clickAction", {{"actionType", 0}}, "80000000"},
      {"/pushOptions", nullptr, "80000000"},

      {"/payload", nullptr, "80100003"},
      {"/payload/notification", nullptr, "80100001"},
      {"/payload/notification/category", nullptr, "80100001"},
      {"/payload/notification/category", "PLAY_VOICE", "80100001"},
      {"/payload/notification/category", "NEWS", "80100001"},
      {"/payload/notification/title", nullptr, "80100001"},
      {"/payload/notification/body", "", "80100001"},
      {"/payload/notification/clickAction", json::object(), "80100001"},
      {"/payload/notification/clickAction", {{"actionType", 1}}, "80100001"},
      {"/payload/notification/clickAction", {{"actionType", 2}}, "80100001"},
      {"/payload/notification/clickAction/data", "{}", "80100003"},
      {"/payload/notification/badge", {{"addNum", 1}, {"class", "x"}}, "80100003"},
      {"/payload/notification/badge", {{"addNum", 100}}, "80100001"},
      {"/payload/notification/notifyId", -2, "80100001"},
      {"/payload/notification/inboxContent", {"1", "2", "3", "4"}, "80100001"},
      {"/payload/notification/soundDuration", 61, "80100001"},
      {"/payload/notification/channel_id", "x", "80100003"},
      {"/payload/extraData", "x", "80100003"},
      {"/pushOptions/ttl", "86400s", "80100004"},
      {"/pushOptions/ttl", 1296001, "80100004"},
      {"/pushOptions/collapseKey", 101, "80100001"},
      {"/pushOptions/biTag", std::string(65, 'x'), "80100001"},
      {"/target/token", json::array(), "80300010"},
      {"/target", nullptr, "80300010"},
      {"/message", {{"a", 1}}, "80100003"},
  }));
  CAPTURE(row.pointer, row.value.dump().substr(0, 80));
  Simulated huawei;
  CHECK(huawei.code(post(kV3, changed(kExampleV3, row.pointer, row.value), jwt(), "0")) == row.want);
  json test = json::parse(kExampleV3);
  test["pushOptions"]["testMessage"] = true;
  test["target"]["token"] = eleven;
  CHECK(huawei.code(post(kV3, test.dump(), jwt(), "0")) == "80300030");
}

TEST_CASE("huawei: push types", "[sandbox][huawei]") {
  Simulated huawei;
  const auto send = [&](const char* type, const char* payload, const char* tokens = R"(["MAMz1"])") {
    return huawei.code(
        post(kV3, std::string(R"({"payload":)") + payload + R"(,"target":{"token":)" + tokens + "}}", jwt(), type));
  };
  CHECK(send("6", R"({"extraData":"x","proxyData":"ENABLE"})") == "80000000");
  CHECK(send("10", R"({"extraData":"x"})") == "80000000");
  CHECK(send("6", "{}") == "80100001");
  CHECK(send("2", R"({"notification":{"category":"PLAY_VOICE","title":"a","body":"b"},"extraData":"x"})") ==
        "80000000");
  CHECK(send("7", R"({"activityId":1,"operation":0,"event":"TAXI","activityData":{}})") == "80000000");
  CHECK(send("7", R"({"activityId":1})") == "80100001");
  CHECK(send("1", R"({"moduleName":"a","abilityName":"b","formName":"c","formId":1,"version":1,"formData":{}})") ==
        "80000000");
  CHECK(send("1", R"({"moduleName":"a"})", R"(["MAMz1","MAMz2"])") == "80300010");
  for (const char* type : {"", "3", "x", "-1"}) CHECK(send(type, "{}") == "80100001");
}

TEST_CASE("huawei: who asks", "[sandbox][huawei]") {
  struct Row {
    const char* name;
    std::string path;
    std::string authorization;
    const char* want;
  };
  static const RsaSigner kStranger;
  const std::string kid = R"({"alg":"PS256","typ":"JWT","kid":"b3f0a1c2d4e5"})";
  const Row row = GENERATE_REF(values<Row>({
      {"v1 by service account", kV1, jwt(), "80000000"},
      {"v2 by service account", kV2, jwt(), "80000000"},
      {"a day", kV1, jwt(kSecond, kSecond + 86'400), "80000000"},
      {"nobody", kV1, "", "80200001"},
      {"no scheme", kV1, "DAEBExample", "80200001"},
      {"the scheme twice", kV1, "Bearer Bearer DAEBExample", "80200001"},
      {"a token nobody gave", kV1, "Bearer DAEBOther", "80200001"},
      {"an app nobody has", "/v1/999/messages:send", kStatic, "80300002"},
      {"a project nobody has", "/v2/999/messages:send", jwt(), "80300002"},
      {"more than a day", kV1, jwt(kSecond, kSecond + 86'401), "80300036"},
      {"over", kV1, jwt(kSecond - 3600, kSecond), "80200005"},
      {"of the future", kV1, jwt(kSecond + 301, kSecond + 3600), "80200005"},
      {"a stranger's key", kV1, jwt(kSecond, kSecond + 3600, kStranger), "80200005"},
      {"PKCS#1 under the right name", kV1, jwt(kSecond, kSecond + 3600, signer(), false), "80200005"},
      {"RS256", kV1, jwt(kSecond, kSecond + 3600, signer(), false, R"({"alg":"RS256","kid":"b3f0a1c2d4e5"})"),
       "80200005"},
      {"another key id", kV1, jwt(kSecond, kSecond + 3600, signer(), true, R"({"alg":"PS256","kid":"x"})"), "80200001"},
      {"no key id", kV1, jwt(kSecond, kSecond + 3600, signer(), true, R"({"alg":"PS256"})"), "80200005"},
      {"another audience", kV1, jwt(kSecond, kSecond + 3600, signer(), true, kid, "https://example.com"), "80200005"},
      {"another account", kV1,
       jwt(kSecond, kSecond + 3600, signer(), true, kid, "https://oauth-login.cloud.huawei.com/oauth2/v3/token", "7"),
       "80200001"},
  }));
  CAPTURE(row.name);
  Simulated huawei;
  CHECK(huawei.code(post(row.path, kExample, row.authorization)) == row.want);
  CHECK(huawei.response.status ==
        (std::string_view(row.want).starts_with("8020") || row.want == std::string("80300036") ? 401 : 200));
  CHECK(huawei.code(post(kV3, kExampleV3, kStatic, "0")) == "80200001");  // v3 knows no OAuth
}

TEST_CASE("huawei: client credentials", "[sandbox][huawei]") {
  struct Row {
    const char* body;
    int sub_error;
  };
  const Row row = GENERATE(values<Row>({
      {"grant_type=client_credentials&client_id=abc&client_secret=x", 20002},
      {"grant_type=client_credentials&client_secret=x", 20002},
      {"grant_type=client_credentials&client_id=999&client_secret=x", 20003},
      {"grant_type=client_credentials&client_id=100000001&client_secret=wrong", 12304},
      {"grant_type=client_credentials&client_id=100000001&client_secret=", 20171},
      {"grant_type=password&client_id=100000001&client_secret=s", 20001},
      {"{}", 20001},
  }));
  Simulated huawei;
  const json refused = huawei.ask(form(row.body));
  CAPTURE(refused.dump());
  CHECK(refused["error"] == 1101);
  CHECK(refused["sub_error"] == row.sub_error);
  CHECK_FALSE(huawei.judgement.push);

  const json reply = huawei.ask(form("grant_type=client_credentials&client_id=100000001&client_secret=s%2Fe%2Bc"));
  REQUIRE(reply.contains("access_token"));
  CHECK(huawei.response.body.contains(R"(DAEB\/)"));
  CHECK(reply["expires_in"] == 3600);
  const std::string bearer = "Bearer " + reply["access_token"].get<std::string>();
  CHECK(huawei.code(post(kV1, kExample, bearer)) == "80000000");
  CHECK(huawei.code(post(kV2, kExample, bearer)) == "80000000");
  CHECK(huawei.code(post("/v1/100000002/messages:send", kExample, bearer)) == "80200001");  // another app's
  CHECK(huawei.code(post(kV1, kExample, bearer), kNow + seconds(3600)) == "80200003");
}

TEST_CASE("huawei: rights, rates, addresses, anything", "[sandbox][huawei]") {
  Simulated huawei;
  const char* kOther = "/v1/100000002/messages:send";
  const auto data = [](const char* more, const char* tokens) {
    return std::string(R"({"message":{"data":"x",)") + more + R"("token":)" + tokens + "}}";
  };
  CHECK(huawei.code(post(kOther, data(R"("android":{"urgency":"HIGH"},)", R"(["AOxx1"])"))) == "80300011");
  CHECK(huawei.code(post(kOther, data("", R"(["AOxx1","AOxx2"])"))) == "80000000");
  huawei.ask(post(kOther, data("", R"(["AOxx1","AOxx2"])")));
  CHECK(huawei.response.status == 503);
  CHECK(huawei.code(post(kOther, data("", R"(["AOxx1"])")), kNow + seconds(1)) == "80000000");
  for (const char* path :
       {"/", "/v4/1/messages:send", "/v1//messages:send", "/v1/messages:send", "/v1/1/messages:sent"}) {
    CAPTURE(path);
    huawei.ask(post(path, kExample));
    CHECK(huawei.response.status == 404);
  }
  Simulated any({.accept_any = true});
  CHECK(any.code(post(kV1, kExample, "Bearer any")) == "80000000");
  CHECK(any.code(post(kV3, kExampleV3, jwt(), "0")) == "80000000");
  CHECK(any.code(post(kV3, kExampleV3, jwt(kSecond, kSecond + 86'401), "0")) == "80300036");
  CHECK(any.code(post(kV3, kExampleV3, "Bearer any", "0")) == "80200001");
  CHECK(any.ask(post(kV1, R"({"message":{"data":"x","token":["a b","AOxx1"]}})", "Bearer any"))["code"] == "80100000");
  CHECK(any.ask(form("grant_type=client_credentials&client_id=7&client_secret=x")).contains("access_token"));
}

TEST_CASE("huawei: receipts", "[sandbox][huawei]") {
  // The vector of §3.8, key decoded and key as text.
  const ReceiptSecret secret{.user = "pushuser", .key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="};
  CHECK(huawei::callback_id(secret, 1735689600123, "3f2b1c9a-6a34-4d0b-9b0e-6f1f0a7d2c55") ==
        "timestamp=1735689600123; nonce=3f2b1c9a-6a34-4d0b-9b0e-6f1f0a7d2c55; "
        "value=OxrndStw7B6Xzm2pjZT+dN21wnsa5rlQi/FRPBE7qmg=");
  Simulated huawei;
  REQUIRE(huawei.simulator->has_receipts());
  std::vector<ReceiptEvent> events(
      101, {.token = "AOxx1", .status = "", .id = "17", .tag = "b1", .app = "100000001", .variant = 1});
  events[0].token = "AOxx3";
  events[1].status = "2";
  const auto posts = huawei.simulator->receipts(events, secret, kNow);
  REQUIRE(posts.has_value());
  REQUIRE(posts->size() == 2);
  CHECK((*posts)[0].headers[1].first == "x-huawei-callback-id");
  CHECK((*posts)[0].headers[1].second != (*posts)[1].headers[1].second);
  const json first = json::parse((*posts)[0].body)["statuses"];
  CHECK(first.size() == 100);
  CHECK(first[0]["status"] == 6);  // notifications are off
  CHECK(first[1]["status"] == 2);
  CHECK(first[2] == json{{"biTag", "b1"},
                         {"appid", "100000001"},
                         {"token", "AOxx1"},
                         {"status", 0},
                         {"timestamp", kSecond * 1000},
                         {"requestId", "17"}});

  const ReceiptEvent v3{
      .token = "MAMz1", .status = "", .id = "18", .tag = "b2", .app = "736430079244623230", .variant = 3};
  const auto next = huawei.simulator->receipts({&v3, 1}, {}, kNow);
  CHECK((*next)[0].headers.size() == 1);
  CHECK(json::parse((*next)[0].body)["statuses"][0] ==
        json{{"token", "MAMz1"},
             {"pushType", 0},
             {"appPackageName", "com.example.shop"},
             {"biTag", "b2"},
             {"requestId", "18"},
             {"deliveryStatus", {{"result", 0}, {"timestamp", kSecond * 1000}}}});
  const ReceiptEvent wrong{.token = "AOxx1", .status = "delivered", .id = "", .tag = "", .app = ""};
  CHECK_FALSE(huawei.simulator->receipts({&wrong, 1}, {}, kNow).has_value());
}

}  // namespace
}  // namespace nightpost::sandbox
