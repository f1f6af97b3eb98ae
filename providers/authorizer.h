// How one credential authorizes requests. Signing only; caching, age rules and single flight live in src/resolve.
#pragma once

#include <optional>
#include <string>

#include "core/result.h"
#include "core/time.h"

namespace nightpost {

/// What authorizes a request for a while.
struct Grant {
  std::string authorization;  // the header's value; empty where the TLS client certificate speaks
  WallTime issued_at{};
  WallTime renew_at{};    // from here on a new one is made before the next request
  WallTime expires_at{};  // the vendor refuses it from here on
};

/// PEM of a TLS client certificate chain and its key. Secret.
struct ClientIdentity {
  std::string certificate_pem;
  std::string private_key_pem;
};

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  /// Signs a grant. Thread-safe, does not block. Malformed: the key cannot sign.
  virtual Result<Grant> sign(WallTime now) const = 0;
  /// A grant younger than this is never replaced, whatever the vendor says of it (APNs: 20 minutes).
  virtual milliseconds age_min() const noexcept = 0;
  /// Grants are shared by all certificates that name the same signer ("apns:<team>:<key>"); empty: not shared.
  virtual std::string signer() const = 0;
  /// Set where the credential is a TLS client certificate.
  virtual std::optional<ClientIdentity> identity() const = 0;
};

}  // namespace nightpost
