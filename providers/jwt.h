// JSON Web Tokens signed by ES256 (RFC 7515, RFC 7518 §3.4), as APNs wants them.
#pragma once

#include <openssl/evp.h>

#include <string>
#include <string_view>
#include <utility>

#include "core/c_handle.h"
#include "core/result.h"

namespace nightpost {

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
  using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
  Es256Key(Key key, std::string fingerprint) : key_(std::move(key)), fingerprint_(std::move(fingerprint)) {}
  Key key_;
  std::string fingerprint_;
};

}  // namespace nightpost
