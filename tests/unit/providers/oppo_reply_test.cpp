#include <catch2/catch.hpp>

#include "providers/oppo/reply.h"
#include "providers/oppo/verdict.h"

using namespace nightpost;
using oppo::answers_of;
using oppo::Asked;

namespace {

const std::vector<DeviceToken> kTokens = {DeviceToken{"id1"}, DeviceToken{"id2"}, DeviceToken{"id3"}};

std::vector<Verdict> verdicts(Asked asked, std::string body, int status = 200,
                              std::span<const DeviceToken> tokens = kTokens, bool repeat = false) {
  std::vector<Verdict> all;
  for (const Answer& answer : answers_of(asked, repeat, tokens, {status, {}, std::move(body)})) {
    CHECK_FALSE(answer.meaning.empty());
    all.push_back(answer.verdict);
  }
  return all;
}
Verdict single(std::string body, int status = 200) {
  return verdicts(Asked::Unicast, std::move(body), status, std::span(kTokens).first(1)).at(0);
}

using enum Verdict;
using List = std::vector<Verdict>;

}  // namespace

TEST_CASE("oppo reply: the whole code table, as number and as text", "[oppo]") {
  struct Row {
    std::int64_t code;
    Verdict want;
  };
  const std::vector<Row> rows = {
      {-3, Transient},
      {-2, Throttled},
      {-1, Transient},
      {0, Accepted},
      {11, AuthStale},
      {12, Rejected},
      {13, Throttled},
      {14, CredentialBad},
      {15, CredentialBad},
      {16, CredentialBad},
      {17, CredentialBad},
      {18, CredentialBad},
      {19, CredentialBad},
      {20, Rejected},
      {21, Rejected},
      {22, Rejected},
      {23, Rejected},
      {24, Rejected},
      {25, Rejected},
      {26, CredentialBad},
      {27, Misconfigured},
      {28, CredentialBad},
      {29, AuthStale},
      {30, Misconfigured},
      {31, Rejected},
      {32, Rejected},
      {33, Throttled},
      {34, Throttled},
      {40, Rejected},
      {41, Rejected},
      {51, Rejected},
      {54, Misconfigured},
      {55, Throttled},
      {59, Misconfigured},
      {67, Misconfigured},
      {10000, TokenGone},
      {10001, TokenGone},
      {10002, Rejected},
      {10003, Rejected},
      {10004, Accepted},
      {10005, Accepted},
      // unknown ones are asked again and never remove a token
      {1, Transient},
      {10, Transient},
      {66, Transient},
      {9999, Transient},
      {10006, Transient},
      {20000, Transient},
      {100000, Transient},
      {-10000, Transient},
  };
  std::size_t known = 0;
  for (const Row& row : rows) {
    CAPTURE(row.code);
    const std::string code = std::to_string(row.code);
    CHECK(single(R"({"code":)" + code + "}") == row.want);
    CHECK(single(R"({"code":")" + code + R"("})") == row.want);
    CHECK(single(R"({"code":)" + code + "}", 500) == row.want);  // the vendor's word decides, not the status
    known += oppo::rule_for(row.code) != nullptr ? 1 : 0;
  }
  CHECK(known == oppo::kRules.size());
}

TEST_CASE("oppo reply: throttling slows the credential, two codes for the day", "[oppo]") {
  const HttpResponse reply{200, {{"retry-after", "7"}}, R"({"code":-2})"};
  const Answer answer = answers_of(Asked::Unicast, false, std::span(kTokens).first(1), reply).at(0);
  CHECK(answer.scope == Scope::Credential);
  CHECK(answer.retry_after == milliseconds(7000));
  CHECK_FALSE(answer.rest_of_day);
  const auto day = [](Asked asked, const char* code) {
    return answers_of(asked, false, kTokens, {200, {}, std::string(R"({"code":)") + code + "}"}).at(2);
  };
  CHECK(day(Asked::Broadcast, "33").rest_of_day);
  CHECK(day(Asked::Broadcast, "33").scope == Scope::Class);
  CHECK(day(Asked::Save, "33").scope == Scope::Class);
  CHECK_FALSE(day(Asked::Save, "33").shared_rests);
  CHECK(day(Asked::Save, "13").scope == Scope::Credential);
  // Stored contents are used up, and not pushes: each goes by itself.
  CHECK(day(Asked::Save, "34").verdict == Transient);
  CHECK(day(Asked::Save, "34").alone);
  CHECK(day(Asked::Save, "34").shared_rests);
  CHECK_FALSE(day(Asked::Broadcast, "34").shared_rests);
  CHECK_FALSE(day(Asked::Save, "34").rest_of_day);
  CHECK(day(Asked::Unicast, "34").scope == Scope::Token);
  CHECK(answers_of(Asked::Unicast, false, kTokens, {429, {}, ""}).at(0).scope == Scope::Credential);
}

TEST_CASE("oppo reply: without a code the status speaks", "[oppo]") {
  struct Row {
    int status;
    const char* body;
    Verdict want;
  };
  const Row row = GENERATE(values<Row>({
      {200, "", Transient},
      {200, "<html>ok</html>", Transient},
      {200, "null", Transient},
      {200, "[]", Transient},
      {200, "0", Transient},
      {200, "{}", Transient},
      {200, R"({"code":null})", Transient},
      {200, R"({"code":true})", Transient},
      {200, R"({"code":[0]})", Transient},
      {200, R"({"code":{}})", Transient},
      {200, R"({"code":0.5})", Transient},
      {200, R"({"code":""})", Transient},
      {200, R"({"code":"0x"})", Transient},
      {200, R"({"code":"zero"})", Transient},
      {200, R"({"code":99999999999999999999})", Transient},
      {200, R"({"Code":0})", Transient},
      {200, R"({"code":0)", Transient},  // truncated
      {200, "\xff\xfe", Transient},
      {302, "", Misconfigured},
      {400, "<html>", Rejected},
      {401, "", Transient},
      {403, "{}", Transient},
      {404, "", Transient},
      {429, "", Throttled},
      {500, "Internal error", Transient},
      {503, "", Transient},
      {0, "", Transient},
  }));
  CAPTURE(row.status, row.body);
  CHECK(single(row.body, row.status) == row.want);
  for (const Asked asked : {Asked::Save, Asked::Broadcast, Asked::Batch})
    CHECK(verdicts(asked, row.body, row.status) == List(3, row.want));
}

TEST_CASE("oppo reply: a single push", "[oppo]") {
  const auto answer = [](const char* body) {
    return answers_of(Asked::Unicast, false, std::span(kTokens).first(1), {200, {}, body}).at(0);
  };
  CHECK(answer(R"({"code":0,"message":"success","data":{"messageId":"5b9a1c0be4b0"}})").vendor_id == "5b9a1c0be4b0");
  CHECK(answer(R"({"code":0,"data":{"messageId":77}})").vendor_id == "77");
  for (const char* data : {"\"\"", "[]", "null", "7", "{}", R"({"messageId":{}})"}) {
    const Answer bare = answer((std::string(R"({"code":0,"data":)") + data + "}").c_str());
    CHECK(bare.verdict == Accepted);
    CHECK(bare.vendor_id.empty());
  }
  CHECK(answer(R"({"code":10001})").code == "10001");
}

TEST_CASE("oppo reply: a broadcast lists failed ids by code", "[oppo]") {
  struct Row {
    const char* name;
    const char* body;
    List want;
  };
  const Row row = GENERATE(values<Row>({
      {"the spec's",
       R"({"code":0,"data":{"message_id":"m","task_id":"t","10000":["id1","x"],"10001":["id3"],"status":"call_success"}})",
       {TokenGone, Accepted, TokenGone}},
      {"none failed", R"({"code":0,"data":{"message_id":"m"}})", {Accepted, Accepted, Accepted}},
      {"no data", R"({"code":0})", {Accepted, Accepted, Accepted}},
      {"empty text for data", R"({"code":0,"data":""})", {Accepted, Accepted, Accepted}},
      {"empty list for data", R"({"code":0,"data":[]})", {Accepted, Accepted, Accepted}},
      {"empty lists", R"({"code":0,"data":{"10000":[],"10001":null,"10002":""}})", {Accepted, Accepted, Accepted}},
      {"ids as text", R"({"code":0,"data":{"10001":"id2,id3"}})", {Accepted, TokenGone, TokenGone}},
      {"mistyped lists",
       R"({"code":0,"data":{"10000":{"id1":1},"10001":[["id2"],7,null]}})",
       {Accepted, Accepted, Accepted}},
      {"unknown code asks again", R"({"code":0,"data":{"10777":["id2"]}})", {Accepted, Transient, Accepted}},
      {"named twice was reached once", R"({"code":0,"data":{"10004":["id2"]}})", {Accepted, Accepted, Accepted}},
      {"a name that only starts like a number",
       R"({"code":0,"data":{"10000x":["id2"]," 10000":["id1"]}})",
       {Accepted, Accepted, Accepted}},
      {"refused whole", R"({"code":55,"data":{"10000":["id2"]}})", {Throttled, Throttled, Throttled}},
      {"access token expired", R"({"code":11,"message":"Invalid Auth Token"})", {AuthStale, AuthStale, AuthStale}},
      {"gone without saying who", R"({"code":10000})", {Transient, Transient, Transient}},
      {"repeated, so not sent", R"({"code":10004})", {Transient, Transient, Transient}},
      {"truncated", R"({"code":0,"data":{"10000":["id1")", {Transient, Transient, Transient}},
  }));
  CAPTURE(row.name);
  CHECK(verdicts(Asked::Broadcast, row.body) == row.want);
}

TEST_CASE("oppo reply: a broadcast's ids are told in the outcome", "[oppo]") {
  const auto answers = answers_of(Asked::Broadcast, false, kTokens,
                                  {200, {}, R"({"code":0,"data":{"message_id":"m","10001":["id2"]}})"});
  CHECK(answers[0].vendor_id == "m");
  CHECK(answers[1].vendor_id.empty());
  CHECK(answers[1].code == "10001");
}

TEST_CASE("oppo reply: a batch has an item for each token, in any order", "[oppo]") {
  struct Row {
    const char* name;
    const char* data;
    List want;
  };
  const Row row = GENERATE(values<Row>({
      {"in order",
       R"([{"messageId":"a","registrationId":"id1"},{"registrationId":"id2","errorCode":10001},
                       {"registrationId":"id3","errorCode":0}])",
       {Accepted, TokenGone, Accepted}},
      {"backwards",
       R"([{"registrationId":"id3","errorCode":"10000"},{"registrationId":"id2"},{"registrationId":"id1"}])",
       {Accepted, Accepted, TokenGone}},
      {"no error in other words",
       R"([{"registrationId":"id1","errorCode":null},{"registrationId":"id2","errorCode":""},
                       {"registrationId":"id3","errorCode":"0"}])",
       {Accepted, Accepted, Accepted}},
      {"missing is no success", R"([{"registrationId":"id2"}])", {Transient, Accepted, Transient}},
      {"foreign ids are nobody's",
       R"([{"registrationId":"x"},{"registrationId":"id1"},{"messageId":"a"}])",
       {Accepted, Transient, Transient}},
      {"unreadable codes are asked again",
       R"([{"registrationId":"id1","errorCode":{}},{"registrationId":"id2","errorCode":1.5},
                       {"registrationId":"id3","errorCode":"gone"}])",
       {Transient, Transient, Transient}},
      {"taken before",
       R"([{"registrationId":"id1","errorCode":32},{"registrationId":"id2","errorCode":55},
                       {"registrationId":"id3","errorCode":10008}])",
       {Rejected, Throttled, Transient}},
      {"not a list", R"({"registrationId":"id1"})", {Transient, Transient, Transient}},
      {"text", R"("")", {Transient, Transient, Transient}},
      {"null", "null", {Transient, Transient, Transient}},
      {"odd items", R"([null,7,"id1",["id1"],{}])", {Transient, Transient, Transient}},
  }));
  CAPTURE(row.name);
  CHECK(verdicts(Asked::Batch, std::string(R"({"code":0,"data":)") + row.data + "}") == row.want);
  CHECK(verdicts(Asked::Batch, std::string(R"({"code":11,"data":)") + row.data + "}") == List(3, AuthStale));
}

TEST_CASE("oppo reply: a duplicate is a success only in the answer to a repeat", "[oppo]") {
  constexpr const char* kWhole = R"({"code":32,"message":"duplicate"})";
  constexpr const char* kItems =
      R"({"code":0,"data":[{"registrationId":"id1","errorCode":32},{"registrationId":"id2"},{"registrationId":"id3"}]})";
  constexpr const char* kListed = R"({"code":0,"data":{"message_id":"m","32":["id2"]}})";
  const auto one = std::span(kTokens).first(1);
  CHECK(verdicts(Asked::Unicast, kWhole, 200, one) == List{Rejected});
  CHECK(verdicts(Asked::Unicast, kWhole, 200, one, true) == List{Accepted});
  CHECK(verdicts(Asked::Batch, kItems) == List{Rejected, Accepted, Accepted});
  CHECK(verdicts(Asked::Batch, kItems, 200, kTokens, true) == List(3, Accepted));
  CHECK(verdicts(Asked::Broadcast, kListed) == List{Accepted, Rejected, Accepted});
  CHECK(verdicts(Asked::Broadcast, kListed, 200, kTokens, true) == List(3, Accepted));
  for (const Asked asked : {Asked::Batch, Asked::Broadcast}) {
    // Of a whole first request it says not whose: each is asked for alone.
    for (const Answer& answer : answers_of(asked, false, kTokens, {200, {}, kWhole})) {
      CHECK(answer.verdict == Transient);
      CHECK(answer.alone);
    }
    CHECK(verdicts(asked, kWhole, 200, kTokens, true) == List(3, Accepted));
  }
}

TEST_CASE("oppo reply: a token's code for a whole request dooms nobody", "[oppo]") {
  for (const Asked asked : {Asked::Save, Asked::Broadcast, Asked::Batch})
    for (const Answer& answer : answers_of(asked, false, kTokens, {200, {}, R"({"code":10001})"})) {
      CHECK(answer.verdict == Transient);
      CHECK(answer.alone);
      CHECK(answer.once_more == (asked != Asked::Broadcast));
    }
}

TEST_CASE("oppo reply: an id that stands twice has its items in order", "[oppo]") {
  const std::vector<DeviceToken> twice = {DeviceToken{"a"}, DeviceToken{"b"}, DeviceToken{"a"}};
  CHECK(verdicts(Asked::Batch, R"({"code":0,"data":[{"registrationId":"a"},{"registrationId":"a","errorCode":10001},
    {"registrationId":"b"},{"registrationId":"a","errorCode":10000}]})",
                 200, twice) == List{Accepted, Accepted, TokenGone});
}

TEST_CASE("oppo reply: storing reaches nobody", "[oppo]") {
  CHECK(verdicts(Asked::Save, R"({"code":0,"data":{"message_id":"m"}})") == List(3, Transient));
  CHECK(verdicts(Asked::Save, R"({"code":32})") == List(3, Transient));
  CHECK(verdicts(Asked::Save, R"({"code":10000})", 200, std::span(kTokens).first(1)) == List{Transient});
  CHECK(verdicts(Asked::Save, R"({"code":40})") == List(3, Rejected));
  CHECK(answers_of(Asked::Save, false, {}, {200, {}, "{}"}).empty());
}
