// What a support person can do about how a push ended: one plain sentence a rule.
#pragma once

#include <string_view>

namespace nightpost::app {

/// `rule`: by name, as outcomes have it. Empty: a rule that this binary does not know.
std::string_view advice_of(std::string_view rule) noexcept;

}  // namespace nightpost::app
