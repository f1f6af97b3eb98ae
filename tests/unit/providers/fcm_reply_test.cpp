#include "providers/fcm/reply.h"

#include <catch2/catch.hpp>

#include "providers/fcm/fcm.h"
#include "providers/fcm/verdict.h"

using namespace nightpost;

namespace {

struct Row {
  const char* name;
  int status;
  std::string body;
  Verdict want;
  std::string_view code;
  std::string_view words = "";  // that the meaning must have
};

Answer judged(int status, std::string body, std::string retry_after = {}) {
  HttpResponse reply{.status = status, .headers = {}, .body = std::move(body)};
  if (!retry_after.empty()) reply.headers = {{"retry-after", retry_after}, {"date", "Sun, 06 Nov 1994 08:49:37 GMT"}};
  return fcm::answer_of(reply);
}

/// Google's envelope with these details.
std::string envelope(int code, const char* status, const char* message, const std::string& details) {
  return R"({"error":{"code":)" + std::to_string(code) + R"(,"message":")" + message + R"(","status":")" + status +
         R"(","details":[)" + details + "]}}";
}
std::string fcm_error(const std::string& code) {
  return R"({"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":")" + code + R"("})";
}
std::string violations(const std::string& list) {
  return R"({"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[)" + list + "]}";
}
const std::string kOnToken = R"({"field":"message.token","description":"Invalid registration token"})";
const std::string kOnFid = R"({"field":"message.fid","description":"?"})";
const std::string kOnTtl = R"({"field":"message.android.ttl","description":"Illegal duration format"})";

}  // namespace

TEST_CASE("fcm: an answer maps to one verdict", "[fcm]") {
  const std::string bad_token = "The registration token is not a valid FCM registration token";
  const std::vector<Row> rows = {
      {"accepted", 200, R"({"name":"projects/demo-project/messages/0:17%76"})", Verdict::Accepted, ""},
      {"accepted, in words unknown", 202, "<html>", Verdict::Accepted, ""},
      {"accepted, empty", 200, "", Verdict::Accepted, ""},

      // §2.5, row by row, and the examples of §2.9.
      {"C: dead", 404, envelope(404, "NOT_FOUND", "Requested entity was not found.", fcm_error("UNREGISTERED")),
       Verdict::TokenGone, "UNREGISTERED"},
      {"D: malformed", 400, envelope(400, "INVALID_ARGUMENT", bad_token.c_str(), fcm_error("INVALID_ARGUMENT")),
       Verdict::TokenGone, "INVALID_ARGUMENT"},
      {"malformed, both details", 400,
       envelope(400, "INVALID_ARGUMENT", "x", fcm_error("INVALID_ARGUMENT") + "," + violations(kOnToken)),
       Verdict::TokenGone, "INVALID_ARGUMENT"},
      {"malformed, the other order", 400,
       envelope(400, "INVALID_ARGUMENT", "x", violations(kOnToken) + "," + fcm_error("INVALID_ARGUMENT")),
       Verdict::TokenGone, "INVALID_ARGUMENT"},
      {"malformed, violation only", 400, envelope(400, "INVALID_ARGUMENT", "x", violations(kOnToken)),
       Verdict::TokenGone, "INVALID_ARGUMENT"},
      {"a bad installation id", 400, envelope(400, "INVALID_ARGUMENT", "x", violations(kOnFid)), Verdict::TokenGone,
       "INVALID_ARGUMENT"},
      {"token and another field", 400, envelope(400, "INVALID_ARGUMENT", "x", violations(kOnToken + "," + kOnTtl)),
       Verdict::Rejected, "INVALID_ARGUMENT"},
      {"E: bad field", 400,
       envelope(400, "INVALID_ARGUMENT", "Invalid value at 'message.android.ttl'", violations(kOnTtl)),
       Verdict::Rejected, "INVALID_ARGUMENT", "message.android.ttl"},
      {"bad field with FcmError, text of a token", 400,
       envelope(400, "INVALID_ARGUMENT", bad_token.c_str(), fcm_error("INVALID_ARGUMENT") + "," + violations(kOnTtl)),
       Verdict::Rejected, "INVALID_ARGUMENT"},
      {"too large, no violations", 400,
       envelope(400, "INVALID_ARGUMENT", "Android message is too big",
                fcm_error("INVALID_ARGUMENT") + R"(,{"@type":"type.googleapis.com/google.rpc.BadRequest"})"),
       Verdict::Rejected, "INVALID_ARGUMENT", "too big"},
      {"no details at all", 400, R"({"error":{"code":400,"message":"bad condition","status":"INVALID_ARGUMENT"}})",
       Verdict::Rejected, "INVALID_ARGUMENT"},
      {"text of a token without FcmError", 400, envelope(400, "INVALID_ARGUMENT", bad_token.c_str(), ""),
       Verdict::Rejected, "INVALID_ARGUMENT"},
      {"no target", 400, envelope(400, "INVALID_ARGUMENT", "Recipient of the message is not set.", ""),
       Verdict::Rejected, "INVALID_ARGUMENT"},
      {"expired access token", 401,
       envelope(401, "UNAUTHENTICATED", "x",
                R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"ACCESS_TOKEN_EXPIRED"})"),
       Verdict::AuthStale, "UNAUTHENTICATED"},
      {"no credentials", 401, envelope(401, "UNAUTHENTICATED", "x", ""), Verdict::AuthStale, "UNAUTHENTICATED"},
      {"a bare 401", 401, "", Verdict::Transient, ""},
      {"Apple's key is wrong", 401,
       envelope(
           401, "UNAUTHENTICATED", "Request is missing required authentication credential.",
           fcm_error("THIRD_PARTY_AUTH_ERROR") +
               R"(,{"@type":"type.googleapis.com/google.firebase.fcm.v1.ApnsError","statusCode":403,"reason":"BadEnvironmentKeyInToken"})"),
       Verdict::Misconfigured, "THIRD_PARTY_AUTH_ERROR", "BadEnvironmentKeyInToken"},
      {"the older name", 401, envelope(401, "UNAUTHENTICATED", "x", fcm_error("APNS_AUTH_ERROR")),
       Verdict::Misconfigured, "APNS_AUTH_ERROR"},
      {"another project's token", 403, envelope(403, "PERMISSION_DENIED", "x", fcm_error("SENDER_ID_MISMATCH")),
       Verdict::TokenGone, "SENDER_ID_MISMATCH"},
      {"API off", 403,
       envelope(403, "PERMISSION_DENIED", "FCM API has not been used",
                R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED"})"),
       Verdict::CredentialBad, "PERMISSION_DENIED", "has not been used"},
      {"wrong project", 404, envelope(404, "NOT_FOUND", "Requested entity was not found.", ""), Verdict::CredentialBad,
       "NOT_FOUND", "project"},
      {"a page of some proxy", 404, "<!DOCTYPE html><title>404</title>", Verdict::Transient, "", "not in FCM's words"},
      {"a page of some edge", 403, "<html>Forbidden</html>", Verdict::Transient, "", "not in FCM's words"},
      {"quota", 429, envelope(429, "RESOURCE_EXHAUSTED", "Quota exceeded", fcm_error("QUOTA_EXCEEDED")),
       Verdict::Throttled, "QUOTA_EXCEEDED"},
      {"internal", 500, envelope(500, "INTERNAL", "x", fcm_error("INTERNAL")), Verdict::Transient, "INTERNAL"},
      {"bad gateway", 502, "<html>502</html>", Verdict::Transient, ""},
      {"gateway timeout", 504, "", Verdict::Transient, ""},
      {"overload", 503, envelope(503, "UNAVAILABLE", "x", fcm_error("UNAVAILABLE")), Verdict::Throttled, "UNAVAILABLE"},
      {"unspecified 400", 400, envelope(400, "X", "x", fcm_error("UNSPECIFIED_ERROR")), Verdict::Rejected,
       "UNSPECIFIED_ERROR"},
      {"unspecified 403", 403, envelope(403, "X", "x", fcm_error("UNSPECIFIED_ERROR")), Verdict::CredentialBad,
       "UNSPECIFIED_ERROR"},
      {"unspecified 500", 500, envelope(500, "X", "x", fcm_error("UNSPECIFIED_ERROR")), Verdict::Transient,
       "UNSPECIFIED_ERROR"},
      {"unspecified 503", 503, envelope(503, "X", "x", fcm_error("UNSPECIFIED_ERROR")), Verdict::Throttled,
       "UNSPECIFIED_ERROR"},

      // An unknown code never removes a token.
      {"unknown 400", 400, envelope(400, "INVALID_ARGUMENT", bad_token.c_str(), fcm_error("FROM_THE_FUTURE")),
       Verdict::Rejected, "FROM_THE_FUTURE"},
      {"unknown 401", 401, envelope(401, "X", "x", fcm_error("FROM_THE_FUTURE")), Verdict::CredentialBad,
       "FROM_THE_FUTURE"},
      {"unknown 404", 404, envelope(404, "X", "x", fcm_error("FROM_THE_FUTURE")), Verdict::Rejected, "FROM_THE_FUTURE"},
      {"unknown 410", 410, "", Verdict::Rejected, ""},
      {"unknown 599", 599, "", Verdict::Transient, ""},
      {"timed out", 408, "", Verdict::Transient, ""},
      {"redirect", 302, "", Verdict::Misconfigured, ""},
      // The status contradicts the code: too much doubt to forget a token.
      {"dead, they say with 500", 500, envelope(500, "X", "x", fcm_error("UNREGISTERED")), Verdict::TokenSuspect,
       "UNREGISTERED"},
      {"another's, with 404", 404, envelope(404, "X", "x", fcm_error("SENDER_ID_MISMATCH")), Verdict::TokenSuspect,
       "SENDER_ID_MISMATCH"},
      {"a bad token, with 500", 500, envelope(500, "X", bad_token.c_str(), fcm_error("INVALID_ARGUMENT")),
       Verdict::Transient, "INVALID_ARGUMENT"},

      // Bodies that are no envelope.
      {"HTML", 400, "<html>registration token</html>", Verdict::Rejected, ""},
      {"cut off", 404, R"({"error":{"code":404,"details":[{"@type":"x.FcmError","errorCode":"UNREGISTERED"})",
       Verdict::Transient, ""},
      {"error as text", 404, R"({"error":"UNREGISTERED"})", Verdict::Transient, ""},
      {"error null", 404, R"({"error":null})", Verdict::Transient, ""},
      {"an array", 404, R"([{"error":{}}])", Verdict::Transient, ""},
      {"details as an object", 404, R"({"error":{"details":{"errorCode":"UNREGISTERED"}}})", Verdict::Transient, ""},
      {"details empty text", 404, R"({"error":{"details":""}})", Verdict::Transient, ""},
      {"details of everything", 404, R"({"error":{"details":[null,7,"x",[],{},{"@type":7}]}})", Verdict::Transient, ""},
      {"errorCode as an object", 404, R"({"error":{"details":[{"@type":".FcmError","errorCode":{}}]}})",
       Verdict::Transient, ""},
      {"errorCode under another type", 404, R"({"error":{"details":[{"@type":"x.Help","errorCode":"UNREGISTERED"}]}})",
       Verdict::Transient, ""},
      {"violations as text", 400,
       R"({"error":{"details":[{"@type":"g.BadRequest","fieldViolations":"message.token"}]}})", Verdict::Rejected, ""},
      {"violation without a field", 400,
       R"({"error":{"details":[{"@type":"g.BadRequest","fieldViolations":[null,{}]}]}})", Verdict::Rejected, ""},
      {"deep", 404, std::string(60'000, '['), Verdict::Transient, ""},
      {"endless", 404, std::string(70'000, ' ') + envelope(404, "X", "x", fcm_error("UNREGISTERED")),
       Verdict::Transient, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Answer answer = judged(row.status, row.body);
    CHECK(name_of(answer.verdict) == name_of(row.want));
    CHECK(answer.code == row.code);
    CHECK_FALSE(answer.meaning.empty());
    CHECK(answer.meaning.find(row.words) != std::string::npos);
    CHECK_FALSE(answer.gone_at);  // Google gives no time
    CHECK_FALSE(answer.rest_of_day);
  }
}

TEST_CASE("fcm: each code of the table at its own status", "[fcm]") {
  for (const fcm::Rule& rule : fcm::kRules) {
    CAPTURE(rule.code);
    const Answer answer = judged(rule.status, envelope(rule.status, "X", "x", fcm_error(std::string(rule.code))));
    CHECK(answer.verdict == rule.verdict);
    CHECK(answer.meaning == rule.meaning);
  }
  CHECK(fcm::rule_for("") == nullptr);
  CHECK(fcm::rule_for("ZZZ") == nullptr);
}

TEST_CASE("fcm: how long to wait, and who", "[fcm]") {
  const std::string quota = envelope(429, "RESOURCE_EXHAUSTED", "Quota exceeded", fcm_error("QUOTA_EXCEEDED"));
  CHECK(judged(429, quota, "37").retry_after == seconds(37));
  CHECK(judged(429, quota, "Sun, 06 Nov 1994 08:50:07 GMT").retry_after == seconds(30));
  CHECK(judged(429, quota).retry_after == seconds(60));
  CHECK(judged(429, quota, "soon").retry_after == seconds(60));
  CHECK(judged(429, quota, "999999999").retry_after == seconds(3'600));
  CHECK(judged(429, "").retry_after == seconds(60));
  CHECK(judged(503, "").retry_after == seconds(10));
  CHECK(judged(503, "", "3").retry_after == seconds(3));
  CHECK(judged(500, "").retry_after == seconds(10));
  CHECK(judged(502, "", "12").retry_after == seconds(12));
  CHECK_FALSE(judged(408, "").retry_after);
  CHECK_FALSE(judged(400, "", "12").retry_after);
  CHECK(judged(401, "", "12").retry_after == seconds(12));

  CHECK(judged(429, quota).scope == Scope::Credential);
  CHECK(judged(429, "").scope == Scope::Credential);
  CHECK(judged(503, "").scope == Scope::Credential);
  const auto because = [](const char* subject, const char* description) {
    return judged(429,
                  envelope(429, "X", "x",
                           fcm_error("QUOTA_EXCEEDED") +
                               R"(,{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"subject":")" +
                               subject + R"(","description":")" + description + R"("}]})"))
        .scope;
  };
  CHECK(because("project:7", "per minute") == Scope::Credential);
  CHECK(because("Device", "x") == Scope::Token);
  CHECK(because("x", "topic rate exceeded") == Scope::Token);
  CHECK(judged(429, envelope(429, "X", "Device message rate exceeded", "")).scope == Scope::Token);
}

TEST_CASE("fcm: the vendor's id, and foreign words made harmless", "[fcm]") {
  CHECK(judged(200, R"({"name":"projects/demo-project/messages/0:1735689600123456%7606eb247606eb24"})").vendor_id ==
        "projects/demo-project/messages/0:1735689600123456%7606eb247606eb24");
  CHECK(judged(200, R"({"name":null})").vendor_id.empty());
  CHECK(judged(200, R"({"name":["x"]})").vendor_id.empty());
  CHECK(judged(200, R"({"name":"a\nb)" + std::string(500, 'x') + "\"}").vendor_id.size() == 200);
  const Answer answer = judged(400, envelope(400, "X", R"(a\nb\u0000c小)", fcm_error(R"(A\nB)")));
  CHECK(answer.code == "A?B");
  CHECK(answer.meaning.find_first_of(std::string("\n\0", 2)) == std::string::npos);
  Certificate of;
  of.facts = {{"project_id", "demo-project"}};
  const std::vector<DeviceToken> tokens(3, DeviceToken("t"));
  CHECK((*fcm::make_provider(of))->classify(0, tokens, HttpResponse{.status = 200}).size() == 3);
}
