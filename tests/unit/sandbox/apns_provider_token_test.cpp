#include "sandbox/apns_provider_token.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <catch2/catch.hpp>

#include "core/text.h"
#include "made_token.h"

namespace nightpost::sandbox::apns {
namespace {

TEST_CASE("apns provider token: read as it was written", "[sandbox]") {
  const SigningKey key;
  const PublicKey public_key = read_public_key(key.public_pem());
  REQUIRE(public_key);
  const bool der = GENERATE(false, true);
  CAPTURE(der);
  const auto token = read_provider_token(made_token(key, {.der = der}));
  REQUIRE(token);
  CHECK(token->key_id == "ABC123DEFG");
  CHECK(token->team_id == "DEF123GHIJ");
  CHECK(to_ms(token->issued_at) == 1'735'689'600'000);
  // The signing input of the spec's test vector.
  CHECK(token->signing_input ==
        "eyJhbGciOiJFUzI1NiIsImtpZCI6IkFCQzEyM0RFRkcifQ.eyJpc3MiOiJERUYxMjNHSElKIiwiaWF0IjoxNzM1Njg5NjAwfQ");
  CHECK(signature_fits(*token, *public_key));
  const SigningKey other;
  CHECK_FALSE(signature_fits(*token, *read_public_key(other.public_pem())));
  auto altered = *token;
  altered.signing_input += 'x';
  CHECK_FALSE(signature_fits(altered, *public_key));
}

TEST_CASE("apns provider token: typ JWT and an upper-case scheme are tolerated", "[sandbox]") {
  const SigningKey key;
  CHECK(read_provider_token(made_token(key, {.header = R"({"alg":"ES256","kid":"ABC123DEFG","typ":"JWT"})"})));
  CHECK(read_provider_token("Bearer" + made_token(key, {}).substr(6)));
}

TEST_CASE("apns provider token: what is not one", "[sandbox]") {
  const SigningKey key;
  struct Row {
    const char* name;
    std::string authorization;
  };
  const std::string good = made_token(key, {});
  const std::string input = good.substr(7, good.rfind('.') - 7);
  const Row row = GENERATE_REF(values<Row>({
      {"nothing", ""},
      {"the scheme alone", "bearer "},
      {"another scheme", "basic " + good.substr(7)},
      {"no scheme", good.substr(7)},
      {"two parts", "bearer " + input},
      {"four parts", good + ".AAAA"},
      {"padding", good + "="},
      {"an empty signature", "bearer " + input + "."},
      {"a signature of 63 bytes", "bearer " + input + "." + base64url(std::string(63, 'a'))},
      {"DER with a tail", "bearer " + input + "." + base64url(key.signature(input, true) + "x")},
      {"no JSON", made_token(key, {.header = "alg"})},
      {"an array", made_token(key, {.claims = R"(["iss","iat"])"})},
      {"alg none", made_token(key, {.header = R"({"alg":"none","kid":"ABC123DEFG"})"})},
      {"alg RS256", made_token(key, {.header = R"({"alg":"RS256","kid":"ABC123DEFG"})"})},
      {"no alg", made_token(key, {.header = R"({"kid":"ABC123DEFG"})"})},
      {"no kid", made_token(key, {.header = R"({"alg":"ES256"})"})},
      {"another typ", made_token(key, {.header = R"({"alg":"ES256","kid":"ABC123DEFG","typ":"JWE"})"})},
      {"kid of nine", made_token(key, {.kid = "ABC123DEF"})},
      {"kid in lower case", made_token(key, {.kid = "abc123defg"})},
      {"kid a number", made_token(key, {.header = R"({"alg":"ES256","kid":1234567890})"})},
      {"iss of eleven", made_token(key, {.iss = "DEF123GHIJK"})},
      {"no iss", made_token(key, {.claims = R"({"iat":1735689600})"})},
      {"no iat", made_token(key, {.claims = R"({"iss":"DEF123GHIJ"})"})},
      {"iat a string", made_token(key, {.claims = R"({"iss":"DEF123GHIJ","iat":"1735689600"})"})},
      {"iat a fraction", made_token(key, {.claims = R"({"iss":"DEF123GHIJ","iat":1735689600.5})"})},
      {"iat negative", made_token(key, {.iat = -1})},
      {"iat in milliseconds squared", made_token(key, {.iat = INT64_MAX})},
      {"far too long", "bearer " + std::string(5000, 'a')},
  }));
  CAPTURE(row.name);
  CHECK_FALSE(read_provider_token(row.authorization).has_value());
}

TEST_CASE("apns provider token: a public key is P-256 in PEM", "[sandbox]") {
  CHECK_FALSE(read_public_key(""));
  CHECK_FALSE(read_public_key("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"));
  const Handle<EVP_PKEY, EVP_PKEY_free> other(EVP_EC_gen("P-384"));
  const Handle<BIO, BIO_free_all> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(out.get(), other.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  CHECK_FALSE(read_public_key({text, static_cast<std::size_t>(size)}));
}

}  // namespace
}  // namespace nightpost::sandbox::apns
