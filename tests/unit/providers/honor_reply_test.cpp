#include "providers/honor/reply.h"

#include <catch2/catch.hpp>

using namespace nightpost;
using honor::answers_of;

namespace {

const std::vector<DeviceToken> kOne = {DeviceToken("BAEAA1")};
const std::vector<DeviceToken> kThree = {DeviceToken("BAEAA1"), DeviceToken("BAEAA2"), DeviceToken("BAEAA3")};

HttpResponse reply(std::string body, int status = 200) {
  return {.status = status, .headers = {}, .body = std::move(body)};
}

Answer answer_of(std::string body, int status = 200) {
  const auto answers = answers_of(kOne, reply(std::move(body), status));
  REQUIRE(answers.size() == 1);
  return answers[0];
}

std::string with_data(const std::string& data) { return R"({"code":200,"message":"success","data":)" + data + "}"; }

}  // namespace

TEST_CASE("honor reply: codes", "[honor]") {
  struct Row {
    const char* code;
    Verdict verdict;
  };
  const Row row = GENERATE(values<Row>({
      {"200", Verdict::Accepted},
      {"0", Verdict::Accepted},
      {"80000000", Verdict::Accepted},
      {"\"80000000\"", Verdict::Accepted},
      {"80100001", Verdict::Rejected},
      {"80100003", Verdict::Rejected},
      {"80109999", Verdict::Rejected},
      {"80200001", Verdict::AuthStale},
      {"\"80200003\"", Verdict::AuthStale},
      {"80300002", Verdict::CredentialBad},
      {"80300007", Verdict::TokenSuspect},
      {"80300008", Verdict::Transient},
      {"81000001", Verdict::Transient},
      {"-1", Verdict::Transient},
      {"7", Verdict::Transient},
      {"400", Verdict::Rejected},
      {"401", Verdict::AuthStale},
      {"429", Verdict::Throttled},
      {"500", Verdict::Transient},
      {"503", Verdict::Throttled},
  }));
  CAPTURE(row.code);
  const Answer answer = answer_of(R"({"code":)" + std::string(row.code) + R"(,"message":"m"})");
  CHECK(answer.verdict == row.verdict);
  CHECK_FALSE(answer.code.empty());
  CHECK_THAT(answer.meaning, Catch::EndsWith("."));
  CHECK((answer.scope == Scope::Credential) == (row.verdict == Verdict::Throttled));
}

TEST_CASE("honor reply: no permission for several tokens may mean one", "[honor]") {
  const std::vector<DeviceToken> two = {DeviceToken("BAEAA1"), DeviceToken("BAEAA2")};
  for (const Answer& answer : honor::answers_of(two, {.status = 200, .body = R"({"code":80300002})"})) {
    CHECK(answer.verdict == Verdict::Transient);
    CHECK(answer.alone);
  }
  const auto only = honor::answers_of(std::span(two).first(1), {.status = 200, .body = R"({"code":80300002})"});
  CHECK(only[0].verdict == Verdict::CredentialBad);
  CHECK(only[0].may_be_token);
  CHECK_FALSE(honor::answers_of(std::span(two).first(1), {.status = 200, .body = R"({"code":200})"})[0].may_be_token);
}

TEST_CASE("honor reply: tokens told apart", "[honor]") {
  struct Row {
    const char* name;
    const char* data;
    Verdict first, second, third;
  };
  constexpr auto kGood = Verdict::Accepted;
  constexpr auto kGone = Verdict::TokenGone;
  constexpr auto kAgain = Verdict::Transient;
  const Row row = GENERATE(values<Row>({
      {"all", R"({"sendResult":true,"requestId":"h-1","failTokens":[],"expireTokens":[]})", kGood, kGood, kGood},
      {"one expired", R"({"sendResult":true,"requestId":"h-1","failTokens":[],"expireTokens":["BAEAA2"]})", kGood,
       kGone, kGood},
      {"one failed", R"({"sendResult":true,"requestId":"h-1","failTokens":["BAEAA3"]})", kGood, kGood, kAgain},
      {"both kinds", R"({"requestId":"h-1","failTokens":["BAEAA1"],"expireTokens":["BAEAA2"]})", kAgain, kGone, kGood},
      {"in both lists", R"({"requestId":"h-1","failTokens":["BAEAA2"],"expireTokens":["BAEAA2"]})", kGood, kGone,
       kGood},
      {"not sent, some expired", R"({"requestId":"h-1","sendResult":false,"expireTokens":["BAEAA2"]})", kGood, kGone,
       kGood},
      {"not sent at all", R"({"requestId":"h-1","sendResult":false,"failTokens":[],"expireTokens":[]})", kAgain, kAgain,
       kAgain},
      {"not sent, as text", R"({"requestId":"h-1","sendResult":"false"})", kAgain, kAgain, kAgain},
      {"nobody named", R"({"requestId":"h-1","sendResult":null,"failTokens":null,"expireTokens":""})", kGood, kGood,
       kGood},
      {"mistyped", R"({"requestId":"h-1","expireTokens":{"BAEAA2":1},"failTokens":[[],{},null,1.5]})", kGood, kGood,
       kGood},
      {"somebody else's", R"({"requestId":"h-1","expireTokens":["BAEAA","BAEAA22"]})", kGood, kGood, kGood},
  }));
  CAPTURE(row.name);
  const auto answers = answers_of(kThree, reply(with_data(row.data)));
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].verdict == row.first);
  CHECK(answers[1].verdict == row.second);
  CHECK(answers[2].verdict == row.third);
  for (const Answer& answer : answers) {
    CHECK(answer.vendor_id == "h-1");
    CHECK(answer.once_more == (answer.code == "failTokens"));
  }
}

TEST_CASE("honor reply: the status comes first", "[honor]") {
  struct Row {
    const char* name;
    int status;
    const char* body;
    Verdict verdict;
  };
  const Row row = GENERATE(values<Row>({
      {"401", 401, "", Verdict::Transient},
      {"401 with a code of success", 401, R"({"code":200})", Verdict::AuthStale},
      {"403", 403, R"({"code":80300002})", Verdict::AuthStale},
      {"400", 400, R"({"code":80100001})", Verdict::Rejected},
      {"404", 404, "<html>", Verdict::Transient},
      {"405", 405, "", Verdict::Rejected},
      {"413", 413, "", Verdict::Rejected},
      {"422", 422, "", Verdict::Rejected},
      {"418", 418, "", Verdict::Rejected},
      {"408", 408, "", Verdict::Transient},
      {"425", 425, "", Verdict::Transient},
      {"429", 429, "", Verdict::Throttled},
      {"503", 503, R"({"code":200,"data":{"expireTokens":["BAEAA1"]}})", Verdict::Throttled},
      {"500", 500, R"({"code":200,"data":{"expireTokens":["BAEAA1"]}})", Verdict::Transient},
      {"302", 302, "", Verdict::Misconfigured},
      {"200 empty", 200, "", Verdict::Transient},
      {"200 HTML", 200, "<html>", Verdict::Transient},
      {"200 truncated", 200, R"({"code":200,"data":{"expireTokens":["BAEAA1")", Verdict::Transient},
      {"200 without a code", 200, R"({"data":{"expireTokens":["BAEAA1"]}})", Verdict::Transient},
      {"200 mistyped code", 200, R"({"code":true,"data":{"expireTokens":["BAEAA1"]}})", Verdict::Transient},
      {"200 code is a fraction", 200, R"({"code":200.0})", Verdict::Transient},
      {"200 array", 200, "[]", Verdict::Transient},
      {"200 data is text", 200, R"({"code":200,"data":""})", Verdict::Accepted},
      {"200 data is an array", 200, R"({"code":200,"data":[]})", Verdict::Accepted},
      {"200 no data", 200, R"({"code":200})", Verdict::Accepted},
  }));
  CAPTURE(row.name);
  const Answer answer = answer_of(row.body, row.status);
  CHECK(answer.verdict == row.verdict);
  CHECK_FALSE(answer.meaning.empty());
}

TEST_CASE("honor reply: Retry-After is heard where it matters", "[honor]") {
  HttpResponse slow = reply("", 503);
  slow.headers = {{"retry-after", "3"}};
  CHECK(answers_of(kOne, slow)[0].retry_after == milliseconds(3000));
  slow.status = 400;
  CHECK_FALSE(answers_of(kOne, slow)[0].retry_after);
}
