#include <algorithm>

#include "im/store/tables.h"
#include "im/store/tables_inl.h"

namespace nightpost::im {
namespace {

ConvRow conv_of(const sql::Rows& rows) {
  return {.id = {rows.integer(0)},
          .app = {rows.integer(1)},
          .a = std::string(rows.text(2)),
          .b = std::string(rows.text(3)),
          .seq = {rows.integer(4)},
          .changes = rows.integer(5),
          .last_at = wall_from_ms(rows.integer(6))};
}

ChatRow chat_of(const UserKey& owner, const sql::Rows& rows) {
  return {.owner = owner,
          .conv = {rows.integer(0)},
          .peer = std::string(rows.text(1)),
          .ver = {rows.integer(2)},
          .head = {rows.integer(3)},
          .head_at = wall_from_ms(rows.integer(4)),
          .read = {rows.integer(5)},
          .peer_read = {rows.integer(6)},
          .cleared = {rows.integer(7)},
          .last = {rows.integer(8)},
          .unread = rows.integer(9),
          .pinned = rows.integer(10) != 0,
          .gone = rows.integer(11) != 0,
          .mark = std::string(rows.text(12))};
}

ChangeRow change_of(const sql::Rows& rows) {
  return {.change = rows.integer(0),
          .seq = {rows.integer(1)},
          .by = std::string(rows.text(2)),
          .at = wall_from_ms(rows.integer(3)),
          .what = static_cast<ChangeRow::What>(rows.integer(4))};
}

std::string lines_with(std::string text, std::span<const std::string> added) {
  std::vector<std::string> known = lines_of(text);
  for (const std::string& device : added) {
    if (std::ranges::find(known, device) != known.end()) continue;
    text.append(device).push_back('\n');
    known.push_back(device);
  }
  return text;
}

}  // namespace

std::optional<ConvRow> Tables::conv(AppId app, const std::string& one, const std::string& other) {
  std::optional<ConvRow> out;
  const auto& [a, b] = std::minmax(one, other);
  each(queries_.conv_of.query(app.value, a, b), [&](const sql::Rows& rows) { out = conv_of(rows); });
  return out;
}

std::optional<ConvRow> Tables::conv(ConvId id) {
  std::optional<ConvRow> out;
  each(queries_.conv.query(id.value), [&](const sql::Rows& rows) { out = conv_of(rows); });
  return out;
}

ConvRow Tables::add_conv(AppId app, const std::string& one, const std::string& other) {
  const auto& [a, b] = std::minmax(one, other);
  ConvRow out{.app = app, .a = a, .b = b};
  each(queries_.conv_add.query(app.value, a, b), [&](const sql::Rows& rows) { out.id = {rows.integer(0)}; });
  return out;
}

void Tables::advance(ConvId conv, Seq seq, WallTime at) {
  change(queries_.conv_advance, conv.value, seq.value, to_ms(at));
}

std::int64_t Tables::add_change(MessageId id, std::string_view by, WallTime at, ChangeRow::What what) {
  std::int64_t number = 0;
  each(queries_.change_next.query(id.conv.value), [&](const sql::Rows& rows) { number = rows.integer(0); });
  change(queries_.change_add, id.conv.value, number, id.seq.value, by, to_ms(at), static_cast<std::int64_t>(what));
  return number;
}

ChangesPage Tables::changes_after(ConvId conv, std::int64_t after, std::string_view viewer, bool viewer_is_b,
                                  std::size_t limit) {
  ChangesPage out;
  each(queries_.changes_after.query(conv.value, after, viewer_is_b, viewer, limit),
       [&](const sql::Rows& rows) { out.changes.push_back(change_of(rows)); });
  if (out.changes.size() == limit && limit > 0) out.to = out.changes.back().change;
  return out;
}

ChangesPage Tables::group_changes_after(ConvId conv, std::int64_t after, std::string_view viewer, std::size_t limit) {
  constexpr std::size_t kLookedAt = 1'000;
  ChangesPage out;
  std::size_t looked_at = 0;
  bool full = false;
  each(groups_.changes_after.query(conv.value, after, kLookedAt), [&](const sql::Rows& rows) {
    if (full) return;
    ChangeRow row = change_of(rows);
    out.to = row.change;
    ++looked_at;
    if (row.what != ChangeRow::What::Removed || row.by == viewer) out.changes.push_back(std::move(row));
    full = out.changes.size() == limit;
  });
  if (!full && looked_at < kLookedAt) out.to.reset();
  return out;
}

void Tables::forget_edits(MessageId id) { change(queries_.edits_erase, id.conv.value, id.seq.value); }

std::optional<ChatRow> Tables::chat(const UserKey& owner, ConvId conv) {
  std::optional<ChatRow> out;
  each(queries_.chat.query(owner.app.value, owner.user, conv.value),
       [&](const sql::Rows& rows) { out = chat_of(owner, rows); });
  return out;
}

void Tables::save_chat(const ChatRow& row) {
  change(queries_.chat_save, row.owner.app.value, row.owner.user, row.conv.value, row.peer, row.ver.value,
         row.head.value, to_ms(row.head_at), row.read.value, row.peer_read.value, row.cleared.value, row.last.value,
         row.unread, row.pinned, row.gone, row.mark);
}

std::vector<ChatRow> Tables::chats_above(const UserKey& owner, Ver ver, std::size_t limit) {
  std::vector<ChatRow> out;
  each(queries_.chats_above.query(owner.app.value, owner.user, ver.value, limit),
       [&](const sql::Rows& rows) { out.push_back(chat_of(owner, rows)); });
  return out;
}

std::vector<ChatRow> Tables::unread_chats(const UserKey& owner) {
  std::vector<ChatRow> out;
  each(queries_.chats_unread.query(owner.app.value, owner.user),
       [&](const sql::Rows& rows) { out.push_back(chat_of(owner, rows)); });
  return out;
}

std::vector<ChatRow> Tables::recent_chats(const UserKey& owner, std::size_t skip, std::size_t limit) {
  std::vector<ChatRow> out;
  each(admin_.chats_recent.query(owner.app.value, owner.user, limit, skip),
       [&](const sql::Rows& rows) { out.push_back(chat_of(owner, rows)); });
  return out;
}

std::int64_t Tables::add_intent(const UserKey& to, MessageId message, Ver ver) {
  std::int64_t out = 0;
  each(queries_.intent_add.query(to.app.value, to.user, message.conv.value, message.seq.value, ver.value, node_),
       [&](const sql::Rows& rows) { out = rows.integer(0); });
  return out;
}

bool Tables::erase_intent(MessageId message) {
  return changed(queries_.intent_erase, message.conv.value, message.seq.value) > 0;
}

void Tables::erase_intents_up_to(const UserKey& to, MessageId message) {
  change(queries_.intents_read, message.conv.value, message.seq.value, to.app.value, to.user);
}

void Tables::settle_intent(std::int64_t id) { change(queries_.intent_settle, id); }

void Tables::mark_published(std::int64_t id, std::int32_t events, std::span<const std::string> devices) {
  std::optional<std::string> pushed;
  each(queries_.intent_pushed.query(id), [&](const sql::Rows& rows) { pushed = rows.text(0); });
  if (pushed) change(queries_.intent_publish, id, events, lines_with(std::move(*pushed), devices));
}

std::vector<IntentRow> Tables::intents_after(std::int64_t id, std::size_t limit) {
  std::vector<IntentRow> out;
  each(queries_.intents_after.query(id, limit, node_), [&](const sql::Rows& rows) {
    out.push_back({.id = rows.integer(0),
                   .to = {{rows.integer(1)}, std::string(rows.text(2))},
                   .message = {{rows.integer(3)}, {rows.integer(4)}},
                   .ver = {rows.integer(5)},
                   .events = static_cast<std::int32_t>(rows.integer(6)),
                   .pushed = lines_of(rows.text(7))});
  });
  return out;
}

std::int64_t Tables::add_follow_up(const FollowUpRow& row) {
  std::int64_t out = 0;
  each(queries_.follow_up_add.query(row.to.app.value, row.to.user, row.kind, row.message.conv.value,
                                    row.message.seq.value, row.ver.value, to_ms(row.at), node_),
       [&](const sql::Rows& rows) { out = rows.integer(0); });
  return out;
}

void Tables::settle_follow_up(std::int64_t id) { change(queries_.follow_up_settle, id); }

std::vector<FollowUpRow> Tables::follow_ups_after(std::int64_t id, std::size_t limit) {
  std::vector<FollowUpRow> out;
  each(queries_.follow_ups_after.query(id, limit, node_), [&](const sql::Rows& rows) {
    out.push_back({.id = rows.integer(0),
                   .to = {{rows.integer(1)}, std::string(rows.text(2))},
                   .kind = rows.integer(3),
                   .message = {{rows.integer(4)}, {rows.integer(5)}},
                   .ver = {rows.integer(6)},
                   .at = wall_from_ms(rows.integer(7))});
  });
  return out;
}

}  // namespace nightpost::im
