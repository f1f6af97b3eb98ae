// What each of Xiaomi's codes asks us to do. Source: Xiaomi, "error codes"; codes whose meaning nobody recorded are
// Transient, and asked once more.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "core/verdict.h"

namespace nightpost::xiaomi {

struct Rule {
  std::int64_t first;
  std::int64_t last;  // the same as first, or the end of a run of codes that mean the same
  Verdict verdict;
  std::string_view meaning;  // plain English, one sentence, for ops
  bool rest_of_day = false;
};

constexpr Rule one(std::int64_t code, Verdict verdict, std::string_view meaning, bool rest_of_day = false) {
  return {code, code, verdict, meaning, rest_of_day};
}

inline constexpr std::int64_t kAccepted = 0;
inline constexpr std::int64_t kNoTarget = 20301;  // what it says depends on how many were asked: reply.cpp

inline constexpr std::int64_t kPublicQuota = 200001;  // rests the push's own class, and not the credential

inline constexpr std::string_view kUnrecorded = "A code of Xiaomi's list whose meaning is not published.";
inline constexpr std::string_view kBadParameter = "A parameter is missing, illegal or too long.";

inline constexpr std::array kRules = {
    one(-1, Verdict::Transient, "Xiaomi had an unknown error."),
    one(kAccepted, Verdict::Accepted, "Xiaomi took it."),
    one(1, Verdict::Transient, "Xiaomi had an unknown error."),
    one(10001, Verdict::Transient, "Xiaomi had a system error."),
    one(10002, Verdict::Transient, "Xiaomi's service is suspended."),
    one(10003, Verdict::Transient, "A service behind Xiaomi's had an error."),
    one(10004, Verdict::Throttled, "Too many requests from this address."),
    one(10005, Verdict::Misconfigured, "The app has no permission for this."),
    one(10008, Verdict::Rejected, kBadParameter),
    one(10009, Verdict::Transient, "Xiaomi's system is busy."),
    one(10010, Verdict::Transient, "A job at Xiaomi took too long."),
    one(10011, Verdict::Transient, "A call inside Xiaomi failed."),
    one(10012, Verdict::Rejected, "The request is illegal."),
    one(10014, Verdict::Misconfigured, "The app has no permission for this interface."),
    Rule{10016, 10018, Verdict::Rejected, kBadParameter},
    one(10022, Verdict::Throttled, "Too many requests from this address."),
    one(10023, Verdict::Throttled, "Too many requests of this user."),
    one(10024, Verdict::Throttled, "Too many requests of this user for a special interface."),
    one(10025, Verdict::Rejected, kBadParameter),
    one(10026, Verdict::CredentialBad, "The app is on Xiaomi's black list."),
    one(10027, Verdict::Throttled, "Too many calls of this interface by the app."),
    one(10028, Verdict::Throttled, "The feedback interface is called too often."),
    one(10029, Verdict::TokenSuspect, "The device is illegal to Xiaomi."),
    one(10030, Verdict::Throttled, "Broadcasts are sent too often."),
    one(10031, Verdict::CredentialBad, "The app is on Xiaomi's black list."),
    one(10032, Verdict::Throttled, "Too many requests of the app."),
    one(10033, Verdict::Transient, kUnrecorded),
    one(10034, Verdict::Throttled, "Too many messages today.", true),
    one(10035, Verdict::Transient, kUnrecorded),
    one(10036, Verdict::Misconfigured, "The operation is forbidden to this app."),
    one(10037, Verdict::Transient, "Something expired; Xiaomi does not say what."),
    one(10038, Verdict::Misconfigured, "The app may not read statistics."),
    one(10039, Verdict::Throttled, "Too many requests."),
    one(20209, Verdict::Transient, kUnrecorded),
    Rule{20215, 20216, Verdict::Transient, kUnrecorded},
    one(kNoTarget, Verdict::TokenSuspect, "No registration id of the request is valid."),
    one(20315, Verdict::Transient, kUnrecorded),
    one(20607, Verdict::Transient, "Xiaomi's database had an error."),
    one(21301, Verdict::CredentialBad, "The AppSecret is wrong (often the AppKey in its place), or of another region."),
    one(21302, Verdict::CredentialBad, "Xiaomi refuses the app's credential."),
    one(21303, Verdict::CredentialBad, "The app is restricted by Xiaomi."),
    one(21305, Verdict::Rejected, kBadParameter),
    one(22000, Verdict::CredentialBad, "The app is illegal to Xiaomi."),
    one(22001, Verdict::CredentialBad, "The app does not exist at Xiaomi."),
    one(22002, Verdict::CredentialBad, "The app was withdrawn at Xiaomi."),
    one(22006, Verdict::CredentialBad, "The app id is wrong."),
    one(22007, Verdict::CredentialBad, "The app key is wrong."),
    one(22008, Verdict::CredentialBad, "The app secret is wrong."),
    one(22022, Verdict::Misconfigured, "The package name does not belong to the app."),
    one(22100, Verdict::Rejected, "The notification's format is wrong."),
    one(22101, Verdict::Rejected, "Too many notifications in one request."),
    one(22102, Verdict::Transient, "Xiaomi could not send the notification."),
    one(22103, Verdict::Rejected, "The notify id is wrong."),
    one(26003, Verdict::Transient, "A call inside Xiaomi failed."),
    one(26004, Verdict::Throttled, "Too many calls of this interface."),
    one(26005, Verdict::Transient, kUnrecorded),
    one(26006, Verdict::Misconfigured, "The app has no permission for this."),
    one(27001, Verdict::Misconfigured, "The channel id is missing or not one of the app's."),
    // No sign against the token: it is there again when the phone is.
    one(65003, Verdict::Suppressed, "The device is not found, as a rule because it is off line."),
    Rule{65006, 65008, Verdict::Rejected, kBadParameter},
    one(65009, Verdict::Rejected, "Title, text or payload is too long."),
    Rule{65010, 65013, Verdict::Rejected, kBadParameter},
    one(65014, Verdict::Rejected, "More than ten extra pairs."),
    one(65015, Verdict::Rejected, "The extra pairs are too long together."),
    Rule{65016, 65017, Verdict::Rejected, kBadParameter},
    one(65028, Verdict::Rejected, kBadParameter),
    one(65029, Verdict::Transient, "A service behind Xiaomi's had an error."),
    one(65030, Verdict::Rejected, kBadParameter),
    one(65035, Verdict::Rejected, kBadParameter),
    one(65036, Verdict::Rejected, "The receipt parameter is too long."),
    Rule{65037, 65038, Verdict::Rejected, "The receipt URL is illegal or too long."},
    one(65039, Verdict::Rejected, kBadParameter),
    one(65040, Verdict::Transient, kUnrecorded),  // in both lists of the spec; not recorded is the careful reading
    one(65041, Verdict::Rejected, kBadParameter),
    one(kPublicQuota, Verdict::Throttled,
        "The day's quota of public messages is used up; messages of a private class have none.", true),
    one(200002, Verdict::Throttled, "Too many requests a second."),
};
static_assert(std::ranges::is_sorted(kRules, {}, &Rule::first));
static_assert(std::ranges::adjacent_find(kRules, [](const Rule& a, const Rule& b) { return a.last >= b.first; }) ==
              kRules.end());

/// Null for a code that Xiaomi's list did not have yet.
constexpr const Rule* rule_for(std::int64_t code) noexcept {
  const auto* const after = std::ranges::upper_bound(kRules, code, {}, &Rule::first);
  if (after == kRules.begin()) return nullptr;
  const Rule& rule = *std::prev(after);
  return code <= rule.last ? &rule : nullptr;
}

}  // namespace nightpost::xiaomi
