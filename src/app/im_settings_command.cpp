// nightpost im-settings: what an app has otherwise than the config says, while its IM server runs.
#include <fmt/format.h>

#include <utility>

#include "app/cli_audit.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/rule_office.h"
#include "im/domain/app_settings.h"
#include "im/service/app_rules.h"

namespace nightpost::app {
namespace {

struct SettingOptions {
  CommonOptions common;
  std::int64_t app = 0;
  std::string name, value;

  void add_to(CLI::App& command) {
    common.add_config(command);
    common.add_json(command);
    command.add_option("--app", app, "app (tenant) id")->required()->check(CLI::PositiveNumber);
  }
};

using SettingRows = std::vector<std::pair<std::string, std::string>>;

std::expected<SettingRows, int> rows_of(RuleOffice& office, std::int64_t app) {
  SettingRows rows;
  const auto done = office.editor.together([&]() -> Result<void> {
    auto found = office.editor.settings(AppId{app});
    if (!found) return std::unexpected(std::move(found.error()));
    rows = *std::move(found);
    return {};
  });
  if (!done) return std::unexpected(say_error(done.error()));
  return rows;
}

nlohmann::json setting_json(const im::AppSetting& setting, const im::AppSettings& now, bool own) {
  return {{"name", setting.name},           {"value", nlohmann::json::parse(setting_text(now, setting))},
          {"from", own ? "app" : "config"}, {"range", setting_range(setting)},
          {"since", setting.since},         {"what", setting.what}};
}

/// What holds now: one, or all.
int show_settings(const SettingOptions& options, RuleOffice& office) {
  const auto rows = rows_of(office, options.app);
  if (!rows) return rows.error();
  const im::AppliedSettings now = im::applied(im::default_settings(office.options), *rows);
  for (const std::string& why : now.passed_over) fmt::print(stderr, "nightpost: passed over: {}\n", why);
  nlohmann::json all = nlohmann::json::array();
  for (const im::AppSetting& setting : im::app_settings()) {
    if (!options.name.empty() && setting.name != options.name) continue;
    all.push_back(setting_json(setting, now.settings, now.has_own(setting.name)));
  }
  if (options.common.json) {
    print_json(options.name.empty() ? all : all.at(0));
    return kDone;
  }
  Table table({"SETTING", "VALUE", "FROM", "RANGE", "WHAT"});
  for (const nlohmann::json& each : all)
    table.row({each.at("name"), each.at("value").dump(), each.at("from"), each.at("range"), each.at("what")});
  fmt::print("{}", table.text("none"));
  return kDone;
}

int get_setting(const SettingOptions& options) {
  if (!options.name.empty() && im::app_setting(options.name) == nullptr)
    return say_error(options.name + ": no such setting; im-settings list has them", kBadUsage);
  auto office = open_rules(options.common, options.app);
  return office ? show_settings(options, *office) : office.error();
}

int change_setting(const SettingOptions& options, bool set) {
  auto office = open_rules(options.common, options.app);
  if (!office) return office.error();
  const auto done = recorded(
      office->editor, set ? "im_setting.set" : "im_setting.unset", [&](store::AuditEntry& entry) -> Result<void> {
        const auto before = set ? office->editor.set_setting(AppId{options.app}, options.name, options.value)
                                : office->editor.unset_setting(AppId{options.app}, options.name);
        if (!before) return std::unexpected(before.error());
        entry.app = AppId{options.app};
        entry.object = options.name;
        if (*before) entry.before = nlohmann::json{{options.name, **before}}.dump();
        if (set) entry.after = nlohmann::json{{options.name, options.value}}.dump();
        return {};
      });
  if (!done) return say_error(done.error());
  if (im::app_setting(options.name) == nullptr) return kDone;  // another version's, taken away
  return show_settings(options, *office);
}

}  // namespace

void add_im_settings_command(CLI::App& root, int& exit_code) {
  CLI::App* settings = root.add_subcommand(
      "im-settings", "What an app of the IM server has otherwise than the config says: list, get, set, unset");
  settings->require_subcommand(1);
  std::string names = "Settings:";
  for (const im::AppSetting& setting : im::app_settings())
    names += fmt::format("\n  {}: {} ({})", setting.name, setting.what, setting_range(setting));
  settings->footer(names + "\n\nA change holds within im.app_rules_poll_ms, without a restart.");
  const auto command = [&](const char* name, const char* what, const std::string& example, bool named, auto run) {
    auto options = std::make_shared<SettingOptions>();
    CLI::App* added = settings->add_subcommand(name, what);
    options->add_to(*added);
    if (named) added->add_option("NAME", options->name, "as im-settings list has it")->required();
    added->footer(std::string("Example:\n  nightpost im-settings ") + name +
                  " --config config/dev.json --app 1400000001" + example);
    added->callback([options, run, &exit_code] { exit_code = run(*options); });
    return std::pair(added, options);
  };
  command("list", "Each setting, what holds, and whose word it is", "", false, get_setting);
  command("get", "One of them", " recall_window_ms", true, get_setting);
  const auto [set, given] = command("set", "Set one for this app", " recall_window_ms 300000", true,
                                    [](const SettingOptions& options) { return change_setting(options, true); });
  set->add_option("VALUE", given->value, "true, false or a number")->required();
  command("unset", "Leave it to the config again", " recall_window_ms", true,
          [](const SettingOptions& options) { return change_setting(options, false); });
}

}  // namespace nightpost::app
