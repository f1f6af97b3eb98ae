// What `nightpost im-words` and `im-settings` work on: the companion's store, for an app that the config names.
#pragma once

#include <cstdint>
#include <expected>

#include "app/commands.h"
#include "im/service/service_options.h"
#include "im/store/rule_editor.h"

namespace nightpost::app {

struct RuleOffice {
  im::RuleEditor editor;
  im::ServiceOptions options;  // the config's
};
/// A failure is printed and its exit code returned.
std::expected<RuleOffice, int> open_rules(const CommonOptions& options, std::int64_t app);

}  // namespace nightpost::app
