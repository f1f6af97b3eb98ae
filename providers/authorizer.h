// How one credential authorizes requests. Pure: signs, or says which request obtains a grant and reads its reply.
// Asking, caching, age rules and single flight live in src/resolve and src/app.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/http.h"
#include "core/result.h"
#include "core/time.h"

namespace nightpost {

/// What authorizes a request for a while.
struct Grant {
  /// The header's value; empty where the TLS client certificate speaks. Where the vendor wants each body signed
  /// (Meizu), the key that build() signs by.
  std::string authorization;
  WallTime issued_at{};
  WallTime renew_at{};    // from here on a new one is obtained; this one still serves meanwhile
  WallTime expires_at{};  // the vendor refuses it from here on; WallTime::max(): never
};

/// What a vendor's token endpoint is to be asked.
struct GrantRequest {
  std::string origin;  // "https://oauth2.googleapis.com", or the certificate's host override
  HttpRequest http;
  std::string_view scheme = {};  // static: what finish() puts before the token in Grant::authorization, "Bearer "
};
using GrantStep = std::variant<Grant, GrantRequest>;

/// PEM of a TLS client certificate chain and its key. Secret.
struct ClientIdentity {
  std::string certificate_pem;
  std::string private_key_pem;
};

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  /// A grant made here, or the request that obtains one. Thread-safe, does not block. Malformed: the key cannot sign.
  virtual Result<GrantStep> begin(WallTime now) const = 0;
  /// The grant in the token endpoint's reply; asked only after begin() gave a request. Total: any status with any body.
  /// Unauthorized: the vendor refuses the credential (opens its breaker). Overloaded: asked too often. Io: anything
  /// else, to be asked again. The detail says what the vendor said, and never holds a secret.
  virtual Result<Grant> finish(const HttpResponse& reply, WallTime now) const = 0;
  /// A grant younger than this is never replaced, whatever the vendor says of it (APNs: 20 minutes).
  virtual milliseconds age_min() const noexcept = 0;
  /// Grants are shared by all certificates that name the same signer ("apns:<team>:<key>"); empty: not shared.
  virtual std::string signer() const = 0;
  /// Set where the credential is a TLS client certificate.
  virtual std::optional<ClientIdentity> identity() const = 0;
};

/// For credentials that need no token endpoint.
class LocalAuthorizer : public Authorizer {
 public:
  Result<Grant> finish(const HttpResponse&, WallTime) const final {
    return fail(Errc::Malformed, "this credential asks no token endpoint");
  }
  std::optional<ClientIdentity> identity() const override { return std::nullopt; }
};

}  // namespace nightpost
