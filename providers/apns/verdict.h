// What each of Apple's reasons asks us to do. One table; the reply's parser and the GOAWAY's both read it.
// Source: Apple, "Handling notification responses from APNs".
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "core/verdict.h"

namespace nightpost::apns {

inline constexpr milliseconds kTokenPause{30'000};  // spec §6: first retry after a 429 for one device

struct Rule {
  std::string_view reason;
  Verdict verdict;
  std::string_view meaning;  // plain English, one sentence, for ops
  bool leave_connection = false;
  Scope scope = Scope::Token;  // Throttled only
};

inline constexpr std::array kRules = {
    Rule{"BadCertificate", Verdict::CredentialBad, "Apple refuses the client certificate.", true},
    Rule{"BadCertificateEnvironment", Verdict::CredentialBad,
         "The client certificate belongs to the other environment (development or production).", true},
    Rule{"BadCollapseId", Verdict::Rejected, "apns-collapse-id is longer than 64 bytes."},
    // A token of the other environment earns the same words, so it is no reason to forget the token.
    Rule{"BadDeviceToken", Verdict::TokenSuspect,
         "The device token is malformed, or belongs to the other environment than the certificate."},
    // Both spellings live: the first is documented, the second is what servers send.
    Rule{"BadEnvironmentKeyIdInToken", Verdict::CredentialBad, "The signing key is not valid in this environment.",
         true},
    Rule{"BadEnvironmentKeyInToken", Verdict::CredentialBad, "The signing key is not valid in this environment.", true},
    Rule{"BadExpirationDate", Verdict::Rejected, "apns-expiration is not a number of seconds."},
    Rule{"BadMessageId", Verdict::Rejected, "apns-id is not a canonical UUID."},
    Rule{"BadPath", Verdict::Rejected, "The request's path is not /3/device/<token>."},
    Rule{"BadPriority", Verdict::Rejected, "apns-priority is none of 10, 5 and 1."},
    Rule{"BadTopic", Verdict::CredentialBad, "The bundle id is not a valid topic for this credential."},
    // Says that token and bundle id do not belong together, not which of them is wrong: a mistyped bundle id makes
    // every good token answer so (spec §0.3). Suspect is the verdict that cannot empty the token table over a typing
    // error.
    Rule{"DeviceTokenNotForTopic", Verdict::TokenSuspect,
         "The device token belongs to another bundle id; if many say so, the certificate's bundle id is wrong."},
    Rule{"DuplicateHeaders", Verdict::Rejected, "A header was sent twice."},
    Rule{"ExpiredProviderToken", Verdict::AuthStale,
         "The signed token is older than an hour, or this machine's clock is wrong.", true},
    Rule{"ExpiredToken", Verdict::TokenGone, "The device token has expired."},
    Rule{"Forbidden", Verdict::CredentialBad, "Apple does not allow this credential to do that.", true},
    Rule{"IdleTimeout", Verdict::Transient, "Apple closed a connection that had been idle for too long.", true},
    Rule{"InternalServerError", Verdict::Transient, "Apple's server had an internal error."},
    Rule{"InvalidProviderToken", Verdict::CredentialBad,
         "Apple cannot verify the signed token: wrong key, key id or team id, or a revoked key.", true},
    Rule{"InvalidPushType", Verdict::Rejected, "apns-push-type is not one of Apple's."},
    Rule{"MethodNotAllowed", Verdict::Rejected, "The request's method is not POST."},
    Rule{"MissingDeviceToken", Verdict::Rejected, "The request's path has no device token."},
    Rule{"MissingProviderToken", Verdict::CredentialBad,
         "Neither a signed token nor a client certificate reached Apple."},
    Rule{"MissingTopic", Verdict::CredentialBad, "The certificate serves several topics and none was named."},
    Rule{"PayloadEmpty", Verdict::Rejected, "The request has no body."},
    Rule{"PayloadTooLarge", Verdict::Rejected, "The payload is larger than 4096 bytes."},
    Rule{"ServiceUnavailable", Verdict::Transient, "Apple's service is unavailable."},
    Rule{"Shutdown", Verdict::Transient, "Apple's server is shutting down.", true},
    // Minting once more would make it worse; the connection stays poisoned, the present token is still good elsewhere.
    Rule{"TooManyProviderTokenUpdates", Verdict::Throttled,
         "The signed token changed more often than every 20 minutes; another sender may be using this key.", true,
         Scope::Connection},
    Rule{"TooManyRequests", Verdict::Throttled, "Too many pushes in a row to this device."},
    Rule{"TopicDisallowed", Verdict::CredentialBad, "This credential may not push to this bundle id."},
    Rule{"Unregistered", Verdict::TokenGone, "The app was removed from the device, or its token is no longer active."},
    Rule{"UnrelatedKeyIdInToken", Verdict::Transient,
         "Another signing key was used on this connection first; a new connection cures it.", true},
};
static_assert(std::ranges::is_sorted(kRules, {}, &Rule::reason));

/// Null for a reason that Apple's page did not have yet.
constexpr const Rule* rule_for(std::string_view reason) noexcept {
  const auto rule = std::ranges::lower_bound(kRules, reason, {}, &Rule::reason);
  return rule != kRules.end() && rule->reason == reason ? &*rule : nullptr;
}

/// What a status alone says. Never Accepted for a refusal, never TokenGone. `named`: there was a reason, if one unknown
/// to us; without one a proxy may have said it, and only Apple's own words may stop a credential.
constexpr Verdict verdict_for_status(int status, bool named) noexcept {
  if (status >= 200 && status < 300) return Verdict::Accepted;       // RFC 9110 §15: an unknown 2xx means what 200 does
  if (status >= 300 && status < 400) return Verdict::Misconfigured;  // APNs does not redirect: some other server does
  switch (status) {
    case 401:
    case 403:
      return named ? Verdict::CredentialBad : Verdict::Transient;
    case 404:
      return named ? Verdict::Rejected : Verdict::Transient;
    case 407:
    case 408:
    case 425:
      return Verdict::Transient;
    case 410:
      return Verdict::TokenSuspect;  // gone, but not in words we know
    case 429:
    case 503:
      return Verdict::Throttled;
    default:
      return status >= 400 && status < 500 ? Verdict::Rejected : Verdict::Transient;
  }
}

}  // namespace nightpost::apns
