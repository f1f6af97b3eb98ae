#include "admin/members.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace nightpost::admin {
namespace {

using Is = Member::Is;

constexpr int kDepthMax = 32;  // of nested JSON

bool is_choice(std::string_view choices, std::string_view word) {
  return !word.empty() && !word.contains('|') && fmt::format("|{}|", choices).contains(fmt::format("|{}|", word));
}

std::string choices_listed(std::string_view choices) {
  std::string out(choices);
  for (std::size_t at = 0; (at = out.find('|', at)) != std::string::npos; at += 2) out.replace(at, 1, ", ");
  return out;
}

/// What is wrong with a text; empty: nothing.
std::string text_mistake(const nlohmann::json& value, std::int64_t most, std::string_view choices) {
  if (!value.is_string()) return "not a text";
  const std::string& text = value.get_ref<const std::string&>();
  if (std::ssize(text) > most) return fmt::format("{} bytes, at most {}", text.size(), most);
  if (text.contains('\0')) return "holds a zero";
  if (!choices.empty() && !is_choice(choices, text)) return "none of " + choices_listed(choices);
  return "";
}

std::string integer_mistake(const nlohmann::json& value, std::int64_t least, std::int64_t most) {
  if (!value.is_number_integer()) return "not a whole number";
  const bool huge = value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t(INT64_MAX);
  if (huge || value.get<std::int64_t>() < least || value.get<std::int64_t>() > most)
    return fmt::format("not in [{}, {}]", least, most);
  return "";
}

struct MemberMistake {
  std::string what, below;  // below: ".name" or "[2]" of what the member holds
};

MemberMistake mistake_in(const nlohmann::json& value, const Member& member) {
  switch (member.is) {
    case Is::Text:
      return {text_mistake(value, member.most, member.choices), ""};
    case Is::Integer:
      return {integer_mistake(value, member.least, member.most), ""};
    case Is::Time:
      return {integer_mistake(value, 0, kTimeMsMax), ""};
    case Is::Flag:
      return {value.is_boolean() ? "" : "not true or false", ""};
    case Is::Texts:
    case Is::Apps: {
      if (!value.is_array()) return {"not an array", ""};
      if (std::ssize(value) > member.most) return {fmt::format("{} items, at most {}", value.size(), member.most), ""};
      for (std::size_t i = 0; i < value.size(); ++i) {
        std::string what =
            member.is == Is::Texts ? text_mistake(value[i], 4'096, {}) : integer_mistake(value[i], 1, INT64_MAX);
        if (!what.empty()) return {std::move(what), fmt::format("[{}]", i)};
      }
      return {};
    }
    case Is::Options: {
      if (!value.is_object()) return {"not an object", ""};
      if (std::ssize(value) > member.most)
        return {fmt::format("{} members, at most {}", value.size(), member.most), ""};
      for (const auto& [name, one] : value.items()) {
        if (one.is_null()) continue;
        if (std::string what = text_mistake(one, 4'096, {}); !what.empty()) return {std::move(what), "." + name};
      }
      return {};
    }
  }
  return {"not of a known kind", ""};
}

}  // namespace

std::optional<Refusal> check_members(nlohmann::json& object, std::span<const Member> table, std::string_view prefix) {
  const auto place = [&](std::string_view name) { return fmt::format("{}{}", prefix, name); };
  for (auto at = object.begin(); at != object.end();) {
    const auto found = std::ranges::find(table, at.key(), &Member::name);
    if (found == table.end()) return Refusal{400, "malformed", "unknown", place(at.key())};
    if (at->is_null() && found->nullable) {
      at = object.erase(at);
      continue;
    }
    if (MemberMistake mistake = mistake_in(*at, *found); !mistake.what.empty())
      return Refusal{400, "malformed", std::move(mistake.what), place(at.key()) + mistake.below};
    ++at;
  }
  for (const Member& member : table)
    if (member.required && !object.contains(std::string(member.name)))
      return Refusal{400, "malformed", "missing", place(member.name)};
  return std::nullopt;
}

std::expected<nlohmann::json, Refusal> read_members(std::string_view text, std::span<const Member> table) {
  bool deep = false;
  const auto watch = [&deep](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    deep = deep || depth > kDepthMax;
    return !deep;
  };
  nlohmann::json object = nlohmann::json::parse(text, watch, false);
  if (deep) return malformed("the body is nested deeper than " + std::to_string(kDepthMax));
  if (object.is_discarded()) return malformed("the body is no JSON");
  if (!object.is_object()) return malformed("the body is no JSON object");
  if (auto mistake = check_members(object, table, "")) return std::unexpected(*std::move(mistake));
  return object;
}

std::expected<nlohmann::json, Refusal> typed_query(const std::map<std::string, std::string>& query,
                                                   std::span<const Member> table) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [name, value] : query) {
    const auto found = std::ranges::find(table, name, &Member::name);
    const Is is = found == table.end() ? Is::Text : found->is;
    object[name] = value;
    if (is == Is::Integer || is == Is::Time) {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (error == std::errc{} && end == value.data() + value.size()) object[name] = number;
    } else if (is == Is::Flag && (value == "true" || value == "false")) {
      object[name] = value == "true";
    }
  }
  if (auto mistake = check_members(object, table, "query.")) return std::unexpected(*std::move(mistake));
  return object;
}

std::vector<AppId> Values::apps(const char* name) const {
  std::vector<AppId> all;
  if (has(name))
    for (const auto& id : object_[name]) all.push_back({id.get<std::int64_t>()});
  return all;
}

std::map<std::string, std::optional<std::string>> Values::options(const char* name) const {
  std::map<std::string, std::optional<std::string>> all;
  if (has(name))
    for (const auto& [option, value] : object_[name].items())
      all[option] = value.is_null() ? std::nullopt : std::optional(value.get<std::string>());
  return all;
}

}  // namespace nightpost::admin
