// Keys and certificates such as ops upload, made fresh in each test: right ones, and wrong ones that Apple never
// issued.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/time.h"

namespace nightpost::test {

/// A private key as PEM. `kind`: "P-256", "P-384", "secp256k1", "RSA" or "ED25519".
std::string made_key_pem(const char* kind);
std::string made_encrypted_key_pem(const char* password);  // PKCS#8, P-256
std::string made_sec1_key_pem();                           // "BEGIN EC PRIVATE KEY", P-256

/// Whether the compact JWT was signed by that private key: R‖S of 64 bytes over the first two parts.
bool jwt_verifies(const std::string& jwt, const std::string& key_pem);

struct P12Wish {
  enum class Cipher { Modern, Keychain };  // AES-256 with PBES2; RC2-40 and 3DES as Keychain Access exports
  enum class Content { Both, KeyOnly, CertificateOnly };
  std::optional<std::string> password = "secret";  // nullopt: none at all
  Cipher cipher = Cipher::Modern;
  Content content = Content::Both;
  std::string uid = "com.example.shop";  // empty: no UID in the subject
  bool development = true;
  bool production = true;
  bool voip = false;
  /// Topics and the services of each; empty: no extension.
  std::vector<std::pair<std::string, std::vector<std::string>>> topics;
  std::optional<std::string> topics_der;  // instead: these very bytes
  int chain = 0;                          // further certificates in the file
  // Rounds of hashing that the file names without having done them, so it does not open; 0: as it is.
  long mac_rounds = 0, certificate_rounds = 0, key_rounds = 0;
  WallTime not_before = wall_from_ms(1'700'000'000'000);
  WallTime not_after = wall_from_ms(1'800'000'000'000);
};
std::string made_p12(const P12Wish& wish);

}  // namespace nightpost::test
