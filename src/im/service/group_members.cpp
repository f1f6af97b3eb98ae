#include <algorithm>
#include <memory>
#include <utility>

#include "im/service/before_questions.h"
#include "im/service/callback_notes.h"
#include "im/service/group_commands.h"
#include "im/service/words.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kAdminsTold = 100;

Answer<JoinReply> apply(Work& work, const Actor& who, const GroupRow& group, const std::string& note) {
  Tables& tables = work.tables;
  const auto earlier = tables.application(group.conv, who.user.user);
  const bool waits = earlier && earlier->state == ApplicationRow::State::Waits;
  const std::size_t most = work.options.groups.applications_max;
  if (!waits && tables.applications_waiting(group.conv) >= most)
    return refuse(Code::Busy, "group: " + std::to_string(most) + " applications wait for a decision, as many as may");
  tables.save_application(group.conv, {.user = who.user.user, .at = work.now, .note = note});
  tell_deciders(work, group, who.user,
                {.kind = GroupTip::Kind::Apply, .by = who.user.user, .users = {who.user.user}, .note = note});
  return JoinReply{MemberResult::Waiting, ver_of(tables, who.user)};
}

Answer<void> change_role(Work& work, const Actor& who, InGroup& in, MemberRow& target, GroupRole role) {
  if (auto ok = check_right(GroupOp::SetRole, in.group.type, in.actor); !ok) return ok;
  if (role == GroupRole::Owner) return refuse(Code::Malformed, "role: an owner is made by a transfer");
  if (target.role == GroupRole::Owner) return refuse(Code::GroupForbidden, "user: the owner's role is no other's");
  if (target.role == role) return {};
  target.role = role;
  const GroupTip tip{.kind = GroupTip::Kind::Role,
                     .by = who.user.user,
                     .users = {target.who.user},
                     .changed = {{"role", std::string(name_of(role))}}};
  change_member_row(work, target, in.group, "", &tip);
  tell_members(work, in.group, who, tip);
  return {};
}

Answer<void> silence(Work& work, const Actor& who, InGroup& in, MemberRow& target, milliseconds time) {
  if (auto ok = check_right(GroupOp::Silence, in.group.type, in.actor); !ok) return ok;
  if (!outranks(in.actor, target.role)) return refuse(Code::GroupForbidden, "user: does not stand below this role");
  target.silenced_until = work.now + time;
  const GroupTip tip{
      .kind = GroupTip::Kind::Silence, .by = who.user.user, .users = {target.who.user}, .until = target.silenced_until};
  change_member_row(work, target, in.group, "", &tip);
  tell_members(work, in.group, who, tip);
  return {};
}

/// What a member wants of the group's messages. Who discarded them counts from the head on.
void set_option(Work& work, const GroupRow& group, MemberRow& row, ReceiveOption option) {
  if (row.option == option) return;
  const bool was_off = row.option == ReceiveOption::Discard;
  row.option = option;
  if (was_off) {
    row.read = group.seq;
    row.read_count = group.counted;
    row.own_since = 0;
  }
  const bool off = option == ReceiveOption::Discard;
  if (off != was_off) work.told.deliveries.push_back({.to = row.who, .item = Subscribed{!off}, .group = group.conv});
  if (option != ReceiveOption::Notify) work.told.read.push_back({row.who, {group.conv, group.seq}});
}

}  // namespace

void tell_deciders(Work& work, const GroupRow& group, const UserKey& applicant, const GroupTip& tip) {
  auto users = std::make_shared<std::vector<std::string>>();
  if (!group.owner.empty()) users->push_back(group.owner);
  for (const auto& [row, nick] : work.tables.members(group.conv, "", GroupRole::Admin, std::nullopt, kAdminsTold))
    users->push_back(row.who.user);
  GroupNews news{.group = group.id, .tip = std::make_shared<const std::string>(tip_element(tip)), .stored = false};
  work.told.deliveries.push_back({.to = applicant, .item = std::move(news), .group = group.conv, .only = users});
}

Answer<JoinReply> join_group(Work& work, const Actor& who, const std::string& id, const std::string& note) {
  auto in = enter(work.tables, who, id);
  if (!in) return std::unexpected(std::move(in.error()));
  GroupRow& group = in->group;
  if (group.type == GroupType::Live) return join_live(work, who, group);
  if (in->member) return JoinReply{MemberResult::Already, ver_of(work.tables, who.user)};
  if (group.join == JoinOption::Disabled)
    return refuse(Code::GroupForbidden, "group: nobody joins it by himself, its members invite");
  if (group.members >= group.members_max)
    return refuse(Code::GroupFull, "group: full, it has " + std::to_string(group.members_max) + " members");
  if (is_look_ahead(work)) {
    ask_join(work, who, group);
    return JoinReply{};
  }
  if (group.join == JoinOption::Approval) return apply(work, who, group, note);
  const GroupTip tip{.kind = GroupTip::Kind::Join, .by = who.user.user, .users = {who.user.user}};
  auto ver = admit(work, group, who.user, GroupRole::Member, device_of(who), tip);
  if (!ver) return std::unexpected(std::move(ver.error()));
  work.tables.save_group(group);
  tell_members(work, group, who, tip);
  note_joined(work, who, group, false, tip.users);
  return JoinReply{MemberResult::Done, *ver};
}

Answer<Ver> decide_application(Work& work, const Actor& who, const Decision& decision) {
  Tables& tables = work.tables;
  auto in = enter(tables, who, decision.group);
  if (!in) return std::unexpected(std::move(in.error()));
  GroupRow& group = in->group;
  if (auto ok = check_right(GroupOp::Decide, group.type, in->actor); !ok) return std::unexpected(std::move(ok.error()));
  auto application = tables.application(group.conv, decision.user);
  if (application && !application->inviter.empty())
    return decide_members_invitation(work, who, group, *std::move(application), decision);
  if (!application || application->state != ApplicationRow::State::Waits)
    return refuse(Code::ApplicationDecided,
                  application ? "user: the application is decided" : "user: there is no application");
  const UserKey applicant{group.app, decision.user};
  const auto decided = [&] {
    application->state = decision.agree ? ApplicationRow::State::Agreed : ApplicationRow::State::Refused;
    application->by = who.user.user;
    application->answer = decision.note;
    application->decided_at = work.now;
    tables.save_application(group.conv, *application);
  };
  GroupTip tip{.kind = decision.agree ? GroupTip::Kind::Join : GroupTip::Kind::Refuse,
               .by = who.user.user,
               .users = {decision.user},
               .note = decision.note};
  if (!decision.agree) {
    decided();
    GroupNews news{.group = group.id, .tip = std::make_shared<const std::string>(tip_element(tip)), .stored = false};
    work.told.deliveries.push_back(
        {.to = applicant, .item = std::move(news), .unread_total = unread_total(tables, applicant)});
    return ver_of(tables, who.user);
  }
  const auto ver = admit(work, group, applicant, GroupRole::Member, "", tip);
  if (!ver && ver.error().code != Code::AlreadyMember) return std::unexpected(ver.error());
  decided();
  if (ver) {
    tables.save_group(group);
    tip.note.clear();
    tell_members(work, group, who, tip);
    note_joined(work, who, group, false, tip.users);
  }
  return ver_of(tables, who.user);
}

Answer<Ver> quit_group(Work& work, const Actor& who, const std::string& id) {
  auto in = enter(work.tables, who, id);
  if (!in) return std::unexpected(std::move(in.error()));
  if (in->group.type == GroupType::Live) {
    if (in->actor == GroupActor::Member) return quit_live(work, who, in->group);
    if (auto ok = check_right(GroupOp::Quit, in->group.type, in->actor); !ok)
      return std::unexpected(std::move(ok.error()));
  }
  if (!in->member) return refuse(Code::GroupForbidden, "group: this user is no member");
  const GroupActor actor = actor_of(std::optional(in->member->role));
  if (auto ok = check_right(GroupOp::Quit, in->group.type, actor); !ok) return std::unexpected(std::move(ok.error()));
  const GroupTip tip{.kind = GroupTip::Kind::Quit, .by = who.user.user, .users = {who.user.user}};
  const Ver ver = dismiss_member(work, in->group, *in->member, device_of(who), tip);
  work.tables.save_group(in->group);
  tell_members(work, in->group, who, tip);
  note_left(work, who, in->group, false, tip.users);
  return ver;
}

Answer<MembersChanged> invite(Work& work, const Actor& who, const MembersChange& change) {
  auto in = enter(work.tables, who, change.group);
  if (!in) return std::unexpected(std::move(in.error()));
  GroupRow& group = in->group;
  const auto next = decide_invite(group.type, in->actor, group.invite, group.invite_consent);
  if (!next) return std::unexpected(next.error());
  if (is_look_ahead(work)) {
    ask_invite(work, who, group, change.users);
    return MembersChanged{};
  }
  MembersChanged out;
  GroupTip all{.kind = GroupTip::Kind::Invite, .by = who.user.user};
  for (const std::string& user : change.users) {
    if (*next != InviteNext::Admit) {
      out.members.push_back(*next == InviteNext::AskUser ? ask_user(work, who, group, user)
                                                         : ask_admins(work, who, group, user));
      continue;
    }
    const GroupTip tip{.kind = GroupTip::Kind::Invite, .by = who.user.user, .users = {user}};
    const auto ver = admit(work, group, {group.app, user}, GroupRole::Member, "", tip);
    if (ver) {
      out.members.push_back({user, MemberResult::Done, ""});
      all.users.push_back(user);
    } else {
      const bool already = ver.error().code == Code::AlreadyMember;
      out.members.push_back(
          {user, already ? MemberResult::Already : MemberResult::Failed, already ? "" : ver.error().why});
    }
  }
  if (!all.users.empty()) {
    work.tables.save_group(group);
    if (change.silent && who.admin())
      work.tables.move_group(group.conv, work.now);
    else
      tell_members(work, group, who, all);
    note_joined(work, who, group, true, all.users);
  }
  out.ver = ver_of(work.tables, who.user);
  return out;
}

Answer<MembersChanged> kick_members(Work& work, const Actor& who, const MembersChange& change) {
  auto in = enter(work.tables, who, change.group);
  if (!in) return std::unexpected(std::move(in.error()));
  GroupRow& group = in->group;
  if (auto ok = check_right(GroupOp::Kick, group.type, in->actor); !ok) return std::unexpected(std::move(ok.error()));
  if (group.type == GroupType::Live) return kick_from_live(work, who, group, change);
  if (change.ban) return refuse(Code::GroupForbidden, "ban: of a live group alone");
  MembersChanged out;
  GroupTip all{.kind = GroupTip::Kind::Kick, .by = who.user.user, .note = change.reason};
  for (const std::string& user : change.users) {
    auto member = member_now(work.tables, group.conv, {group.app, user});
    if (!member) {
      out.members.push_back({user, MemberResult::Already, ""});
      continue;
    }
    if (!outranks(in->actor, member->role)) {
      out.members.push_back({user, MemberResult::Failed, "does not stand below this role"});
      continue;
    }
    const GroupTip tip{.kind = GroupTip::Kind::Kick, .by = who.user.user, .users = {user}, .note = change.reason};
    dismiss_member(work, group, *member, "", tip);
    work.tables.void_invitation(group.conv, user, who.user.user, work.now);  // else it would bring him back
    all.users.push_back(user);
    out.members.push_back({user, MemberResult::Done, ""});
  }
  if (!all.users.empty()) {
    work.tables.save_group(group);
    if (change.silent && who.admin())
      work.tables.move_group(group.conv, work.now);
    else
      tell_members(work, group, who, all);
    note_left(work, who, group, true, all.users);
  }
  out.ver = ver_of(work.tables, who.user);
  return out;
}

Answer<Ver> change_member(Work& work, const Actor& who, const MemberChange& change) {
  Tables& tables = work.tables;
  auto in = enter(tables, who, change.group);
  if (!in) return std::unexpected(std::move(in.error()));
  if (in->actor == GroupActor::Stranger) return refuse(Code::GroupForbidden, "group: this user is no member");
  if (in->group.type == GroupType::Live) return silence_in_live(work, who, *in, change);
  const UserKey user{who.user.app, change.user.empty() ? who.user.user : change.user};
  auto target = member_now(tables, in->group.conv, user);
  if (!target) return refuse(Code::GroupForbidden, "user: no member of the group");
  const bool self = user == who.user;
  if (change.option && !self && !who.admin()) return refuse(Code::GroupForbidden, "option: each member sets his own");
  if (change.card && !self && !who.admin()) {
    if (auto ok = check_right(GroupOp::SetCard, in->group.type, in->actor); !ok)
      return std::unexpected(std::move(ok.error()));
    if (!outranks(in->actor, target->role)) return refuse(Code::GroupForbidden, "card: does not stand below this role");
  }
  std::optional<std::string> card = change.card;
  if (auto ok = mask_name(work, who, "card", card); !ok) return std::unexpected(std::move(ok.error()));
  // Refusals first: after one, nothing is written.
  if (change.role && change.silence) {
    if (!who.admin()) return refuse(Code::Malformed, "role, silence: one of them");
    if (auto ok = check_right(GroupOp::Silence, in->group.type, in->actor); !ok)
      return std::unexpected(std::move(ok.error()));
  }
  if (change.role)
    if (auto ok = change_role(work, who, *in, *target, *change.role); !ok)
      return std::unexpected(std::move(ok.error()));
  if (change.silence)
    if (auto ok = silence(work, who, *in, *target, *change.silence); !ok) return std::unexpected(std::move(ok.error()));
  if (change.card || change.option) {
    if (card) target->card = *card;
    const bool was_unread = change.option && unread_of(tables, in->group, *target) > 0;
    if (change.option) set_option(work, in->group, *target, *change.option);
    const std::string device = self ? device_of(who) : std::string();
    const Ver ver = change_member_row(work, *target, in->group, device, nullptr);
    if (was_unread && *change.option == ReceiveOption::Discard)
      tell_total(work, target->who, {ver, unread_total(tables, target->who)}, device);
  }
  return ver_of(tables, who.user);
}

}  // namespace nightpost::im
