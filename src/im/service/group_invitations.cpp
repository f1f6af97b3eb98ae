// Members' invitations that somebody has to agree to: owner and admins, the invited, or both, one after the other.
#include <memory>
#include <utility>

#include "im/service/callback_notes.h"
#include "im/service/group_commands.h"

namespace nightpost::im {
namespace {

using Waits = ApplicationRow::State;

/// What waits for this user in this group already, or why nothing may.
std::optional<MemberOutcome> settled_before(Work& work, const GroupRow& group, const std::string& user) {
  Tables& tables = work.tables;
  const UserKey who{group.app, user};
  const auto account = tables.account(who);
  if (!account || account->removed) return MemberOutcome{user, MemberResult::Failed, "user: no such account"};
  if (member_now(tables, group.conv, who)) return MemberOutcome{user, MemberResult::Already, ""};
  const auto row = tables.application(group.conv, user);
  if (row && row->state == Waits::Waits &&
      (row->inviter.empty() || work.now < row->at + work.options.groups.invitation_kept))
    return MemberOutcome{user, MemberResult::Waiting, ""};
  if (const std::size_t most = work.options.groups.applications_max; tables.applications_waiting(group.conv) >= most)
    return MemberOutcome{
        user, MemberResult::Failed,
        "group: " + std::to_string(most) + " applications and invitations wait for a decision, as many as may"};
  return std::nullopt;
}

void tell_invited(Work& work, const GroupRow& group, const std::string& inviter, const std::string& user) {
  const UserKey to{group.app, user};
  const GroupTip tip{.kind = GroupTip::Kind::Invited, .by = inviter, .users = {user}};
  GroupNews news{.group = group.id, .tip = std::make_shared<const std::string>(tip_element(tip)), .stored = false};
  work.told.deliveries.push_back({.to = to, .item = std::move(news), .unread_total = unread_total(work.tables, to)});
}

/// To who invited, or is invited: it came to nothing.
void tell_refused(Work& work, const GroupRow& group, const UserKey& to, const GroupTip& tip) {
  GroupNews news{.group = group.id, .tip = std::make_shared<const std::string>(tip_element(tip)), .stored = false};
  work.told.deliveries.push_back({.to = to, .item = std::move(news), .unread_total = unread_total(work.tables, to)});
}

bool has_room_for(Work& work, const UserKey& who) {
  const std::size_t most = work.options.groups.invitations_max;
  return work.tables.invitations_of(who, work.now - work.options.groups.invitation_kept, most).size() < most;
}

InvitationFacts invitation_facts(Work& work, const GroupRow& group, const std::optional<ApplicationRow>& row) {
  InvitationFacts facts{.now = work.now};
  facts.known = row && !row->inviter.empty();
  if (!facts.known) return facts;
  facts.waits = row->state == Waits::Waits;
  facts.for_admins = !row->for_user;
  facts.inviter_in = member_now(work.tables, group.conv, {group.app, row->inviter}).has_value();
  facts.at = row->at;
  return facts;
}

void save_decided(Work& work, const GroupRow& group, ApplicationRow& row, bool agreed, const std::string& by,
                  const std::string& answer) {
  row.state = agreed ? Waits::Agreed : Waits::Refused;
  row.by = by;
  row.answer = answer;
  row.decided_at = work.now;
  work.tables.save_application(group.conv, row);
}

/// Makes the invited a member, who may be one meanwhile. `except`: his device that asks.
Answer<void> admit_invited(Work& work, const Actor& who, GroupRow& group, const ApplicationRow& row,
                           const std::string& except) {
  const GroupTip tip{.kind = GroupTip::Kind::Invite, .by = row.inviter, .users = {row.user}};
  const auto ver = admit(work, group, {group.app, row.user}, GroupRole::Member, except, tip);
  if (!ver && ver.error().code == Code::AlreadyMember) return {};
  if (!ver) return std::unexpected(ver.error());
  work.tables.save_group(group);
  tell_members(work, group, who, tip);
  note_joined(work, who, group, true, tip.users);
  return {};
}

}  // namespace

MemberOutcome ask_admins(Work& work, const Actor& who, const GroupRow& group, const std::string& user) {
  if (auto settled = settled_before(work, group, user)) return *std::move(settled);
  work.tables.save_application(group.conv, {.user = user, .at = work.now, .inviter = who.user.user});
  tell_deciders(work, group, who.user, {.kind = GroupTip::Kind::Apply, .by = who.user.user, .users = {user}});
  return MemberOutcome{user, MemberResult::Waiting, ""};
}

MemberOutcome ask_user(Work& work, const Actor& who, const GroupRow& group, const std::string& user) {
  if (auto settled = settled_before(work, group, user)) return *std::move(settled);
  if (!has_room_for(work, {group.app, user}))
    return MemberOutcome{user, MemberResult::Failed, "user: as many invitations wait for this user as may"};
  work.tables.save_application(group.conv, {.user = user, .at = work.now, .inviter = who.user.user, .for_user = true});
  tell_invited(work, group, who.user.user, user);
  return MemberOutcome{user, MemberResult::Waiting, ""};
}

Answer<Ver> decide_members_invitation(Work& work, const Actor& who, GroupRow& group, ApplicationRow row,
                                      const Decision& decision) {
  InvitationFacts facts = invitation_facts(work, group, row);
  facts.by_admin = true;
  if (!decision.agree) facts.inviter_in = true;
  if (auto ok = decide_invitation(facts, work.options.groups.invitation_kept); !ok)
    return std::unexpected(std::move(ok.error()));
  if (!decision.agree) {
    save_decided(work, group, row, false, who.user.user, decision.note);
    tell_refused(work, group, {group.app, row.inviter},
                 {.kind = GroupTip::Kind::Refuse, .by = who.user.user, .users = {row.user}, .note = decision.note});
    return ver_of(work.tables, who.user);
  }
  if (group.invite_consent) {
    if (!has_room_for(work, {group.app, row.user}))
      return refuse(Code::Busy, "user: as many invitations wait for this user as may");
    row.for_user = true;
    row.at = work.now;
    work.tables.save_application(group.conv, row);
    tell_invited(work, group, row.inviter, row.user);
    return ver_of(work.tables, who.user);
  }
  if (auto ok = admit_invited(work, who, group, row, ""); !ok) return std::unexpected(std::move(ok.error()));
  save_decided(work, group, row, true, who.user.user, decision.note);
  return ver_of(work.tables, who.user);
}

Answer<JoinReply> answer_invitation(Work& work, const Actor& who, const InvitationAnswer& answer) {
  auto in = enter(work.tables, who, answer.group);
  if (!in) return std::unexpected(std::move(in.error()));
  GroupRow& group = in->group;
  auto row = work.tables.application(group.conv, who.user.user);
  InvitationFacts facts = invitation_facts(work, group, row);
  if (!answer.agree || in->member) facts.inviter_in = true;
  if (auto ok = decide_invitation(facts, work.options.groups.invitation_kept); !ok)
    return std::unexpected(std::move(ok.error()));
  if (!answer.agree) {
    save_decided(work, group, *row, false, who.user.user, answer.note);
    tell_refused(work, group, {group.app, row->inviter},
                 {.kind = GroupTip::Kind::Refuse, .by = who.user.user, .users = {who.user.user}, .note = answer.note});
    return JoinReply{MemberResult::Done, ver_of(work.tables, who.user)};
  }
  if (auto ok = admit_invited(work, who, group, *row, device_of(who)); !ok)
    return std::unexpected(std::move(ok.error()));
  save_decided(work, group, *row, true, who.user.user, answer.note);
  return JoinReply{in->member ? MemberResult::Already : MemberResult::Done, ver_of(work.tables, who.user)};
}

Answer<std::vector<Invitation>> invitations(Work& work, const Actor& who) {
  if (auto ok = may_act(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  const GroupLimits& limits = work.options.groups;
  std::vector<Invitation> out;
  for (InvitationRow& row :
       work.tables.invitations_of(who.user, work.now - limits.invitation_kept, limits.invitations_max)) {
    const auto group = work.tables.group(row.conv);
    if (!group || member_now(work.tables, row.conv, who.user)) continue;
    out.push_back({group->id, group->name, group->type, std::move(row.by), row.at});
  }
  return out;
}

}  // namespace nightpost::im
