#include <catch2/catch.hpp>
#include <set>

#include "providers/apns/apns.h"
#include "providers/apns/reply.h"
#include "providers/apns/verdict.h"

using namespace nightpost;
using apns::answer_of;
using apns::blames_credential;

namespace {

HttpResponse reply(int status, std::string body = {}, std::vector<HttpResponse::Field> headers = {}) {
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}

std::string because(const std::string& reason) { return R"({"reason":")" + reason + "\"}"; }

}  // namespace

// Typed from Apple's table, not from the table under test.
TEST_CASE("apns reply: every reason Apple documents", "[apns]") {
  struct Row {
    int status;
    const char* reason;
    Verdict verdict;
    bool leave;
  };
  const Row row = GENERATE(values<Row>({
      {400, "BadCollapseId", Verdict::Rejected, false},
      {400, "BadDeviceToken", Verdict::TokenSuspect, false},
      {400, "BadExpirationDate", Verdict::Rejected, false},
      {400, "BadMessageId", Verdict::Rejected, false},
      {400, "BadPriority", Verdict::Rejected, false},
      {400, "BadTopic", Verdict::CredentialBad, false},
      {400, "DeviceTokenNotForTopic", Verdict::TokenSuspect, false},
      {400, "DuplicateHeaders", Verdict::Rejected, false},
      {400, "IdleTimeout", Verdict::Transient, true},
      {400, "InvalidPushType", Verdict::Rejected, false},
      {400, "MissingDeviceToken", Verdict::Rejected, false},
      {400, "MissingTopic", Verdict::CredentialBad, false},
      {400, "PayloadEmpty", Verdict::Rejected, false},
      {400, "TopicDisallowed", Verdict::CredentialBad, false},
      {403, "BadCertificate", Verdict::CredentialBad, true},
      {403, "BadCertificateEnvironment", Verdict::CredentialBad, true},
      {403, "BadEnvironmentKeyIdInToken", Verdict::CredentialBad, true},
      {403, "BadEnvironmentKeyInToken", Verdict::CredentialBad, true},
      {403, "ExpiredProviderToken", Verdict::AuthStale, true},
      {403, "Forbidden", Verdict::CredentialBad, true},
      {403, "InvalidProviderToken", Verdict::CredentialBad, true},
      {403, "MissingProviderToken", Verdict::CredentialBad, false},
      {403, "UnrelatedKeyIdInToken", Verdict::Transient, true},
      {404, "BadPath", Verdict::Rejected, false},
      {405, "MethodNotAllowed", Verdict::Rejected, false},
      {410, "ExpiredToken", Verdict::TokenGone, false},
      {410, "Unregistered", Verdict::TokenGone, false},
      {413, "PayloadTooLarge", Verdict::Rejected, false},
      {429, "TooManyProviderTokenUpdates", Verdict::Throttled, true},
      {429, "TooManyRequests", Verdict::Throttled, false},
      {500, "InternalServerError", Verdict::Transient, false},
      {503, "ServiceUnavailable", Verdict::Transient, false},
      {503, "Shutdown", Verdict::Transient, true},
  }));
  CAPTURE(row.reason);
  const Answer answer = answer_of(reply(row.status, because(row.reason), {{"apns-id", "0b6d0d53"}}));
  CHECK(answer.verdict == row.verdict);
  CHECK(answer.leave_connection == row.leave);
  CHECK(answer.code == row.reason);
  CHECK(answer.vendor_id == "0b6d0d53");
  CHECK_THAT(answer.meaning, Catch::EndsWith("."));
  CHECK(answer.meaning.size() > 20);
  CHECK_FALSE(answer.gone_at);
  const bool token_scope = std::string_view(row.reason) != "TooManyProviderTokenUpdates";
  CHECK(answer.scope == (token_scope ? Scope::Token : Scope::Connection));
  CHECK(answer.retry_after ==
        (std::string_view(row.reason) == "TooManyRequests" ? std::optional(milliseconds(30'000)) : std::nullopt));
}

TEST_CASE("apns reply: the table has exactly Apple's reasons, once each", "[apns]") {
  std::set<std::string_view> reasons;
  for (const apns::Rule& rule : apns::kRules) CHECK(reasons.insert(rule.reason).second);
  CHECK(reasons.size() == 33);
}

TEST_CASE("apns reply: accepted, whatever the body", "[apns]") {
  const std::string body = GENERATE(as<std::string>{}, "", "{}", "<html>", R"({"reason":"Unregistered"})");
  const Answer answer = answer_of(reply(200, body, {{"apns-id", "5f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f70"}}));
  CHECK(answer.verdict == Verdict::Accepted);
  CHECK(answer.vendor_id == "5f0c1c3e-7d0a-4a6e-9f1b-2a3c4d5e6f70");
  CHECK(answer.code.empty());
  CHECK_FALSE(answer.leave_connection);
}

TEST_CASE("apns reply: a status without a reason we know", "[apns]") {
  struct Row {
    int status;
    Verdict verdict;
  };
  const Row row = GENERATE(values<Row>({
      {0, Verdict::Transient},       {100, Verdict::Transient},     {201, Verdict::Accepted},
      {301, Verdict::Misconfigured}, {302, Verdict::Misconfigured}, {400, Verdict::Rejected},
      {401, Verdict::Transient},     {403, Verdict::Transient},     {404, Verdict::Transient},
      {405, Verdict::Rejected},      {408, Verdict::Transient},     {410, Verdict::TokenSuspect},
      {413, Verdict::Rejected},      {418, Verdict::Rejected},      {422, Verdict::Rejected},
      {425, Verdict::Transient},     {429, Verdict::Throttled},     {499, Verdict::Rejected},
      {500, Verdict::Transient},     {502, Verdict::Transient},     {503, Verdict::Throttled},
      {504, Verdict::Transient},     {599, Verdict::Transient},     {-1, Verdict::Transient},
      {999, Verdict::Transient},
  }));
  const std::string body = GENERATE(
      as<std::string>{}, "", because("ReasonFromTheFuture"), "<html><body>502</body></html>", "{\"reason\":\"Unreg",
      "null", "[]", "\"Unregistered\"", "{\"reason\":410}", "{\"reason\":null}", "{\"reason\":[\"Unregistered\"]}",
      "{\"reason\":{\"reason\":\"Unregistered\"}}", "{\"Reason\":\"Unregistered\"}", "{\"reason\":\"unregistered\"}",
      "{\"reason\":\"Unregistered \"}", "{\"reason\":\"\"}", "{\"reason\":\"Unregistered\"} x",
      "{\"reason\":\"Unregistered\xff\"}", std::string("\0\0\0", 3), std::string(4'000, '['),
      "{\"reason\":\"Unregistered\",\"pad\":\"" + std::string(5'000, 'x') + "\"}");
  CAPTURE(row.status, body);
  const Answer answer = answer_of(reply(row.status, body));
  // In Apple's form, if in words unknown to us.
  const bool named = body.size() < 100 && body.starts_with("{\"reason\":\"") && body.ends_with("\"}") &&
                     body != R"({"reason":""})" && !body.contains('\xff');
  const Verdict of_apple = row.status == 401 || row.status == 403 ? Verdict::CredentialBad
                           : row.status == 404                    ? Verdict::Rejected
                                                                  : row.verdict;
  CHECK(answer.verdict == (named ? of_apple : row.verdict));
  CHECK_FALSE(answer.gone_at);
  CHECK_FALSE(answer.leave_connection);
  CHECK(answer.scope == Scope::Token);
  CHECK((answer.retry_after == milliseconds(30'000)) == (row.verdict == Verdict::Throttled));
  CHECK(answer.code.size() <= apns::kWordBytesMax);
}

TEST_CASE("apns reply: unknown reasons are passed on, short and printable", "[apns]") {
  CHECK(answer_of(reply(400, because("ReasonFromTheFuture"))).code == "ReasonFromTheFuture");
  CHECK_THAT(answer_of(reply(400, because("ReasonFromTheFuture"))).meaning, Catch::Contains("unknown"));
  CHECK_THAT(answer_of(reply(502)).meaning, Catch::Contains("502") && Catch::Contains("without a reason"));
  CHECK(answer_of(reply(400, because(std::string(500, 'r')))).code == std::string(64, 'r'));
  CHECK(answer_of(reply(400, because("a\\nb\\u0000c\u00e9"))).code == "a?b?c??");
  CHECK(answer_of(reply(400, "", {{"apns-id", std::string(500, 'i') + "\n"}})).vendor_id == std::string(64, 'i'));
}

TEST_CASE("apns reply: when a token went", "[apns]") {
  struct Row {
    const char* name;
    const char* timestamp;
    std::optional<std::int64_t> ms;
  };
  const Row row = GENERATE(values<Row>({
      {"the spec's example", "1735603200000", 1'735'603'200'000},
      {"the epoch", "0", 0},
      {"negative", "-1", std::nullopt},
      {"text", "\"1735603200000\"", std::nullopt},
      {"fraction", "1735603200000.5", std::nullopt},
      {"exponent", "1e12", std::nullopt},
      {"null", "null", std::nullopt},
      {"as far as a time goes", "9223372036854775807", INT64_MAX},
      {"further", "9223372036854775808", std::nullopt},
      {"much further", "99999999999999999999999", std::nullopt},
  }));
  CAPTURE(row.name);
  const std::string body = std::string(R"({"reason":"Unregistered","timestamp":)") + row.timestamp + "}";
  const Answer answer = answer_of(reply(410, body));
  CHECK(answer.verdict == Verdict::TokenGone);
  CHECK(answer.gone_at.has_value() == row.ms.has_value());
  if (row.ms) CHECK(to_ms(*answer.gone_at) == *row.ms);
}

TEST_CASE("apns reply: a token goes only when status and reason agree", "[apns]") {
  const int status = GENERATE(400, 403, 404, 429, 500, 503);
  const std::string reason = GENERATE(as<std::string>{}, "Unregistered", "ExpiredToken");
  const Answer answer = answer_of(reply(status, R"({"reason":")" + reason + R"(","timestamp":1735603200000})"));
  CHECK(answer.verdict == Verdict::TokenSuspect);
  CHECK_FALSE(answer.gone_at);
}

TEST_CASE("apns reply: Retry-After is obeyed where a retry follows", "[apns]") {
  struct Row {
    int status;
    const char* reason;
    std::optional<milliseconds> wait;
  };
  const Row row = GENERATE(values<Row>({
      {429, "TooManyRequests", seconds(7)},
      {503, "ServiceUnavailable", seconds(7)},
      {503, "", seconds(7)},
      {500, "InternalServerError", seconds(7)},
      {429, "TooManyProviderTokenUpdates", seconds(7)},
      {400, "BadDeviceToken", std::nullopt},
      {403, "InvalidProviderToken", std::nullopt},
      {410, "Unregistered", std::nullopt},
      {200, "", std::nullopt},
  }));
  CAPTURE(row.status, row.reason);
  CHECK(answer_of(reply(row.status, because(row.reason), {{"retry-after", "7"}})).retry_after == row.wait);
}

TEST_CASE("apns reply: one answer per token", "[apns]") {
  Certificate certificate;
  certificate.bundle_id = "com.example.shop";
  const auto provider = apns::make_provider(certificate);
  REQUIRE(provider);
  const std::vector<DeviceToken> tokens(3, DeviceToken("aa"));
  const auto answers = (*provider)->classify(0, tokens, reply(400, because("BadDeviceToken")));
  REQUIRE(answers.size() == 3);
  for (const Answer& answer : answers) CHECK(answer.verdict == Verdict::TokenSuspect);
  CHECK((*provider)->classify(0, {}, reply(200)).empty());
}

TEST_CASE("apns goodbye: only what a better credential cures blames it", "[apns]") {
  struct Row {
    std::string debug;
    bool blames;
  };
  const Row row = GENERATE(values<Row>({
      {because("BadCertificate"), true},
      {because("BadCertificateEnvironment"), true},
      {because("BadEnvironmentKeyIdInToken"), true},
      {because("BadEnvironmentKeyInToken"), true},
      {because("Forbidden"), true},
      {because("InvalidProviderToken"), true},
      {because("MissingProviderToken"), true},
      {because("TopicDisallowed"), true},
      {because("Shutdown"), false},
      {because("IdleTimeout"), false},
      {because("ExpiredProviderToken"), false},         // a new signature cures it, and the answers say so
      {because("UnrelatedKeyIdInToken"), false},        // a new connection cures it
      {because("TooManyProviderTokenUpdates"), false},  // likewise
      {because("InternalServerError"), false},
      {because("BadDeviceToken"), false},
      {because("Unregistered"), false},
      {because("ReasonFromTheFuture"), false},
      {because("badcertificate"), false},
      {"", false},
      {"BadCertificate", false},
      {"Maximum active streams violated for this endpoint", false},
      {"{\"reason\":\"BadCertificate\"", false},
      {"[{\"reason\":\"BadCertificate\"}]", false},
      {std::string("\xff\xfe\0", 3), false},
  }));
  CAPTURE(row.debug);
  CHECK(blames_credential(row.debug) == row.blames);
}
