// What a benchmark says: JSON, or a table for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace nightpost::bench {

/// One run: named numbers, the unit in each name, in the order they are shown.
using Measured = nlohmann::ordered_json;

/// The machine and the moment: processor, cores, memory, kernel, load before the first run.
nlohmann::ordered_json environment();
/// Number by number; of an even count the mean of the two in the middle. REQUIRED: runs of equal shape, at least one.
Measured median_of(const std::vector<Measured>& runs);
nlohmann::ordered_json report(std::string_view what, const nlohmann::ordered_json& environment,
                              const std::vector<Measured>& runs);
std::string as_table(const nlohmann::ordered_json& report);

}  // namespace nightpost::bench
