#include "sandbox/huawei_message.h"

#include <algorithm>
#include <string>

#include "sandbox/field_text.h"
#include "sandbox/json_shape.h"

namespace nightpost::sandbox::huawei {
namespace {

using simdjson::dom::element;

constexpr std::size_t kBodyBytesMax = 4096;         // without the tokens
constexpr std::int64_t kTtlSecondsMax = 1'296'000;  // 15 days
constexpr std::int64_t kInt32Most = 2'147'483'647;

constexpr std::string_view kUrgency[] = {"HIGH", "NORMAL"};
constexpr std::string_view kImportance[] = {"LOW", "NORMAL", "HIGH"};
constexpr std::string_view kVisibility[] = {"VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"};
constexpr std::size_t kConditionTopicsMax = 5;
constexpr std::string_view kCategories[] = {"IM",   "VOIP",       "SUBSCRIPTION", "TRAVEL",  "HEALTH",
                                            "WORK", "ACCOUNT",    "EXPRESS",      "FINANCE", "DEVICE_REMINDER",
                                            "MAIL", "PLAY_VOICE", "MARKETING"};

constexpr Member kBadgeMembers[] = {
    {"add_num", Is::Integer, 1, 99}, {"class", Is::Text, 1}, {"set_num", Is::Integer, 0, 99}};
constexpr Shape kBadge{kBadgeMembers};
constexpr Member kButtonMembers[] = {{"action_type", Is::Integer, 0, 4},
                                     {"data", Is::Letters, 0, 1024},
                                     {"intent", Is::Text},
                                     {"intent_type", Is::Integer, 0, 1},
                                     {"name", Is::Letters, 1, 40}};
constexpr Shape kButton{kButtonMembers};
constexpr Member kClickMembers[] = {{"action", Is::Text},
                                    {"intent", Is::Text},
                                    {"rich_resource", Is::Text},
                                    {"type", Is::Integer, 1, 4},
                                    {"url", Is::SecureUrl}};
constexpr Shape kClick{kClickMembers};
constexpr Member kColorMembers[] = {
    {"alpha", Is::Number, 0, 1}, {"blue", Is::Number, 0, 1}, {"green", Is::Number, 0, 1}, {"red", Is::Number, 0, 1}};
constexpr Shape kColor{kColorMembers};
constexpr Member kLightMembers[] = {{.name = "color", .is = Is::Object, .inside = &kColor},
                                    {"light_off_duration", Is::Duration},
                                    {"light_on_duration", Is::Duration}};
constexpr Shape kLight{kLightMembers};
constexpr Member kShownMembers[] = {
    {"auto_cancel", Is::Flag},
    {"auto_clear", Is::Integer},
    {.name = "badge", .is = Is::Object, .inside = &kBadge},
    {"big_body", Is::Text},
    {"big_title", Is::Text},
    {"body", Is::Text},
    {"body_loc_args", Is::Texts},
    {"body_loc_key", Is::Text},
    {.name = "buttons", .is = Is::Objects, .most = 3, .inside = &kButton},
    {"channel_id", Is::Text},
    {.name = "click_action", .is = Is::Object, .inside = &kClick},
    {"color", Is::Color},
    {"default_sound", Is::Flag},
    {"foreground_show", Is::Flag},
    {"group", Is::Text},
    {"icon", Is::Text},
    {"image", Is::SecureUrl},
    {.name = "importance", .is = Is::Word, .words = kImportance},
    {"inbox_content", Is::Texts, 0, 5},
    {.name = "light_settings", .is = Is::Object, .inside = &kLight},
    {"multi_lang_key", Is::FreeObject},
    {"notify_id", Is::Integer, -1, kInt32Most},
    {"notify_summary", Is::Text},
    {"profile_id", Is::Letters, 0, 64},
    {"sound", Is::Text},
    {"style", Is::Integer, 0, 3},
    {"tag", Is::Text},
    {"ticker", Is::Text},
    {"title", Is::Text},
    {"title_loc_args", Is::Texts},
    {"title_loc_key", Is::Text},
    {"use_default_light", Is::Flag},
    {"use_default_vibrate", Is::Flag},
    {"vibrate_config", Is::Durations, 0, 10},
    {.name = "visibility", .is = Is::Word, .words = kVisibility},
    {"when", Is::Timestamp},
};
constexpr Shape kShown{kShownMembers};
constexpr Member kAndroidMembers[] = {
    {"bi_tag", Is::Text},
    {.name = "category", .is = Is::Word, .words = kCategories},
    {"collapse_key", Is::Integer, -1, 100},
    {"data", Is::Text},
    {"fast_app_target", Is::Integer, 1, 2},
    {.name = "notification", .is = Is::Object, .inside = &kShown},
    {"receipt_id", Is::Text},
    {"target_user_type", Is::Integer, 0, 1},
    {"ttl", Is::Duration, 1, kTtlSecondsMax},
    {.name = "urgency", .is = Is::Word, .words = kUrgency},
};
constexpr Shape kAndroid{kAndroidMembers};
constexpr Member kCommonMembers[] = {{"body", Is::Text}, {"image", Is::SecureUrl}, {"title", Is::Text}};
constexpr Shape kCommon{kCommonMembers};
constexpr Member kMessageMembers[] = {
    {.name = "android", .is = Is::Object, .inside = &kAndroid},
    {"apns", Is::FreeObject},
    {"condition", Is::Text, 1},
    {"data", Is::Text},
    {.name = "notification", .is = Is::Object, .inside = &kCommon},
    {"token", Is::Any},
    {"topic", Is::Text, 1},
    {"webpush", Is::FreeObject},
};
constexpr Shape kMessage{kMessageMembers};
constexpr Member kBodyMembers[] = {
    {.name = "message", .is = Is::Object, .inside = &kMessage}, {"review", Is::Any}, {"validate_only", Is::Flag}};
constexpr Shape kBody{kBodyMembers};

consteval bool sorted(std::initializer_list<const Shape*> shapes) {
  for (const Shape* shape : shapes)
    if (!std::ranges::is_sorted(shape->members, {}, &Member::name) || shape->members.size() > 64) return false;
  return true;
}
static_assert(sorted({&kBadge, &kButton, &kClick, &kColor, &kLight, &kShown, &kAndroid, &kCommon, &kMessage, &kBody}));

bool has(const element& in, std::string_view name) { return member_of(in, name).error() == simdjson::SUCCESS; }

std::int64_t number_of(const element& in, std::string_view name, std::int64_t otherwise) {
  std::int64_t number = 0;
  return member_of(in, name).get(number) == simdjson::SUCCESS ? number : otherwise;
}

Refusal from_shape(const ShapeFault& fault) {
  const std::string path = fault.kind == ShapeFault::Kind::Unknown && !fault.path.empty()
                               ? fault.path + '.' + fault.name
                           : fault.path.empty() ? fault.name
                                                : fault.path;
  std::string_view code = kParameter;
  if (fault.kind != ShapeFault::Kind::Value) code = kStructure;
  if (path == "message.android.ttl") code = kTtl;
  if (path == "message.android.collapse_key") code = kCollapseKey;
  return {code, path + ": " + std::string(fault.what)};
}

std::optional<Refusal> wrong(std::string_view field, std::string_view what) {
  return Refusal{kParameter, "message.android.notification." + std::string(field) + ": " + std::string(what)};
}

std::optional<Refusal> judge_click(const element& shown) {
  element click;
  if (member_of(shown, "click_action").get(click) != simdjson::SUCCESS) return wrong("click_action", "missing");
  switch (number_of(click, "type", 0)) {
    case 1:
      if (text_of(click, "intent").empty() && text_of(click, "action").empty())
        return wrong("click_action", "type 1 needs intent or action");
      if (const auto intent = text_of(click, "intent"); !intent.empty() && !is_intent_uri(intent))
        return wrong("click_action.intent", "not intent:…#Intent;…;end");
      return std::nullopt;
    case 2:
      if (!has(click, "url")) return wrong("click_action", "type 2 needs url");
      return std::nullopt;
    case 3:
      return std::nullopt;
    case 4:
      if (!has(click, "rich_resource")) return wrong("click_action", "type 4 needs rich_resource");
      return std::nullopt;
    default:
      return wrong("click_action", "no type");
  }
}

/// What an Android notification needs; `common` is message.notification, null if there is none.
std::optional<Refusal> judge_shown(const element& shown, const element* common) {
  for (const std::string_view name : {"title", "body"}) {
    const bool given = !text_of(shown, name).empty() || (common && !text_of(*common, name).empty());
    const std::string key = std::string(name) + "_loc_key";
    if (!given && !has(shown, key)) return wrong(name, "missing");
    if (has(shown, std::string(name) + "_loc_args") && !has(shown, key)) return wrong(name, "loc_args without loc_key");
  }
  if (auto refusal = judge_click(shown)) return refusal;
  const std::int64_t style = number_of(shown, "style", 0);
  if (style == 2) return wrong("style", "not 0, 1 or 3");
  if (style == 1 && (text_of(shown, "big_title").empty() || text_of(shown, "big_body").empty()))
    return wrong("style", "1 needs big_title and big_body");
  if (style == 3 && !has(shown, "inbox_content")) return wrong("style", "3 needs inbox_content");
  element badge;
  if (member_of(shown, "badge").get(badge) == simdjson::SUCCESS && !has(badge, "class"))
    return wrong("badge.class", "missing");
  bool default_sound = false;
  const bool says = member_of(shown, "default_sound").get(default_sound) == simdjson::SUCCESS;
  if (says && !default_sound && !has(shown, "sound")) return wrong("sound", "missing though default_sound is false");
  if (says && default_sound && has(shown, "sound")) return wrong("sound", "given though default_sound is true");
  element light;
  if (member_of(shown, "light_settings").get(light) == simdjson::SUCCESS && !has(light, "color"))
    return wrong("light_settings.color", "missing");
  return std::nullopt;
}

std::optional<Refusal> judge_content(const element& message, Message& out) {
  element common, android, shown;
  const bool has_common = member_of(message, "notification").get(common) == simdjson::SUCCESS;
  const bool has_android = member_of(message, "android").get(android) == simdjson::SUCCESS;
  const bool has_shown = has_android && member_of(android, "notification").get(shown) == simdjson::SUCCESS;
  if (has_android) {
    out.bi_tag = text_of(android, "bi_tag");
    out.receipt_id = text_of(android, "receipt_id");
    out.test = number_of(android, "target_user_type", 0) == 1;
    out.high_priority = text_of(android, "urgency") == "HIGH";
  }
  if (has_shown) return judge_shown(shown, has_common ? &common : nullptr);
  if (has_common && !has(message, "apns") && !has(message, "webpush")) return wrong("click_action", "missing");
  const bool has_data = has(message, "data") || (has_android && has(android, "data"));
  if (!has_data && !has_common && !has(message, "apns") && !has(message, "webpush"))
    return Refusal{kParameter, "message: neither data nor notification"};
  if (has_android && !has_data && text_of(android, "category") == "PLAY_VOICE")
    return Refusal{kParameter, "message.android.category: PLAY_VOICE is for data messages"};
  return std::nullopt;
}

}  // namespace

Message read_v1(std::string_view body, simdjson::dom::parser& parser) {
  Message out;
  const auto refuse = [&](Refusal refusal) {
    out.refusal = std::move(refusal);
    return std::move(out);
  };
  element root, message, token;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS || !root.is_object())
    return refuse({kStructure, "not a JSON object"});
  if (member_of(root, "message").get(message) != simdjson::SUCCESS) return refuse({kTokenCount, "message: missing"});
  const bool has_token = member_of(message, "token").get(token) == simdjson::SUCCESS;
  const int targets = has_token + has(message, "topic") + has(message, "condition");
  if (targets == 0) return refuse({kTokenCount, "message: no token, topic or condition"});
  if (targets > 1) return refuse({kParameter, "message: more than one of token, topic and condition"});
  if (has_token)
    if (auto refusal = read_tokens(token, "message.token", out.tokens)) return refuse(std::move(*refusal));
  if (size_without(out.tokens, body) > kBodyBytesMax) return refuse({kTooBig, ""});
  if (const auto fault = fault_of(root, kBody, Spelling::Exact)) return refuse(from_shape(*fault));
  bool validate_only = false;
  if (member_of(root, "validate_only").get(validate_only) == simdjson::SUCCESS) out.validate_only = validate_only;
  if (const std::string_view condition = text_of(message, "condition");
      split(condition, " in topics").size() > kConditionTopicsMax + 1)
    return refuse({kParameter, "message.condition: more than 5 topics"});
  if (auto refusal = judge_content(message, out)) return refuse(std::move(*refusal));
  return out;
}

}  // namespace nightpost::sandbox::huawei
