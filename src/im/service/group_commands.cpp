#include "im/service/group_commands.h"

#include <algorithm>
#include <utility>

#include "im/service/before_questions.h"
#include "im/service/callback_notes.h"
#include "im/service/words.h"

namespace nightpost::im {
namespace {

Answer<void> check_free(Tables& tables, const Actor& who, const std::string& group) {
  if (group.empty()) return {};
  const auto there = tables.group(who.user.app, group);
  if (!there) return {};
  if (!there->owner.empty() && there->owner == who.user.user)
    return refuse(Code::GroupIdOwned, "group: a group of the caller's own has this id");
  return refuse(Code::GroupIdUsed, "group: a group has this id");
}

/// Of a group, or of a change of one.
Answer<void> mask_names(Work& work, const Actor& who, auto& texts) {
  if (auto ok = mask_name(work, who, "name", texts.name); !ok) return ok;
  if (auto ok = mask_name(work, who, "introduction", texts.introduction); !ok) return ok;
  return mask_name(work, who, "notification", texts.notification);
}

/// The rights that a change of info takes.
Answer<void> check_info_rights(const GroupInfoChange& change, const InGroup& in) {
  const GroupType type = in.group.type;
  const bool info = change.name || change.introduction || change.notification || change.face || change.members_max;
  if (info)
    if (auto ok = check_right(GroupOp::EditInfo, type, in.actor); !ok) return ok;
  if (!change.fields.empty() && in.actor == GroupActor::Stranger) return check_right(GroupOp::EditInfo, type, in.actor);
  if (change.join)
    if (auto ok = check_right(GroupOp::SetJoin, type, in.actor); !ok) return ok;
  if (change.invite || change.invite_consent)
    if (auto ok = check_right(GroupOp::SetInvite, type, in.actor); !ok) return ok;
  if (change.all_silenced) return check_right(GroupOp::SilenceAll, type, in.actor);
  return {};
}

}  // namespace

Answer<GroupCreated> create_group(Work& work, const Actor& who, const GroupCreate& request) {
  Tables& tables = work.tables;
  const GroupLimits& limits = work.options.groups;
  const AppSettings& settings = work.settings(who.user.app);
  const auto members_most = static_cast<std::size_t>(settings.group_members_max);
  if (auto ok = may_act(tables, who); !ok) return std::unexpected(std::move(ok.error()));
  const bool live = request.type == GroupType::Live;
  if (live && tables.count_live_groups(who.user.app) >= limits.live_groups_max)
    return refuse(Code::LiveGroups,
                  "type: the app has " + std::to_string(limits.live_groups_max) + " live groups, as many as it may");
  if (live && !who.user.user.empty() && tables.count_live_groups_of(who.user) >= limits.live_groups_per_owner_max)
    return refuse(Code::UserGroupsFull, "type: this user owns " + std::to_string(limits.live_groups_per_owner_max) +
                                            " live groups, as many as one may");
  if (live && !request.members.empty())
    return refuse(Code::GroupForbidden, "members: each joins a live group by himself");
  if (auto ok = check_free(tables, who, request.group); !ok) return std::unexpected(std::move(ok.error()));
  const GroupTraits& traits = traits_of(request.type);
  if (request.join && *request.join != traits.join && !traits.join_changes)
    return refuse(Code::Malformed, "join: fixed for groups of type " + std::string(name_of(request.type)));
  auto fields = changed_fields("", request.fields, who.admin() ? GroupActor::App : GroupActor::Owner, limits);
  if (!fields) return std::unexpected(std::move(fields.error()));

  GroupRow group{.app = who.user.app,
                 .id = request.group,
                 .type = request.type,
                 .name = request.name,
                 .introduction = request.introduction,
                 .notification = request.notification,
                 .face = request.face,
                 .owner = who.user.user,
                 .join = request.join.value_or(traits.join),
                 .members_max = static_cast<std::int64_t>(
                     request.members_max > 0 ? std::min(request.members_max, members_most) : members_most),
                 .fields = *std::move(fields),
                 .invite = request.invite.value_or(traits.invite),
                 .invite_consent = request.invite_consent,
                 .created_at = request.created_at.value_or(work.now),
                 .info_at = work.now};
  // Whether the owner can be one is to be known before anything is written.
  if (!who.user.user.empty()) {
    const auto account = tables.account(who.user);
    if (!account || account->removed) return refuse(Code::AccountUnknown, "owner: no such account");
    const std::int64_t most = settings.groups_per_user_max;
    if (!live && tables.groups_of(who.user) >= static_cast<std::size_t>(most))
      return refuse(Code::UserGroupsFull, "owner: is in " + std::to_string(most) + " groups, as many as a user may be");
  }
  if (request.members.size() + (group.owner.empty() ? 0 : 1) > static_cast<std::size_t>(group.members_max))
    return refuse(Code::GroupFull, "members: more than " + std::to_string(group.members_max));
  if (auto ok = mask_names(work, who, group); !ok) return std::unexpected(std::move(ok.error()));
  if (is_look_ahead(work)) {
    ask_group_create(work, who, request, group.name);
    return GroupCreated{};
  }

  tables.add_group(group);
  GroupCreated out{.group = group.id, .conv = group.conv};
  if (live) out.ver = ver_of(tables, who.user);
  if (!live && !group.owner.empty()) {
    const GroupTip tip{.kind = GroupTip::Kind::Create, .by = group.owner};
    auto ver = admit(work, group, who.user, GroupRole::Owner, device_of(who), tip);
    if (!ver) return std::unexpected(std::move(ver.error()));
    out.ver = *ver;
  }
  std::vector<std::string> members;  // beside the owner
  for (const NewMember& member : request.members) {
    const GroupTip tip{.kind = GroupTip::Kind::Invite, .by = group.owner, .users = {member.user}};
    const GroupRole role = traits.has_admins && member.role == GroupRole::Admin ? GroupRole::Admin : GroupRole::Member;
    const auto in = admit(work, group, {who.user.app, member.user}, role, "", tip);
    if (in) members.push_back(member.user);
    if (!in && in.error().code != Code::AlreadyMember) out.unknown.push_back(member.user);
  }
  tables.save_group(group);
  tables.move_group(group.conv, work.now);
  if (!request.created_at) note_group_created(work, who, group, members);
  return out;
}

Answer<Ver> dismiss_group(Work& work, const Actor& who, const std::string& id) {
  auto in = enter(work.tables, who, id);
  if (!in) return std::unexpected(std::move(in.error()));
  if (auto ok = check_right(GroupOp::Dismiss, in->group.type, in->actor); !ok)
    return std::unexpected(std::move(ok.error()));
  GroupRow& group = in->group;
  group.dismissed = true;
  group.info_at = work.now;
  group.counted = 0;  // nothing of it is unread any more
  work.tables.save_group(group);
  work.tables.advance_group(group, work.now);
  work.tables.release_group_id(group);
  note_dismissed(work, who, group);
  const GroupTip tip{.kind = GroupTip::Kind::Dismiss, .by = who.user.user};
  GroupNews news{.group = group.id, .tip = std::make_shared<const std::string>(tip_element(tip)), .stored = true};
  work.told.deliveries.push_back({.to = who.user, .item = std::move(news), .group = group.conv});
  work.told.deliveries.push_back({.to = {group.app, ""}, .item = Subscribed{false}, .group = group.conv});
  return ver_of(work.tables, who.user);
}

Answer<Ver> change_group(Work& work, const Actor& who, const GroupInfoChange& asked) {
  auto in = enter(work.tables, who, asked.group);
  if (!in) return std::unexpected(std::move(in.error()));
  if (auto ok = check_info_rights(asked, *in); !ok) return std::unexpected(std::move(ok.error()));
  GroupInfoChange change = asked;
  if (auto ok = mask_names(work, who, change); !ok) return std::unexpected(std::move(ok.error()));
  GroupRow& group = in->group;
  auto fields = changed_fields(group.fields, change.fields, in->actor, work.options.groups);
  if (!fields) return std::unexpected(std::move(fields.error()));

  GroupTip tip{.kind = GroupTip::Kind::Info, .by = who.user.user};
  const auto set = [&](const std::optional<std::string>& to, std::string& field, const char* name) {
    if (!to || *to == field) return;
    field = *to;
    tip.changed[name] = *to;
  };
  set(change.name, group.name, "name");
  set(change.introduction, group.introduction, "introduction");
  set(change.notification, group.notification, "notification");
  set(change.face, group.face, "face");
  if (change.join && *change.join != group.join) tip.changed["join"] = name_of(group.join = *change.join);
  if (change.members_max) {
    const std::int64_t most =
        std::min(static_cast<std::int64_t>(*change.members_max), work.settings(group.app).group_members_max);
    if (most != group.members_max) tip.changed["members_max"] = std::to_string(group.members_max = most);
  }
  if (change.invite && *change.invite != group.invite) tip.changed["invite"] = name_of(group.invite = *change.invite);
  if (change.invite_consent && *change.invite_consent != group.invite_consent)
    tip.changed["invite_consent"] = (group.invite_consent = *change.invite_consent) ? "true" : "false";
  if (change.all_silenced && *change.all_silenced != group.all_silenced)
    tip.changed["all_silenced"] = (group.all_silenced = *change.all_silenced) ? "true" : "false";
  for (const auto& [name, value] : change.fields) tip.changed["fields." + name] = value;
  group.fields = *std::move(fields);
  if (tip.changed.empty()) return ver_of(work.tables, who.user);  // a repeat
  group.info_at = work.now;
  work.tables.save_group(group);
  tell_members(work, group, who, tip);
  note_group_changed(work, who, group, tip);
  return ver_of(work.tables, who.user);
}

Answer<Ver> transfer_group(Work& work, const Actor& who, const std::string& id, const std::string& owner) {
  auto in = enter(work.tables, who, id);
  if (!in) return std::unexpected(std::move(in.error()));
  if (auto ok = check_right(GroupOp::Transfer, in->group.type, in->actor); !ok)
    return std::unexpected(std::move(ok.error()));
  GroupRow& group = in->group;
  if (group.owner == owner) return ver_of(work.tables, who.user);
  auto next = member_now(work.tables, group.conv, {group.app, owner});
  if (!next) return refuse(Code::GroupForbidden, "owner: no member of the group");
  const GroupTip tip{
      .kind = GroupTip::Kind::Owner, .by = who.user.user, .users = {owner}, .changed = {{"owner", owner}}};
  if (!group.owner.empty())
    if (auto last = member_now(work.tables, group.conv, {group.app, group.owner})) {
      last->role = GroupRole::Member;
      change_member_row(work, *last, group, last->who == who.user ? device_of(who) : "", &tip);
    }
  next->role = GroupRole::Owner;
  change_member_row(work, *next, group, "", &tip);
  group.owner = owner;
  group.info_at = work.now;
  work.tables.save_group(group);
  tell_members(work, group, who, tip);
  note_group_changed(work, who, group, tip);
  return ver_of(work.tables, who.user);
}

void leave_all_groups(Work& work, const UserKey& who) {
  work.tables.disown_live_groups(who);  // there he is no member
  for (MemberRow& member : work.tables.memberships(who)) {
    auto group = work.tables.group(member.conv);
    if (!group) continue;
    const GroupTip tip{.kind = GroupTip::Kind::Quit, .by = who.user, .users = {who.user}};
    dismiss_member(work, *group, member, "", tip);
    work.tables.save_group(*group);
    if (group->dismissed) continue;
    tell_members(work, *group, {.user = who, .terminal = {}}, tip);
    note_left(work, {.user = who, .terminal = {}}, *group, false, {who.user});
  }
}

bool prune_groups(Work& work) {
  Tables& tables = work.tables;
  const WallTime before = work.now - work.options.groups.left_kept;
  const std::size_t most = work.options.pruned_max;
  const std::vector<MemberRow> left = tables.left_before(before, most);
  for (const MemberRow& row : left) tables.forget_member(row);
  tables.prune_applications(before);
  tables.prune_invitations(work.now - work.options.groups.invitation_kept);
  const auto dismissed = tables.dismissed_before(before);
  if (!dismissed) return left.size() == most;
  std::vector<MemberRow> members = tables.members_of(*dismissed, most);
  for (MemberRow& row : members) {
    // The dismissal moved no ver of a member's: whoever has not heard of it can only begin anew.
    if (!row.left()) row.ver = tables.touch(row.who).ver;
    tables.forget_member(row);
  }
  // So many rows of each kind a commit: a group may have millions.
  if (members.empty() && tables.erase_messages(*dismissed, most) == 0 && !tables.prune_group(*dismissed, most))
    tables.erase_group(*dismissed);
  return true;
}

}  // namespace nightpost::im
