#include "im/domain/group_rights.h"

#include <algorithm>
#include <array>
#include <string>

namespace nightpost::im {
namespace {

// A letter for each who may: Stranger, Member, Admin, Owner, App.
struct Row {
  std::string_view name;
  std::array<std::string_view, kGroupTypes> who;  // Work, Public, Meeting, Live
};
constexpr std::array<Row, static_cast<std::size_t>(GroupOp::Count)> kRights = {{
    {"send", {"MAOX", "MAOX", "MAOX", "MAOX"}},
    {"invite", {"MAOX", "MAOX", "MAOX", ""}},
    {"decide", {"OX", "AOX", "AOX", ""}},
    {"edit_info", {"MAOX", "AOX", "AOX", "OX"}},
    {"set_join", {"", "AOX", "", ""}},
    {"set_invite", {"OX", "AOX", "AOX", ""}},
    {"kick", {"OX", "AOX", "AOX", "OX"}},
    {"silence", {"", "AOX", "AOX", "OX"}},
    {"set_card", {"OX", "AOX", "AOX", "OX"}},
    {"silence_all", {"", "AOX", "AOX", "OX"}},
    {"set_role", {"", "OX", "OX", ""}},
    {"transfer", {"OX", "OX", "OX", ""}},
    {"dismiss", {"X", "OX", "OX", "OX"}},
    {"quit", {"MAO", "MA", "MA", "MA"}},
    {"read_info", {"MAOX", "SMAOX", "SMAOX", "SMAOX"}},
    {"read_members", {"MAOX", "MAOX", "MAOX", "MAOX"}},
    {"recall", {"OX", "AOX", "AOX", ""}},
}};
constexpr std::string_view kLetters = "SMAOX";

const Row& row_of(GroupOp op) noexcept { return kRights[static_cast<std::size_t>(op)]; }

}  // namespace

std::string_view name_of(GroupOp op) noexcept { return row_of(op).name; }

bool allows(GroupOp op, GroupType type, GroupActor actor) noexcept {
  return row_of(op).who[static_cast<std::size_t>(type)].contains(kLetters[static_cast<std::size_t>(actor)]);
}

Answer<void> check_right(GroupOp op, GroupType type, GroupActor actor) {
  if (allows(op, type, actor)) return {};
  const std::string what = std::string(name_of(op)) + " in a group of type " + std::string(name_of(type));
  if (op == GroupOp::Quit && actor == GroupActor::Owner)
    return refuse(Code::OwnerMayNotQuit, "group: the owner of a group of type " + std::string(name_of(type)) +
                                             " may transfer or dismiss it, not quit");
  if (actor == GroupActor::Stranger) return refuse(Code::GroupForbidden, "group: " + what + " takes a member");
  const bool nobody = row_of(op).who[static_cast<std::size_t>(type)].empty();
  return refuse(Code::GroupForbidden,
                "group: " + what + (nobody ? " does not exist" : " takes a right that this role has not"));
}

GroupActor actor_of(std::optional<GroupRole> role) noexcept {
  if (!role) return GroupActor::Stranger;
  return static_cast<GroupActor>(static_cast<std::uint8_t>(*role) + 1);
}

bool outranks(GroupActor actor, GroupRole other) noexcept { return actor > actor_of(other); }

}  // namespace nightpost::im
