// Who may do what in a group: one table of operation, type and role. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "im/domain/group.h"

namespace nightpost::im {

/// Who asks, by rank: the app's server stands above the owner.
enum class GroupActor : std::uint8_t { Stranger, Member, Admin, Owner, App };
inline constexpr std::size_t kGroupActors = 5;

enum class GroupOp : std::uint8_t {
  Send,
  Invite,     // others; the group's option says what comes of it
  Decide,     // an application, or a member's invitation
  EditInfo,   // name, introduction, notification, face, fields
  SetJoin,    // the join option
  SetInvite,  // what members' invitations are
  Kick,       // whom one outranks, as the next two
  Silence,
  SetCard,  // another one's; one's own everybody sets
  SilenceAll,
  SetRole,  // member, admin
  Transfer,
  Dismiss,
  Quit,
  ReadInfo,  // its public part; members alone read the rest
  ReadMembers,
  Recall,  // what others wrote, whom one outranks
  Count,
};
std::string_view name_of(GroupOp op) noexcept;  // "send", "edit_info", …

bool allows(GroupOp op, GroupType type, GroupActor actor) noexcept;
/// GroupForbidden, which says whether it is the role or the type that lacks the right; OwnerMayNotQuit.
Answer<void> check_right(GroupOp op, GroupType type, GroupActor actor);
GroupActor actor_of(std::optional<GroupRole> role) noexcept;
/// Kick, Silence, SetCard and Recall reach only those below.
bool outranks(GroupActor actor, GroupRole other) noexcept;

}  // namespace nightpost::im
