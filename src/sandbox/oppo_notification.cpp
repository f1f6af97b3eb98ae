#include "sandbox/oppo_notification.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "sandbox/field_text.h"

namespace nightpost::sandbox::oppo {
namespace {

enum class Is : std::uint8_t { Text, Integer, Flag, JsonText, Any };
struct Rule {
  std::string_view name;
  Is is;
  std::int64_t least = 0;                                        // Integer
  std::int64_t most = std::numeric_limits<std::int64_t>::max();  // Integer; texts: UTF-16 units
};
constexpr std::int64_t kInt32 = std::numeric_limits<std::int32_t>::max();

constexpr std::array kRules = {
    Rule{"action_parameters", Is::JsonText, 0, 4000},
    Rule{"app_message_id", Is::Text},
    Rule{"auditResponse", Is::Any},
    Rule{"badge_message_count", Is::Integer, 0, kInt32},
    Rule{"badge_operation_type", Is::Integer, 0, 1},
    Rule{"big_picture_id", Is::Text},
    Rule{"call_back_parameter", Is::Text, 0, 100},
    Rule{"call_back_url", Is::Text, 0, 200},
    Rule{"category", Is::Text},
    Rule{"channel_id", Is::Text},
    Rule{"click_action_activity", Is::Text, 0, 500},
    Rule{"click_action_type", Is::Integer, 0, 5},
    Rule{"click_action_url", Is::Text, 0, 2000},
    Rule{"content", Is::Text},
    Rule{"fix_speed", Is::Flag},
    Rule{"fix_speed_rate", Is::Integer, 1000, 10'000},
    Rule{"network_type", Is::Integer, 0, 1},
    Rule{"notify_id", Is::Integer, 0, kInt32},
    Rule{"notify_level", Is::Integer},
    Rule{"off_line", Is::Flag},
    Rule{"off_line_ttl", Is::Integer, 0, kInt32},  // more than ten days is clipped, not refused
    Rule{"private_content_parameters", Is::Any},
    Rule{"private_msg_template_id", Is::Text},
    Rule{"private_title_parameters", Is::Any},
    Rule{"push_start_time", Is::Integer},
    Rule{"push_time_type", Is::Integer, 0, 1},
    Rule{"show_end_time", Is::Integer},
    Rule{"show_start_time", Is::Integer},
    Rule{"show_time_type", Is::Integer, 0, 1},
    Rule{"show_ttl", Is::Integer, 0, 86'400},
    Rule{"small_picture_id", Is::Text},
    Rule{"style", Is::Integer, 1, 3},
    Rule{"sub_title", Is::Text, 0, 10},
    Rule{"time_zone", Is::Text},
    Rule{"title", Is::Text, 0, 50},
};
static_assert(std::ranges::is_sorted(kRules, {}, &Rule::name));

constexpr std::array<std::string_view, 10> kCategories = {
    "ACCOUNT", "CONTENT", "DEVICE_REMINDER", "IM", "MARKETING", "NEWS", "ORDER", "SOCIAL", "SUBSCRIPTION", "TODO"};
static_assert(std::ranges::is_sorted(kCategories));

constexpr std::array<std::int64_t, 4> kContentUnits = {0, 50, 128, 50};  // by style

/// The values by rule; null: absent.
using Slots = std::array<const Value*, kRules.size()>;

consteval std::size_t slot(std::string_view name) {
  const auto* const rule = std::ranges::find(kRules, name, &Rule::name);
  if (rule == kRules.end()) throw "no such field";
  return static_cast<std::size_t>(rule - kRules.begin());
}

Refusal refuse(int code, std::string_view name, std::string_view what) {
  return {code, std::string(name) + ": " + std::string(what)};
}

std::optional<std::int64_t> number_of(const Value* value) {
  if (!value) return std::nullopt;
  if (value->kind == Value::Kind::Number) return value->number;
  return value->kind == Value::Kind::Form ? whole_number(value->text) : std::nullopt;
}

std::string_view text_of(const Value* value) { return value ? value->text : std::string_view(); }

bool is_json_object(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  return parser.parse(text.data(), text.size()).get(object) == simdjson::SUCCESS;
}

Refusal judge_value(const Value& value, const Rule& rule) {
  const bool in_form = value.kind == Value::Kind::Form;
  switch (rule.is) {
    case Is::Integer: {
      const auto number = number_of(&value);
      if (!number) return refuse(kIllegal, rule.name, "not an integer");
      if (*number < rule.least || *number > rule.most) return refuse(kIllegal, rule.name, "out of range");
      return {};
    }
    case Is::Flag: {
      const bool flag = in_form ? value.text == "true" || value.text == "false" : value.kind == Value::Kind::Flag;
      return flag ? Refusal{} : refuse(kIllegal, rule.name, "not true or false");
    }
    case Is::Text:
    case Is::JsonText:
      if (!in_form && value.kind != Value::Kind::Text) return refuse(kIllegal, rule.name, "not a string");
      if (static_cast<std::int64_t>(utf16_units(value.text)) > rule.most)
        return refuse(kIllegal, rule.name, "more than " + std::to_string(rule.most) + " characters");
      if (rule.is == Is::JsonText && !value.text.empty() && !is_json_object(value.text))
        return refuse(kIllegal, rule.name, "not a JSON object in a string");
      return {};
    case Is::Any:
      return {};
  }
  return {};
}

Refusal sort_values(std::span<const Value> values, Slots& slots) {
  for (const Value& value : values) {
    const auto* const rule = std::ranges::lower_bound(kRules, value.name, {}, &Rule::name);
    if (rule == kRules.end() || rule->name != value.name)
      return refuse(kIllegal, value.name, "not a field of a notification");
    const Value*& place = slots[static_cast<std::size_t>(rule - kRules.begin())];
    if (place) return refuse(kIllegal, value.name, "twice");
    place = &value;
    if (auto refusal = judge_value(value, *rule)) return refusal;
  }
  return {};
}

Refusal judge_content(const Slots& slots, bool saved) {
  if (is_blank(text_of(slots[slot("title")]))) return refuse(kMissing, "title", "missing or blank");
  if (is_blank(text_of(slots[slot("content")]))) return refuse(kMissing, "content", "missing or blank");
  const std::int64_t style = number_of(slots[slot("style")]).value_or(1);
  if (style == 3 && !saved) return refuse(kIllegal, "style", "pictures are for broadcasts");
  if (style == 3 && text_of(slots[slot("big_picture_id")]).empty())
    return refuse(kMissing, "big_picture_id", "missing");
  const std::int64_t most = kContentUnits[static_cast<std::size_t>(style)];
  if (static_cast<std::int64_t>(utf16_units(text_of(slots[slot("content")]))) > most)
    return refuse(kIllegal, "content", "more than " + std::to_string(most) + " characters");
  return {};
}

Refusal judge_click(const Slots& slots) {
  const std::int64_t type = number_of(slots[slot("click_action_type")]).value_or(0);
  const std::string_view url = text_of(slots[slot("click_action_url")]);
  if (type == 3) return refuse(kIllegal, "click_action_type", "3 does not exist");
  if ((type == 1 || type == 4) && is_blank(text_of(slots[slot("click_action_activity")])))
    return refuse(kMissing, "click_action_activity", "missing");
  if ((type == 2 || type == 5) && is_blank(url)) return refuse(kMissing, "click_action_url", "missing");
  if (type == 2 && !is_web_url(url)) return refuse(kIllegal, "click_action_url", "not http or https");
  return {};
}

bool counts_as_public(std::string_view category) {
  constexpr std::array<std::string_view, 5> kPublic = {"", "CONTENT", "MARKETING", "NEWS", "SOCIAL"};
  return std::ranges::binary_search(kPublic, category);
}

Refusal judge_class(const Slots& slots) {
  const Value* category = slots[slot("category")];
  if (category && !std::ranges::binary_search(kCategories, category->text))
    return refuse(kBadLevel, "category", "unknown");
  if (const auto level = number_of(slots[slot("notify_level")])) {
    if (*level != 1 && *level != 2 && *level != 16) return refuse(kBadLevel, "notify_level", "not 1, 2 or 16");
    if (!category) return refuse(kBadLevel, "notify_level", "needs a category");
  }
  for (const std::size_t part : {slot("private_title_parameters"), slot("private_content_parameters")}) {
    if (!slots[part]) continue;
    if (text_of(slots[slot("private_msg_template_id")]).empty())
      return refuse(kNoTemplate, "private_msg_template_id", "missing");
    const bool object = slots[part]->kind == Value::Kind::Other;  // one client's spelling
    if (!object && (!is_json_object(slots[part]->text) || slots[part]->text == "{}"))
      return refuse(kIllegal, kRules[part].name, "not a filled JSON object in a string");
  }
  return {};
}

Refusal judge_times(const Slots& slots, bool saved) {
  if (number_of(slots[slot("show_time_type")]) == 1) {
    const auto start = number_of(slots[slot("show_start_time")]);
    const auto end = number_of(slots[slot("show_end_time")]);
    if (!start || !end) return refuse(kMissing, "show_start_time", "a window has a start and an end");
    if (*start >= *end) return refuse(kIllegal, "show_end_time", "not behind the start");
  }
  if (!saved && number_of(slots[slot("push_time_type")]) == 1)
    return refuse(kIllegal, "push_time_type", "only to everybody");
  if (const Value* url = slots[slot("call_back_url")]; url && !url->text.empty() && !is_web_url(url->text))
    return refuse(kIllegal, "call_back_url", "not http or https");
  return {};
}

}  // namespace

std::vector<Value> values_of(simdjson::dom::object notification) {
  std::vector<Value> values;
  for (const auto [name, member] : notification) {
    Value value{.name = name, .kind = Value::Kind::Other};
    bool flag = false;
    if (member.get(value.text) == simdjson::SUCCESS) {
      value.kind = Value::Kind::Text;
    } else if (member.get(value.number) == simdjson::SUCCESS) {
      value.kind = Value::Kind::Number;
    } else if (member.get(flag) == simdjson::SUCCESS) {
      value.kind = Value::Kind::Flag;
      value.number = flag ? 1 : 0;
    }
    values.push_back(value);
  }
  return values;
}

Refusal judge_notification(std::span<const Value> values, bool saved, Seen& seen) {
  Slots slots{};
  if (auto refusal = sort_values(values, slots)) return refusal;
  seen = {.app_message_id = text_of(slots[slot("app_message_id")]),
          .parameter = text_of(slots[slot("call_back_parameter")]),
          .calls_back = !text_of(slots[slot("call_back_url")]).empty(),
          .is_public = counts_as_public(text_of(slots[slot("category")]))};
  if (auto refusal = judge_content(slots, saved)) return refusal;
  if (auto refusal = judge_click(slots)) return refusal;
  if (auto refusal = judge_class(slots)) return refusal;
  return judge_times(slots, saved);
}

}  // namespace nightpost::sandbox::oppo
