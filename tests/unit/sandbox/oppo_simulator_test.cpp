// Requests written by hand from the vendor's examples and vectors.
#include "sandbox/oppo_simulator.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sandbox/oppo_verifier.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr WallTime kNow{milliseconds{1'719'792'000'000}};
constexpr const char* kLive = "CN_0123456789abcdef0123456789abcdef";
constexpr const char* kGone = "CN_ffffffffffffffffffffffffffffffff";
constexpr const char* kTaught = R"({"apps":[
    {"app_key":"a1b2c3d4e5f60718293a4b5c6d7e8f90","master_secret":"0f1e2d3c4b5a69788796a5b4c3d2e1f0"},
    {"app_key":"appkey","master_secret":"mastersecret"},{"app_key":"ak","master_secret":"ms"}],
  "tokens":[{"token":"CN_0123456789abcdef0123456789abcdef"},{"token":"CN_ffffffffffffffffffffffffffffffff","gone":true},
    {"token":"short","app":"a1b2c3d4e5f60718293a4b5c6d7e8f90"},{"token":"theirs","app":"ak"}]})";
constexpr const char* kAuth =
    "app_key=a1b2c3d4e5f60718293a4b5c6d7e8f90&timestamp=1719792000000"
    "&sign=7d58675494d228944abacb874dba394c00fb89a0ecc8a613b5ae4f2311080768";
constexpr const char* kUnicast = "/server/v1/message/notification/unicast";
constexpr const char* kBatch = "/server/v1/message/notification/unicast_batch";
constexpr const char* kSave = "/server/v1/message/notification/save_message_content";
constexpr const char* kBroadcast = "/server/v1/message/notification/broadcast";

server::ServerRequest post(std::string target, std::string body) {
  return {.method = "POST",
          .target = std::move(target),
          .headers = {{"content-type", "application/x-www-form-urlencoded"}},
          .body = std::move(body)};
}

std::string escaped(const std::string& text) {
  static const char* const kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte / 16], kHex[byte % 16]};
  }
  return out;
}

json message(const char* token, const char* id = "m-1001") {
  return {{"target_type", 2},
          {"target_value", token},
          {"verify_registration_id", false},
          {"notification",
           {{"app_message_id", id},
            {"title", "张三"},
            {"content", "晚上一起吃饭？"},
            {"category", "IM"},
            {"notify_level", 16},
            {"call_back_url", "https://push.example.com/cb/oppo"},
            {"call_back_parameter", std::string("p-") + id}}}};
}

struct Simulated {
  explicit Simulated(SimulatorOptions options = {}, bool authorized = true) : simulator(make_oppo_simulator(options)) {
    if (!options.accept_any) REQUIRE(simulator->teach(json::parse(kTaught)).has_value());
    if (authorized) token = ask(post("/server/v1/auth", kAuth))["data"]["auth_token"];
  }
  json ask(const server::ServerRequest& request, WallTime now = kNow) {
    judgement = simulator->judge(request, now);
    const server::ServerResponse response = simulator->answer(judgement);
    status = response.status;
    return response.body.empty() ? json() : json::parse(response.body);
  }
  json send(const char* path, const std::string& name, const json& value, WallTime now = kNow) {
    return ask(post(path, "auth_token=" + token + '&' + name + '=' + escaped(value.dump())), now);
  }
  /// As the sandbox does once a push was answered.
  std::vector<ReceiptPost> deliver() {
    std::vector<ReceiptEvent> events;
    for (const TokenVerdict& one : judgement.tokens)
      if (one.reason.empty() && one.receipts && judgement.receipts)
        events.push_back({.token = one.token,
                          .status = {},
                          .id = judgement.id,
                          .tag = one.tag.empty() ? std::string_view(judgement.tag) : one.tag,
                          .app = judgement.topic,
                          .variant = judgement.variant});
    if (events.empty()) return {};
    return simulator->receipts(events, {}, kNow).value();
  }
  std::unique_ptr<VendorSimulator> simulator;
  Judgement judgement;
  std::string token;
  int status = 0;
};

TEST_CASE("oppo: a grant for a right signature", "[sandbox][oppo]") {
  struct Row {
    const char* body;
    std::int64_t now;
  };
  const Row row = GENERATE(values<Row>({
      {kAuth, 1'719'792'000'123},
      {kAuth, 1'719'792'600'000},  // ten minutes
      {kAuth, 1'719'791'400'000},
      {"app_key=appkey&timestamp=1700000000000"
       "&sign=b4048b7b7e89b93a02e1259ab0b788a3f0641748a671e43137bf99f540a28b87",
       1'700'000'000'000},
      {"sdk_version=1&app_key=ak&timestamp=1795225887403"
       "&sign=298ef54b0b67f27bc088f31daa75df908954a8a4a507a99bc91d9da4adef8927",
       1'795'225'887'405},
  }));
  CAPTURE(row.body);
  Simulated oppo({}, false);
  const json reply = oppo.ask(post("/server/v1/auth", row.body), wall_from_ms(row.now));
  CAPTURE(reply.dump());
  CHECK(reply["code"] == 0);
  CHECK(reply["message"] == "success");
  CHECK(reply["data"]["auth_token"].get<std::string>().size() > 30);
  CHECK(reply["data"]["create_time"] == row.now);
  CHECK_FALSE(oppo.judgement.push);
  CHECK(oppo.judgement.authorized);
}

TEST_CASE("oppo: no grant", "[sandbox][oppo]") {
  const std::string key = "app_key=a1b2c3d4e5f60718293a4b5c6d7e8f90";
  const std::string time = "&timestamp=1719792000000";
  const std::string sign = "&sign=7d58675494d228944abacb874dba394c00fb89a0ecc8a613b5ae4f2311080768";
  struct Row {
    const char* name;
    std::string body;
    std::int64_t late_ms;
    int code;
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"no key", time.substr(1) + sign, 0, 15},
      {"empty key", "app_key=" + time + sign, 0, 15},
      {"no time", key + sign, 0, 18},
      {"no sign", key + time, 0, 17},
      {"unknown key", "app_key=other" + time + sign, 0, 14},
      {"seconds", key + "&timestamp=1719792000" + sign, 0, 19},
      {"time is no number", key + "&timestamp=171979200000x" + sign, 0, 19},
      {"too late", key + time + sign, 600'001, 19},
      {"too early", key + time + sign, -600'001, 19},
      {"another time was signed", key + "&timestamp=1719792000001" + sign, 0, 16},
      {"upper-case sign", key + time + "&sign=7D58675494D228944ABACB874DBA394C00FB89A0ECC8A613B5AE4F2311080768", 0, 16},
      {"half a sign", key + time + "&sign=7d58675494d228944abacb874dba394c", 0, 16},
      {"a field too many", key + time + sign + "&master_secret=x", 0, 41},
      {"a field twice", key + time + sign + "&sign=a", 0, 41},
      {"no form", R"({"app_key":"a"})", 0, 41},
      {"not UTF-8", key + time + "&sign=%ff", 0, 25},
      {"nothing", "", 0, 15},
  }));
  CAPTURE(row.name);
  Simulated oppo({}, false);
  const json reply = oppo.ask(post("/server/v1/auth", row.body), kNow + milliseconds(row.late_ms));
  CAPTURE(reply.dump());
  CHECK(reply["code"] == row.code);
  CHECK_FALSE(oppo.judgement.authorized);
  CHECK(oppo.status == 200);
}

TEST_CASE("oppo: the grant is wanted everywhere, by field or header, for 24 hours", "[sandbox][oppo]") {
  Simulated oppo;
  for (const char* path : {kUnicast, kBatch, kSave, kBroadcast}) {
    CHECK(oppo.ask(post(path, "a=b"))["code"] == 29);
    CHECK(oppo.ask(post(path, "auth_token=&a=b"))["code"] == 29);
    CHECK(oppo.ask(post(path, "auth_token=bd4c2a6e-fd3f-4d1c-a1c8-1b9a37c6e0aa"))["code"] == 11);
  }
  CHECK(oppo.ask(post(kUnicast, "auth_token=x"))["message"] == "Invalid Auth Token");
  auto request = post(kUnicast, "message=" + escaped(message(kLive).dump()));
  request.headers.emplace_back("auth_token", oppo.token);
  CHECK(oppo.ask(request)["code"] == 0);
  request.headers.back().second += "x";
  CHECK(oppo.ask(request)["code"] == 11);
  CHECK(oppo.send(kUnicast, "message", message(kLive), kNow + std::chrono::hours(24) - milliseconds(1))["code"] == 0);
  CHECK(oppo.send(kUnicast, "message", message(kLive), kNow + std::chrono::hours(24))["code"] == 11);
  oppo.ask(post("/server/v1/auth", kAuth));
  CHECK(oppo.send(kUnicast, "message", message(kLive))["code"] == 0);  // another grant leaves this one alone
}

TEST_CASE("oppo: one push", "[sandbox][oppo]") {
  Simulated oppo;
  const json reply = oppo.send(kUnicast, "message", message(kLive));
  CHECK(reply["code"] == 0);
  CHECK(reply["data"]["messageId"] == oppo.judgement.id);
  CHECK(oppo.judgement.topic == "a1b2c3d4e5f60718293a4b5c6d7e8f90");
  CHECK(oppo.send(kUnicast, "message", message(kGone)) ==
        json{{"code", 10001}, {"message", "registration_id has unsubscribed"}});
  CHECK(oppo.send(kUnicast, "message", message("CN_00000000000000000000000000000000"))["code"] == 10000);
  CHECK(oppo.send(kUnicast, "message", message("theirs"))["code"] == 10000);
  CHECK(oppo.send(kUnicast, "message", message("short"))["code"] == 0);
  json alias = message("somebody");
  alias["target_type"] = 5;
  CHECK(oppo.send(kUnicast, "message", alias)["code"] == 0);
}

TEST_CASE("oppo: requests refused", "[sandbox][oppo]") {
  const auto changed = [](const json& changes) {
    json value = message(kLive);
    value.merge_patch(changes);
    return value;
  };
  struct Row {
    const char* name;
    const char* path;
    std::string field;
    json value;
    int code;
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"message in messages", kUnicast, "messages", message(kLive), 41},
      {"no message", kUnicast, "sdk_version", "1", 40},
      {"message a list", kUnicast, "message", json::array({message(kLive)}), 41},
      {"no target_type", kUnicast, "message", changed({{"target_type", nullptr}}), 40},
      {"target_type 1", kUnicast, "message", changed({{"target_type", 1}}), 41},
      {"target_type as text", kUnicast, "message", changed({{"target_type", "2"}}), 41},
      {"no target_value", kUnicast, "message", changed({{"target_value", nullptr}}), 40},
      {"blank target_value", kUnicast, "message", changed({{"target_value", " "}}), 40},
      {"two targets", kUnicast, "message", changed({{"target_value", "a;b"}}), 41},
      {"no notification", kUnicast, "message", changed({{"notification", nullptr}}), 40},
      {"notification as text", kUnicast, "message", changed({{"notification", "{}"}}), 41},
      {"verify as text", kUnicast, "message", changed({{"verify_registration_id", "false"}}), 41},
      {"unknown member", kUnicast, "message", changed({{"registration_id", "a"}}), 41},
      {"no title", kUnicast, "message", changed({{"notification", {{"title", nullptr}}}}), 40},
      {"bad level", kUnicast, "message", changed({{"notification", {{"notify_level", 3}}}}), 67},
      {"batch in message", kBatch, "message", json::array({message(kLive)}), 40},
      {"batch an object", kBatch, "messages", message(kLive), 41},
      {"batch empty", kBatch, "messages", json::array(), 41},
      {"batch of 1001", kBatch, "messages", json(1001, message(kLive)), 41},
      {"an item is bad", kBatch, "messages", json::array({message(kLive), changed({{"target_type", 9}})}), 41},
      {"save without title", kSave, "content", "a", 40},
      {"broadcast of nothing", kBroadcast, "target_type", 2, 40},
  }));
  CAPTURE(row.name);
  Simulated oppo;
  const json reply = oppo.send(row.path, row.field, row.value);
  CAPTURE(reply.dump());
  CHECK(reply["code"] == row.code);
  CHECK_FALSE(oppo.judgement.accepted());
}

TEST_CASE("oppo: forms refused", "[sandbox][oppo]") {
  Simulated oppo;
  const std::string token = "auth_token=" + oppo.token;
  CHECK(oppo.ask(post(kUnicast, token + "&message=%7B"))["code"] == 41);
  CHECK(oppo.ask(post(kUnicast, token + "&message=%ff"))["code"] == 25);
  CHECK(oppo.ask(post(kSave, token + "&title=a&content=b&target_value=c"))["code"] == 41);
  CHECK(oppo.ask(post(kSave, token + "&title=a&title=b&content=b"))["code"] == 41);
  CHECK(oppo.ask(post(kBroadcast, token + "&message_id=none&target_type=1&target_value="))["code"] == 31);
  auto get = post(kUnicast, token);
  get.method = "GET";
  CHECK(oppo.ask(get)["code"] == 12);
  auto typed = post(kUnicast, token);
  typed.headers[0].second = "application/json";
  CHECK(oppo.ask(typed)["code"] == 41);
  CHECK(oppo.ask(post("/server/v2/auth", kAuth)).is_null());
  CHECK(oppo.status == 404);
}

TEST_CASE("oppo: a batch answers item by item", "[sandbox][oppo]") {
  Simulated oppo;
  const json reply = oppo.send(kBatch, "messages", {message(kLive, "o-11"), message(kGone, "o-12"), message(kLive)});
  CAPTURE(reply.dump());
  REQUIRE(reply["data"].size() == 3);
  CHECK(reply["data"][0]["registrationId"] == kLive);
  CHECK(reply["data"][0]["messageId"].get<std::string>().size() == 24);
  CHECK_FALSE(reply["data"][0].contains("errorCode"));
  CHECK(reply["data"][1] ==
        json{{"registrationId", kGone}, {"errorCode", 10001}, {"errorMessage", "registration_id has unsubscribed"}});
  CHECK(reply["data"][2]["errorCode"] == 10004);

  const auto posts = oppo.deliver();
  REQUIRE(posts.size() == 1);
  const json receipts = json::parse(posts[0].body);
  REQUIRE(receipts.size() == 1);
  CHECK(receipts[0]["messageId"] == reply["data"][0]["messageId"]);
  CHECK(receipts[0]["taskId"] == receipts[0]["messageId"]);
  CHECK(receipts[0]["param"] == "p-o-11");
}

TEST_CASE("oppo: a saved body is broadcast", "[sandbox][oppo]") {
  Simulated oppo;
  const std::string token = "auth_token=" + oppo.token;
  const std::string saved = token +
                            "&app_message_id=camp-2026-11-21&title=%E7%89%88%E6%9C%AC%E6%9B%B4%E6%96%B0"
                            "&content=%E6%96%B0%E7%89%88%E6%9C%AC%E5%B7%B2%E5%8F%91%E5%B8%83&click_action_type=2"
                            "&click_action_url=https%3A%2F%2Fexample.com%2Frelease%3Fv%3D3&off_line=true"
                            "&off_line_ttl=86400&channel_id=marketing&category=MARKETING&notify_level=1"
                            "&call_back_url=https%3A%2F%2Fpush.example.com%2Fcb&call_back_parameter=c-1";
  const json body = oppo.ask(post(kSave, saved));
  const std::string id = body["data"]["message_id"];
  CHECK(oppo.ask(post(kSave, saved))["data"]["message_id"] == id);  // stored once

  const auto broadcast = [&](const std::string& targets) {
    return oppo.ask(post(kBroadcast, token + "&message_id=" + id + targets));
  };
  const std::string both = std::string("&target_type=2&target_value=") + kLive + "%3B" + kGone + "%3Bnobody%3B" + kLive;
  const json reply = broadcast(both);
  CAPTURE(reply.dump());
  CHECK(reply["code"] == 0);
  CHECK(reply["data"]["message_id"] == id);
  CHECK(reply["data"]["task_id"] == oppo.judgement.id);
  CHECK(reply["data"]["10000"] == json{"nobody"});
  CHECK(reply["data"]["10001"] == json{kGone});
  CHECK(reply["data"]["10004"] == json{kLive});
  const json receipts = json::parse(oppo.deliver().at(0).body);
  REQUIRE(receipts.size() == 1);
  CHECK(receipts[0] == json{{"messageId", id},
                            {"appId", "a1b2c3d4e5f60718293a4b5c6d7e8f90"},
                            {"taskId", reply["data"]["task_id"]},
                            {"registrationIds", kLive},
                            {"eventTime", "1719792000000"},
                            {"param", "c-1"},
                            {"eventType", "push_arrive"}});

  CHECK(broadcast("&target_type=1")["code"] == 0);
  CHECK(broadcast("&target_type=5&target_value=alias")["code"] == 0);
  CHECK(broadcast("&target_type=1&target_value=a")["code"] == 40);
  CHECK(broadcast("&target_type=2")["code"] == 40);
  CHECK(broadcast("&target_type=2&target_value=a%3B")["code"] == 41);
  CHECK(broadcast("&target_type=3&target_value=a")["code"] == 41);
  CHECK(broadcast("&target_type=x&target_value=a")["code"] == 41);
  CHECK(broadcast("&target_type=1&notify_id=1")["code"] == 41);
  std::string many = "&target_type=2&target_value=a";
  for (int i = 0; i < 1000; ++i) many += "%3B" + std::to_string(i);
  CHECK(broadcast(many)["code"] == 41);

  // Another app's body is none.
  oppo.token = oppo.ask(post("/server/v1/auth",
                             "app_key=ak&timestamp=1795225887403"
                             "&sign=298ef54b0b67f27bc088f31daa75df908954a8a4a507a99bc91d9da4adef8927"),
                        wall_from_ms(1'795'225'887'403))["data"]["auth_token"];
  CHECK(oppo.ask(post(kBroadcast, "auth_token=" + oppo.token + "&message_id=" + id + "&target_type=1"))["code"] == 31);
}

TEST_CASE("oppo: a day's quota meets public messages, and no other", "[sandbox][oppo]") {
  Simulated oppo;
  REQUIRE(oppo.simulator->teach(json::parse(R"({"apps":[{"app_key":"a1b2c3d4e5f60718293a4b5c6d7e8f90",
      "master_secret":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","public_per_day":2}]})")));
  int sent = 0;
  const auto code = [&](const char* category, WallTime now = kNow) {
    json one = message(kLive, ("m-" + std::to_string(++sent)).c_str());
    one["notification"].erase("notify_level");
    one["notification"].erase("category");
    if (category[0] != '\0') one["notification"]["category"] = category;
    return oppo.send(kUnicast, "message", one, now)["code"].get<int>();
  };
  CHECK(code("NEWS") == 0);
  CHECK(code("IM") == 0);
  CHECK(code("") == 0);
  for (const char* category : {"", "NEWS", "CONTENT", "MARKETING", "SOCIAL"}) CHECK(code(category) == 33);
  for (const char* category : {"IM", "ACCOUNT", "ORDER"}) CHECK(code(category) == 0);
  json batch = json::array({message(kLive, "b-1"), message("short", "b-2")});
  CHECK(oppo.send(kBatch, "messages", batch)["code"] == 0);
  batch[1]["notification"].erase("notify_level");
  batch[1]["notification"]["category"] = "SOCIAL";
  CHECK(oppo.send(kBatch, "messages", batch)["code"] == 33);
  // 16:00 UTC is midnight in China.
  const WallTime before =
      kNow + std::chrono::hours(16) - milliseconds(1) - (kNow - std::chrono::floor<std::chrono::days>(kNow));
  CHECK(code("", before) == 33);
  CHECK(code("", before + milliseconds(1)) == 0);
}

TEST_CASE("oppo: bodies have a quota of their own", "[sandbox][oppo]") {
  Simulated oppo;
  REQUIRE(oppo.simulator->teach(json::parse(R"({"apps":[{"app_key":"a1b2c3d4e5f60718293a4b5c6d7e8f90",
      "master_secret":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","contents_per_day":1,"public_per_day":2}]})")));
  const std::string saved = "auth_token=" + oppo.token + "&title=a&content=b&category=MARKETING&app_message_id=";
  const std::string id = oppo.ask(post(kSave, saved + "1"))["data"]["message_id"];
  CHECK(oppo.ask(post(kSave, saved + "2"))["code"] == 34);
  const auto broadcast = [&](const char* targets) {
    return oppo.ask(post(kBroadcast, "auth_token=" + oppo.token + "&message_id=" + id +
                                         "&target_type=2&target_value=" + targets))["code"];
  };
  CHECK(broadcast("a%3Bb%3Bc") == 33);
  CHECK(broadcast("a%3Bb") == 0);
  CHECK(broadcast("a") == 33);
  CHECK(oppo.send(kUnicast, "message", message(kLive))["code"] == 0);
  oppo.simulator->forget();
  REQUIRE(oppo.simulator->teach(json::parse(kTaught)));
  oppo.token = oppo.ask(post("/server/v1/auth", kAuth))["data"]["auth_token"];
  for (int i = 0; i < 3; ++i)
    CHECK(oppo.ask(post(kSave, "auth_token=" + oppo.token +
                                   "&title=a&content=b&app_message_id=" + std::to_string(i)))["code"] == 0);
}

TEST_CASE("oppo: a repeated app_message_id is taken, but delivered once", "[sandbox][oppo]") {
  Simulated oppo;
  CHECK(oppo.send(kUnicast, "message", message(kLive))["code"] == 0);
  // Judged, but then a fault script refused it: nothing was delivered.
  CHECK(oppo.send(kUnicast, "message", message(kLive))["code"] == 0);
  CHECK(oppo.deliver().size() == 1);
  CHECK(oppo.send(kUnicast, "message", message(kLive))["code"] == 0);
  CHECK(oppo.deliver().empty());
  CHECK(oppo.send(kBatch, "messages", {message(kLive), message("short")})["code"] == 0);
  CHECK(json::parse(oppo.deliver().at(0).body).size() == 1);
  CHECK(oppo.send(kUnicast, "message", message(kLive, "m-1002"))["code"] == 0);
  CHECK(oppo.deliver().size() == 1);
  CHECK(oppo.send(kUnicast, "message", message(kLive, ""))["code"] == 0);
  CHECK(oppo.deliver().size() == 1);
  CHECK(oppo.send(kUnicast, "message", message(kLive, ""))["code"] == 0);
  CHECK(oppo.deliver().size() == 1);
  json silent = message("short", "m-9");
  silent["notification"].erase("call_back_url");
  CHECK(oppo.send(kUnicast, "message", silent)["code"] == 0);
  CHECK(oppo.deliver().empty());
}

TEST_CASE("oppo: scripts", "[sandbox][oppo]") {
  Simulated oppo;
  oppo.send(kUnicast, "message", message(kLive));
  CHECK(oppo.simulator->tells(oppo.judgement, "10000"));
  CHECK_FALSE(oppo.simulator->tells(oppo.judgement, "11"));
  CHECK_FALSE(oppo.simulator->tells(oppo.judgement, "-1"));
  const auto scripted = [&](int status, const char* reason) {
    return oppo.simulator->answer(oppo.judgement, {.status = status, .reason = reason});
  };
  CHECK(json::parse(scripted(200, "33").body) == json{{"code", 33}, {"message", "Daily Message Limit Exceeded"}});
  CHECK(json::parse(scripted(200, "-2").body)["code"] == -2);
  CHECK(json::parse(scripted(200, "777").body)["message"] == "Refused");
  CHECK(scripted(502, "").body.empty());
  CHECK(scripted(200, "<html>").body == "<html>");
  oppo.judgement.tokens[0].reason = "10005";
  CHECK(json::parse(oppo.simulator->answer(oppo.judgement).body)["code"] == 10005);
  const std::vector<ReceiptEvent> events = {{.token = kLive, .status = "regid_invalid", .id = "i"}};
  CHECK(json::parse(oppo.simulator->receipts(events, {}, kNow)->at(0).body)[0]["eventType"] == "regid_invalid");
  const std::vector<ReceiptEvent> odd = {{.token = kLive, .status = "clicked"}};
  CHECK(oppo.simulator->receipts(odd, {}, kNow).error().code == Errc::Malformed);
}

TEST_CASE("oppo: with accept_any unknown apps and well-formed ids are good", "[sandbox][oppo]") {
  Simulated oppo({.accept_any = true});
  CHECK(oppo.send(kUnicast, "message", message(kLive))["code"] == 0);
  CHECK(oppo.send(kUnicast, "message", message("nobody"))["code"] == 10000);
  CHECK(oppo.ask(post("/server/v1/auth", "app_key=x&timestamp=1719792000000&sign=y"))["code"] == 16);
  REQUIRE(oppo.simulator->teach(json::parse(kTaught)).has_value());
  CHECK(oppo.send(kUnicast, "message", message(kGone))["code"] == 10001);
  const json refused = oppo.ask(post("/server/v1/auth", std::string(kAuth).replace(120, 4, "0000")));
  CHECK(refused["code"] == 16);
  oppo.simulator->forget();
  CHECK(oppo.send(kUnicast, "message", message(kLive))["code"] == 11);
}

TEST_CASE("oppo: what cannot be taught", "[sandbox][oppo]") {
  Simulated oppo({}, false);
  struct Row {
    const char* json;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {R"([])", "$: not an object"},
      {R"({"app":1})", "$.app: unknown member"},
      {R"({"apps":[{"app_key":"a"}]})", "$.apps[0].master_secret: missing or empty"},
      {R"({"apps":[{"app_key":"a","master_secret":"b","app_secret":"c"}]})", "$.apps[0].app_secret: unknown member"},
      {R"({"tokens":{}})", "$.tokens: not an array"},
  }));
  const auto taught = oppo.simulator->teach(json::parse(row.json));
  REQUIRE_FALSE(taught.has_value());
  CHECK(taught.error().detail == row.want);
}

TEST_CASE("oppo: the shape of a registration id", "[sandbox][oppo]") {
  for (const char* id : {"0123456789abcdef01234567", "CN_0123456789abcdef0123456789abcdef",
                         "realme_CN_0123456789ABCDEF0123456789ABCDEF", "OPPO_CN_0123456789abcdef01234567"})
    CHECK(oppo::is_registration_id(id));
  for (const char* id : {"", "CN_", "0123456789abcdef0123456", "CN_0123456789abcdef0123456789abcdeg",
                         "0123456789abcdef0123456789abcdef_CN", "v2-CRkvTq0c8lDjV4bQm3nXwYz0123456789abcdef"})
    CHECK_FALSE(oppo::is_registration_id(id));
}

TEST_CASE("oppo: the memory is bounded", "[sandbox][oppo]") {
  oppo::Memory memory;
  for (std::size_t i = 0; i <= oppo::Memory::kBodiesMax; ++i)
    memory.save(std::to_string(i), {.app = "a", .app_message_id = "m" + std::to_string(i)});
  CHECK_FALSE(memory.find("0"));
  CHECK(memory.find("1"));
  CHECK(memory.save("new", {.app = "a", .app_message_id = "m0"}) == "new");
  CHECK(memory.save("newer", {.app = "a", .app_message_id = "m5"}) == "5");
  CHECK(memory.save("theirs", {.app = "b", .app_message_id = "m5"}) == "theirs");
  for (std::uint64_t i = 1; i <= oppo::Memory::kDeliveriesMax + 1; ++i) memory.deliver(i);
  CHECK_FALSE(memory.delivered(1));
  CHECK(memory.delivered(2));
}

}  // namespace
}  // namespace nightpost::sandbox
