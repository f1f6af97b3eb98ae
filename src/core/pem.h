// What whoever reads PEM by OpenSSL shares.
#pragma once

#include <string_view>

namespace nightpost {

/// For the `u` of PEM_read_bio_*: an empty passphrase. With null OpenSSL asks on the terminal for that of an encrypted
/// file, and a service waits for ever.
inline char no_passphrase_text[1] = {};  // OpenSSL's parameter is not const; it only reads it
inline void* const kNoPassphrase = no_passphrase_text;

/// As RFC 7468 §11 and RFC 1421 write it: PKCS#8 or the older form.
inline bool is_encrypted_pem(std::string_view pem) noexcept {
  return pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || pem.contains("Proc-Type: 4,ENCRYPTED");
}

}  // namespace nightpost
