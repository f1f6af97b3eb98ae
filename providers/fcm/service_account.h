// The key file of a Google service account, which is a certificate's secret.
#pragma once

#include <string>
#include <string_view>

#include "core/certificate.h"
#include "core/result.h"
#include "providers/jwt.h"

namespace nightpost::fcm {

struct ServiceAccount {
  std::string project_id;
  std::string client_email;
  std::string private_key_id;
  std::string token_uri;     // the audience of what is signed, whatever host is asked
  std::string grant_origin;  // where the token endpoint is asked: token_uri's host, or the certificate's host_override
  std::string grant_path;
  RsaKey key;
};

/// Malformed, one sentence: what it is instead (the old server key, google-services.json, a user's file), or what is
/// missing or unusable in it. `certificate`: for its host_override.
Result<ServiceAccount> read_service_account(std::string_view file, const Certificate& certificate);

}  // namespace nightpost::fcm
