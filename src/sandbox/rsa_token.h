// JSON Web Tokens signed with RSA, as Google's (RS256) and Huawei's (PS256) clients make them (RFC 7515, 7518
// §3.3, 3.5).
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace nightpost::sandbox {

/// Shared: what was taught once is checked by many.
using RsaKey = std::shared_ptr<EVP_PKEY>;
/// From a PEM public key or certificate; null: neither, not RSA, or under 2048 bits.
RsaKey read_rsa_key(std::string_view pem);

struct RsaToken {
  nlohmann::json header, claims;  // objects
  std::string_view signed_part;   // header.claims, in the text that was parsed
  std::string signature;          // bytes
  /// Empty: no such string.
  std::string header_text(const char* name) const;
  std::string claim_text(const char* name) const;
  /// nullopt: absent or no whole number.
  std::optional<std::int64_t> claim_number(const char* name) const;
};

/// nullopt: not three parts of base64url with two objects in them, or longer than 8 KiB.
std::optional<RsaToken> parse_rsa_token(std::string_view text);

enum class RsaScheme : bool { Pkcs1, Pss };  // RS256, PS256 (salt of 32 bytes)
bool signed_by(const RsaToken& token, const RsaKey& key, RsaScheme scheme);

}  // namespace nightpost::sandbox
