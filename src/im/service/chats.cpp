#include <algorithm>
#include <chrono>
#include <utility>

#include "im/domain/message_rules.h"
#include "im/service/callback_notes.h"
#include "im/service/commands.h"
#include "im/service/group_commands.h"

namespace nightpost::im {
namespace {

/// How many count as unread above `to`, from how many do above the chat's mark. The shorter side is counted, so that a
/// conversation of a million costs what lies between two marks.
std::int64_t unread_above(Tables& tables, const ConvRow& conv, const ChatRow& chat, Seq to) {
  if (to >= chat.head) return 0;
  const bool is_b = conv.is_b(chat.owner.user);
  const bool lower_is_shorter = to.value - chat.read.value < chat.head.value - to.value;
  if (lower_is_shorter) return std::max<std::int64_t>(0, chat.unread - tables.count_unread(conv, is_b, chat.read, to));
  return tables.count_unread(conv, is_b, to, chat.head);
}

struct Opened {
  ConvRow conv;
  ChatRow chat;
};
std::optional<Opened> open(Tables& tables, const UserKey& who, const std::string& peer) {
  auto conv = tables.conv(who.app, who.user, peer);
  auto chat = conv ? tables.chat(who, conv->id) : std::nullopt;
  if (!chat) return std::nullopt;
  return Opened{*std::move(conv), *std::move(chat)};
}

}  // namespace

void advance_read(Work& work, const ConvRow& conv, ChatRow& chat, Seq to, const std::string& except) {
  Tables& tables = work.tables;
  const std::int64_t unread = unread_above(tables, conv, chat, to);
  const bool less = unread < chat.unread;
  const Tables::Touched mine = tables.touch(chat.owner, in_total(conv, unread - chat.unread));
  chat.ver = mine.ver;
  chat.read = to;
  chat.unread = unread;
  tables.save_chat(chat);
  tables.erase_intents_up_to(chat.owner, {conv.id, to});
  work.told.read.push_back({chat.owner, {conv.id, to}});
  work.told.deliveries.push_back({chat.owner, mine.ver, except, ReadMark{chat.peer, to, unread}, mine.unread});
  if (conv.a == conv.b) return;
  if (!is_systems(conv)) tell_read(work, conv, chat, to, mine, less, except);
  auto other = tables.chat({chat.owner.app, chat.peer}, conv.id);
  if (!other || other->peer_read >= to) return;
  const Tables::Touched theirs = tables.touch(other->owner);
  other->ver = theirs.ver;
  other->peer_read = to;
  tables.save_chat(*other);
  work.told.deliveries.push_back({other->owner, theirs.ver, "", PeerRead{other->peer, to}, theirs.unread});
}

Answer<ReadReply> read(Work& work, const Actor& who, const ReadRequest& request) {
  Tables& tables = work.tables;
  if (auto ok = may_act(tables, who); !ok) return std::unexpected(std::move(ok.error()));
  const auto reply_of = [&](Seq mark, std::int64_t unread) {
    const auto account = tables.account(who.user);
    return ReadReply{mark, unread, unread_total(tables, who.user), account ? account->ver : Ver{}};
  };
  auto found = open(tables, who.user, request.peer);
  if (!found) return reply_of({}, 0);  // nothing was ever said: all of it is read
  auto& [conv, chat] = *found;
  std::optional<Seq> asked = request.seq;
  if (request.until) {
    const WallTime after = std::chrono::floor<std::chrono::seconds>(*request.until) + std::chrono::seconds(1);
    asked = tables.last_before(conv, after, chat.read, chat.head);
  }
  const Seq mark = advanced_read(chat.read, chat.head, asked);
  if (mark > chat.read) {
    advance_read(work, conv, chat, mark, device_of(who));
    note_read(work, who, conv, chat);
  }
  return reply_of(chat.read, chat.unread);
}

Answer<Ver> change_chat(Work& work, const Actor& who, const ChatChange& change) {
  Tables& tables = work.tables;
  if (auto ok = may_act(tables, who); !ok) return std::unexpected(std::move(ok.error()));
  auto found = open(tables, who.user, change.peer);
  if (!found) return refuse(Code::MessageUnknown, "peer: no conversation with this user");
  ChatRow& chat = found->chat;
  std::int64_t less = 0;
  if (change.pinned) chat.pinned = *change.pinned;
  if (change.mark) chat.mark = *change.mark;
  if (change.remove) {
    chat.gone = true;
    chat.pinned = false;
    // What is not in the list is not in the total, and wants no push. The other one is told of no reading.
    less = std::exchange(chat.unread, 0);
    chat.read = chat.head;
    tables.erase_intents_up_to(who.user, {chat.conv, chat.head});
    work.told.read.push_back({who.user, {chat.conv, chat.head}});
    if (change.with_messages) {
      chat.cleared = chat.head;
      chat.last = {};
    }
  }
  less = in_total(found->conv, less);
  const Tables::Touched touched = tables.touch(who.user, -less);
  if (less > 0) tell_read(work, found->conv, chat, chat.head, touched, true, device_of(who));
  chat.ver = touched.ver;
  tables.save_chat(chat);
  work.told.deliveries.push_back({who.user, chat.ver, device_of(who), ChatChanged{chat.peer}, touched.unread});
  return chat.ver;
}

}  // namespace nightpost::im
