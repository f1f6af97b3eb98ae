// Throw-away key material for demo: what ops would get from Apple.
#pragma once

#include <string>

#include "core/result.h"

namespace nightpost::app {

struct DevKey {
  std::string private_pem;  // PKCS#8, P-256: what AuthKey_….p8 holds
  std::string public_pem;
};
Result<DevKey> make_dev_key();

/// Creates the file with mode 0600. Malformed: it exists already (a key is never overwritten); Io: it cannot be
/// written.
Result<void> write_private_file(const std::string& path, const std::string& text);

}  // namespace nightpost::app
