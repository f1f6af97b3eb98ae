#include <catch2/catch.hpp>

#include "providers/vivo/signature.h"
#include "providers/vivo/vivo.h"

using namespace nightpost;

namespace {

Certificate certificate(std::string app_id = "10004", std::string host = {}) {
  Certificate certificate;
  certificate.vendor = Vendor::Vivo;
  certificate.settings = {{"app_id", std::move(app_id)}, {"app_key", "k1"}, {"category", "IM"}};
  certificate.host_override = std::move(host);
  return certificate;
}

std::shared_ptr<const Authorizer> authorizer(const Certificate& certificate, std::string secret = "s1") {
  auto made = vivo::make_authorizer(certificate, {.bytes = std::move(secret), .password = {}});
  REQUIRE(made);
  return *made;
}

const WallTime kNow = wall_from_ms(1'719'792'000'000);

}  // namespace

TEST_CASE("vivo authorizer: the spec's signatures, byte for byte", "[vivo]") {
  struct Row {
    const char *app_id, *app_key;
    std::int64_t timestamp;
    const char *secret, *sign;
  };
  const Row row = GENERATE(values<Row>({
      {"10001", "appkey", 1700000000000, "appsecret", "479a761be7a8e724976d748ea0ddf237"},
      {"10004", "25509283-3767-4b9e-83fe-b6e55ac6243e", 1719792000000, "8a3f1c52-4f1c-4f1f-9a55-2f6b6b7a9c11",
       "e2bf04790ddabc8b0b717e6baeb17568"},
      {"10001", "k1", 1795225887405, "s1", "ddc30818da8f23681afadcb3b5a03624"},
      {" 10001", "k1", 1795225887405, "s1 \n", "ddc30818da8f23681afadcb3b5a03624"},
  }));
  CHECK(vivo::signature_of(row.app_id, row.app_key, row.timestamp, row.secret) == std::string(row.sign));
}

TEST_CASE("vivo authorizer: the spec's request", "[vivo]") {
  Certificate spec = certificate();
  spec.settings["app_key"] = "25509283-3767-4b9e-83fe-b6e55ac6243e";
  const auto step = authorizer(spec, "8a3f1c52-4f1c-4f1f-9a55-2f6b6b7a9c11\n")->begin(kNow);
  REQUIRE(step);
  const auto& request = std::get<GrantRequest>(*step);
  CHECK(request.origin == "https://api-push.vivo.com.cn");
  CHECK(request.http.method == "POST");
  CHECK(request.http.path == "/message/auth");
  REQUIRE(request.http.headers.size() == 1);
  CHECK(request.http.headers[0].name == "content-type");
  CHECK(request.http.headers[0].value == "application/json;charset=UTF-8");
  CHECK(request.http.body ==
        R"({"appId":10004,"appKey":"25509283-3767-4b9e-83fe-b6e55ac6243e","timestamp":1719792000000,)"
        R"("sign":"e2bf04790ddabc8b0b717e6baeb17568"})");
}

TEST_CASE("vivo authorizer: the grant", "[vivo]") {
  const char* body = GENERATE(as<const char*>(), R"({"result":0,"desc":"请求成功","authToken":"24509285-3767"})",
                              R"({"result":"0","authToken":"24509285-3767"})");
  const auto grant = authorizer(certificate())->finish({200, {}, body}, kNow);
  REQUIRE(grant);
  CHECK(grant->authorization == "24509285-3767");
  CHECK(grant->issued_at == kNow);
  CHECK(grant->renew_at == kNow + std::chrono::hours(2));
  CHECK(grant->expires_at == kNow + std::chrono::hours(24));
}

TEST_CASE("vivo authorizer: refusals", "[vivo]") {
  struct Row {
    int status;
    const char* body;
    Errc want;
  };
  const Row row = GENERATE(values<Row>({
      {200, R"({"result":10200,"desc":"appId"})", Errc::Unauthorized},
      {200, R"({"result":"10201"})", Errc::Unauthorized},
      {200, R"({"result":10250})", Errc::Unauthorized},
      {200, R"({"result":10299})", Errc::Unauthorized},
      {200, R"({"result":10000})", Errc::Unauthorized},
      {200, R"({"result":10094})", Errc::Unauthorized},
      {200, R"({"result":10093})", Errc::Overloaded},
      {200, R"({"result":10070})", Errc::Overloaded},
      {200, R"({"result":10300})", Errc::Io},
      {200, R"({"result":10045})", Errc::Io},
      {200, R"({"result":10302})", Errc::Io},
      {200, R"({"result":0})", Errc::Io},
      {200, R"({"result":0,"authToken":""})", Errc::Io},
      {200, R"({"result":0,"authToken":null})", Errc::Io},
      {200, R"({"result":0,"authToken":["a"]})", Errc::Io},
      {200, R"({"result":0,"authToken":"a\r\nx: y"})", Errc::Io},
      {200, R"({"result":10201,"authToken":"a"})", Errc::Unauthorized},
      {200, R"({"authToken":"a"})", Errc::Io},
      {200, R"({"result":0,"authToken":"a")", Errc::Io},
      {200, "", Errc::Io},
      {200, "<html></html>", Errc::Io},
      {401, "", Errc::Io},
      {403, "", Errc::Io},
      {404, "", Errc::Io},
      {429, "", Errc::Overloaded},
      {500, "Internet server error!", Errc::Io},
  }));
  CAPTURE(row.status, row.body);
  const auto grant = authorizer(certificate())->finish({row.status, {}, row.body}, kNow);
  REQUIRE_FALSE(grant);
  CHECK(grant.error().code == row.want);
  CHECK_FALSE(grant.error().detail.empty());
}

TEST_CASE("vivo authorizer: who shares a grant", "[vivo]") {
  const auto own = authorizer(certificate());
  CHECK(own->signer().starts_with("vivo:10004:"));
  CHECK(own->signer().size() == std::string("vivo:10004:").size() + 16);
  CHECK(authorizer(certificate(), "s1\n")->signer() == own->signer());
  CHECK(authorizer(certificate(), "forged")->signer() != own->signer());
  CHECK(authorizer(certificate("10005"))->signer() != own->signer());
  const auto sandbox = authorizer(certificate("10004", "https://localhost:1"));
  CHECK(sandbox->signer() == own->signer() + ":https://localhost:1");
  CHECK(std::get<GrantRequest>(*sandbox->begin(kNow)).origin == "https://localhost:1");
  CHECK(own->age_min() == std::chrono::minutes(1));
  CHECK_FALSE(own->identity());
}

TEST_CASE("vivo authorizer: secrets and apps that are none", "[vivo]") {
  for (const char* secret : {"", "\n", "two words", "two\nlines", "密钥"})
    CHECK(vivo::make_authorizer(certificate(), {.bytes = secret, .password = {}}).error().code == Errc::Malformed);
  for (const char* app_id : {"", "x", "010004", "1.5", "9999999999999999999"})
    CHECK(vivo::make_authorizer(certificate(app_id), {.bytes = "s1", .password = {}}).error().code == Errc::Malformed);
  Certificate keyless = certificate();
  keyless.settings.erase("app_key");
  CHECK(vivo::make_authorizer(keyless, {.bytes = "s1", .password = {}}).error().code == Errc::Malformed);
}
