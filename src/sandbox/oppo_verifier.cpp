#include "sandbox/oppo_verifier.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <optional>
#include <unordered_set>
#include <vector>

#include "core/text.h"
#include "core/uuid.h"
#include "sandbox/field_text.h"
#include "sandbox/oppo_notification.h"
#include "sandbox/request_parts.h"

namespace nightpost::sandbox::oppo {
namespace {

constexpr int kInvalidToken = 11;
constexpr int kMethodNotAllowed = 12;
constexpr int kBadKey = 14;
constexpr int kNoKey = 15;
constexpr int kBadSign = 16;
constexpr int kNoSign = 17;
constexpr int kNoTimestamp = 18;
constexpr int kBadTimestamp = 19;
constexpr int kBadEncoding = 25;
constexpr int kNoToken = 29;
constexpr int kNoData = 31;
constexpr int kMessagesUsedUp = 33;
constexpr int kContentsUsedUp = 34;
constexpr milliseconds kSkewMost = std::chrono::minutes(10);
constexpr milliseconds kGrantLasts = std::chrono::hours(24);
constexpr std::int64_t kEverybody = 1, kRegistrationId = 2, kAlias = 5, kTag = 6;

struct Endpoint {
  std::string_view path;
  Api api;
};
constexpr std::array kEndpoints = {
    Endpoint{"/server/v1/auth", Api::Auth},
    Endpoint{"/server/v1/message/notification/broadcast", Api::Broadcast},
    Endpoint{"/server/v1/message/notification/save_message_content", Api::Save},
    Endpoint{"/server/v1/message/notification/unicast", Api::Unicast},
    Endpoint{"/server/v1/message/notification/unicast_batch", Api::UnicastBatch},
};

struct Call {
  const server::ServerRequest& request;
  const Knowledge& known;
  State& state;
  WallTime now;
  std::string app;
  Judgement judgement;
  std::vector<Value> values;  // the form without what is the request's own
};

Refusal read_form(Call& call) {
  if (!has_media_type(call.request, kFormType)) return {kIllegal, "content-type: not a form in UTF-8"};
  auto form = FormFields::parse(call.request.body);
  if (!form) {
    const bool encoding = form.error().detail.ends_with("not UTF-8");
    return {encoding ? kBadEncoding : kIllegal, form.error().detail};
  }
  call.state.form = std::move(*form);
  return {};
}

/// Only these may be there, and each once.
Refusal judge_names(const FormFields& form, std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : form.all()) {
    if (std::ranges::find(names, name) == names.end() && name != "auth_token" && name != "sdk_version")
      return {kIllegal, std::string(name) + ": not a field of this call"};
    if (form.count(name) > 1) return {kIllegal, std::string(name) + ": twice"};
  }
  return {};
}

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Refusal judge_auth(Call& call) {
  const FormFields& form = call.state.form;
  if (auto refusal = judge_names(form, {"app_key", "timestamp", "sign"})) return refusal;
  const std::string_view key = form.value("app_key"), timestamp = form.value("timestamp"), sign = form.value("sign");
  if (key.empty()) return {kNoKey, "app_key: missing"};
  if (timestamp.empty()) return {kNoTimestamp, "timestamp: missing"};
  if (sign.empty()) return {kNoSign, "sign: missing"};
  call.judgement.topic = key;
  const auto secret = call.known.apps.find(key);
  const bool taught = secret != call.known.apps.end();
  if (!taught && !call.known.accept_any) return {kBadKey, "app_key: no such app"};
  const auto ms = timestamp.size() == 13 ? whole_number(timestamp) : std::nullopt;
  if (!ms) return {kBadTimestamp, "timestamp: not 13 digits"};
  if (const auto skew = call.now - wall_from_ms(*ms); skew > kSkewMost || skew < -kSkewMost)
    return {kBadTimestamp, "timestamp: more than ten minutes off"};
  if (sign.size() != 64 || !is_lower_hex(sign)) return {kBadSign, "sign: not 64 lower-case hex digits"};
  if (taught && sha256_hex(std::string(key) + std::string(timestamp) + secret->second.master_secret) != sign)
    return {kBadSign, "sign: another one is right"};

  call.judgement.authorized = true;
  std::string& body = call.judgement.body;
  body = R"({"code":0,"message":"success","data":{)";
  append_json_member(body, "auth_token",
                     call.state.grants.issue("", {.owner = std::string(key), .expires = call.now + kGrantLasts}));
  append_json_member(body, "create_time", to_ms(call.now));
  body += "}}";
  return {};
}

/// In the form, or in a header of the same name.
Refusal judge_token(Call& call) {
  const auto in_form = call.state.form.find("auth_token");
  const std::string_view token = in_form ? *in_form : header_of(call.request, "auth_token").value_or("");
  if (token.empty()) return {kNoToken, "auth_token: missing"};
  const GrantBook::Grant* grant = call.state.grants.find(token);
  if (!grant) return {kInvalidToken, "auth_token: never given"};
  if (grant->expires <= call.now) return {kInvalidToken, "auth_token: older than 24 hours"};
  call.app = grant->owner;
  call.judgement.topic = grant->owner;
  call.judgement.authorized = true;
  return {};
}

/// Null: the app was never taught, so it has no quotas.
AppDay* day_of(Call& call) {
  if (!call.known.apps.contains(call.app)) return nullptr;
  constexpr std::chrono::hours kChina{8};
  const auto number = std::chrono::floor<std::chrono::days>(call.now + kChina).time_since_epoch().count();
  AppDay& day = call.state.days[call.app];
  if (day.number != number) day = {.number = number};
  return &day;
}

/// The devices that a public message reaches. A request that would pass the quota is refused as a whole.
Refusal spend_public(Call& call, std::int64_t devices) {
  AppDay* const day = day_of(call);
  if (day == nullptr || devices == 0) return {};
  const std::int64_t most = call.known.apps.find(call.app)->second.public_per_day;
  if (most > 0 && day->public_messages + devices > most) return {kMessagesUsedUp, "public messages, of this day"};
  day->public_messages += devices;
  return {};
}

std::string_view fate_of(const Call& call, std::string_view token) {
  const Device* device = call.known.devices.find(token);
  if (!device) return call.known.accept_any && is_registration_id(token) ? std::string_view() : kInvalidId;
  if (!device->app.empty() && device->app != call.app) return kInvalidId;
  return device->gone ? kUnsubscribed : std::string_view();
}

void note_token(Call& call, std::string_view token, const Seen& seen) {
  TokenVerdict verdict{
      .token = token, .reason = fate_of(call, token), .tag = seen.parameter, .receipts = seen.calls_back};
  Delivery delivery{.token = token};
  if (!seen.app_message_id.empty()) {
    delivery.name = hash128({call.app, seen.app_message_id, token}).low;
    if (call.state.memory.delivered(delivery.name)) verdict.receipts = false;
  }
  call.state.underway.push_back(delivery);
  call.judgement.tokens.push_back(verdict);
}

/// One message object of §3.4.
Refusal judge_message(Call& call, simdjson::dom::element message, std::int64_t& public_devices) {
  simdjson::dom::object members;
  if (message.get(members) != simdjson::SUCCESS) return {kIllegal, "message: not an object"};
  std::int64_t type = 0;
  std::string_view target;
  simdjson::dom::object notification;
  bool bound = false;
  for (const auto [name, value] : members) {
    const auto error = name == "target_type"              ? value.get(type)
                       : name == "target_value"           ? value.get(target)
                       : name == "notification"           ? value.get(notification)
                       : name == "verify_registration_id" ? value.get(bound)
                                                          : simdjson::NO_SUCH_FIELD;
    if (error) return {kIllegal, "message." + std::string(name) + ": unknown or of a wrong type"};
  }
  for (const std::string_view name : {"target_type", "target_value", "notification"})
    if (members[name].error()) return {kMissing, "message." + std::string(name) + ": missing"};
  if (type != kRegistrationId && type != kAlias) return {kIllegal, "message.target_type: not 2 or 5"};
  if (is_blank(target)) return {kMissing, "message.target_value: blank"};
  if (target.contains(';') || target.contains(',')) return {kIllegal, "message.target_value: more than one"};
  Seen seen;
  if (auto refusal = judge_notification(values_of(notification), false, seen)) return refusal;
  if (seen.is_public) ++public_devices;
  if (type == kRegistrationId) note_token(call, target, seen);
  return {};
}

Refusal judge_unicast(Call& call) {
  const FormFields& form = call.state.form;
  if (auto refusal = judge_names(form, {"message"})) return refusal;
  const auto text = form.find("message");
  if (!text) return {kMissing, "message: missing"};
  simdjson::dom::element message;
  if (call.state.json.parse(text->data(), text->size()).get(message) != simdjson::SUCCESS)
    return {kIllegal, "message: not JSON"};
  std::int64_t public_devices = 0;
  if (auto refusal = judge_message(call, message, public_devices)) return refusal;
  return spend_public(call, public_devices);
}

/// The first of two with one id counts.
void mark_repeated(std::vector<TokenVerdict>& tokens) {
  std::unordered_set<std::string_view> met;
  met.reserve(tokens.size());
  for (TokenVerdict& verdict : tokens)
    if (!met.insert(verdict.token).second) verdict.reason = kRepeatedId;
}

Refusal judge_batch(Call& call) {
  const FormFields& form = call.state.form;
  const auto text = form.find("messages");
  if (!text) return {kMissing, "messages: missing"};
  if (auto refusal = judge_names(form, {"messages"})) return refusal;
  simdjson::dom::array items;
  if (call.state.json.parse(text->data(), text->size()).get(items) != simdjson::SUCCESS)
    return {kIllegal, "messages: not a JSON array"};
  if (items.size() == 0 || items.size() > kTargetsMax) return {kIllegal, "messages: not 1-1000"};
  std::size_t number = 0;
  std::int64_t public_devices = 0;
  for (const auto item : items) {
    if (auto refusal = judge_message(call, item, public_devices)) {
      refusal.detail.insert(0, "messages[" + std::to_string(number) + "]: ");
      return refusal;
    }
    ++number;
  }
  mark_repeated(call.judgement.tokens);
  return spend_public(call, public_devices);
}

Refusal judge_save(Call& call) {
  std::vector<Value> values;
  for (const auto& [name, value] : call.state.form.all())
    if (name != "auth_token" && name != "sdk_version") values.push_back({.name = name, .text = value});
  Seen seen;
  if (auto refusal = judge_notification(values, true, seen)) return refusal;
  if (AppDay* const day = day_of(call)) {
    const std::int64_t most = call.known.apps.find(call.app)->second.contents_per_day;
    if (most > 0 && day->contents >= most) return {kContentsUsedUp, "saved bodies, of this day"};
    ++day->contents;
  }
  call.judgement.id =
      call.state.memory.save(std::move(call.judgement.id), {.app = call.app,
                                                            .app_message_id = std::string(seen.app_message_id),
                                                            .parameter = std::string(seen.parameter),
                                                            .calls_back = seen.calls_back,
                                                            .is_public = seen.is_public});
  return {};
}

Refusal judge_broadcast(Call& call) {
  const FormFields& form = call.state.form;
  if (auto refusal = judge_names(form, {"message_id", "target_type", "target_value"})) return refusal;
  for (const std::string_view name : {"message_id", "target_type"})
    if (form.value(name).empty()) return {kMissing, std::string(name) + ": missing"};
  const auto type = whole_number(form.value("target_type"));
  if (type != kEverybody && type != kRegistrationId && type != kAlias && type != kTag)
    return {kIllegal, "target_type: not 1, 2, 5 or 6"};
  const std::string_view value = form.value("target_value");
  if (type == kEverybody ? !value.empty() : value.empty()) return {kMissing, "target_value: for some, and only then"};
  const auto targets = split(value, ";");
  if (targets.size() > kTargetsMax) return {kIllegal, "target_value: more than 1000"};
  if (type != kEverybody && std::ranges::any_of(targets, is_blank)) return {kIllegal, "target_value: an empty one"};

  Memory::Body* body = call.state.memory.find(form.value("message_id"));
  if (!body || body->app != call.app) return {kNoData, "message_id: never saved"};
  call.judgement.id = std::string(form.value("message_id")) + '-' + std::to_string(++body->broadcasts);
  call.judgement.tag = body->parameter;
  if (type != kRegistrationId) return {};
  const Seen seen{.app_message_id = body->app_message_id, .calls_back = body->calls_back};
  call.judgement.tokens.reserve(targets.size());
  for (const std::string_view token : targets) note_token(call, token, seen);
  mark_repeated(call.judgement.tokens);
  return body->is_public ? spend_public(call, static_cast<std::int64_t>(targets.size())) : Refusal{};
}

Refusal judge(Call& call, Api api) {
  if (call.request.method != "POST") return {kMethodNotAllowed, "not POST"};
  if (auto refusal = read_form(call)) return refusal;
  if (api == Api::Auth) return judge_auth(call);
  if (auto refusal = judge_token(call)) return refusal;
  switch (api) {
    case Api::Unicast:
      return judge_unicast(call);
    case Api::UnicastBatch:
      return judge_batch(call);
    case Api::Save:
      return judge_save(call);
    default:
      return judge_broadcast(call);
  }
}

}  // namespace

bool is_registration_id(std::string_view text) noexcept {
  const auto line = text.rfind('_');
  const std::string_view digits = line == text.npos ? text : text.substr(line + 1);
  return (digits.size() == 32 || digits.size() == 24) &&
         std::ranges::all_of(digits, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

Judgement verify(const server::ServerRequest& request, const Knowledge& known, State& state, std::string id,
                 WallTime now) {
  Call call{.request = request, .known = known, .state = state, .now = now};
  state.form = {};
  state.underway.clear();
  call.judgement.id = std::move(id);
  const auto endpoint = std::ranges::lower_bound(kEndpoints, path_of(request), {}, &Endpoint::path);
  if (endpoint == kEndpoints.end() || endpoint->path != path_of(request)) {
    call.judgement.status = 404;
    call.judgement.reason = "NotFound";
    call.judgement.push = false;
    return std::move(call.judgement);
  }
  call.judgement.variant = static_cast<int>(endpoint->api);
  call.judgement.push = endpoint->api != Api::Auth;
  if (auto refusal = judge(call, endpoint->api)) {
    call.judgement.reason = std::to_string(refusal.code);
    call.judgement.detail = std::move(refusal.detail);
  }
  return std::move(call.judgement);
}

}  // namespace nightpost::sandbox::oppo
