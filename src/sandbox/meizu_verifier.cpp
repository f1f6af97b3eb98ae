#include "sandbox/meizu_verifier.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/uuid.h"
#include "sandbox/field_text.h"
#include "sandbox/meizu_message.h"
#include "sandbox/request_parts.h"

namespace nightpost::sandbox::meizu {
namespace {

constexpr int kBadParameter = 1005;
constexpr int kBadSign = 1006;
constexpr int kBadApp = 110000;
constexpr int kEmptyParameter = 110004;
constexpr int kBadTask = 110032;
constexpr int kPassThrough = 110053;
constexpr std::int64_t kMinuteMs = 60'000;

struct Refusal {
  int code = 0;
  std::string detail;
  explicit operator bool() const noexcept { return code != 0; }
};

struct Endpoint {
  std::string_view path;
  Api api;
  std::string_view target;  // the field that says whom; empty: nobody in particular
  bool task = false;        // sends a task made before
};
constexpr std::string_view kRoot = "/garcia/api/server/push/";
constexpr std::array kEndpoints = {
    Endpoint{"pushTask/getTaskId", Api::MakeTask, ""},
    Endpoint{"pushTask/pushToApp", Api::Indirect, ""},
    Endpoint{"pushTask/pushToTag", Api::Indirect, "tagNames"},
    Endpoint{"task/varnished/pushByAlias", Api::Indirect, "alias", true},
    Endpoint{"task/varnished/pushByPushId", Api::Push, "pushIds", true},
    Endpoint{"varnished/pushByAlias", Api::Indirect, "alias"},
    Endpoint{"varnished/pushByPushId", Api::Push, "pushIds"},
};

struct Call {
  const server::ServerRequest& request;
  const Knowledge& known;
  State& state;
  std::string_view task_id;
  WallTime now;
  const Endpoint* endpoint = nullptr;
  Judgement judgement;
};

Refusal read_form(Call& call) {
  if (!has_media_type(call.request, kFormType)) return {kBadParameter, "content-type: not a form in UTF-8"};
  auto form = FormFields::parse(call.request.body);
  if (!form) return {kBadParameter, form.error().detail};
  call.state.form = std::move(*form);
  for (const auto& [name, value] : call.state.form.all())
    if (call.state.form.count(name) > 1) return {kBadParameter, std::string(name) + ": twice"};
  return {};
}

Refusal judge_sign(Call& call) {
  const FormFields& form = call.state.form;
  const std::string_view app = form.value("appId"), sign = form.value("sign");
  if (app.empty()) return {kEmptyParameter, "appId: missing"};
  if (sign.empty()) return {kBadSign, "sign: missing"};
  call.judgement.topic = app;
  const auto secret = call.known.apps.find(app);
  const bool taught = secret != call.known.apps.end();
  if (!taught && !call.known.accept_any) return {kBadApp, "appId: no such app"};
  const bool hex = std::ranges::all_of(sign, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (sign.size() != 32 || !hex) return {kBadSign, "sign: not 32 lower-case hex digits"};
  if (taught && signature(form, secret->second) != sign) return {kBadSign, "sign: another one is right"};
  call.judgement.authorized = true;
  return {};
}

Refusal judge_names(const Call& call) {
  const Endpoint& endpoint = *call.endpoint;
  const bool to_task = endpoint.path.starts_with("pushTask/");
  for (const auto& [name, value] : call.state.form.all()) {
    const bool known = name == "appId" || name == "sign" || name == endpoint.target ||
                       name == (endpoint.task ? "taskId" : "messageJson") || (to_task && name == "pushType") ||
                       (endpoint.target == "tagNames" && name == "scope") ||
                       (endpoint.path == "varnished/pushByPushId" && name == "restrictedPackageNames");
    if (!known) return {kBadParameter, std::string(name) + ": not a parameter of this call"};
  }
  if (to_task && call.state.form.value("pushType") != "0") return {kBadParameter, "pushType: not 0"};
  return {};
}

std::string_view fate_of(const Call& call, std::string_view token) {
  const Device* device = call.known.devices.find(token);
  if (!device && !call.known.accept_any) return kIllegal;
  if (!device) return {};
  if (!device->app.empty() && device->app != call.judgement.topic) return kIllegal;
  if (device->gone) return kUnsubscribed;
  if (device->muted) return kSwitchedOff;
  return call.state.folding.folds(call.judgement.topic, token, call.now) ? kFolded : std::string_view();
}

Refusal judge_targets(Call& call) {
  const std::string_view name = call.endpoint->target;
  if (name.empty()) return {};
  const std::string_view value = call.state.form.value(name);
  if (is_blank(value)) return {kEmptyParameter, std::string(name) + ": missing or blank"};
  const auto targets = split(value, ",");
  for (const std::string_view target : targets) {
    if (is_blank(target)) return {kBadParameter, std::string(name) + ": an empty one"};
    if (call.endpoint->api == Api::Push) call.judgement.tokens.push_back({target, fate_of(call, target)});
  }
  if (targets.size() > kTargetsMax) return {kBadParameter, std::string(name) + ": more than 100"};
  if (name == "tagNames" && call.state.form.value("scope") != "0" && call.state.form.value("scope") != "1")
    return {kBadParameter, "scope: not 0 or 1"};
  if (split(call.state.form.value("restrictedPackageNames"), ",").size() > 50)
    return {kBadParameter, "restrictedPackageNames: more than 50"};
  return {};
}

Refusal judge_message(Call& call, Message& message) {
  const std::string_view json = call.state.form.value("messageJson");
  if (is_blank(json)) return {kEmptyParameter, "messageJson: missing or blank"};
  if (auto fault = message_fault(json, call.state.json, message)) return {kBadParameter, std::move(*fault)};
  return {};
}

/// Private messages have to be granted, and of public ones a device gets a few a day.
void judge_kind(Call& call, bool is_private) {
  const std::string& app = call.judgement.topic;
  call.state.is_private = is_private;
  const bool refused = is_private && call.known.no_private.contains(app);
  const auto most = call.known.public_per_device.find(app);
  const bool counted = !is_private && most != call.known.public_per_device.end();
  for (TokenVerdict& verdict : call.judgement.tokens) {
    if (!verdict.reason.empty()) continue;
    if (refused) verdict.reason = kNoPermission;
    if (counted && call.state.days.got(app, verdict.token, call.now) >= most->second) verdict.reason = kDayIsFull;
  }
}

Refusal judge_task(Call& call) {
  const auto task = call.state.tasks.find(call.state.form.value("taskId"));
  if (task == call.state.tasks.end() || task->second.app != call.judgement.topic)
    return {kBadTask, "taskId: missing, or not of this app"};
  call.judgement.tag = task->second.parameter;
  call.judgement.receipts = task->second.reports_delivery;
  judge_kind(call, task->second.is_private);
  return {};
}

void keep_task(Call& call, const Message& message) {
  State& state = call.state;
  std::string id(call.task_id);
  state.tasks.insert_or_assign(id, Task{.app = call.judgement.topic,
                                        .parameter = std::string(message.parameter),
                                        .reports_delivery = message.reports_delivery,
                                        .is_private = message.is_private});
  state.tasks_order.push_back(std::move(id));
  if (state.tasks_order.size() <= kTasksMax) return;
  state.tasks.erase(state.tasks_order.front());
  state.tasks_order.pop_front();
}

Refusal judge(Call& call) {
  if (auto refusal = read_form(call)) return refusal;
  if (auto refusal = judge_sign(call)) return refusal;
  if (auto refusal = judge_names(call)) return refusal;
  if (auto refusal = judge_targets(call)) return refusal;
  if (call.endpoint->task) {
    if (auto refusal = judge_task(call)) return refusal;
  } else {
    Message message;
    if (auto refusal = judge_message(call, message)) return refusal;
    call.judgement.tag = message.parameter;
    call.judgement.receipts = message.reports_delivery;
    judge_kind(call, message.is_private);
    if (call.endpoint->api == Api::MakeTask) keep_task(call, message);
  }
  return {};
}

}  // namespace

const Folding::Recent* Folding::find(std::uint64_t name) const {
  for (const auto* devices : {&young_, &old_})
    if (const auto found = devices->find(name); found != devices->end()) return &found->second;
  return nullptr;
}

bool Folding::folds(std::string_view app, std::string_view token, WallTime now) const {
  const Recent* recent = find(hash128({app, token}).low);
  return recent && to_ms(now) - recent->began_ms < kMinuteMs && recent->count >= kPerMinute;
}

void Folding::count(std::string_view app, std::string_view token, WallTime now) {
  const std::uint64_t name = hash128({app, token}).low;
  const Recent* before = find(name);
  Recent recent = before ? *before : Recent{};
  if (to_ms(now) - recent.began_ms >= kMinuteMs) recent = {.began_ms = to_ms(now)};
  ++recent.count;
  if (young_.size() >= kDevicesMax / 2) old_ = std::exchange(young_, {});
  young_.insert_or_assign(name, recent);
}

std::string signature(const FormFields& form, std::string_view secret) {
  std::vector<FormFields::Field> fields;
  for (const FormFields::Field& field : form.all())
    if (field.first != "sign") fields.push_back(field);
  std::ranges::sort(fields, {}, &FormFields::Field::first);
  std::string text;
  for (const auto& [name, value] : fields) {
    text += name;
    text += '=';
    text += value;
  }
  text += secret;
  return md5_hex(text);
}

Judgement verify(const server::ServerRequest& request, const Knowledge& known, State& state, std::string_view task_id,
                 WallTime now) {
  Call call{.request = request, .known = known, .state = state, .task_id = task_id, .now = now};
  state.form = {};
  std::string_view path = path_of(request);
  const bool ours = path.starts_with(kRoot);
  path.remove_prefix(ours ? kRoot.size() : path.size());
  const auto refuse = [&](int status, std::string reason, std::string detail) {
    call.judgement.status = status;
    call.judgement.reason = std::move(reason);
    call.judgement.detail = std::move(detail);
    return std::move(call.judgement);
  };
  if (path.starts_with("unvarnished/") || path.starts_with("task/unvarnished/"))
    return refuse(200, std::to_string(kPassThrough), "pass-through is closed to app servers since 2018");
  const auto endpoint = std::ranges::find(kEndpoints, path, &Endpoint::path);
  if (endpoint == kEndpoints.end()) {
    call.judgement.push = false;
    return refuse(404, "NotFound", "");
  }
  call.endpoint = &*endpoint;
  call.judgement.variant = static_cast<int>(endpoint->api);
  if (request.method != "POST") return refuse(405, "MethodNotAllowed", "");
  if (auto refusal = judge(call)) return refuse(200, std::to_string(refusal.code), std::move(refusal.detail));
  return std::move(call.judgement);
}

}  // namespace nightpost::sandbox::meizu
