// What routes take in their query and body, but for those of the companion. For routes.cpp alone.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "admin/members.h"
#include "store/store.h"

namespace nightpost::admin {

inline constexpr std::int64_t kFileTextMax = 350'000;  // Base64 of the longest secret that the store takes
inline constexpr std::int64_t kPemTextMax = 262'144;
inline constexpr std::int64_t kFilterItemsMax = 100;
inline constexpr std::int64_t kBadgeMax = std::numeric_limits<std::int32_t>::max();
inline constexpr std::string_view kVendorWords = "apns|fcm|huawei|honor|xiaomi|oppo|vivo|meizu";
inline constexpr std::string_view kRoleWords = "viewer|sender|operator|admin";

inline constexpr Member kAppAsked{"app", Member::Is::Integer, "only this app's", false, false, 1, INT64_MAX};
inline constexpr Member kAppWanted{"app", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX};
inline constexpr Member kUserWanted{"user", Member::Is::Text, "user id", true, false, 0, 255};
inline constexpr Member kLimit{"limit", Member::Is::Integer, "items, 100 where left out", false, false, 1, 1'000};

inline constexpr Member kLoginBody[] = {
    {"token", Member::Is::Text, "an API token", false, true, 0, 128},
    {"link", Member::Is::Text, "the code of a one-time link", false, true, 0, 128},
};

inline constexpr Member kAppQuery[] = {kAppAsked};
inline constexpr Member kUserQuery[] = {kAppWanted, kUserWanted};

#define CERTIFICATE_MEMBERS                                                                                             \
  {"bundle_id", Member::Is::Text, "the app's bundle id or package name", false, true, 0, 255},                          \
      {"environment", Member::Is::Text, "of APNs", false, true, 0, 64, "production|development"},                       \
      {"file", Member::Is::Text, "Base64 of a .p8, a .p12, a service account", false, true, 0, kFileTextMax},           \
      {"secret", Member::Is::Text, "a secret that is a line of text", false, true},                                     \
      {"password", Member::Is::Text, "of the .p12", false, true, 0, 1'024},                                             \
      {"key_id", Member::Is::Text, "of the .p8", false, true, 0, 64},                                                   \
      {"team_id", Member::Is::Text, "of the .p8", false, true, 0, 64},                                                  \
      {"receipt_key", Member::Is::Text, "what receipts are verified by; random where left out", false, true, 0, 1'024}, \
      {"host", Member::Is::Text, "https://host:port instead of the vendor's own", false, true, 0, 512},                 \
      {"ca", Member::Is::Text, "PEM: trust anchor for host", false, true, 0, kPemTextMax},                              \
      {"settings", Member::Is::Options, "as GET /v1/vendors names them", false, true, 0, 64}

inline constexpr Member kCertificateBody[] = {
    {"app_id", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"vendor", Member::Is::Text, "whose", true, false, 0, 32, kVendorWords},
    {"name", Member::Is::Text, "letters, digits, '-', '_', '.'", true, false, 0, 64},
    CERTIFICATE_MEMBERS,
};
inline constexpr Member kCertificateChange[] = {
    {"name", Member::Is::Text, "letters, digits, '-', '_', '.'", false, true, 0, 64},
    CERTIFICATE_MEMBERS,
    {"new_receipt_key", Member::Is::Flag, "a new random one; the vendor must be told it", false, true},
    {"of_version", Member::Is::Integer, "which this edit was made of; 409 where another is in use", false, true, 1,
     INT64_MAX},
};
#undef CERTIFICATE_MEMBERS

inline constexpr Member kVerifyQuery[] = {
    {"verify", Member::Is::Flag, "ask the vendor first; what it refuses, or does not answer, is not stored"},
};

inline constexpr Member kRollBackBody[] = {
    {"version", Member::Is::Integer, "which is to be used again", true, false, 1, INT64_MAX},
};
inline constexpr Member kApproveBody[] = {
    {"for_ms", Member::Is::Integer, "how long dead tokens are removed, however many; an hour where left out", false,
     true, store::kApprovalMin.count(), store::kApprovalMax.count()},
};

inline constexpr Member kDevicesQuery[] = {
    kAppAsked,
    {"user", Member::Is::Text, "only this user's", false, false, 0, 255},
    {"device", Member::Is::Text, "only this device", false, false, 0, 255},
    {"token", Member::Is::Text, "how the token begins, at least 6 characters", false, false, 0, 4'096},
    kLimit,
};
inline constexpr Member kDeviceBody[] = {
    {"app_id", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"user_id", Member::Is::Text, "whose", true, false, 0, 255},
    {"device_id", Member::Is::Text, "the phone", true, false, 0, 255},
    {"certificate_id", Member::Is::Integer, "what its app reports", true, false, 1, INT64_MAX},
    {"token", Member::Is::Text, "the vendor's", true},
    {"token_kind", Member::Is::Text, "fid: of FCM alone; voip: of APNs, for calls", false, true, 0, 16,
     "token|fid|voip"},
    {"platform", Member::Is::Text, "by the vendor where left out", false, true, 0, 32,
     "ios|android|web|mini_program|desktop"},
    {"state", Member::Is::Text, "offline where left out", false, true, 0, 32,
     "foreground|background|offline|logged_out"},
    {"badge_base", Member::Is::Integer, "what its icon shows", false, true, 0, kBadgeMax},
    {"language", Member::Is::Text, "zh, en, …", false, true, 0, 35},
};
inline constexpr Member kDeviceQuery[] = {
    kAppWanted, kUserWanted, {"device", Member::Is::Text, "device id", true, false, 0, 255}};

inline constexpr Member kImportQuery[] = {
    {"from_line", Member::Is::Integer, "the number of the first line, 1 where left out", false, false, 1, INT64_MAX},
    {"dry_run", Member::Is::Flag, "check every line and write nothing"},
};
inline constexpr Member kExportQuery[] = {
    kAppAsked,
    {"after_user", Member::Is::Text, "of `next` of the page before", false, false, 0, 255},
    {"after_app", Member::Is::Integer, "likewise", false, false, 0, INT64_MAX},
    {"after_device", Member::Is::Text, "likewise, of devices", false, false, 0, 255},
    {"limit", Member::Is::Integer, "rows, 1000 where left out", false, false, 1, 10'000},
};

inline constexpr Member kUserBody[] = {
    {"push", Member::Is::Flag, "whether anything is pushed"},
    {"badge", Member::Is::Flag, "whether unread messages are counted on the icon"},
    {"language", Member::Is::Text, "zh, en, …; empty: the tenant's", false, false, 0, 35},
    {"sound_c2c", Member::Is::Text, "file for one-to-one messages; empty: default", false, false, 0, 255},
    {"sound_group", Member::Is::Text, "file for group messages; empty: default", false, false, 0, 255},
};
inline constexpr Member kMuteBody[] = {
    {"kind", Member::Is::Text, "what is silent", true, false, 0, 16, "all|peer|group"},
    {"target", Member::Is::Text, "the peer or the group; none of all", false, true, 0, 255},
    {"until", Member::Is::Time, "null: for good", false, true},
    {"unless_mentioned", Member::Is::Flag, "a message that mentions the user still comes", false, true},
};
inline constexpr Member kMuteQuery[] = {
    kAppWanted,
    kUserWanted,
    {"kind", Member::Is::Text, "what is silent", true, false, 0, 16, "all|peer|group"},
    {"target", Member::Is::Text, "the peer or the group; none of all", false, false, 0, 255},
};

inline constexpr Member kDecisionQuery[] = {
    kAppWanted,
    kUserWanted,
    {"from", Member::Is::Text, "sender's user id, nightpost where left out", false, false, 1, 255},
    {"group", Member::Is::Text, "the group it is written in; one to one where left out", false, false, 0, 255},
    {"kind", Member::Is::Text, "message where left out", false, false, 0, 16, "message|call|badge"},
    {"mentioned", Member::Is::Flag, "it mentions the user"},
};

inline constexpr Member kEventQuery[] = {
    {"event", Member::Is::Text, "its id; in the query, for paths fold \"..\"", true, false, 1, 255},
    {"user", Member::Is::Text, "only this receiver", false, false, 0, 255},
    {"device", Member::Is::Text, "only this device", false, false, 0, 255},
};
inline constexpr Member kUserEventsQuery[] = {
    kAppWanted,
    kUserWanted,
    {"since", Member::Is::Time, "24 hours ago where left out"},
    {"limit", Member::Is::Integer, "events, 50 where left out", false, false, 1, 1'000},
};

inline constexpr Member kLiveQuery[] = {
    kAppAsked,
    {"vendor", Member::Is::Text, "of the push", false, false, 0, 32, kVendorWords},
    {"outcome", Member::Is::Text, "accepted, dead, …", false, false, 0, 32},
    {"rule", Member::Is::Text, "what decided", false, false, 0, 64},
    {"user", Member::Is::Text, "only this receiver's", false, false, 0, 255},
    {"event", Member::Is::Text, "only of this event", false, false, 0, 255},
    {"after", Member::Is::Integer, "`next` of the look before; the latest where left out", false, false, 0, INT64_MAX},
    kLimit,
};

inline constexpr Member kWorkersQuery[] = {
    {"again", Member::Is::Flag, "of a page that looks again and again: it keeps no session alive"},
};

inline constexpr Member kPushBody[] = {
    {"app_id", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"user_id", Member::Is::Text, "whose devices", true, false, 0, 255},
    {"device_id", Member::Is::Text, "only this one", false, true, 0, 255},
    {"dry_run", Member::Is::Flag, "show the exact request, send nothing", false, true},
    {"title", Member::Is::Text, "the tenant's default title where left out", false, true},
    {"subtitle", Member::Is::Text, "a second title line, on Apple's phones and OPPO's", false, true},
    {"desc", Member::Is::Text, "the text", false, true},
    {"ext", Member::Is::Text, "what the app finds under ext", false, true},
    {"sound", Member::Is::Text, "of Apple's phones: a file, default, or none", false, true, 0, 255},
    {"badge", Member::Is::Integer, "the number on the icon", false, true, 0, kBadgeMax},
    {"badge_only", Member::Is::Flag, "set that number and show nothing", false, true},
    {"call", Member::Is::Flag, "ring as a call", false, true},
    {"priority", Member::Is::Text, "of the message", false, true, 0, 16, "high|normal|low|lowest"},
    {"channel", Member::Is::Text, "android: instead of the certificate's", false, true, 0, 255},
    {"category", Member::Is::Text, "apns: the app's set of buttons", false, true, 0, 255},
    {"interruption_level", Member::Is::Text, "of apns", false, true, 0, 32, "passive|active|time-sensitive|critical"},
    {"image", Member::Is::Text, "https URL of a picture", false, true, 0, 2'048},
    {"ttl_s", Member::Is::Integer, "seconds the vendor keeps it", false, true, 1, 2'419'200},
    {"from", Member::Is::Text, "sender's user id, for mutes", false, true, 0, 255},
};

inline constexpr Member kLettersQuery[] = {
    kAppAsked,
    {"vendor", Member::Is::Text, "of the push that failed first"},
    {"rule", Member::Is::Text, "why: credential_bad, …"},
    {"code", Member::Is::Text, "the vendor's word"},
    {"stage", Member::Is::Text, "decode, resolve, plan or deliver"},
    {"event", Member::Is::Text, "event id"},
    {"user", Member::Is::Text, "receiver who is left", false, false, 0, 255},
    {"since", Member::Is::Time, "written since"},
    {"until", Member::Is::Time, "written before"},
    {"state", Member::Is::Text, "open where left out", false, false, 0, 16, "open|all"},
    kLimit,
};
inline constexpr Member kLettersBody[] = {
    {"apps", Member::Is::Apps, "of these apps", false, true, 0, kFilterItemsMax},
    {"vendors", Member::Is::Texts, "of the push that failed first", false, true, 0, kFilterItemsMax},
    {"rules", Member::Is::Texts, "why", false, true, 0, kFilterItemsMax},
    {"codes", Member::Is::Texts, "the vendor's words", false, true, 0, kFilterItemsMax},
    {"stages", Member::Is::Texts, "decode, resolve, plan, deliver", false, true, 0, kFilterItemsMax},
    {"events", Member::Is::Texts, "event ids", false, true, 0, kFilterItemsMax},
    {"users", Member::Is::Texts, "receivers who are left", false, true, 0, kFilterItemsMax},
    {"since", Member::Is::Time, "written since", false, true},
    {"until", Member::Is::Time, "written before", false, true},
    {"limit", Member::Is::Integer, "letters, 1000 where left out", false, true, 1, 1'000'000},
    {"everything", Member::Is::Flag, "where no filter is given: all letters", false, true},
    {"dry_run", Member::Is::Flag, "count and write nothing", false, true},
};

inline constexpr Member kTokenBody[] = {
    {"name", Member::Is::Text, "letters, digits, '-', '_', '.', '@'", true, false, 0, 64},
    {"role", Member::Is::Text, "what it may do", true, false, 0, 16, kRoleWords},
    {"reader", Member::Is::Flag, "and reads private messages of the companion", false, true},
    {"apps", Member::Is::Apps, "for which; all where left out", false, true, 0, 100},
    {"expires_at", Member::Is::Time, "null: never", false, true},
};
inline constexpr Member kAuditQuery[] = {
    kAppAsked,
    {"who", Member::Is::Text, "a name", false, false, 0, 64},
    {"what", Member::Is::Text, "how the deed begins: certificate.", false, false, 0, 64},
    {"since", Member::Is::Time, "from then on"},
    {"until", Member::Is::Time, "before"},
    {"before", Member::Is::Integer, "the next of the page before", false, false, 0, INT64_MAX},
    kLimit,
};

}  // namespace nightpost::admin
