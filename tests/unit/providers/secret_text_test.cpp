#include "providers/secret_text.h"

#include <catch2/catch.hpp>

#include "support/no_crypto.h"

using namespace nightpost;

TEST_CASE("secret text: line ends behind it are not part of it", "[providers]") {
  CHECK(trimmed_secret("s3cret\n") == "s3cret");
  CHECK(trimmed_secret("s3cret\r\n\n") == "s3cret");
  CHECK(trimmed_secret("s3cret") == "s3cret");
  CHECK(trimmed_secret("\n").empty());
  CHECK(trimmed_secret("a\nb\n") == "a\nb");
  CHECK(trimmed_secret(" a ") == " a ");
}

TEST_CASE("secret text: what can be one", "[providers]") {
  CHECK(check_secret("Ab1==", "AppSecret").empty());
  CHECK(check_secret(std::string(256, 'x'), "AppSecret").empty());
  CHECK(check_secret("", "AppSecret") == "the AppSecret is empty");
  for (const std::string& bad :
       {std::string("a b"), std::string("a\nb"), std::string("é"), std::string("a\0b", 3), std::string(257, 'x')})
    CHECK(check_secret(bad, "AppSecret").find("AppSecret") != std::string::npos);
}

TEST_CASE("secret text: fingerprints and signers", "[providers]") {
  // FIPS 180-4's example.
  CHECK(secret_fingerprint("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(secret_signer("xiaomi", "7", "abc", "") == "xiaomi:7:ba7816bf8f01cfea");
  CHECK(secret_signer("xiaomi", "7", "abc", "https://h:1") == "xiaomi:7:ba7816bf8f01cfea:https://h:1");
}

TEST_CASE("secret text: compared whole, and nothing equals nothing", "[providers]") {
  CHECK(same_secret("abc", "abc"));
  CHECK_FALSE(same_secret("abc", "abd"));
  CHECK_FALSE(same_secret("ab", "abc"));
  CHECK_FALSE(same_secret("abcd", "abc"));
  CHECK_FALSE(same_secret("ABC", "abc"));
  CHECK_FALSE(same_secret("", "abc"));
  CHECK_FALSE(same_secret("abc", ""));
  CHECK_FALSE(same_secret("", ""));
}

TEST_CASE("secret text: without SHA-256 no secret is another's equal, or has a name", "[providers]") {
  const support::NoCrypto refused;
  CHECK_FALSE(same_secret("abc", "abd"));
  CHECK_FALSE(same_secret("abc", "abc"));
  CHECK_THROWS(secret_fingerprint("abc"));
  CHECK_THROWS(secret_signer("xiaomi", "7", "abc", ""));
}
