#include <catch2/catch.hpp>
#include <chrono>

#include "providers/vivo/reply.h"
#include "providers/vivo/verdict.h"

using namespace nightpost;
using vivo::answers_of;
using vivo::Asked;

namespace {

const std::vector<DeviceToken> kTokens = {DeviceToken{"15638535410301000000001"}, DeviceToken{"id2"},
                                          DeviceToken{"77"}};

std::vector<Verdict> verdicts(Asked asked, std::string body, int status = 200,
                              std::span<const DeviceToken> tokens = kTokens) {
  std::vector<Verdict> all;
  for (const Answer& answer : answers_of(asked, tokens, {status, {}, std::move(body)})) {
    CHECK_FALSE(answer.meaning.empty());
    all.push_back(answer.verdict);
  }
  return all;
}
Answer single(std::string body, int status = 200) {
  return answers_of(Asked::Send, std::span(kTokens).first(1), {status, {}, std::move(body)}).at(0);
}

using enum Verdict;
using List = std::vector<Verdict>;

}  // namespace

TEST_CASE("vivo reply: the whole code table, as number and as text", "[vivo]") {
  struct Row {
    std::int64_t first, last;
    Verdict want;
  };
  const std::vector<Row> rows = {
      {0, 0, Accepted},
      {10000, 10000, AuthStale},
      {10050, 10050, Rejected},
      {10054, 10069, Rejected},
      {10070, 10072, Throttled},
      {10093, 10093, Throttled},
      {10094, 10094, CredentialBad},
      {10096, 10097, Misconfigured},
      {10150, 10151, Rejected},
      {10153, 10154, Rejected},
      {10200, 10201, CredentialBad},
      {10252, 10252, Throttled},
      {10254, 10254, Throttled},
      {10301, 10301, Rejected},
      {10302, 10302, TokenGone},
      {10305, 10307, Rejected},
      {10352, 10353, Rejected},
      {10471, 10471, Rejected},
      {10473, 10473, Rejected},
      {10600, 10699, Rejected},
      {11000, 11000, Misconfigured},
      // unknown ones are asked again and never remove a token
      {-1, -1, Transient},
      {1, 1, Transient},
      {10045, 10045, Transient},
      {10073, 10073, Transient},
      {10089, 10089, Transient},
      {10051, 10053, Transient},
      {10152, 10152, Transient},
      {10253, 10253, Transient},
      {10303, 10304, Transient},
      {10700, 10700, Transient},
      {30001, 30001, Transient},
      {99999, 99999, Transient},
  };
  std::int64_t known = 0;
  for (const Row& row : rows)
    for (std::int64_t code = row.first; code <= row.last; ++code) {
      CAPTURE(code);
      const std::string text = std::to_string(code);
      CHECK(single(R"({"result":)" + text + "}").verdict == row.want);
      CHECK(single(R"({"result":")" + text + R"("})").verdict == row.want);
      CHECK(single(R"({"result":)" + text + "}", 500).verdict == row.want);  // the vendor's word decides
      CHECK(single(R"({"result":)" + text + "}").code == text);
      known += vivo::rule_for(code) != nullptr ? 1 : 0;
    }
  std::int64_t in_table = 0;
  for (const vivo::Rule& rule : vivo::kRules) in_table += rule.last - rule.first + 1;
  CHECK(known == in_table);
}

TEST_CASE("vivo reply: throttling, for the day and until the hours come", "[vivo]") {
  for (const char* code : {"10070", "10252", "10254"}) {
    const Answer answer = single(std::string(R"({"result":)") + code + R"(,"desc":"发送总量超出限制"})");
    CHECK(answer.rest_of_day);
    CHECK(answer.scope == Scope::Credential);
  }
  for (const char* code : {"10071", "10072", "10093"}) {
    const Answer answer = single(std::string(R"({"result":)") + code + "}");
    CHECK_FALSE(answer.rest_of_day);
    // Operation messages have their hours, system messages have none.
    CHECK(answer.scope == (std::string(code) == "10071" ? Scope::Class : Scope::Credential));
  }
  CHECK(single(R"({"result":10071})").retry_after == std::chrono::minutes(10));
  CHECK_FALSE(single(R"({"result":10072})").retry_after);
  const HttpResponse told{200, {{"retry-after", "9"}}, R"({"result":10071})"};
  CHECK(answers_of(Asked::List, kTokens, told).at(1).retry_after == milliseconds(9000));
}

TEST_CASE("vivo reply: without a code the status speaks", "[vivo]") {
  struct Row {
    int status;
    const char* body;
    Verdict want;
  };
  const Row row = GENERATE(values<Row>({
      {500, "Internet server error!", Transient},
      {200, "Internet server error!", Transient},
      {200, "", Transient},
      {200, "<html>ok</html>", Transient},
      {200, "null", Transient},
      {200, "[]", Transient},
      {200, "0", Transient},
      {200, "{}", Transient},
      {200, R"({"result":null})", Transient},
      {200, R"({"result":false})", Transient},
      {200, R"({"result":[0]})", Transient},
      {200, R"({"result":{}})", Transient},
      {200, R"({"result":0.5})", Transient},
      {200, R"({"result":""})", Transient},
      {200, R"({"result":"ok"})", Transient},
      {200, R"({"code":0})", Transient},
      {200, R"({"result":0,"taskId":"34)", Transient},
      {200, R"({"invalidUser":{"status":1,"userid":"15638535410301000000001"}})", Transient},
      {200, "\xff", Transient},
      {302, "", Misconfigured},
      {400, "", Rejected},
      {401, "", Transient},
      {403, "<html>", Transient},
      {404, "", Transient},
      {429, "", Throttled},
      {503, "", Transient},
      {0, "", Transient},
  }));
  CAPTURE(row.status, row.body);
  CHECK(single(row.body, row.status).verdict == row.want);
  for (const Asked asked : {Asked::Save, Asked::List})
    CHECK(verdicts(asked, row.body, row.status) == List(3, row.want));
}

TEST_CASE("vivo reply: a single push", "[vivo]") {
  CHECK(single(R"({"result":0,"desc":"请求成功","taskId":"342982232646"})").vendor_id == "342982232646");
  CHECK(single(R"({"result":0,"taskId":342982232646})").vendor_id == "342982232646");
  struct Row {
    const char* name;
    const char* body;
    Verdict want;
  };
  const Row row = GENERATE(values<Row>({
      {"the spec's, removed",
       R"({"result":10302,"desc":"regId不合法","invalidUser":{"status":2,"userid":"15638535410301000000001"}})",
       TokenGone},
      {"the spec's, foreign", R"({"result":10302,"invalidUser":{"status":"1","userid":"15638535410301000000001"}})",
       TokenGone},
      {"inactive", R"({"result":10302,"invalidUser":{"status":3,"userid":"15638535410301000000001"}})", Suppressed},
      {"no test device", R"({"result":10302,"invalidUser":{"status":4,"userid":"15638535410301000000001"}})",
       Misconfigured},
      {"unknown status", R"({"result":10302,"invalidUser":{"status":9,"userid":"15638535410301000000001"}})",
       Suppressed},
      {"no status", R"({"result":10302,"invalidUser":{"userid":"15638535410301000000001"}})", TokenGone},
      {"no id", R"({"result":10302,"invalidUser":{"status":2}})", TokenGone},
      {"null id", R"({"result":10302,"invalidUser":{"status":3,"userid":null}})", Suppressed},
      {"id as a number, rounded", R"({"result":10302,"invalidUser":{"status":2,"userid":15638535410301000000001}})",
       TokenGone},
      {"somebody else's", R"({"result":10302,"invalidUser":{"status":2,"userid":"15638535410301000000009"}})",
       TokenSuspect},
      {"empty text", R"({"result":10302,"invalidUser":""})", TokenGone},
      {"empty list", R"({"result":10302,"invalidUser":[]})", TokenGone},
      {"null", R"({"result":10302,"invalidUser":null})", TokenGone},
      {"empty object", R"({"result":10302,"invalidUser":{}})", TokenGone},
      {"as a list", R"({"result":10302,"invalidUsers":[{"status":3,"userid":"15638535410301000000001"}]})", Suppressed},
      {"inside a success", R"({"result":0,"invalidUser":{"status":1,"userid":"15638535410301000000001"}})", TokenGone},
      {"inside a success, no status", R"({"result":0,"invalidUser":{"userid":"15638535410301000000001"}})", Suppressed},
      {"inside a success, somebody else's", R"({"result":0,"invalidUser":{"status":1,"userid":"x"}})", Accepted},
      {"stale access token names no device",
       R"({"result":10000,"invalidUser":{"status":1,"userid":"15638535410301000000001"}})", AuthStale},
      {"throttled names no device", R"({"result":10072,"invalidUser":{"status":1}})", Throttled},
  }));
  CAPTURE(row.name);
  CHECK(single(row.body).verdict == row.want);
}

TEST_CASE("vivo reply: a list splits by id", "[vivo]") {
  struct Row {
    const char* name;
    const char* body;
    List want;
  };
  const Row row = GENERATE(values<Row>({
      {"none invalid", R"({"result":0,"requestId":"r"})", {Accepted, Accepted, Accepted}},
      {"the spec's", R"({"result":0,"invalidUsers":[{"userid":"id2","status":2}]})", {Accepted, TokenGone, Accepted}},
      {"each its own",
       R"({"result":0,"invalidUsers":[{"userid":"77","status":4},{"userid":"id2","status":"3"},
          {"userid":"15638535410301000000001","status":1}]})",
       {TokenGone, Suppressed, Misconfigured}},
      {"id as an integer",
       R"({"result":0,"invalidUsers":[{"userid":77,"status":1}]})",
       {Accepted, Accepted, TokenGone}},
      {"id as a rounded number",
       R"({"result":0,"invalidUsers":[{"userid":15638535410301000000001,"status":1}]})",
       {TokenGone, Accepted, Accepted}},
      {"foreign ids",
       R"({"result":0,"invalidUsers":[{"userid":"x","status":1},{"userid":78,"status":1},{"status":1},
          {"userid":null,"status":1},{"userid":"","status":1}]})",
       {Accepted, Accepted, Accepted}},
      {"unknown status",
       R"({"result":0,"invalidUsers":[{"userid":"id2","status":77},{"userid":"77"}]})",
       {Accepted, Suppressed, Suppressed}},
      {"odd items", R"({"result":0,"invalidUsers":[null,7,"id2",["id2"],{}]})", {Accepted, Accepted, Accepted}},
      {"empty text", R"({"result":0,"invalidUsers":""})", {Accepted, Accepted, Accepted}},
      {"an object", R"({"result":0,"invalidUsers":{"userid":"id2","status":2}})", {Accepted, TokenGone, Accepted}},
      {"refused for one",
       R"({"result":10302,"invalidUsers":[{"userid":"id2","status":2}]})",
       {Transient, TokenGone, Transient}},
      {"refused for nobody named", R"({"result":10302})", {Transient, Transient, Transient}},
      {"stop for the day",
       R"({"result":10070,"invalidUsers":[{"userid":"id2","status":2}]})",
       {Throttled, Throttled, Throttled}},
      {"truncated", R"({"result":0,"invalidUsers":[{"userid":"id2")", {Transient, Transient, Transient}},
  }));
  CAPTURE(row.name);
  CHECK(verdicts(Asked::List, row.body) == row.want);
}

TEST_CASE("vivo reply: rounded ids that fit two tokens remove neither", "[vivo]") {
  const std::vector<DeviceToken> near = {DeviceToken{"15638535410301000000001"},
                                         DeviceToken{"15638535410301000000002"}};
  CHECK(verdicts(Asked::List, R"({"result":0,"invalidUsers":[{"userid":15638535410301000000001,"status":1}]})", 200,
                 near) == List{Transient, Transient});
  // Doubt would be half of a removal, so each is asked for alone.
  for (const int status : {1, 2, 3, 77})
    for (const Answer& answer :
         answers_of(Asked::List, near,
                    {200,
                     {},
                     R"({"result":0,"invalidUsers":[{"userid":15638535410301000000001,"status":)" +
                         std::to_string(status) + "}]}"})) {
      CHECK(answer.verdict == Transient);
      CHECK(answer.alone);
    }
  const auto unnamed = answers_of(Asked::List, near, {200, {}, R"({"result":10302})"});
  CHECK(unnamed[0].alone);
  CHECK(verdicts(Asked::List, R"({"result":0,"invalidUsers":[{"userid":"15638535410301000000001","status":1}]})", 200,
                 near) == List{TokenGone, Accepted});
}

TEST_CASE("vivo reply: codes, ids and repeats", "[vivo]") {
  const std::vector<DeviceToken> twice = {DeviceToken{"a"}, DeviceToken{"b"}, DeviceToken{"a"}};
  const auto answers = answers_of(
      Asked::List, twice, {200, {}, R"({"result":0,"requestId":"r-1","invalidUsers":[{"userid":"a","status":2}]})"});
  CHECK(answers[0].verdict == TokenGone);
  CHECK(answers[0].code == "status 2");
  CHECK(answers[1].verdict == Accepted);
  CHECK(answers[1].vendor_id == "r-1");
  CHECK(answers[2].verdict == TokenGone);
  CHECK(single(R"({"result":10302,"invalidUser":{"status":2}})").code == "10302");
  CHECK(answers_of(Asked::List, {}, {200, {}, "{}"}).empty());
}

TEST_CASE("vivo reply: storing reaches nobody", "[vivo]") {
  CHECK(verdicts(Asked::Save, R"({"result":0,"taskId":"t"})") == List(3, Transient));
  CHECK(verdicts(Asked::Save, R"({"result":10302,"invalidUser":{"status":1,"userid":"id2"}})") == List(3, Transient));
  // The quota of contents is none of single pushes: each goes by itself.
  CHECK(verdicts(Asked::Save, R"({"result":10252})") == List(3, Transient));
  for (const Answer& answer : answers_of(Asked::Save, kTokens, {200, {}, R"({"result":10252})"})) {
    CHECK(answer.alone);
    CHECK(answer.shared_rests);
  }
  CHECK(answers_of(Asked::Save, kTokens, {200, {}, R"({"result":10252})"}).at(0).alone);
  CHECK(vivo::task_id_in({200, {}, R"({"result":0,"taskId":512390841238})"}) == "512390841238");
  CHECK_FALSE(vivo::task_id_in({200, {}, R"({"result":0,"taskId":")" + std::string(65, '1') + "\"}"}));
}
