#include "sandbox/xiaomi_verifier.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <deque>

#include "sandbox/field_text.h"
#include "sandbox/request_parts.h"

namespace nightpost::sandbox::xiaomi {
namespace {

using Field = FormFields::Field;

constexpr int kBadParameter = 10008;
constexpr int kIllegalRequest = 10012;
constexpr int kAskedTooOften = 10024;
constexpr int kBadSecret = 21301;
constexpr std::size_t kTopicsMax = 5;
constexpr std::size_t kQuotaAskersMax = 4096;
constexpr milliseconds kQuotaPause{1000};
constexpr std::chrono::hours kChinaAhead{8};

struct Endpoint {
  std::string_view path;
  Api api;
  std::string_view target;  // the field that says whom
  bool many_packages = true;
};
constexpr std::array kEndpoints = {
    Endpoint{"/v1/trace/quota/get", Api::Quota, ""},
    Endpoint{"/v1/validation/regids", Api::Validation, "registration_ids"},
    Endpoint{"/v2/message/alias", Api::Indirect, "alias", false},
    Endpoint{"/v2/message/all", Api::Indirect, "", false},
    Endpoint{"/v2/message/multi_topic", Api::Indirect, "topics", false},
    Endpoint{"/v2/message/regid", Api::Regids, "registration_id", false},
    Endpoint{"/v2/message/topic", Api::Indirect, "topic", false},
    Endpoint{"/v2/message/user_account", Api::Indirect, "user_account", false},
    Endpoint{"/v2/multi_messages/aliases", Api::DifferentIndirect, "messages"},
    Endpoint{"/v2/multi_messages/regids", Api::DifferentRegids, "messages"},
    Endpoint{"/v2/multi_messages/user_accounts", Api::DifferentIndirect, "messages"},
    Endpoint{"/v3/message/alias", Api::Indirect, "alias"},
    Endpoint{"/v3/message/all", Api::Indirect, ""},
    Endpoint{"/v3/message/multi_topic", Api::Indirect, "topics"},
    Endpoint{"/v3/message/regid", Api::Regids, "registration_id"},
    Endpoint{"/v3/message/topic", Api::Indirect, "topic"},
    Endpoint{"/v4/message/regid", Api::Regids, "registration_id"},
};
static_assert(std::ranges::is_sorted(kEndpoints, {}, &Endpoint::path));

/// One request on its way through the checks.
struct Call {
  const server::ServerRequest& request;
  const Knowledge& known;
  State& state;
  WallTime now;
  const Endpoint* endpoint = nullptr;
  std::string_view secret;
  const App* app = nullptr;
  Judgement judgement;

  Context context() const {
    return {.app = app, .accept_any = known.accept_any, .many_packages = endpoint->many_packages, .now = now};
  }
};

Refusal judge_secret(Call& call) {
  const std::string_view key = header_of(call.request, "authorization").value_or("");
  constexpr std::string_view kPrefix = "key=";
  if (!key.starts_with(kPrefix)) return {kBadSecret, "authorization: not key=AppSecret"};
  call.secret = key.substr(kPrefix.size());
  if (const auto app = call.known.apps.find(call.secret); app != call.known.apps.end()) {
    call.app = &app->second;
    return {};
  }
  const bool plain =
      !call.secret.empty() && std::ranges::all_of(call.secret, [](unsigned char c) { return std::isgraph(c); });
  if (!call.known.accept_any || !plain) return {kBadSecret, "authorization: no such AppSecret"};
  return {};
}

Refusal read_form(Call& call) {
  if (!has_media_type(call.request, kFormType)) return {kIllegalRequest, "content-type: not a form in UTF-8"};
  auto form = FormFields::parse(call.request.body, kTargetsMax + 64);
  if (!form) return {kBadParameter, form.error().detail};
  call.state.form = std::move(*form);
  return {};
}

/// Comma-separated, and the key may be repeated.
Refusal read_targets(const FormFields& form, std::string_view name, std::vector<std::string_view>& targets) {
  for (const auto& [key, value] : form.all()) {
    if (key != name) continue;
    for (const std::string_view target : split(value, ",")) {
      if (is_blank(target)) return {kIllegal, std::string(name) + ": an empty one"};
      targets.push_back(target);
    }
  }
  if (targets.empty()) return {kMissing, std::string(name) + ": missing"};
  if (targets.size() > kTargetsMax) return {kIllegal, std::string(name) + ": more than 1000"};
  return {};
}

Refusal judge_topics(const FormFields& form) {
  const auto topics = split(form.value("topics"), ";$;");
  if (topics.size() > kTopicsMax || std::ranges::any_of(topics, is_blank))
    return {kIllegal, "topics: not 1-5, joined with ;$;"};
  const std::string_view op = form.value("topic_op");
  if (op != "UNION" && op != "INTERSECTION" && op != "EXCEPT")
    return {kIllegal, "topic_op: not UNION, INTERSECTION or EXCEPT"};
  return {};
}

/// A registration id lives in one app only.
bool reaches(const Call& call, std::string_view token) {
  const Device* device = call.known.devices.find(token);
  if (!device) return call.known.accept_any;
  return !device->gone && (device->app.empty() || device->app == call.judgement.topic);
}

/// What a message says about its receipts.
struct Wish {
  std::string_view tag;
  bool called = false;
  std::int64_t types = 3;
  bool delivered() const { return called && (types & 1) != 0; }
};

Wish note_message(Call& call, std::span<const Field> fields) {
  Wish wish;
  for (const auto& [name, value] : fields) {
    if (name == "restricted_package_name") call.judgement.topic = value;
    if (name == "extra.channel_id") call.state.channel = value;
    if (name == "extra.callback") wish.called = true;
    if (name == "extra.callback.param") wish.tag = value;
    if (name == "extra.callback.type") wish.types = whole_number(value).value_or(0);
  }
  return wish;
}

void note_token(Call& call, std::string_view token, const Wish& wish) {
  call.judgement.tokens.push_back({.token = token,
                                   .reason = reaches(call, token) ? std::string_view() : kBadRegid,
                                   .tag = wish.tag,
                                   .receipts = wish.delivered()});
}

/// Of a public class, or of none.
Refusal judge_quota_of_day(Call& call) {
  if (!call.app || call.app->public_per_day == 0) return {};
  const auto channel = call.app->channels.find(call.state.channel);
  if (channel != call.app->channels.end() && !channel->second) return {};
  PublicDay& day = call.state.days[std::string(call.secret)];
  const std::int64_t today = std::chrono::floor<std::chrono::days>(call.now + kChinaAhead).time_since_epoch().count();
  if (day.number != today) day = {.number = today};
  const auto devices = static_cast<std::int64_t>(
      std::ranges::count_if(call.judgement.tokens, [](const TokenVerdict& one) { return one.reason.empty(); }));
  if (day.messages + devices > call.app->public_per_day) return {kPublicQuota, "private classes have no such quota"};
  day.messages += devices;
  return {};
}

Refusal judge_shared(Call& call) {
  const FormFields& form = call.state.form;
  const std::string_view target = call.endpoint->target;
  std::vector<Field> fields;
  for (const Field& field : form.all())
    if (field.first != target && !(target == "topics" && field.first == "topic_op")) fields.push_back(field);
  const Wish wish = note_message(call, fields);

  std::vector<std::string_view> targets;
  Refusal refusal;
  if (target == "topics") {
    refusal = judge_topics(form);
  } else if (target == "topic") {
    if (is_blank(form.value(target)) || form.count(target) > 1) refusal = {kMissing, "topic: not exactly one"};
  } else if (!target.empty()) {
    refusal = read_targets(form, target, targets);
  }
  if (call.endpoint->api == Api::Regids)
    for (const std::string_view token : targets) note_token(call, token, wish);
  if (refusal) return refusal;
  if ((refusal = judge_message(fields, call.context()))) return refusal;
  return judge_quota_of_day(call);
}

/// A message of §2.6 as a form would say it. Numbers are unquoted, "extra" is nested; `made` keeps new text.
Refusal flatten(simdjson::dom::object message, std::vector<Field>& fields, std::deque<std::string>& made) {
  for (const auto [name, value] : message) {
    if (name.starts_with("extra.")) return {kIllegal, "messages: extra is nested here"};
    std::string_view text;
    std::int64_t number = 0;
    simdjson::dom::object extra;
    if (value.get(text) == simdjson::SUCCESS) {
      fields.emplace_back(name, text);
    } else if (value.get(number) == simdjson::SUCCESS) {
      fields.emplace_back(name, made.emplace_back(std::to_string(number)));
    } else if (name == "extra" && value.get(extra) == simdjson::SUCCESS) {
      for (const auto [key, part] : extra) {
        if (part.get(text) != simdjson::SUCCESS)
          return {kIllegal, "messages: extra." + std::string(key) + " is not a string"};
        fields.emplace_back(made.emplace_back("extra." + std::string(key)), text);
      }
    } else {
      return {kIllegal, "messages: " + std::string(name) + " has a wrong type"};
    }
  }
  return {};
}

Refusal judge_item(Call& call, simdjson::dom::element item) {
  simdjson::dom::object members;
  simdjson::dom::object message;
  std::string_view target;
  if (item.get(members) != simdjson::SUCCESS || members["target"].get(target) != simdjson::SUCCESS ||
      members["message"].get(message) != simdjson::SUCCESS || members.size() != 2)
    return {kIllegal, "messages: an item is not {target, message}"};
  if (is_blank(target)) return {kIllegal, "messages: a blank target"};
  std::vector<Field> fields;
  std::deque<std::string> made;
  if (auto refusal = flatten(message, fields, made)) return refusal;
  const Wish wish = note_message(call, fields);
  if (call.endpoint->api == Api::DifferentRegids) note_token(call, target, wish);
  return judge_message(fields, call.context());
}

Refusal judge_different(Call& call) {
  const FormFields& form = call.state.form;
  for (const auto& [name, value] : form.all()) {
    if (form.count(name) > 1 || (name != "messages" && name != "time_to_send"))
      return {kIllegal, std::string(name) + ": not a field of this call, or twice"};
    if (name == "time_to_send" && !whole_number(value)) return {kIllegal, "time_to_send: not an integer"};
  }
  const auto text = form.find("messages");
  if (!text) return {kMissing, "messages: missing"};
  simdjson::dom::array items;
  if (call.state.json.parse(text->data(), text->size()).get(items) != simdjson::SUCCESS)
    return {kIllegal, "messages: not a JSON array"};
  if (items.size() == 0 || items.size() > kTargetsMax) return {kIllegal, "messages: not 1-1000"};
  for (const auto item : items)
    if (auto refusal = judge_item(call, item)) return refusal;
  return {};
}

Refusal judge_validation(Call& call) {
  std::vector<std::string_view> targets;
  if (auto refusal = read_targets(call.state.form, call.endpoint->target, targets)) return refusal;
  if (call.app) call.judgement.topic = call.app->package;
  for (const std::string_view token : targets) note_token(call, token, {});
  return {};
}

Refusal judge_quota(Call& call) {
  auto& asked = call.state.quota_asked;
  if (const auto last = asked.find(call.secret); last != asked.end()) {
    if (call.now < last->second + kQuotaPause) return {kAskedTooOften, "once a second"};
    last->second = call.now;
    return {};
  }
  if (asked.size() >= kQuotaAskersMax) asked.erase(asked.begin());
  asked.emplace(call.secret, call.now);
  return {};
}

Refusal judge(Call& call) {
  if (auto refusal = judge_secret(call)) return refusal;
  call.judgement.authorized = true;
  if (call.app) call.judgement.topic = call.app->package;
  const Api api = call.endpoint->api;
  if (api == Api::Quota) return judge_quota(call);
  if (auto refusal = read_form(call)) return refusal;
  if (api == Api::Validation) return judge_validation(call);
  return api == Api::DifferentRegids || api == Api::DifferentIndirect ? judge_different(call) : judge_shared(call);
}

}  // namespace

Judgement verify(const server::ServerRequest& request, const Knowledge& known, State& state, WallTime now) {
  Call call{.request = request, .known = known, .state = state, .now = now};
  state.channel.clear();
  state.form = {};
  const std::string_view path = path_of(request);
  const auto endpoint = std::ranges::lower_bound(kEndpoints, path, {}, &Endpoint::path);
  if (endpoint == kEndpoints.end() || endpoint->path != path) {
    call.judgement.status = 404;
    call.judgement.reason = "NotFound";
    call.judgement.push = false;
    return std::move(call.judgement);
  }
  call.endpoint = &*endpoint;
  call.judgement.variant = static_cast<int>(endpoint->api);
  call.judgement.push = endpoint->api != Api::Quota && endpoint->api != Api::Validation;
  if (request.method != (endpoint->api == Api::Quota ? "GET" : "POST")) {
    call.judgement.status = 405;
    call.judgement.reason = "MethodNotAllowed";
    return std::move(call.judgement);
  }
  if (auto refusal = judge(call)) {
    call.judgement.reason = std::to_string(refusal.code);
    call.judgement.detail = std::move(refusal.detail);
  }
  return std::move(call.judgement);
}

}  // namespace nightpost::sandbox::xiaomi
