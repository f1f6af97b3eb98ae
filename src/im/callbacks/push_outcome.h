// The results topic's outcomes (config/schemas/outcome.schema.json) as what an app's server is told of a push. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "im/service/callback_book.h"

namespace nightpost::im {

/// nullopt: nothing is told of it. Either more follows (it was put off), no push was wanted (a rule of the user's or
/// the sender's held it back before a request went out), or it is no outcome.
std::optional<PushOutcome> push_outcome(std::string_view outcome);

}  // namespace nightpost::im
