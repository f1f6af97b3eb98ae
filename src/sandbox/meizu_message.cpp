#include "sandbox/meizu_message.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <limits>
#include <span>

#include "sandbox/field_text.h"

namespace nightpost::sandbox::meizu {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();

enum class Is : std::uint8_t {
  Text,     // least..most UTF-16 units
  Bytes,    // likewise in UTF-8
  Integer,  // least..most
  Flag,     // 0, 1, false or true
  TextMap,  // object of strings
  Object,
  Any,
};
struct Rule {
  std::string_view name;
  Is is;
  std::int64_t least = 0;
  std::int64_t most = kAny;
  std::span<const Rule> inside = {};
};

constexpr Rule kNotificationType[] = {{"lights", Is::Flag}, {"sound", Is::Flag}, {"vibrate", Is::Flag}};
constexpr Rule kAdvance[] = {
    {"clearNoticeBar", Is::Flag},
    {"fixDisplay", Is::Flag},
    {"fixEndDisplayTime", Is::Text},
    {"fixSpeed", Is::Flag},
    {"fixSpeedRate", Is::Integer},
    {"fixStartDisplayTime", Is::Text},
    {"notificationType", Is::Object, 0, kAny, kNotificationType},
    {"notifyKey", Is::Text, 0, 8},
    {"suspend", Is::Flag},
};
constexpr Rule kClick[] = {
    {"activity", Is::Text},      {"clickType", Is::Integer, 0, 3}, {"customAttribute", Is::Bytes, 0, 1000},
    {"parameters", Is::TextMap}, {"url", Is::Bytes, 0, 1000},
};
constexpr Rule kExtra[] = {
    {"callback", Is::Bytes, 0, 128}, {"callback.param", Is::Bytes, 0, 64}, {"callback.type", Is::Any}};
constexpr Rule kBar[] = {
    {"content", Is::Text, 1, 100},        {"noticeBarImgUrl", Is::Text}, {"noticeBarType", Is::Integer, 0, 2},
    {"noticeMsgType", Is::Integer, 0, 1}, {"title", Is::Text, 1, 32},
};
constexpr Rule kExpand[] = {
    {"noticeExpandContent", Is::Text}, {"noticeExpandImgUrl", Is::Text}, {"noticeExpandType", Is::Integer, 0, 2}};
constexpr Rule kTime[] = {
    {"offLine", Is::Flag}, {"pushTimeType", Is::Flag}, {"startTime", Is::Text}, {"validTime", Is::Integer, 0, 72}};
constexpr Rule kVip[] = {
    {"backgroundImgUrl", Is::Text},
    {"bigIconUrl", Is::Text},
    {"notGroup", Is::Flag},
    {"pullDownTop", Is::Flag},
    {"smallIconUrl", Is::Text},
    {"subtitle", Is::Text, 0, 16},
    {"timeTop", Is::Integer, 1800, 7200},
    {"titleColor", Is::Text},
};
constexpr Rule kMessage[] = {
    {"advanceInfo", Is::Object, 0, kAny, kAdvance},
    {"clickTypeInfo", Is::Object, 0, kAny, kClick},
    {"extra", Is::Object, 0, kAny, kExtra},
    {"noticeBarInfo", Is::Object, 0, kAny, kBar},
    {"noticeExpandInfo", Is::Object, 0, kAny, kExpand},
    {"pushTimeInfo", Is::Object, 0, kAny, kTime},
    {"vipInfo", Is::Object, 0, kAny, kVip},
};
constexpr std::span<const Rule> kTables[] = {kNotificationType, kAdvance, kClick, kExtra,  kBar,
                                             kExpand,           kTime,    kVip,   kMessage};
static_assert(std::ranges::all_of(kTables, [](auto table) { return std::ranges::is_sorted(table, {}, &Rule::name); }));

bool is_flag(element value) {
  std::int64_t number = 0;
  return value.is_bool() || (value.get(number) == SUCCESS && (number == 0 || number == 1));
}

bool is_text_map(element value) {
  object members;
  return value.get(members) == SUCCESS &&
         std::ranges::all_of(members.begin(), members.end(), [](auto member) { return member.value.is_string(); });
}

bool in(std::int64_t number, const Rule& rule) { return number >= rule.least && number <= rule.most; }

bool fits(element value, const Rule& rule) {
  std::int64_t number = 0;
  std::string_view text;
  switch (rule.is) {
    case Is::Text:
      return value.get(text) == SUCCESS && in(static_cast<std::int64_t>(utf16_units(text)), rule);
    case Is::Bytes:
      return value.get(text) == SUCCESS && in(static_cast<std::int64_t>(text.size()), rule);
    case Is::Integer:
      return value.get(number) == SUCCESS && in(number, rule);
    case Is::Flag:
      return is_flag(value);
    case Is::TextMap:
      return is_text_map(value);
    case Is::Object:
      return value.is_object();
    case Is::Any:
      return true;
  }
  return true;
}

std::string fault(std::string_view path, std::string_view what) {
  return "$." + std::string(path) + ": " + std::string(what);
}

std::optional<std::string> object_fault(object members, std::span<const Rule> rules, const std::string& path) {
  for (const auto [name, value] : members) {
    const std::string at = path + std::string(name);
    const auto rule = std::ranges::lower_bound(rules, name, {}, &Rule::name);
    if (rule == rules.end() || rule->name != name) return fault(at, "unknown");
    if (!fits(value, *rule)) return fault(at, "of a wrong type or size");
    object inner;
    if (rule->inside.empty() || value.get(inner) != SUCCESS) continue;
    if (auto found = object_fault(inner, rule->inside, at + '.')) return found;
  }
  return std::nullopt;
}

/// Absent parts read as empty.
struct Parts {
  object root;
  std::string_view text(std::string_view part, std::string_view name) const {
    std::string_view value;
    return root[part][name].get(value) == SUCCESS ? value : std::string_view();
  }
  std::int64_t number(std::string_view part, std::string_view name, std::int64_t otherwise) const {
    std::int64_t value = 0;
    bool flag = false;
    if (root[part][name].get(flag) == SUCCESS) return flag ? 1 : 0;
    return root[part][name].get(value) == SUCCESS ? value : otherwise;
  }
};

std::optional<std::string> click_fault(const Parts& parts) {
  const std::int64_t type = parts.number("clickTypeInfo", "clickType", 0);
  if (type == 1 && is_blank(parts.text("clickTypeInfo", "activity"))) return fault("clickTypeInfo.activity", "missing");
  if (type == 2 && is_blank(parts.text("clickTypeInfo", "url"))) return fault("clickTypeInfo.url", "missing");
  if (type == 3 && is_blank(parts.text("clickTypeInfo", "customAttribute")))
    return fault("clickTypeInfo.customAttribute", "missing");
  return std::nullopt;
}

std::optional<std::string> rules_fault(const Parts& parts) {
  if (is_blank(parts.text("noticeBarInfo", "title"))) return fault("noticeBarInfo.title", "missing or blank");
  if (is_blank(parts.text("noticeBarInfo", "content"))) return fault("noticeBarInfo.content", "missing or blank");
  if (parts.number("noticeBarInfo", "noticeBarType", 0) == 1) return fault("noticeBarInfo.noticeBarType", "not 0 or 2");
  const std::int64_t expand = parts.number("noticeExpandInfo", "noticeExpandType", 0);
  if (expand == 1 && is_blank(parts.text("noticeExpandInfo", "noticeExpandContent")))
    return fault("noticeExpandInfo.noticeExpandContent", "missing");
  if (expand == 2 && is_blank(parts.text("noticeExpandInfo", "noticeExpandImgUrl")))
    return fault("noticeExpandInfo.noticeExpandImgUrl", "missing");
  if (parts.number("pushTimeInfo", "offLine", 1) == 1 && parts.number("pushTimeInfo", "validTime", 24) < 1)
    return fault("pushTimeInfo.validTime", "not 1-72");
  if (!std::ranges::all_of(parts.text("advanceInfo", "notifyKey"),
                           [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; }))
    return fault("advanceInfo.notifyKey", "not letters, digits, _ and -");
  const std::string_view color = parts.text("vipInfo", "titleColor");
  if (!color.empty() && color != "#206CFF" && color != "#E42D22") return fault("vipInfo.titleColor", "not a known one");
  return click_fault(parts);
}

std::optional<std::string> callback_fault(const Parts& parts, Message& message) {
  const std::string_view url = parts.text("extra", "callback");
  message.parameter = parts.text("extra", "callback.param");
  std::int64_t type = 3;
  if (const auto value = parts.root["extra"]["callback.type"]; !value.error()) {
    const std::string_view text = parts.text("extra", "callback.type");
    type = text.empty() ? parts.number("extra", "callback.type", 0) : whole_number(text).value_or(0);
    if (value.is_bool() || type < 1 || type > 3) return fault("extra.callback.type", "not 1, 2 or 3");
  }
  if (!url.empty() && !is_web_url(url)) return fault("extra.callback", "not http or https");
  message.reports_delivery = !url.empty() && (type & 1) != 0;
  return std::nullopt;
}

}  // namespace

std::optional<std::string> message_fault(std::string_view json, simdjson::dom::parser& parser, Message& message) {
  Parts parts;
  if (parser.parse(json.data(), json.size()).get(parts.root) != SUCCESS) return "$: not a JSON object";
  if (auto found = object_fault(parts.root, kMessage, "")) return found;
  if (auto found = rules_fault(parts)) return found;
  message.is_private = parts.number("noticeBarInfo", "noticeMsgType", 0) == 1;
  return callback_fault(parts, message);
}

}  // namespace nightpost::sandbox::meizu
