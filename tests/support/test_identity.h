// Certificates for tests, self-signed, made on the spot.
#pragma once

#include <string>
#include <vector>

#include "support/h2_probe.h"

namespace nightpost::probe {

struct CertificateWish {
  std::string uid;                  // subject UID; empty: none
  std::vector<std::string> oids;    // extensions that say something by being there
  std::vector<std::string> topics;  // 1.2.840.113635.100.6.3.6; empty: no such extension
  long not_before_s = -86'400;      // from now
  long not_after_s = 86'400;
};

/// For a server: CN and alternative name "localhost". Trusted by handing the certificate itself as the CA.
Identity server_identity();
/// `private_key_pem` behind a passphrase: as PKCS#8, or as OpenSSL wrote it before.
std::string encrypted(const std::string& private_key_pem, bool pkcs8);
/// As Apple would issue it for a push client.
Identity client_identity(const CertificateWish& wish);

}  // namespace nightpost::probe
