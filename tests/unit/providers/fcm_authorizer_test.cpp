// The key file, judged; the assertion, traded; the access token, read.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "providers/fcm/fcm.h"
#include "unit/providers/made_keys.h"
#include "unit/providers/rsa_keys.h"

using namespace nightpost;
using Json = nlohmann::json;

namespace {

const WallTime kNow = wall_from_ms(1'735'689'600'999);

Json key_file() {
  return {{"type", "service_account"},
          {"project_id", "demo-project"},
          {"private_key_id", "0123456789abcdef0123456789abcdef01234567"},
          {"private_key", test::rsa_pem()},
          {"client_email", "sender@demo-project.iam.gserviceaccount.com"},
          {"client_id", "100000000000000000001"},
          {"auth_uri", "https://accounts.google.com/o/oauth2/auth"},
          {"token_uri", "https://oauth2.googleapis.com/token"},
          {"universe_domain", "googleapis.com"}};
}

Certificate claimed(std::string host_override = {}) {
  Certificate certificate;
  certificate.vendor = Vendor::Fcm;
  certificate.name = "shop";
  certificate.host_override = std::move(host_override);
  return certificate;
}

Result<Certificate> inspected(const std::string& file, const Certificate& certificate = claimed()) {
  return fcm::inspect(certificate, {file, ""}, kNow, std::nullopt);
}

std::shared_ptr<const Authorizer> authorizer(const Json& file = key_file(), const Certificate& of = claimed()) {
  auto made = fcm::make_authorizer(of, {file.dump(), ""});
  if (!made) FAIL(made.error().detail);
  return *made;
}

HttpResponse reply(int status, std::string body) { return {.status = status, .headers = {}, .body = std::move(body)}; }

}  // namespace

TEST_CASE("fcm: what a good key file says", "[fcm]") {
  const std::string file = key_file().dump(2) + "\n";
  Certificate claim = claimed();
  claim.facts = {{"project_id", "stolen"}, {"left", "over"}};
  const auto certificate = inspected(file, claim);
  REQUIRE(certificate);
  CHECK(certificate->facts.at("kind") == "service_account");
  CHECK(certificate->facts.at("project_id") == "demo-project");
  CHECK(certificate->facts.at("client_email") == "sender@demo-project.iam.gserviceaccount.com");
  CHECK(certificate->facts.at("private_key_id") == "0123456789abcdef0123456789abcdef01234567");
  CHECK(certificate->facts.at("token_uri") == "https://oauth2.googleapis.com/token");
  CHECK(certificate->facts.at("fingerprint").size() == 64);
  CHECK(certificate->facts.size() == 6);
  CHECK(fcm::make_provider(*certificate));
  for (const auto& [name, value] : certificate->facts) CHECK(value.find("PRIVATE") == std::string::npos);
}

TEST_CASE("fcm: uploads that are refused, and in which words", "[fcm]") {
  const auto with = [](const char* name, const Json& value) {
    Json file = key_file();
    file[name] = value;
    return file.dump();
  };
  const auto without = [](const char* name) {
    Json file = key_file();
    file.erase(name);
    return file.dump();
  };
  struct Row {
    const char* name;
    std::string file;
    std::string_view words;
  };
  const std::vector<Row> rows = {
      {"empty", "", "empty"},
      {"the old server key", "AAAAx1y2z3w:APA91bFakeServerKey", "server key"},
      {"an older one", "AIzaSyFakeFakeFake", "server key"},
      {"no JSON", "hello", "not JSON"},
      {"a list", "[]", "not JSON"},
      {"cut off", key_file().dump().substr(0, 300), "not JSON"},
      {"a bare PEM", test::rsa_pem(), "not JSON"},
      {"the app's file", R"({"project_info":{"project_id":"demo"},"client":[]})", "google-services.json"},
      {"a user's file", with("type", "authorized_user"), "authorized_user"},
      {"no type", without("type"), "service_account"},
      {"type of another type", with("type", 7), "service_account"},
      {"endless", std::string(70'000, ' '), "too long"},
      {"no project", without("project_id"), "lacks project_id"},
      {"no address", without("client_email"), "lacks client_email"},
      {"no key id", without("private_key_id"), "lacks private_key_id"},
      {"no token_uri", without("token_uri"), "lacks token_uri"},
      {"no key", without("private_key"), "lacks private_key"},
      {"key null", with("private_key", Json()), "lacks private_key"},
      {"project that is a path", with("project_id", "../x"), "project_id"},
      {"project with a query", with("project_id", "a?b"), "project_id"},
      {"address with a line break", with("client_email", "a\nb"), "client_email"},
      {"endless key id", with("private_key_id", std::string(600, 'a')), "private_key_id"},
      {"token_uri over http", with("token_uri", "http://oauth2.googleapis.com/token"), "https"},
      {"token_uri elsewhere", with("token_uri", "https://evil.example/token"), "evil.example"},
      {"token_uri that only ends so", with("token_uri", "https://evilgoogleapis.com/token"), "not Google's"},
      {"token_uri that only begins so", with("token_uri", "https://googleapis.com.evil.example/token"), "not Google's"},
      {"token_uri with a user", with("token_uri", "https://oauth2.googleapis.com@evil.example/token"), "https"},
      {"token_uri with a fragment", with("token_uri", "https://evil.example/#.googleapis.com"), "https"},
      {"token_uri with a backslash", with("token_uri", "https://evil.example\\.googleapis.com/"), "https"},
      {"an elliptic key", with("private_key", test::made_key_pem("P-256")), "not an RSA key"},
      {"a short key", with("private_key", test::made_rsa_pem(1024)), "1024 bits"},
      {"a damaged key", with("private_key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
       "damaged"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto result = inspected(row.file);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Errc::Malformed);
    CHECK(result.error().detail.find(row.words) != std::string::npos);
    CHECK(result.error().detail.find('\n') == std::string::npos);
    CHECK_FALSE(fcm::make_authorizer(claimed(), {row.file, ""}));
  }
  Certificate other = claimed();
  other.vendor = Vendor::Apns;
  CHECK_FALSE(inspected(key_file().dump(), other));
  CHECK_FALSE(inspected(key_file().dump(), claimed("http://localhost:1")));
}

TEST_CASE("fcm: hosts of Google's that a token_uri may name", "[fcm]") {
  for (const char* good : {"https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token",
                           "https://OAUTH2.GoogleAPIs.com/token", "https://www.googleapis.com:443/oauth2/v4/token"}) {
    CAPTURE(good);
    Json file = key_file();
    file["token_uri"] = good;
    CHECK(inspected(file.dump()));
  }
  Json file = key_file();
  file["token_uri"] = "https://localhost:9/some/token";
  CHECK_FALSE(inspected(file.dump()));
  CHECK(inspected(file.dump(), claimed("https://localhost:8443")));  // not asked there anyway
}

TEST_CASE("fcm: settings that ops may fill in", "[fcm]") {
  const auto fits = [](const Settings& settings) { return check_settings(fcm::settings(), settings).has_value(); };
  CHECK(fits({}));
  CHECK(fits({{"channel_id", "chat messages"}, {"collapse_key", "chat"}}));
  CHECK(fits({{"click", "web"}, {"click_target", "https://a.example/?x=1"}}));
  CHECK(fits({{"click", "page"}, {"click_target", "com.example.OPEN"}}));
  CHECK_FALSE(fits({{"app_id", "1"}}));
  CHECK_FALSE(fits({{"channel_id", ""}}));
  CHECK_FALSE(fits({{"channel_id", "a\nb"}}));
  CHECK_FALSE(fits({{"collapse_key", std::string(256, 'a')}}));
  CHECK_FALSE(fits({{"click", "web"}}));
  CHECK_FALSE(fits({{"click", "web"}, {"click_target", "javascript:alert(1)"}}));
  CHECK_FALSE(fits({{"click", "page"}, {"click_target", "com.example OPEN"}}));
  CHECK_FALSE(fits({{"click_target", "com.example.OPEN"}}));
}

TEST_CASE("fcm: the assertion is what the spec says, and asked where the file says", "[fcm]") {
  const auto step = authorizer()->begin(kNow);
  REQUIRE(step);
  const auto& request = std::get<GrantRequest>(*step);
  CHECK(request.origin == "https://oauth2.googleapis.com");
  CHECK(request.http.method == "POST");
  CHECK(request.http.path == "/token");
  REQUIRE(request.http.headers.size() == 1);
  CHECK(request.http.headers[0].name == "content-type");
  CHECK(request.http.headers[0].value == "application/x-www-form-urlencoded");
  constexpr std::string_view kHead = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
  REQUIRE(request.http.body.starts_with(kHead));
  const std::string jwt = request.http.body.substr(kHead.size());
  // §2.2's signing input, byte for byte.
  CHECK(jwt.starts_with(
      "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1NjcifQ."
      "eyJpc3MiOiJzZW5kZXJAZGVtby1wcm9qZWN0LmlhbS5nc2VydmljZWFjY291bnQuY29tIiwic2NvcGUiOiJodHRwczovL3d3dy5nb29n"
      "bGVhcGlzLmNvbS9hdXRoL2ZpcmViYXNlLm1lc3NhZ2luZyIsImF1ZCI6Imh0dHBzOi8vb2F1dGgyLmdvb2dsZWFwaXMuY29tL3Rva2Vu"
      "IiwiaWF0IjoxNzM1Njg5NjAwLCJleHAiOjE3MzU2OTMyMDB9."));
  CHECK(test::rs256_verifies(jwt, test::rsa_pem()));
  CHECK_FALSE(test::rs256_verifies(jwt, test::other_rsa_pem()));

  const auto elsewhere = authorizer(key_file(), claimed("https://localhost:8443"))->begin(kNow);
  REQUIRE(elsewhere);
  CHECK(std::get<GrantRequest>(*elsewhere).origin == "https://localhost:8443");
  CHECK(std::get<GrantRequest>(*elsewhere).http.path == "/token");
  CHECK(std::get<GrantRequest>(*elsewhere).http.body == request.http.body);  // the audience stays the file's
}

TEST_CASE("fcm: an access token, renewed 5 minutes before its end", "[fcm]") {
  const auto asks = authorizer();
  const auto grant =
      asks->finish(reply(200, R"({"access_token":"ya29.abc","expires_in":3599,"token_type":"Bearer"})"), kNow);
  REQUIRE(grant);
  CHECK(grant->authorization == "Bearer ya29.abc");
  CHECK(grant->issued_at == kNow);
  CHECK(grant->expires_at == kNow + seconds(3'599));
  CHECK(grant->renew_at == kNow + seconds(3'299));
  CHECK(asks->age_min() == seconds(60));
  CHECK_FALSE(asks->identity());

  const auto lives = [&](const char* expires) {
    const auto made =
        asks->finish(reply(200, R"({"access_token":"t","expires_in":)" + std::string(expires) + "}"), kNow);
    return made ? made->expires_at - kNow : milliseconds(-1);
  };
  CHECK(lives("\"3599\"") == seconds(3'599));
  CHECK(lives("null") == seconds(3'600));
  CHECK(lives("\"soon\"") == seconds(3'600));
  CHECK(lives("99999999999") == std::chrono::days(1));
  CHECK(lives("0") == milliseconds(-1));
  CHECK(lives("-1") == milliseconds(-1));
  const auto brief = asks->finish(reply(200, R"({"access_token":"t","expires_in":60})"), kNow);
  REQUIRE(brief);
  CHECK(brief->renew_at == kNow + seconds(30));
  CHECK(asks->finish(reply(200, R"({"access_token":"t","expires_in":1})"), kNow)->renew_at == kNow + milliseconds(500));
}

TEST_CASE("fcm: what the token endpoint may answer instead", "[fcm]") {
  struct Row {
    const char* name;
    int status;
    std::string body;
    Errc want;
  };
  const std::vector<Row> rows = {
      {"bad grant", 400, R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})",
       Errc::Unauthorized},
      {"bad scope", 400, R"({"error":"invalid_scope"})", Errc::Unauthorized},
      {"bad request", 400, R"({"error":"invalid_request"})", Errc::Unauthorized},
      {"bad client", 401, R"({"error":"invalid_client"})", Errc::Unauthorized},
      {"unauthorized", 401, R"({"error":"unauthorized_client"})", Errc::Unauthorized},
      {"bare 401", 401, "", Errc::Io},
      {"403 in HTML", 403, "<html>", Errc::Io},
      {"400 of a proxy", 400, "<html>Bad Request</html>", Errc::Io},
      {"400, error of another type", 400, R"({"error":{"code":400}})", Errc::Io},
      {"404", 404, "", Errc::Io},
      {"too often", 429, "", Errc::Overloaded},
      {"internal", 500, R"({"error":"internal_failure"})", Errc::Io},
      {"unavailable", 503, "", Errc::Io},
      {"redirect", 302, "", Errc::Io},
      {"200 without a token", 200, R"({"expires_in":3599})", Errc::Io},
      {"200, empty", 200, "", Errc::Io},
      {"200 in HTML", 200, "<html>", Errc::Io},
      {"200, cut off", 200, R"({"access_token":"ya29.abc","expi)", Errc::Io},
      {"token null", 200, R"({"access_token":null,"expires_in":3599})", Errc::Io},
      {"token empty", 200, R"({"access_token":"","expires_in":3599})", Errc::Io},
      {"token that splits a header", 200, R"({"access_token":"a\r\nx: y","expires_in":3599})", Errc::Io},
      {"an array", 200, "[]", Errc::Io},
  };
  const auto asks = authorizer();
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto grant = asks->finish(reply(row.status, row.body), kNow);
    REQUIRE_FALSE(grant);
    CHECK(name_of(grant.error().code) == name_of(row.want));
    CHECK(grant.error().detail.find("ya29") == std::string::npos);
    CHECK(grant.error().detail.find('\n') == std::string::npos);
  }
}

TEST_CASE("fcm: a clock that is off is named, for Google does not", "[fcm]") {
  const auto refused = [&](seconds ahead) {
    HttpResponse answer = reply(400, R"({"error":"invalid_grant"})");
    answer.headers = {{"date", "Wed, 01 Jan 2025 00:00:00 GMT"}};  // kNow, but for its milliseconds
    return authorizer()->finish(answer, kNow + ahead).error().detail;
  };
  CHECK(refused(seconds(0)).find("clock") == std::string::npos);
  CHECK(refused(seconds(59)).find("clock") == std::string::npos);
  CHECK(refused(seconds(90)).find("clock is 90 s ahead of Google's") != std::string::npos);
  CHECK(refused(seconds(-301)).find("clock is 300 s behind Google's") != std::string::npos);
}

TEST_CASE("fcm: who shares an access token", "[fcm]") {
  const std::string signer = authorizer()->signer();
  CHECK(signer.starts_with("fcm:sender@demo-project.iam.gserviceaccount.com:"));
  CHECK(authorizer()->signer() == signer);
  const auto with = [](const char* name, const Json& value) {
    Json file = key_file();
    file[name] = value;
    return authorizer(file)->signer();
  };
  CHECK(with("private_key", test::other_rsa_pem()) != signer);  // the same names over another key
  CHECK(with("private_key_id", "ffff") != signer);
  CHECK(with("client_email", "other@demo-project.iam.gserviceaccount.com") != signer);
  CHECK(authorizer(key_file(), claimed("https://localhost:8443"))->signer() != signer);
  CHECK(signer.find("PRIVATE") == std::string::npos);
}
