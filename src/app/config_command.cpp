// nightpost config: is this file what the worker would take?
#include <fmt/format.h>

#include "app/commands.h"
#include "app/output.h"

namespace nightpost::app {

void add_config_command(CLI::App& root, int& exit_code) {
  CLI::App* config = root.add_subcommand("config", "Configuration files: check");
  config->require_subcommand(1);
  auto path = std::make_shared<std::string>();
  auto common = std::make_shared<CommonOptions>();
  CLI::App* check = config->add_subcommand("check", "Say every mistake of a config file, each with its path");
  check->add_option("file", *path, "config file")->required()->type_name("FILE");
  common->add_json(*check);
  check->footer("Example:\n  nightpost config check config/dev.json");
  check->callback([path, common, &exit_code] {
    const auto checked = load_config(*path);
    const std::vector<std::string> mistakes = checked ? std::vector<std::string>() : checked.error().lines;
    if (common->json) {
      print_json({{"file", *path}, {"ok", mistakes.empty()}, {"mistakes", mistakes}});
    } else if (mistakes.empty()) {
      fmt::print("{}: good\n", *path);
    }
    if (!common->json)
      for (const std::string& mistake : mistakes) say_error(fmt::format("{}: {}", *path, mistake), kBadUsage);
    exit_code = mistakes.empty() ? int{kDone} : int{kBadUsage};
  });
}

}  // namespace nightpost::app
