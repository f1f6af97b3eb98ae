// Secrets that ops put into a file: read once, at start-up.
#pragma once

#include <cstddef>
#include <string>

#include "core/result.h"

namespace nightpost::store {

constexpr std::size_t kSecretFileBytesMax = 4096;  // longer ones are refused

/// `what` names it in errors ("master key file"). NotFound; Io; Malformed: not a regular file, or too long;
/// Unauthorized: group or others may use it, or it is another user's.
Result<std::string> read_secret_file(const std::string& what, const std::string& file);

}  // namespace nightpost::store
