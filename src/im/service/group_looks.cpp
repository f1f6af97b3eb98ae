#include <algorithm>
#include <memory>
#include <utility>

#include "im/service/group_commands.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kApplicationsMax = 100;

GroupInfo info_of(Work& work, const GroupRow& group, const MemberRow* self, bool all) {
  GroupInfo out{.group = group.id,
                .conv = group.conv,
                .type = group.type,
                .name = group.name,
                .introduction = group.introduction,
                .face = group.face,
                .owner = group.owner,
                .created_at = group.created_at,
                .members = group.members,
                .members_max = group.members_max,
                .join = group.join,
                .invite = group.invite,
                .invite_consent = group.invite_consent,
                .fields = fields_of(group.fields)};
  if (all) {
    out.notification = group.notification;
    out.info_at = group.info_at;
    out.last_at = group.last_at;
    out.head = group.seq;
    out.all_silenced = group.all_silenced;
  }
  if (self != nullptr)
    out.self = GroupSelf{.role = self->role,
                         .joined_at = self->joined_at,
                         .option = self->option,
                         .card = self->card,
                         .silenced_until = self->silenced_until,
                         .read = self->read,
                         .unread = unread_of(work.tables, group, *self)};
  return out;
}

GroupMember member_of(Work& work, const GroupRow& group, const Tables::NamedMember& named, bool all) {
  const MemberRow& row = named.row;
  GroupMember out{.user = row.who.user,
                  .nick = named.nick,
                  .role = row.role,
                  .joined_at = row.joined_at,
                  .last_sent_at = row.last_sent_at,
                  .silenced_until = row.silenced_until,
                  .card = row.card};
  if (all) {
    out.option = row.option;
    out.read = row.read;
    out.unread = unread_of(work.tables, group, row);
  }
  return out;
}

void read_page(Work& work, const GroupRow& group, Seq cleared, std::string_view user, const GroupPullRequest& request,
               PullReply& reply) {
  const Tables::GroupViewer viewer{user, work.now};
  const std::size_t bytes = work.options.answer_bytes_max;
  const Seq first{cleared.value + 1};
  if (request.after) {
    reply.from = Seq{std::min(std::max<std::int64_t>(request.after->value, 0), group.seq.value) + 1};
    auto page =
        work.tables.group_messages_up(group, std::max(reply.from, first), group.seq, viewer, request.limit, bytes);
    reply.to = page.more ? page.messages.back().id.seq : group.seq;
    reply.more = page.more;
    reply.messages = std::move(page.messages);
    return;
  }
  const Seq before{group.seq.value + 1};
  reply.to = Seq{std::clamp<std::int64_t>(request.before.value_or(before).value, 1, before.value) - 1};
  auto page = work.tables.group_messages_down(group, first, reply.to, viewer, request.limit, bytes);
  std::ranges::reverse(page.messages);
  reply.from = page.more ? page.messages.front().id.seq : Seq{1};
  reply.more = page.more;
  reply.messages = std::move(page.messages);
}

}  // namespace

Answer<GroupInfos> group_infos(Work& work, const Actor& who, const std::vector<std::string>& groups) {
  if (auto ok = may_act(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  GroupInfos out;
  for (const std::string& id : groups) {
    const auto one = [&]() -> Answer<GroupInfo> {
      const auto group = work.tables.group(who.user.app, id);
      if (!group) return refuse(Code::GroupUnknown, "group: no such group");
      const auto self = who.user.user.empty() ? std::nullopt : member_now(work.tables, group->conv, who.user);
      const bool there = group->type == GroupType::Live && (who.live == group->conv || who.user.user == group->owner);
      const bool all = self || who.admin() || there;
      if (!all)
        if (auto ok = check_right(GroupOp::ReadInfo, group->type, GroupActor::Stranger); !ok)
          return std::unexpected(std::move(ok.error()));
      return info_of(work, *group, self ? &*self : nullptr, all);
    };
    out.emplace_back(id, one());
  }
  return out;
}

Answer<JoinedGroups> joined_groups(Work& work, const Actor& who, const JoinedRequest& request) {
  if (auto ok = may_act(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  JoinedGroups out;
  for (const auto& [group, member] : work.tables.joined(who.user, request.after, request.type, request.limit + 1)) {
    out.more = out.groups.size() == request.limit;
    if (!out.more) out.groups.push_back(info_of(work, group, &member, true));
  }
  out.total = static_cast<std::int64_t>(work.tables.groups_of(who.user));
  return out;
}

Answer<std::vector<Application>> applications(Work& work, const Actor& who, const std::string& id) {
  const auto in = enter(work.tables, who, id);
  if (!in) return std::unexpected(in.error());
  if (auto ok = check_right(GroupOp::Decide, in->group.type, in->actor); !ok)
    return std::unexpected(std::move(ok.error()));
  std::vector<Application> out;
  for (ApplicationRow& row : work.tables.applications(in->group.conv, kApplicationsMax))
    out.push_back({.group = id,
                   .user = std::move(row.user),
                   .note = std::move(row.note),
                   .at = row.at,
                   .inviter = std::move(row.inviter),
                   .for_user = row.for_user,
                   .decided = row.state != ApplicationRow::State::Waits,
                   .agreed = row.state == ApplicationRow::State::Agreed,
                   .by = std::move(row.by),
                   .answer = std::move(row.answer)});
  return out;
}

Answer<MembersPage> members(Work& work, const Actor& who, const MembersRequest& request) {
  const auto in = enter(work.tables, who, request.group);
  if (!in) return std::unexpected(in.error());
  if (auto ok = check_right(GroupOp::ReadMembers, in->group.type, in->actor); !ok)
    return std::unexpected(std::move(ok.error()));
  if (in->group.type == GroupType::Live) return silenced_in_live(work, *in, request);
  if (request.banned) return refuse(Code::GroupForbidden, "banned: of a live group alone");
  MembersPage out{.total = in->group.members};
  const auto silenced_at = request.silenced ? std::optional(work.now) : std::nullopt;
  for (const auto& named :
       work.tables.members(in->group.conv, request.after, request.role, silenced_at, request.limit + 1)) {
    out.more = out.members.size() == request.limit;
    if (!out.more) out.members.push_back(member_of(work, in->group, named, who.admin()));
  }
  return out;
}

Answer<std::vector<GroupMember>> members_named(Work& work, const Actor& who, const std::string& id,
                                               const std::vector<std::string>& users) {
  const auto in = enter(work.tables, who, id);
  if (!in) return std::unexpected(in.error());
  if (auto ok = check_right(GroupOp::ReadMembers, in->group.type, in->actor); !ok)
    return std::unexpected(std::move(ok.error()));
  std::vector<GroupMember> out;
  for (const std::string& user : users)
    if (const auto named = work.tables.member_named(in->group.conv, user))
      out.push_back(member_of(work, in->group, *named, who.admin() || user == who.user.user));
  return out;
}

Answer<PullReply> pull_group(Work& work, const Actor& who, const GroupPullRequest& request) {
  const auto in = enter(work.tables, who, request.group);
  if (!in) return std::unexpected(in.error());
  if (!in->member && !who.admin()) return refuse(Code::GroupForbidden, "group: this user is no member");
  const GroupRow& group = in->group;
  PullReply reply{.conv = group.conv, .head = group.seq};
  const Seq cleared = in->member ? in->member->cleared : Seq{};
  read_page(work, group, cleared, who.user.user, request, reply);
  auto page = work.tables.group_changes_after(group.conv, request.changes, who.user.user, kRecallsMax);
  reply.changes = page.to.value_or(group.changes);
  std::erase_if(page.changes, [&](const ChangeRow& change) { return change.seq <= cleared; });
  add_changes(page.changes, reply);
  return reply;
}

GroupChat shown(Work& work, const GroupRow& group, const MemberRow& member) {
  Tables& tables = work.tables;
  GroupChat out{.conv = group.conv,
                .group = group.id,
                .type = group.type,
                .name = group.name,
                .face = group.face,
                .role = member.role,
                .option = member.option,
                .head = group.seq,
                .head_at = group.last_at,
                .read = member.read,
                .cleared = member.cleared,
                .changes = group.changes,
                .pinned = member.pinned,
                .mark = member.mark,
                .hidden = group.seq < member.hidden_to,
                .gone = member.left() || group.dismissed,
                .ver = member.ver};
  if (out.gone) {  // nothing of it is his to see
    out.head = out.read;
    out.head_at = {};
    return out;
  }
  out.unread = unread_of(tables, group, member);
  const Seq me = tables.mention_above(group.conv, member.who.user, std::max(member.read, member.cleared));
  const Seq all = tables.mention_above(group.conv, kMentionAll, std::max(member.read, member.cleared));
  out.mentioned = me.value > 0;
  out.mentioned_all = all.value > 0;
  out.mention = std::max(me, all);
  out.last = tables.group_last(group, member.cleared, {member.who.user, work.now});
  return out;
}

Answer<std::vector<GroupIntent>> group_intents(Work& work, std::int64_t after, std::size_t limit) {
  std::vector<GroupIntent> out;
  for (const GroupIntentRow& row : work.tables.group_intents_after(after, std::min(limit, kIntentsMax))) {
    const auto group = work.tables.group(row.message.conv);
    auto found = group ? work.tables.group_message(*group, row.message.seq) : std::nullopt;
    GroupIntent intent{.id = row.id, .ranges = row.ranges, .done = row.done};
    if (found && !group->dismissed) {
      intent.message = std::make_shared<const Message>(std::move(found->first));
      intent.app = group->app;
      intent.name = group->name;
    }
    out.push_back(std::move(intent));
  }
  return out;
}

Answer<std::vector<GroupReceiver>> group_receivers(Work& work, MessageId id, std::int64_t range, std::int64_t ranges) {
  Tables& tables = work.tables;
  std::vector<GroupReceiver> out;
  const auto group = tables.group(id.conv);
  const auto found = group && !group->dismissed ? tables.group_message(*group, id.seq) : std::nullopt;
  if (!found || found->first.flags.recalled) return out;
  std::vector<std::string> targets = found->first.targets;
  if (is_call_invite(found->first.elements)) {  // those who may still answer
    for (const CallUserRow& user : tables.call_users(id))
      if (user.state == CallState::Waits) targets.push_back(user.user);
    if (targets.empty()) return out;
  }
  for (const ReceiverRow& row : tables.receivers(id, slots_of(range, ranges), found->first.from)) {
    if (!targets.empty() && std::ranges::find(targets, row.user) == targets.end()) continue;
    if (!group_push_due(row.option, row.mentioned, work.settings(group->app).group_mention_passes_not_notify)) continue;
    const UserKey user{group->app, row.user};
    auto devices = push_targets(tables, user);
    if (devices.empty()) continue;
    out.push_back({.user = row.user,
                   .unread_total = unread_total(tables, user),
                   .mentioned = row.mentioned,
                   .targets = std::move(devices)});
  }
  return out;
}

Answer<void> save_group_intents(Work& work, const std::vector<GroupIntentChange>& all) {
  for (const GroupIntentChange& change : all) {
    if (change.done < 0)
      work.tables.settle_group_intent(change.id);
    else
      work.tables.group_intent_done(change.id, change.done);
  }
  return {};
}

}  // namespace nightpost::im
