#include "providers/jwt.h"

#include <openssl/err.h>

#include <catch2/catch.hpp>
#include <thread>

#include "unit/providers/made_keys.h"

using namespace nightpost;

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
