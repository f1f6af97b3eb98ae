// What each of FCM's error codes asks us to do. Source: Google, FCM HTTP v1 REST reference.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "core/verdict.h"

namespace nightpost::fcm {

struct Rule {
  std::string_view code;  // FcmError.errorCode
  int status;             // the one it comes with; under another it is not believed to remove a token
  Verdict verdict;
  std::string_view meaning;
};

// INVALID_ARGUMENT and UNSPECIFIED_ERROR are not here: the first depends on what else the answer says, the second on
// the status alone.
inline constexpr std::array kRules = {
    // Says that Google cannot sign in at Apple or at a browser's push service for this project. Only such tokens are
    // hurt, so the lane stays open; and a new access token would change nothing.
    Rule{"APNS_AUTH_ERROR", 401, Verdict::Misconfigured,
         "The APNs key stored in the Firebase project is wrong; only tokens of Apple devices are hurt."},
    Rule{"INTERNAL", 500, Verdict::Transient, "Google's server had an internal error."},
    Rule{"QUOTA_EXCEEDED", 429, Verdict::Throttled, "The rate of the project, the device or the topic is used up."},
    Rule{"SENDER_ID_MISMATCH", 403, Verdict::TokenGone,
         "The token belongs to another Firebase project; if many say so, the key file is of the wrong one."},
    Rule{"THIRD_PARTY_AUTH_ERROR", 401, Verdict::Misconfigured,
         "The APNs or web push key stored in the Firebase project is wrong; only tokens of Apple devices and browsers "
         "are "
         "hurt."},
    Rule{"UNAVAILABLE", 503, Verdict::Throttled, "Google's service is overloaded."},
    Rule{"UNREGISTERED", 404, Verdict::TokenGone, "The app was removed from the device, or its token has ended."},
};
static_assert(std::ranges::is_sorted(kRules, {}, &Rule::code));

/// Null for a code that is not in the table.
constexpr const Rule* rule_for(std::string_view code) noexcept {
  const auto rule = std::ranges::lower_bound(kRules, code, {}, &Rule::code);
  return rule != kRules.end() && rule->code == code ? &*rule : nullptr;
}

/// What a status says in Google's own error envelope, where no code is known. `named`: there was a code, if one unknown
/// to us. Never TokenGone: a 404 without a code is what a wrong project earns.
constexpr Verdict verdict_for_status(int status, bool named) noexcept {
  if (status >= 200 && status < 300) return Verdict::Accepted;
  if (status >= 300 && status < 400) return Verdict::Misconfigured;  // Google does not redirect: some other server does
  switch (status) {
    case 401:
      return named ? Verdict::CredentialBad : Verdict::AuthStale;
    case 403:
      return Verdict::CredentialBad;
    case 404:
      return named ? Verdict::Rejected : Verdict::CredentialBad;
    case 408:
    case 425:
      return Verdict::Transient;
    case 429:
    case 503:
      return Verdict::Throttled;
    default:
      return status >= 400 && status < 500 ? Verdict::Rejected : Verdict::Transient;
  }
}

}  // namespace nightpost::fcm
