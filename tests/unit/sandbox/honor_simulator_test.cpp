// Requests written by hand from the vendor's examples.
#include "sandbox/honor_simulator.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr WallTime kNow{milliseconds{1'735'689'600'000}};
constexpr const char* kSend = "/api/v1/104412345/sendMessage";
constexpr const char* kExample =
    R"({"android":{"ttl":"86400s","biTag":"m-8841","notification":{"title":"Order shipped","body":"Parcel 8841 left the )"
    R"(warehouse","importance":"NORMAL","tag":"order-8841","notifyId":8841,"clickAction":{"type":1,"intent":"intent://com.)"
    R"(example.shop/order?id=8841#Intent;scheme=shop;end"},"badge":{"addNum":1,"badgeClass":"com.example.shop.MainActivity"}})"
    R"(},"token":["BAEAA1","BAEAA2"]})";

server::ServerRequest post(std::string body, std::string authorization = "Bearer eyExample",
                           std::string timestamp = "1735689600123", std::string path = kSend) {
  server::ServerRequest request{.method = "POST", .target = std::move(path), .body = std::move(body)};
  request.headers.emplace_back("content-type", "application/json; charset=UTF-8");
  if (!authorization.empty()) request.headers.emplace_back("authorization", std::move(authorization));
  if (!timestamp.empty()) request.headers.emplace_back("timestamp", std::move(timestamp));
  return request;
}

server::ServerRequest form(std::string body, std::string path = "/auth/token") {
  return {.method = "POST",
          .target = std::move(path),
          .headers = {{"content-type", "application/x-www-form-urlencoded"}},
          .body = std::move(body)};
}

struct Simulated {
  explicit Simulated(SimulatorOptions options = {}) : simulator(make_honor_simulator(options)) {
    if (options.accept_any) return;
    const json taught = {{"apps",
                          {{{"app_id", "104412345"}, {"client_id", "c1"}, {"client_secret", "s&1"}},
                           {{"app_id", "2"}, {"client_id", "c2"}, {"client_secret", "s2"}, {"devices_per_second", 1}}}},
                         {"access_tokens", {"eyExample"}},
                         {"tokens",
                          {{{"token", "BAEAA1"}},
                           {{"token", "BAEAA2"}, {"gone", true}},
                           {{"token", "BAEAA3"}, {"muted", true}},
                           {{"token", "BAEAA4"}, {"app", "2"}}}}};
    REQUIRE(simulator->teach(taught).has_value());
  }
  json ask(const server::ServerRequest& request, WallTime now = kNow) {
    judgement = simulator->judge(request, now);
    response = simulator->answer(judgement);
    return json::parse(response.body);
  }
  std::unique_ptr<VendorSimulator> simulator;
  Judgement judgement;
  server::ServerResponse response;
};

TEST_CASE("honor: the published notification", "[sandbox][honor]") {
  Simulated honor;
  const json reply = honor.ask(post(kExample));
  CHECK(reply == json{{"code", 200},
                      {"message", "success"},
                      {"data",
                       {{"sendResult", true},
                        {"requestId", honor.judgement.id},
                        {"failTokens", json::array()},
                        {"expireTokens", {"BAEAA2"}}}}});
  CHECK(honor.judgement.tag == "m-8841");
  CHECK(honor.simulator->tells(honor.judgement, "failTokens"));
  CHECK_FALSE(honor.simulator->tells(honor.judgement, "80300007"));
  const json data =
      honor.ask(post(R"({"data":"{\"t\":\"sync\"}","android":{"ttl":"3600s"},"token":["BAEAA1","BAEAA4","nobody"]})"));
  CHECK(data["data"]["failTokens"] == json{"BAEAA4"});
  CHECK(data["data"]["expireTokens"] == json{"nobody"});
}

TEST_CASE("honor: bodies", "[sandbox][honor]") {
  struct Row {
    const char* pointer;
    json value;
    int want;
  };
  json many = json::array();
  for (int i = 0; i <= 1000; ++i) many.push_back("t" + std::to_string(i));
  const Row row = GENERATE_REF(values<Row>({
      {"/android/notification/clickAction", {{"type", 2}, {"url", "https://m.example.com/p/8841"}}, 200},
      {"/android/notification/clickAction", {{"type", 3}}, 200},
      {"/android/ttl", "1296000s", 200},

      {"/token", nullptr, 80100001},
      {"/token", json::array(), 80100001},
      {"/token", many, 80100001},
      {"/token", {"a", "a"}, 80100001},
      {"/token", "BAEAA1", 80100003},
      {"/message", json::object(), 80100003},
      {"/android/bi_tag", "x", 80100003},
      {"/android/collapse_key", 1, 80100003},
      {"/android/ttl", 86400, 80100004},
      {"/android/ttl", "1296001s", 80100004},
      {"/android/targetUserType", 2, 80100001},
      {"/android/notification/title", nullptr, 80100001},
      {"/android/notification/title", std::string(41, 'x'), 80100001},
      {"/android/notification/body", std::string(257, 'x'), 80100001},
      {"/android/notification/clickAction", nullptr, 80100001},
      {"/android/notification/clickAction", {{"type", 1}}, 80100001},
      {"/android/notification/clickAction", {{"type", 1}, {"intent", "intent://chat#Intent;scheme=a"}}, 80100001},
      {"/android/notification/clickAction", {{"type", 2}}, 80100001},
      {"/android/notification/clickAction", {{"type", 4}}, 80100001},
      {"/android/notification/clickAction", {{"actionType", 1}}, 80100003},
      {"/android/notification/badge", {{"addNum", 1}}, 80100001},
      {"/android/notification/badge", {{"addNum", 100}, {"badgeClass", "c"}}, 80100001},
      {"/android/notification/badge", {{"add_num", 1}, {"badgeClass", "c"}}, 80100003},
      {"/android/notification/style", 1, 80100001},
      {"/android/notification/importance", "HIGH", 80100001},
      {"/android/notification/buttons", json::object(), 80100003},
      {"/android/notification/buttons", {{{"name", "1"}}, {{"name", "2"}}, {{"name", "3"}}, {{"name", "4"}}}, 80100001},
      {"/android/notification/image", "http://e.com/i.png", 80100001},
      {"/android/notification/notifyId", "1", 80100003},
      {"/data", std::string(4096, 'x'), 80300008},
  }));
  CAPTURE(row.pointer, row.value.dump().substr(0, 60));
  json body = json::parse(kExample);
  const json::json_pointer at(row.pointer);
  if (row.value.is_null()) {
    body[at.parent_pointer()].erase(at.back());
  } else {
    body[at] = row.value;
  }
  Simulated honor;
  const json reply = honor.ask(post(body.dump()));
  CAPTURE(reply.dump());
  CHECK(reply["code"] == row.want);
  CHECK(honor.response.status == (row.want == 200 ? 200 : 400));
}

TEST_CASE("honor: who asks, and when", "[sandbox][honor]") {
  struct Row {
    const char* name;
    server::ServerRequest request;
    int status;
    int code;
  };
  const Row row = GENERATE(values<Row>({
      {"nobody", post(kExample, ""), 401, 80200001},
      {"no scheme", post(kExample, "eyExample"), 401, 80200001},
      {"the scheme twice", post(kExample, "Bearer Bearer eyExample"), 401, 80200001},
      {"a token nobody gave", post(kExample, "Bearer x"), 401, 80200001},
      {"no timestamp", post(kExample, "Bearer eyExample", ""), 400, 80100001},
      {"seconds", post(kExample, "Bearer eyExample", "1735689600"), 400, 80100001},
      {"no number", post(kExample, "Bearer eyExample", "173568960012x"), 400, 80100001},
      {"an app nobody has", post(kExample, "Bearer eyExample", "1735689600123", "/api/v1/9/sendMessage"), 403,
       80300002},
      {"Huawei's address", post(kExample, "Bearer eyExample", "1735689600123", "/v1/104412345/messages:send"), 404,
       404},
      {"no app", post(kExample, "Bearer eyExample", "1735689600123", "/api/v1//sendMessage"), 404, 404},
      {"no JSON", post("{"), 400, 80100003},
      {"nothing to say", post(R"({"token":["BAEAA1"]})"), 400, 80100001},
  }));
  CAPTURE(row.name);
  Simulated honor;
  const json reply = honor.ask(row.request);
  CAPTURE(reply.dump());
  CHECK(honor.response.status == row.status);
  CHECK(reply["code"] == row.code);
}

TEST_CASE("honor: client credentials", "[sandbox][honor]") {
  struct Row {
    const char* body;
    int status;
    const char* error;
  };
  const Row row = GENERATE(values<Row>({
      {"grant_type=client_credentials&client_id=c1&client_secret=wrong", 401, "unauthorized_client"},
      {"grant_type=client_credentials&client_id=c1", 401, "unauthorized_client"},
      {"grant_type=client_credentials&client_id=104412345&client_secret=s%261", 401, "invalid_client"},
      {"grant_type=client_credentials&client_secret=s", 400, "invalid_request"},
      {"grant_type=password&client_id=c1&client_secret=s%261", 400, "unsupported_grant_type"},
      {"grant_type=%zz", 400, "invalid_request"},
  }));
  Simulated honor;
  const json refused = honor.ask(form(row.body));
  CAPTURE(row.body, refused.dump());
  CHECK(refused["error"] == row.error);
  CHECK(honor.response.status == row.status);
  for (const char* path : {"/auth/token", "/auth/realms/developer/protocol/openid-connect/token"}) {
    const json reply = honor.ask(form("grant_type=client_credentials&client_id=c1&client_secret=s%261", path));
    REQUIRE(reply.contains("access_token"));
    const std::string bearer = "Bearer " + reply["access_token"].get<std::string>();
    CHECK(honor.ask(post(kExample, bearer))["code"] == 200);
    CHECK(honor.ask(post(kExample, bearer, "1735689600123", "/api/v1/2/sendMessage"))["code"] == 80300002);
    CHECK(honor.ask(post(kExample, bearer), kNow + seconds(3600))["code"] == 80200003);
  }
}

TEST_CASE("honor: rates, receipts, anything", "[sandbox][honor]") {
  Simulated honor;
  const auto to = [](const char* tokens) {
    return post(std::string(R"({"data":"x","token":)") + tokens + "}", "Bearer eyExample", "1735689600123",
                "/api/v1/2/sendMessage");
  };
  CHECK(honor.ask(to(R"(["BAEAA1"])"))["code"] == 200);
  honor.ask(to(R"(["BAEAA1"])"));
  CHECK(honor.response.status == 503);

  const std::vector<ReceiptEvent> events = {
      {.token = "BAEAA1", .status = "", .id = "h-1", .tag = "m", .app = "104412345"},
      {.token = "BAEAA3", .status = "", .id = "h-1", .tag = "m", .app = "104412345"}};
  const auto posts = honor.simulator->receipts(events, {.user = "u", .key = "k"}, kNow);
  REQUIRE(posts.has_value());
  const json statuses = json::parse(posts->at(0).body)["statuses"];
  CHECK(statuses[0] == json{{"biTag", "m"},
                            {"appid", "104412345"},
                            {"token", "BAEAA1"},
                            {"status", 0},
                            {"timestamp", to_ms(kNow)},
                            {"requestId", "h-1"}});
  CHECK(statuses[1]["status"] == 6);
  CHECK(posts->at(0).headers.size() == 2);

  Simulated any({.accept_any = true});
  CHECK(any.ask(post(kExample, "Bearer x", "1735689600123", "/api/v1/7/sendMessage"))["data"]["expireTokens"].empty());
  CHECK(any.ask(post(kExample, "Bearer x", ""))["code"] == 80100001);
  CHECK(any.ask(form("grant_type=client_credentials&client_id=x&client_secret=y")).contains("access_token"));
}

}  // namespace
}  // namespace nightpost::sandbox
