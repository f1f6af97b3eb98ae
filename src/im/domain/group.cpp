#include "im/domain/group.h"

#include <algorithm>

namespace nightpost::im {
namespace {

// Each as its enum.
constexpr std::array<std::string_view, kGroupTypes> kTypes = {"Work", "Public", "Meeting", "AVChatRoom"};
constexpr std::array<std::string_view, kGroupTypes> kRestTypes = {"Private", "Public", "ChatRoom", "AVChatRoom"};
constexpr std::array<std::string_view, 3> kRoles = {"member", "admin", "owner"};
constexpr std::array<std::string_view, 3> kJoins = {"free", "approval", "disabled"};
constexpr std::array<std::string_view, 3> kInvites = {"free", "approval", "disabled"};
constexpr std::array<std::string_view, 3> kReceives = {"notify", "not_notify", "discard"};
constexpr std::array<std::string_view, 4> kRightNames = {"member", "admin", "owner", "app"};

constexpr std::array<GroupTraits, kGroupTypes> kTraits = {{
    {.join = JoinOption::Disabled,
     .join_changes = false,
     .invite = InviteOption::Free,
     .receive = ReceiveOption::Notify,
     .history_before = false,
     .counts_unread = true,
     .tips_stored = true,
     .has_admins = false,
     .recalls = true},
    {.join = JoinOption::Approval,
     .join_changes = true,
     .invite = InviteOption::Disabled,
     .receive = ReceiveOption::Notify,
     .history_before = false,
     .counts_unread = true,
     .tips_stored = true,
     .has_admins = true,
     .recalls = true},
    {.join = JoinOption::Free,
     .join_changes = false,
     .invite = InviteOption::Disabled,
     .receive = ReceiveOption::NotNotify,
     .history_before = true,
     .counts_unread = false,
     .tips_stored = false,
     .has_admins = true,
     .recalls = true},
    {.join = JoinOption::Free,
     .join_changes = false,
     .invite = InviteOption::Disabled,
     .receive = ReceiveOption::NotNotify,
     .history_before = false,
     .counts_unread = false,
     .tips_stored = false,
     .has_admins = false,
     .recalls = false},
}};

template <class Enum, std::size_t Size>
std::optional<Enum> from(const std::array<std::string_view, Size>& names, std::string_view name) noexcept {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

Answer<void> check(std::string_view id, std::string_view field, Code code) {
  const auto bad = [&](std::string_view why) { return refuse(code, std::string(field) + ": " + std::string(why)); };
  if (id.empty()) return bad("empty");
  if (id.size() > kGroupIdMax) return bad("longer than " + std::to_string(kGroupIdMax) + " bytes");
  if (!std::ranges::all_of(id, [](char c) { return c >= 0x20 && c <= 0x7e; }))
    return bad("has a byte that is not printable ASCII");
  return {};
}

}  // namespace

std::string_view name_of(GroupType type) noexcept { return kTypes[static_cast<std::size_t>(type)]; }
std::string_view rest_name_of(GroupType type) noexcept { return kRestTypes[static_cast<std::size_t>(type)]; }
std::optional<GroupType> group_type_from(std::string_view name) noexcept {
  if (const auto type = from<GroupType>(kTypes, name)) return type;
  return from<GroupType>(kRestTypes, name);
}

std::string_view name_of(GroupRole role) noexcept { return kRoles[static_cast<std::size_t>(role)]; }
std::optional<GroupRole> group_role_from(std::string_view name) noexcept { return from<GroupRole>(kRoles, name); }

std::string_view name_of(JoinOption option) noexcept { return kJoins[static_cast<std::size_t>(option)]; }
std::optional<JoinOption> join_option_from(std::string_view name) noexcept { return from<JoinOption>(kJoins, name); }

std::string_view name_of(InviteOption option) noexcept { return kInvites[static_cast<std::size_t>(option)]; }
std::optional<InviteOption> invite_option_from(std::string_view name) noexcept {
  return from<InviteOption>(kInvites, name);
}

std::string_view name_of(ReceiveOption option) noexcept { return kReceives[static_cast<std::size_t>(option)]; }
std::optional<ReceiveOption> receive_option_from(std::string_view name) noexcept {
  return from<ReceiveOption>(kReceives, name);
}

std::optional<FieldRight> field_right_from(std::string_view name) noexcept {
  return from<FieldRight>(kRightNames, name);
}

const GroupTraits& traits_of(GroupType type) noexcept { return kTraits[static_cast<std::size_t>(type)]; }

Answer<void> check_group_id(std::string_view id, std::string_view field) { return check(id, field, Code::Malformed); }

Answer<void> check_new_group_id(std::string_view id, std::string_view field) {
  if (id.starts_with(kGroupIdPrefix))
    return refuse(Code::GroupIdInvalid,
                  std::string(field) + ": begins with " + std::string(kGroupIdPrefix) + ", as the server's own do");
  return check(id, field, Code::GroupIdInvalid);
}

std::string made_group_id(ConvId conv) { return std::string(kGroupIdPrefix) + std::to_string(conv.value); }

}  // namespace nightpost::im
