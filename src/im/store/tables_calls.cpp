// Calls and who is invited to them.
#include <utility>

#include "im/store/tables.h"
#include "im/store/tables_inl.h"

namespace nightpost::im {
namespace {

CallRow call_of(const sql::Rows& rows) {
  CallRow row{.id = {{rows.integer(0)}, {rows.integer(1)}},
              .app = {rows.integer(2)},
              .inviter = std::string(rows.text(3)),
              .device = std::string(rows.text(4)),
              .at = wall_from_ms(rows.integer(5)),
              .waiting = rows.integer(7),
              .canceled = rows.integer(8) != 0,
              .hidden = rows.integer(9) != 0,
              .ranges = std::max<std::int64_t>(rows.integer(10), 1),
              .data = std::string(rows.text(11))};
  if (rows.integer(6) > 0) row.until = wall_from_ms(rows.integer(6));
  return row;
}

}  // namespace

void Tables::add_call(const CallRow& row, const std::vector<std::string>& users) {
  change(calls_.add, row.id.conv.value, row.id.seq.value, row.app.value, row.inviter, to_ms(row.at),
         row.until ? to_ms(*row.until) : 0, row.waiting, row.hidden, row.ranges, row.data);
  for (const std::string& user : users) change(calls_.user_add, row.id.conv.value, row.id.seq.value, user);
}

std::optional<CallRow> Tables::call(MessageId id) {
  std::optional<CallRow> out;
  each(calls_.call.query(id.conv.value, id.seq.value), [&](const sql::Rows& rows) { out = call_of(rows); });
  return out;
}

void Tables::save_call(const CallRow& row) {
  change(calls_.save, row.id.conv.value, row.id.seq.value, row.waiting, row.canceled, row.device);
}

std::vector<CallUserRow> Tables::call_users(MessageId id) {
  std::vector<CallUserRow> out;
  each(calls_.users.query(id.conv.value, id.seq.value), [&](const sql::Rows& rows) {
    const std::int64_t state = rows.integer(1);
    if (state < 0 || state >= static_cast<std::int64_t>(kCallStates)) return damaged("im_call_users");
    out.push_back({std::string(rows.text(0)), static_cast<CallState>(state), std::string(rows.text(2))});
  });
  return out;
}

void Tables::save_call_user(MessageId id, const CallUserRow& row) {
  change(calls_.user_save, id.conv.value, id.seq.value, row.user, static_cast<std::int64_t>(row.state), row.device);
}

std::vector<CallRow> Tables::calls_due(WallTime now, std::size_t limit) {
  std::vector<CallRow> out;
  each(calls_.due.query(to_ms(now), limit), [&](const sql::Rows& rows) { out.push_back(call_of(rows)); });
  return out;
}

std::optional<WallTime> Tables::next_call_due() {
  std::optional<WallTime> out;
  each(calls_.next_due.query(), [&](const sql::Rows& rows) { out = wall_from_ms(rows.integer(0)); });
  return out;
}

std::size_t Tables::open_calls_by(const UserKey& who) {
  std::int64_t out = 0;
  each(calls_.open_count.query(who.app.value, who.user), [&](const sql::Rows& rows) { out = rows.integer(0); });
  return static_cast<std::size_t>(out);
}

std::vector<CallRow> Tables::open_calls(const UserKey& who, std::size_t limit) {
  std::vector<CallRow> out;
  const auto add = [&](const sql::Rows& rows) { out.push_back(call_of(rows)); };
  each(calls_.of_invited.query(who.app.value, who.user, limit), add);
  each(calls_.of_inviter.query(who.app.value, who.user, limit), add);
  return out;
}

std::size_t Tables::prune_calls(WallTime before, std::size_t limit) {
  std::vector<MessageId> all;
  each(calls_.old.query(to_ms(before), limit),
       [&](const sql::Rows& rows) { all.push_back({{rows.integer(0)}, {rows.integer(1)}}); });
  for (const MessageId& id : all) {
    change(calls_.users_erase, id.conv.value, id.seq.value);
    change(calls_.erase, id.conv.value, id.seq.value);
  }
  return all.size();
}

}  // namespace nightpost::im
