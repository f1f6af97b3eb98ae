#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "im/service/commands.h"
#include "im/service/group_commands.h"

namespace nightpost::im {
namespace {

constexpr milliseconds kSinceMargin{60'000};  // clocks may have been put back

std::size_t content_bytes(const std::optional<Message>& message) {
  return message ? message->elements.size() + message->push.size() + message->cloud_data.size() : 0;
}

Tables::Viewer viewer_of(const Work& work, const ConvRow& conv, const ChatRow& chat) {
  return {chat.owner.user, conv.is_b(chat.owner.user), chat.cleared, work.now};
}

Chat shown(Work& work, ChatRow&& row) {
  const auto conv = work.tables.conv(row.conv);
  Chat out{.conv = row.conv,
           .peer = std::move(row.peer),
           .head = row.head,
           .head_at = row.head_at,
           .read = row.read,
           .peer_read = row.peer_read,
           .cleared = row.cleared,
           .unread = row.unread,
           .changes = conv ? conv->changes : 0,
           .pinned = row.pinned,
           .mark = std::move(row.mark),
           .gone = row.gone,
           .ver = row.ver};
  if (conv && row.last.value > 0) out.last = work.tables.message(*conv, row.last, viewer_of(work, *conv, row));
  return out;
}

void read_page(Work& work, const ConvRow& conv, const ChatRow& chat, const PullRequest& request, PullReply& reply) {
  const auto viewer = viewer_of(work, conv, chat);
  const std::size_t bytes = work.options.answer_bytes_max;
  const Seq first{chat.cleared.value + 1};
  if (request.after) {
    reply.from = Seq{std::min(std::max<std::int64_t>(request.after->value, 0), chat.head.value) + 1};
    auto page = work.tables.messages_up(conv, std::max(reply.from, first), chat.head, viewer, request.limit, bytes);
    reply.to = page.more ? page.messages.back().id.seq : chat.head;
    reply.more = page.more;
    reply.messages = std::move(page.messages);
    return;
  }
  const Seq before{chat.head.value + 1};
  reply.to = Seq{std::clamp<std::int64_t>(request.before.value_or(before).value, 1, before.value) - 1};
  auto page = work.tables.messages_down(conv, first, reply.to, viewer, request.limit, bytes);
  std::ranges::reverse(page.messages);
  reply.from = page.more ? page.messages.front().id.seq : Seq{1};
  reply.more = page.more;
  reply.messages = std::move(page.messages);
}

}  // namespace

namespace {

/// Chats and groups whose owner's side changed above `from`, both by ver, up to the request's limit.
class ChangedRows {
 public:
  ChangedRows(Work& work, const UserKey& who, const SyncRequest& request, Ver from, SyncReply& reply)
      : work_(work),
        request_(request),
        reply_(reply),
        all_new_(from.value == 0),
        chats_(work.tables.chats_above(who, from, request.limit + 1)),
        groups_(work.tables.groups_above(who, from, request.limit + 1)) {}

  void fill() {
    Ver last;
    while (chat_ < chats_.size() || group_ < groups_.size()) {
      if (groups_cut_off()) return stop_at(last);
      const bool is_chat =
          group_ == groups_.size() || (chat_ < chats_.size() && chats_[chat_].ver < groups_[group_].member.ver);
      const Ver ver = is_chat ? chats_[chat_].ver : groups_[group_].member.ver;
      if (!(is_chat ? add_chat() : add_group())) return stop_at(last);
      last = ver;
    }
    if (groups_cut_off()) stop_at(last);
  }
  /// Groups that moved and are not among them.
  void fill_moved(const UserKey& who, WallTime since) {
    reply_.after_group = request_.after_group;
    for (const auto& [group, member] :
         work_.tables.groups_moved(who, since - kSinceMargin, request_.after_group, request_.limit + 1)) {
      if (!add({group, member})) {
        reply_.more = true;
        return;
      }
      reply_.after_group = group.conv;
      ++reply_.moved;
    }
    reply_.after_group = {};
  }

 private:
  void stop_at(Ver ver) {
    reply_.more = true;
    reply_.ver = ver;
  }
  /// Those read are through, and there may be more: some of them took no row.
  bool groups_cut_off() const { return group_ == groups_.size() && groups_.size() > request_.limit; }
  bool room_for(std::size_t bytes) {
    const std::size_t rows = reply_.chats.size() + reply_.groups.size();
    bytes_ += bytes;
    return rows < request_.limit && (bytes_ <= work_.options.answer_bytes_max || rows == 0);
  }
  bool add_chat() {
    Chat chat = shown(work_, std::move(chats_[chat_++]));
    if (!room_for(content_bytes(chat.last))) return false;
    reply_.chats.push_back(std::move(chat));
    return true;
  }
  bool add_group() {
    const Tables::Joined& row = groups_[group_++];
    const bool over = row.member.left() || row.group.dismissed;
    return (all_new_ && over) || add(row);  // who has nothing need not forget it
  }
  bool add(const Tables::Joined& row) {
    GroupChat chat = shown(work_, row.group, row.member);
    if (!room_for(content_bytes(chat.last))) return false;
    reply_.groups.push_back(std::move(chat));
    return true;
  }

  Work& work_;
  const SyncRequest& request_;
  SyncReply& reply_;
  const bool all_new_;
  std::vector<ChatRow> chats_;
  std::vector<Tables::Joined> groups_;
  std::size_t chat_ = 0, group_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

void add_changes(const std::vector<ChangeRow>& changes, PullReply& reply) {
  for (const ChangeRow& change : changes) {
    const MessageId id{reply.conv, change.seq};
    switch (change.what) {
      case ChangeRow::What::Recalled:
        reply.recalls.push_back({id, change.by, change.at});
        break;
      case ChangeRow::What::Edited:
        reply.edits.push_back(id);
        break;
      case ChangeRow::What::Removed:
        reply.removes.push_back(id);
        break;
    }
  }
}

Answer<SyncReply> sync(Work& work, const Terminal& who, const SyncRequest& request) {
  if (auto row = logged_in(work.tables, who); !row) return std::unexpected(std::move(row.error()));
  const auto account = work.tables.account(who.user);
  if (!account) return refuse(Code::AccountUnknown, "user: no such account");
  SyncReply reply{.ver = account->ver,
                  .unread_total = account->unread + work.tables.group_unread_total(who.user),
                  .time = work.now};
  reply.reset = request.ver > account->ver || (request.ver.value > 0 && request.ver < account->floor);
  const Ver from = reply.reset ? Ver{} : request.ver;
  ChangedRows rows(work, who.user, request, from, reply);
  rows.fill();
  // Of who begins at 0, all groups are among the rows.
  if (!reply.more && request.since && from.value > 0) rows.fill_moved(who.user, *request.since);
  return reply;
}

Answer<PullReply> pull(Work& work, const Terminal& who, const PullRequest& request) {
  if (auto row = logged_in(work.tables, who); !row) return std::unexpected(std::move(row.error()));
  const auto conv = work.tables.conv(who.user.app, who.user.user, request.peer);
  const auto chat = conv ? work.tables.chat(who.user, conv->id) : std::nullopt;
  if (!chat) return PullReply{.from = Seq{1}};
  PullReply reply{.conv = conv->id, .head = chat->head};
  read_page(work, *conv, *chat, request, reply);
  const std::string& user = who.user.user;
  const auto page = work.tables.changes_after(conv->id, request.changes, user, conv->is_b(user), kRecallsMax);
  reply.changes = page.to.value_or(conv->changes);
  add_changes(page.changes, reply);
  return reply;
}

Answer<std::vector<std::pair<std::string, Profile>>> profiles(Work& work, const Terminal& who,
                                                              const std::vector<std::string>& users) {
  if (auto row = logged_in(work.tables, who); !row) return std::unexpected(std::move(row.error()));
  std::vector<std::pair<std::string, Profile>> out;
  for (const std::string& user : users)
    if (auto account = work.tables.account({who.user.app, user}); account && !account->removed)
      out.emplace_back(user, Profile{std::move(account->nick), std::move(account->face)});
  return out;
}

Answer<std::vector<std::string>> blacklist(Work& work, const Terminal& who) {
  if (auto row = logged_in(work.tables, who); !row) return std::unexpected(std::move(row.error()));
  return work.tables.blocked(who.user);
}

Answer<std::vector<Standing>> standings(Work& work, const std::vector<UserKey>& users, WallTime since) {
  Tables& tables = work.tables;
  std::vector<Standing> out;
  for (const UserKey& user : users) {
    const auto account = tables.account(user);
    Standing one{.user = user, .removed = !account || account->removed};
    if (account) one.ver = account->ver;
    for (TerminalRow& row : tables.terminals(user))
      one.logins.push_back({std::move(row.device), row.epoch, row.state, {}});
    one.groups = tables.subscriptions(user);
    one.groups_moved = !tables.groups_moved(user, since, ConvId{}, 1).empty();
    out.push_back(std::move(one));
  }
  return out;
}

Answer<std::vector<Intent>> intents(Work& work, std::int64_t after, std::size_t limit) {
  std::vector<Intent> out;
  for (IntentRow& row : work.tables.intents_after(after, std::min(limit, kIntentsMax))) {
    const auto conv = work.tables.conv(row.message.conv);
    auto message = conv ? work.tables.message(*conv, row.message.seq) : std::nullopt;
    const auto account = work.tables.account(row.to);
    if (!message || !account) continue;
    out.push_back({.id = row.id,
                   .message = std::make_shared<const Message>(*std::move(message)),
                   .to = row.to,
                   .ver = row.ver,
                   .unread_total = account->unread + work.tables.group_unread_total(row.to),
                   .targets = push_targets(work.tables, row.to),
                   .events = row.events,
                   .pushed = std::move(row.pushed)});
  }
  return out;
}

}  // namespace nightpost::im
