#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "core/c_handle.h"
#include "providers/apns/apns.h"
#include "unit/providers/made_keys.h"

using namespace nightpost;
using test::made_key_pem;

namespace {

// Apple's example: header {"alg":"ES256","kid":"ABC123DEFG"}, claims
// {"iss":"DEF123GHIJ","iat":1735689600}
constexpr const char* kSigningInput =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6IkFCQzEyM0RFRkcifQ.eyJpc3MiOiJERUYxMjNHSElKIiwiaWF0IjoxNzM1Njg5NjAwfQ";

Certificate p8(Environment environment = Environment::Production) {
  Certificate certificate;
  certificate.environment = environment;
  certificate.facts = {{"kind", "p8"}, {"key_id", "ABC123DEFG"}, {"team_id", "DEF123GHIJ"}};
  return certificate;
}

std::shared_ptr<const Authorizer> authorizer(const Certificate& certificate, const CertificateSecret& secret) {
  auto made = apns::make_authorizer(certificate, secret);
  if (!made) FAIL(made.error().detail);
  return *made;
}

Result<Grant> signed_by(const Authorizer& authorizer, WallTime now) {
  Result<GrantStep> step = authorizer.begin(now);
  if (!step) return std::unexpected(step.error());
  return std::get<Grant>(*std::move(step));
}

}  // namespace

TEST_CASE("apns p8: the spec's signing input, byte for byte, and a signature that verifies", "[apns]") {
  const std::string pem = made_key_pem("P-256");
  const auto signs = authorizer(p8(), {pem, ""});
  for (int i = 0; i < 50; ++i) {  // R or S with leading zeros comes once in 128
    const auto grant = signed_by(*signs, wall_from_ms(1'735'689'600'999));
    REQUIRE(grant);
    REQUIRE(grant->authorization.starts_with(std::string("bearer ") + kSigningInput + "."));
    const std::string jwt = grant->authorization.substr(7);
    REQUIRE(std::ranges::count(jwt, '.') == 2);
    REQUIRE(jwt.size() == std::string_view(kSigningInput).size() + 1 + 86);
    REQUIRE(test::jwt_verifies(jwt, pem));
    REQUIRE_FALSE(test::jwt_verifies(jwt, made_key_pem("P-256")));
    std::string forged = jwt;
    forged[50] = forged[50] == 'A' ? 'B' : 'A';
    REQUIRE_FALSE(test::jwt_verifies(forged, pem));
  }
}

TEST_CASE("apns p8: how long a grant lives", "[apns]") {
  const auto signs = authorizer(p8(), {made_key_pem("P-256"), ""});
  const auto grant = signed_by(*signs, wall_from_ms(1'735'689'600'999));
  REQUIRE(grant);
  CHECK(to_ms(grant->issued_at) == 1'735'689'600'000);  // never in Apple's future
  CHECK(grant->renew_at - grant->issued_at == std::chrono::minutes(50));
  CHECK(grant->expires_at - grant->issued_at == std::chrono::minutes(60));
  CHECK(signs->age_min() == std::chrono::minutes(20));
  CHECK_FALSE(signs->identity());
}

TEST_CASE("apns p8: a token is dated from the half hour, so that a fleet says the same", "[apns]") {
  const auto signs = authorizer(p8(), {made_key_pem("P-256"), ""});
  const std::int64_t half = 1'735'689'600'000;  // 00:00
  const auto issued = [&](std::int64_t ms) { return to_ms(signed_by(*signs, wall_from_ms(ms))->issued_at); };
  CHECK(issued(half + 1) == half);
  CHECK(issued(half + 1'799'999) == half);
  CHECK(issued(half + 1'800'000) == half + 1'800'000);
  CHECK(issued(half - 1) == half - 1'800'000);
  const auto latest = signed_by(*signs, wall_from_ms(half + 1'799'999));
  CHECK(latest->renew_at - wall_from_ms(half + 1'799'999) >= std::chrono::minutes(20));  // never renewed within 20
}

TEST_CASE("apns p8: who shares a grant", "[apns]") {
  const std::string pem = made_key_pem("P-256");
  const std::string signer = authorizer(p8(), {pem, ""})->signer();
  CHECK(signer.starts_with("apns:DEF123GHIJ:ABC123DEFG:"));
  CHECK(authorizer(p8(Environment::Development), {pem, ""})->signer() == signer);

  CHECK(authorizer(p8(), {made_key_pem("P-256"), ""})->signer() != signer);  // the same names over another key
  Certificate other = p8();
  other.facts["key_id"] = "XBC123DEFG";
  CHECK(authorizer(other, {pem, ""})->signer() != signer);
  other = p8();
  other.facts["team_id"] = "XEF123GHIJ";
  CHECK(authorizer(other, {pem, ""})->signer() != signer);
}

TEST_CASE("apns p12: the client certificate speaks", "[apns]") {
  test::P12Wish wish;
  wish.cipher = GENERATE(test::P12Wish::Cipher::Modern, test::P12Wish::Cipher::Keychain);
  wish.chain = 2;
  Certificate certificate;
  certificate.facts = {{"kind", "p12"}};
  const auto speaks = authorizer(certificate, {test::made_p12(wish), "secret"});
  CHECK(speaks->signer().empty());
  const WallTime now = wall_from_ms(1'735'689'600'999);
  const auto grant = signed_by(*speaks, now);
  REQUIRE(grant);
  CHECK(grant->authorization.empty());
  CHECK(grant->issued_at == now);
  CHECK(grant->renew_at > now + std::chrono::days(36'500));
  CHECK(grant->expires_at >= grant->renew_at);

  const auto identity = speaks->identity();
  REQUIRE(identity);
  const auto bio = [](const std::string& pem) {
    return Handle<BIO, BIO_free>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  };
  const auto key_bio = bio(identity->private_key_pem);
  const Handle<EVP_PKEY, EVP_PKEY_free> key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  const auto certificates = bio(identity->certificate_pem);
  const Handle<X509, X509_free> leaf(PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr));
  REQUIRE(key);
  REQUIRE(leaf);
  CHECK(X509_check_private_key(leaf.get(), key.get()) == 1);  // the leaf comes first
  for (int i = 0; i < 2; ++i)
    CHECK(Handle<X509, X509_free>(PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)));
  CHECK_FALSE(Handle<X509, X509_free>(PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)));
  ERR_clear_error();
}

TEST_CASE("apns authorizer: refused", "[apns]") {
  const std::string pem = made_key_pem("P-256");
  const auto refused = [](const Certificate& certificate, const CertificateSecret& secret, const char* words) {
    const auto made = apns::make_authorizer(certificate, secret);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == Errc::Malformed);
    CHECK_THAT(made.error().detail, Catch::Contains(words));
  };
  refused(Certificate{}, {pem, ""}, "neither p8 nor p12");
  refused(p8(), {"", ""}, "PEM");
  refused(p8(), {made_key_pem("RSA"), ""}, "elliptic");
  refused(p8(), {test::made_p12({}), "secret"}, "PEM");
  Certificate nameless = p8();
  nameless.facts.erase("key_id");
  refused(nameless, {pem, ""}, "key id");
  Certificate p12;
  p12.facts = {{"kind", "p12"}};
  refused(p12, {pem, ""}, ".p12");
  refused(p12, {test::made_p12({}), "wrong"}, "password");
}
