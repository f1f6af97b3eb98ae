// The key file of a Huawei service account: what v3 signs with, and v1 and v2 may.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "providers/jwt.h"

namespace nightpost::huawei {

struct ServiceAccount {
  std::string project_id;
  std::string key_id;
  std::string sub_account;
  RsaKey key;
};

/// Whether a secret is meant to be a file, and no app secret.
bool looks_like_file(std::string_view secret) noexcept;

/// Malformed, one sentence: what it is instead, or what is missing or unusable in it.
Result<ServiceAccount> read_service_account(std::string_view file);

}  // namespace nightpost::huawei
