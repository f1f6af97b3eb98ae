#include "im/domain/group_rules.h"

#include <algorithm>
#include <string>

namespace nightpost::im {
namespace {

constexpr std::int64_t kGroupSeqMax = 4'294'967'295;  // REST clients hold it in 32 bits

}  // namespace

Answer<GroupSendPlan> decide_group_send(const GroupSendFacts& facts) {
  if (auto right = check_right(GroupOp::Send, facts.type, facts.actor); !right)
    return std::unexpected(std::move(right.error()));
  const bool above = facts.actor >= GroupActor::Admin;
  if (!above && facts.all_silenced) return refuse(Code::GroupSilenced, "group: all its members are silenced");
  if (facts.actor != GroupActor::App && facts.silenced_until && *facts.silenced_until > facts.now)
    return refuse(Code::GroupSilenced, "group: silenced until " + std::to_string(to_ms(*facts.silenced_until)));
  if (!facts.online_only && facts.head.value >= kGroupSeqMax)
    return refuse(Code::Internal, "group: it holds as many messages as a group can");
  GroupSendPlan plan;
  plan.stored = !facts.online_only;
  plan.counts = plan.stored && !facts.no_unread && !facts.targeted;
  plan.intent = plan.stored && !facts.push_disabled;
  plan.seq = plan.stored ? Seq{facts.head.value + 1} : Seq{};
  plan.at = std::max(facts.now, facts.last_at);
  return plan;
}

Answer<InviteNext> decide_invite(GroupType type, GroupActor actor, InviteOption option, bool consent) {
  if (auto right = check_right(GroupOp::Invite, type, actor); !right) return std::unexpected(std::move(right.error()));
  if (actor == GroupActor::App) return InviteNext::Admit;
  if (option == InviteOption::Disabled) return refuse(Code::GroupForbidden, "group: its members invite nobody");
  if (option == InviteOption::Approval && actor < GroupActor::Admin) return InviteNext::AskAdmins;
  return consent ? InviteNext::AskUser : InviteNext::Admit;
}

Answer<void> decide_invitation(const InvitationFacts& facts, milliseconds kept) {
  if (!facts.known) return refuse(Code::ApplicationDecided, "user: there is no invitation");
  if (!facts.waits) return refuse(Code::ApplicationDecided, "user: the invitation is decided");
  if (facts.for_admins != facts.by_admin)
    return refuse(Code::ApplicationDecided, facts.for_admins ? "user: the invitation waits for the group's admins"
                                                             : "user: the invitation waits for the user's answer");
  if (facts.now >= facts.at + kept) return refuse(Code::ApplicationDecided, "user: the invitation has expired");
  if (!facts.inviter_in) return refuse(Code::GroupForbidden, "user: who invited is no member any more");
  return {};
}

std::int64_t group_unread(const GroupCounts& counts, GroupType type, ReceiveOption option) noexcept {
  if (!traits_of(type).counts_unread || option == ReceiveOption::Discard) return 0;
  return std::max<std::int64_t>(
      0, counts.counted - std::max(counts.read, counts.erased) - counts.own_since - counts.recalled);
}

Answer<bool> decide_group_recall(const GroupRecallFacts& facts, milliseconds window) {
  if (!traits_of(facts.type).recalls)
    return refuse(Code::GroupNoRecall, "group: messages of this type of group cannot be recalled");
  if (!facts.visible) return refuse(Code::GroupMessageUnknown, "id: no such message");
  const bool of_others =
      facts.actor == GroupActor::App ||
      (facts.owner_recalls && allows(GroupOp::Recall, facts.type, facts.actor) && outranks(facts.actor, facts.sender));
  if (!facts.mine && !of_others) return refuse(Code::GroupForbidden, "id: another member's message");
  if (facts.recalled) return false;
  if (!of_others && facts.now - facts.at > window)
    return refuse(Code::GroupRecallTooLate, "id: a message can be recalled for " +
                                                std::to_string(window.count() / 1000) + " s after it was sent");
  return true;
}

bool group_push_due(ReceiveOption option, bool mentioned, bool mention_passes) noexcept {
  return option == ReceiveOption::Notify || (option == ReceiveOption::NotNotify && mentioned && mention_passes);
}

std::int64_t member_slot(std::string_view user) noexcept {
  std::uint32_t hash = 2'166'136'261U;  // FNV-1a, folded
  for (const char c : user) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  return static_cast<std::int64_t>((hash >> 16U) ^ (hash & 0xffffU));
}

SlotRange slots_of(std::int64_t range, std::int64_t ranges) noexcept {
  return {range * kMemberSlots / ranges, (range + 1) * kMemberSlots / ranges - 1};
}

std::int64_t range_of(std::int64_t slot, std::int64_t ranges) noexcept {
  return ((slot + 1) * ranges - 1) / kMemberSlots;
}

std::int64_t ranges_of(std::int64_t members) noexcept {
  return std::clamp<std::int64_t>((members + kRangeMembers - 1) / kRangeMembers, 1, kMemberSlots);
}

}  // namespace nightpost::im
