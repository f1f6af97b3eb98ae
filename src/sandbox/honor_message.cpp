#include "sandbox/honor_message.h"

#include <algorithm>

#include "sandbox/field_text.h"
#include "sandbox/huawei_message.h"
#include "sandbox/json_shape.h"

namespace nightpost::sandbox::honor {
namespace {

using simdjson::dom::element;

// Honor's own table is not public; these are the family's (spec §4.3, unconfirmed).
constexpr std::string_view kParameter = "80100001";
constexpr std::string_view kStructure = "80100003";
constexpr std::string_view kTtl = "80100004";
constexpr std::string_view kTooBig = "80300008";

constexpr std::size_t kBodyBytesMax = 4096;         // without the tokens
constexpr std::int64_t kTtlSecondsMax = 1'296'000;  // 15 days
constexpr std::int64_t kInt32Most = 2'147'483'647;
constexpr std::int64_t kTitleLettersMax = 40;
constexpr std::int64_t kBodyLettersMax = 256;

constexpr std::string_view kImportance[] = {"LOW", "NORMAL"};
constexpr std::string_view kVisibility[] = {"VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"};
constexpr Member kBadgeMembers[] = {
    {"addNum", Is::Integer, 1, 99}, {"badgeClass", Is::Text, 1}, {"setNum", Is::Integer, 0, 99}};
constexpr Shape kBadge{kBadgeMembers};
constexpr Member kButtonMembers[] = {{"actionType", Is::Integer, 0, 2},
                                     {"data", Is::Letters, 0, 1024},
                                     {"intent", Is::Text},
                                     {"intentType", Is::Integer, 0, 1},
                                     {"name", Is::Letters, 1, 40}};
constexpr Shape kButton{kButtonMembers};
constexpr Member kClickMembers[] = {
    {"action", Is::Text}, {"intent", Is::Text}, {"type", Is::Integer, 1, 3}, {"url", Is::SecureUrl}};
constexpr Shape kClick{kClickMembers};
constexpr Member kShownMembers[] = {
    {.name = "badge", .is = Is::Object, .inside = &kBadge},
    {"bigBody", Is::Text},
    {"bigTitle", Is::Text},
    {"body", Is::Letters, 0, kBodyLettersMax},
    {.name = "buttons", .is = Is::Objects, .most = 3, .inside = &kButton},
    {"channelId", Is::Text},
    {.name = "clickAction", .is = Is::Object, .inside = &kClick},
    {"foregroundShow", Is::Flag},
    {"group", Is::Text},
    {"image", Is::SecureUrl},
    {.name = "importance", .is = Is::Word, .words = kImportance},
    {"notifyId", Is::Integer, -1, kInt32Most},
    {"style", Is::Integer, 0, 1},
    {"tag", Is::Text},
    {"title", Is::Letters, 0, kTitleLettersMax},
    {"useDefaultLight", Is::Flag},
    {"useDefaultVibrate", Is::Flag},
    {.name = "visibility", .is = Is::Word, .words = kVisibility},
    {"when", Is::Timestamp},
};
constexpr Shape kShown{kShownMembers};
constexpr Member kAndroidMembers[] = {{"biTag", Is::Text},
                                      {"data", Is::Text},
                                      {.name = "notification", .is = Is::Object, .inside = &kShown},
                                      {"targetUserType", Is::Integer, 0, 1},
                                      {"ttl", Is::Duration, 1, kTtlSecondsMax}};
constexpr Shape kAndroid{kAndroidMembers};
constexpr Member kCommonMembers[] = {
    {"body", Is::Letters, 0, kBodyLettersMax}, {"image", Is::SecureUrl}, {"title", Is::Letters, 0, kTitleLettersMax}};
constexpr Shape kCommon{kCommonMembers};
constexpr Member kBodyMembers[] = {{.name = "android", .is = Is::Object, .inside = &kAndroid},
                                   {"data", Is::Text},
                                   {.name = "notification", .is = Is::Object, .inside = &kCommon},
                                   {"token", Is::Any}};
constexpr Shape kBody{kBodyMembers};

consteval bool sorted(std::initializer_list<const Shape*> shapes) {
  for (const Shape* shape : shapes)
    if (!std::ranges::is_sorted(shape->members, {}, &Member::name)) return false;
  return true;
}
static_assert(sorted({&kBadge, &kButton, &kClick, &kShown, &kAndroid, &kCommon, &kBody}));

Refusal from_shape(const ShapeFault& fault) {
  std::string path = fault.path;
  if (fault.kind == ShapeFault::Kind::Unknown) path += (path.empty() ? "" : ".") + fault.name;
  std::string_view code = fault.kind == ShapeFault::Kind::Value ? kParameter : kStructure;
  if (path == "android.ttl") code = kTtl;
  return {code, path + ": " + std::string(fault.what)};
}

std::optional<Refusal> wrong(std::string_view field, std::string_view what) {
  return Refusal{kParameter, "android.notification." + std::string(field) + ": " + std::string(what)};
}

bool has(const element& in, std::string_view name) { return member_of(in, name).error() == simdjson::SUCCESS; }

std::int64_t number_of(const element& in, std::string_view name) {
  std::int64_t number = 0;
  return member_of(in, name).get(number) == simdjson::SUCCESS ? number : 0;
}

std::optional<Refusal> judge_click(const element& shown) {
  element click;
  if (member_of(shown, "clickAction").get(click) != simdjson::SUCCESS) return wrong("clickAction", "missing");
  switch (number_of(click, "type")) {
    case 1:
      if (text_of(click, "intent").empty() && text_of(click, "action").empty())
        return wrong("clickAction", "type 1 needs intent or action");
      if (const auto intent = text_of(click, "intent"); !intent.empty() && !is_intent_uri(intent))
        return wrong("clickAction.intent", "not intent:…#Intent;…;end");
      return std::nullopt;
    case 2:
      if (!has(click, "url")) return wrong("clickAction", "type 2 needs url");
      return std::nullopt;
    case 3:
      return std::nullopt;
    default:
      return wrong("clickAction", "no type");
  }
}

std::optional<Refusal> judge_shown(const element& shown, const element* common) {
  for (const std::string_view name : {"title", "body"})
    if (text_of(shown, name).empty() && (!common || text_of(*common, name).empty())) return wrong(name, "missing");
  if (auto refusal = judge_click(shown)) return refusal;
  if (number_of(shown, "style") == 1 && (text_of(shown, "bigTitle").empty() || text_of(shown, "bigBody").empty()))
    return wrong("style", "1 needs bigTitle and bigBody");
  element badge;
  if (member_of(shown, "badge").get(badge) == simdjson::SUCCESS && !has(badge, "badgeClass"))
    return wrong("badge.badgeClass", "missing");
  return std::nullopt;
}

std::optional<Refusal> judge_content(const element& root, Message& out) {
  element common, android, shown;
  const bool has_common = member_of(root, "notification").get(common) == simdjson::SUCCESS;
  const bool has_android = member_of(root, "android").get(android) == simdjson::SUCCESS;
  if (has_android) out.bi_tag = text_of(android, "biTag");
  if (has_android && member_of(android, "notification").get(shown) == simdjson::SUCCESS)
    return judge_shown(shown, has_common ? &common : nullptr);
  if (has_common) return wrong("clickAction", "missing");
  if (!has(root, "data") && !(has_android && has(android, "data")))
    return Refusal{kParameter, "neither data nor notification"};
  return std::nullopt;
}

}  // namespace

Message read_message(std::string_view body, simdjson::dom::parser& parser) {
  Message out;
  const auto refuse = [&](Refusal refusal) {
    out.refusal = std::move(refusal);
    return std::move(out);
  };
  element root, token;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS || !root.is_object())
    return refuse({kStructure, "not a JSON object"});
  if (member_of(root, "token").get(token) != simdjson::SUCCESS) return refuse({kParameter, "token: missing"});
  if (const auto refusal = huawei::read_tokens(token, "token", out.tokens))
    return refuse({refusal->code == kStructure ? kStructure : kParameter, refusal->detail});
  if (huawei::size_without(out.tokens, body) > kBodyBytesMax) return refuse({kTooBig, "more than 4096 bytes"});
  if (const auto fault = fault_of(root, kBody, Spelling::Exact)) return refuse(from_shape(*fault));
  if (auto refusal = judge_content(root, out)) return refuse(std::move(*refusal));
  return out;
}

}  // namespace nightpost::sandbox::honor
