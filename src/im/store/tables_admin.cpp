// The server API's rows.
#include <utility>

#include "im/store/tables.h"
#include "im/store/tables_inl.h"

namespace nightpost::im {
namespace {

constexpr int kWireColumn = 16;  // of IM_NAMED: behind a message's own

FriendRow friend_row(const sql::Rows& rows) {
  return {.user = std::string(rows.text(0)),
          .added_at = wall_from_ms(rows.integer(1)),
          .source = std::string(rows.text(2)),
          .remark = std::string(rows.text(3)),
          .wording = std::string(rows.text(4)),
          .labels = lines_of(rows.text(5))};
}

}  // namespace

void Tables::name_message(MessageId id, const WireName& name) {
  change(admin_.wire_set, id.conv.value, id.seq.value, name.seq, name.random, to_ms(name.imported_at));
}

Seq Tables::find_named(const ConvRow& conv, std::uint32_t wire_seq, std::uint32_t wire_random, std::int64_t second) {
  Seq out;
  const auto read = [&](const sql::Rows& rows) { out = {rows.integer(0)}; };
  const WallTime begins = wall_from_ms(second * 1'000);
  const Seq before = last_before(conv, begins, Seq{}, conv.seq);
  const Seq last = last_before(conv, begins + seconds(1), before, conv.seq);
  each(admin_.wire_find.query(conv.id.value, before.value, last.value, wire_seq, wire_random), read);
  if (out.value == 0) each(admin_.wire_find_imported.query(conv.id.value, to_ms(begins), wire_seq, wire_random), read);
  return out;
}

std::vector<Tables::NamedMessage> Tables::named(const ConvRow& conv, sql::Rows&& rows) {
  std::vector<NamedMessage> out;
  each(std::move(rows), [&](const sql::Rows& row) {
    WireName name{static_cast<std::uint32_t>(row.integer(kWireColumn)),
                  static_cast<std::uint32_t>(row.integer(kWireColumn + 1)), wall_from_ms(row.integer(kWireColumn + 2))};
    Message message = seen_of(conv, row);
    if (name.seq == 0 && name.random == 0) name.seq = static_cast<std::uint32_t>(message.id.seq.value);
    out.push_back({std::move(message), name});
  });
  return out;
}

std::vector<Tables::NamedMessage> Tables::named_down(const ConvRow& conv, Seq from, Seq to, const Viewer& viewer,
                                                     std::size_t limit) {
  if (failure_) return {};
  return named(conv, admin_.named_down.query(conv.id.value, from.value, to.value, viewer.user, viewer.is_b,
                                             to_ms(viewer.now), limit));
}

std::vector<Tables::NamedMessage> Tables::imported_down(const ConvRow& conv, WallTime from, WallTime to,
                                                        const Viewer& viewer, std::size_t limit) {
  if (failure_) return {};
  return named(conv, admin_.imported_down.query(conv.id.value, to_ms(from), to_ms(to), viewer.user, viewer.is_b,
                                                to_ms(viewer.now), limit, viewer.cleared.value));
}

void Tables::stamp_block(const UserKey& who, std::string_view other, WallTime at) {
  change(admin_.black_stamp, who.app.value, who.user, other, to_ms(at));
}

std::vector<std::pair<std::string, WallTime>> Tables::blocked_since(const UserKey& who) {
  std::vector<std::pair<std::string, WallTime>> out;
  each(admin_.blacks_since.query(who.app.value, who.user),
       [&](const sql::Rows& rows) { out.emplace_back(rows.text(0), wall_from_ms(rows.integer(1))); });
  return out;
}

void Tables::set_profile_field(const UserKey& who, std::string_view tag, std::string_view value) {
  change(admin_.field_set, who.app.value, who.user, tag, value);
}

std::vector<std::pair<std::string, std::string>> Tables::profile_fields(const UserKey& who) {
  std::vector<std::pair<std::string, std::string>> out;
  each(admin_.fields.query(who.app.value, who.user),
       [&](const sql::Rows& rows) { out.emplace_back(rows.text(0), rows.text(1)); });
  return out;
}

SilenceRow Tables::silence(const UserKey& who) {
  SilenceRow out;
  each(admin_.silence.query(who.app.value, who.user),
       [&](const sql::Rows& rows) { out = {wall_from_ms(rows.integer(0)), wall_from_ms(rows.integer(1))}; });
  return out;
}

void Tables::set_silence(const UserKey& who, const SilenceRow& row) {
  change(admin_.silence_set, who.app.value, who.user, to_ms(row.chats_until), to_ms(row.groups_until));
}

std::optional<FriendRow> Tables::friend_of(const UserKey& who, std::string_view other) {
  std::optional<FriendRow> out;
  each(admin_.friend_of.query(who.app.value, who.user, other), [&](const sql::Rows& rows) { out = friend_row(rows); });
  return out;
}

void Tables::save_friend(const UserKey& who, const FriendRow& row) {
  change(admin_.friend_save, who.app.value, who.user, row.user, to_ms(row.added_at), row.source, row.remark,
         row.wording, by_line(row.labels));
}

bool Tables::remove_friend(const UserKey& who, std::string_view other) {
  return changed(admin_.friend_remove, who.app.value, who.user, other) > 0;
}

void Tables::remove_friends(const UserKey& who, bool of_others_too) {
  change(admin_.friends_remove, who.app.value, who.user);
  if (of_others_too) change(admin_.friend_forget, who.app.value, who.user);
}

std::vector<FriendRow> Tables::friends(const UserKey& who, std::size_t skip, std::size_t limit) {
  std::vector<FriendRow> out;
  each(admin_.friends.query(who.app.value, who.user, limit, skip),
       [&](const sql::Rows& rows) { out.push_back(friend_row(rows)); });
  return out;
}

std::int64_t Tables::count_friends(const UserKey& who) {
  std::int64_t out = 0;
  each(admin_.friends_count.query(who.app.value, who.user), [&](const sql::Rows& rows) { out = rows.integer(0); });
  return out;
}

std::vector<std::string> Tables::friend_groups(const UserKey& who) {
  std::vector<std::string> out;
  each(admin_.friend_groups.query(who.app.value, who.user),
       [&](const sql::Rows& rows) { out.emplace_back(rows.text(0)); });
  return out;
}

void Tables::add_friend_group(const UserKey& who, std::string_view name) {
  change(admin_.friend_group_add, who.app.value, who.user, name);
}

void Tables::remove_friend_group(const UserKey& who, std::string_view name) {
  change(admin_.friend_group_remove, who.app.value, who.user, name);
}

void Tables::remove_admin_rows(const UserKey& who) {
  change(admin_.fields_remove, who.app.value, who.user);
  change(admin_.silence_remove, who.app.value, who.user);
  change(admin_.friend_groups_remove, who.app.value, who.user);
  remove_friends(who, true);
}

}  // namespace nightpost::im
