#include "providers/jwt.h"

#include <openssl/err.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

#include "unit/providers/made_keys.h"
#include "unit/providers/rsa_keys.h"

using namespace nightpost;

namespace {

// Google's and Huawei's assertions: what is signed, byte for byte.
struct SpecVector {
  const char* name;
  RsaScheme scheme;
  const char* header;
  const char* claims;
  const char* signing_input;
};
constexpr SpecVector kGoogle = {
    "google", RsaScheme::Rs256, R"({"alg":"RS256","typ":"JWT","kid":"0123456789abcdef0123456789abcdef01234567"})",
    R"({"iss":"sender@demo-project.iam.gserviceaccount.com","scope":"https://www.googleapis.com/auth/firebase.messaging","aud":"https://oauth2.googleapis.com/token","iat":1735689600,"exp":1735693200})",
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njci"
    "fQ.eyJpc3MiOiJzZW5kZXJAZGVtby1wcm9qZWN0LmlhbS5nc2VydmljZWFjY291bnQuY29tIiwic2NvcGUiOiJodHRwczovL3d3d"
    "y5nb29nbGVhcGlzLmNvbS9hdXRoL2ZpcmViYXNlLm1lc3NhZ2luZyIsImF1ZCI6Imh0dHBzOi8vb2F1dGgyLmdvb2dsZWFwaXMuY"
    "29tL3Rva2VuIiwiaWF0IjoxNzM1Njg5NjAwLCJleHAiOjE3MzU2OTMyMDB9"};
constexpr SpecVector kHuawei = {
    "huawei", RsaScheme::Ps256, R"({"alg":"PS256","typ":"JWT","kid":"b3f0a1c2d4e5"})",
    R"({"aud":"https://oauth-login.cloud.huawei.com/oauth2/v3/token","iss":"100000001","iat":1735689600,"exp":1735693200})",
    "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImIzZjBhMWMyZDRlNSJ9.eyJhdWQiOiJodHRwczovL29hdXRoLWxvZ2l"
    "uLmNsb3VkLmh1YXdlaS5jb20vb2F1dGgyL3YzL3Rva2VuIiwiaXNzIjoiMTAwMDAwMDAxIiwiaWF0IjoxNzM1Njg5NjAwLCJleHA"
    "iOjE3MzU2OTMyMDB9"};

}  // namespace

TEST_CASE("jwt: fingerprints name keys", "[providers]") {
  const std::string pem = test::made_key_pem("P-256");
  const auto key = Es256Key::from_pkcs8_pem(pem);
  REQUIRE(key);
  CHECK(key->fingerprint().size() == 64);
  CHECK(Es256Key::from_pkcs8_pem(pem)->fingerprint() == key->fingerprint());
  CHECK(Es256Key::from_pkcs8_pem(test::made_key_pem("P-256"))->fingerprint() != key->fingerprint());
}

TEST_CASE("jwt: errors of others stay in the queue, ours do not", "[providers]") {
  ERR_clear_error();
  ERR_raise(ERR_LIB_USER, 42);
  CHECK_FALSE(Es256Key::from_pkcs8_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
  CHECK(ERR_GET_REASON(ERR_get_error()) == 42);
  CHECK(ERR_get_error() == 0);
}

TEST_CASE("jwt: one key signs from many threads", "[providers]") {
  const std::string pem = test::made_key_pem("P-256");
  const auto key = Es256Key::from_pkcs8_pem(pem);
  REQUIRE(key);
  std::vector<std::string> made(4);
  {
    std::vector<std::jthread> threads;
    for (std::string& jwt : made)
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) jwt = key->sign(R"({"alg":"ES256"})", "{}").value_or("");
      });
  }
  for (const std::string& jwt : made) CHECK(test::jwt_verifies(jwt, pem));
}

TEST_CASE("jwt: RSA signs the specs' vectors, and OpenSSL agrees", "[providers]") {
  const SpecVector vector = GENERATE(kGoogle, kHuawei);
  CAPTURE(vector.name);
  const auto key = RsaKey::from_pkcs8_pem(test::rsa_pem());
  REQUIRE(key);
  const auto jwt = key->sign(vector.scheme, vector.header, vector.claims);
  REQUIRE(jwt);
  REQUIRE(jwt->starts_with(std::string(vector.signing_input) + "."));
  CHECK(jwt->size() == std::string_view(vector.signing_input).size() + 1 + 342);  // 256 bytes
  const bool pss = vector.scheme == RsaScheme::Ps256;
  CHECK(test::ps256_verifies(*jwt, test::rsa_pem()) == pss);
  CHECK(test::rs256_verifies(*jwt, test::rsa_pem()) == !pss);
  CHECK_FALSE((pss ? test::ps256_verifies : test::rs256_verifies)(*jwt, test::other_rsa_pem()));
  std::string forged = *jwt;
  forged[50] = forged[50] == 'A' ? 'B' : 'A';
  CHECK_FALSE((pss ? test::ps256_verifies : test::rs256_verifies)(forged, test::rsa_pem()));
  CHECK((*key->sign(vector.scheme, vector.header, vector.claims) == *jwt) == !pss);  // PSS is salted anew each time
}

TEST_CASE("jwt: RSA keys that are refused, and in which words", "[providers]") {
  struct Row {
    const char* name;
    std::string pem;
    std::string_view words;
  };
  const std::string good = test::rsa_pem();
  std::string damaged = good;
  damaged.replace(60, 4, "AAAA");
  const std::vector<Row> rows = {
      {"too short", test::made_rsa_pem(1024), "1024 bits"},
      {"just too short", test::made_rsa_pem(2040), "2040 bits"},
      {"elliptic", test::made_key_pem("P-256"), "not an RSA key"},
      {"Ed25519", test::made_key_pem("ED25519"), "not an RSA key"},
      {"encrypted", test::made_encrypted_key_pem("pw"), "encrypted"},
      {"SEC1", test::made_sec1_key_pem(), "EC PRIVATE KEY"},
      {"damaged", damaged, "damaged"},
      {"cut off", good.substr(0, good.size() / 2), "damaged"},
      {"empty", "", "not a PEM"},
      {"no PEM", "ya29.token", "not a PEM"},
      {"endless", std::string(20'000, 'A'), "far too long"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto key = RsaKey::from_pkcs8_pem(row.pem);
    REQUIRE_FALSE(key);
    CHECK(key.error().code == Errc::Malformed);
    CHECK(key.error().detail.find(row.words) != std::string::npos);
  }
  CHECK(RsaKey::from_pkcs8_pem(good)->fingerprint().size() == 64);
  CHECK(RsaKey::from_pkcs8_pem(good)->fingerprint() != RsaKey::from_pkcs8_pem(test::other_rsa_pem())->fingerprint());
}

TEST_CASE("jwt: a key that was flattened to one line is taken", "[providers]") {
  const auto replaced = [](std::string text, std::string_view end) {
    for (std::size_t at = 0; (at = text.find('\n', at)) != text.npos; at += end.size()) text.replace(at, 1, end);
    return text;
  };
  const std::string ec = test::made_key_pem("P-256"), rsa = test::rsa_pem();
  for (const char* end : {"", " ", "\\n", "\\r\\n", "\r\n", "\\n\n", "\n\n"}) {
    CAPTURE(end);
    const auto small = Es256Key::from_pkcs8_pem(replaced(ec, end));
    REQUIRE(small);
    CHECK(small->fingerprint() == Es256Key::from_pkcs8_pem(ec)->fingerprint());
    const auto large = RsaKey::from_pkcs8_pem(replaced(rsa, end));
    REQUIRE(large);
    CHECK(large->fingerprint() == RsaKey::from_pkcs8_pem(rsa)->fingerprint());
  }
  for (const char* end : {"\\", "\\t", "n", "-", "\\\\n", "\xc2\xa0"}) {
    CAPTURE(end);
    CHECK_FALSE(Es256Key::from_pkcs8_pem(replaced(ec, end)));
  }
}

TEST_CASE("jwt: one RSA key signs from many threads", "[providers]") {
  const auto key = RsaKey::from_pkcs8_pem(test::rsa_pem());
  REQUIRE(key);
  std::vector<std::string> made(4);
  {
    std::vector<std::jthread> threads;
    for (std::string& jwt : made)
      threads.emplace_back([&] {
        for (int i = 0; i < 5; ++i) jwt = key->sign(RsaScheme::Ps256, R"({"alg":"PS256"})", "{}").value_or("");
      });
  }
  CHECK(std::ranges::all_of(made, [](const std::string& jwt) { return test::ps256_verifies(jwt, test::rsa_pem()); }));
}
