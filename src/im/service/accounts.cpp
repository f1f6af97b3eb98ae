#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "im/service/call_commands.h"
#include "im/service/callback_notes.h"
#include "im/service/commands.h"
#include "im/service/group_commands.h"
#include "im/service/words.h"

namespace nightpost::im {
namespace {

const StateNote kLoggedOut{.action = "Logout", .reason = "Unregister", .kicked = {}};

bool takes_pushes(Platform platform) noexcept { return platform == Platform::Ios || platform == Platform::Android; }

/// A terminal's login is over: it is told, and its token goes where it must not be pushed to any more.
void end(Work& work, const UserKey& who, const TerminalRow& row, Ended::Why why) {
  work.told.ended.push_back({{who, row.device, row.epoch, row.platform, {}}, why});
  if (why == Ended::Why::SameDevice || !takes_pushes(row.platform)) return;
  Tables::Unbind unbind{who, row.device};
  work.tables.add_unbind(unbind);
  work.unbound.push_back(std::move(unbind));
}

std::vector<KnownTerminal> known_of(const std::vector<TerminalRow>& rows) {
  std::vector<KnownTerminal> out;
  for (const TerminalRow& row : rows) out.push_back({row.device, row.platform, row.state, row.epoch});
  return out;
}

void end_all(Work& work, const UserKey& who, Ended::Why why) {
  for (TerminalRow row : work.tables.terminals(who)) {
    if (row.state != TerminalState::LoggedIn) continue;
    row.state = TerminalState::LoggedOut;
    work.tables.save_terminal(who, row);
    end(work, who, row, why);
    note_state(work, {who, row.device, row.epoch, row.platform, {}}, kLoggedOut);
  }
  // Signatures have whole seconds: that of this second is from before, too.
  work.tables.set_valid_from(who, std::chrono::floor<std::chrono::seconds>(work.now) + std::chrono::seconds(1));
}

}  // namespace

Answer<TerminalRow> logged_in(Tables& tables, const Terminal& who) {
  auto row = tables.terminal(who.user, who.device);
  if (row && row->state == TerminalState::LoggedIn && row->epoch == who.epoch) return *std::move(row);
  return refuse(Code::NotLoggedIn, "this login has ended: log in again");
}

Answer<void> may_act(Tables& tables, const Actor& who) {
  if (who.admin()) return {};
  if (auto row = logged_in(tables, *who.terminal); !row) return std::unexpected(std::move(row.error()));
  return {};
}

Answer<void> known(Tables& tables, const UserKey& who, std::string_view field) {
  const auto account = tables.account(who);
  if (!account || account->removed) return refuse(Code::AccountUnknown, std::string(field) + ": no such account");
  return {};
}

std::vector<PushTarget> push_targets(Tables& tables, const UserKey& who) {
  std::vector<PushTarget> out;
  for (TerminalRow& row : tables.terminals(who))
    if (row.state == TerminalState::LoggedIn && takes_pushes(row.platform))
      out.push_back({std::move(row.device), row.platform, row.acked});
  return out;
}

Answer<LoginReply> login(Work& work, const VerifiedLogin& request) {
  Tables& tables = work.tables;
  const UserKey& who = request.terminal.user;
  const auto account = tables.account(who);
  if (account && account->removed) return refuse(Code::AccountUnknown, "user: this account was removed");
  if (account && request.issued < account->valid_from)
    return refuse(Code::SigRevoked, "signature: this user was kicked after it was issued");
  const std::vector<TerminalRow> rows = tables.terminals(who);
  const AppSettings& settings = work.settings(who.app);
  LoginPolicy policy = work.options.login;
  policy.web_slots = static_cast<std::size_t>(settings.web_slots);
  const LoginPlan plan =
      plan_login(known_of(rows), request.terminal.device, request.terminal.platform, request.force, policy);
  const auto mine = std::ranges::find(rows, request.terminal.device, &TerminalRow::device);
  if (plan.refused) {
    TerminalRow row = *mine;
    row.state = TerminalState::LoggedOut;
    tables.save_terminal(who, row);
    return refuse(Code::Displaced, "another device has logged in meanwhile: log in once more to take its place");
  }
  if (!account) tables.add_account(who, work.now);
  if (plan.replaces) end(work, who, *mine, Ended::Why::SameDevice);
  StateNote state{.action = "Login", .reason = "Register", .kicked = {}};
  for (const std::size_t place : plan.displaces) {
    TerminalRow row = rows[place];
    row.state = TerminalState::Displaced;
    tables.save_terminal(who, row);
    end(work, who, row, Ended::Why::Displaced);
    state.kicked.push_back(row.platform);
  }
  for (const std::size_t place : plan.forgets) tables.forget_terminal(who, rows[place].device);
  TerminalRow row{.device = request.terminal.device,
                  .platform = request.terminal.platform,
                  .epoch = tables.next_epoch(who),
                  .language = request.language,
                  .auto_read = request.auto_read || settings.auto_read};
  if (mine != rows.end()) row.acked = mine->acked;
  tables.save_terminal(who, row);
  Terminal terminal = request.terminal;
  terminal.epoch = row.epoch;
  note_state(work, terminal, state);
  return LoginReply{.terminal = std::move(terminal),
                    .ver = account ? account->ver : Ver{},
                    .signature_ends = request.ends,
                    .nick = account ? account->nick : std::string(),
                    .groups = tables.subscriptions(who)};
}

Answer<void> logout(Work& work, const Terminal& who) {
  auto row = logged_in(work.tables, who);
  if (!row) return std::unexpected(std::move(row.error()));
  row->state = TerminalState::LoggedOut;
  work.tables.save_terminal(who.user, *row);
  end(work, who.user, *row, Ended::Why::LoggedOut);
  note_state(work, who, kLoggedOut);
  return {};
}

void disconnected(Work& work, const std::vector<Disconnected>& all) {
  for (const auto& [who, silent] : all)
    if (logged_in(work.tables, who))  // a login that has ended was told of, and so was the one that took its place
      note_state(work, who, {.action = "Disconnect", .reason = silent ? "TimeOut" : "LinkClose", .kicked = {}});
}

Answer<void> set_profile(Work& work, const Terminal& who, const Profile& profile) {
  if (auto row = logged_in(work.tables, who); !row) return std::unexpected(std::move(row.error()));
  const auto account = work.tables.account(who.user);
  if (!account) return refuse(Code::AccountUnknown, "user: no such account");
  Profile named = profile;
  if (auto ok = mask_name(work, actor_of(who), "nick", named.nick); !ok) return ok;
  work.tables.set_profile(who.user, named.nick.value_or(account->nick), named.face.value_or(account->face));
  note_profile(work, actor_of(who), tagged(named));
  return {};
}

Answer<void> set_blacklisted(Work& work, const Terminal& who, const BlacklistChange& change) {
  if (auto row = logged_in(work.tables, who); !row) return std::unexpected(std::move(row.error()));
  std::size_t listed = work.tables.blocked(who.user).size();
  const std::size_t before = listed;
  if (auto done = set_blacklisted(work, who.user, change, listed); !done || listed == before) return done;
  note_blacklist(work, actor_of(who), {change.user}, change.on);
  return {};
}

Answer<void> set_blacklisted(Work& work, const UserKey& who, const BlacklistChange& change, std::size_t& listed) {
  if (change.user == who.user) return refuse(Code::Malformed, "user: nobody is on his own blacklist");
  const bool there = work.tables.blocks(who, change.user);
  if (change.on) {
    if (auto ok = known(work.tables, {who.app, change.user}); !ok) return ok;
    const auto most = static_cast<std::size_t>(work.settings(who.app).blacklist_max);
    if (!there && listed >= most)
      return refuse(Code::TooLarge, "user: the blacklist is full, at most " + std::to_string(most) + " users");
  }
  work.tables.set_block(who, change.user, change.on);
  if (change.on && !there) work.tables.stamp_block(who, change.user, work.now);
  if (change.on && !there) ++listed;
  if (!change.on && there) --listed;
  return {};
}

Answer<void> import_account(Work& work, const UserKey& who, const Profile& profile) {
  std::optional<std::string> nick = profile.nick;
  if (auto ok = mask_name(work, {who, std::nullopt}, "Nick", nick); !ok) return ok;
  work.tables.add_account(who, work.now);
  const auto account = work.tables.account(who);
  if (!account) return refuse(Code::Internal, "user: the account is not there");
  work.tables.set_profile(who, nick.value_or(account->nick), profile.face.value_or(account->face));
  return {};
}

Answer<void> kick(Work& work, const UserKey& who) {
  if (auto ok = known(work.tables, who); !ok) return ok;
  end_all(work, who, Ended::Why::Kicked);
  return {};
}

Answer<void> remove_account(Work& work, const UserKey& who) {
  if (auto ok = known(work.tables, who); !ok) return ok;
  end_all(work, who, Ended::Why::AccountRemoved);
  end_calls_of(work, who);
  leave_all_groups(work, who);
  for (const ChatRow& chat : work.tables.unread_chats(who)) work.told.read.push_back({who, {chat.conv, chat.head}});
  work.tables.remove_account(who);
  work.tables.remove_admin_rows(who);
  work.tables.remove_marks(who);
  return {};
}

}  // namespace nightpost::im
