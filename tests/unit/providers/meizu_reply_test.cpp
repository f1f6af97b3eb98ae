#include "providers/meizu/reply.h"

#include <catch2/catch.hpp>

#include "providers/meizu/verdict.h"

using namespace nightpost;
using meizu::answers_of;

namespace {

const std::vector<DeviceToken> kOne = {DeviceToken("RA1")};
const std::vector<DeviceToken> kThree = {DeviceToken("RA1"), DeviceToken("RA2"), DeviceToken("RA3")};

HttpResponse reply(std::string body, int status = 200) {
  return {.status = status, .headers = {}, .body = std::move(body)};
}

Answer answer_of(std::string body, int status = 200) {
  const auto answers = answers_of(kOne, reply(std::move(body), status));
  REQUIRE(answers.size() == 1);
  return answers[0];
}

std::string with_code(const std::string& code) {
  return R"({"code":")" + code + R"(","message":"m","value":"","redirect":""})";
}
std::string with_value(const std::string& value) {
  return R"({"code":"200","message":"","value":)" + value + R"(,"msgId":"c2ee","redirect":""})";
}

}  // namespace

// Typed from spec §5.5, not from the table under test.
TEST_CASE("meizu reply: every code of an answer", "[meizu]") {
  struct Row {
    int code;
    Verdict verdict;
    bool rest_of_day;
  };
  const std::vector<Row> rows = {
      {200, Verdict::Accepted, false},         {500, Verdict::Transient, false},
      {1001, Verdict::Transient, false},       {1003, Verdict::Transient, false},
      {-1, Verdict::Transient, false},         {300, Verdict::Transient, false},
      {1005, Verdict::Rejected, false},        {110004, Verdict::Rejected, false},
      {1006, Verdict::CredentialBad, false},   {110000, Verdict::CredentialBad, false},
      {110001, Verdict::CredentialBad, false}, {110033, Verdict::CredentialBad, false},
      {110009, Verdict::CredentialBad, false}, {110010, Verdict::Throttled, false},
      {110019, Verdict::Throttled, true},      {110051, Verdict::Throttled, true},
      {110031, Verdict::Misconfigured, false}, {110032, Verdict::Rejected, false},
      {110053, Verdict::Misconfigured, false}, {110002, Verdict::TokenGone, false},
      {110003, Verdict::TokenGone, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.code);
    const Answer answer = answer_of(with_code(std::to_string(row.code)));
    CHECK(answer.verdict == row.verdict);
    CHECK(answer.rest_of_day == row.rest_of_day);
    CHECK(answer.code == std::to_string(row.code));
    CHECK_THAT(answer.meaning, Catch::EndsWith("."));
    CHECK((answer.scope == Scope::Credential) == (row.verdict == Verdict::Throttled));
  }
  CHECK(meizu::kRequestRules.size() == rows.size());
}

TEST_CASE("meizu reply: every code of a push id", "[meizu]") {
  struct Row {
    const char* code;
    Verdict verdict;
  };
  const std::vector<Row> rows = {
      {"110002", Verdict::TokenGone},  {"110003", Verdict::TokenGone},  {"110005", Verdict::TokenSuspect},
      {"110010", Verdict::Suppressed}, {"110011", Verdict::Suppressed}, {"201", Verdict::Misconfigured},
      {"501", Verdict::Transient},     {"513", Verdict::Transient},     {"518", Verdict::Throttled},
      {"519", Verdict::Throttled},     {"520", Verdict::Suppressed},
  };
  for (const Row& row : rows) {
    CAPTURE(row.code);
    const auto answers = answers_of(kThree, reply(with_value(R"({")" + std::string(row.code) + R"(":["RA2"]})")));
    REQUIRE(answers.size() == 3);
    CHECK(answers[0].verdict == Verdict::Accepted);
    CHECK(answers[0].vendor_id == "c2ee");
    CHECK(answers[1].verdict == row.verdict);
    CHECK(answers[1].code == row.code);
    CHECK(answers[1].scope == Scope::Token);
    CHECK_THAT(answers[1].meaning, Catch::EndsWith("."));
    CHECK(answers[2].verdict == Verdict::Accepted);
  }
  CHECK(meizu::kTargetRules.size() == rows.size());
  for (const char* unknown : {"999999", "", "x", "2O0", "99999999999999999999"}) {
    const auto answers = answers_of(kOne, reply(with_value(R"({")" + std::string(unknown) + R"(":["RA1"]})")));
    CHECK(answers[0].verdict == Verdict::Transient);
  }
}

TEST_CASE("meizu reply: 110010 means two things", "[meizu]") {
  CHECK(answer_of(with_code("110010")).verdict == Verdict::Throttled);
  CHECK(answer_of(with_value(R"({"110010":["RA1"]})")).verdict == Verdict::Suppressed);
}

TEST_CASE("meizu reply: values of every shape", "[meizu]") {
  struct Row {
    const char* name;
    const char* value;
    Verdict first, second;
  };
  constexpr auto kGood = Verdict::Accepted;
  constexpr auto kGone = Verdict::TokenGone;
  const Row row = GENERATE(values<Row>({
      {"nothing failed: text", "\"\"", kGood, kGood},
      {"nothing failed: object", "{}", kGood, kGood},
      {"nothing failed: array", "[]", kGood, kGood},
      {"nothing failed: null", "null", kGood, kGood},
      {"one", R"({"110002":["RA2"]})", kGood, kGone},
      {"with commas", R"({"110002":"RA2,RA1"})", kGone, kGone},
      {"two codes", R"({"110003":["RA1"],"110010":["RA2"]})", kGone, Verdict::Suppressed},
      {"mistyped list", R"({"110002":{"RA2":1}})", kGood, kGood},
      {"null list", R"({"110002":null})", kGood, kGood},
      {"mistyped entry", R"({"110002":[["RA2"],null,7]})", kGood, kGood},
      {"somebody else's", R"({"110002":["RA","RA22"]})", kGood, kGood},
  }));
  CAPTURE(row.name);
  const auto answers = answers_of(kThree, reply(with_value(row.value)));
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].verdict == row.first);
  CHECK(answers[1].verdict == row.second);
  CHECK(answers[2].verdict == kGood);
}

TEST_CASE("meizu reply: what is not Meizu's answer", "[meizu]") {
  struct Row {
    const char* name;
    int status;
    const char* body;
    Verdict verdict;
  };
  const Row row = GENERATE(values<Row>({
      {"unknown code", 200, R"({"code":"424242"})", Verdict::Transient},
      {"code as a number", 200, R"({"code":1006})", Verdict::CredentialBad},
      {"the code decides over the status", 500, R"({"code":"1005"})", Verdict::Rejected},
      {"500 of parameters", 200, R"({"code":"500","message":"参数错误"})", Verdict::Rejected},
      {"500 of parameters in English", 200, R"({"code":"500","message":"bad param"})", Verdict::Rejected},
      {"empty", 200, "", Verdict::Transient},
      {"HTML", 200, "<html>", Verdict::Transient},
      {"truncated", 200, R"({"code":"200","value":{"1100)", Verdict::Transient},
      {"no code", 200, "{}", Verdict::Transient},
      {"null code", 200, R"({"code":null})", Verdict::Transient},
      {"mistyped code", 200, R"({"code":["200"]})", Verdict::Transient},
      {"code with a blank", 200, R"({"code":"200 "})", Verdict::Transient},
      {"array", 200, "[]", Verdict::Transient},
      {"502", 502, "<html>", Verdict::Transient},
      {"429", 429, "", Verdict::Throttled},
      {"403", 403, "", Verdict::Transient},
      {"400", 400, "", Verdict::Rejected},
      {"301", 301, "", Verdict::Misconfigured},
  }));
  CAPTURE(row.name);
  const Answer answer = answer_of(row.body, row.status);
  CHECK(answer.verdict == row.verdict);
  CHECK_FALSE(answer.meaning.empty());
}

TEST_CASE("meizu reply: nobody is removed for another's fault", "[meizu]") {
  for (const char* code : {"110002", "110003"}) {
    for (const Answer& answer : answers_of(kThree, reply(with_code(code)))) {
      CHECK(answer.verdict == Verdict::Transient);
      CHECK(answer.alone);
    }
  }
}
