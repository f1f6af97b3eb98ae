#include "app/json_section.h"

#include <fmt/format.h>

namespace nightpost::app {
namespace {

const nlohmann::json kEmpty = nlohmann::json::object();

/// Values of a config are never secrets, but a password may have been put into the wrong place: show little.
std::string shown(const nlohmann::json& value) {
  std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > 40) text = text.substr(0, 37) + "...";
  return text;
}

}  // namespace

nlohmann::json parse_strict(std::string_view text, std::vector<std::string>& errors) {
  // One set of keys and one name per open object; the callback sees keys in order.
  std::vector<std::set<std::string>> seen;
  std::vector<std::string> names{""};
  const auto watch = [&](int, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start) {
      seen.emplace_back();
      names.emplace_back();
    } else if (event == Event::object_end) {
      seen.pop_back();
      names.pop_back();
    } else if (event == Event::key) {
      const std::string key = parsed.get<std::string>();
      names.back() = key;
      if (!seen.back().insert(key).second) {
        std::string path;
        for (const std::string& name : names) path += (path.empty() || name.empty() ? "" : ".") + name;
        errors.push_back(path + ": given twice");
      }
    }
    return true;
  };
  try {
    return nlohmann::json::parse(text, watch);
  } catch (const nlohmann::json::parse_error& error) {
    std::string_view what = error.what();  // "[json.exception.parse_error.101] parse error at line 3, column 7: …"
    if (const auto at = what.find("line "); at != std::string_view::npos) what.remove_prefix(at);
    errors.emplace_back(what);
    return nullptr;
  }
}

JsonSection::JsonSection(const nlohmann::json& value, std::string path, std::vector<std::string>& errors)
    : object_(value.is_object() ? &value : nullptr), path_(std::move(path)), errors_(errors) {
  if (object_ == nullptr)
    errors_.push_back(fmt::format("{}: {} is not an object", path_.empty() ? "(top)" : path_, shown(value)));
}

JsonSection::~JsonSection() {
  if (object_ == nullptr) return;
  for (const auto& [key, value] : object_->items())
    if (!asked_.contains(key)) mistake(key, "unknown key");
}

bool JsonSection::has(std::string_view key) const { return object_ != nullptr && object_->contains(key); }

const nlohmann::json* JsonSection::member(std::string_view key) {
  asked_.emplace(key);
  if (!has(key)) return nullptr;
  return &(*object_)[std::string(key)];
}

JsonSection JsonSection::section(std::string_view key) {
  const nlohmann::json* value = member(key);
  const std::string path = path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  return JsonSection(value != nullptr ? *value : kEmpty, path, errors_);
}

void JsonSection::text(std::string_view key, std::string& out, bool may_be_empty) {
  const nlohmann::json* value = member(key);
  if (value == nullptr) return;
  if (!value->is_string()) return mistake(key, shown(*value) + " is not a text");
  if (value->get_ref<const std::string&>().empty() && !may_be_empty) return mistake(key, "is empty");
  out = *value;
}

void JsonSection::flag(std::string_view key, bool& out) {
  const nlohmann::json* value = member(key);
  if (value == nullptr) return;
  if (!value->is_boolean()) return mistake(key, shown(*value) + " is not true or false");
  out = *value;
}

void JsonSection::real(std::string_view key, double& out, double least, double most) {
  const nlohmann::json* value = member(key);
  if (value == nullptr) return;
  if (!value->is_number()) return mistake(key, shown(*value) + " is not a number");
  const double number = *value;
  if (!(number >= least && number <= most))
    return mistake(key, fmt::format("{} is not in [{}, {}]", shown(*value), least, most));
  out = number;
}

void JsonSection::read_integer(std::string_view key, std::int64_t& out, std::int64_t least, std::int64_t most) {
  const nlohmann::json* value = member(key);
  if (value == nullptr) return;
  if (!value->is_number_integer()) return mistake(key, shown(*value) + " is not a whole number");
  const bool huge = value->is_number_unsigned() && value->get<std::uint64_t>() > std::uint64_t(INT64_MAX);
  if (huge || value->get<std::int64_t>() < least || value->get<std::int64_t>() > most)
    return mistake(key, fmt::format("{} is not in [{}, {}]", shown(*value), least, most));
  out = *value;
}

void JsonSection::texts(std::string_view key, std::map<std::string, std::string>& out) {
  const nlohmann::json* value = member(key);
  if (value == nullptr) return;
  if (!value->is_object()) return mistake(key, shown(*value) + " is not an object");
  std::map<std::string, std::string> read;
  for (const auto& [name, member] : value->items()) {
    if (member.is_string()) {
      read[name] = member;
    } else if (member.is_number() || member.is_boolean()) {
      read[name] = member.dump();
    } else {
      mistake(fmt::format("{}.{}", key, name), "is not a text, a number or true/false");  // it may be a secret
    }
  }
  out = std::move(read);
}

void JsonSection::mistake(std::string_view key, std::string what) {
  errors_.push_back(fmt::format("{}{}{}: {}", path_, path_.empty() ? "" : ".", key, what));
}

}  // namespace nightpost::app
