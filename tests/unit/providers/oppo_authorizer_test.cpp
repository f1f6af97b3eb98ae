#include <catch2/catch.hpp>

#include "providers/oppo/oppo.h"

using namespace nightpost;

namespace {

std::shared_ptr<const Authorizer> authorizer(std::string app_key, std::string secret, Settings more = {},
                                             std::string host = {}) {
  Certificate certificate;
  certificate.vendor = Vendor::Oppo;
  certificate.settings = std::move(more);
  certificate.settings["app_key"] = std::move(app_key);
  certificate.host_override = std::move(host);
  auto made = oppo::make_authorizer(certificate, {.bytes = std::move(secret), .password = {}});
  REQUIRE(made);
  return *made;
}

GrantRequest asked(const Authorizer& authorizer, WallTime now) {
  auto step = authorizer.begin(now);
  REQUIRE(step);
  REQUIRE(std::holds_alternative<GrantRequest>(*step));
  return std::get<GrantRequest>(*step);
}

const WallTime kNow = wall_from_ms(1'719'792'000'000);

}  // namespace

TEST_CASE("oppo authorizer: the spec's signatures, byte for byte", "[oppo]") {
  struct Row {
    const char *app_key, *secret;
    std::int64_t timestamp;
    const char* sign;
  };
  const Row row = GENERATE(values<Row>({
      {"appkey", "mastersecret", 1700000000000, "b4048b7b7e89b93a02e1259ab0b788a3f0641748a671e43137bf99f540a28b87"},
      {"a1b2c3d4e5f60718293a4b5c6d7e8f90", "0f1e2d3c4b5a69788796a5b4c3d2e1f0", 1719792000000,
       "7d58675494d228944abacb874dba394c00fb89a0ecc8a613b5ae4f2311080768"},
      {"ak", "ms", 1795225887403, "298ef54b0b67f27bc088f31daa75df908954a8a4a507a99bc91d9da4adef8927"},
      {"ak", "ms\n", 1795225887403, "298ef54b0b67f27bc088f31daa75df908954a8a4a507a99bc91d9da4adef8927"},
  }));
  const GrantRequest request = asked(*authorizer(row.app_key, row.secret), wall_from_ms(row.timestamp));
  CHECK(request.origin == "https://api.push.oppomobile.com");
  CHECK(request.http.method == "POST");
  CHECK(request.http.path == "/server/v1/auth");
  REQUIRE(request.http.headers.size() == 1);
  CHECK(request.http.headers[0].name == "content-type");
  CHECK(request.http.headers[0].value == "application/x-www-form-urlencoded");
  CHECK(request.http.body ==
        "app_key=" + std::string(row.app_key) + "&timestamp=" + std::to_string(row.timestamp) + "&sign=" + row.sign);
}

TEST_CASE("oppo authorizer: the grant", "[oppo]") {
  const char* body =
      GENERATE(as<const char*>(),
               R"({"code":0,"message":"success","data":{"auth_token":"bd4c2a6e","create_time":1719792000123}})",
               R"({"code":"0","data":{"create_time":"1719792000123","auth_token":"bd4c2a6e"}})",
               R"({"code":0,"data":{"auth_token":"bd4c2a6e","create_time":[]}})");
  const auto grant = authorizer("ak", "ms")->finish({200, {}, body}, kNow);
  REQUIRE(grant);
  CHECK(grant->authorization == "bd4c2a6e");
  CHECK(grant->issued_at == kNow);
  CHECK(grant->renew_at == kNow + std::chrono::hours(12));
  CHECK(grant->expires_at == kNow + std::chrono::hours(24));
}

TEST_CASE("oppo authorizer: refusals", "[oppo]") {
  struct Row {
    int status;
    const char* body;
    Errc want;
  };
  const Row row = GENERATE(values<Row>({
      {200, R"({"code":14})", Errc::Unauthorized},
      {200, R"({"code":"16","message":"sign"})", Errc::Unauthorized},
      {200, R"({"code":19})", Errc::Unauthorized},
      {200, R"({"code":28})", Errc::Unauthorized},
      {200, R"({"code":30})", Errc::Unauthorized},
      {200, R"({"code":41})", Errc::Unauthorized},
      {500, R"({"code":14})", Errc::Unauthorized},
      {200, R"({"code":-2})", Errc::Overloaded},
      {200, R"({"code":13})", Errc::Overloaded},
      {200, R"({"code":33})", Errc::Overloaded},
      {200, R"({"code":-1})", Errc::Io},
      {200, R"({"code":11})", Errc::Io},
      {200, R"({"code":987})", Errc::Io},
      {200, R"({"code":10000})", Errc::Io},
      {200, R"({"code":0})", Errc::Io},
      {200, R"({"code":0,"data":{"auth_token":""}})", Errc::Io},
      {200, R"({"code":0,"data":{"auth_token":"a b"}})", Errc::Io},
      {200, R"({"code":0,"data":{"auth_token":"a\nb"}})", Errc::Io},
      {200, R"({"code":0,"data":{"auth_token":null}})", Errc::Io},
      {200, R"({"code":0,"data":[{"auth_token":"a"}]})", Errc::Io},
      {200, R"({"code":16,"data":{"auth_token":"a"}})", Errc::Unauthorized},
      {200, R"({"data":{"auth_token":"a"}})", Errc::Io},
      {200, R"({"code":0,"data":{"auth_token":"a"})", Errc::Io},
      {200, "", Errc::Io},
      {200, "<html></html>", Errc::Io},
      {401, "", Errc::Io},
      {403, "<html>", Errc::Io},
      {404, "<html>", Errc::Io},
      {429, "", Errc::Overloaded},
      {503, "", Errc::Io},
  }));
  CAPTURE(row.status, row.body);
  const auto grant = authorizer("ak", "ms")->finish({row.status, {}, row.body}, kNow);
  REQUIRE_FALSE(grant);
  CHECK(grant.error().code == row.want);
  CHECK_FALSE(grant.error().detail.empty());
}

TEST_CASE("oppo authorizer: who shares a grant", "[oppo]") {
  const std::string own = authorizer("ak", "ms")->signer();
  CHECK(own.starts_with("oppo:ak:"));
  CHECK(own.size() == std::string("oppo:ak:").size() + 16);
  CHECK(authorizer("ak", "ms\r\n", {{"channel_id", "other"}})->signer() == own);
  CHECK(authorizer("ak", "forged")->signer() != own);
  CHECK(authorizer("ak2", "ms")->signer() != own);
  CHECK(authorizer("ak", "ms", {}, "https://localhost:1")->signer() == own + ":https://localhost:1");
  const auto overseas = authorizer("ak", "ms", {{"region", "intl"}});
  CHECK(overseas->signer() != own);
  CHECK(asked(*overseas, kNow).origin == "https://api-intl.push.oppomobile.com");
  CHECK(asked(*authorizer("ak", "ms", {}, "https://localhost:1"), kNow).origin == "https://localhost:1");
  CHECK(overseas->age_min() == std::chrono::minutes(1));
  CHECK_FALSE(overseas->identity());
}

TEST_CASE("oppo authorizer: secrets that are none", "[oppo]") {
  Certificate certificate;
  certificate.settings = {{"app_key", "ak"}};
  const std::string secret =
      GENERATE(as<std::string>(), "", "\n", "two words", "two\nlines", "密钥", std::string(300, 'a'));
  CHECK(oppo::make_authorizer(certificate, {.bytes = secret, .password = {}}).error().code == Errc::Malformed);
  CHECK(oppo::make_authorizer({}, {.bytes = "ms", .password = {}}).error().code == Errc::Malformed);
}
