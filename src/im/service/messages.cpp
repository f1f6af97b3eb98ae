#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "im/domain/message_rules.h"
#include "im/service/before_questions.h"
#include "im/service/callback_notes.h"
#include "im/service/commands.h"
#include "im/service/group_commands.h"
#include "im/service/words.h"

namespace nightpost::im {
namespace {

/// As it is, or as the message `seq` begins it: what is older is not this user's to see.
ChatRow chat_or_new(Tables& tables, const UserKey& owner, const ConvRow& conv, Seq seq) {
  if (auto chat = tables.chat(owner, conv.id)) return *std::move(chat);
  const Seq before{seq.value - 1};
  return {.owner = owner, .conv = conv.id, .peer = conv.other(owner.user), .read = before, .cleared = before};
}

void show(ChatRow& chat, const Message& message, Ver ver) {
  chat.ver = ver;
  chat.head = message.id.seq;
  chat.head_at = message.at;
  chat.gone = false;
  if (!message.flags.no_last) chat.last = message.id.seq;
}

Delivery delivery_of(const UserKey& to, const std::string& except, const std::shared_ptr<const Message>& message,
                     Tables::Touched touched, std::int64_t unread) {
  return {to, touched.ver, except, NewMessage{message, unread, false}, touched.unread};
}

/// What the app's server calls it; of a client's message its own seq and 0.
WireName wire_name(const Draft& draft, Seq seq) {
  const Draft::Named name = draft.name.value_or(Draft::Named{});
  return {name.seq.value_or(static_cast<std::uint32_t>(seq.value)), name.random, {}};
}

void deliver_online_only(Work& work, const Actor& who, const Draft& draft, const UserKey& to, Message message,
                         std::int64_t own_total, std::int64_t total) {
  const bool hidden = std::exchange(message.flags.hidden_from_receiver, false);
  const auto shared = std::make_shared<const Message>(std::move(message));
  if (!draft.untold) note_sent(work, who, *shared, wire_name(draft, {}), hidden, true, total);
  if (!draft.hidden_from_sender && who.user.user != kSystemUser)
    work.told.deliveries.push_back({who.user, {}, device_of(who), NewMessage{shared, 0, true}, own_total});
  if (!hidden && to != who.user) work.told.deliveries.push_back({to, {}, "", NewMessage{shared, 0, true}, total});
}

/// Whose client ids a draft's is among.
UserKey keeper_of(const Actor& who, const Draft& draft) {
  return draft.client_id_of.empty() ? who.user : UserKey{who.user.app, draft.client_id_of};
}

/// Whether a message that is called so has been brought before, however long ago.
bool imported_before(Tables& tables, const ConvRow& conv, const Draft& draft) {
  if (!draft.imported_at || !draft.name || !draft.name->seq) return false;
  const std::int64_t second = std::chrono::floor<seconds>(*draft.imported_at).time_since_epoch().count();
  return tables.find_named(conv, *draft.name->seq, draft.name->random, second).value > 0;
}

/// What the app's server calls the message.
void name_message(Work& work, const Draft& draft, const Message& message) {
  if (!draft.name) return;
  WireName name = wire_name(draft, message.id.seq);
  if (draft.imported_at && *draft.imported_at != message.at) name.imported_at = *draft.imported_at;
  work.tables.name_message(message.id, name);
}

/// Whether the app lets the two write to each other.
bool may_write(Work& work, const Actor& who, const UserKey& to) {
  if (who.admin() || !work.settings(to.app).friends_only) return true;
  return work.tables.friend_of(to, who.user.user) && work.tables.friend_of(who.user, to.user);
}

/// The message in its sender's, or its receiver's, list.
void show_to(Work& work, const UserKey& owner, const ConvRow& conv, const std::shared_ptr<const Message>& message,
             Tables::Touched touched, bool counts, const std::string& except, bool history) {
  ChatRow chat = chat_or_new(work.tables, owner, conv, message->id.seq);
  show(chat, *message, touched.ver);
  chat.unread += counts ? 1 : 0;
  work.tables.save_chat(chat);
  if (history)
    work.told.deliveries.push_back({owner, touched.ver, except, ChatChanged{chat.peer}, touched.unread});
  else
    work.told.deliveries.push_back(delivery_of(owner, except, message, touched, chat.unread));
}

}  // namespace

Answer<SendReply> send(Work& work, const Actor& who, const Draft& asked) {
  Tables& tables = work.tables;
  // Load.
  if (auto ok = may_act(tables, who); !ok) return std::unexpected(std::move(ok.error()));
  const UserKey keeper = keeper_of(who, asked);
  if (auto first = sent_before(work, keeper, asked)) return *first;
  const UserKey to{who.user.app, asked.to};
  const bool to_self = to == who.user;
  const bool from_system = who.admin() && who.user.user == kSystemUser;
  const auto sender = from_system ? AccountRow() : tables.account(who.user);
  if (!sender || sender->removed) return refuse(Code::AccountUnknown, "user: no such account");
  const auto receiver = to_self ? sender : tables.account(to);
  auto conv = tables.conv(to.app, who.user.user, to.user);
  if (conv && imported_before(tables, *conv, asked)) return SendReply{.ver = sender->ver, .repeated = true};
  std::vector<PushTarget> targets = to_self ? std::vector<PushTarget>() : push_targets(tables, to);

  // Decide. The app's server passes silences and blacklists.
  const SendFacts facts{
      .to_self = to_self,
      .from_system = from_system,
      .receiver_known = receiver && !receiver->removed,
      .blacklisted = !to_self && (!who.admin() || asked.signal) && tables.blocks(to, who.user.user),
      .friends = to_self || asked.signal || may_write(work, who, to),
      .silenced_until = who.admin() || asked.signal ? WallTime{} : tables.silence(who.user).chats_until,
      .receiver_has_targets = !targets.empty(),
      .online_only = asked.online_only,
      .no_unread = asked.no_unread || asked.history,
      .push_disabled = asked.push_disabled,
      .head = conv ? conv->seq : Seq{},
      .last_at = conv ? conv->last_at : WallTime{},
      .now = asked.imported_at.value_or(work.now)};
  const auto plan = decide_send(facts, {.blacklist_silent = work.settings(to.app).blacklist_silent});
  if (!plan) return std::unexpected(plan.error());
  const auto other = worded(work, who, asked);
  if (!other) return std::unexpected(other.error());
  const Draft& draft = *other ? **other : asked;
  if (is_look_ahead(work)) {
    ask_send(work, who, draft, wire_name(draft, plan->seq), plan->at);
    return SendReply{.at = plan->at, .ver = sender->ver};
  }

  Message made{.at = plan->at,
               .from = who.user.user,
               .to = to.user,
               .nick = sender->nick,
               .face = sender->face,
               .client_id = draft.client_id,
               .priority = draft.priority,
               .flags = {.no_unread = facts.no_unread, .no_last = draft.no_last, .hidden_from_receiver = plan->hidden},
               .elements = draft.elements,
               .push = draft.push,
               .cloud_data = draft.cloud_data};
  if (!plan->stored) {
    deliver_online_only(work, who, draft, to, std::move(made), unread_total(tables, who.user),
                        unread_total(tables, to));
    return SendReply{.at = plan->at, .ver = sender->ver};
  }

  // Apply.
  if (!conv) conv = tables.add_conv(to.app, who.user.user, to.user);
  made.id = {conv->id, plan->seq};
  const milliseconds kept = draft.lifetime.value_or(work.settings(to.app).message_kept);
  if (kept.count() > 0) made.expires = plan->at + kept;
  tables.advance(conv->id, plan->seq, plan->at);
  const bool told = !to_self && !plan->hidden;
  const bool shown = to_self || (!draft.hidden_from_sender && !from_system);
  const Tables::Touched mine = shown ? tables.touch(who.user) : Tables::Touched{sender->ver, sender->unread};
  const Tables::Touched theirs = told ? tables.touch(to, in_total(*conv, plan->counts ? 1 : 0))
                                      : Tables::Touched{to_self ? mine.ver : receiver->ver, 0};
  const bool from_b = conv->is_b(who.user.user);
  tables.add_message(*conv, made, from_b ? MessageVers{theirs.ver, mine.ver} : MessageVers{mine.ver, theirs.ver});
  name_message(work, draft, made);
  if (!draft.client_id.empty())
    tables.add_sent(keeper, draft.client_id, {made.id, draft.imported_at ? work.now : made.at, mine.ver});
  made.flags.hidden_from_receiver = false;  // the sender is told nothing
  const auto message = std::make_shared<const Message>(std::move(made));
  if (shown)
    show_to(work, who.user, *conv, message, mine, false, device_of(who), draft.history);
  else if (!from_system)
    tables.hide(message->id, who.user.user);
  if (told) show_to(work, to, *conv, message, theirs, plan->counts, "", draft.history);
  if (!draft.imported_at && !draft.untold)
    note_sent(work, who, *message, wire_name(draft, message->id.seq), plan->hidden, false, theirs.unread);
  if (plan->intent)
    work.told.intents.push_back({.id = tables.add_intent(to, message->id, theirs.ver),
                                 .message = message,
                                 .to = to,
                                 .ver = theirs.ver,
                                 .unread_total = theirs.unread,
                                 .targets = std::move(targets)});
  return SendReply{.id = message->id, .at = message->at, .ver = mine.ver};
}

Answer<Ver> recall(Work& work, const Actor& who, MessageId id) {
  Tables& tables = work.tables;
  if (auto ok = may_act(tables, who); !ok) return std::unexpected(std::move(ok.error()));
  const auto conv = tables.conv(id.conv);
  if (conv && conv->is_group()) return recall_in_group(work, who, id);
  const bool inside = conv && conv->holds(who.user);
  auto chat = inside ? tables.chat(who.user, id.conv) : std::nullopt;
  // A sender may have the message in no list of his: then only the app's server knows of it.
  const bool sought = chat || (inside && who.admin());
  const auto message = sought ? tables.message(*conv, id.seq) : std::nullopt;
  RecallFacts facts{.seq = id.seq, .now = work.now};
  std::optional<ChatRow> other;
  if (message) {
    const UserKey to{who.user.app, message->to};
    other = to == who.user ? std::nullopt : tables.chat(to, id.conv);
    facts.mine = message->from == who.user.user;
    facts.hidden = message->flags.hidden_from_receiver;
    facts.visible = (who.admin() || id.seq > chat->cleared) && (facts.mine || !facts.hidden) &&
                    (!message->expires || *message->expires > work.now);
    facts.recalled = message->flags.recalled;
    facts.counts = !message->flags.no_unread && other.has_value();
    facts.receiver_read = other ? other->read : id.seq;
    facts.at = message->at;
  }
  const auto plan = decide_recall(facts, who.admin() ? milliseconds::max() : work.settings(who.user.app).recall_window);
  if (!plan) return std::unexpected(plan.error());
  const auto account = tables.account(who.user);
  const Ver ver = account ? account->ver : Ver{};
  if (plan->repeated) return ver;

  tables.make_tombstone(id);
  tables.add_change(id, who.user.user, work.now, ChangeRow::What::Recalled);
  tables.erase_intent(id);
  work.told.recalled.push_back(id);
  const Recall recall{id, who.user.user, work.now};
  const Tables::Touched mine = chat ? tables.touch(who.user) : Tables::Touched{ver, 0};
  if (chat) {
    chat->ver = mine.ver;
    tables.save_chat(*chat);
    work.told.deliveries.push_back({who.user, mine.ver, device_of(who), Recalled{chat->peer, recall}, mine.unread});
  }
  if (plan->tell_receiver && other) {
    const Tables::Touched theirs = tables.touch(other->owner, in_total(*conv, -plan->unread_less));
    other->ver = theirs.ver;
    other->unread -= plan->unread_less;
    tables.save_chat(*other);
    work.told.deliveries.push_back({other->owner, theirs.ver, "", Recalled{other->peer, recall}, theirs.unread});
    if (!is_systems(*conv)) tell_recalled(work, *conv, *message, theirs, plan->unread_less > 0);
  }
  note_recalled(work, who, *message);
  return mine.ver;
}

Answer<Ver> remove(Work& work, const Terminal& who, const std::vector<MessageId>& ids) {
  Tables& tables = work.tables;
  if (auto row = logged_in(tables, who); !row) return std::unexpected(std::move(row.error()));
  if (!ids.empty())
    if (const auto conv = tables.conv(ids.front().conv); conv && conv->is_group())
      return remove_in_group(work, who, ids);
  struct Touched {
    ConvRow conv;
    ChatRow chat;
    std::vector<MessageId> gone;
  };
  std::vector<Touched> chats;
  const auto chat_of = [&](ConvId id) -> Touched* {
    for (Touched& each : chats)
      if (each.conv.id == id) return &each;
    auto conv = tables.conv(id);
    if (!conv || !conv->holds(who.user)) return nullptr;
    auto chat = tables.chat(who.user, id);
    return chat ? &chats.emplace_back(*std::move(conv), *std::move(chat), std::vector<MessageId>()) : nullptr;
  };
  for (const MessageId& id : ids) {
    const Touched* const found = chat_of(id.conv);
    if (!found || id.seq > found->chat.head)
      return refuse(Code::MessageUnknown, "ids: no such message, " + text_of(id));
  }

  for (const MessageId& id : ids) {
    Touched& in = *chat_of(id.conv);
    if (id.seq <= in.chat.cleared) continue;  // gone already
    const auto message = tables.message(in.conv, id.seq);
    if (!message) continue;  // likewise
    if (tables.remove_for(id, who.user.user, work.now)) in.gone.push_back(id);
    if (message->to == who.user.user && tables.erase_intent(id)) work.told.recalled.push_back(id);
  }
  Ver ver;
  for (auto& [conv, chat, gone] : chats) {
    const Tables::Touched touched = tables.touch(who.user);
    ver = chat.ver = touched.ver;
    chat.last = tables.last_for(conv, {who.user.user, conv.is_b(who.user.user), chat.cleared, work.now});
    tables.save_chat(chat);
    Item item = ChatChanged{chat.peer};
    if (!gone.empty()) item = Removed{.peer = chat.peer, .group = "", .ids = std::move(gone)};
    work.told.deliveries.push_back({who.user, ver, who.device, std::move(item), touched.unread});
  }
  return ver;
}

}  // namespace nightpost::im
