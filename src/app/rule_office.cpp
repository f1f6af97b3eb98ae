#include "app/rule_office.h"

#include <fmt/format.h>

#include <utility>

#include "app/output.h"

namespace nightpost::app {

std::expected<RuleOffice, int> open_rules(const CommonOptions& options, std::int64_t app) {
  const auto config = options.load();
  if (!config) return std::unexpected(config.error());
  if (!config->im.key_files.contains(AppId{app}))
    return std::unexpected(say_error(fmt::format("--app: {} is not in im.key_files of the config", app), kBadUsage));
  auto editor = im::RuleEditor::open(config->store_url, config->store);
  if (!editor) return std::unexpected(say_error(editor.error()));
  return RuleOffice{*std::move(editor), config->im.service};
}

}  // namespace nightpost::app
