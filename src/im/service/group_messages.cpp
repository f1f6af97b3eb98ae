#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "im/domain/message_rules.h"
#include "im/service/before_questions.h"
#include "im/service/callback_notes.h"
#include "im/service/group_commands.h"
#include "im/service/words.h"

namespace nightpost::im {
namespace {

using Receivers = std::shared_ptr<const std::vector<std::string>>;

Receivers receivers_of(const std::vector<std::string>& targets) {
  return targets.empty() ? nullptr : std::make_shared<const std::vector<std::string>>(targets);
}

/// Own messages above the mark, once it stands at `to`. The shorter side is counted.
std::int64_t own_above(Tables& tables, const GroupRow& group, const MemberRow& row, Seq to) {
  if (to >= group.seq || row.own_since == 0) return 0;
  const bool lower_is_shorter = to.value - row.read.value < group.seq.value - to.value;
  if (!lower_is_shorter) return tables.own_count(group.conv, row.who.user, to, group.seq);
  return std::max<std::int64_t>(0, row.own_since - tables.own_count(group.conv, row.who.user, row.read, to));
}

void advance_mark(Work& work, const GroupRow& group, MemberRow& row, Seq to) {
  row.own_since = own_above(work.tables, group, row, to);
  row.read_count = work.tables.counted_at(group, to);
  row.read = to;
  work.told.read.push_back({row.who, {group.conv, to}});
}

/// Writes the row and tells the member's other devices how far he has read.
std::pair<Ver, std::int64_t> tell_mark(Work& work, const GroupRow& group, MemberRow& row, const std::string& except) {
  row.ver = work.tables.touch(row.who).ver;
  work.tables.save_member(row);
  const std::int64_t total = unread_total(work.tables, row.who);
  work.told.deliveries.push_back({.to = row.who,
                                  .ver = row.ver,
                                  .except = except,
                                  .item = GroupRead{group.id, row.read, unread_of(work.tables, group, row)},
                                  .unread_total = total});
  return {row.ver, total};
}

Message message_from(const GroupDraft& draft, const InGroup& in, const AccountRow& sender, const std::string& from,
                     WallTime at) {
  return {.at = at,
          .from = from,
          .nick = sender.nick,
          .face = sender.face,
          .client_id = draft.client_id,
          .priority = draft.priority,
          .flags = {.no_unread = draft.no_unread, .no_last = draft.no_last},
          .elements = draft.elements,
          .push = draft.push,
          .cloud_data = draft.cloud_data,
          .group = in.group.id,
          .card = in.member ? in.member->card : std::string(),
          .mentions = draft.mentions,
          .targets = draft.targets};
}

}  // namespace

Answer<SendReply> send_to_group(Work& work, const Actor& who, const GroupDraft& asked) {
  Tables& tables = work.tables;
  // Load.
  if (auto ok = may_act(tables, who); !ok) return std::unexpected(std::move(ok.error()));
  if (auto first = sent_before(work, who.user, asked)) return *first;  // also of who was silenced or kicked since
  auto in = enter(tables, who, asked.group);
  if (!in) return std::unexpected(std::move(in.error()));
  const auto sender = tables.account(who.user);
  if (!sender || sender->removed) return refuse(Code::AccountUnknown, "user: no such account");
  GroupRow& group = in->group;
  const bool live = group.type == GroupType::Live;
  if (live && !who.admin()) {
    if (who.live != group.conv) return refuse(Code::GroupForbidden, "group: join it first");
    if (auto ok = may_be_in_room(work, group, who.user.user); !ok) return std::unexpected(std::move(ok.error()));
  }
  if (live && !asked.targets.empty()) return refuse(Code::Malformed, "targets: not in a live group");

  // Decide.
  GroupSendFacts facts{.type = group.type,
                       .actor = asked.signal && in->member ? GroupActor::App : in->actor,
                       .all_silenced = group.all_silenced,
                       .online_only = asked.online_only || live,
                       .no_unread = asked.no_unread,
                       .targeted = !asked.targets.empty(),
                       .push_disabled = asked.push_disabled,
                       .head = group.seq,
                       .last_at = group.last_at,
                       .now = work.now};
  if (in->member) facts.silenced_until = in->member->silenced_until;
  if (live) facts.silenced_until = silenced_in_room(work, group, who.user.user);
  if (!who.admin())  // in this group, or in all of them
    facts.silenced_until = std::max(facts.silenced_until.value_or(WallTime{}), tables.silence(who.user).groups_until);
  const auto plan = decide_group_send(facts);
  if (!plan) return std::unexpected(plan.error());
  const auto other = worded(work, who, asked);
  if (!other) return std::unexpected(other.error());
  const GroupDraft& draft = *other ? **other : asked;
  if (is_look_ahead(work)) {
    ask_group_send(work, who, group, draft);
    return SendReply{.at = plan->at, .ver = sender->ver};
  }

  // Apply.
  Message made = message_from(draft, *in, *sender, who.user.user, plan->at);
  const Receivers only = receivers_of(draft.targets);
  const auto deliver = [&](const std::shared_ptr<const Message>& message) {
    work.told.deliveries.push_back({.to = who.user,
                                    .except = device_of(who),
                                    .item = NewMessage{message, 0, !plan->stored},
                                    .group = group.conv,
                                    .only = only});
  };
  if (!plan->stored) {
    if (!draft.untold) note_group_sent(work, who, group, made, true);
    deliver(std::make_shared<const Message>(std::move(made)));
    return SendReply{.at = plan->at, .ver = sender->ver};
  }
  const bool counts = plan->counts && traits_of(group.type).counts_unread;
  group.seq = plan->seq;
  group.last_at = plan->at;
  group.counted += counts ? 1 : 0;
  made.id = {group.conv, plan->seq};
  if (const milliseconds kept = work.settings(group.app).message_kept; kept.count() > 0) made.expires = plan->at + kept;
  tables.advance_group(group, work.now);
  tables.add_group_message(group, made, {counts, group.counted});
  if (!draft.client_id.empty()) tables.add_sent(who.user, draft.client_id, {made.id, made.at, sender->ver});
  if (in->member) tables.note_sent(*in->member, counts, plan->at);
  const auto message = std::make_shared<const Message>(std::move(made));
  deliver(message);
  if (!draft.untold) note_group_sent(work, who, group, *message, false);
  if (plan->intent) {
    const std::int64_t ranges = ranges_of(group.members);
    work.told.group_intents.push_back({.id = tables.add_group_intent(message->id, ranges),
                                       .message = message,
                                       .app = group.app,
                                       .name = group.name,
                                       .ranges = ranges});
  }
  return SendReply{.id = message->id, .at = message->at, .ver = sender->ver};
}

Answer<Ver> recall_in_group(Work& work, const Actor& who, MessageId id) {
  Tables& tables = work.tables;
  auto in = enter(tables, who, id.conv);
  if (!in)
    return refuse(in.error().code == Code::GroupUnknown ? Code::GroupMessageUnknown : in.error().code,
                  in.error().code == Code::GroupUnknown ? "id: no such message" : in.error().why);
  GroupRow& group = in->group;
  const auto found = tables.group_message(group, id.seq);
  GroupRecallFacts facts{.type = group.type,
                         .actor = in->actor,
                         .owner_recalls = work.settings(group.app).group_owner_recalls,
                         .now = work.now};
  if (found) {
    const Message& message = found->first;
    const bool reachable = who.admin() || (in->member && id.seq > in->member->cleared &&
                                           tables.group_message(group, id.seq, {who.user.user, work.now}));
    facts.visible = reachable && !message.flags.tip;
    facts.mine = !who.user.user.empty() && message.from == who.user.user;
    facts.recalled = message.flags.recalled;
    facts.at = message.at;
    if (const auto sender = member_now(tables, group.conv, {group.app, message.from})) facts.sender = sender->role;
  }
  const auto plan = decide_group_recall(facts, work.settings(group.app).recall_window);
  if (!plan) return std::unexpected(plan.error());
  const Ver ver = ver_of(tables, who.user);
  if (!*plan) return ver;
  tables.make_tombstone(id);
  tables.add_change(id, who.user.user, work.now, ChangeRow::What::Recalled);
  if (found->second.counts) tables.note_recalled(id);
  tables.erase_mentions(found->first);
  tables.erase_group_intent(id);
  tables.move_group(group.conv, work.now);
  work.told.recalled.push_back(id);
  work.told.deliveries.push_back({.to = who.user,
                                  .except = device_of(who),
                                  .item = GroupRecalled{group.id, {id, who.user.user, work.now}},
                                  .group = group.conv,
                                  .only = receivers_of(found->first.targets)});
  note_group_recalled(work, who, group, id);
  return ver;
}

Answer<Ver> remove_in_group(Work& work, const Terminal& who, const std::vector<MessageId>& ids) {
  Tables& tables = work.tables;
  const auto in = enter(tables, actor_of(who), ids.front().conv);
  auto member = in ? in->member : std::nullopt;
  for (const MessageId& id : ids)
    if (!member || id.conv != in->group.conv || id.seq > in->group.seq)
      return refuse(Code::MessageUnknown, "ids: no such message in this conversation, " + text_of(id));
  std::vector<MessageId> gone;
  for (const MessageId& id : ids)
    if (id.seq > member->cleared && tables.group_message(in->group, id.seq) &&
        tables.remove_for(id, who.user.user, work.now))
      gone.push_back(id);
  const Ver ver = change_member_row(work, *member, in->group, who.device, nullptr);
  if (!gone.empty())  // what the row's news says, and which they are
    work.told.deliveries.back().item = Removed{.peer = "", .group = in->group.id, .ids = std::move(gone)};
  return ver;
}

Answer<ReadReply> read_group(Work& work, const Actor& who, const GroupReadRequest& request) {
  Tables& tables = work.tables;
  auto in = enter(tables, who, request.group);
  if (!in) return std::unexpected(std::move(in.error()));
  if (!in->member) return refuse(Code::GroupForbidden, "group: this user is no member");
  const GroupRow& group = in->group;
  MemberRow& row = *in->member;
  std::optional<Seq> asked = request.seq;
  if (request.until) {
    const WallTime after = std::chrono::floor<std::chrono::seconds>(*request.until) + std::chrono::seconds(1);
    asked = tables.group_last_before(group.conv, after, row.read, group.seq);
  }
  const Seq mark = advanced_read(row.read, group.seq, asked);
  if (mark == row.read)
    return ReadReply{row.read, unread_of(tables, group, row), unread_total(tables, row.who), ver_of(tables, row.who)};
  const std::int64_t before = unread_of(tables, group, row);
  advance_mark(work, group, row, mark);
  const auto [ver, total] = tell_mark(work, group, row, device_of(who));
  const std::int64_t unread = unread_of(tables, group, row);
  if (unread < before) tell_total(work, row.who, {ver, total}, device_of(who));
  return ReadReply{mark, unread, total, ver};
}

Answer<Ver> change_group_chat(Work& work, const Actor& who, const GroupChatChange& change) {
  auto in = enter(work.tables, who, change.group);
  if (!in) return std::unexpected(std::move(in.error()));
  if (!in->member) return refuse(Code::GroupForbidden, "group: this user is no member");
  MemberRow& row = *in->member;
  if (change.pinned) row.pinned = *change.pinned;
  if (change.mark) row.mark = *change.mark;
  const bool was_unread = change.remove && unread_of(work.tables, in->group, row) > 0;
  if (change.remove) {
    row.pinned = false;
    row.hidden_to = {in->group.seq.value + 1};
    advance_mark(work, in->group, row, in->group.seq);  // what is not in the list is not in the total
    if (change.with_messages) row.cleared = in->group.seq;
  }
  const Ver ver = change_member_row(work, row, in->group, device_of(who), nullptr);
  if (was_unread) tell_total(work, row.who, {ver, unread_total(work.tables, row.who)}, device_of(who));
  return ver;
}

void expire_in_group(Work& work, MessageId id) {
  const auto group = work.tables.group(id.conv);
  if (!group) return;
  const auto found = work.tables.group_message(*group, id.seq);
  if (!found) return;
  if (work.tables.erase_group_intent(id)) work.told.recalled.push_back(id);
  work.tables.erase_group_message(*group, found->first, found->second);
}

}  // namespace nightpost::im
