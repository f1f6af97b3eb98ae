// Whether the vendor takes a credential: asked by one push to a token that nobody has, through the very code that
// sends. What the vendor finds wrong is then the token, or the credential.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "app/config.h"
#include "core/time.h"
#include "store/store.h"

namespace nightpost::app {

struct Verification {
  enum class Verdict : std::uint8_t {
    Accepted,  // the vendor took the credential, whatever it said of the token
    Refused,   // it did not, or the credential may not push to this app
    Unknown,   // no answer that tells: unreachable, throttled, failing
  };
  Verdict verdict = Verdict::Unknown;
  std::string rule, code, reason;  // of the push, as an outcome has them
  std::string trouble;             // lines for people: a host that cannot be reached, a clock that is off
};
std::string_view name_of(Verification::Verdict verdict) noexcept;  // "accepted", "refused", "unknown"

/// What the rule that ended such a push says of the credential. Pure.
Verification::Verdict verdict_of(std::string_view rule) noexcept;

/// Stores nothing, needs no store. Blocks, for `timeout` and the grant's own deadline at most.
Verification verify_credential(const Config& config, const store::NewCertificate& candidate, milliseconds timeout,
                               const Clock& clock);

}  // namespace nightpost::app
