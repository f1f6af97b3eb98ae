// What each of vivo's codes asks us to do: one table for pushes and the token endpoint, one for the state of an id.
// Source: vivo's "server API" (page 362).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "core/verdict.h"

namespace nightpost::vivo {

struct Rule {
  std::int64_t first, last;  // codes, both inclusive
  Verdict verdict;
  std::string_view meaning;  // plain English, one sentence, for ops
  bool rest_of_day = false;  // Throttled only
};

inline constexpr std::int64_t kTokenIllegal = 10302;
inline constexpr std::int64_t kOutsideHours = 10071;
inline constexpr std::int64_t kListQuota = 10252;  // of saveListPayload, and not of single pushes: reply.cpp

inline constexpr std::array kRules = {
    Rule{0, 0, Verdict::Accepted, "vivo took it."},
    Rule{10000, 10000, Verdict::AuthStale, "The access token is unknown or has expired."},
    Rule{10050, 10050, Verdict::Rejected, "Neither a regId nor an alias was given."},
    Rule{10054, 10054, Verdict::Rejected, "notifyType is not valid."},
    Rule{10055, 10055, Verdict::Rejected, "The title is empty."},
    Rule{10056, 10056, Verdict::Rejected, "The title is too long."},
    Rule{10057, 10057, Verdict::Rejected, "The content is empty."},
    Rule{10058, 10058, Verdict::Rejected, "The content is too long."},
    Rule{10059, 10059, Verdict::Rejected, "timeToLive is not valid."},
    Rule{10060, 10060, Verdict::Rejected, "skipType is not valid."},
    Rule{10061, 10064, Verdict::Rejected, "skipContent is missing, too long or not valid."},
    Rule{10065, 10065, Verdict::Rejected, "networkType is not valid."},
    Rule{10066, 10067, Verdict::Rejected, "clientCustomMap is too long or not valid."},
    Rule{10068, 10069, Verdict::Rejected, "skipContent is not valid."},
    Rule{10070, 10070, Verdict::Throttled, "The app's messages of this day are used up.", true},
    Rule{10071, 10071, Verdict::Throttled, "Operation messages are taken from 07:00 to 23:00, China's time."},
    Rule{10072, 10072, Verdict::Throttled, "The app sends faster than vivo allows."},
    Rule{10093, 10093, Verdict::Throttled, "Access tokens were asked for too often."},
    Rule{10094, 10094, Verdict::CredentialBad, "The app_id is not that of the access token."},
    Rule{10096, 10096, Verdict::Misconfigured, "vivo does not know the category."},
    Rule{10097, 10097, Verdict::Misconfigured, "The category contradicts the classification."},
    Rule{10150, 10150, Verdict::Rejected, "The list names neither regIds nor aliases."},
    Rule{10151, 10151, Verdict::Rejected, "The list's taskId is missing."},
    Rule{10153, 10154, Verdict::Rejected, "A list needs 2 to 1000 ids."},
    Rule{10200, 10201, Verdict::CredentialBad, "appId, appKey, sign or timestamp is missing or wrong."},
    Rule{kListQuota, kListQuota, Verdict::Throttled, "The app's list messages of this day are used up.", true},
    Rule{10254, 10254, Verdict::Throttled, "The app's messages to everybody are used up for this day.", true},
    Rule{10301, 10301, Verdict::Rejected, "The alias is too long."},
    Rule{kTokenIllegal, kTokenIllegal, Verdict::TokenGone, "The regId is not, or no longer, one of this app."},
    Rule{10305, 10306, Verdict::Rejected, "The receipt URL or its parameter is too long."},
    Rule{10307, 10307, Verdict::Rejected, "The alias is not valid."},
    Rule{10352, 10353, Verdict::Rejected, "requestId is missing or too long."},
    Rule{10471, 10471, Verdict::Rejected, "The statistics' taskIds are not valid."},
    Rule{10473, 10473, Verdict::Rejected, "The statistics' taskIds are too many."},
    Rule{10600, 10699, Verdict::Rejected, "The tag is not valid."},
    Rule{11000, 11000, Verdict::Misconfigured, "The classification is not valid."},
};
static_assert(std::ranges::adjacent_find(kRules, [](const Rule& a, const Rule& b) {
                return a.last < a.first || b.last < b.first || b.first <= a.last;
              }) == kRules.end());

/// Null for a code that vivo's pages did not explain: 10045, 10073 and 10089 are seen too.
constexpr const Rule* rule_for(std::int64_t code) noexcept {
  const auto rule = std::ranges::lower_bound(kRules, code, {}, &Rule::last);
  return rule != kRules.end() && rule->first <= code ? &*rule : nullptr;
}

/// What invalidUser says of an id. A phone that was away for long comes back: that is no doubt about its regId.
struct Status {
  std::int64_t status;
  Verdict verdict;
  std::string_view meaning;
};
inline constexpr std::array kStatuses = {
    Status{1, Verdict::TokenGone, "The regId does not exist in this app."},
    Status{2, Verdict::TokenGone, "The app was removed, its data cleared, or the phone has unsubscribed."},
    Status{3, Verdict::Suppressed, "The phone was not active for 14 days."},
    Status{4, Verdict::Misconfigured, "The phone is no test device, and the certificate is for development."},
};

}  // namespace nightpost::vivo
