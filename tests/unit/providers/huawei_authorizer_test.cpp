// Secrets and settings, judged; access tokens and JWTs.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "providers/huawei/huawei.h"
#include "unit/providers/made_keys.h"
#include "unit/providers/rsa_keys.h"

using namespace nightpost;
using Json = nlohmann::json;

namespace {

const WallTime kNow = wall_from_ms(1'735'689'600'999);
const std::string kSecret = "0123456789abcdef+/=";

Json key_file() {
  return {{"project_id", "736430079244623230"},
          {"key_id", "b3f0a1c2d4e5"},
          {"private_key", test::rsa_pem()},
          {"sub_account", "100000001"},
          {"auth_uri", "https://oauth-login.cloud.huawei.com/oauth2/v3/authorize"},
          {"token_uri", "https://oauth-login.cloud.huawei.com/oauth2/v3/token"},
          {"auth_provider_cert_uri", "x"},
          {"client_cert_uri", "x"}};
}

Certificate claimed(Settings settings = {{"app_id", "100000001"}}) {
  Certificate certificate;
  certificate.vendor = Vendor::Huawei;
  certificate.bundle_id = "com.example.shop";
  certificate.settings = std::move(settings);
  return certificate;
}

Result<Certificate> inspected(const std::string& secret, const Certificate& certificate = claimed()) {
  return huawei::inspect(certificate, {secret, ""}, kNow, std::nullopt);
}

std::shared_ptr<const Authorizer> authorizer(const std::string& secret, const Certificate& of = claimed()) {
  auto made = huawei::make_authorizer(of, {secret, ""});
  if (!made) FAIL(made.error().detail);
  return *made;
}

HttpResponse reply(int status, std::string body) { return {.status = status, .headers = {}, .body = std::move(body)}; }

}  // namespace

TEST_CASE("huawei: good uploads", "[huawei]") {
  const auto by_secret = inspected(kSecret + "\n");
  REQUIRE(by_secret);
  CHECK(by_secret->facts.at("kind") == "app_secret");
  CHECK(by_secret->facts.at("fingerprint").size() == 64);
  CHECK(by_secret->facts == inspected(kSecret)->facts);
  CHECK(by_secret->bundle_id == "com.example.shop");
  for (const auto& [name, value] : by_secret->facts) CHECK(value.find(kSecret) == std::string::npos);

  const auto by_file = inspected(key_file().dump(1) + "\n", claimed({{"api", "v3"}}));
  REQUIRE(by_file);
  CHECK(by_file->facts.at("kind") == "service_account");
  CHECK(by_file->facts.at("project_id") == "736430079244623230");
  CHECK(by_file->facts.at("key_id") == "b3f0a1c2d4e5");
  CHECK(by_file->facts.at("sub_account") == "100000001");
  const auto provider = huawei::make_provider(*by_file);  // the project is the file's
  REQUIRE(provider);
  const std::vector<DeviceToken> token = {DeviceToken("t")};
  Notification n;
  n.title = n.body = "x";
  CHECK((*provider)->build(n, token, {})->front().http.path == "/v3/736430079244623230/messages:send");

  CHECK(inspected(key_file().dump()));  // v1 by a key file
  CHECK(inspected(key_file().dump(), claimed({{"api", "v2"}})));
  CHECK(inspected(kSecret, claimed({{"api", "v2"}, {"app_id", "1"}, {"project_id", "2"}})));
}

TEST_CASE("huawei: uploads that are refused, and in which words", "[huawei]") {
  const auto without = [](const char* name) {
    Json file = key_file();
    file.erase(name);
    return file.dump();
  };
  const auto with = [](const char* name, const Json& value) {
    Json file = key_file();
    file[name] = value;
    return file.dump();
  };
  struct Row {
    const char* name;
    std::string secret;
    Settings settings;
    std::string_view words;
  };
  const Settings v1 = {{"app_id", "100000001"}};
  const Settings v3 = {{"api", "v3"}};
  const std::vector<Row> rows = {
      {"empty", "", v1, "empty"},
      {"only a line end", "\r\n", v1, "empty"},
      {"two lines", "abc\ndef", v1, "one line"},
      {"with a blank", "abc def", v1, "one line"},
      {"endless", std::string(300, 'a'), v1, "256"},
      {"not ASCII", "密钥", v1, "ASCII"},
      {"v3 by app secret", kSecret, {{"api", "v3"}, {"project_id", "1"}}, "key file"},
      {"no app_id", kSecret, {}, "app_id"},
      {"v1 by file, no app_id", key_file().dump(), {}, "app_id"},
      {"v2 by secret, no project", kSecret, {{"api", "v2"}, {"app_id", "1"}}, "project_id"},
      {"another project", key_file().dump(), {{"api", "v3"}, {"project_id", "7"}}, "736430079244623230"},
      {"a file, cut off", key_file().dump().substr(0, 100), v3, "not JSON"},
      {"a bare PEM", test::rsa_pem(), v3, "not JSON"},
      {"the app's file", R"({"agcgw":{},"client":{}})", v3, "agconnect-services.json"},
      {"no project in it", without("project_id"), v3, "lacks project_id"},
      {"no key id", without("key_id"), v3, "lacks key_id"},
      {"no account", without("sub_account"), v3, "lacks sub_account"},
      {"no key", without("private_key"), v3, "lacks private_key"},
      {"project that is a path", with("project_id", "../x"), v3, "not a number"},
      {"account with a line break", with("sub_account", "a\nb"), v3, "not plain"},
      {"an elliptic key", with("private_key", test::made_key_pem("P-256")), v3, "not an RSA key"},
      {"a short key", with("private_key", test::made_rsa_pem(1024)), v3, "1024 bits"},
      {"endless file", "{" + std::string(70'000, ' '), v3, "too long"},
      {"an intent for HarmonyOS",
       key_file().dump(),
       {{"api", "v3"}, {"click", "page"}, {"click_target", "intent://a#Intent;end"}},
       "no intents"},
      {"a broken intent", kSecret, {{"app_id", "1"}, {"click", "page"}, {"click_target", "intent://a"}}, "#Intent;"},
      {"a category of v3", kSecret, {{"app_id", "1"}, {"category", "MISS_CALL"}}, "category"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto result = inspected(row.secret, claimed(row.settings));
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Errc::Malformed);
    CHECK(result.error().detail.find(row.words) != std::string::npos);
    if (row.secret.size() > 8) CHECK(result.error().detail.find(row.secret) == std::string::npos);
  }
  Certificate other = claimed();
  other.vendor = Vendor::Honor;
  CHECK_FALSE(inspected(kSecret, other));
  other = claimed();
  other.bundle_id = "shop";
  CHECK_FALSE(inspected(kSecret, other));
  other = claimed();
  other.host_override = "http://localhost:1";
  CHECK_FALSE(inspected(kSecret, other));
}

TEST_CASE("huawei: settings that ops may fill in", "[huawei]") {
  const auto fits = [](const Settings& settings) { return check_settings(huawei::settings(), settings).has_value(); };
  CHECK(fits({}));
  CHECK(fits({{"api", "v3"}, {"project_id", "1"}, {"category", "IM"}, {"collapse_key", "100"}}));
  CHECK(fits({{"app_id", "1"}, {"badge_class", "com.example.Main"}, {"receipt_user", "u"}, {"receipt_id", "RCP"}}));
  CHECK_FALSE(fits({{"api", "v4"}}));
  CHECK_FALSE(fits({{"api", ""}}));
  CHECK_FALSE(fits({{"app_id", "abc"}}));
  CHECK_FALSE(fits({{"project_id", "1/2"}}));
  CHECK_FALSE(fits({{"category", "im"}}));
  CHECK_FALSE(fits({{"category", "PLAY_VOICE"}}));
  CHECK_FALSE(fits({{"collapse_key", "-2"}}));
  CHECK_FALSE(fits({{"collapse_key", "101"}}));
  CHECK_FALSE(fits({{"collapse_key", "1x"}}));
  CHECK_FALSE(fits({{"badge_class", "Main"}}));
  CHECK_FALSE(fits({{"app_key", "x"}}));
}

TEST_CASE("huawei: an app secret asks the OAuth endpoint", "[huawei]") {
  const auto asks = authorizer(kSecret + "\n");
  const auto step = asks->begin(kNow);
  REQUIRE(step);
  const auto& request = std::get<GrantRequest>(*step);
  CHECK(request.origin == "https://oauth-login.cloud.huawei.com");
  CHECK(request.http.path == "/oauth2/v3/token");
  CHECK(request.http.body ==
        "grant_type=client_credentials&client_id=100000001&client_secret=0123456789abcdef%2B%2F%3D");
  REQUIRE(request.http.headers.size() == 1);
  CHECK(request.http.headers[0].value == "application/x-www-form-urlencoded");
  CHECK(asks->age_min() == seconds(60));
  CHECK_FALSE(asks->identity());

  const auto grant =
      asks->finish(reply(200, R"({"access_token":"DA\/EB+x=","expires_in":3600,"token_type":"Bearer"})"), kNow);
  REQUIRE(grant);
  CHECK(grant->authorization == "Bearer DA/EB+x=");
  CHECK(grant->issued_at == kNow);
  CHECK(grant->renew_at == kNow + seconds(3'300));
  CHECK(grant->expires_at == kNow + seconds(3'600));
  CHECK(asks->finish(reply(200, R"({"access_token":"t"})"), kNow)->expires_at == kNow + seconds(3'600));
  CHECK(asks->finish(reply(200, R"({"access_token":"t","expires_in":"600"})"), kNow)->renew_at == kNow + seconds(300));
  CHECK(asks->finish(reply(200, R"({"access_token":"t","expires_in":1})"), kNow)->renew_at == kNow + milliseconds(500));

  Certificate elsewhere = claimed();
  elsewhere.host_override = "https://localhost:8443";
  const auto there = authorizer(kSecret, elsewhere);
  const auto asked = there->begin(kNow);
  CHECK(std::get<GrantRequest>(*asked).origin == "https://localhost:8443");
  CHECK(there->signer() != asks->signer());
  CHECK(asks->signer().starts_with("huawei:100000001:"));
  CHECK(asks->signer() == authorizer(kSecret)->signer());
  CHECK(asks->signer() != authorizer(kSecret + "x")->signer());
  CHECK(asks->signer() != authorizer(kSecret, claimed({{"app_id", "2"}}))->signer());
  CHECK(asks->signer().find(kSecret) == std::string::npos);
}

TEST_CASE("huawei: what the OAuth endpoint may answer instead", "[huawei]") {
  struct Row {
    const char* name;
    int status;
    std::string body;
    Errc want;
    std::string_view words = "";
  };
  const auto error = [](int sub) {
    return R"({"error":1101,"sub_error":)" + std::to_string(sub) + R"(,"error_description":"theirs"})";
  };
  const std::vector<Row> rows = {
      {"id malformed", 400, error(20002), Errc::Unauthorized, "no client id"},
      {"id unknown", 400, error(20003), Errc::Unauthorized, "knows no such"},
      {"wrong secret", 400, error(12304), Errc::Unauthorized, "app secret is wrong"},
      {"wrong secret, 200", 200, error(12304), Errc::Unauthorized, "app secret is wrong"},
      {"wrong secret, as text", 200, R"({"error":"1101","sub_error":"12304"})", Errc::Unauthorized, "wrong"},
      {"no secret", 403, error(20171), Errc::Unauthorized, "empty"},
      {"unknown sub error", 200, error(1), Errc::Unauthorized, "theirs"},
      {"unknown error, 200", 200, R"({"error":1203,"error_description":"later"})", Errc::Io, "later"},
      {"400", 400, "<html>", Errc::Io},
      {"401", 401, "", Errc::Io},
      {"404", 404, "", Errc::Io},
      {"405", 405, "", Errc::Io},
      {"too fast", 503, "", Errc::Overloaded},
      {"too fast, with an error", 503, error(12304), Errc::Overloaded},
      {"429", 429, "", Errc::Overloaded},
      {"500", 500, "", Errc::Io},
      {"502", 502, "<html>", Errc::Io},
      {"504", 504, "", Errc::Io},
      {"590", 590, "", Errc::Io},
      {"302", 302, "", Errc::Io},
      {"empty 200", 200, "", Errc::Io},
      {"HTML 200", 200, "<html>", Errc::Io},
      {"cut off", 200, R"({"access_token":"DAEB)", Errc::Io},
      {"token null", 200, R"({"access_token":null})", Errc::Io},
      {"token that splits a header", 200, R"({"access_token":"a\r\nb"})", Errc::Io},
      {"ended already", 200, R"({"access_token":"DAEB","expires_in":0})", Errc::Io, "ended"},
      {"token beside an error status", 500, R"({"access_token":"DAEB"})", Errc::Io},
  };
  const auto asks = authorizer(kSecret);
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto grant = asks->finish(reply(row.status, row.body), kNow);
    REQUIRE_FALSE(grant);
    CHECK(name_of(grant.error().code) == name_of(row.want));
    CHECK(grant.error().detail.find(row.words) != std::string::npos);
    CHECK(grant.error().detail.find("DAEB") == std::string::npos);
  }
}

TEST_CASE("huawei: a key file signs what the spec says", "[huawei]") {
  const auto signs = authorizer(key_file().dump(), claimed({{"api", "v3"}}));
  const auto step = signs->begin(kNow);
  REQUIRE(step);
  const auto& grant = std::get<Grant>(*step);
  REQUIRE(grant.authorization.starts_with("Bearer "));
  const std::string jwt = grant.authorization.substr(7);
  // §3.2's signing input, byte for byte.
  CHECK(jwt.starts_with(
      "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImIzZjBhMWMyZDRlNSJ9."
      "eyJhdWQiOiJodHRwczovL29hdXRoLWxvZ2luLmNsb3VkLmh1YXdlaS5jb20vb2F1dGgyL3YzL3Rva2VuIiwiaXNzIjoiMTAwMDAwMDAx"
      "IiwiaWF0IjoxNzM1Njg5NjAwLCJleHAiOjE3MzU2OTMyMDB9."));
  CHECK(test::ps256_verifies(jwt, test::rsa_pem()));
  CHECK_FALSE(test::rs256_verifies(jwt, test::rsa_pem()));
  CHECK_FALSE(test::ps256_verifies(jwt, test::other_rsa_pem()));
  CHECK(to_ms(grant.issued_at) == 1'735'689'600'000);
  CHECK(grant.renew_at - grant.issued_at == std::chrono::minutes(50));
  CHECK(grant.expires_at - grant.issued_at == std::chrono::minutes(60));
  CHECK_FALSE(signs->finish(reply(200, R"({"access_token":"t"})"), kNow));

  CHECK(signs->signer().starts_with("huawei:100000001:b3f0a1c2d4e5:"));
  Json other = key_file();
  other["private_key"] = test::other_rsa_pem();
  CHECK(authorizer(other.dump())->signer() != signs->signer());
  Certificate elsewhere = claimed({{"api", "v3"}});
  elsewhere.host_override = "https://localhost:8443";
  CHECK(authorizer(key_file().dump(), elsewhere)->signer() != signs->signer());
}
