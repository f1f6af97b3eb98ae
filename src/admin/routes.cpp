#include "admin/routes.h"

#include <algorithm>

#include "admin/companion_members.h"
#include "admin/target.h"

namespace nightpost::admin {
namespace {

using Is = Member::Is;

constexpr std::int64_t kFileTextMax = 350'000;  // Base64 of the longest secret that the store takes
constexpr std::int64_t kPemTextMax = 262'144;
constexpr std::int64_t kFilterItemsMax = 100;
constexpr std::int64_t kBadgeMax = std::numeric_limits<std::int32_t>::max();
constexpr std::string_view kVendorWords = "apns|fcm|huawei|honor|xiaomi|oppo|vivo|meizu";
constexpr std::string_view kRoleWords = "viewer|sender|operator|admin";

constexpr Member kAppAsked{"app", Is::Integer, "only this app's", false, false, 1, INT64_MAX};
constexpr Member kAppWanted{"app", Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX};
constexpr Member kUserWanted{"user", Is::Text, "user id", true, false, 0, 255};
constexpr Member kLimit{"limit", Is::Integer, "items, 100 where left out", false, false, 1, 1'000};

constexpr Member kLoginBody[] = {
    {"token", Is::Text, "an API token", false, true, 0, 128},
    {"link", Is::Text, "the code of a one-time link", false, true, 0, 128},
};

constexpr Member kAppQuery[] = {kAppAsked};
constexpr Member kUserQuery[] = {kAppWanted, kUserWanted};

#define CERTIFICATE_MEMBERS                                                                                            \
  {"bundle_id", Is::Text, "the app's bundle id or package name", false, true, 0, 255},                                 \
      {"environment", Is::Text, "of APNs", false, true, 0, 64, "production|development"},                              \
      {"file", Is::Text, "Base64 of a .p8, a .p12, a service account", false, true, 0, kFileTextMax},                  \
      {"secret", Is::Text, "a secret that is a line of text", false, true},                                            \
      {"password", Is::Text, "of the .p12", false, true, 0, 1'024},                                                    \
      {"key_id", Is::Text, "of the .p8", false, true, 0, 64}, {"team_id", Is::Text, "of the .p8", false, true, 0, 64}, \
      {"receipt_key", Is::Text, "what receipts are verified by; random where left out", false, true, 0, 1'024},        \
      {"host", Is::Text, "https://host:port instead of the vendor's own", false, true, 0, 512},                        \
      {"ca", Is::Text, "PEM: trust anchor for host", false, true, 0, kPemTextMax},                                     \
      {"settings", Is::Options, "as GET /v1/vendors names them", false, true, 0, 64}

constexpr Member kCertificateBody[] = {
    {"app_id", Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"vendor", Is::Text, "whose", true, false, 0, 32, kVendorWords},
    {"name", Is::Text, "letters, digits, '-', '_', '.'", true, false, 0, 64},
    CERTIFICATE_MEMBERS,
};
constexpr Member kCertificateChange[] = {
    {"name", Is::Text, "letters, digits, '-', '_', '.'", false, true, 0, 64},
    CERTIFICATE_MEMBERS,
    {"new_receipt_key", Is::Flag, "a new random one; the vendor must be told it", false, true},
};
#undef CERTIFICATE_MEMBERS

constexpr Member kVerifyQuery[] = {
    {"verify", Is::Flag, "ask the vendor first; what it refuses, or does not answer, is not stored"},
};

constexpr Member kRollBackBody[] = {
    {"version", Is::Integer, "which is to be used again", true, false, 1, INT64_MAX},
};
constexpr Member kApproveBody[] = {
    {"for_ms", Is::Integer, "how long dead tokens are removed, however many; an hour where left out", false, true,
     store::kApprovalMin.count(), store::kApprovalMax.count()},
};

constexpr Member kDevicesQuery[] = {
    kAppAsked,
    {"user", Is::Text, "only this user's", false, false, 0, 255},
    {"device", Is::Text, "only this device", false, false, 0, 255},
    {"token", Is::Text, "how the token begins, at least 6 characters", false, false, 0, 4'096},
    kLimit,
};
constexpr Member kDeviceBody[] = {
    {"app_id", Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"user_id", Is::Text, "whose", true, false, 0, 255},
    {"device_id", Is::Text, "the phone", true, false, 0, 255},
    {"certificate_id", Is::Integer, "what its app reports", true, false, 1, INT64_MAX},
    {"token", Is::Text, "the vendor's", true},
    {"token_kind", Is::Text, "fid: of FCM alone; voip: of APNs, for calls", false, true, 0, 16, "token|fid|voip"},
    {"platform", Is::Text, "by the vendor where left out", false, true, 0, 32, "ios|android|web|mini_program|desktop"},
    {"state", Is::Text, "offline where left out", false, true, 0, 32, "foreground|background|offline|logged_out"},
    {"badge_base", Is::Integer, "what its icon shows", false, true, 0, kBadgeMax},
    {"language", Is::Text, "zh, en, …", false, true, 0, 35},
};
constexpr Member kDeviceQuery[] = {kAppWanted, kUserWanted, {"device", Is::Text, "device id", true, false, 0, 255}};

constexpr Member kImportQuery[] = {
    {"from_line", Is::Integer, "the number of the first line, 1 where left out", false, false, 1, INT64_MAX},
    {"dry_run", Is::Flag, "check every line and write nothing"},
};
constexpr Member kExportQuery[] = {
    kAppAsked,
    {"after_user", Is::Text, "of `next` of the page before", false, false, 0, 255},
    {"after_app", Is::Integer, "likewise", false, false, 0, INT64_MAX},
    {"after_device", Is::Text, "likewise, of devices", false, false, 0, 255},
    {"limit", Is::Integer, "rows, 1000 where left out", false, false, 1, 10'000},
};

constexpr Member kUserBody[] = {
    {"push", Is::Flag, "whether anything is pushed"},
    {"badge", Is::Flag, "whether unread messages are counted on the icon"},
    {"language", Is::Text, "zh, en, …; empty: the tenant's", false, false, 0, 35},
    {"sound_c2c", Is::Text, "file for one-to-one messages; empty: default", false, false, 0, 255},
    {"sound_group", Is::Text, "file for group messages; empty: default", false, false, 0, 255},
};
constexpr Member kMuteBody[] = {
    {"kind", Is::Text, "what is silent", true, false, 0, 16, "all|peer|group"},
    {"target", Is::Text, "the peer or the group; none of all", false, true, 0, 255},
    {"until", Is::Time, "null: for good", false, true},
    {"unless_mentioned", Is::Flag, "a message that mentions the user still comes", false, true},
};
constexpr Member kMuteQuery[] = {
    kAppWanted,
    kUserWanted,
    {"kind", Is::Text, "what is silent", true, false, 0, 16, "all|peer|group"},
    {"target", Is::Text, "the peer or the group; none of all", false, false, 0, 255},
};

constexpr Member kEventQuery[] = {
    {"user", Is::Text, "only this receiver", false, false, 0, 255},
    {"device", Is::Text, "only this device", false, false, 0, 255},
};
constexpr Member kUserEventsQuery[] = {
    kAppWanted,
    kUserWanted,
    {"since", Is::Time, "24 hours ago where left out"},
    {"limit", Is::Integer, "events, 50 where left out", false, false, 1, 1'000},
};

constexpr Member kLiveQuery[] = {
    kAppAsked,
    {"vendor", Is::Text, "of the push", false, false, 0, 32, kVendorWords},
    {"outcome", Is::Text, "accepted, dead, …", false, false, 0, 32},
    {"rule", Is::Text, "what decided", false, false, 0, 64},
    {"user", Is::Text, "only this receiver's", false, false, 0, 255},
    {"event", Is::Text, "only of this event", false, false, 0, 255},
    {"after", Is::Integer, "`next` of the look before; the latest where left out", false, false, 0, INT64_MAX},
    kLimit,
};

constexpr Member kPushBody[] = {
    {"app_id", Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"user_id", Is::Text, "whose devices", true, false, 0, 255},
    {"device_id", Is::Text, "only this one", false, true, 0, 255},
    {"dry_run", Is::Flag, "show the exact request, send nothing", false, true},
    {"title", Is::Text, "the tenant's default title where left out", false, true},
    {"subtitle", Is::Text, "a second title line, on Apple's phones and OPPO's", false, true},
    {"desc", Is::Text, "the text", false, true},
    {"ext", Is::Text, "what the app finds under ext", false, true},
    {"sound", Is::Text, "of Apple's phones: a file, default, or none", false, true, 0, 255},
    {"badge", Is::Integer, "the number on the icon", false, true, 0, kBadgeMax},
    {"badge_only", Is::Flag, "set that number and show nothing", false, true},
    {"call", Is::Flag, "ring as a call", false, true},
    {"priority", Is::Text, "of the message", false, true, 0, 16, "high|normal|low|lowest"},
    {"channel", Is::Text, "android: instead of the certificate's", false, true, 0, 255},
    {"category", Is::Text, "apns: the app's set of buttons", false, true, 0, 255},
    {"interruption_level", Is::Text, "of apns", false, true, 0, 32, "passive|active|time-sensitive|critical"},
    {"image", Is::Text, "https URL of a picture", false, true, 0, 2'048},
    {"ttl_s", Is::Integer, "seconds the vendor keeps it", false, true, 1, 2'419'200},
    {"from", Is::Text, "sender's user id, for mutes", false, true, 0, 255},
};

constexpr Member kLettersQuery[] = {
    kAppAsked,
    {"vendor", Is::Text, "of the push that failed first"},
    {"rule", Is::Text, "why: credential_bad, …"},
    {"code", Is::Text, "the vendor's word"},
    {"stage", Is::Text, "decode, resolve, plan or deliver"},
    {"event", Is::Text, "event id"},
    {"user", Is::Text, "receiver who is left", false, false, 0, 255},
    {"since", Is::Time, "written since"},
    {"until", Is::Time, "written before"},
    {"state", Is::Text, "open where left out", false, false, 0, 16, "open|all"},
    kLimit,
};
constexpr Member kLettersBody[] = {
    {"apps", Is::Apps, "of these apps", false, true, 0, kFilterItemsMax},
    {"vendors", Is::Texts, "of the push that failed first", false, true, 0, kFilterItemsMax},
    {"rules", Is::Texts, "why", false, true, 0, kFilterItemsMax},
    {"codes", Is::Texts, "the vendor's words", false, true, 0, kFilterItemsMax},
    {"stages", Is::Texts, "decode, resolve, plan, deliver", false, true, 0, kFilterItemsMax},
    {"events", Is::Texts, "event ids", false, true, 0, kFilterItemsMax},
    {"users", Is::Texts, "receivers who are left", false, true, 0, kFilterItemsMax},
    {"since", Is::Time, "written since", false, true},
    {"until", Is::Time, "written before", false, true},
    {"limit", Is::Integer, "letters, 1000 where left out", false, true, 1, 1'000'000},
    {"everything", Is::Flag, "where no filter is given: all letters", false, true},
    {"dry_run", Is::Flag, "count and write nothing", false, true},
};

constexpr Member kTokenBody[] = {
    {"name", Is::Text, "letters, digits, '-', '_', '.', '@'", true, false, 0, 64},
    {"role", Is::Text, "what it may do", true, false, 0, 16, kRoleWords},
    {"reader", Is::Flag, "and reads private messages of the companion", false, true},
    {"apps", Is::Apps, "for which; all where left out", false, true, 0, 100},
    {"expires_at", Is::Time, "null: never", false, true},
};
constexpr Member kAuditQuery[] = {
    kAppAsked,
    {"who", Is::Text, "a name", false, false, 0, 64},
    {"what", Is::Text, "how the deed begins: certificate.", false, false, 0, 64},
    {"since", Is::Time, "from then on"},
    {"until", Is::Time, "before"},
    {"before", Is::Integer, "the next of the page before", false, false, 0, INT64_MAX},
    kLimit,
};

constexpr auto kViewer = Role::Viewer, kSender = Role::Sender, kOperator = Role::Operator, kAdmin = Role::Admin;
constexpr std::string_view kV1 = "1.0";

constexpr Route kRoutes[] = {
    {"GET", "/v1/openapi.json", std::nullopt, kV1, openapi, "", "This API as an OpenAPI 3.1 document"},
    {"POST", "/v1/login", std::nullopt, kV1, login, "login", "Begins a session", {}, kLoginBody},
    {"POST", "/v1/logout", kViewer, kV1, logout, "logout", "Ends the session", {}, {}, 204},
    {"GET", "/v1/me", kViewer, kV1, me, "", "Who calls, with which role"},
    {"GET", "/v1/health", kViewer, kV1, health, "", "Version, store, certificates at a glance"},

    {"GET", "/v1/vendors", kViewer, kV1, vendors, "", "What each vendor wants of a certificate"},
    {"GET", "/v1/certificates", kViewer, kV1, list_certificates, "", "All certificates, with warnings", kAppQuery},
    {"POST", "/v1/certificates", kOperator, kV1, add_certificate, "certificate.add",
     "Checks a credential, seals its secret and stores it", kVerifyQuery, kCertificateBody, 201},
    {"POST", "/v1/certificates/check", kOperator, kV1, check_certificate, "", "Checks a credential and stores nothing",
     kVerifyQuery, kCertificateBody},
    {"GET", "/v1/certificates/removed", kViewer, kV1, list_removed_certificates, "",
     "Certificates that were removed and can be restored", kAppQuery},
    {"GET", "/v1/certificates/{id}", kViewer, kV1, show_certificate, "", "One certificate"},
    {"PATCH", "/v1/certificates/{id}", kOperator, kV1, change_certificate, "certificate.replace",
     "Changes what is named; a credential that fails the check replaces nothing", kVerifyQuery, kCertificateChange},
    {"DELETE",
     "/v1/certificates/{id}",
     kAdmin,
     kV1,
     remove_certificate,
     "certificate.remove",
     "Removes one that no device uses",
     {},
     {},
     204},
    {"POST",
     "/v1/certificates/{id}/verify",
     kOperator,
     kV1,
     verify_certificate,
     "certificate.verify",
     "Asks the vendor whether it takes the credential, by a push to a token of nobody",
     {},
     {},
     200,
     false,
     false,
     true},
    {"POST", "/v1/certificates/{id}/disable", kOperator, kV1, disable_certificate, "certificate.disable",
     "Sends nothing with it until it is enabled"},
    {"POST", "/v1/certificates/{id}/enable", kOperator, kV1, enable_certificate, "certificate.enable",
     "Sends with it again"},
    {"GET", "/v1/certificates/{id}/receipt-key", kOperator, kV1, show_receipt_key, "certificate.receipt_key",
     "What its receipts are verified by"},
    {"GET", "/v1/certificates/{id}/versions", kViewer, kV1, list_versions, "",
     "What a certificate was, and what changed; the newest first"},
    {"POST",
     "/v1/certificates/{id}/rollback",
     kOperator,
     kV1,
     roll_back_certificate,
     "certificate.rollback",
     "Uses an earlier version again, secret included, as the next one",
     {},
     kRollBackBody},
    {"POST", "/v1/certificates/{id}/restore", kAdmin, kV1, restore_certificate, "certificate.restore",
     "Takes back a removal, under the same id"},
    {"POST",
     "/v1/certificates/{id}/approve-removals",
     kOperator,
     kV1,
     approve_removals,
     "certificate.approve_removals",
     "Removes the dead tokens that are held, and holds none for a while",
     {},
     kApproveBody,
     200,
     false,
     false,
     true},
    {"GET", "/v1/removals/held", kViewer, kV1, list_held_removals, "",
     "Dead tokens that are not removed, since too many died at once", kAppQuery},

    {"GET", "/v1/devices", kViewer, kV1, list_devices, "", "Devices by user, or by how their token begins",
     kDevicesQuery},
    {"PUT", "/v1/devices", kOperator, kV1, set_device, "device.set", "Sets a device", {}, kDeviceBody},
    {"DELETE",
     "/v1/devices",
     kOperator,
     kV1,
     unbind_device,
     "device.unbind",
     "Unbinds a device",
     kDeviceQuery,
     {},
     204},

    {"POST",
     "/v1/devices/import",
     kOperator,
     kV1,
     import_devices,
     "device.import",
     "Writes devices with their tokens, a line each; lines that are bad are left out and named",
     kImportQuery,
     {},
     200,
     false,
     true,
     true},
    {"GET",
     "/v1/devices/export",
     kAdmin,
     kV1,
     export_devices,
     "device.export",
     "All devices with their tokens as lines, a page at a time",
     kExportQuery,
     {},
     200,
     false,
     false,
     true},
    {"GET", "/v1/users", kViewer, kV1, show_user, "", "A user's settings, mutes and devices", kUserQuery},
    {"PATCH", "/v1/users", kOperator, kV1, set_user, "user.settings", "Changes the settings that are named", kUserQuery,
     kUserBody},
    {"PUT", "/v1/users/mutes", kOperator, kV1, mute_user, "user.mute", "Silences everything, a peer or a group",
     kUserQuery, kMuteBody},
    {"DELETE", "/v1/users/mutes", kOperator, kV1, unmute_user, "user.unmute", "Undoes a mute", kMuteQuery},

    {"POST",
     "/v1/users/import",
     kOperator,
     kV1,
     import_users,
     "user.import",
     "Writes settings and mutes, a line each; lines that are bad are left out and named",
     kImportQuery,
     {},
     200,
     false,
     true,
     true},
    {"GET",
     "/v1/users/export",
     kAdmin,
     kV1,
     export_users,
     "user.export",
     "All settings and mutes as lines, a page at a time",
     kExportQuery,
     {},
     200,
     false,
     false,
     true},
    {"GET", "/v1/trace/events/{event}", kViewer, kV1, trace_event, "", "What became of an event, hop by hop",
     kEventQuery},
    {"GET", "/v1/trace/users", kViewer, kV1, trace_user, "", "A user's latest events", kUserEventsQuery},
    {"GET", "/v1/live", kViewer, kV1, watch_live, "", "What becomes of pushes now", kLiveQuery},
    {"POST",
     "/v1/push",
     kSender,
     kV1,
     push,
     "push.send",
     "A test push, or the exact request it would be",
     {},
     kPushBody,
     200,
     false,
     false,
     true},

    {"POST",
     "/v1/events",
     kSender,
     kV1,
     publish_events,
     "",
     "Publishes offline events, acknowledged by the brokers",
     {},
     {},
     200,
     true,
     false,
     true},

    {.method = "GET",
     .path = "/v1/im/totals",
     .role = kViewer,
     .since = kV1,
     .handler = companion_totals,
     .what = "Accounts, groups and devices of an app's companion",
     .query = kCompanionQuery,
     .waits = true},
    {"GET", "/v1/im/users", kViewer, kV1, list_companion_users, "", "The companion's users by id or nick",
     kCompanionSearch},
    {"GET", "/v1/im/users/{user}", kViewer, kV1, show_companion_user, "", "One user: profile, logins, groups",
     kCompanionQuery},
    {.method = "POST",
     .path = "/v1/im/users/{user}/kick",
     .role = kOperator,
     .since = kV1,
     .handler = kick_companion_user,
     .deed = "im.kick",
     .what = "Ends all of a user's logins, by the IM server",
     .query = kCompanionQuery,
     .done = 204,
     .waits = true},
    {.method = "PUT",
     .path = "/v1/im/users/{user}/silence",
     .role = kOperator,
     .since = kV1,
     .handler = silence_companion_user,
     .deed = "im.silence",
     .what = "Until when a user may not speak, by the IM server",
     .query = kCompanionQuery,
     .body = kSilenceBody,
     .done = 204,
     .waits = true},
    {.method = "GET",
     .path = "/v1/im/users/{user}/chats",
     .role = kViewer,
     .since = kV1,
     .handler = list_companion_chats,
     .deed = "im.chats",
     .what = "With whom a user has conversations",
     .query = kCompanionQuery,
     .reader = true},
    {"GET", "/v1/im/groups", kViewer, kV1, list_companion_groups, "", "The companion's groups by id or name",
     kCompanionSearch},
    {"GET", "/v1/im/groups/{group}", kViewer, kV1, show_companion_group, "", "One group: info, applications",
     kCompanionQuery},
    {"GET", "/v1/im/groups/{group}/members", kViewer, kV1, list_companion_members, "", "Its members, a page at a time",
     kMembersQuery},
    {.method = "POST",
     .path = "/v1/im/history",
     .role = kViewer,
     .since = kV1,
     .handler = read_companion_history,
     .deed = "im.history",
     .what = "Messages of a conversation, with the reason why they are read",
     .body = kHistoryBody,
     .reader = true},

    {"GET", "/v1/letters", kViewer, kV1, list_letters, "", "Dead letters", kLettersQuery, {}, 200, false, false, true},
    {"POST",
     "/v1/letters/replay",
     kOperator,
     kV1,
     replay_letters,
     "letter.replay",
     "Gives letters another try",
     {},
     kLettersBody,
     200,
     false,
     false,
     true},
    {"POST",
     "/v1/letters/drop",
     kOperator,
     kV1,
     drop_letters,
     "letter.drop",
     "Marks letters as done",
     {},
     kLettersBody,
     200,
     false,
     false,
     true},
    {"GET",
     "/v1/letters/{letter}",
     kOperator,
     kV1,
     show_letter,
     "letter.read",
     "One letter, with its event",
     {},
     {},
     200,
     false,
     false,
     true},

    {"GET", "/v1/tokens", kAdmin, kV1, list_tokens, "", "API tokens"},
    {"POST",
     "/v1/tokens",
     kAdmin,
     kV1,
     add_token,
     "token.add",
     "Makes a token; its text is shown this once",
     {},
     kTokenBody,
     201},
    {"DELETE",
     "/v1/tokens/{id}",
     kAdmin,
     kV1,
     revoke_token,
     "token.revoke",
     "Revokes a token and ends its sessions",
     {},
     {},
     204},
    {"GET", "/v1/sessions", kAdmin, kV1, list_sessions, "", "Who is logged in, the latest first"},
    {"DELETE", "/v1/sessions/{session}", kAdmin, kV1, end_listed_session, "session.end", "Ends a session", {}, {}, 204},
    {"GET", "/v1/audit", kAdmin, kV1, list_audit, "", "Who changed what, the latest first", kAuditQuery},
};

}  // namespace

std::span<const Route> routes() noexcept { return kRoutes; }

bool waits_for_others(std::string_view method, std::string_view target) {
  const auto read = read_target(target);
  if (!read) return false;
  for (const Route& route : kRoutes) {
    if (route.method != method || !match_path(route.path, read->segments)) continue;
    const auto verify = read->query.find("verify");
    const bool asks_vendor = std::ranges::find(route.query, "verify", &Member::name) != route.query.end() &&
                             verify != read->query.end() && verify->second == "true";
    return route.waits || asks_vendor;
  }
  return false;
}

}  // namespace nightpost::admin
