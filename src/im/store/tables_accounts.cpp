#include <algorithm>

#include "im/store/tables.h"
#include "im/store/tables_inl.h"

namespace nightpost::im {

std::optional<AccountRow> Tables::account(const UserKey& who) {
  std::optional<AccountRow> out;
  each(queries_.account.query(who.app.value, who.user), [&](const sql::Rows& rows) {
    out = AccountRow{.ver = {rows.integer(0)},
                     .floor = {rows.integer(1)},
                     .unread = rows.integer(2),
                     .valid_from = wall_from_ms(rows.integer(3)),
                     .removed = rows.integer(4) != 0,
                     .nick = std::string(rows.text(5)),
                     .face = std::string(rows.text(6))};
  });
  return out;
}

void Tables::add_account(const UserKey& who, WallTime now) {
  change(queries_.account_add, who.app.value, who.user, to_ms(now));
}

void Tables::set_profile(const UserKey& who, std::string_view nick, std::string_view face) {
  change(queries_.profile_set, who.app.value, who.user, nick, face);
}

Tables::Touched Tables::touch(const UserKey& who, std::int64_t unread) {
  Touched out;
  each(queries_.account_touch.query(who.app.value, who.user, unread),
       [&](const sql::Rows& rows) { out = {{rows.integer(0)}, rows.integer(1)}; });
  out.unread += group_unread_total(who);
  return out;
}

Epoch Tables::next_epoch(const UserKey& who) {
  Epoch out;
  each(queries_.epoch_next.query(who.app.value, who.user), [&](const sql::Rows& rows) { out = {rows.integer(0)}; });
  return out;
}

void Tables::set_valid_from(const UserKey& who, WallTime from) {
  change(queries_.valid_from_set, who.app.value, who.user, to_ms(from));
}

void Tables::remove_account(const UserKey& who) {
  change(queries_.intents_remove, who.app.value, who.user);
  change(queries_.chats_remove, who.app.value, who.user);
  change(queries_.blacks_remove, who.app.value, who.user);
  change(queries_.terminals_remove, who.app.value, who.user);
  change(queries_.account_remove, who.app.value, who.user);
}

TerminalRow Tables::terminal_of(const sql::Rows& rows) {
  const auto platform = platform_from(rows.text(1));
  const auto state = terminal_state_from(rows.text(2));
  if (!platform || !state) {
    damaged("im_terminals");
    return {};
  }
  return {.device = std::string(rows.text(0)),
          .platform = *platform,
          .state = *state,
          .epoch = {rows.integer(3)},
          .language = std::string(rows.text(4)),
          .auto_read = rows.integer(5) != 0,
          .acked = {rows.integer(6)},
          .foreground = rows.integer(7) != 0,
          .badge = rows.integer(8)};
}

std::optional<TerminalRow> Tables::terminal(const UserKey& who, std::string_view device) {
  std::optional<TerminalRow> out;
  each(queries_.terminal.query(who.app.value, who.user, device),
       [&](const sql::Rows& rows) { out = terminal_of(rows); });
  return failure_ ? std::nullopt : out;
}

std::vector<TerminalRow> Tables::terminals(const UserKey& who) {
  std::vector<TerminalRow> out;
  each(queries_.terminals.query(who.app.value, who.user),
       [&](const sql::Rows& rows) { out.push_back(terminal_of(rows)); });
  return out;
}

void Tables::save_terminal(const UserKey& who, const TerminalRow& row) {
  change(queries_.terminal_save, who.app.value, who.user, row.device, name_of(row.platform), name_of(row.state),
         row.epoch.value, row.language, row.auto_read, row.acked.value, row.foreground, row.badge);
}

void Tables::forget_terminal(const UserKey& who, std::string_view device) {
  change(queries_.terminal_forget, who.app.value, who.user, device);
}

bool Tables::blocks(const UserKey& who, std::string_view other) {
  bool out = false;
  each(queries_.black.query(who.app.value, who.user, other), [&](const sql::Rows&) { out = true; });
  return out;
}

void Tables::set_block(const UserKey& who, std::string_view other, bool on) {
  change(on ? queries_.black_add : queries_.black_remove, who.app.value, who.user, other);
}

std::vector<std::string> Tables::blocked(const UserKey& who) {
  std::vector<std::string> out;
  each(queries_.blacks.query(who.app.value, who.user), [&](const sql::Rows& rows) { out.emplace_back(rows.text(0)); });
  return out;
}

void Tables::add_unbind(const Unbind& unbind) {
  change(queries_.unbind_add, unbind.who.app.value, unbind.who.user, unbind.device, node_);
}

void Tables::erase_unbind(const Unbind& unbind) {
  change(queries_.unbind_erase, unbind.who.app.value, unbind.who.user, unbind.device);
}

void Tables::finish_unbind(const Unbind& unbind) {
  change(queries_.unbind_done, unbind.who.app.value, unbind.who.user, unbind.device, node_);
}

std::vector<Tables::Unbind> Tables::unbinds() {
  std::vector<Unbind> out;
  each(queries_.unbinds.query(node_), [&](const sql::Rows& rows) {
    out.push_back({{{rows.integer(0)}, std::string(rows.text(1))}, std::string(rows.text(2))});
  });
  return out;
}

}  // namespace nightpost::im
