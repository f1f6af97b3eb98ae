// An app's key for userSig, as a file of ops.
#pragma once

#include <string>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"

namespace nightpost::app {

/// The key as text, line end off. NotFound; Io; Malformed: empty, or has blanks or control characters; Unauthorized:
/// others may read the file.
Result<std::string> read_app_key(const std::string& file);

/// Malformed: no user can be called so, or `expire` is not in [1 s, 10 years].
Result<std::string> make_signature(AppId app, const std::string& user, const std::string& key, WallTime now,
                                   std::chrono::seconds expire);

}  // namespace nightpost::app
