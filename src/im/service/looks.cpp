#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "im/service/commands.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kRecallsMax = 100;
constexpr std::size_t kIntentsMax = 1'000;

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

Answer<SyncReply> sync(Work& work, const Terminal& who, const SyncRequest& request) {
  if (auto row = logged_in(work.tables, who); !row) return std::unexpected(std::move(row.error()));
  const auto account = work.tables.account(who.user);
  if (!account) return refuse(Code::AccountUnknown, "user: no such account");
  SyncReply reply{.ver = account->ver, .unread_total = account->unread};
  reply.reset = request.ver > account->ver || (request.ver.value > 0 && request.ver < account->floor);
  const Ver from = reply.reset ? Ver{} : request.ver;
  std::size_t bytes = 0;
  for (ChatRow& row : work.tables.chats_above(who.user, from, request.limit + 1)) {
    Chat chat = shown(work, std::move(row));
    bytes += content_bytes(chat.last);
    reply.more = reply.chats.size() == request.limit || (bytes > work.options.answer_bytes_max && !reply.chats.empty());
    if (reply.more) {
      reply.ver = reply.chats.back().ver;
      break;
    }
    reply.chats.push_back(std::move(chat));
  }
  return reply;
}

Answer<PullReply> pull(Work& work, const Terminal& who, const PullRequest& request) {
  if (auto row = logged_in(work.tables, who); !row) return std::unexpected(std::move(row.error()));
  const auto conv = work.tables.conv(who.user.app, who.user.user, request.peer);
  const auto chat = conv ? work.tables.chat(who.user, conv->id) : std::nullopt;
  if (!chat) return PullReply{.from = Seq{1}};
  PullReply reply{.conv = conv->id, .head = chat->head};
  read_page(work, *conv, *chat, request, reply);
  const auto changes = work.tables.changes_after(conv->id, request.changes, conv->is_b(who.user.user), kRecallsMax);
  reply.changes = changes.size() == kRecallsMax ? changes.back().change : conv->changes;
  for (const ChangeRow& change : changes) reply.recalls.push_back({{conv->id, change.seq}, change.by, change.at});
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
                   .unread_total = account->unread,
                   .targets = push_targets(work.tables, row.to),
                   .events = row.events,
                   .pushed = std::move(row.pushed)});
  }
  return out;
}

}  // namespace nightpost::im
