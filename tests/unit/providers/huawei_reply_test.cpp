#include "providers/huawei/reply.h"

#include <catch2/catch.hpp>
#include <set>

#include "providers/huawei/verdict.h"

using namespace nightpost;

namespace {

const std::vector<DeviceToken> kFour = {DeviceToken("AOxxTokenA"), DeviceToken("AOxxTokenB"), DeviceToken("AOxxTokenC"),
                                        DeviceToken("AOxxTokenD")};

std::vector<Answer> judged(int status, std::string body, std::string retry_after = {}) {
  HttpResponse reply{.status = status, .headers = {}, .body = std::move(body)};
  if (!retry_after.empty()) reply.headers = {{"retry-after", retry_after}};
  return huawei::answers_of(kFour, reply);
}

/// The verdicts' first letters: A accepted, G gone, S suspect, M misconfigured, C credential bad, s suppressed, …
std::string letters(const std::vector<Answer>& answers) {
  std::string out;
  for (const Answer& answer : answers) {
    CHECK_FALSE(answer.meaning.empty());
    switch (answer.verdict) {
      case Verdict::Accepted:
        out += answer.in_part ? 'p' : 'A';
        break;
      case Verdict::TokenGone:
        out += 'G';
        break;
      case Verdict::TokenSuspect:
        out += 'S';
        break;
      case Verdict::Suppressed:
        out += 's';
        break;
      case Verdict::Misconfigured:
        out += 'M';
        break;
      case Verdict::CredentialBad:
        out += 'C';
        break;
      case Verdict::Rejected:
        out += 'R';
        break;
      case Verdict::AuthStale:
        out += 'a';
        break;
      case Verdict::Throttled:
        out += 'T';
        break;
      case Verdict::Transient:
        out += 't';
        break;
      case Verdict::Count:
        out += '?';
        break;
    }
  }
  return out;
}

std::string coded(const std::string& code) {
  return R"({"code":")" + code + R"(","msg":"words","requestId":"173568960000001"})";
}
/// msg is JSON text inside JSON.
std::string partial(std::string inner, const std::string& code = "80100000") {
  std::string escaped;
  for (const char c : inner) (c == '"' || c == '\\' ? escaped += '\\' : escaped) += c;
  return R"({"code":")" + code + R"(","msg":")" + escaped + R"(","requestId":"r1"})";
}

}  // namespace

TEST_CASE("huawei: the whole code table", "[huawei]") {
  // §3.6 once more, by hand, so that a slip in the table shows.
  const std::vector<std::pair<std::string, char>> spec = {
      {"80000000", 'A'}, {"80100001", 'R'}, {"80100002", 'R'}, {"80100003", 'R'}, {"80100004", 'R'}, {"80100013", 'R'},
      {"80100016", 'R'}, {"80100017", 'T'}, {"80100018", 'R'}, {"80100022", 'R'}, {"80200001", 'a'}, {"80200003", 'a'},
      {"80200005", 'a'}, {"80300002", 'C'}, {"80300007", 'S'}, {"80300008", 'R'}, {"80300010", 'R'}, {"80300011", 'C'},
      {"80300013", 'R'}, {"80300029", 'T'}, {"80300030", 'R'}, {"80300036", 'C'}, {"80300037", 'C'}, {"80600003", 't'},
      {"81000001", 't'}, {"82000001", 'R'}, {"82000002", 'R'}, {"82000003", 'R'}, {"82000004", 'R'}, {"82000005", 'R'},
      {"82000006", 'R'}, {"82000007", 'R'}, {"82000008", 'R'}, {"82000009", 'R'}, {"82000010", 'R'}, {"82000011", 'R'},
      {"82000012", 'C'}, {"82000013", 'C'}};
  CHECK(spec.size() + 1 == huawei::kRules.size());  // and 80100000, below
  for (const auto& [code, want] : spec) {
    CAPTURE(code);
    for (const int status : {200, 400, 401, 500}) {
      const auto answers = judged(status, coded(code));
      // Of several tokens it may mean one.
      CHECK(letters(answers) == std::string(4, code == "80300002" ? 't' : want));
      CHECK(answers[0].alone == (code == "80300002"));
      CHECK(answers[0].code == code);
      CHECK(answers[3].vendor_id == "173568960000001");
      CHECK(answers[0].rest_of_day == (code == "80300029"));
      if (want == 'T') CHECK(answers[0].scope == Scope::Credential);
    }
    CHECK(letters(judged(503, coded(code))) == "TTTT");  // any body
    if (code != "80300002")
      CHECK(letters(judged(200, R"({"code":)" + code + "}")) == std::string(4, want));  // a number
    const DeviceToken one("AOxxTokenA");
    CHECK(letters(huawei::answers_of({&one, 1}, {.status = 200, .body = coded(code)})) == std::string(1, want));
    // Where the credential is known to work it is the token's fault; of all codes only here.
    CHECK(huawei::answers_of({&one, 1}, {.status = 200, .body = coded(code)})[0].may_be_token == (code == "80300002"));
  }
}

TEST_CASE("huawei: answers without a code of the table", "[huawei]") {
  struct Row {
    const char* name;
    int status;
    std::string body;
    char want;
  };
  const std::vector<Row> rows = {
      {"unknown, 200", 200, coded("80999999"), 'R'},
      {"unknown, 400", 400, coded("80999999"), 'R'},
      {"unknown, 401", 401, coded("80999999"), 'C'},
      {"unknown, 404", 404, coded("80999999"), 'R'},
      {"unknown, 500", 500, coded("80999999"), 't'},
      {"unknown, 429", 429, coded("80999999"), 'T'},
      {"nearly known", 200, coded("8030000"), 'R'},
      {"empty 200", 200, "", 't'},
      {"HTML 200", 200, "<html>OK</html>", 't'},
      {"cut off", 200, R"({"code":"80000000","msg":"Suc)", 't'},
      {"no code", 200, R"({"msg":"Success"})", 't'},
      {"code null", 200, R"({"code":null})", 't'},
      {"code a list", 200, R"({"code":["80000000"]})", 't'},
      {"code a fraction", 200, R"({"code":80000000.5})", 't'},
      {"code empty", 200, R"({"code":""})", 't'},
      {"an array", 200, R"([{"code":"80000000"}])", 't'},
      {"text", 200, R"("80000000")", 't'},
      {"400", 400, "", 'R'},
      {"401", 401, "", 't'},
      {"403", 403, "<html>", 't'},
      {"404", 404, "<html>", 't'},
      {"408", 408, "", 't'},
      {"302", 302, "", 'M'},
      {"500", 500, "", 't'},
      {"502", 502, "<html>", 't'},
      {"503", 503, "", 'T'},
      {"504", 504, "", 't'},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(letters(judged(row.status, row.body)) == std::string(4, row.want));
  }
  CHECK(judged(503, "")[0].retry_after == seconds(1));
  CHECK(judged(503, "", "30")[0].retry_after == seconds(30));
  CHECK(judged(500, "")[0].retry_after == seconds(2));
  CHECK(judged(200, coded("81000001"), "5")[0].retry_after == seconds(5));
  CHECK_FALSE(judged(200, coded("80300029"))[0].retry_after);
  CHECK(judged(400, R"({"code":"80100001","msg":"ttl\nbad"})")[0].meaning == "A parameter is wrong. It said: ttl?bad");
}

TEST_CASE("huawei: a partial success is split token by token", "[huawei]") {
  struct Row {
    const char* name;
    std::string inner;
    std::string_view want;
  };
  const std::vector<Row> rows = {
      {"the spec's", R"({"success":3,"failure":1,"illegal_tokens":["AOxxTokenD"]})", "AAAG"},
      {"several", R"({"success":1,"failure":3,"illegal_tokens":["AOxxTokenD","AOxxTokenA","AOxxTokenB"]})", "GGAG"},
      {"counts as text", R"({"success":"3","failure":"1","illegal_tokens":["AOxxTokenB"]})", "AGAA"},
      {"the other spelling", R"({"failure":1,"illegalTokens":["AOxxTokenA"]})", "GAAA"},
      {"strangers are no matter", R"({"failure":2,"illegal_tokens":["AOxxTokenA","other"]})", "GAAA"},
      {"v3, by reason", R"({"failure":2,"illegalTokens":{"tokenFormatError":["AOxxTokenA"],"noRight":["AOxxTokenC"]}})",
       "GASA"},
      {"v3, all kinds",
       R"({"failure":3,"illegalTokens":{"tokenPlatformNotSupport":["AOxxTokenA"],"countryNotSupport":["AOxxTokenB"],"differentImgVerifyPolicy":["AOxxTokenC"]}})",
       "GsRA"},
      {"v3, penalty", R"({"failure":1,"illegalTokens":{"disableSendHuaweiMsgBecauseOfPenalty":["AOxxTokenC"]}})",
       "AACA"},
      {"v3, a reason from the future", R"({"failure":1,"illegalTokens":{"moonPhase":["AOxxTokenB"]}})", "AsAA"},
      {"v3, under v1's spelling", R"({"failure":1,"illegal_tokens":{"noPushTypeRight":["AOxxTokenB"]}})", "AMAA"},
      {"none failed", R"({"success":4,"failure":0,"illegal_tokens":[]})", "AAAA"},
      {"none failed, empty text", R"({"success":4,"failure":0,"illegal_tokens":""})", "AAAA"},
      // All of them: nothing in the answer proves the credential right.
      {"all", R"({"failure":4,"illegal_tokens":["AOxxTokenA","AOxxTokenB","AOxxTokenC","AOxxTokenD"]})", "SSSS"},
      // Who is meant is not to be known: nobody is removed, nothing is sent again.
      {"not JSON", "partial success", "ssss"},
      {"empty", "", "ssss"},
      {"cut off", R"({"success":3,"failure":1,"illegal_tok)", "ssss"},
      {"a list", R"(["AOxxTokenA"])", "ssss"},
      {"no list", R"({"success":3,"failure":1})", "ssss"},
      {"list null", R"({"success":3,"failure":1,"illegal_tokens":null})", "ssss"},
      {"list a text", R"({"success":3,"failure":1,"illegal_tokens":"AOxxTokenA"})", "ssss"},
      {"list empty", R"({"success":3,"failure":1,"illegal_tokens":[]})", "ssss"},
      {"list of numbers", R"({"success":3,"failure":1,"illegal_tokens":[1,null,{}]})", "ssss"},
      {"more failed than are named", R"({"success":2,"failure":2,"illegal_tokens":["AOxxTokenB"]})", "pGpp"},
      {"so many that none is left", R"({"success":0,"failure":4,"illegal_tokens":["AOxxTokenB"]})", "sSss"},
      {"more than there are", R"({"failure":99,"illegal_tokens":["AOxxTokenB"]})", "sSss"},
      {"the least number there is", R"({"failure":-9223372036854775808,"illegal_tokens":["AOxxTokenB"]})", "AGAA"},
      {"a count below zero", R"({"failure":-3,"illegal_tokens":["AOxxTokenB"]})", "AGAA"},
      {"only strangers", R"({"success":3,"failure":1,"illegal_tokens":["other"]})", "ssss"},
      {"no counts, no list", R"({})", "ssss"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto answers = judged(200, partial(row.inner));
    CHECK(letters(answers) == row.want);
    CHECK(answers[0].vendor_id == "r1");
  }
  CHECK(letters(judged(503, partial(rows[0].inner))) == "TTTT");
  CHECK(letters(judged(200, R"({"code":"80100000"})")) == "ssss");
  CHECK(letters(judged(200, R"({"code":"80100000","msg":7})")) == "ssss");
  CHECK(letters(judged(200, R"({"code":80100000,"msg":{"illegal_tokens":["AOxxTokenB"]}})")) == "AGAA");  // not text
  const auto doubt = judged(200, partial("?"));
  CHECK(doubt[0].meaning.find("nothing sent again") != std::string::npos);
  CHECK(judged(200, partial(R"({"illegalTokens":{"noRight":["AOxxTokenC"]}})"))[2].code == "noRight");
}

TEST_CASE("huawei: all tokens invalid removes none of them", "[huawei]") {
  // A throttled device, or an address of another project, says so as well (§3.6, breaker).
  CHECK(letters(judged(200, coded("80300007"))) == "SSSS");
  const std::string reasons =
      R"({"failure":4,"illegalTokens":{"tokenFormatError":["AOxxTokenA"],"noRight":["AOxxTokenB"],"countryNotSupport":["AOxxTokenC"]}})";
  CHECK(letters(judged(200, partial(reasons, "80300007"))) == "SSsS");
  const std::vector<DeviceToken> one = {DeviceToken("AOxxTokenA")};
  CHECK(letters(huawei::answers_of(one, {.status = 200, .headers = {}, .body = coded("80300007")})) == "S");
}

TEST_CASE("huawei: v3's reasons, each by itself", "[huawei]") {
  for (const huawei::Rule& rule : huawei::kTokenReasons) {
    CAPTURE(rule.code);
    const auto answers =
        judged(200, partial(R"({"failure":1,"illegalTokens":{")" + std::string(rule.code) + R"(":["AOxxTokenB"]}})"));
    CHECK(answers[1].verdict == rule.verdict);
    CHECK(answers[1].code == rule.code);
    CHECK(answers[0].verdict == Verdict::Accepted);
  }
  CHECK(huawei::kTokenReasons.size() == 11);
}
