#include "sandbox/vivo_message.h"

#include <algorithm>
#include <array>
#include <limits>

#include "sandbox/field_text.h"

namespace nightpost::sandbox::vivo {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::size_t kTitleUnits = 40;
constexpr std::size_t kContentUnits = 100;
constexpr std::size_t kSkipUnits = 1024;
constexpr std::size_t kCustomUnits = 1024;  // all keys and values
constexpr std::size_t kCallbackUnits = 128;
constexpr std::size_t kCallbackParamUnits = 64;
constexpr std::size_t kAliasUnits = 70;
constexpr std::size_t kRequestIdUnits = 64;
constexpr std::size_t kProfileUnits = 64;

// Of a family that vivo gives to one field, which number says what is our choice.
constexpr int kBadNotifyType = 10054;
constexpr int kNoTitle = 10055;
constexpr int kLongTitle = 10056;
constexpr int kNoContent = 10057;
constexpr int kLongContent = 10058;
constexpr int kBadTimeToLive = 10059;
constexpr int kBadSkipType = 10060;
constexpr int kNoPage = 10061;
constexpr int kBadPage = 10062;
constexpr int kNoCustom = 10063;
constexpr int kLongSkip = 10064;
constexpr int kBadNetworkType = 10065;
constexpr int kBadMap = 10066;
constexpr int kLongMap = 10067;
constexpr int kNoIntent = 10068;
constexpr int kBadIntent = 10069;
constexpr int kBadCategory = 10096;
constexpr int kOtherCategory = 10097;
constexpr int kLongCallback = 10305;
constexpr int kLongCallbackParam = 10306;
constexpr int kBadClassification = 11000;

enum class Is : std::uint8_t { Text, Integer, Flag, TextMap, List, Object, Any };
struct Rule {
  std::string_view name;
  Is is;
  int code = kNoWord;  // if it is something else
  std::int64_t least = 0;
  std::int64_t most = 0;
};
constexpr std::array kRules = {
    Rule{"addBadge", Is::Flag},
    Rule{"alias", Is::Text, kBadAlias},
    Rule{"appId", Is::Any},
    Rule{"auditReview", Is::List},
    Rule{"category", Is::Text, kBadCategory},
    Rule{"classification", Is::Integer, kBadClassification, 0, 1},
    Rule{"clientCustomMap", Is::TextMap, kBadMap},
    Rule{"content", Is::Text, kNoContent},
    Rule{"extra", Is::TextMap},
    Rule{"foregroundShow", Is::Flag},
    Rule{"networkType", Is::Integer, kBadNetworkType, -1, 1},
    Rule{"notifyId", Is::Integer, kNoWord, 1, std::numeric_limits<std::int32_t>::max()},
    Rule{"notifyType", Is::Integer, kBadNotifyType, 1, 4},
    Rule{"profileId", Is::Text},
    Rule{"pushMode", Is::Integer, kNoWord, 0, 1},
    Rule{"regId", Is::Text, kNoTarget},
    Rule{"requestId", Is::Text, kBadRequestId},
    Rule{"sendOnline", Is::Flag},
    Rule{"skipContent", Is::Text, kNoPage},
    Rule{"skipType", Is::Integer, kBadSkipType, 1, 4},
    Rule{"timeToLive", Is::Integer, kBadTimeToLive, 60, 86'400},
    Rule{"timedDisplay", Is::Object},
    Rule{"title", Is::Text, kNoTitle},
};
static_assert(std::ranges::is_sorted(kRules, {}, &Rule::name));

constexpr std::array<std::string_view, 6> kSystem = {"ACCOUNT", "DEVICE_REMINDER", "IM",
                                                     "ORDER",   "SUBSCRIPTION",    "TODO"};
constexpr std::array<std::string_view, 4> kOperation = {"CONTENT", "MARKETING", "NEWS", "SOCIAL"};

Refusal refuse(int code, std::string_view name, std::string_view what) {
  return {code, std::string(name) + ": " + std::string(what)};
}

std::string_view text_of(object members, std::string_view name) {
  std::string_view text;
  return members[name].get(text) == SUCCESS ? text : std::string_view();
}

std::int64_t number_of(object members, std::string_view name, std::int64_t otherwise) {
  std::int64_t number = 0;
  return members[name].get(number) == SUCCESS ? number : otherwise;
}

bool is_text_map(element value) {
  object members;
  return value.get(members) == SUCCESS &&
         std::ranges::all_of(members.begin(), members.end(), [](auto member) { return member.value.is_string(); });
}

bool fits(element value, const Rule& rule) {
  std::int64_t number = 0;
  switch (rule.is) {
    case Is::Text:
      return value.is_string();
    case Is::Integer:
      return value.get(number) == SUCCESS && number >= rule.least && number <= rule.most;
    case Is::Flag:
      return value.is_bool();
    case Is::TextMap:
      return is_text_map(value);
    case Is::List:
      return value.is_array();
    case Is::Object:
      return value.is_object();
    case Is::Any:
      return true;
  }
  return true;
}

Refusal judge_types(object members, Target target) {
  for (const auto [name, value] : members) {
    const auto* const rule = std::ranges::lower_bound(kRules, name, {}, &Rule::name);
    const bool single = name == "regId" || name == "alias" || name == "profileId";
    if (rule == kRules.end() || rule->name != name || (single && target != Target::One))
      return refuse(kNoWord, name, "not a member of this call");
    if (!fits(value, *rule)) return refuse(rule->code, name, "of a wrong type or out of range");
  }
  return {};
}

Refusal judge_target(object members, Message& message) {
  message.reg_id = text_of(members, "regId");
  message.alias = text_of(members, "alias");
  if (is_blank(message.reg_id) && is_blank(message.alias)) return refuse(kNoTarget, "regId", "neither it nor alias");
  if (utf16_units(message.alias) > kAliasUnits) return refuse(kLongAlias, "alias", "more than 70 characters");
  if (utf16_units(text_of(members, "profileId")) > kProfileUnits)
    return refuse(kNoWord, "profileId", "more than 64 characters");
  return {};
}

Refusal judge_text(object members) {
  const std::string_view title = text_of(members, "title"), content = text_of(members, "content");
  if (is_blank(title)) return refuse(kNoTitle, "title", "missing or blank");
  if (utf16_units(title) > kTitleUnits) return refuse(kLongTitle, "title", "more than 40 characters");
  if (is_blank(content)) return refuse(kNoContent, "content", "missing or blank");
  if (utf16_units(content) > kContentUnits) return refuse(kLongContent, "content", "more than 100 characters");
  if (members["notifyType"].error()) return refuse(kBadNotifyType, "notifyType", "missing");
  if (number_of(members, "networkType", -1) == 0) return refuse(kBadNetworkType, "networkType", "not -1 or 1");
  return {};
}

Refusal judge_skip(object members) {
  const std::int64_t type = number_of(members, "skipType", 0);
  const std::string_view content = text_of(members, "skipContent");
  if (type == 0) return refuse(kBadSkipType, "skipType", "missing");
  if (type == 1) return {};
  if (is_blank(content))
    return refuse(type == 2 ? kNoPage : type == 3 ? kNoCustom : kNoIntent, "skipContent", "missing");
  if (utf16_units(content) > kSkipUnits) return refuse(kLongSkip, "skipContent", "more than 1024 characters");
  if (type == 2 && !is_web_url(content)) return refuse(kBadPage, "skipContent", "not http or https");
  if (type == 4 && !is_intent_uri(content)) return refuse(kBadIntent, "skipContent", "not an intent URI");
  return {};
}

Refusal judge_class(object members, Message& message) {
  message.operation = number_of(members, "classification", 0) == 0;
  const std::string_view category = text_of(members, "category");
  const bool system = std::ranges::binary_search(kSystem, category);
  if (!system && !std::ranges::binary_search(kOperation, category))
    return refuse(kBadCategory, "category", "missing or unknown");
  if (system == message.operation) return refuse(kOtherCategory, "category", "of the other classification");
  return {};
}

Refusal judge_maps(object members, Message& message) {
  object map;
  if (members["clientCustomMap"].get(map) == SUCCESS) {
    std::size_t units = 0;
    for (const auto [key, value] : map) units += utf16_units(key) + utf16_units(value.get_string().value());
    if (units > kCustomUnits) return refuse(kLongMap, "clientCustomMap", "more than 1024 characters");
  }
  if (members["extra"].get(map) != SUCCESS) return {};
  const std::string_view callback = text_of(map, "callback");
  message.callback_param = text_of(map, "callback.param");
  message.calls_back = !callback.empty() || !text_of(map, "callback.id").empty();
  if (utf16_units(callback) > kCallbackUnits)
    return refuse(kLongCallback, "extra.callback", "more than 128 characters");
  if (!callback.empty() && !is_web_url(callback)) return refuse(kLongCallback, "extra.callback", "not http or https");
  if (utf16_units(message.callback_param) > kCallbackParamUnits)
    return refuse(kLongCallbackParam, "extra.callback.param", "more than 64 characters");
  return {};
}

}  // namespace

Refusal judge_request_id(object members, std::string_view& request_id) {
  if (members["requestId"].get(request_id) != SUCCESS || is_blank(request_id))
    return refuse(kBadRequestId, "requestId", "missing or not a string");
  if (utf16_units(request_id) > kRequestIdUnits) return refuse(kLongRequestId, "requestId", "more than 64 characters");
  return {};
}

Refusal judge_message(object members, Target target, Message& message) {
  if (auto refusal = judge_types(members, target)) return refusal;
  if (target == Target::One)
    if (auto refusal = judge_target(members, message)) return refusal;
  if (auto refusal = judge_request_id(members, message.request_id)) return refusal;
  if (auto refusal = judge_text(members)) return refusal;
  if (auto refusal = judge_skip(members)) return refusal;
  if (auto refusal = judge_class(members, message)) return refusal;
  message.test = number_of(members, "pushMode", 0) == 1;
  return judge_maps(members, message);
}

}  // namespace nightpost::sandbox::vivo
