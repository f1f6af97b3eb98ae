#include "sandbox/json_fields.h"

#include <algorithm>

namespace nightpost::sandbox {

using nlohmann::json;

Result<json> parse_json(std::string_view text) {
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    return fail(Errc::Malformed, "$: not JSON (byte " + std::to_string(error.byte) + ")");
  }
}

JsonFields::JsonFields(const json& value, std::string path) : value_(value), path_(std::move(path)) {
  if (!value_.is_object()) fault_ = path_ + ": not an object";
}

std::string JsonFields::path_of(std::string_view key) const {
  std::string path = path_;
  path += '.';
  path += key;
  return path;
}

void JsonFields::fault(std::string_view key, std::string_view what) {
  if (!fault_.empty()) return;
  fault_ = path_of(key);
  fault_ += ": ";
  fault_ += what;
}

const json* JsonFields::any(std::string_view key) {
  asked_.emplace_back(key);
  if (!value_.is_object()) return nullptr;
  const auto found = value_.find(key);
  return found == value_.end() ? nullptr : &*found;
}

std::optional<std::string> JsonFields::text(std::string_view key) {
  const json* value = any(key);
  if (!value) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  fault(key, "not a string");
  return std::nullopt;
}

std::string JsonFields::required_text(std::string_view key) {
  std::string value = text(key).value_or("");
  if (value.empty()) fault(key, "missing or empty");
  return value;
}

std::optional<std::int64_t> JsonFields::integer(std::string_view key, std::int64_t least, std::int64_t most) {
  const json* value = any(key);
  if (!value) return std::nullopt;
  const bool fits =
      value->is_number_integer() && !(value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX);
  if (fits && value->get<std::int64_t>() >= least && value->get<std::int64_t>() <= most)
    return value->get<std::int64_t>();
  fault(key, "not an integer in [" + std::to_string(least) + ", " + std::to_string(most) + "]");
  return std::nullopt;
}

std::optional<double> JsonFields::number(std::string_view key, double least, double most) {
  const json* value = any(key);
  if (!value) return std::nullopt;
  if (value->is_number() && value->get<double>() >= least && value->get<double>() <= most) return value->get<double>();
  fault(key, "not a number in [" + json(least).dump() + ", " + json(most).dump() + "]");
  return std::nullopt;
}

bool JsonFields::flag(std::string_view key) {
  const json* value = any(key);
  if (value && !value->is_boolean()) fault(key, "not true or false");
  return value && value->is_boolean() && value->get<bool>();
}

const json* JsonFields::object(std::string_view key) {
  const json* value = any(key);
  if (!value || value->is_object()) return value;
  fault(key, "not an object");
  return nullptr;
}

const json* JsonFields::array(std::string_view key) {
  const json* value = any(key);
  if (!value || value->is_array()) return value;
  fault(key, "not an array");
  return nullptr;
}

Result<void> JsonFields::finish() {
  if (fault_.empty())
    for (const auto& [key, value] : value_.items())
      if (std::ranges::find(asked_, key) == asked_.end()) fault(key, "unknown member");
  if (!fault_.empty()) return fail(Errc::Malformed, fault_);
  return {};
}

}  // namespace nightpost::sandbox
