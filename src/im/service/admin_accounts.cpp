// Accounts, profiles, silences and blacklists, for the app's server.
#include <algorithm>
#include <utility>

#include "im/service/admin_commands.h"
#include "im/service/callback_notes.h"
#include "im/service/words.h"

namespace nightpost::im {

AdminService::Each import_accounts(Work& work, AppId app, const std::vector<AccountImport>& all) {
  AdminService::Each out;
  for (const AccountImport& each : all) out.push_back(import_account(work, {app, each.user}, each.profile));
  return out;
}

AdminService::Each remove_accounts(Work& work, AppId app, const std::vector<std::string>& users) {
  AdminService::Each out;
  for (const std::string& user : users) out.push_back(remove_account(work, {app, user}));
  return out;
}

std::vector<AccountState> account_states(Work& work, AppId app, const std::vector<std::string>& users) {
  std::vector<AccountState> out;
  for (const std::string& user : users) {
    const auto account = work.tables.account({app, user});
    AccountState& state = out.emplace_back();
    if (!account) continue;
    state.known = !account->removed;
    state.signatures_from = account->valid_from;
    for (TerminalRow& row : work.tables.terminals({app, user}))
      if (row.state == TerminalState::LoggedIn) state.devices.push_back({std::move(row.device), row.platform});
  }
  return out;
}

Answer<void> set_full_profile(Work& work, const UserKey& who, const Profile& asked,
                              const std::vector<ProfileField>& fields) {
  const auto account = work.tables.account(who);
  if (!account || account->removed) return refuse(Code::AccountUnknown, "user: no such account");
  auto there = work.tables.profile_fields(who);
  std::size_t count = there.size();
  for (const ProfileField& field : fields)
    if (std::ranges::find(there, field.tag, &std::pair<std::string, std::string>::first) == there.end()) ++count;
  const std::size_t most = work.options.profile_fields_max;
  if (count > most) return refuse(Code::TooLarge, "profile: more than " + std::to_string(most) + " fields");
  Profile profile = asked;
  if (auto ok = mask_name(work, {who, std::nullopt}, "Tag_Profile_IM_Nick", profile.nick); !ok) return ok;
  if (profile.nick || profile.face)
    work.tables.set_profile(who, profile.nick.value_or(account->nick), profile.face.value_or(account->face));
  auto noted = tagged(profile);
  for (const ProfileField& field : fields) {
    work.tables.set_profile_field(who, field.tag, field.value);
    noted.emplace_back(field.tag, field.value);
  }
  note_profile(work, {who, std::nullopt}, noted);
  return {};
}

std::vector<FullProfile> full_profiles(Work& work, AppId app, const std::vector<std::string>& users) {
  std::vector<FullProfile> out;
  for (const std::string& user : users) {
    auto account = work.tables.account({app, user});
    FullProfile& profile = out.emplace_back();
    if (!account || account->removed) continue;
    profile = {.known = true, .nick = std::move(account->nick), .face = std::move(account->face), .fields = {}};
    for (auto& [tag, value] : work.tables.profile_fields({app, user}))
      profile.fields.push_back({std::move(tag), std::move(value)});
  }
  return out;
}

Answer<void> set_silence(Work& work, const UserKey& who, const SilenceChange& change) {
  if (auto ok = known(work.tables, who); !ok) return ok;
  SilenceRow row = work.tables.silence(who);
  row.chats_until = change.chats.value_or(row.chats_until);
  row.groups_until = change.groups.value_or(row.groups_until);
  work.tables.set_silence(who, row);
  return {};
}

Answer<Silence> silence(Work& work, const UserKey& who) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  const SilenceRow row = work.tables.silence(who);
  return Silence{row.chats_until, row.groups_until};
}

Answer<AdminService::Each> change_blacklist(Work& work, const UserKey& who, const std::vector<std::string>& users,
                                            bool on) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  std::size_t listed = work.tables.blocked(who).size();
  AdminService::Each out;
  std::vector<std::string> changed;
  for (const std::string& user : users) {
    const std::size_t before = listed;
    out.push_back(set_blacklisted(work, who, {user, on}, listed));
    if (listed != before) changed.push_back(user);
  }
  note_blacklist(work, {who, std::nullopt}, changed, on);
  return out;
}

Answer<std::vector<BlockedUser>> blacklist_of(Work& work, const UserKey& who) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  std::vector<BlockedUser> out;
  for (auto& [user, since] : work.tables.blocked_since(who)) out.push_back({std::move(user), since});
  return out;
}

Answer<std::vector<Relation>> check_blacklist(Work& work, const UserKey& who, const std::vector<std::string>& users) {
  if (auto ok = known(work.tables, who); !ok) return std::unexpected(std::move(ok.error()));
  std::vector<Relation> out;
  for (const std::string& user : users) {
    const UserKey other{who.app, user};
    out.push_back({.known = known(work.tables, other).has_value(),
                   .a_has_b = work.tables.blocks(who, user),
                   .b_has_a = work.tables.blocks(other, who.user)});
  }
  return out;
}

}  // namespace nightpost::im
