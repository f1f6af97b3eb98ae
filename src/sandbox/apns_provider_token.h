// APNs provider tokens as the server sees them: a JWT, ES256 (RFC 7515, RFC 7518
// §3.4).
#pragma once

#include <openssl/evp.h>

#include <optional>
#include <string>
#include <string_view>

#include "core/c_handle.h"
#include "core/time.h"
#include "core/uuid.h"

namespace nightpost::sandbox::apns {

using PublicKey = Handle<EVP_PKEY, EVP_PKEY_free>;

struct ProviderToken {
  std::string key_id;
  std::string team_id;
  WallTime issued_at{};
  std::string signing_input;  // "header.claims"
  std::string signature;      // bytes: R‖S or DER
};

/// The credentials of an `authorization` header. nullopt: not a well-formed provider token.
std::optional<ProviderToken> read_provider_token(std::string_view authorization);
bool signature_fits(const ProviderToken& token, EVP_PKEY& key);
/// Null: not a P-256 public key in PEM.
PublicKey read_public_key(std::string_view pem);

}  // namespace nightpost::sandbox::apns
