// What an app's server may answer where it was asked.
#include "im/callbacks/before_answer.h"

#include <catch2/catch.hpp>
#include <string>

using namespace nightpost;
using namespace nightpost::im;
using Is = BeforeVerdict::Is;

namespace {

Result<BeforeVerdict> read(Before what, const std::string& body, int status = 200) {
  return before_answer(what, status, body, {});
}

}  // namespace

TEST_CASE("before answer: its code decides", "[im][callbacks][before]") {
  struct Row {
    const char* name;
    Before what;
    std::string body;
    Is is;
    std::int32_t code;
    std::string why;
  };
  const Row row = GENERATE(values<Row>({
      {"yes", Before::Send, R"({"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0})", Is::Allowed, 0, ""},
      {"the code alone", Before::GroupJoin, R"({"ErrorCode":0})", Is::Allowed, 0, ""},
      {"no", Before::Send, R"({"ErrorCode":1,"ErrorInfo":"not now"})", Is::Refused, 20006, "not now"},
      {"no without words", Before::Send, R"({"ErrorCode":1})", Is::Refused, 20006, "the app's server refused it"},
      {"no in a group", Before::GroupSend, R"({"ErrorCode":1})", Is::Refused, 10016, "the app's server refused it"},
      {"no friend", Before::FriendAdd, R"({"ErrorCode":1})", Is::Refused, 30009, "the app's server refused it"},
      {"the app's own code", Before::Send, R"({"ErrorCode":120001,"ErrorInfo":"x"})", Is::Refused, 120001, "x"},
      {"its last", Before::GroupCreate, R"({"ErrorCode":130000})", Is::Refused, 130000, "the app's server refused it"},
      {"one below is none of its own", Before::Send, R"({"ErrorCode":120000})", Is::Refused, 20006,
       "the app's server refused it"},
      {"one above", Before::GroupInvite, R"({"ErrorCode":130001})", Is::Refused, 10016, "the app's server refused it"},
      {"a negative one", Before::Send, R"({"ErrorCode":-1})", Is::Refused, 20006, "the app's server refused it"},
      {"dropped", Before::GroupSend, R"({"ErrorCode":2})", Is::Dropped, 0, ""},
      {"nothing else is dropped", Before::Send, R"({"ErrorCode":2})", Is::Refused, 20006,
       "the app's server refused it"},
      {"a join neither", Before::GroupJoin, R"({"ErrorCode":2})", Is::Refused, 10016, "the app's server refused it"},
      {"no, in words that are none", Before::Send, R"({"ErrorCode":1,"ErrorInfo":7})", Is::Refused, 20006,
       "the app's server refused it"},
      {"no, in too many words", Before::Send, R"({"ErrorCode":1,"ErrorInfo":")" + std::string(600, 'x') + R"("})",
       Is::Refused, 20006, "the app's server refused it"},
      {"no, whatever else it says", Before::Send, R"({"ErrorCode":1,"MsgBody":7})", Is::Refused, 20006,
       "the app's server refused it"},
  }));
  CAPTURE(row.name);
  const auto verdict = read(row.what, row.body);
  REQUIRE(verdict);
  CHECK(verdict->is == row.is);
  if (row.is != Is::Refused) return;
  CHECK(static_cast<std::int32_t>(verdict->refusal.code) == row.code);
  CHECK(verdict->refusal.why == row.why);
}

TEST_CASE("before answer: what is none", "[im][callbacks][before]") {
  struct Row {
    const char* name;
    int status;
    std::string body, error;
  };
  const Row row = GENERATE(values<Row>({
      {"a status", 500, R"({"ErrorCode":0})", "HTTP status 500"},
      {"a redirect", 302, R"({"ErrorCode":0})", "HTTP status 302"},
      {"nothing", 200, "", "its answer"},
      {"no JSON", 200, "OK", "its answer"},
      {"an array", 200, "[]", "its answer"},
      {"no code", 200, "{}", "ErrorCode"},
      {"a code that is text", 200, R"({"ErrorCode":"0"})", "ErrorCode"},
      {"a code that is null", 200, R"({"ErrorCode":null})", "ErrorCode"},
      {"a code beyond 32 bits", 200, R"({"ErrorCode":4294967296})", "ErrorCode"},
      {"a body that is none", 200, R"({"ErrorCode":0,"MsgBody":"hi"})", "MsgBody"},
      {"an element that is none", 200, R"({"ErrorCode":0,"MsgBody":[{"MsgType":"TIMNoElem","MsgContent":{}}]})",
       "MsgBody"},
      {"a text that is none", 200, R"({"ErrorCode":0,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":7}}]})",
       "MsgBody[0]"},
      {"a text that is too long", 200,
       R"({"ErrorCode":0,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":")" + std::string(13'000, 'x') +
           R"("}}]})",
       "MsgBody"},
      {"cloud data that is none", 200, R"({"ErrorCode":0,"CloudCustomData":{}})", "CloudCustomData"},
      {"cloud data that is too long", 200, R"({"ErrorCode":0,"CloudCustomData":")" + std::string(9'000, 'x') + R"("})",
       "CloudCustomData"},
      {"a push that is none", 200, R"({"ErrorCode":0,"OfflinePushInfo":{"PushFlag":7}})", "OfflinePushInfo.PushFlag"},
  }));
  CAPTURE(row.name);
  const auto verdict = read(Before::Send, row.body, row.status);
  REQUIRE_FALSE(verdict);
  CHECK(verdict.error().code == Errc::Malformed);
  CHECK(verdict.error().detail.contains(row.error));
}

TEST_CASE("before answer: other content in the message's place", "[im][callbacks][before]") {
  const std::string body =
      R"({"ErrorCode":0,"MsgBody":[{"MsgType":"TIMCustomElem","MsgContent":{"Data":"d","Ext":"e"}}],"CloudCustomData":"",)"
      R"("OfflinePushInfo":{"PushFlag":0,"Title":"T"}})";
  const auto verdict = read(Before::GroupSend, body);
  REQUIRE(verdict);
  REQUIRE(verdict->elements);
  CHECK(verdict->elements->contains(R"("data":"d")"));
  CHECK(verdict->cloud_data == "");  // it is taken away
  REQUIRE(verdict->push);
  CHECK(verdict->push->canonical == R"({"title":"T","ext":"e"})");
  CHECK_FALSE(verdict->push->disabled);
  const auto silent = read(Before::Send, R"({"ErrorCode":0,"OfflinePushInfo":{"PushFlag":1}})");
  REQUIRE(silent);
  CHECK(silent->push->disabled);
  CHECK_FALSE(silent->elements);
  const auto unchanged =
      read(Before::Send, R"({"ErrorCode":0,"MsgBody":[],"OfflinePushInfo":{}})");  // as some write none
  REQUIRE(unchanged);
  CHECK_FALSE(unchanged->elements);
  CHECK_FALSE(unchanged->cloud_data);
  CHECK_FALSE(unchanged->push);
  const auto join = read(Before::GroupJoin, body);  // has no content
  REQUIRE(join);
  CHECK_FALSE(join->elements);
}

TEST_CASE("before answer: users that are not to be invited", "[im][callbacks][before]") {
  const std::string body = R"({"ErrorCode":0,"RefusedMembers_Account":["max","sam"]})";
  CHECK(read(Before::GroupInvite, body)->refused_users == std::vector<std::string>{"max", "sam"});
  CHECK(read(Before::GroupJoin, body)->refused_users.empty());
  CHECK_FALSE(read(Before::GroupInvite, R"({"ErrorCode":0,"RefusedMembers_Account":[7]})"));
  CHECK_FALSE(read(Before::GroupInvite, R"({"ErrorCode":0,"RefusedMembers_Account":"max"})"));
}
