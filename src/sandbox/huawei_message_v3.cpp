#include <algorithm>
#include <string>

#include "sandbox/field_text.h"
#include "sandbox/huawei_message.h"
#include "sandbox/json_shape.h"

namespace nightpost::sandbox::huawei {
namespace {

using simdjson::dom::element;

constexpr std::size_t kBodyBytesMax = 4096;
constexpr std::int64_t kTtlSecondsMax = 1'296'000;
constexpr std::int64_t kInt32Most = 2'147'483'647;
constexpr std::size_t kTestTokensMax = 10;

enum PushType : std::int64_t { kAlert = 0, kForm = 1, kVoice = 2, kBackground = 6, kLiveView = 7, kVoip = 10 };

constexpr std::string_view kCategories[] = {"IM",   "VOIP",       "SUBSCRIPTION", "TRAVEL",   "HEALTH",
                                            "WORK", "ACCOUNT",    "EXPRESS",      "FINANCE",  "DEVICE_REMINDER",
                                            "MAIL", "PLAY_VOICE", "MARKETING",    "MISS_CALL"};
constexpr Member kBadgeMembers[] = {{"addNum", Is::Integer, 1, 99}, {"setNum", Is::Integer, 0, 99}};
constexpr Shape kBadge{kBadgeMembers};
constexpr Member kClickMembers[] = {
    {"action", Is::Text}, {"actionType", Is::Integer, 0, 5}, {"data", Is::FreeObject}, {"uri", Is::Text}};
constexpr Shape kClick{kClickMembers};
constexpr Member kShownMembers[] = {
    {"appMessageId", Is::Letters, 1, 64},
    {.name = "badge", .is = Is::Object, .inside = &kBadge},
    {"bigBody", Is::Text},
    {"bigTitle", Is::Text},
    {"body", Is::Text, 1},
    {.name = "category", .is = Is::Word, .words = kCategories},
    {.name = "clickAction", .is = Is::Object, .inside = &kClick},
    {"foregroundShow", Is::Flag},
    {"image", Is::SecureUrl},
    {"inboxContent", Is::Texts, 0, 3},
    {"notifyId", Is::Integer, -1, kInt32Most},
    {"profileId", Is::Letters, 0, 64},
    {"slotType", Is::Integer},
    {"sound", Is::Text},
    {"soundDuration", Is::Integer, 1, 60},
    {"style", Is::Integer, 0, 3},
    {"title", Is::Text, 1},
};
constexpr Shape kShown{kShownMembers};
constexpr Member kAlertMembers[] = {{.name = "notification", .is = Is::Object, .inside = &kShown}};
constexpr Shape kAlertPayload{kAlertMembers};
constexpr Member kVoiceMembers[] = {{"extraData", Is::Text},
                                    {.name = "notification", .is = Is::Object, .inside = &kShown}};
constexpr Shape kVoicePayload{kVoiceMembers};
constexpr Member kBackgroundMembers[] = {{"extraData", Is::Text}, {"proxyData", Is::Text}};
constexpr Shape kBackgroundPayload{kBackgroundMembers};
constexpr Member kOptionsMembers[] = {{"backgroundMode", Is::Integer, 0, 1},
                                      {"biTag", Is::Text, 0, 64},
                                      {"collapseKey", Is::Integer, -1, 100},
                                      {"receiptId", Is::Text},
                                      {"testMessage", Is::Flag},
                                      {"ttl", Is::Integer, 1, kTtlSecondsMax}};
constexpr Shape kOptions{kOptionsMembers};
constexpr Member kTargetMembers[] = {{"token", Is::Any}};
constexpr Shape kTarget{kTargetMembers};
constexpr Member kBodyMembers[] = {{"payload", Is::FreeObject},
                                   {.name = "pushOptions", .is = Is::Object, .inside = &kOptions},
                                   {.name = "target", .is = Is::Object, .inside = &kTarget}};
constexpr Shape kBody{kBodyMembers};

consteval bool sorted(std::initializer_list<const Shape*> shapes) {
  for (const Shape* shape : shapes)
    if (!std::ranges::is_sorted(shape->members, {}, &Member::name)) return false;
  return true;
}
static_assert(sorted({&kBadge, &kClick, &kShown, &kAlertPayload, &kVoicePayload, &kBackgroundPayload, &kOptions,
                      &kTarget, &kBody}));

Refusal from_shape(const ShapeFault& fault, std::string_view base) {
  std::string path(base);
  for (const std::string_view part :
       {std::string_view(fault.path), fault.kind == ShapeFault::Kind::Unknown ? std::string_view(fault.name) : ""}) {
    if (part.empty()) continue;
    if (!path.empty()) path += '.';
    path += part;
  }
  std::string_view code = fault.kind == ShapeFault::Kind::Value ? kParameter : kStructure;
  if (path == "pushOptions.ttl") code = kTtl;
  return {code, path + ": " + std::string(fault.what)};
}

std::optional<Refusal> wrong(std::string_view field, std::string_view what) {
  return Refusal{kParameter, "payload." + std::string(field) + ": " + std::string(what)};
}

bool has(const element& in, std::string_view name) { return member_of(in, name).error() == simdjson::SUCCESS; }

std::optional<Refusal> judge_shown(const element& shown, std::int64_t type) {
  for (const std::string_view name : {"category", "title", "body"})
    if (!has(shown, name)) return wrong("notification." + std::string(name), "missing");
  if (type != kVoice && text_of(shown, "category") == "PLAY_VOICE")
    return wrong("notification.category", "PLAY_VOICE needs push-type 2");
  std::int64_t style = 0;
  if (member_of(shown, "style").get(style) == simdjson::SUCCESS) {
    if (style == 2) return wrong("notification.style", "not 0, 1 or 3");
    if (style == 1 && (!has(shown, "bigTitle") || !has(shown, "bigBody")))
      return wrong("notification.style", "1 needs bigTitle and bigBody");
    if (style == 3 && !has(shown, "inboxContent")) return wrong("notification.style", "3 needs inboxContent");
  }
  element click;
  if (member_of(shown, "clickAction").get(click) != simdjson::SUCCESS) return std::nullopt;
  std::int64_t action = 0;
  if (member_of(click, "actionType").get(action) != simdjson::SUCCESS)
    return wrong("notification.clickAction.actionType", "missing");
  if (action == 2 || action == 4) return wrong("notification.clickAction.actionType", "not 0, 1, 3 or 5");
  if (action == 1 && text_of(click, "action").empty() && text_of(click, "uri").empty())
    return wrong("notification.clickAction", "actionType 1 needs action or uri");
  return std::nullopt;
}

std::optional<Refusal> judge_payload(const element& payload, std::int64_t type) {
  const Shape* shape = type == kAlert                         ? &kAlertPayload
                       : type == kVoice                       ? &kVoicePayload
                       : type == kBackground || type == kVoip ? &kBackgroundPayload
                                                              : nullptr;
  if (shape)
    if (const auto fault = fault_of(payload, *shape, Spelling::Exact)) return from_shape(*fault, "payload");
  switch (type) {
    case kAlert:
    case kVoice: {
      element shown;
      if (member_of(payload, "notification").get(shown) != simdjson::SUCCESS) return wrong("notification", "missing");
      return judge_shown(shown, type);
    }
    case kForm:
      for (const std::string_view name : {"moduleName", "abilityName", "formName", "formId", "version", "formData"})
        if (!has(payload, name)) return wrong(name, "missing");
      return std::nullopt;
    case kLiveView:
      for (const std::string_view name : {"activityId", "operation", "event", "activityData"})
        if (!has(payload, name)) return wrong(name, "missing");
      return std::nullopt;
    default:
      if (!has(payload, "extraData")) return wrong("extraData", "missing");
      return std::nullopt;
  }
}

std::optional<Refusal> judge_options(const element& options, std::int64_t type, Message& out) {
  bool test = false;
  if (member_of(options, "testMessage").get(test) == simdjson::SUCCESS) out.test = test;
  out.bi_tag = text_of(options, "biTag");
  out.receipt_id = text_of(options, "receiptId");
  if (has(options, "collapseKey") && type != kAlert && type != kVoice)
    return Refusal{kParameter, "pushOptions.collapseKey: only with push-type 0 and 2"};
  if (out.test && out.tokens.size() > kTestTokensMax)
    return Refusal{kTestTokenCount, "target.token: more than 10 in a test message"};
  return std::nullopt;
}

}  // namespace

Message read_v3(std::string_view body, std::string_view push_type, simdjson::dom::parser& parser) {
  Message out;
  const auto refuse = [&](Refusal refusal) {
    out.refusal = std::move(refusal);
    return std::move(out);
  };
  const auto type = whole_number(push_type);
  constexpr std::int64_t kTypes[] = {kAlert, kForm, kVoice, kBackground, kLiveView, kVoip};
  if (!type || std::ranges::find(kTypes, *type) == std::end(kTypes))
    return refuse({kParameter, "push-type: missing or unknown"});
  element root, payload, target, token, options;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS || !root.is_object())
    return refuse({kStructure, "not a JSON object"});
  if (member_of(root, "target").get(target) != simdjson::SUCCESS ||
      member_of(target, "token").get(token) != simdjson::SUCCESS)
    return refuse({kTokenCount, "target.token: missing"});
  if (auto refusal = read_tokens(token, "target.token", out.tokens)) return refuse(std::move(*refusal));
  if (type == kForm && out.tokens.size() != 1) return refuse({kTokenCount, "target.token: one for a form"});
  if (size_without(out.tokens, body) > kBodyBytesMax) return refuse({kTooBig, ""});
  if (const auto fault = fault_of(root, kBody, Spelling::Exact)) return refuse(from_shape(*fault, ""));
  if (member_of(root, "payload").get(payload) != simdjson::SUCCESS) return refuse({kStructure, "payload: missing"});
  if (auto refusal = judge_payload(payload, *type)) return refuse(std::move(*refusal));
  if (member_of(root, "pushOptions").get(options) == simdjson::SUCCESS)
    if (auto refusal = judge_options(options, *type, out)) return refuse(std::move(*refusal));
  return out;
}

}  // namespace nightpost::sandbox::huawei
