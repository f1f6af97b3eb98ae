// JSON Web Tokens (RFC 7515) signed by ES256, as APNs wants them, by RS256, as Google, and by PS256, as Huawei
// (RFC 7518 §§3.3 to 3.5).
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/c_handle.h"
#include "core/result.h"

namespace nightpost {

using PrivateKey = Handle<EVP_PKEY, EVP_PKEY_free>;

/// A P-256 private key that signs. Immutable; sign() may be called from any thread.
class Es256Key {
 public:
  /// Of an unencrypted PKCS#8 PEM ("BEGIN PRIVATE KEY"), which is what vendors hand out. Malformed, with a sentence
  /// that says what it is instead: another curve or kind of key, another PEM, an encrypted one, no PEM at all.
  static Result<Es256Key> from_pkcs8_pem(std::string_view pem);

  /// base64url(header) "." base64url(claims) "." base64url(R‖S). Both are JSON text and signed as they stand.
  /// ECDSA is randomized: equal inputs give different signatures, all of them valid. Io: libcrypto failed.
  Result<std::string> sign(std::string_view header, std::string_view claims) const;

  /// SHA-256 of the public key's SubjectPublicKeyInfo, hex: names the key without revealing anything of it.
  const std::string& fingerprint() const noexcept { return fingerprint_; }

 private:
  Es256Key(PrivateKey key, std::string fingerprint) : key_(std::move(key)), fingerprint_(std::move(fingerprint)) {}
  PrivateKey key_;
  std::string fingerprint_;
};

enum class RsaScheme : std::uint8_t {
  Rs256,  // RSASSA-PKCS1-v1_5 over SHA-256; equal inputs give equal signatures
  Ps256,  // RSASSA-PSS, SHA-256, MGF1 of SHA-256, 32 bytes of random salt; equal inputs give different ones
};

/// An RSA private key of 2048 to 8192 bits that signs. Immutable; sign() may be called from any thread.
class RsaKey {
 public:
  /// As Es256Key's; Malformed also for a key too short to be safe, or so long that signing would hold the caller up.
  static Result<RsaKey> from_pkcs8_pem(std::string_view pem);
  /// base64url(header) "." base64url(claims) "." base64url(signature). The header must name the scheme itself.
  Result<std::string> sign(RsaScheme scheme, std::string_view header, std::string_view claims) const;
  const std::string& fingerprint() const noexcept { return fingerprint_; }

 private:
  RsaKey(PrivateKey key, std::string fingerprint) : key_(std::move(key)), fingerprint_(std::move(fingerprint)) {}
  PrivateKey key_;
  std::string fingerprint_;
};

}  // namespace nightpost
