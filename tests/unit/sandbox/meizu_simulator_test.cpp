// Requests written by hand from the vendor's examples and vectors.
#include "sandbox/meizu_simulator.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "sandbox/field_text.h"
#include "sandbox/meizu_verifier.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr WallTime kMoment{milliseconds{1'795'225'887'405}};
constexpr const char* kSecret = "5f0c4f9d7a8b4c3e9d2a1b0c9f8e7d6c";
constexpr const char* kLive = "RA50c6348036344485d01776773577c64740465480a6b";
constexpr const char* kBad = "RA00000000000000000000000000000000000000bad";
constexpr const char* kTaughtTokens = R"({"apps":[{"app_id":"110123","app_secret":"5f0c4f9d7a8b4c3e9d2a1b0c9f8e7d6c"},
    {"app_id":"110124","app_secret":"other"}],
  "tokens":[{"token":"RA50c6348036344485d01776773577c64740465480a6b"},
    {"token":"RA00000000000000000000000000000000000000bad","gone":true},{"token":"muted","muted":true},
    {"token":"theirs","app":"110124"}]})";
constexpr const char* kPush = "/garcia/api/server/push/varnished/pushByPushId";
constexpr const char* kTaskPush = "/garcia/api/server/push/task/varnished/pushByPushId";
constexpr const char* kMakeTask = "/garcia/api/server/push/pushTask/getTaskId";
constexpr const char* kMessage =
    R"({"noticeBarInfo":{"title":"a","content":"b"},"extra":{"callback":"https://a.b/c","callback.param":"m-1"}})";
constexpr const char* kPublished =
    "appId=110123&pushIds=RA50c6348036344485d01776773577c64740465480a6b%2CRA00000000000000000000000000000000000000bad"
    "&messageJson=%7B%22noticeBarInfo%22%3A%7B%22noticeMsgType%22%3A1%2C%22noticeBarType%22%3A0%2C%22title%22%3A%22"
    "%E5%BC%A0%E4%B8%89%22%2C%22content%22%3A%22%E6%99%9A%E4%B8%8A%E4%B8%80%E8%B5%B7%E5%90%83%E9%A5%AD%EF%BC%9F%22%7D"
    "%2C%22noticeExpandInfo%22%3A%7B%22noticeExpandType%22%3A0%7D%2C%22clickTypeInfo%22%3A%7B%22clickType%22%3A1%2C%22"
    "activity%22%3A%22com.example.im.ChatActivity%22%2C%22parameters%22%3A%7B%22conv%22%3A%22g_42%22%2C%22seq%22%3A%22"
    "1001%22%7D%7D%2C%22pushTimeInfo%22%3A%7B%22offLine%22%3A1%2C%22validTime%22%3A24%7D%2C%22advanceInfo%22%3A%7B%22"
    "clearNoticeBar%22%3A1%2C%22notificationType%22%3A%7B%22vibrate%22%3A1%2C%22lights%22%3A1%2C%22sound%22%3A1%7D%2C"
    "%22notifyKey%22%3A%22c2_42%22%7D%2C%22extra%22%3A%7B%22callback%22%3A%22https%3A%2F%2Fpush.example.com%2Fcb%2F"
    "meizu%22%2C%22callback.param%22%3A%22m-1001%22%2C%22callback.type%22%3A%223%22%7D%7D"
    "&sign=50d07e575a7887817fa05a6893faedcb";

using Params = std::vector<std::pair<std::string, std::string>>;

/// Signed here, by hand: sorted, joined, digested.
std::string signed_body(Params params, std::string_view secret = kSecret) {
  std::sort(params.begin(), params.end());
  std::string text, body;
  for (const auto& [name, value] : params) {
    text += name + '=' + value;
    append_form_field(body, name, value);
  }
  return body + "&sign=" + md5_hex(text + std::string(secret));
}

struct Simulated {
  explicit Simulated(SimulatorOptions options = {}) : simulator(make_meizu_simulator(options)) {
    if (!options.accept_any) REQUIRE(simulator->teach(json::parse(kTaughtTokens)).has_value());
  }
  json ask(const std::string& path, std::string body, WallTime now = kMoment) {
    return ask({.method = "POST",
                .target = path,
                .headers = {{"content-type", "application/x-www-form-urlencoded;charset=UTF-8"}},
                .body = std::move(body)},
               now);
  }
  json ask(const server::ServerRequest& request, WallTime now = kMoment) {
    judgement = simulator->judge(request, now);
    const server::ServerResponse response = simulator->answer(judgement);
    status = response.status;
    return response.body.empty() ? json() : json::parse(response.body);
  }
  json push(const std::string& ids, WallTime now = kMoment) {
    return ask(kPush, signed_body({{"appId", "110123"}, {"pushIds", ids}, {"messageJson", kMessage}}), now);
  }
  std::unique_ptr<VendorSimulator> simulator;
  Judgement judgement;
  int status = 0;
};

TEST_CASE("meizu: signatures of the vendor's and the spec's vectors", "[sandbox][meizu]") {
  struct Row {
    Params params;
    const char* secret;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {{{"appId", "10000"},
        {"pushIds", "RA50c6348036344485d01776773577c64740465480a6b"},
        {"messageJson", R"({"title":"title","content":"content","pushTimeInfo":{"offLine":1,"validTime":24}})"}},
       "<APP_SECRET>",
       "ac076ff25d9900015a681cb5172aa53b"},
      {{{"messageJson", R"({"noticeBarInfo":{"noticeBarType":0,"title":"标题","content":"内容"}})"},
        {"appId", "110"},
        {"pushIds", "p1,p2"}},
       "sec",
       "5f66a0f5438de577ee06f79b1daa06ed"},
      {{{"pushIds", "RA0000000000000000000000000000000000000000001"},
        {"messageJson",
         R"({"noticeBarInfo":{"noticeMsgType":1,"title":"A+B & C=50%","content":"第1行"},"clickTypeInfo":{"clickType":2,"url":"https://example.com/p?a=1&b=2"},"pushTimeInfo":{"offLine":1,"validTime":24}})"},
        {"appId", "110"}},
       "mzsecret",
       "024f5b514698b5bdf98e7c8ea42ec4a3"},
      {{{"appId", "110"},
        {"messageJson", R"({"noticeBarInfo":{"title":"😀","content":"👨‍👩‍👧"}})"},
        {"pushIds", "p1"}},
       "sec",
       "2765ca3f78805f7f63bf29e8f0a35790"},
      {{{"appId", "110"}, {"taskId", "20457"}, {"pushIds", "p1,p2"}}, "sec", "97a056a3143e55e94d92e3d20b2a45f6"},
      {{{"appId", "110"}, {"messageJson", "{}"}, {"pushIds", "p1"}, {"restrictedPackageNames", ""}},
       "sec",
       "7c516febb2e6dad2b9efe19d72fac0be"},
  }));
  std::string body = "sign=of-no-account";
  for (const auto& [name, value] : row.params) append_form_field(body, name, value);
  const auto form = FormFields::parse(body);
  REQUIRE(form.has_value());
  CHECK(meizu::signature(*form, row.secret) == row.want);
}

TEST_CASE("meizu: the published push", "[sandbox][meizu]") {
  Simulated meizu;
  const json reply = meizu.ask(kPush, kPublished);
  CHECK(reply == json{{"code", "200"},
                      {"message", ""},
                      {"value", {{"110002", {kBad}}}},
                      {"msgId", meizu.judgement.id},
                      {"redirect", ""}});
  CHECK(meizu.judgement.tag == "m-1001");
  CHECK(meizu.judgement.receipts);
  CHECK(meizu.judgement.topic == "110123");
  CHECK(meizu.push(kLive)["value"] == json::object());
}

TEST_CASE("meizu: refused targets, by code", "[sandbox][meizu]") {
  Simulated meizu;
  const json reply = meizu.push(std::string("nobody,muted,theirs,") + kLive);
  CHECK(reply["value"] == json{{"110003", {"nobody", "theirs"}}, {"110010", {"muted"}}});
  CHECK(reply["code"] == "200");
}

TEST_CASE("meizu: requests refused", "[sandbox][meizu]") {
  const Params good = {{"appId", "110123"}, {"pushIds", kLive}, {"messageJson", kMessage}};
  const auto with = [&](const std::string& name, const std::string& value) {
    Params params = good;
    std::erase_if(params, [&](const auto& param) { return param.first == name; });
    if (value != "-") params.emplace_back(name, value);
    return signed_body(params);
  };
  std::string ids = kLive;
  for (int i = 0; i < 100; ++i) ids += ",p" + std::to_string(i);
  std::string spaced = std::string(kMessage).replace(1, 0, " ");
  struct Row {
    const char* name;
    std::string body;
    const char* code;
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"no appId", with("appId", "-"), "110004"},
      {"unknown appId", with("appId", "110125"), "110000"},
      {"another app's secret", signed_body(good, "other"), "1006"},
      {"no sign", signed_body(good).substr(0, signed_body(good).find("&sign=")), "1006"},
      {"a sign over what was escaped",
       std::string(kPublished).replace(std::string(kPublished).size() - 32, 32, "ac076ff25d9900015a681cb5172aa53b"),
       "1006"},
      {"upper-case sign",
       std::string(kPublished).replace(std::string(kPublished).size() - 32, 32, "50D07E575A7887817FA05A6893FAEDCB"),
       "1006"},
      {"changed behind the signature", signed_body(good) + "&restrictedPackageNames=a", "1006"},
      {"no targets", with("pushIds", "-"), "110004"},
      {"empty targets", with("pushIds", ""), "110004"},
      {"101 targets", with("pushIds", ids), "1005"},
      {"trailing comma", with("pushIds", std::string(kLive) + ","), "1005"},
      {"no message", with("messageJson", "-"), "110004"},
      {"message is no JSON", with("messageJson", "{"), "1005"},
      {"message without text", with("messageJson", "{}"), "1005"},
      {"an unknown parameter", with("channel_id", "a"), "1005"},
      {"a task's id", with("taskId", "1"), "1005"},
      {"a parameter twice", signed_body(good) + "&appId=110123", "1005"},
      {"no form", "appId=100%", "1005"},
      {"not UTF-8", "appId=%ff", "1005"},
  }));
  CAPTURE(row.name);
  Simulated meizu;
  const json reply = meizu.ask(kPush, row.body);
  CAPTURE(reply.dump());
  CHECK(reply["code"] == row.code);
  CHECK(reply["value"] == "");
  CHECK_FALSE(meizu.judgement.accepted());
}

TEST_CASE("meizu: a message reformatted after signing is refused", "[sandbox][meizu]") {
  Simulated meizu;
  std::string body = signed_body({{"appId", "110123"}, {"pushIds", kLive}, {"messageJson", kMessage}});
  body.insert(body.find("messageJson=%7B") + 15, "+");
  const json reply = meizu.ask(kPush, body);
  CHECK(reply["code"] == "1006");
  CHECK(reply["message"] == "签名认证失败");
}

TEST_CASE("meizu: tasks", "[sandbox][meizu]") {
  Simulated meizu;
  const Params make = {{"appId", "110123"}, {"pushType", "0"}, {"messageJson", kMessage}};
  const json made = meizu.ask(kMakeTask, signed_body(make));
  REQUIRE(made["value"]["taskId"].is_number_integer());
  CHECK(made["value"]["pushType"] == 0);
  CHECK(made["value"]["appId"] == "110123");
  const std::string task = std::to_string(made["value"]["taskId"].get<int>());
  const auto send = [&](const std::string& id, const std::string& app = "110123", const char* secret = kSecret) {
    return meizu.ask(
        kTaskPush, signed_body({{"appId", app}, {"taskId", id}, {"pushIds", std::string(kLive) + "," + kBad}}, secret));
  };
  CHECK(send(task)["value"] == json{{"110002", {kBad}}});
  CHECK(meizu.judgement.tag == "m-1");
  CHECK(meizu.judgement.receipts);
  CHECK(send("1") == json{{"code", "110032"},
                          {"message", "非法的taskId"},
                          {"value", ""},
                          {"redirect", ""},
                          {"detail", "taskId: missing, or not of this app"}});
  CHECK(send(task, "110124", "other")["code"] == "110032");
  CHECK(meizu.ask(kTaskPush,
                  "appId=110123&taskId=20457&pushIds=RA50c6348036344485d01776773577c64740465480a6b"
                  "&sign=123bfa95437fc578ded16c7c78e9b445")["code"] == "110032");
  CHECK(meizu.ask(kMakeTask, signed_body({{"appId", "110123"}, {"messageJson", kMessage}}))["code"] == "1005");
}

TEST_CASE("meizu: private messages want a grant", "[sandbox][meizu]") {
  Simulated meizu;
  json app = {{"app_id", "110123"}, {"app_secret", kSecret}, {"no_private", true}};
  REQUIRE(meizu.simulator->teach({{"apps", json::array({app})}}).has_value());
  const auto send = [&](int kind) {
    const json message = {{"noticeBarInfo", {{"noticeMsgType", kind}, {"title", "a"}, {"content", "b"}}}};
    const std::string ids = std::string(kLive) + "," + kBad;
    return meizu.ask(kPush, signed_body({{"appId", "110123"}, {"pushIds", ids}, {"messageJson", message.dump()}}))
        .at("value");
  };
  CHECK(send(1) == json{{"201", {kLive}}, {"110002", {kBad}}});
  CHECK(send(0) == json{{"110002", {kBad}}});
  CHECK(meizu.push(kLive)["value"] == json::object());
  const json message = {{"noticeBarInfo", {{"noticeMsgType", 1}, {"title", "a"}, {"content", "b"}}}};
  const json made =
      meizu.ask(kMakeTask, signed_body({{"appId", "110123"}, {"pushType", "0"}, {"messageJson", message.dump()}}));
  const std::string task = std::to_string(made["value"]["taskId"].get<int>());
  CHECK(meizu.ask(kTaskPush, signed_body({{"appId", "110123"}, {"taskId", task}, {"pushIds", kLive}}))["value"] ==
        json{{"201", {kLive}}});
  app.erase("no_private");
  REQUIRE(meizu.simulator->teach({{"apps", json::array({app})}}).has_value());
  CHECK(send(1) == json{{"110002", {kBad}}});
}

TEST_CASE("meizu: a device gets a few public messages a day", "[sandbox][meizu]") {
  Simulated meizu;
  json app = {{"app_id", "110123"}, {"app_secret", kSecret}, {"public_per_device", 2}};
  REQUIRE(meizu.simulator->teach({{"apps", json::array({app})}}).has_value());
  const auto send = [&](int kind, WallTime now = kMoment) {
    const json message = {{"noticeBarInfo", {{"noticeMsgType", kind}, {"title", "a"}, {"content", "b"}}}};
    const std::string ids = std::string(kLive) + "," + kBad;
    const std::string body = signed_body({{"appId", "110123"}, {"pushIds", ids}, {"messageJson", message.dump()}});
    return meizu.ask(kPush, body, now).at("value");
  };
  const json sent = {{"110002", {kBad}}}, full = {{"110011", {kLive}}, {"110002", {kBad}}};
  CHECK(send(0) == sent);
  CHECK(send(1) == sent);  // a private one, which is not counted
  CHECK(send(0) == sent);
  CHECK(send(0) == full);
  CHECK(send(1) == sent);
  CHECK(send(0, kMoment + std::chrono::hours(14)) == full);  // it is 09:51 there
  CHECK(send(0, kMoment + std::chrono::hours(15)) == sent);
  app.erase("public_per_device");
  REQUIRE(meizu.simulator->teach({{"apps", json::array({app})}}).has_value());
  for (int i = 0; i < 4; ++i) CHECK(send(0, kMoment + std::chrono::hours(16) + std::chrono::minutes(i)) == sent);
  for (const json& wrong : {json(0), json(-1), json("3"), json(1.5), json(1'000'001)}) {
    app["public_per_device"] = wrong;
    CHECK_FALSE(meizu.simulator->teach({{"apps", json::array({app})}}).has_value());
  }
}

TEST_CASE("meizu: the sixth message of a minute is folded", "[sandbox][meizu]") {
  Simulated meizu;
  for (int i = 0; i < 5; ++i) CHECK(meizu.push(kLive, kMoment + seconds(i))["value"] == json::object());
  const json folded = meizu.push(kLive, kMoment + milliseconds(59'999));
  CHECK(folded["value"] == json{{"520", {kLive}}});
  CHECK(meizu.push(kLive, kMoment + seconds(60))["value"] == json::object());
  // What a script refuses was never sent.
  meizu.simulator->forget();
  REQUIRE(meizu.simulator->teach(json::parse(kTaughtTokens)).has_value());
  for (int i = 0; i < 9; ++i) {
    meizu.judgement = meizu.simulator->judge(
        {.method = "POST",
         .target = kPush,
         .headers = {{"content-type", "application/x-www-form-urlencoded"}},
         .body = signed_body({{"appId", "110123"}, {"pushIds", kLive}, {"messageJson", kMessage}})},
        kMoment);
    CHECK(meizu.judgement.tokens.at(0).reason.empty());
    meizu.simulator->answer(meizu.judgement, {.status = 503, .reason = ""});
  }
}

TEST_CASE("meizu: paths and methods", "[sandbox][meizu]") {
  Simulated meizu;
  CHECK(meizu.ask("/garcia/api/server/push/unvarnished/pushByPushId", kPublished)["code"] == "110053");
  meizu.ask("/garcia/api/server/push/varnished/pushById", kPublished);
  CHECK(meizu.status == 404);
  meizu.ask("/ups/api/server/push/varnished/pushByPushId", kPublished);
  CHECK(meizu.status == 404);
  meizu.ask(server::ServerRequest{.method = "GET", .target = kPush});
  CHECK(meizu.status == 405);
  CHECK(meizu.ask({.method = "POST", .target = kPush, .headers = {{"content-type", "application/json"}}})["code"] ==
        "1005");
  const Params alias = {{"appId", "110123"}, {"alias", "a,b"}, {"messageJson", kMessage}};
  CHECK(meizu.ask("/garcia/api/server/push/varnished/pushByAlias", signed_body(alias))["code"] == "200");
  const Params tags = {
      {"appId", "110123"}, {"pushType", "0"}, {"tagNames", "a"}, {"scope", "0"}, {"messageJson", kMessage}};
  CHECK(meizu.ask("/garcia/api/server/push/pushTask/pushToTag", signed_body(tags))["code"] == "200");
}

TEST_CASE("meizu: scripts: 110010 in both places", "[sandbox][meizu]") {
  Simulated meizu;
  meizu.push(kLive);
  CHECK(meizu.simulator->tells(meizu.judgement, "110010"));
  CHECK(meizu.simulator->tells(meizu.judgement, "201"));
  CHECK_FALSE(meizu.simulator->tells(meizu.judgement, "1003"));
  const auto scripted = meizu.simulator->answer(meizu.judgement, {.status = 200, .reason = "110010"});
  CHECK(json::parse(scripted.body) ==
        json{{"code", "110010"}, {"message", "应用请求频率超过限制"}, {"value", ""}, {"redirect", ""}});
  meizu.judgement.tokens[0].reason = "110010";
  const json told = json::parse(meizu.simulator->answer(meizu.judgement).body);
  CHECK(told["code"] == "200");
  CHECK(told["value"] == json{{"110010", {kLive}}});
  CHECK(meizu.simulator->answer(meizu.judgement, {.status = 502, .reason = ""}).body.empty());
}

TEST_CASE("meizu: receipts are a form with the receiver's token", "[sandbox][meizu]") {
  Simulated meizu;
  const std::vector<ReceiptEvent> events = {{.token = kLive, .status = "", .id = "c2ee", .tag = "m-1001"},
                                            {.token = "b", .status = "1", .id = "c2ee", .tag = "m-1001"},
                                            {.token = kLive, .status = "2", .id = "c2ee", .tag = "m-1001"}};
  const auto posts = meizu.simulator->receipts(events, {.user = "", .key = "s&cret"}, kMoment);
  REQUIRE(posts.has_value());
  REQUIRE(posts->size() == 1);
  const auto form = FormFields::parse((*posts)[0].body);
  REQUIRE(form.has_value());
  CHECK(form->all().size() == 2);
  CHECK(form->value("access_token") == "s&cret");
  CHECK(json::parse(form->value("cb")) ==
        json{{"c2ee-1", {{"param", "m-1001"}, {"type", 1}, {"targets", {kLive, "b"}}}},
             {"c2ee-2", {{"param", "m-1001"}, {"type", 2}, {"targets", {kLive}}}}});
  const std::vector<ReceiptEvent> odd = {{.token = kLive, .status = "3"}};
  CHECK_FALSE(meizu.simulator->receipts(odd, {}, kMoment).has_value());
}

TEST_CASE("meizu: accept_any, and what cannot be taught", "[sandbox][meizu]") {
  Simulated any({.accept_any = true});
  const Params params = {{"appId", "1"}, {"pushIds", "whoever"}, {"messageJson", kMessage}};
  for (int i = 0; i < 7; ++i) CHECK(any.ask(kPush, signed_body(params, "x"))["value"] == json::object());
  CHECK(any.ask(kPush, signed_body(params).substr(0, 40))["code"] != "200");
  Simulated meizu;
  CHECK(meizu.simulator->teach(json::parse(R"({"apps":[{"app_id":"1"}]})")).error().detail ==
        "$.apps[0].app_secret: missing or empty");
  CHECK(meizu.simulator->teach(json::parse(R"({"keys":[]})")).error().detail == "$.keys: unknown member");
  meizu.simulator->forget();
  CHECK(meizu.ask(kPush, kPublished)["code"] == "110000");
}

TEST_CASE("meizu: what was counted is bounded", "[sandbox][meizu]") {
  meizu::Folding folding;
  for (int i = 0; i < 5; ++i) folding.count("a", "first", kMoment);
  CHECK(folding.folds("a", "first", kMoment));
  CHECK_FALSE(folding.folds("b", "first", kMoment));
  for (std::size_t i = 0; i <= meizu::Folding::kDevicesMax; ++i) folding.count("a", std::to_string(i), kMoment);
  CHECK_FALSE(folding.folds("a", "first", kMoment));
}

}  // namespace
}  // namespace nightpost::sandbox
