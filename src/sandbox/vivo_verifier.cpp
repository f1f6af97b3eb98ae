#include "sandbox/vivo_verifier.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "core/text.h"
#include "sandbox/field_text.h"
#include "sandbox/request_parts.h"
#include "sandbox/vivo_message.h"

namespace nightpost::sandbox::vivo {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr int kBadToken = 10000;
constexpr int kOutsideHours = 10071;
constexpr int kAuthTooOften = 10093;
constexpr int kOtherApp = 10094;
constexpr int kNoList = 10150;
constexpr int kNoTask = 10151;
constexpr int kListTooShort = 10153;
constexpr int kListTooLong = 10154;
constexpr int kListsAreFull = 10252;
constexpr int kAllTooOften = 10254;
// Only the first two and their hundred are known: the others are our choice.
constexpr int kBadAppId = 10200;
constexpr int kBadAppKey = 10201;
constexpr int kBadTimestamp = 10202;
constexpr int kBadSign = 10203;

constexpr int kAuthsPerSecond = 10;
constexpr milliseconds kSkewMost = std::chrono::minutes(10);
constexpr milliseconds kGrantLasts = std::chrono::hours(24);
constexpr std::int64_t kDayS = 86'400;
constexpr std::int64_t kChinaAheadS = 8 * 3600;
constexpr std::int64_t kOpensS = 7 * 3600, kClosesS = 23 * 3600;

struct Endpoint {
  std::string_view path;
  Api api;
};
constexpr std::array kEndpoints = {
    Endpoint{"/invalidUser/check", Api::Check},
    Endpoint{"/message/all", Api::All},
    Endpoint{"/message/auth", Api::Auth},
    Endpoint{"/message/pushToList", Api::PushToList},
    Endpoint{"/message/saveListPayload", Api::SaveList},
    Endpoint{"/message/send", Api::Send},
};

std::int64_t china_s(WallTime now) {
  return std::chrono::floor<seconds>(now).time_since_epoch().count() + kChinaAheadS;
}

struct Call {
  const server::ServerRequest& request;
  const Knowledge& known;
  State& state;
  WallTime now;
  object body;
  std::string app;
  Judgement judgement;
};

/// A number, or its digits in a string.
std::string app_id_of(object body) {
  std::int64_t number = 0;
  std::string_view text;
  if (body["appId"].get(number) == SUCCESS) return std::to_string(number);
  return body["appId"].get(text) == SUCCESS ? std::string(text) : std::string();
}

std::string_view checked_text(object body, std::string_view name) {
  std::string_view text;
  return body[name].get(text) == SUCCESS ? text : std::string_view();
}

Refusal judge_names(object body, std::initializer_list<std::string_view> names) {
  for (const auto [name, value] : body)
    if (std::ranges::find(names, name) == names.end()) return {kNoWord, std::string(name) + ": not of this call"};
  return {};
}

Refusal read_body(Call& call) {
  if (!has_media_type(call.request, kJsonType)) return {kNoWord, "content-type: not application/json in UTF-8"};
  const std::string& text = call.request.body;
  if (call.state.json.parse(text).get(call.body) != SUCCESS) return {kNoWord, "not a JSON object"};
  return {};
}

Refusal judge_auth(Call& call) {
  if (auto refusal = judge_names(call.body, {"appId", "appKey", "timestamp", "sign"})) return refusal;
  call.app = app_id_of(call.body);
  call.judgement.topic = call.app;
  const auto app = call.known.apps.find(call.app);
  const bool taught = app != call.known.apps.end();
  if (!whole_number(call.app) || (!taught && !call.known.accept_any)) return {kBadAppId, "appId: no such app"};
  Day& day = day_of(call.state, call.app, call.now);
  const std::int64_t second = china_s(call.now);
  if (day.second != second) day.auths = 0;
  day.second = second;
  if (++day.auths > kAuthsPerSecond) return {kAuthTooOften, "more than ten in this second"};

  const std::string_view key = checked_text(call.body, "appKey");
  if (key.empty() || (taught && key != app->second.key)) return {kBadAppKey, "appKey: missing or wrong"};
  std::int64_t timestamp = 0;
  if (call.body["timestamp"].get(timestamp) != SUCCESS) return {kBadTimestamp, "timestamp: not an integer"};
  if (timestamp < to_ms(call.now - kSkewMost) || timestamp > to_ms(call.now + kSkewMost))
    return {kBadTimestamp, "timestamp: more than ten minutes off"};
  const std::string_view sign = checked_text(call.body, "sign");
  const bool hex = std::ranges::all_of(sign, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (sign.size() != 32 || !hex) return {kBadSign, "sign: not 32 lower-case hex digits"};
  if (taught && md5_hex(call.app + app->second.key + std::to_string(timestamp) + app->second.secret) != sign)
    return {kBadSign, "sign: another one is right"};

  call.judgement.authorized = true;
  call.judgement.body = R"({"result":0,"desc":"请求成功")";
  append_json_member(call.judgement.body, "authToken",
                     call.state.grants.issue("", {.owner = call.app, .expires = call.now + kGrantLasts}));
  call.judgement.body += '}';
  return {};
}

Refusal judge_token(Call& call) {
  const GrantBook::Grant* grant = call.state.grants.find(header_of(call.request, "authtoken").value_or(""));
  if (!grant) return {kBadToken, "authToken: missing, or never given"};
  if (grant->expires <= call.now) return {kBadToken, "authToken: older than 24 hours"};
  call.app = grant->owner;
  call.judgement.topic = grant->owner;
  call.judgement.authorized = true;
  return {};
}

/// Asking on after the day was full is what vivo cuts the quota for.
Refusal judge_day(Call& call, std::int64_t devices) {
  Day& day = day_of(call.state, call.app, call.now);
  const auto app = call.known.apps.find(call.app);
  if (app != call.known.apps.end() && app->second.daily_max > 0 && day.devices + devices > app->second.daily_max)
    day.full = true;
  if (day.full) return {kDayIsFull, "until 00:00 at UTC+8"};
  day.devices += devices;
  return {};
}

Refusal judge_hours(const Call& call, bool operation) {
  const std::int64_t of_day = china_s(call.now) % kDayS;
  if (operation && (of_day < kOpensS || of_day >= kClosesS)) return {kOutsideHours, "operation messages: 07:00-23:00"};
  return {};
}

std::string_view fate_of(const Call& call, std::string_view token, bool test) {
  const Device* device = call.known.devices.find(token);
  if (!device && !call.known.accept_any) return kUnknown;
  if (device && !device->app.empty() && device->app != call.app) return kUnknown;
  if (device && device->gone) return kGone;
  return test && !(device && device->test) ? kNoTestDevice : std::string_view();
}

Refusal judge_send(Call& call) {
  Message message;
  if (auto refusal = judge_message(call.body, Target::One, message)) return refusal;
  call.judgement.tag = message.callback_param;
  call.judgement.receipts = message.calls_back && !message.test;
  if (!is_blank(message.reg_id))
    call.judgement.tokens.push_back({message.reg_id, fate_of(call, message.reg_id, message.test)});
  if (auto refusal = judge_hours(call, message.operation)) return refusal;
  return judge_day(call, message.test ? 0 : 1);
}

Refusal judge_save(Call& call) {
  Message message;
  if (auto refusal = judge_message(call.body, Target::List, message)) return refusal;
  if (auto refusal = judge_day(call, 0)) return refusal;
  Day& day = day_of(call.state, call.app, call.now);
  const auto app = call.known.apps.find(call.app);
  if (app != call.known.apps.end() && app->second.lists_max > 0 && day.lists >= app->second.lists_max)
    return {kListsAreFull, "single pushes go on"};
  ++day.lists;
  State& state = call.state;
  state.payloads.insert_or_assign(call.judgement.id, Payload{.app = call.app,
                                                             .param = std::string(message.callback_param),
                                                             .operation = message.operation,
                                                             .calls_back = message.calls_back});
  state.payloads_order.push_back(call.judgement.id);
  if (state.payloads_order.size() > kPayloadsMax) {
    state.payloads.erase(state.payloads_order.front());
    state.payloads_order.pop_front();
  }
  return {};
}

/// nullopt: not an array of filled strings.
std::optional<std::vector<std::string_view>> read_list(object body, std::string_view name) {
  std::vector<std::string_view> list;
  element value;
  if (body[name].get(value) != SUCCESS) return list;
  simdjson::dom::array items;
  if (value.get(items) != SUCCESS) return std::nullopt;
  list.reserve(items.size());
  for (const element item : items) {
    std::string_view text;
    if (item.get(text) != SUCCESS || is_blank(text)) return std::nullopt;
    list.push_back(text);
  }
  return list;
}

Refusal judge_list(Call& call) {
  const object body = call.body;
  if (auto refusal = judge_names(body, {"appId", "regIds", "aliases", "taskId", "requestId", "pushMode"}))
    return refusal;
  std::string_view request_id;
  if (auto refusal = judge_request_id(body, request_id)) return refusal;
  call.state.request_id = request_id;
  std::int64_t mode = 0;
  if (!body["pushMode"].error() && (body["pushMode"].get(mode) != SUCCESS || (mode != 0 && mode != 1)))
    return {kNoWord, "pushMode: not 0 or 1"};
  const auto ids = read_list(body, "regIds");
  const auto aliases = read_list(body, "aliases");
  if (!ids || !aliases) return {kNoList, "regIds, aliases: not arrays of filled strings"};
  const auto& list = ids->empty() ? *aliases : *ids;
  for (const std::string_view token : *ids) call.judgement.tokens.push_back({token, fate_of(call, token, mode == 1)});
  if (list.empty()) return {kNoList, "regIds: neither it nor aliases"};
  if (list.size() < 2) return {kListTooShort, "regIds: a list of one goes to /message/send"};
  if (list.size() > kListMax) return {kListTooLong, "regIds: more than 1000"};
  const auto payload = call.state.payloads.find(checked_text(body, "taskId"));
  if (payload == call.state.payloads.end() || payload->second.app != call.app)
    return {kNoTask, "taskId: missing, or never saved"};
  call.judgement.id = payload->first;
  call.judgement.tag = payload->second.param;
  call.judgement.receipts = payload->second.calls_back && mode == 0;
  if (auto refusal = judge_hours(call, payload->second.operation)) return refusal;
  return judge_day(call, mode == 1 ? 0 : static_cast<std::int64_t>(list.size()));
}

Refusal judge_all(Call& call) {
  Message message;
  if (auto refusal = judge_message(call.body, Target::Everybody, message)) return refusal;
  if (auto refusal = judge_hours(call, message.operation)) return refusal;
  if (std::exchange(day_of(call.state, call.app, call.now).spoke_to_all, true)) return {kAllTooOften, "once a day"};
  return {};
}

Refusal judge_check(Call& call) {
  if (auto refusal = judge_names(call.body, {"appId", "userType", "userIds"})) return refusal;
  const auto ids = read_list(call.body, "userIds");
  if (!ids || ids->empty() || ids->size() > kListMax) return {kNoWord, "userIds: not 1-1000 strings"};
  for (const std::string_view token : *ids) call.judgement.tokens.push_back({token, fate_of(call, token, false)});
  return {};
}

Refusal judge(Call& call, Api api) {
  if (api == Api::Auth) {
    auto refusal = read_body(call);
    return refusal ? refusal : judge_auth(call);
  }
  if (auto refusal = judge_token(call)) return refusal;
  if (auto refusal = read_body(call)) return refusal;
  if (api != Api::Check && app_id_of(call.body) != call.app) return {kOtherApp, "appId: not the token's"};
  switch (api) {
    case Api::Send:
      return judge_send(call);
    case Api::SaveList:
      return judge_save(call);
    case Api::PushToList:
      return judge_list(call);
    case Api::All:
      return judge_all(call);
    default:
      return judge_check(call);
  }
}

}  // namespace

Day& day_of(State& state, std::string_view app, WallTime now) {
  const std::int64_t number = china_s(now) / kDayS;
  auto found = state.days.find(app);
  if (found == state.days.end()) {
    if (state.days.size() >= kAppsMax) state.days.erase(state.days.begin());
    found = state.days.emplace(std::string(app), Day{.number = number}).first;
  }
  if (found->second.number != number) found->second = Day{.number = number};
  return found->second;
}

Judgement verify(const server::ServerRequest& request, const Knowledge& known, State& state, std::string id,
                 WallTime now) {
  Call call{.request = request, .known = known, .state = state, .now = now};
  call.judgement.id = std::move(id);
  state.request_id.clear();
  const auto refuse = [&](int status, std::string_view reason) {
    call.judgement.status = status;
    call.judgement.reason = reason;
  };
  const auto* const endpoint = std::ranges::find(kEndpoints, path_of(request), &Endpoint::path);
  if (endpoint == kEndpoints.end()) {
    call.judgement.push = false;
    refuse(404, "NotFound");
    return std::move(call.judgement);
  }
  call.judgement.variant = static_cast<int>(endpoint->api);
  call.judgement.push = endpoint->api != Api::Auth && endpoint->api != Api::Check;
  if (request.method != "POST") {
    refuse(405, "MethodNotAllowed");
  } else if (auto refusal = judge(call, endpoint->api)) {
    if (refusal.code == kNoWord) {
      refuse(kNoWord, "BadRequest");
    } else {
      call.judgement.reason = std::to_string(refusal.code);
    }
    call.judgement.detail = std::move(refusal.detail);
  }
  return std::move(call.judgement);
}

}  // namespace nightpost::sandbox::vivo
