#include <algorithm>

#include "im/store/tables.h"
#include "im/store/tables_inl.h"

namespace nightpost::im {

Message Tables::message_of(const ConvRow& conv, const sql::Rows& rows) {
  const bool from_b = rows.integer(2) != 0;
  const std::int64_t priority = rows.integer(3);
  if (priority < 0 || priority > static_cast<std::int64_t>(Priority::Lowest)) {
    damaged("im_messages");
    return {};
  }
  Message out{.id = {conv.id, {rows.integer(0)}},
              .at = wall_from_ms(rows.integer(1)),
              .from = from_b ? conv.b : conv.a,
              .to = from_b ? conv.a : conv.b,
              .nick = std::string(rows.text(10)),
              .face = std::string(rows.text(11)),
              .client_id = std::string(rows.text(9)),
              .priority = static_cast<Priority>(priority),
              .flags = {.no_unread = rows.integer(4) != 0,
                        .no_last = rows.integer(5) != 0,
                        .recalled = rows.integer(6) != 0,
                        .hidden_from_receiver = rows.integer(7) != 0,
                        .edited = rows.integer(15) != 0},
              .elements = std::string(rows.text(12)),
              .push = std::string(rows.text(13)),
              .cloud_data = std::string(rows.text(14))};
  if (!rows.null(8)) out.expires = wall_from_ms(rows.integer(8));
  return out;
}

Message Tables::seen_of(const ConvRow& conv, const sql::Rows& rows) {
  Message out = message_of(conv, rows);
  out.flags.hidden_from_receiver = false;  // the sender is told nothing
  return out;
}

void Tables::add_message(const ConvRow& conv, const Message& message, MessageVers vers) {
  const auto add = [&](const auto& expires) {
    change(queries_.message_add, conv.id.value, vers.a.value, vers.b.value, message.id.seq.value, to_ms(message.at),
           conv.is_b(message.from), static_cast<std::int64_t>(message.priority), message.flags.no_unread,
           message.flags.no_last, message.flags.recalled, message.flags.hidden_from_receiver, expires,
           message.client_id, message.nick, message.face, message.elements, message.push, message.cloud_data);
  };
  if (message.expires)
    add(to_ms(*message.expires));
  else
    add(store::Null{});
}

std::optional<Message> Tables::message(const ConvRow& conv, Seq seq) {
  std::optional<Message> out;
  each(queries_.message.query(conv.id.value, seq.value), [&](const sql::Rows& rows) { out = message_of(conv, rows); });
  return out;
}

std::optional<Message> Tables::message(const ConvRow& conv, Seq seq, const Viewer& viewer) {
  std::optional<Message> out;
  each(queries_.message_seen.query(conv.id.value, seq.value, viewer.cleared.value, viewer.user, viewer.is_b,
                                   to_ms(viewer.now)),
       [&](const sql::Rows& rows) { out = seen_of(conv, rows); });
  return out;
}

Tables::Page Tables::messages_up(const ConvRow& conv, Seq from, Seq to, const Viewer& viewer, std::size_t limit,
                                 std::size_t bytes) {
  if (failure_) return {};
  return page(queries_.messages_up.query(conv.id.value, from.value, to.value, viewer.user, viewer.is_b,
                                         to_ms(viewer.now), limit + 1),
              limit, bytes, [&](const sql::Rows& rows) { return seen_of(conv, rows); });
}

Tables::Page Tables::messages_down(const ConvRow& conv, Seq from, Seq to, const Viewer& viewer, std::size_t limit,
                                   std::size_t bytes) {
  if (failure_) return {};
  return page(queries_.messages_down.query(conv.id.value, from.value, to.value, viewer.user, viewer.is_b,
                                           to_ms(viewer.now), limit + 1),
              limit, bytes, [&](const sql::Rows& rows) { return seen_of(conv, rows); });
}

Seq Tables::last_for(const ConvRow& conv, const Viewer& viewer) {
  Seq out;
  each(queries_.last_seen.query(conv.id.value, viewer.cleared.value, conv.seq.value, viewer.user, viewer.is_b,
                                to_ms(viewer.now)),
       [&](const sql::Rows& rows) { out = {rows.integer(0)}; });
  return out;
}

void Tables::edit_message(MessageId id, std::string_view elements, std::string_view cloud_data) {
  change(queries_.edit, id.conv.value, id.seq.value, elements, cloud_data);
}

void Tables::make_tombstone(MessageId id) { change(queries_.tombstone, id.conv.value, id.seq.value); }

std::int64_t Tables::count_unread(const ConvRow& conv, bool reader_is_b, Seq above, Seq to) {
  if (conv.a == conv.b) return 0;
  std::int64_t out = 0;
  each(queries_.unread_count.query(conv.id.value, above.value, to.value, !reader_is_b),
       [&](const sql::Rows& rows) { out = rows.integer(0); });
  return out;
}

/// Both times and vers never fall from a message to the next, so the place is found by halves.
template <class Before>
Seq Tables::last_where(const ConvRow& conv, Seq above, Seq to, Before before) {
  std::int64_t low = above.value;  // everything up to here is before
  std::int64_t high = to.value;    // nothing above here is
  while (low < high && !failure_) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    std::int64_t seq = low;  // of the message at or below the middle; where none is, it counts as before
    bool is_before = true;
    each(queries_.place.query(conv.id.value, low, middle), [&](const sql::Rows& rows) {
      seq = rows.integer(0);
      is_before = before(rows);
    });
    if (is_before)
      low = middle;
    else
      high = seq - 1;
  }
  return {low};
}

Seq Tables::last_before(const ConvRow& conv, WallTime time, Seq above, Seq to) {
  return last_where(conv, above, to, [&](const sql::Rows& rows) { return rows.integer(1) < to_ms(time); });
}

Seq Tables::last_within(const ConvRow& conv, bool reader_is_b, Ver ver, Seq above, Seq to) {
  return last_where(conv, above, to,
                    [&](const sql::Rows& rows) { return rows.integer(reader_is_b ? 3 : 2) <= ver.value; });
}

Ver Tables::ver_at(const ConvRow& conv, bool reader_is_b, Seq above, Seq to) {
  Ver out;
  each(queries_.place.query(conv.id.value, above.value, to.value),
       [&](const sql::Rows& rows) { out = {rows.integer(reader_is_b ? 3 : 2)}; });
  return out;
}

void Tables::hide(MessageId id, std::string_view user) { change(queries_.hide, id.conv.value, user, id.seq.value); }

bool Tables::remove_for(MessageId id, std::string_view user, WallTime at) {
  if (changed(queries_.hide, id.conv.value, user, id.seq.value) == 0) return false;
  add_change(id, user, at, ChangeRow::What::Removed);
  return true;
}

std::vector<MessageId> Tables::expired(WallTime now, std::size_t limit) {
  std::vector<MessageId> out;
  each(queries_.expired.query(to_ms(now), limit),
       [&](const sql::Rows& rows) { out.push_back({{rows.integer(0)}, {rows.integer(1)}}); });
  return out;
}

void Tables::erase_message(const ConvRow& conv, Seq seq) {
  change(queries_.changes_erase, conv.id.value, seq.value);
  change(queries_.hides_erase, conv.id.value, conv.a, conv.b, seq.value);
  change(queries_.message_erase, conv.id.value, seq.value);
}

std::optional<SentRow> Tables::sent(const UserKey& who, std::string_view client_id) {
  std::optional<SentRow> out;
  each(queries_.sent.query(who.app.value, who.user, client_id), [&](const sql::Rows& rows) {
    out = SentRow{{{rows.integer(0)}, {rows.integer(1)}}, wall_from_ms(rows.integer(2)), {rows.integer(3)}};
  });
  return out;
}

void Tables::add_sent(const UserKey& who, std::string_view client_id, const SentRow& row) {
  change(queries_.sent_add, who.app.value, who.user, client_id, row.id.conv.value, row.id.seq.value, to_ms(row.at),
         row.ver.value);
}

std::size_t Tables::prune_sent(WallTime before, std::size_t limit) {
  return static_cast<std::size_t>(changed(queries_.sent_prune, to_ms(before), limit));
}

}  // namespace nightpost::im
