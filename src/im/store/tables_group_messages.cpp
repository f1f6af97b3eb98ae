#include <algorithm>

#include "im/store/tables.h"
#include "im/store/tables_inl.h"

namespace nightpost::im {
namespace {

std::string joined_lines(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

std::vector<std::string> lines_in(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return out;
}

std::string_view mention_key(std::string_view user) { return user == kMentionAll ? std::string_view() : user; }

}  // namespace

Message Tables::group_message_of(const GroupRow& group, const sql::Rows& rows) {
  const std::int64_t priority = rows.integer(3);
  if (priority < 0 || priority > static_cast<std::int64_t>(Priority::Lowest)) {
    damaged("im_messages");
    return {};
  }
  Message out{.id = {group.conv, {rows.integer(0)}},
              .at = wall_from_ms(rows.integer(1)),
              .from = std::string(rows.text(2)),
              .nick = std::string(rows.text(10)),
              .face = std::string(rows.text(11)),
              .client_id = std::string(rows.text(9)),
              .priority = static_cast<Priority>(priority),
              .flags = {.no_unread = rows.integer(4) != 0,
                        .no_last = rows.integer(5) != 0,
                        .recalled = rows.integer(6) != 0,
                        .tip = rows.integer(7) != 0,
                        .edited = rows.integer(18) != 0},
              .elements = std::string(rows.text(12)),
              .push = std::string(rows.text(13)),
              .cloud_data = std::string(rows.text(14)),
              .group = group.id,
              .card = std::string(rows.text(15)),
              .mentions = lines_in(rows.text(16)),
              .targets = lines_in(rows.text(17))};
  if (!rows.null(8)) out.expires = wall_from_ms(rows.integer(8));
  if (out.flags.recalled) out.mentions.clear();
  return out;
}

void Tables::add_group_message(const GroupRow& group, const Message& message, MessageCount count) {
  const std::int64_t conv = group.conv.value;
  const std::int64_t seq = message.id.seq.value;
  const auto add = [&](const auto& expires) {
    const std::string mentions = joined_lines(message.mentions);
    const std::string targets = joined_lines(message.targets);
    change(groups_.message_add, conv, seq, to_ms(message.at), static_cast<std::int64_t>(message.priority),
           message.flags.no_unread, message.flags.no_last, expires, message.client_id, message.nick, message.face,
           message.elements, message.push, message.cloud_data, message.from, message.card, message.flags.tip,
           count.counts, count.counted, mentions, targets);
  };
  if (message.expires)
    add(to_ms(*message.expires));
  else
    add(store::Null{});
  for (const std::string& user : message.mentions) change(groups_.mention_add, conv, mention_key(user), seq);
  for (const std::string& user : message.targets) change(groups_.target_add, conv, seq, user);
}

std::optional<std::pair<Message, MessageCount>> Tables::group_message(const GroupRow& group, Seq seq) {
  std::optional<std::pair<Message, MessageCount>> out;
  each(groups_.message.query(group.conv.value, seq.value), [&](const sql::Rows& rows) {
    out.emplace(group_message_of(group, rows), MessageCount{rows.integer(19) != 0, rows.integer(20)});
  });
  return out;
}

std::optional<Message> Tables::group_message(const GroupRow& group, Seq seq, const GroupViewer& viewer) {
  std::optional<Message> out;
  each(groups_.message_seen.query(group.conv.value, viewer.user, to_ms(viewer.now), seq.value),
       [&](const sql::Rows& rows) { out = group_message_of(group, rows); });
  return out;
}

Tables::Page Tables::group_messages_up(const GroupRow& group, Seq from, Seq to, const GroupViewer& viewer,
                                       std::size_t limit, std::size_t bytes) {
  if (failure_) return {};
  return page(
      groups_.messages_up.query(group.conv.value, viewer.user, to_ms(viewer.now), from.value, to.value, limit + 1),
      limit, bytes, [&](const sql::Rows& rows) { return group_message_of(group, rows); });
}

Tables::Page Tables::group_messages_down(const GroupRow& group, Seq from, Seq to, const GroupViewer& viewer,
                                         std::size_t limit, std::size_t bytes) {
  if (failure_) return {};
  return page(
      groups_.messages_down.query(group.conv.value, viewer.user, to_ms(viewer.now), from.value, to.value, limit + 1),
      limit, bytes, [&](const sql::Rows& rows) { return group_message_of(group, rows); });
}

std::optional<Message> Tables::group_last(const GroupRow& group, Seq cleared, const GroupViewer& viewer) {
  std::optional<Message> out;
  each(groups_.last_seen.query(group.conv.value, viewer.user, to_ms(viewer.now), cleared.value),
       [&](const sql::Rows& rows) { out = group_message_of(group, rows); });
  return out;
}

std::int64_t Tables::counted_at(const GroupRow& group, Seq seq) {
  if (seq >= group.seq) return group.counted;
  std::int64_t out = group.erased;
  each(groups_.counted_at.query(group.conv.value, seq.value), [&](const sql::Rows& rows) { out = rows.integer(0); });
  return out;
}

std::int64_t Tables::own_count(ConvId conv, std::string_view sender, Seq above, Seq to) {
  if (above >= to) return 0;
  std::int64_t out = 0;
  each(groups_.own_count.query(conv.value, above.value, to.value, sender),
       [&](const sql::Rows& rows) { out = rows.integer(0); });
  return out;
}

Seq Tables::group_last_before(ConvId conv, WallTime time, Seq above, Seq to) {
  std::int64_t low = above.value;  // as last_where()
  std::int64_t high = to.value;
  while (low < high && !failure_) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    std::int64_t seq = low;
    bool is_before = true;
    each(groups_.place.query(conv.value, low, middle), [&](const sql::Rows& rows) {
      seq = rows.integer(0);
      is_before = rows.integer(1) < to_ms(time);
    });
    if (is_before)
      low = middle;
    else
      high = seq - 1;
  }
  return {low};
}

void Tables::note_recalled(MessageId id) { change(groups_.conv_recalled, id.conv.value, id.seq.value); }

Seq Tables::mention_above(ConvId conv, std::string_view user, Seq seq) {
  Seq out;
  each(groups_.mentions_above.query(conv.value, mention_key(user), seq.value),
       [&](const sql::Rows& rows) { out = {rows.integer(0)}; });
  return out;
}

void Tables::erase_mentions(const Message& message) {
  for (const std::string& user : message.mentions)
    change(groups_.mention_erase, message.id.conv.value, mention_key(user), message.id.seq.value);
}

void Tables::erase_group_message(const GroupRow& group, const Message& message, MessageCount count) {
  const std::int64_t conv = group.conv.value;
  const std::int64_t seq = message.id.seq.value;
  change(groups_.conv_erased, conv, count.counted);
  if (count.counts) change(groups_.member_own_erased, conv, member_slot(message.from), message.from, seq);
  erase_mentions(message);
  if (!message.targets.empty()) change(groups_.targets_erase, conv, seq);
  const bool removed = changed(groups_.hides_erase, conv, seq) > 0;  // by members, for themselves
  if (removed || message.flags.recalled || message.flags.edited)
    change(queries_.changes_erase, conv, seq);  // reads all changes of the conversation
  change(queries_.message_erase, conv, seq);
}

std::size_t Tables::erase_messages(ConvId conv, std::size_t about) {
  return static_cast<std::size_t>(changed(groups_.messages_erase, conv.value, about));
}

}  // namespace nightpost::im
