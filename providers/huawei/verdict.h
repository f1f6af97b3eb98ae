// What each of Huawei's codes asks us to do. Source: Huawei, Push Kit REST API.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "core/verdict.h"
#include "providers/receipt.h"

namespace nightpost::huawei {

struct Rule {
  std::string_view code;
  Verdict verdict;
  std::string_view meaning;
  bool rest_of_day = false;
};

inline constexpr std::string_view kPartial = "80100000";           // split by the JSON inside msg
inline constexpr std::string_view kAllTokensInvalid = "80300007";  // by its reasons, where it gives any
inline constexpr std::string_view kNoPermission = "80300002";      // of several tokens it may mean one: reply.cpp

inline constexpr std::array kRules = {
    Rule{"80000000", Verdict::Accepted, "Huawei took it."},
    Rule{"80100000", Verdict::Suppressed,
         "Huawei took it for some tokens and does not say for which: nothing is removed, and nothing sent again."},
    Rule{"80100001", Verdict::Rejected, "A parameter is wrong."},
    Rule{"80100002", Verdict::Rejected, "A synchronous message takes one token."},
    Rule{"80100003", Verdict::Rejected, "The request's structure is wrong."},
    Rule{"80100004", Verdict::Rejected, "The time to live is wrong or past."},
    Rule{"80100013", Verdict::Rejected, "collapse_key is wrong."},
    Rule{"80100016", Verdict::Rejected, "The content has sensitive words."},
    Rule{"80100017", Verdict::Throttled, "More than 100 sends to topics at once."},
    Rule{"80100018", Verdict::Rejected, "The signature of the reviewed body is wrong."},
    Rule{"80100022", Verdict::Rejected, "The image is not verified."},
    Rule{"80200001", Verdict::AuthStale, "The access token is missing, wrong or of another app."},
    Rule{"80200003", Verdict::AuthStale, "The access token has ended."},
    Rule{"80200005", Verdict::AuthStale, "The signed token has ended or is invalid; the clock may be wrong."},
    Rule{kNoPermission, Verdict::CredentialBad,
         "No permission: the app or project in the address is wrong, or a token is of another app."},
    // A throttled device or a wrong setup answers so as well. Tokens go only where the same answer, or a receipt,
    // proves the credential right.
    Rule{"80300007", Verdict::TokenSuspect, "All tokens of the request are invalid."},
    Rule{"80300008", Verdict::Rejected, "The body is larger than 4096 bytes."},
    Rule{"80300010", Verdict::Rejected, "The number of tokens is wrong, or message or token is missing."},
    Rule{"80300011", Verdict::CredentialBad, "The app has no right to messages of high priority."},
    Rule{"80300013", Verdict::Rejected, "receipt_id names no receipt URL that is configured at Huawei."},
    Rule{"80300029", Verdict::Throttled, "The day's test messages are used up.", true},
    Rule{"80300030", Verdict::Rejected, "Too many tokens for a test message."},
    Rule{"80300036", Verdict::CredentialBad, "The signed token is valid for more than a day."},
    Rule{"80300037", Verdict::CredentialBad, "Huawei has penalised the app."},
    Rule{"80600003", Verdict::Transient, "Huawei's OAuth service failed."},
    Rule{"81000001", Verdict::Transient, "Huawei's server had an internal error."},
    Rule{"82000001", Verdict::Rejected, "A topic or group is wrong."},
    Rule{"82000002", Verdict::Rejected, "A topic or group is wrong."},
    Rule{"82000003", Verdict::Rejected, "A topic or group is wrong."},
    Rule{"82000004", Verdict::Rejected, "A topic or group is wrong."},
    Rule{"82000005", Verdict::Rejected, "A topic or group is wrong."},
    Rule{"82000006", Verdict::Rejected, "A topic or group is wrong."},
    Rule{"82000007", Verdict::Rejected, "A topic or group is wrong."},
    Rule{"82000008", Verdict::Rejected, "A topic or group is wrong."},
    Rule{"82000009", Verdict::Rejected, "More than 2000 topics."},
    Rule{"82000010", Verdict::Rejected, "A topic or group is wrong."},
    Rule{"82000011", Verdict::Rejected, "A topic or group is wrong."},
    Rule{"82000012", Verdict::CredentialBad, "No data storage location is chosen in Huawei's console."},
    Rule{"82000013", Verdict::CredentialBad, "The data storage location in Huawei's console does not match."},
};
static_assert(std::ranges::is_sorted(kRules, {}, &Rule::code));

/// v3's reasons for single tokens of a partial success. Any other: Suppressed, and the token stays.
inline constexpr std::array kTokenReasons = {
    // The others of the request were taken, so the lane stays open for them: Misconfigured where a right is missing.
    Rule{"appinfoError", Verdict::Misconfigured, "The app's details at Huawei do not allow it."},
    Rule{"atomicUnableSendUnsubscribedMsg", Verdict::Suppressed, "The user has not subscribed to such messages."},
    Rule{"countryNotSupport", Verdict::Suppressed, "Huawei does not serve the device's country."},
    Rule{"differentImgVerifyPolicy", Verdict::Rejected, "The image does not pass the device's policy."},
    Rule{"disableSendHuaweiMsgBecauseOfPenalty", Verdict::CredentialBad, "Huawei has penalised the app."},
    Rule{"noPushTypeRight", Verdict::Misconfigured, "The app lacks the right to this type of push."},
    Rule{"noRight", Verdict::TokenSuspect, "The token's app is not in this project."},
    Rule{"noRightToSendThisLiveNotificationEvent", Verdict::Misconfigured, "The app lacks the right to this event."},
    Rule{"notSupportPlayVoice", Verdict::Misconfigured, "The app lacks the right to play voice."},
    Rule{"tokenFormatError", Verdict::TokenGone, "The token is malformed."},
    Rule{"tokenPlatformNotSupport", Verdict::TokenGone, "The token is of another platform than this api's."},
};
static_assert(std::ranges::is_sorted(kTokenReasons, {}, &Rule::code));

/// Null for a code that is not in the table.
template <std::size_t N>
constexpr const Rule* rule_for(const std::array<Rule, N>& rules, std::string_view code) noexcept {
  const auto rule = std::ranges::lower_bound(rules, code, {}, &Rule::code);
  return rule != rules.end() && rule->code == code ? &*rule : nullptr;
}

/// What a status says where no code is known. `heard`: there was a code, if one unknown to us; then a 200 is a refusal.
/// Without one nobody knows what became of it, and a proxy may have said it.
constexpr Verdict verdict_for_status(int status, bool heard) noexcept {
  if (status >= 200 && status < 300) return heard ? Verdict::Rejected : Verdict::Transient;
  if (status >= 300 && status < 400) return Verdict::Misconfigured;  // Huawei does not redirect: some other server does
  switch (status) {
    case 401:
    case 403:
      return heard ? Verdict::CredentialBad : Verdict::Transient;
    case 404:
      return heard ? Verdict::Rejected : Verdict::Transient;
    case 407:
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

struct ReceiptRule {
  std::int64_t status;
  Receipt::Kind kind;
  std::string_view meaning;
};

/// §3.8. Any other: Undelivered.
inline constexpr std::array kReceiptRules = {
    ReceiptRule{0, Receipt::Kind::Delivered, "Delivered."},
    ReceiptRule{2, Receipt::Kind::TokenGone, "The app was removed from the device."},
    ReceiptRule{5, Receipt::Kind::TokenGone, "The token is not on this device any more."},
    ReceiptRule{6, Receipt::Kind::Undelivered, "The user has switched notifications off."},
    ReceiptRule{10, Receipt::Kind::Undelivered, "The device has been inactive for 30 days."},
    ReceiptRule{14, Receipt::Kind::Undelivered, "Huawei gives no reason."},
    ReceiptRule{15, Receipt::Kind::Undelivered, "Replaced or dropped while the device was offline."},
    ReceiptRule{22, Receipt::Kind::Undelivered, "Another user or profile is active on the device."},
    ReceiptRule{27, Receipt::Kind::Undelivered, "Kept for later as a background message."},
    ReceiptRule{31, Receipt::Kind::Undelivered, "The page that a tap should open does not exist."},
    ReceiptRule{51, Receipt::Kind::Undelivered, "The device has not been unlocked since it started."},
    ReceiptRule{102, Receipt::Kind::Undelivered, "Too many pushes to this device."},
    ReceiptRule{144, Receipt::Kind::Undelivered, "The profile does not exist."},
    ReceiptRule{151, Receipt::Kind::Undelivered, "Not shown."},
    ReceiptRule{155, Receipt::Kind::Undelivered, "The live view has a problem."},
    ReceiptRule{156, Receipt::Kind::Undelivered, "The live view has a problem."},
    ReceiptRule{158, Receipt::Kind::Undelivered, "The live view has a problem."},
    ReceiptRule{188, Receipt::Kind::Undelivered, "The notification or badge could not be shown."},
    ReceiptRule{191, Receipt::Kind::Undelivered, "The notification or badge could not be shown."},
    ReceiptRule{256, Receipt::Kind::Undelivered, "Too many pushes to this device."},
    ReceiptRule{259, Receipt::Kind::Undelivered, "The content or a URL in it was refused."},
    ReceiptRule{261, Receipt::Kind::Undelivered, "The form has a problem."},
    ReceiptRule{262, Receipt::Kind::Undelivered, "The form has a problem."},
    ReceiptRule{264, Receipt::Kind::Undelivered, "The user has not subscribed."},
    ReceiptRule{265, Receipt::Kind::Undelivered, "The live view has a problem."},
    ReceiptRule{268, Receipt::Kind::Undelivered, "The live view has a problem."},
    ReceiptRule{269, Receipt::Kind::Undelivered, "The live view has a problem."},
};
static_assert(std::ranges::is_sorted(kReceiptRules, {}, &ReceiptRule::status));

}  // namespace nightpost::huawei
