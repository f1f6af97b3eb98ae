// The request line's target, taken apart. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/answer.h"

namespace nightpost::admin {

struct Target {
  std::vector<std::string> segments;         // of the path, percent-decoded
  std::map<std::string, std::string> query;  // decoded; '+' is a blank
};

/// A '%' without two hex digits, text that is not UTF-8 or holds a zero, or a parameter that is there twice: malformed.
std::expected<Target, Refusal> read_target(std::string_view target);

/// "/v1/certificates/{id}" against segments: what stands for {…}, in order; nullopt: another path.
std::optional<std::vector<std::string>> match_path(std::string_view pattern, const std::vector<std::string>& segments);

}  // namespace nightpost::admin
