// RSA-signed tokens made by hand, right ones and wrong ones (RFC 7515).
#pragma once

#include <openssl/evp.h>

#include <string>

#include "core/c_handle.h"

namespace nightpost::sandbox {

class RsaSigner {
 public:
  RsaSigner();
  std::string public_pem() const;
  /// base64url(header).base64url(claims).signature: RS256, or PS256 with `pss`.
  std::string token(const std::string& header, const std::string& claims, bool pss = false) const;

 private:
  Handle<EVP_PKEY, EVP_PKEY_free> key_;
};

}  // namespace nightpost::sandbox
