// Apple's push certificate in its .p12: opened, and what its extensions say. Pure but for libcrypto's legacy module,
// which is looked for on disk.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "providers/authorizer.h"

namespace nightpost::apns {

/// One entry of extension 1.2.840.113635.100.6.3.6.
struct Topic {
  std::string name;                   // "com.example.app.voip"
  std::vector<std::string> services;  // "app", "voip", "complication"
};

struct PushCertificate {
  ClientIdentity identity;    // PEM: the leaf, the chain that came with it, the key (unencrypted). Secret.
  std::string fingerprint;    // SHA-256 of the certificate, hex
  std::string uid;            // Subject UID: the base bundle id; empty if absent
  bool development = false;   // .6.3.1
  bool production = false;    // .6.3.2
  bool voip = false;          // .6.3.4
  std::vector<Topic> topics;  // .6.3.6; empty if absent
  WallTime not_before{};
  WallTime not_after{};
};

/// Opens a PKCS#12 file. Keychain's RC2-40 and 3DES need OpenSSL's legacy provider: it is loaded into a library context
/// of this call's own, so that nothing else in the process can come to use such ciphers.
/// Malformed, one sentence: no or wrong password, no key or certificate inside, not a .p12.
Result<PushCertificate> open_p12(std::string_view bytes, const std::string& password);

}  // namespace nightpost::apns
