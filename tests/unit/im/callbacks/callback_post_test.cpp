// A callback as a request: its query, its signature, its body in TIM's words.
#include "im/callbacks/callback_post.h"

#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

using namespace nightpost;
using namespace nightpost::im;
using nlohmann::json;

namespace {

CallbackJob job(std::string body = R"({"CallbackCommand":"C2C.CallbackAfterSendMsg"})") {
  return {.id = 12,
          .app = AppId{1400000001},
          .command = "C2C.CallbackAfterSendMsg",
          .client_ip = "2001:db8::1",
          .platform = "iOS",
          .body = std::move(body)};
}

CallbackPost post(const CallbackJob& one, const CallbackTarget& to = {.url = "https://a.example/im", .secret = {}}) {
  const CallbackJob* const jobs[] = {&one};
  auto made = callback_post(to, jobs, wall_from_ms(1'700'000'000'999));
  REQUIRE(made);
  return *std::move(made);
}

std::map<std::string, std::string> headers(const CallbackPost& post) {
  return {post.headers.begin(), post.headers.end()};
}

}  // namespace

TEST_CASE("callback post: the query says whose and which", "[im][callbacks]") {
  const CallbackPost made = post(job());
  CHECK(made.url ==
        "https://a.example/im?SdkAppid=1400000001&CallbackCommand=C2C.CallbackAfterSendMsg&contenttype=json&"
        "ClientIP=2001%3Adb8%3A%3A1&OptPlatform=iOS");
  CHECK(headers(made)["x-nightpost-callback-id"] == "1400000001-12");
  CHECK(headers(made)["content-type"] == "application/json; charset=utf-8");
  CHECK_FALSE(headers(made).contains("x-nightpost-signature"));
  CHECK(post(job(), {.url = "https://a.example/im?x=1", .secret = {}})
            .url.starts_with("https://a.example/im?x=1&SdkAppid=1400000001&"));
}

TEST_CASE("callback post: it is signed by the secret", "[im][callbacks]") {
  const CallbackPost made = post(job(), {.url = "https://a.example/im", .secret = "s3cret"});
  // printf s3cret1700000000 | sha256sum
  CHECK(made.url.ends_with(
      "&RequestTime=1700000000&Sign=947c9c46a0e3d2563f8518b7a763483ed73b29c7a6da2d61ac71faa623eaba3b"));
  // printf '%s' '1700000000.1400000001-12.{"CallbackCommand":"C2C.CallbackAfterSendMsg"}' | openssl dgst -sha256 -hmac
  // s3cret
  CHECK(headers(made)["x-nightpost-signature"] ==
        "sha256=5fa3c3cc2b1dda96dcb482a199ed3998ca2dc9a9bc6146b8a84f2aa602336e98");
  CHECK_FALSE((made.url + made.body).contains("s3cret"));
  const CallbackPost other = post(job("{}"), {.url = "https://a.example/im", .secret = "s3cret"});
  CHECK(headers(other)["x-nightpost-signature"] != headers(made)["x-nightpost-signature"]);
}

TEST_CASE("callback post: elements go out in TIM's words", "[im][callbacks]") {
  const CallbackPost made = post(job(R"({"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"mei","MsgBody":)"
                                     R"([{"type":"text","text":"\"hi\" 你"},{"type":"card","user":"x"}]})"));
  const json body = json::parse(made.body);
  CHECK(body["From_Account"] == "mei");
  REQUIRE(body["MsgBody"].size() == 2);
  CHECK(body["MsgBody"][0] == json{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", "\"hi\" 你"}}}});
  CHECK(body["MsgBody"][1]["MsgType"] == "TIMCustomElem");
}

TEST_CASE("callback post: a body that is no JSON goes out as it is", "[im][callbacks]") {
  for (const char* const body : {"{", "[1]", "", R"({"MsgBody":7})"}) {
    CAPTURE(body);
    const std::string got = post(job(body)).body;
    CHECK(got == (std::string(body) == R"({"MsgBody":7})" ? R"({"MsgBody":[]})" : body));
  }
}

TEST_CASE("callback post: results of pushes share a request", "[im][callbacks]") {
  const auto result = [](std::int64_t id, int stage) {
    CallbackJob made =
        job(R"({"CallbackCommand":"Push.OfflinePush","Events":[{"PushStage":)" + std::to_string(stage) + "}]}");
    made.id = id;
    made.command = "Push.OfflinePush";
    return made;
  };
  const CallbackJob one = result(1, 1), two = result(2, 3), other = job();
  CHECK(may_share_post(one, two));
  CHECK_FALSE(may_share_post(one, other));
  CHECK_FALSE(may_share_post(other, other));
  CallbackJob elsewhere = two;
  elsewhere.app = AppId{7};
  CHECK_FALSE(may_share_post(one, elsewhere));
  CallbackJob of_all = two;
  of_all.command = "Push.AllMemberPush";
  CHECK(may_share_post(of_all, of_all));
  CHECK_FALSE(may_share_post(one, of_all));
  const CallbackJob* const jobs[] = {&one, &two};
  const CallbackJob three = result(3, 2);
  const CallbackJob* const more[] = {&one, &two, &three};
  const auto made = callback_post({.url = "https://a.example/", .secret = {}}, jobs, WallTime{});
  REQUIRE(made);
  CHECK(json::parse(made->body) ==
        json{{"CallbackCommand", "Push.OfflinePush"}, {"Events", {{{"PushStage", 1}}, {{"PushStage", 3}}}}});
  // Who has taken two drops them when they come again, but not a third that came beside them since.
  const auto id = [](const CallbackTarget& to, std::span<const CallbackJob* const> all) {
    return headers(callback_post(to, all, WallTime{}).value())["x-nightpost-callback-id"];
  };
  const CallbackTarget to{.url = "https://a.example/", .secret = {}};
  CHECK(id(to, jobs).starts_with("1400000001-1."));
  CHECK(id(to, jobs) == id(to, jobs));
  CHECK(id(to, jobs) != id(to, more));
}
