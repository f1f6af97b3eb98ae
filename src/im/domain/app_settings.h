// What an app may have otherwise than the config says, set while the server runs: one table names each setting, its
// range and since when it is there. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/time.h"
#include "im/domain/codes.h"

namespace nightpost::im {

/// Each has the name and meaning of the config's key `im.NAME`, which is its default.
struct AppSettings {
  milliseconds recall_window{120'000};
  milliseconds message_kept{0};  // 0: for good
  std::int64_t web_slots = 1;
  std::int64_t blacklist_max = 1'000;
  std::int64_t friends_max = 3'000;
  std::int64_t group_members_max = 6'000;
  std::int64_t groups_per_user_max = 500;
  bool blacklist_silent = true;
  bool friends_only = false;  // of two who are not friends of each other neither may write to the other
  bool auto_read = false;     // each login is one that wants it
  bool group_owner_recalls = true;
  bool group_mention_passes_not_notify = false;
  bool words_ignore_spacing = false;
  bool words_of_app = true;     // the app's server is held to the words, too
  bool words_in_names = false;  // nicks, groups' names and texts, members' names in groups
};

struct AppSetting {
  enum class Kind : std::uint8_t { Flag, Number, Time };  // Time: whole ms
  std::string_view name;
  Kind kind = Kind::Flag;
  bool AppSettings::* flag = nullptr;
  std::int64_t AppSettings::* number = nullptr;
  milliseconds AppSettings::* time = nullptr;
  std::int64_t least = 0, most = 0;
  /// The config's value bounds what the process holds: an app may only have less.
  bool capped = false;
  std::string_view since;
  std::string_view what;
};

std::span<const AppSetting> app_settings() noexcept;  // by name
const AppSetting* app_setting(std::string_view name) noexcept;

/// "true", "120000".
std::string setting_text(const AppSettings& settings, const AppSetting& setting);
/// "true or false", "0 … 31536000000 ms".
std::string setting_range(const AppSetting& setting);
/// Malformed: no value of it; `why` says what is one.
Answer<void> set_setting(AppSettings& settings, const AppSetting& setting, std::string_view value);

struct AppliedSettings {
  AppSettings settings;
  std::vector<std::string> passed_over;  // why, each; another version's, or somebody wrote into the table by hand
  std::vector<std::string_view> own;     // names of the settings whose row is used; they live as app_settings() does
  bool has_own(std::string_view name) const;
};
/// `rows`: names and values.
AppliedSettings applied(const AppSettings& defaults, std::span<const std::pair<std::string, std::string>> rows);

}  // namespace nightpost::im
