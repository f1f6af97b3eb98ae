// The tokens that a vendor's answer or receipt names: an array in one, text with commas in the next.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace nightpost {

/// Strings (and integers as their digits) of an array, or of a comma-separated string; of anything else, or null, none.
/// Empty ones are left out.
std::vector<std::string> target_list(const nlohmann::json* json);

}  // namespace nightpost
