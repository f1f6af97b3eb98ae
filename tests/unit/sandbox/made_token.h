// Provider tokens made by hand, right ones and wrong ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sandbox/apns_provider_token.h"

namespace nightpost::sandbox {

class SigningKey {
 public:
  SigningKey();
  std::string public_pem() const;
  std::string signature(const std::string& signing_input, bool der = false) const;

 private:
  apns::PublicKey key_;
};

struct TokenWish {
  std::string kid = "ABC123DEFG";
  std::string iss = "DEF123GHIJ";
  std::int64_t iat = 1'735'689'600;
  std::string header = {};  // the JSON itself instead
  std::string claims = {};
  bool der = false;
};

/// "bearer <jwt>"
std::string made_token(const SigningKey& key, const TokenWish& wish);

}  // namespace nightpost::sandbox
