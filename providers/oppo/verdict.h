// What each of OPPO's codes asks us to do: one table for pushes, for single tokens inside an answer and for the token
// endpoint. Source: OPPO's "return codes" (page 11235).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "core/verdict.h"

namespace nightpost::oppo {

struct Rule {
  std::int64_t code;
  Verdict verdict;
  std::string_view meaning;  // plain English, one sentence, for ops
  bool rest_of_day = false;  // Throttled only
};

/// Our app_message_id is one for each message and device. So in the answer to a repeat of what was not answered this
/// says that the first one went through: reply.cpp.
inline constexpr std::int64_t kDuplicate = 32;

/// Of the push's own kind, for private messages are not limited: Scope::Class.
inline constexpr std::int64_t kMessageQuota = 33;

/// Of stored contents, and not of pushes: reply.cpp.
inline constexpr std::int64_t kUploadQuota = 34;

inline constexpr std::array kRules = {
    Rule{-3, Verdict::Transient, "OPPO's answer could not be read."},
    Rule{-2, Verdict::Throttled, "OPPO limits the flow of this app."},
    Rule{-1, Verdict::Transient, "OPPO's service is unavailable."},
    Rule{0, Verdict::Accepted, "OPPO took it."},
    // Of the access token, not of a device: who mistook it would delete every device each day.
    Rule{11, Verdict::AuthStale, "The access token is unknown or has expired."},
    Rule{12, Verdict::Rejected, "The HTTP method is not allowed."},
    Rule{13, Verdict::Throttled, "The app's limit of calls is reached, by number or by rate."},
    Rule{14, Verdict::CredentialBad, "The AppKey is invalid."},
    Rule{15, Verdict::CredentialBad, "The AppKey is missing."},
    Rule{16, Verdict::CredentialBad,
         "The signature is wrong: the clock is off by more than 10 minutes, or the secret is not the MasterSecret."},
    Rule{17, Verdict::CredentialBad, "The signature is missing."},
    Rule{18, Verdict::CredentialBad, "The timestamp is missing."},
    Rule{19, Verdict::CredentialBad, "The timestamp is not accepted: this machine's clock is wrong."},
    Rule{20, Verdict::Rejected, "The method is unknown to OPPO."},
    Rule{21, Verdict::Rejected, "The method is missing."},
    Rule{22, Verdict::Rejected, "The version is unknown to OPPO."},
    Rule{23, Verdict::Rejected, "The version is missing."},
    Rule{24, Verdict::Rejected, "The method or its version is not supported."},
    Rule{25, Verdict::Rejected, "The text is not UTF-8."},
    Rule{26, Verdict::CredentialBad, "This machine's IP address is on OPPO's black list."},
    Rule{27, Verdict::Misconfigured, "Access is denied to this app."},
    Rule{28, Verdict::CredentialBad, "The app is disabled at OPPO."},
    Rule{29, Verdict::AuthStale, "The access token did not reach OPPO."},
    Rule{30, Verdict::Misconfigured, "The app has no permission for this API."},
    Rule{31, Verdict::Rejected, "OPPO found no data."},
    Rule{kDuplicate, Verdict::Rejected, "OPPO calls it the repeat of a message, but it is sent for the first time."},
    Rule{kMessageQuota, Verdict::Throttled, "The app's messages of this day are used up.", true},
    Rule{kUploadQuota, Verdict::Throttled, "The app's uploads of this day are used up.", true},
    Rule{40, Verdict::Rejected, "An argument is missing."},
    Rule{41, Verdict::Rejected, "An argument is illegal."},
    Rule{51, Verdict::Rejected, "The picture cannot be used."},
    Rule{54, Verdict::Misconfigured, "The private message template's id is missing."},
    Rule{55, Verdict::Throttled, "The app sends faster than OPPO allows."},
    Rule{59, Verdict::Misconfigured, "The app has no permission for this kind of message."},
    Rule{67, Verdict::Misconfigured, "The category or notify_level is not valid for this app."},
    Rule{10000, Verdict::TokenGone, "The registration id is malformed or belongs to another app."},
    Rule{10001, Verdict::TokenGone, "The registration id has unsubscribed."},
    Rule{10002, Verdict::Rejected, "The alias is invalid."},
    Rule{10003, Verdict::Rejected, "The alias has unsubscribed."},
    Rule{10004, Verdict::Accepted, "The registration id stood twice in one request and was reached once."},
    Rule{10005, Verdict::Accepted, "The alias stood twice in one request and was reached once."},
};
static_assert(std::ranges::is_sorted(kRules, {}, &Rule::code));

/// Null for a code that OPPO's pages did not have.
constexpr const Rule* rule_for(std::int64_t code) noexcept {
  const auto rule = std::ranges::lower_bound(kRules, code, {}, &Rule::code);
  return rule != kRules.end() && rule->code == code ? &*rule : nullptr;
}

}  // namespace nightpost::oppo
