// Reads JSON from outside strictly: an unknown member, a wrong type or a value out of range is an error that names its
// path ("$.rules[2].match.share: not in [0, 1]").
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace nightpost::sandbox {

/// Malformed: "$: not JSON (byte 17)".
Result<nlohmann::json> parse_json(std::string_view text);

/// The members of one object. The first fault is kept and ends up in finish(); what is absent stays nullopt or null.
class JsonFields {
 public:
  /// REQUIRED: `value` outlives it.
  JsonFields(const nlohmann::json& value, std::string path);

  std::optional<std::string> text(std::string_view key);
  std::string required_text(std::string_view key);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most);
  std::optional<double> number(std::string_view key, double least, double most);
  bool flag(std::string_view key);
  const nlohmann::json* object(std::string_view key);
  const nlohmann::json* array(std::string_view key);
  const nlohmann::json* any(std::string_view key);

  void fault(std::string_view key, std::string_view what);  // a rule of the caller's own is broken
  std::string path_of(std::string_view key) const;
  /// The first fault, or a member nobody asked for.
  Result<void> finish();

 private:
  const nlohmann::json& value_;
  std::string path_;
  std::string fault_;
  std::vector<std::string> asked_;
};

}  // namespace nightpost::sandbox
