#include <catch2/catch.hpp>

#include "providers/honor/honor.h"

using namespace nightpost;

namespace {

const WallTime kNow = wall_from_ms(1'735'689'600'000);

Certificate certificate() {
  Certificate c;
  c.vendor = Vendor::Honor;
  c.bundle_id = "com.example.shop";
  c.settings = {{"app_id", "104412345"}, {"client_id", "220011"}};
  return c;
}

std::shared_ptr<const Authorizer> authorizer(const Certificate& c = certificate(),
                                             const std::string& secret = "a+b/c=&d\n") {
  auto made = honor::make_authorizer(c, {.bytes = secret, .password = {}});
  if (!made) FAIL(made.error().detail);
  return *made;
}

Result<Grant> finish(int status, std::string body) {
  return authorizer()->finish({.status = status, .headers = {}, .body = std::move(body)}, kNow);
}

}  // namespace

TEST_CASE("honor authorizer: what the token endpoint is asked", "[honor]") {
  const auto step = authorizer()->begin(kNow);
  REQUIRE(step);
  const auto& request = std::get<GrantRequest>(*step);
  CHECK(request.origin == "https://iam.developer.honor.com");
  CHECK(request.http.method == "POST");
  CHECK(request.http.path == "/auth/token");
  REQUIRE(request.http.headers.size() == 1);
  CHECK(request.http.headers[0].value == "application/x-www-form-urlencoded");
  CHECK(request.http.body == "grant_type=client_credentials&client_id=220011&client_secret=a%2Bb%2Fc%3D%26d");
  Certificate c = certificate();
  c.host_override = "https://localhost:8443";
  CHECK(std::get<GrantRequest>(*authorizer(c)->begin(kNow)).origin == "https://localhost:8443");
}

TEST_CASE("honor authorizer: a token and its life", "[honor]") {
  struct Row {
    const char* expires_in;
    seconds renew, expires;
  };
  const Row row = GENERATE(values<Row>({
      {R"(,"expires_in":3600)", seconds(3300), seconds(3600)},
      {R"(,"expires_in":"7200")", seconds(6900), seconds(7200)},
      {"", seconds(3300), seconds(3600)},
      {R"(,"expires_in":null)", seconds(3300), seconds(3600)},
      {R"(,"expires_in":120)", seconds(60), seconds(120)},
      {R"(,"expires_in":9223372036854775807)", seconds(86'100), seconds(86'400)},
  }));
  CAPTURE(row.expires_in);
  const auto grant =
      finish(200, R"({"access_token":"ey\/x","token_type":"Bearer")" + std::string(row.expires_in) + "}");
  REQUIRE(grant);
  CHECK(grant->authorization == "Bearer ey/x");
  CHECK(grant->issued_at == kNow);
  CHECK(grant->renew_at == kNow + row.renew);
  CHECK(grant->expires_at == kNow + row.expires);
  CHECK(finish(200, R"({"access_token":"Bearer eyx"})")->authorization == "Bearer eyx");
}

TEST_CASE("honor authorizer: refusals", "[honor]") {
  struct Row {
    const char* name;
    int status;
    const char* body;
    Errc want;
  };
  const Row row = GENERATE(values<Row>({
      {"wrong secret", 401, R"({"error":"unauthorized_client","error_description":"no"})", Errc::Unauthorized},
      {"wrong client", 400, R"({"error":"invalid_client"})", Errc::Unauthorized},
      {"refused in a 200", 200, R"({"error":"invalid_client"})", Errc::Unauthorized},
      {"refused by a 500", 500, R"({"error":"unauthorized_client"})", Errc::Unauthorized},
      {"401 without words", 401, "", Errc::Io},
      {"403", 403, "<html>", Errc::Io},
      {"another error", 400, R"({"error":"invalid_grant"})", Errc::Unauthorized},
      {"404 of a proxy", 404, "<html>", Errc::Io},
      {"too often", 429, R"({"error":"slow_down"})", Errc::Overloaded},
      {"busy", 503, "", Errc::Overloaded},
      {"broken", 500, "", Errc::Io},
      {"token in an error", 500, R"({"access_token":"x"})", Errc::Io},
      {"empty", 200, "", Errc::Io},
      {"HTML", 200, "<html>", Errc::Io},
      {"truncated", 200, R"({"access_token":"x)", Errc::Io},
      {"mistyped", 200, R"({"access_token":["x"]})", Errc::Io},
      {"null", 200, R"({"access_token":null})", Errc::Io},
      {"empty token", 200, R"({"access_token":""})", Errc::Io},
      {"token with a line end", 200, R"({"access_token":"a\r\nx: y"})", Errc::Io},
      {"already expired", 200, R"({"access_token":"x","expires_in":0})", Errc::Io},
      {"expired long ago", 200, R"({"access_token":"x","expires_in":-9223372036854775808})", Errc::Io},
  }));
  CAPTURE(row.name);
  const auto refused = finish(row.status, row.body);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == row.want);
  CHECK(refused.error().detail.find("a+b") == std::string::npos);
  CHECK(refused.error().detail.find("token endpoint") != std::string::npos);
}

TEST_CASE("honor authorizer: who shares a token", "[honor]") {
  const std::string mine = authorizer()->signer();
  CHECK(mine.starts_with("honor:104412345/220011:"));
  CHECK(authorizer(certificate(), "a+b/c=&d")->signer() == mine);
  CHECK(authorizer(certificate(), "forged")->signer() != mine);
  Certificate c = certificate();
  c.settings["client_id"] = "1";
  CHECK(authorizer(c)->signer() != mine);
  c = certificate();
  c.host_override = "https://localhost:1";
  CHECK(authorizer(c)->signer() != mine);
  CHECK(authorizer()->age_min() == std::chrono::minutes(1));
  CHECK_FALSE(authorizer()->identity());
  CHECK_FALSE(honor::make_authorizer(certificate(), {.bytes = "\n", .password = {}}));
  c = certificate();
  c.settings.erase("client_id");
  CHECK_FALSE(honor::make_authorizer(c, {.bytes = "x", .password = {}}));
}
