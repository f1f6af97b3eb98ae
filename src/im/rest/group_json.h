// Groups and members as the server API shows them, and its words for roles, options and times.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "im/rest/call.h"
#include "im/service/group_requests.h"

namespace nightpost::im {

/// Seconds since the epoch; for ever is 4294967295, and what is over 0.
std::int64_t rest_until(WallTime until);
std::string_view rest_role_name(GroupRole role) noexcept;  // "Owner", "Admin", "Member"
std::optional<GroupRole> group_role_from_rest(std::string_view name) noexcept;
std::optional<JoinOption> join_option_from_rest(std::string_view name) noexcept;        // "FreeAccess", …
std::optional<ReceiveOption> receive_option_from_rest(std::string_view name) noexcept;  // "AcceptAndNotify", …
std::optional<Priority> priority_from_rest(std::string_view name) noexcept;             // "High", …

RestJson group_json(const GroupInfo& info, AppId app);
RestJson self_json(const GroupSelf& self);
RestJson member_json(const GroupMember& member);
RestJson group_message_json(const Message& message);
/// The members that `names` asks for, and `always`; no names: all.
RestJson filtered(RestJson all, const std::vector<std::string>& names, std::initializer_list<std::string_view> always);

/// What create_group and import_group share; members are the caller's to read.
GroupCreate new_group_of(Fields& body);
std::optional<JoinOption> join_option_of(Fields& body);
std::optional<InviteOption> invite_option_of(Fields& body);
std::map<std::string, std::string> group_fields_of(Fields& body);  // AppDefinedData
inline constexpr std::int64_t kGroupCountMax = 1'000'000;          // members that may be asked for

}  // namespace nightpost::im
