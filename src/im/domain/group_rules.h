// What becomes of a message in a group, and what a member has not read. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "core/time.h"
#include "im/domain/group.h"
#include "im/domain/group_rights.h"

namespace nightpost::im {

struct GroupSendFacts {
  GroupType type = GroupType::Work;
  GroupActor actor = GroupActor::Stranger;
  std::optional<WallTime> silenced_until;  // the sender, as a member
  bool all_silenced = false;
  // Asked for.
  bool online_only = false;
  bool no_unread = false;
  bool targeted = false;
  bool push_disabled = false;
  // The conversation's.
  Seq head;
  WallTime last_at{};
  WallTime now{};
};
struct GroupSendPlan {
  bool stored = true;
  bool counts = false;  // in the members' unread
  bool intent = false;
  Seq seq;        // 0: not stored
  WallTime at{};  // never before the conversation's last
};
/// GroupForbidden, GroupSilenced, Internal (no seq is left); in this order.
Answer<GroupSendPlan> decide_group_send(const GroupSendFacts& facts);

/// What a member has not read, out of running counts: so that a message costs no write a member. All of them count
/// messages that raise unread.
struct GroupCounts {
  std::int64_t counted = 0;    // of the conversation, from its first message to its last
  std::int64_t read = 0;       // ... up to the read mark
  std::int64_t erased = 0;     // ... up to the last message that is erased
  std::int64_t own_since = 0;  // the member's own above the mark that are not erased
  std::int64_t recalled = 0;   // others' above the mark, that are not erased and were recalled
};
std::int64_t group_unread(const GroupCounts& counts, GroupType type, ReceiveOption option) noexcept;

/// What becomes of an invitation by `actor`, who may be a member.
enum class InviteNext : std::uint8_t { Admit, AskAdmins, AskUser };
/// GroupForbidden. The app's server passes both options.
Answer<InviteNext> decide_invite(GroupType type, GroupActor actor, InviteOption option, bool consent);

/// Who answers an invitation, as things stand.
struct InvitationFacts {
  bool known = false;       // there is one of this user
  bool waits = false;       // and it is not decided
  bool for_admins = false;  // what it waits for: admins, or the user himself
  bool by_admin = false;    // who answers: an admin, or the user himself
  bool inviter_in = true;   // who invited is a member still
  WallTime at{};
  WallTime now{};
};
/// ApplicationDecided: none, decided, expired, or not this one's to answer; GroupForbidden: who invited has left.
Answer<void> decide_invitation(const InvitationFacts& facts, milliseconds kept);

struct GroupRecallFacts {
  GroupType type = GroupType::Work;
  GroupActor actor = GroupActor::Stranger;
  bool visible = false;  // to who asks; a tip never is
  bool mine = false;
  bool recalled = false;
  GroupRole sender = GroupRole::Member;  // what he is now; who left is a member
  bool owner_recalls = true;
  WallTime at{};
  WallTime now{};
};
/// True: to be done; false: it was done before. GroupNoRecall, GroupMessageUnknown, GroupForbidden, GroupRecallTooLate;
/// in this order.
Answer<bool> decide_group_recall(const GroupRecallFacts& facts, milliseconds window);

/// Whether a member is pushed to.
bool group_push_due(ReceiveOption option, bool mentioned, bool mention_passes) noexcept;

/// Which of a message's `ranges` a user belongs to: a function of his name alone, so that a repeat after a crash finds
/// him in the same one.
std::int64_t member_slot(std::string_view user) noexcept;  // 0-65535
inline constexpr std::int64_t kMemberSlots = 65'536;
/// Slots of a range, first and last.
struct SlotRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};
SlotRange slots_of(std::int64_t range, std::int64_t ranges) noexcept;
std::int64_t range_of(std::int64_t slot, std::int64_t ranges) noexcept;
inline constexpr std::int64_t kRangeMembers = 700;  // on average
std::int64_t ranges_of(std::int64_t members) noexcept;

}  // namespace nightpost::im
