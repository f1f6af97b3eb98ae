// What each of Meizu's codes asks us to do. The same number means one thing for a request and another for one of its
// push ids (110010), so there are two tables. Source: spec §5.5.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/verdict.h"

namespace nightpost::meizu {

struct Rule {
  std::int64_t code;
  Verdict verdict;
  std::string_view meaning;  // plain English, one sentence, for ops
  bool rest_of_day = false;
};

inline constexpr std::int64_t kProcessed = 200;
inline constexpr std::int64_t kOtherError = 500;  // Rejected where its message speaks of parameters: reply.cpp

/// The answer's own code.
inline constexpr std::array kRequestRules = {
    Rule{-1, Verdict::Transient, "Meizu had an unknown error."},
    Rule{kProcessed, Verdict::Accepted, "Meizu took it."},
    Rule{300, Verdict::Transient, "Meizu wants the request repeated at another address."},
    Rule{kOtherError, Verdict::Transient, "Meizu had some other error."},
    Rule{1001, Verdict::Transient, "Meizu had a system error."},
    Rule{1003, Verdict::Transient, "Meizu's server is busy."},
    Rule{1005, Verdict::Rejected, "A parameter is wrong."},
    Rule{1006, Verdict::CredentialBad, "The signature is wrong: another AppSecret than the app's."},
    Rule{110000, Verdict::CredentialBad, "The app id is wrong."},
    Rule{110001, Verdict::CredentialBad, "The app key is wrong."},
    Rule{110002, Verdict::TokenGone, "The push id is not subscribed."},
    Rule{110003, Verdict::TokenGone, "The push id is illegal."},
    Rule{110004, Verdict::Rejected, "A parameter is empty."},
    Rule{110009, Verdict::CredentialBad, "The app is on Meizu's black list."},
    Rule{110010, Verdict::Throttled, "Too many requests of the app."},
    Rule{110019, Verdict::Throttled, "The app's pushes of the day are used up.", true},
    Rule{110031, Verdict::Misconfigured, "The package name is wrong."},
    Rule{110032, Verdict::Rejected, "The task id is wrong."},
    Rule{110033, Verdict::CredentialBad, "The app secret is wrong."},
    Rule{110051, Verdict::Throttled, "The app's pushes of the day are used up.", true},
    Rule{110053, Verdict::Misconfigured, "The app may not send pass-through messages."},
};
static_assert(std::ranges::is_sorted(kRequestRules, {}, &Rule::code));

/// The keys of `value`: one push id each.
inline constexpr std::array kTargetRules = {
    Rule{201, Verdict::Misconfigured,
         "Refused: the app has no permission for such messages; private ones must be granted by Meizu."},
    Rule{501, Verdict::Transient, "Meizu's database had an error."},
    Rule{513, Verdict::Transient, "Meizu could not push to the device."},
    Rule{518, Verdict::Throttled, "Too many pushes for Meizu."},
    Rule{519, Verdict::Throttled, "Meizu is overloaded."},
    Rule{520, Verdict::Suppressed, "Folded away: too many messages to the device within a minute."},
    Rule{110002, Verdict::TokenGone, "The push id is not subscribed."},
    Rule{110003, Verdict::TokenGone, "The push id is illegal."},
    Rule{110005, Verdict::TokenSuspect, "The alias is not subscribed or switched off."},
    Rule{110010, Verdict::Suppressed, "The user switched the app's messages off."},
    Rule{110011, Verdict::Suppressed, "The device has had its public messages of the day."},
};
static_assert(std::ranges::is_sorted(kTargetRules, {}, &Rule::code));

/// Null for a code that Meizu's list did not have yet.
constexpr const Rule* rule_for(std::span<const Rule> rules, std::int64_t code) noexcept {
  const auto rule = std::ranges::lower_bound(rules, code, {}, &Rule::code);
  return rule != rules.end() && rule->code == code ? &*rule : nullptr;
}

}  // namespace nightpost::meizu
