// What the routes of the companion take. For routes.cpp alone.
#pragma once

#include <cstdint>

#include "admin/members.h"

namespace nightpost::admin {

inline constexpr Member kCompanionQuery[] = {
    {"app", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
};
// In the query, not in the path: browsers and proxies fold "." and ".." of paths, escaped or not, and both are good
// ids.
inline constexpr Member kCompanionUser[] = {
    {"app", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"user", Member::Is::Text, "user id", true, false, 0, 64},
};
inline constexpr Member kCompanionGroup[] = {
    {"app", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"group", Member::Is::Text, "group id", true, false, 0, 64},
};
inline constexpr Member kCompanionSearch[] = {
    {"app", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"prefix", Member::Is::Text, "how the id begins", false, false, 0, 64},
    {"name", Member::Is::Text, "what the nick or name holds; ASCII letters of either case", false, false, 0, 128},
    {"after", Member::Is::Text, "`next` of the page before", false, false, 0, 64},
    {"limit", Member::Is::Integer, "items, 100 where left out", false, false, 1, 1'000},
};
inline constexpr Member kMembersQuery[] = {
    {"app", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"group", Member::Is::Text, "group id", true, false, 0, 64},
    {"role", Member::Is::Text, "only these", false, false, 0, 16, "member|admin|owner"},
    {"after", Member::Is::Text, "`next` of the page before", false, false, 0, 64},
    {"limit", Member::Is::Integer, "items, 100 where left out", false, false, 1, 1'000},
};
inline constexpr Member kSilenceBody[] = {
    {"chats_until", Member::Is::Time, "one-to-one; past: may speak; stays where left out", false, true},
    {"groups_until", Member::Is::Time, "in groups, likewise", false, true},
};
inline constexpr Member kHistoryBody[] = {
    {"app_id", Member::Is::Integer, "app (tenant) id", true, false, 1, INT64_MAX},
    {"reason", Member::Is::Text, "why they are read, for the audit log", true, false, 0, 512},
    {"user", Member::Is::Text, "one side of a one-to-one conversation", false, true, 0, 64},
    {"peer", Member::Is::Text, "the other side", false, true, 0, 64},
    {"group", Member::Is::Text, "or a group", false, true, 0, 64},
    {"before", Member::Is::Integer, "`next` of the page before: only what is older", false, true, 1, INT64_MAX},
    {"till", Member::Is::Time, "not later than that", false, true},
    {"limit", Member::Is::Integer, "messages, 50 where left out", false, true, 1, 100},
};

}  // namespace nightpost::admin
