#include "im/service/group_admin_commands.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "im/domain/names.h"
#include "im/service/admin_commands.h"
#include "im/service/words.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kRecalledAtOnce = 100;
constexpr std::size_t kNamesAtOnce = 1'000;

Actor app_itself(AppId app) { return {{app, ""}, std::nullopt}; }

/// The mark below the `unread` newest messages that the member has to read, or where his history begins.
void set_mark(Work& work, const GroupRow& group, MemberRow& row, std::int64_t unread) {
  Tables& tables = work.tables;
  Seq to = group.seq;
  if (unread > 0) {
    const Seq first = tables.unread_from(group.conv, row.who.user, unread);
    to = std::max(row.cleared, Seq{std::max<std::int64_t>(first.value, 1) - 1});
  }
  row.own_since = to < group.seq ? tables.own_count(group.conv, row.who.user, to, group.seq) : 0;
  row.read_count = tables.counted_at(group, to);
  row.read = to;
}

Answer<void> import_member(Work& work, GroupRow& group, const MemberImport& member) {
  const UserKey who{group.app, member.user};
  const GroupTraits& traits = traits_of(group.type);
  if (auto ok = check_user_id(member.user, "Member_Account"); !ok) return ok;
  if (member.role == GroupRole::Owner) return refuse(Code::Malformed, "Role: change_group_owner makes an owner");
  if (member.joined_at && *member.joined_at > work.now) return refuse(Code::Malformed, "JoinTime: in the future");
  const GroupRole role = traits.has_admins ? member.role : GroupRole::Member;
  const GroupTip tip{.kind = GroupTip::Kind::Invite, .users = {member.user}};
  if (auto in = admit(work, group, who, role, "", tip); !in) return std::unexpected(std::move(in.error()));
  auto row = member_now(work.tables, group.conv, who);
  if (!row) return {};  // the tables have failed
  if (member.joined_at) {
    row->joined_at = *member.joined_at;
    if (!traits.history_before)
      row->cleared = work.tables.group_last_before(group.conv, *member.joined_at, Seq{}, group.seq);
  }
  set_mark(work, group, *row, member.unread);
  work.tables.save_member(*row);
  return {};
}

Answer<SendReply> import_one(Work& work, GroupRow& group, const GroupMessageDraft& draft) {
  Tables& tables = work.tables;
  const UserKey from{group.app, draft.from};
  // Of this group: a dismissed one may have had the same id.
  const std::string client_id = draft.client_id + "-" + std::to_string(group.conv.value);
  if (const auto first = tables.sent(from, client_id))
    return SendReply{.id = first->id, .at = draft.at, .ver = first->ver, .repeated = true};
  const auto sender = tables.account(from);
  if (!sender || sender->removed) return refuse(Code::AccountUnknown, "From_Account: no such account");
  if (draft.at < group.created_at || draft.at < group.last_at)
    return refuse(Code::Malformed, "SendTime: before the group's beginning or its newest message");
  const auto words = reworded(work, group.app, true, draft.elements, "");
  if (!words) return std::unexpected(words.error());
  const auto plan = decide_group_send(
      {.type = group.type, .actor = GroupActor::App, .head = group.seq, .last_at = group.last_at, .now = draft.at});
  if (!plan) return std::unexpected(plan.error());
  const auto member = member_now(tables, group.conv, from);
  const bool counts = traits_of(group.type).counts_unread;
  Message made{.id = {group.conv, plan->seq},
               .at = plan->at,
               .from = draft.from,
               .nick = sender->nick,
               .face = sender->face,
               .client_id = client_id,
               .elements = words->elements.value_or(draft.elements),
               .cloud_data = draft.cloud_data,
               .group = group.id,
               .card = member ? member->card : std::string()};
  if (const milliseconds kept = work.settings(group.app).message_kept; kept.count() > 0) made.expires = made.at + kept;
  group.seq = plan->seq;
  group.last_at = plan->at;
  group.counted += counts ? 1 : 0;
  tables.advance_group(group, work.now);
  tables.add_group_message(group, made, {counts, group.counted});
  tables.add_sent(from, client_id, {made.id, work.now, sender->ver});
  if (member) tables.note_sent(*member, counts, plan->at);
  return SendReply{.id = made.id, .at = made.at, .ver = sender->ver};
}

}  // namespace

Answer<GroupIds> group_ids(Work& work, AppId app, const GroupIdsRequest& request) {
  GroupIds out{.groups = {}, .total = work.tables.count_groups(app, request.type), .next = {}};
  auto found = work.tables.group_ids(app, request.after, request.type, request.limit + 1);
  if (found.size() > request.limit) {
    found.resize(request.limit);
    out.next = found.back().first;
  }
  for (auto& [conv, id] : found) out.groups.push_back(std::move(id));
  return out;
}

Answer<std::vector<std::string>> member_names(Work& work, AppId app, const std::string& group) {
  const auto in = enter(work.tables, app_itself(app), group);
  if (!in) return std::unexpected(in.error());
  std::vector<std::string> out;
  for (std::size_t before = 0;; before = out.size()) {
    const std::string after = out.empty() ? "" : out.back();
    for (auto& [row, nick] : work.tables.members(in->group.conv, after, std::nullopt, std::nullopt, kNamesAtOnce))
      out.push_back(std::move(row.who.user));
    if (out.size() - before < kNamesAtOnce) return out;
  }
}

Answer<void> notify_group(Work& work, AppId app, const GroupNotice& notice) {
  const auto in = enter(work.tables, app_itself(app), notice.group);
  if (!in) return std::unexpected(in.error());
  const GroupTip tip{.kind = GroupTip::Kind::Custom, .users = notice.to, .note = notice.content};
  GroupNews news{.group = in->group.id, .tip = std::make_shared<const std::string>(tip_element(tip)), .stored = false};
  Delivery delivery{.to = {app, ""}, .item = std::move(news), .group = in->group.conv};
  if (!notice.to.empty()) delivery.only = std::make_shared<const std::vector<std::string>>(notice.to);
  work.told.deliveries.push_back(std::move(delivery));
  return {};
}

Answer<std::vector<MemberOutcome>> import_members(Work& work, AppId app, const std::string& id,
                                                  const std::vector<MemberImport>& all) {
  auto in = enter(work.tables, app_itself(app), id);
  if (!in) return std::unexpected(std::move(in.error()));
  if (in->group.type == GroupType::Live)
    return refuse(Code::GroupForbidden, "GroupId: each joins a live group by himself");
  std::vector<MemberOutcome> out;
  for (const MemberImport& member : all) {
    auto done = import_member(work, in->group, member);
    const bool already = !done && done.error().code == Code::AlreadyMember;
    out.push_back({member.user,
                   done      ? MemberResult::Done
                   : already ? MemberResult::Already
                             : MemberResult::Failed,
                   done ? std::string() : done.error().why});
  }
  work.tables.save_group(in->group);
  return out;
}

Answer<GroupAdmin::Imported> import_to_group(Work& work, AppId app, const std::string& id,
                                             const std::vector<Answer<GroupMessageDraft>>& all) {
  auto in = enter(work.tables, app_itself(app), id);
  if (!in) return std::unexpected(std::move(in.error()));
  if (in->group.type == GroupType::Live) return refuse(Code::GroupForbidden, "GroupId: a live group keeps no messages");
  GroupAdmin::Imported out;
  const Seq before = in->group.seq;
  for (const Answer<GroupMessageDraft>& draft : all)
    out.push_back(draft ? import_one(work, in->group, *draft) : std::unexpected(draft.error()));
  if (before < in->group.seq)  // its members read them by sync
    work.told.deliveries.push_back(
        {.to = {app, ""}, .item = GroupNews{.group = id, .tip = nullptr, .stored = true}, .group = in->group.conv});
  return out;
}

Answer<void> edit_in_group(Work& work, AppId app, const std::string& id, Seq seq, const MessageEdit& edit) {
  Tables& tables = work.tables;
  auto in = enter(tables, app_itself(app), id);
  if (!in) return std::unexpected(std::move(in.error()));
  auto found = tables.group_message(in->group, seq);
  const bool there = found && !found->first.flags.recalled && !found->first.flags.tip &&
                     (!found->first.expires || *found->first.expires > work.now);
  if (!there) return refuse(Code::GroupMessageUnknown, "MsgSeq: no such message, or it was recalled");
  const auto words = reworded(work, app, true, edit.elements.value_or(""), "");
  if (!words) return std::unexpected(words.error());
  const bool again = found->first.flags.edited;
  auto made = edited(std::move(found->first), words->elements ? MessageEdit{words->elements, edit.cloud_data} : edit);
  if (!made) return {};
  tables.edit_message(made->id, made->elements, made->cloud_data);
  if (again) tables.forget_edits(made->id);
  tables.add_change(made->id, "", work.now, ChangeRow::What::Edited);
  tables.move_group(in->group.conv, work.now);
  Delivery delivery{.to = {app, ""}, .item = MessageEdited{}, .group = in->group.conv};
  if (!made->targets.empty()) {
    std::vector<std::string> who = made->targets;
    who.push_back(made->from);
    delivery.only = std::make_shared<const std::vector<std::string>>(std::move(who));
  }
  // Who joined later, or has emptied the conversation, is not shown the content: then all read it by pull.
  const bool all_see_it = tables.receipt(made->id, "").first == in->group.members;
  if (all_see_it)
    delivery.item = MessageEdited{std::make_shared<const Message>(*std::move(made))};
  else
    delivery.item = GroupNews{.group = id, .tip = nullptr, .stored = true};
  work.told.deliveries.push_back(std::move(delivery));
  return {};
}

Answer<Seq> recall_of_sender(Work& work, AppId app, const std::string& id, const std::string& sender, Seq below) {
  const auto in = enter(work.tables, app_itself(app), id);
  if (!in) return std::unexpected(in.error());
  const Seq from = below.value > 0 ? below : Seq{in->group.seq.value + 1};
  const std::vector<Seq> seqs = work.tables.seqs_of_sender(in->group.conv, sender, from, kRecalledAtOnce);
  for (const Seq seq : seqs)
    if (auto done = recall_in_group(work, app_itself(app), {in->group.conv, seq}); !done)
      return std::unexpected(std::move(done.error()));
  return seqs.size() < kRecalledAtOnce ? Seq{} : seqs.back();
}

Answer<void> set_group_unread(Work& work, const UserKey& who, const std::string& id, std::int64_t unread) {
  auto in = enter(work.tables, {who, std::nullopt}, id);
  if (!in) return std::unexpected(std::move(in.error()));
  if (!in->member) return refuse(Code::GroupForbidden, "Member_Account: no member of the group");
  MemberRow& row = *in->member;
  const Seq before = row.read;
  const std::int64_t was = unread_of(work.tables, in->group, row);
  set_mark(work, in->group, row, unread);
  if (row.read == before) return {};
  if (before < row.read) work.told.read.push_back({who, {in->group.conv, row.read}});
  const Ver ver = change_member_row(work, row, in->group, "", nullptr);
  if (unread_of(work.tables, in->group, row) < was) tell_total(work, who, {ver, unread_total(work.tables, who)}, "");
  return {};
}

}  // namespace nightpost::im
