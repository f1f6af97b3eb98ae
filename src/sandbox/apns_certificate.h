// What Apple writes into a push certificate, read from the certificate itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace nightpost::sandbox::apns {

struct CertificateFacts {
  std::string bundle_id;            // the subject's UID; empty: none
  std::vector<std::string> topics;  // extension .6.3.6; empty: bundle_id is the only one
  bool development = false;         // .6.3.1
  bool production = false;          // .6.3.2
  WallTime not_before{};
  WallTime not_after{};
};

/// nullopt: not a certificate.
std::optional<CertificateFacts> read_certificate(std::string_view pem);

}  // namespace nightpost::sandbox::apns
