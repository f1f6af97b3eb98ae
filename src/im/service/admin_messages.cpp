// Messages and conversations, for the app's server.
#include <algorithm>
#include <chrono>
#include <iterator>
#include <tuple>
#include <utility>

#include "im/service/admin_commands.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kSecondMax = 1'000;          // messages of one second of a conversation that are put into order
constexpr std::size_t kHistoryBytes = 13 * 1'024;  // of the content in one page, unless it is a single message

std::int64_t second_of(WallTime at) { return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count(); }

struct Reader {
  ConvRow conv;
  ChatRow chat;
  Tables::Viewer viewer;
};

HistoryRow row_of(const Reader& reader, Tables::NamedMessage&& named) {
  Message& message = named.message;
  if (named.name.imported_at != WallTime{}) message.at = named.name.imported_at;
  const bool mine = message.from == reader.chat.owner.user;
  HistoryRow out{.wire = {named.name.seq, named.name.random, second_of(message.at)},
                 .read = message.id.seq <= (mine ? reader.chat.peer_read : reader.chat.read)};
  out.message = std::move(message);
  return out;
}

/// History shows second, caller's number, seq, in this order.
bool newer(const HistoryRow& a, const HistoryRow& b) {
  const auto key = [](const HistoryRow& row) {
    return std::tuple(row.wire.second, row.wire.seq, row.wire.random, row.message.id.seq);
  };
  return key(a) > key(b);
}

bool is_below(const HistoryRow& row, const std::optional<WireId>& limit) {
  if (!limit) return true;
  return std::tuple(row.wire.second, row.wire.seq, row.wire.random) <
         std::tuple(limit->second, limit->seq, limit->random);
}

/// The newest of (`from`, `to`] that are below the limit, and all others of the oldest one's second.
void add_in_order(Tables& tables, const Reader& reader, const HistoryRequest& request, std::size_t limit,
                  std::vector<HistoryRow>& out) {
  const auto bound = [&](std::int64_t second, Seq above, Seq to) {
    return tables.last_before(reader.conv, wall_from_ms(second * 1'000), above, to);
  };
  const Seq lowest = std::max(reader.viewer.cleared, bound(request.from_second, Seq{}, reader.conv.seq));
  const std::int64_t last = request.below ? std::min(request.to_second, request.below->second) : request.to_second;
  const Seq highest = bound(last + 1, Seq{}, reader.conv.seq);
  const auto take = [&](Seq from, Seq to, std::size_t most) {
    std::size_t kept = 0;
    for (Tables::NamedMessage& named : tables.named_down(reader.conv, from, to, reader.viewer, most)) {
      HistoryRow row = row_of(reader, std::move(named));
      if (!is_below(row, request.below)) continue;
      out.push_back(std::move(row));
      ++kept;
    }
    return kept;
  };
  Seq top = highest;
  if (request.below) {  // what is left of that second; the page goes on below it
    const Seq begins = std::max(lowest, bound(request.below->second, Seq{}, reader.conv.seq));
    if (begins < highest) take(Seq{begins.value + 1}, highest, kSecondMax);
    top = std::min(highest, begins);
  }
  if (out.size() > limit || top <= lowest) return;
  const std::size_t before = out.size();
  take(Seq{lowest.value + 1}, top, limit + 1);
  if (out.size() - before <= limit) return;
  const Seq oldest = out.back().message.id.seq;
  const Seq begins = std::max(lowest, bound(out.back().wire.second, Seq{}, oldest));
  if (begins.value + 1 < oldest.value) take(Seq{begins.value + 1}, Seq{oldest.value - 1}, kSecondMax);
}

void add_imported(Tables& tables, const Reader& reader, const HistoryRequest& request, std::size_t limit,
                  std::vector<HistoryRow>& out) {
  const std::int64_t to = request.below ? std::min(request.to_second, request.below->second) : request.to_second;
  const std::size_t most = limit + 1 + (request.below ? kSecondMax : 0);
  for (Tables::NamedMessage& named : tables.imported_down(reader.conv, wall_from_ms(request.from_second * 1'000),
                                                          wall_from_ms(to * 1'000), reader.viewer, most)) {
    HistoryRow row = row_of(reader, std::move(named));
    if (is_below(row, request.below)) out.push_back(std::move(row));
  }
}

}  // namespace

Answer<AdminSent> send_as(Work& work, const UserKey& from, const Draft& draft) {
  const auto sent = send(work, {from, std::nullopt}, draft);
  if (!sent) return std::unexpected(sent.error());
  const std::uint32_t made_up = static_cast<std::uint32_t>(sent->id.seq.value);
  return AdminSent{.id = sent->id,
                   .wire = {draft.name->seq.value_or(made_up), draft.name->random, second_of(sent->at)},
                   .repeated = sent->repeated};
}

Answer<HistoryReply> history(Work& work, const UserKey& who, const HistoryRequest& request) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  auto conv = work.tables.conv(who.app, who.user, request.peer);
  auto chat = conv ? work.tables.chat(who, conv->id) : std::nullopt;
  if (!chat) return HistoryReply{};
  Reader reader{*std::move(conv), *std::move(chat), {}};
  reader.viewer = {reader.chat.owner.user, reader.conv.is_b(who.user), reader.chat.cleared, work.now};
  HistoryReply reply;
  add_in_order(work.tables, reader, request, request.limit, reply.rows);
  add_imported(work.tables, reader, request, request.limit, reply.rows);
  std::ranges::sort(reply.rows, newer);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < reply.rows.size() && reply.complete; ++i) {
    const Message& message = reply.rows[i].message;
    bytes += message.elements.size() + message.cloud_data.size();
    reply.complete = i < request.limit && (i == 0 || bytes <= kHistoryBytes);
    if (!reply.complete) reply.rows.erase(reply.rows.begin() + std::ptrdiff_t(i), reply.rows.end());
  }
  std::ranges::reverse(reply.rows);
  return reply;
}

Answer<void> recall_named(Work& work, const UserKey& from, const std::string& to, const WireId& name) {
  const auto conv = work.tables.conv(from.app, from.user, to);
  const Seq seq = conv ? work.tables.find_named(*conv, name.seq, name.random, name.second) : Seq{};
  if (seq.value == 0) return refuse(Code::MessageUnknown, "MsgKey: no such message");
  const auto recalled = recall(work, {from, std::nullopt}, {conv->id, seq});
  if (recalled) return {};
  if (recalled.error().code == Code::NotTheSender)
    return refuse(Code::MessageUnknown, "MsgKey: From_Account did not send this message");
  return std::unexpected(recalled.error());
}

Answer<UnreadReply> unread(Work& work, const UserKey& who, const std::vector<std::string>& peers) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  UnreadReply reply;
  const std::vector<ChatRow> chats = work.tables.unread_chats(who);
  for (const ChatRow& chat : chats) reply.total += chat.peer == kSystemUser ? 0 : chat.unread;
  for (const std::string& peer : peers) {
    const auto found = std::ranges::find(chats, peer, &ChatRow::peer);
    reply.with_peers.push_back(found == chats.end() ? 0 : found->unread);
  }
  return reply;
}

Answer<RecentReply> recent_chats(Work& work, const UserKey& who, std::size_t skip, std::size_t limit) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  // Both kinds in one order, so a page begins where the one before it ended.
  std::vector<RecentChat> all;
  for (ChatRow& row : work.tables.recent_chats(who, 0, skip + limit + 1))
    all.push_back({.peer = std::move(row.peer), .group = {}, .at = row.head_at, .pinned = row.pinned});
  for (auto& [group, member] : work.tables.joined(who, {}, std::nullopt, work.options.groups.groups_per_user_max)) {
    if (group.seq < member.hidden_to) continue;  // taken from the list
    const WallTime at = std::max(group.last_at, member.joined_at);
    all.push_back({.peer = {}, .group = std::move(group.id), .at = at, .pinned = member.pinned});
  }
  std::ranges::sort(all, [](const RecentChat& a, const RecentChat& b) {
    return std::tie(a.pinned, a.at, a.group, a.peer) > std::tie(b.pinned, b.at, b.group, b.peer);
  });
  RecentReply reply{.chats = {}, .complete = all.size() <= skip + limit};
  const auto from = std::ptrdiff_t(std::min(skip, all.size())), to = std::ptrdiff_t(std::min(skip + limit, all.size()));
  reply.chats.assign(std::make_move_iterator(all.begin() + from), std::make_move_iterator(all.begin() + to));
  return reply;
}

}  // namespace nightpost::im
