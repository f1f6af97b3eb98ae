#include <algorithm>
#include <memory>
#include <utility>

#include "im/domain/names.h"
#include "im/service/group_commands.h"

namespace nightpost::im {
namespace {

Delivery to_user(const UserKey& user, Ver ver, const std::string& except, Item item, std::int64_t total) {
  return {.to = user, .ver = ver, .except = except, .item = std::move(item), .unread_total = total};
}

Answer<InGroup> in_group(Tables& tables, const Actor& who, std::optional<GroupRow> group) {
  if (!group || group->dismissed || group->app != who.user.app)
    return refuse(Code::GroupUnknown, "group: no such group");
  InGroup out{.group = *std::move(group)};
  if (out.group.type == GroupType::Live) {  // whose members have no rows
    const bool owns = !who.user.user.empty() && who.user.user == out.group.owner;
    const bool inside = owns || who.live == out.group.conv;
    out.actor = inside ? owns ? GroupActor::Owner : GroupActor::Member : GroupActor::Stranger;
    if (who.admin()) out.actor = GroupActor::App;
    return out;
  }
  if (!who.user.user.empty()) out.member = member_now(tables, out.group.conv, who.user);
  out.actor = who.admin() ? GroupActor::App
                          : actor_of(out.member ? std::optional(out.member->role) : std::optional<GroupRole>());
  return out;
}

}  // namespace

Answer<InGroup> enter(Tables& tables, const Actor& who, std::string_view group) {
  if (auto ok = may_act(tables, who); !ok) return std::unexpected(std::move(ok.error()));
  if (!check_group_id(group)) return refuse(Code::GroupUnknown, "group: no such group");
  return in_group(tables, who, tables.group(who.user.app, group));
}

Answer<InGroup> enter(Tables& tables, const Actor& who, ConvId conv) {
  if (auto ok = may_act(tables, who); !ok) return std::unexpected(std::move(ok.error()));
  return in_group(tables, who, tables.group(conv));
}

std::optional<MemberRow> member_now(Tables& tables, ConvId conv, const UserKey& who) {
  auto row = tables.member(conv, who);
  if (!row || row->left()) return std::nullopt;
  return row;
}

Ver ver_of(Tables& tables, const UserKey& who) {
  const auto account = tables.account(who);
  return account ? account->ver : Ver{};
}

std::int64_t unread_total(Tables& tables, const UserKey& who) {
  const auto account = tables.account(who);
  return (account ? account->unread : 0) + tables.group_unread_total(who);
}

std::int64_t unread_of(Tables& tables, const GroupRow& group, const MemberRow& member) {
  const GroupCounts counts{.counted = group.counted,
                           .read = member.read_count,
                           .erased = group.erased,
                           .own_since = member.own_since,
                           .recalled = group.recalled_to > member.read
                                           ? tables.recalled_above(group.conv, member.read, member.who.user)
                                           : 0};
  return group_unread(counts, group.type, member.option);
}

Ver change_member_row(Work& work, MemberRow& row, const GroupRow& group, const std::string& except,
                      const GroupTip* tip) {
  row.ver = work.tables.touch(row.who).ver;
  work.tables.save_member(row);
  GroupNews news{.group = group.id, .tip = nullptr, .stored = true};
  if (tip != nullptr) news.tip = std::make_shared<const std::string>(tip_element(*tip));
  work.told.deliveries.push_back(
      to_user(row.who, row.ver, except, std::move(news), unread_total(work.tables, row.who)));
  return row.ver;
}

Answer<Ver> admit(Work& work, GroupRow& group, const UserKey& who, GroupRole role, const std::string& except,
                  const GroupTip& tip) {
  Tables& tables = work.tables;
  const auto account = tables.account(who);
  if (!account || account->removed) return refuse(Code::AccountUnknown, "user: no such account");
  if (member_now(tables, group.conv, who)) return refuse(Code::AlreadyMember, "user: is a member already");
  if (group.members >= group.members_max)
    return refuse(Code::GroupFull, "group: full, it has " + std::to_string(group.members_max) + " members");
  const auto most = static_cast<std::size_t>(work.settings(group.app).groups_per_user_max);
  if (tables.groups_of(who) >= most)
    return refuse(Code::UserGroupsFull, "user: is in " + std::to_string(most) + " groups, as many as a user may be");
  const GroupTraits& traits = traits_of(group.type);
  MemberRow row{.who = who,
                .conv = group.conv,
                .role = role,
                .joined_at = work.now,
                .cleared = traits.history_before ? Seq{} : group.seq,
                .read = group.seq,
                .read_count = group.counted,
                .option = traits.receive};
  ++group.members;
  const Ver ver = change_member_row(work, row, group, except, &tip);
  work.told.deliveries.push_back({.to = who, .item = Subscribed{true}, .group = group.conv});
  return ver;
}

Ver dismiss_member(Work& work, GroupRow& group, MemberRow& member, const std::string& except, const GroupTip& tip) {
  const bool was_unread = unread_of(work.tables, group, member) > 0;
  member.left_at = work.now;
  member.role = GroupRole::Member;
  --group.members;
  if (group.owner == member.who.user) group.owner.clear();
  work.told.deliveries.push_back({.to = member.who, .item = Subscribed{false}, .group = group.conv});
  work.told.read.push_back({member.who, {group.conv, group.seq}});  // no push of it any more
  const Ver ver = change_member_row(work, member, group, except, &tip);
  if (was_unread) tell_total(work, member.who, {ver, unread_total(work.tables, member.who)}, except);
  return ver;
}

void tell_members(Work& work, GroupRow& group, const Actor& who, const GroupTip& tip) {
  Tables& tables = work.tables;
  if (!traits_of(group.type).tips_stored) {
    GroupNews news{.group = group.id, .tip = std::make_shared<const std::string>(tip_element(tip)), .stored = false};
    tables.move_group(group.conv, work.now);
    work.told.deliveries.push_back({.to = who.user, .item = std::move(news), .group = group.conv});
    return;
  }
  Message made{.at = std::max(work.now, group.last_at),
               .from = tip.by.empty() ? std::string(kSystemUser) : tip.by,
               .flags = {.no_unread = true, .tip = true},
               .elements = tip_elements(tip),
               .group = group.id};
  group.seq = {group.seq.value + 1};
  group.last_at = made.at;
  made.id = {group.conv, group.seq};
  if (const milliseconds kept = work.settings(group.app).message_kept; kept.count() > 0) made.expires = made.at + kept;
  tables.advance_group(group, work.now);
  tables.add_group_message(group, made, {.counts = false, .counted = group.counted});
  auto message = std::make_shared<const Message>(std::move(made));
  work.told.deliveries.push_back(
      {.to = who.user, .item = NewMessage{std::move(message), 0, false}, .group = group.conv});
}

}  // namespace nightpost::im
