// A CA made on the spot and a server certificate for this machine by it. For development only: the key lies beside it.
#pragma once

#include <string>

#include "core/result.h"
#include "core/time.h"

namespace nightpost::sandbox {

struct ServerIdentity {
  std::string ca_pem;
  std::string certificate_pem;  // localhost, 127.0.0.1, ::1
  std::string private_key_pem;  // secret
};

/// Made anew, valid around `now`. Io: OpenSSL refused.
Result<ServerIdentity> make_identity(WallTime now);
/// The one in `folder` (ca.pem, ca.key, server.pem, server.key; keys 0600) if it is good for another week, so that
/// clients go on trusting it; what is missing or old is made and written. Io: cannot read or write there.
Result<ServerIdentity> identity_in(const std::string& folder, WallTime now);

}  // namespace nightpost::sandbox
