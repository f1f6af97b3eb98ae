#include "providers/xiaomi/reply.h"

#include <catch2/catch.hpp>
#include <set>

#include "providers/xiaomi/verdict.h"

using namespace nightpost;
using xiaomi::answers_of;

namespace {

const std::vector<DeviceToken> kOne = {DeviceToken("mi-reg-0001")};
const std::vector<DeviceToken> kThree = {DeviceToken("mi-reg-0001"), DeviceToken("mi-reg-0002"),
                                         DeviceToken("mi-reg-0003")};

HttpResponse reply(std::string body, int status = 200) {
  return {.status = status, .headers = {}, .body = std::move(body)};
}

Answer answer_of(std::string body, int status = 200) {
  const auto answers = answers_of(kOne, reply(std::move(body), status));
  REQUIRE(answers.size() == 1);
  return answers[0];
}

std::string refused(std::int64_t code) {
  return R"({"result":"error","reason":"r","trace_id":"X1","code":)" + std::to_string(code) + R"(,"description":"d"})";
}

}  // namespace

// Typed from spec §2.7, not from the table under test.
TEST_CASE("xiaomi reply: every code of the list", "[xiaomi]") {
  struct Row {
    Verdict verdict;
    bool rest_of_day;
    std::vector<std::int64_t> codes;
  };
  const std::vector<Row> rows = {
      {Verdict::Accepted, false, {0}},
      {Verdict::Transient, false, {-1,    1,     10001, 10002, 10003, 10009, 10010, 10011, 20607, 26003, 65029,
                                   10037, 22102, 10033, 10035, 20209, 20215, 20216, 20315, 26005, 65040}},
      {Verdict::Throttled, false, {10004, 10022, 10023, 10024, 10027, 10028, 10030, 10032, 10039, 26004, 200002}},
      {Verdict::Suppressed, false, {65003}},
      {Verdict::Throttled, true, {200001, 10034}},
      {Verdict::CredentialBad, false, {21301, 21302, 22006, 22007, 22008, 21303, 22000, 22001, 22002, 10026, 10031}},
      {Verdict::Misconfigured, false, {10005, 10014, 10036, 10038, 26006, 27001, 22022}},
      {Verdict::TokenSuspect, false, {20301, 10029}},
      {Verdict::Rejected, false, {10008, 10012, 10016, 10017, 10018, 10025, 21305, 65006, 65007, 65008,
                                  65009, 65010, 65011, 65012, 65013, 65014, 65015, 65016, 65017, 65028,
                                  65030, 65035, 65036, 65037, 65038, 65039, 65041, 22100, 22101, 22103}},
  };
  std::set<std::int64_t> all;
  for (const Row& row : rows) {
    for (const std::int64_t code : row.codes) {
      CAPTURE(code);
      const Answer answer = answer_of(refused(code));
      CHECK(answer.verdict == row.verdict);
      CHECK(answer.rest_of_day == row.rest_of_day);
      CHECK(answer.code == std::to_string(code));
      CHECK_THAT(answer.meaning, Catch::EndsWith("."));
      // A quota of public messages rests these, and not the private ones of the credential.
      CHECK((answer.scope == Scope::Credential) == (row.verdict == Verdict::Throttled && code != 200001));
      CHECK((answer.scope == Scope::Class) == (code == 200001));
      all.insert(code);
    }
  }
  std::set<std::int64_t> table;
  for (const xiaomi::Rule& rule : xiaomi::kRules)
    for (std::int64_t code = rule.first; code <= rule.last; ++code) table.insert(code);
  CHECK(table == all);
}

TEST_CASE("xiaomi reply: what is not Xiaomi's answer", "[xiaomi]") {
  struct Row {
    const char* name;
    int status;
    const char* body;
    Verdict verdict;
    const char* code;
  };
  const Row row = GENERATE(values<Row>({
      {"unknown code", 200, R"({"code":77777})", Verdict::Transient, "77777"},
      {"unknown code as text", 200, R"({"code":"77777"})", Verdict::Transient, "77777"},
      {"between two ranges", 200, R"({"code":65020})", Verdict::Transient, "65020"},
      {"below the table", 200, R"({"code":-99})", Verdict::Transient, "-99"},
      {"code as text", 200, R"({"code":"21301"})", Verdict::CredentialBad, "21301"},
      {"the code decides over the status", 500, R"({"code":21301})", Verdict::CredentialBad, "21301"},
      {"empty", 200, "", Verdict::Transient, ""},
      {"HTML", 200, "<html>busy</html>", Verdict::Transient, ""},
      {"truncated", 200, R"({"result":"ok","code":0,"da)", Verdict::Transient, ""},
      {"no code", 200, R"({"result":"ok"})", Verdict::Transient, ""},
      {"null code", 200, R"({"code":null})", Verdict::Transient, ""},
      {"code of a wrong type", 200, R"({"code":{"a":0}})", Verdict::Transient, ""},
      {"code is a fraction", 200, R"({"code":0.5})", Verdict::Transient, ""},
      {"code is true", 200, R"({"code":true})", Verdict::Transient, ""},
      {"code beyond 64 bits", 200, R"({"code":99999999999999999999})", Verdict::Transient, ""},
      {"array", 200, R"([{"code":0}])", Verdict::Transient, ""},
      {"500", 500, "oops", Verdict::Transient, ""},
      {"429", 429, "", Verdict::Throttled, ""},
      {"401 of some proxy", 401, "", Verdict::Transient, ""},
      {"403", 403, "<html>", Verdict::Transient, ""},
      {"404", 404, "", Verdict::Transient, ""},
      {"302", 302, "", Verdict::Misconfigured, ""},
  }));
  CAPTURE(row.name);
  const Answer answer = answer_of(row.body, row.status);
  CHECK(answer.verdict == row.verdict);
  CHECK(answer.code == row.code);
  CHECK_FALSE(answer.meaning.empty());
  CHECK_FALSE(answer.rest_of_day);
}

TEST_CASE("xiaomi reply: what nobody can read is asked once more, and no longer", "[xiaomi]") {
  for (const std::int64_t code : {77777, 10033, 10035, 26005, 65040}) CHECK(answer_of(refused(code)).once_more);
  for (const std::int64_t code : {-1, 10001, 10037, 20301, 65003}) CHECK_FALSE(answer_of(refused(code)).once_more);
}

TEST_CASE("xiaomi reply: dead ids are told from the others", "[xiaomi]") {
  struct Row {
    const char* name;
    const char* data;
    Verdict first, second, third;
  };
  constexpr auto kGood = Verdict::Accepted;
  constexpr auto kGone = Verdict::TokenGone;
  const Row row = GENERATE(values<Row>({
      {"none", R"({"id":"s1"})", kGood, kGood, kGood},
      {"the middle one", R"({"id":"s1","bad_regids":"mi-reg-0002"})", kGood, kGone, kGood},
      {"two", R"({"id":"s1","bad_regids":"mi-reg-0003,mi-reg-0001"})", kGone, kGood, kGone},
      {"other spelling", R"({"id":"s1","bad_regIds":"mi-reg-0002"})", kGood, kGone, kGood},
      {"an array", R"({"id":"s1","bad_regids":["mi-reg-0002"]})", kGood, kGone, kGood},
      {"trailing comma", R"({"id":"s1","bad_regids":",mi-reg-0002,"})", kGood, kGone, kGood},
      {"a part of one is not one", R"({"id":"s1","bad_regids":"mi-reg-000,reg-0002"})", kGood, kGood, kGood},
      {"somebody else's", R"({"id":"s1","bad_regids":"mi-reg-0009"})", kGood, kGood, kGood},
      {"mistyped", R"({"id":"s1","bad_regids":{"mi-reg-0002":1}})", kGood, kGood, kGood},
      {"null", R"({"id":"s1","bad_regids":null})", kGood, kGood, kGood},
      {"quotas are passed over", R"({"id":"s1","day_quota":"200000","day_acked":1203})", kGood, kGood, kGood},
  }));
  CAPTURE(row.name);
  const auto answers = answers_of(kThree, reply(R"({"result":"ok","code":0,"data":)" + std::string(row.data) + "}"));
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].verdict == row.first);
  CHECK(answers[1].verdict == row.second);
  CHECK(answers[2].verdict == row.third);
  for (const Answer& answer : answers) CHECK(answer.vendor_id == "s1");
}

TEST_CASE("xiaomi reply: data that is no object is no data", "[xiaomi]") {
  const char* data = GENERATE("\"\"", "[]", "null", "7");
  const auto answers = answers_of(kThree, reply(R"({"code":0,"data":)" + std::string(data) + "}"));
  REQUIRE(answers.size() == 3);
  for (const Answer& answer : answers) CHECK(answer.verdict == Verdict::Accepted);
}

TEST_CASE("xiaomi reply: a channel's quota", "[xiaomi]") {
  const auto verdicts = [](std::span<const DeviceToken> tokens, const char* exceeded) {
    return answers_of(tokens,
                      reply(R"({"code":0,"data":{"id":"s","channel_exceed_quota":")" + std::string(exceeded) + "\"}}"));
  };
  for (const Answer& answer : verdicts(kThree, "no_channel:2 a:1")) {
    CHECK(answer.verdict == Verdict::Throttled);
    CHECK(answer.rest_of_day);
    CHECK(answer.scope == Scope::Class);  // others have quotas of their own
  }
  for (const Answer& answer : verdicts(kThree, "104086:2")) {
    CHECK(answer.verdict == Verdict::Accepted);
    CHECK(answer.in_part);
    CHECK(answer.class_rests);
    CHECK(answer.code == "channel_exceed_quota");
    CHECK(answer.meaning == "The day's quota of the channel ran out: Xiaomi dropped 2 of 3 and does not say which.");
    CHECK(answer.vendor_id == "s");
  }
  for (const char* nonsense : {"", ":", "a", "a:", "a:-3", "a:b c:d", "a:99999999999"})
    for (const Answer& answer : verdicts(kThree, nonsense)) {
      CHECK(answer.verdict == Verdict::Accepted);
      CHECK_FALSE(answer.in_part);
      CHECK_FALSE(answer.class_rests);
    }
  CHECK(verdicts(kOne, "104086:1")[0].verdict == Verdict::Throttled);
  // Who is listed as unusable was not dropped for the quota.
  const auto beside = answers_of(kThree, reply(R"({"code":0,"data":{"id":"s","bad_regids":")" + kThree[1].text() +
                                               R"(","channel_exceed_quota":"a:1"}})"));
  CHECK(beside[0].in_part);
  CHECK(beside[1].verdict == Verdict::TokenGone);
  CHECK_FALSE(beside[1].in_part);
  CHECK(beside[2].in_part);
  const auto rest = answers_of(kThree, reply(R"({"code":0,"data":{"id":"s","bad_regids":")" + kThree[1].text() +
                                             R"(","channel_exceed_quota":"a:2"}})"));
  CHECK(rest[0].verdict == Verdict::Throttled);
  CHECK(rest[1].verdict == Verdict::TokenGone);
}

TEST_CASE("xiaomi reply: no valid target among several: each is tried again alone", "[xiaomi]") {
  for (const Answer& answer : answers_of(kThree, reply(refused(20301)))) {
    CHECK(answer.verdict == Verdict::Transient);
    CHECK(answer.alone);
  }
  CHECK_FALSE(answers_of(kOne, reply(refused(20301)))[0].alone);
  for (const Answer& answer : answers_of(kThree, reply(refused(21301))))
    CHECK(answer.verdict == Verdict::CredentialBad);
}

TEST_CASE("xiaomi reply: Retry-After is heard where it matters", "[xiaomi]") {
  HttpResponse slow = reply(refused(200002));
  slow.headers = {{"retry-after", "7"}};
  CHECK(answers_of(kOne, slow)[0].retry_after == milliseconds(7000));
  slow.body = refused(21301);
  CHECK_FALSE(answers_of(kOne, slow)[0].retry_after);
}
