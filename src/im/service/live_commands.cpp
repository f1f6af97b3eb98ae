// Live rooms: their members have no rows (live_rooms.h), those who are silenced or banned do.
#include <algorithm>
#include <memory>
#include <utility>

#include "im/service/before_questions.h"
#include "im/service/callback_notes.h"
#include "im/service/group_commands.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kSilencedPage = 100;

/// To all who are there; `passing`: it may fall to the room's rate.
void tell_room(Work& work, const GroupRow& group, const UserKey& by, const GroupTip& tip, bool passing) {
  GroupNews news{.group = group.id,
                 .tip = std::make_shared<const std::string>(tip_element(tip)),
                 .stored = false,
                 .passing = passing};
  work.told.deliveries.push_back({.to = by, .item = std::move(news), .group = group.conv});
}

/// To one user, wherever he is.
void tell_one(Work& work, const GroupRow& group, const UserKey& to, const GroupTip& tip) {
  GroupNews news{.group = group.id, .tip = std::make_shared<const std::string>(tip_element(tip)), .stored = false};
  work.told.deliveries.push_back({.to = to, .item = std::move(news), .unread_total = unread_total(work.tables, to)});
}

Answer<void> save_rule(Work& work, const GroupRow& group, const LiveRule& rule) {
  Tables& tables = work.tables;
  if (rule.silenced_until <= work.now && rule.banned_until <= work.now) {
    tables.erase_live_rule(group.conv, rule.user);
    return {};
  }
  const std::size_t most = work.options.groups.live_rules_max;
  if (!tables.live_rule(group.conv, rule.user) && tables.count_live_rules(group.conv) >= most) {
    tables.prune_live_rules(group.conv, work.now);
    if (tables.count_live_rules(group.conv) >= most)
      return refuse(Code::Busy,
                    "group: " + std::to_string(most) + " users are silenced or banned here, as many as may");
  }
  tables.save_live_rule(group.conv, rule);
  return {};
}

LiveRule rule_of(Tables& tables, ConvId conv, const std::string& user) {
  return tables.live_rule(conv, user).value_or(LiveRule{.user = user});
}

}  // namespace

Answer<void> may_be_in_room(Work& work, const GroupRow& group, const std::string& user) {
  const auto rule = work.tables.live_rule(group.conv, user);
  if (!rule || rule->banned_until <= work.now) return {};
  return refuse(Code::GroupForbidden, "group: banned until " + std::to_string(to_ms(rule->banned_until)));
}

WallTime silenced_in_room(Work& work, const GroupRow& group, const std::string& user) {
  const auto rule = work.tables.live_rule(group.conv, user);
  return rule ? rule->silenced_until : WallTime{};
}

Answer<JoinReply> join_live(Work& work, const Actor& who, const GroupRow& group) {
  if (!who.terminal) return refuse(Code::GroupForbidden, "group: a device joins a live group, and no other for it");
  if (auto ok = may_be_in_room(work, group, who.user.user); !ok) return std::unexpected(std::move(ok.error()));
  if (is_look_ahead(work)) {
    ask_join(work, who, group);
    return JoinReply{};
  }
  const Terminal& device = *who.terminal;
  work.told.deliveries.push_back(
      {.to = who.user,
       .item = Subscribed{.on = true, .live = group.id, .device = device.device, .epoch = device.epoch},
       .group = group.conv});
  const Ver ver = ver_of(work.tables, who.user);
  if (who.live == group.conv) return JoinReply{MemberResult::Already, ver};  // another device of his, or this one again
  const GroupTip tip{.kind = GroupTip::Kind::Join, .by = who.user.user, .users = {who.user.user}};
  tell_room(work, group, who.user, tip, true);
  note_joined(work, who, group, false, tip.users);
  return JoinReply{MemberResult::Done, ver};
}

Answer<Ver> quit_live(Work& work, const Actor& who, const GroupRow& group) {
  if (who.live != group.conv) return refuse(Code::GroupForbidden, "group: this user is not in it");
  const GroupTip tip{.kind = GroupTip::Kind::Quit, .by = who.user.user, .users = {who.user.user}};
  work.told.deliveries.push_back(
      {.to = who.user, .item = Subscribed{.on = false, .live = group.id}, .group = group.conv});
  tell_room(work, group, who.user, tip, true);
  note_left(work, who, group, false, tip.users);
  return ver_of(work.tables, who.user);
}

Answer<MembersChanged> kick_from_live(Work& work, const Actor& who, const GroupRow& group,
                                      const MembersChange& change) {
  MembersChanged out;
  std::vector<std::string> gone;
  for (const std::string& user : change.users) {
    if (user == group.owner) {
      out.members.push_back({user, MemberResult::Failed, "does not stand below this role"});
      continue;
    }
    if (change.ban) {
      LiveRule rule = rule_of(work.tables, group.conv, user);
      rule.banned_until = work.now + *change.ban;
      if (auto ok = save_rule(work, group, rule); !ok) {
        out.members.push_back({user, MemberResult::Failed, std::move(ok.error().why)});
        continue;
      }
    }
    out.members.push_back({user, MemberResult::Done, ""});
    if (change.ban && change.ban->count() == 0) continue;  // it ends a ban
    const UserKey to{group.app, user};
    work.told.deliveries.push_back({.to = to, .item = Subscribed{.on = false, .live = group.id}, .group = group.conv});
    tell_one(work, group, to,
             {.kind = GroupTip::Kind::Kick, .by = who.user.user, .users = {user}, .note = change.reason});
    gone.push_back(user);
  }
  if (!gone.empty()) {
    tell_room(work, group, who.user,
              {.kind = GroupTip::Kind::Kick, .by = who.user.user, .users = gone, .note = change.reason}, false);
    note_left(work, who, group, true, gone);
  }
  out.ver = ver_of(work.tables, who.user);
  return out;
}

Answer<Ver> silence_in_live(Work& work, const Actor& who, const InGroup& in, const MemberChange& change) {
  const GroupRow& group = in.group;
  if (change.role || change.card || change.option || !change.silence)
    return refuse(Code::GroupForbidden, "group: in a live group a user is silenced, and nothing else of him is kept");
  if (change.user.empty()) return refuse(Code::Malformed, "user: missing");
  if (auto ok = check_right(GroupOp::Silence, group.type, in.actor); !ok) return std::unexpected(std::move(ok.error()));
  if (change.user == group.owner) return refuse(Code::GroupForbidden, "user: does not stand below this role");
  LiveRule rule = rule_of(work.tables, group.conv, change.user);
  rule.silenced_until = work.now + *change.silence;
  if (auto ok = save_rule(work, group, rule); !ok) return std::unexpected(std::move(ok.error()));
  const GroupTip tip{
      .kind = GroupTip::Kind::Silence, .by = who.user.user, .users = {change.user}, .until = rule.silenced_until};
  tell_one(work, group, {group.app, change.user}, tip);
  tell_room(work, group, who.user, tip, false);
  return ver_of(work.tables, who.user);
}

Answer<MembersPage> silenced_in_live(Work& work, const InGroup& in, const MembersRequest& request) {
  if (in.actor < GroupActor::Owner) return refuse(Code::GroupForbidden, "group: a live group has no list of members");
  if (!request.silenced && !request.banned)
    return refuse(Code::GroupForbidden, "group: a live group has no list of members, but of silenced and banned ones");
  MembersPage out;
  const std::size_t limit = std::min(request.limit, kSilencedPage);
  for (LiveRule& rule : work.tables.live_rules(in.group.conv, request.after, work.now, request.banned, limit + 1)) {
    out.more = out.members.size() == limit;
    if (out.more) break;
    GroupMember member{.user = std::move(rule.user)};
    member.silenced_until = request.banned ? rule.banned_until : rule.silenced_until;
    out.members.push_back(std::move(member));
  }
  return out;
}

}  // namespace nightpost::im
