// Who may send: the half of the APNs verifier that judges certificates and provider tokens (§1.3, §1.4).
#pragma once

#include <string_view>

#include "sandbox/apns_verifier.h"

namespace nightpost::sandbox::apns {

struct Refusal {
  int status = 0;
  std::string_view reason;  // static; empty: none
  explicit operator bool() const noexcept { return !reason.empty(); }
};

/// Judges the provider token of a request without a client certificate. `authorization` is empty if it has none.
Refusal judge_provider_token(std::string_view authorization, const Knowledge& known, State& state,
                             Connection& connection, WallTime now);
/// Judges connection.certificate.
Refusal judge_certificate(const Connection& connection, const Knowledge& known, WallTime now);

}  // namespace nightpost::sandbox::apns
