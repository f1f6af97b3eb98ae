#include "im/domain/app_settings.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace nightpost::im {
namespace {

using Kind = AppSetting::Kind;

constexpr std::int64_t kYearMs = 31'536'000'000;

constexpr AppSetting flag_setting(std::string_view name, bool AppSettings::* member, std::string_view what) {
  return {.name = name, .kind = Kind::Flag, .flag = member, .since = "0.1.0", .what = what};
}
constexpr AppSetting number_setting(std::string_view name, std::int64_t AppSettings::* member, std::int64_t least,
                                    std::int64_t most, bool capped, std::string_view what) {
  return {.name = name,
          .kind = Kind::Number,
          .number = member,
          .least = least,
          .most = most,
          .capped = capped,
          .since = "0.1.0",
          .what = what};
}
constexpr AppSetting time_setting(std::string_view name, milliseconds AppSettings::* member, std::int64_t most,
                                  std::string_view what) {
  return {.name = name, .kind = Kind::Time, .time = member, .most = most, .since = "0.1.0", .what = what};
}

constexpr std::array kAppSettings = {
    flag_setting("auto_read", &AppSettings::auto_read, "what any device acknowledges counts as read"),
    number_setting("blacklist_max", &AppSettings::blacklist_max, 1, 100'000, true, "users on one's blacklist"),
    flag_setting("blacklist_silent", &AppSettings::blacklist_silent, "a blacklisted sender sees success; else 20007"),
    number_setting("friends_max", &AppSettings::friends_max, 1, 100'000, true, "friends of a user"),
    flag_setting("friends_only", &AppSettings::friends_only,
                 "users who are not friends of each other are answered 20009"),
    number_setting("group_members_max", &AppSettings::group_members_max, 2, 1'000'000, true, "members of a group"),
    flag_setting("group_mention_passes_not_notify", &AppSettings::group_mention_passes_not_notify,
                 "a mention is pushed to a member who wants no pushes of the group"),
    flag_setting("group_owner_recalls", &AppSettings::group_owner_recalls,
                 "a group's owner and admins may recall what others wrote"),
    number_setting("groups_per_user_max", &AppSettings::groups_per_user_max, 1, 10'000, true,
                   "groups that a user may join; then 10037"),
    time_setting("message_kept_ms", &AppSettings::message_kept, 100 * kYearMs,
                 "a new message stays in the history so long; 0: for good"),
    time_setting("recall_window_ms", &AppSettings::recall_window, kYearMs,
                 "a sender may recall a message so long; then 20016"),
    number_setting("web_slots", &AppSettings::web_slots, 1, 100, false,
                   "web and mini-program devices of a user that may be logged in at once"),
    flag_setting("words_ignore_spacing", &AppSettings::words_ignore_spacing,
                 "words are found across blanks and punctuation"),
    flag_setting("words_in_names", &AppSettings::words_in_names,
                 "words are sought in nicks, groups' names and texts, members' names in groups"),
    flag_setting("words_of_app", &AppSettings::words_of_app, "the app's server is held to the words, too"),
};
static_assert(std::ranges::is_sorted(kAppSettings, {}, &AppSetting::name));

std::int64_t number_of(const AppSettings& settings, const AppSetting& setting) {
  switch (setting.kind) {
    case Kind::Flag:
      return settings.*setting.flag ? 1 : 0;
    case Kind::Number:
      return settings.*setting.number;
    case Kind::Time:
      return (settings.*setting.time).count();
  }
  return 0;
}

void set_number(AppSettings& settings, const AppSetting& setting, std::int64_t to) {
  if (setting.kind == Kind::Number)
    settings.*setting.number = to;
  else
    settings.*setting.time = milliseconds(to);
}

}  // namespace

std::span<const AppSetting> app_settings() noexcept { return kAppSettings; }

const AppSetting* app_setting(std::string_view name) noexcept {
  const auto found = std::ranges::lower_bound(kAppSettings, name, {}, &AppSetting::name);
  return found != kAppSettings.end() && found->name == name ? &*found : nullptr;
}

std::string setting_text(const AppSettings& settings, const AppSetting& setting) {
  if (setting.kind == Kind::Flag) return settings.*setting.flag ? "true" : "false";
  return std::to_string(number_of(settings, setting));
}

std::string setting_range(const AppSetting& setting) {
  if (setting.kind == Kind::Flag) return "true or false";
  return std::to_string(setting.least) + " … " + std::to_string(setting.most) +
         (setting.kind == Kind::Time ? " ms" : "") + (setting.capped ? ", at most the config's" : "");
}

Answer<void> set_setting(AppSettings& settings, const AppSetting& setting, std::string_view value) {
  const auto wrong = [&] {
    return refuse(Code::Malformed, std::string(setting.name) + ": not " + setting_range(setting));
  };
  if (setting.kind == Kind::Flag) {
    if (value != "true" && value != "false") return wrong();
    settings.*setting.flag = value == "true";
    return {};
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number < setting.least || number > setting.most)
    return wrong();
  set_number(settings, setting, number);
  return {};
}

bool AppliedSettings::has_own(std::string_view name) const { return std::ranges::find(own, name) != own.end(); }

AppliedSettings applied(const AppSettings& defaults, std::span<const std::pair<std::string, std::string>> rows) {
  AppliedSettings out{.settings = defaults, .passed_over = {}, .own = {}};
  for (const auto& [name, value] : rows) {
    const AppSetting* const setting = app_setting(name);
    if (setting == nullptr) {
      out.passed_over.push_back(name + ": no setting that this version knows");
      continue;
    }
    if (auto ok = set_setting(out.settings, *setting, value); !ok) {
      out.passed_over.push_back(std::move(ok.error().why));
      continue;
    }
    out.own.push_back(setting->name);
    if (setting->capped)
      set_number(out.settings, *setting, std::min(number_of(out.settings, *setting), number_of(defaults, *setting)));
  }
  return out;
}

}  // namespace nightpost::im
