// An Outcome as the results topic carries it: config/schemas/outcome.schema.json.
#pragma once

#include <string>
#include <string_view>

#include "core/outcome.h"

namespace nightpost::dispatch {

/// "v" of every outcome. It changes where a reader of the one before would be misled; what only adds does not change
/// it.
inline constexpr int kOutcomeVersion = 1;

/// The rule of what a vendor reported afterwards; all others are Rule's (rule.h).
inline constexpr std::string_view kReceiptRule = "receipt";

/// One line. Members that say nothing are left out. Text that is not UTF-8 (a vendor's, a store's) is repaired. The
/// device token is not part of an Outcome, so it cannot appear.
void append_json(std::string& out, const Outcome& outcome);
std::string to_json(const Outcome& outcome);

}  // namespace nightpost::dispatch
