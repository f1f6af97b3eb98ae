#include "sandbox/vivo_simulator.h"

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "core/text.h"
#include "sandbox/field_text.h"
#include "sandbox/json_fields.h"
#include "sandbox/vivo_verifier.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;
using vivo::Api;

struct Words {
  std::string_view code;
  std::string_view desc;
};
constexpr std::array kWords = {
    Words{"0", "请求成功"},
    Words{"10000", "权限认证失败"},
    Words{"10050", "alias和regId不能都为空"},
    Words{"10054", "notifyType不合法"},
    Words{"10055", "title不能为空"},
    Words{"10056", "title不能超过40个字符"},
    Words{"10057", "content不能为空"},
    Words{"10058", "content不能超过100个字符"},
    Words{"10059", "timeToLive不合法"},
    Words{"10060", "skipType不合法"},
    Words{"10061", "skipType为2时，skipContent不能为空"},
    Words{"10062", "skipType为2时，skipContent不合法"},
    Words{"10063", "skipType为3时，skipContent不能为空"},
    Words{"10064", "skipContent过长"},
    Words{"10065", "networkType不合法"},
    Words{"10066", "clientCustomMap不合法"},
    Words{"10067", "clientCustomMap过长"},
    Words{"10068", "skipType为4时，skipContent不能为空"},
    Words{"10069", "skipType为4时，skipContent不合法"},
    Words{"10070", "发送总量超出限制"},
    Words{"10071", "超出允许发送时间"},
    Words{"10072", "发送速度过快"},
    Words{"10093", "获取authToken过于频繁"},
    Words{"10094", "appId与authToken不匹配"},
    Words{"10096", "category不合法"},
    Words{"10097", "category与classification不匹配"},
    Words{"10150", "aliases和regIds不能都为空"},
    Words{"10151", "taskId不能为空"},
    Words{"10153", "regIds个数不能小于2"},
    Words{"10154", "regIds个数不能大于1000"},
    Words{"10252", "群推消息体总量超出限制"},
    Words{"10254", "全量发送总量超出限制"},
    Words{"10302", "regId不合法"},
    Words{"10352", "requestId不能为空"},
    Words{"10353", "requestId过长"},
    Words{"11000", "classification不合法"},
};
static_assert(std::ranges::is_sorted(kWords, {}, &Words::code));

std::string_view words_for(std::string_view code) {
  const auto known = std::ranges::lower_bound(kWords, code, {}, &Words::code);
  return known != kWords.end() && known->code == code ? known->desc : "请求失败";
}

std::int64_t status_of(const TokenVerdict& verdict) {
  return verdict.reason == vivo::kIllegalRegId ? 1 : whole_number(verdict.reason).value_or(1);
}

/// {"userid", "status"}
void append_user(std::string& out, const TokenVerdict& verdict) {
  out += '{';
  append_json_member(out, "userid", verdict.token);
  append_json_member(out, "status", status_of(verdict));
  out += '}';
}

/// `{"result":…,"desc":…`, not closed.
std::string opened(std::string_view code) {
  std::string body = "{";
  append_json_member(body, "result", whole_number(code).value_or(0));
  append_json_member(body, "desc", words_for(code));
  return body;
}

server::ServerResponse reply(int status, std::string body) {
  return {.status = status, .headers = {{"content-type", "application/json;charset=UTF-8"}}, .body = std::move(body)};
}

/// `detail` is the sandbox's own member beside the vendor's.
server::ServerResponse refusal(int status, std::string_view code, std::string_view detail) {
  if (!whole_number(code)) return {.status = status, .body = std::string(code)};
  std::string body = opened(code);
  if (!detail.empty()) append_json_member(body, "detail", utf8_repaired(detail));
  return reply(status, body + '}');
}

server::ServerResponse single_answer(const Judgement& judgement) {
  const TokenVerdict* dead =
      !judgement.tokens.empty() && !judgement.tokens[0].reason.empty() ? &judgement.tokens[0] : nullptr;
  const bool illegal = dead && status_of(*dead) <= 2;
  std::string body = opened(illegal ? vivo::kIllegalRegId : "0");
  if (!illegal) append_json_member(body, "taskId", judgement.id);
  if (dead) {
    body += R"(,"invalidUser":)";
    append_user(body, *dead);
  }
  return reply(200, body + '}');
}

server::ServerResponse list_answer(const Judgement& judgement, std::string_view request_id) {
  std::string body = opened("0");
  if (!request_id.empty()) append_json_member(body, "requestId", request_id);
  std::string users;
  for (const TokenVerdict& verdict : judgement.tokens) {
    if (verdict.reason.empty()) continue;
    if (!users.empty()) users += ',';
    append_user(users, verdict);
  }
  if (!users.empty()) body += R"(,"invalidUsers":[)" + users + ']';
  return reply(200, body + '}');
}

class VivoSimulator final : public VendorSimulator {
 public:
  explicit VivoSimulator(const SimulatorOptions& options)
      : options_(options), tasks_(100'000'000'000 + std::random_device()()) {
    known_.accept_any = options.accept_any;
  }

  Judgement judge(const server::ServerRequest& request, WallTime now) override {
    now_ = now;
    return vivo::verify(request, known_, state_, std::to_string(++tasks_), now);
  }

  server::ServerResponse answer(const Judgement& judgement) const override {
    if (judgement.status != 200) return {.status = judgement.status, .body = judgement.detail};
    if (!judgement.accepted()) return refusal(200, judgement.reason, judgement.detail);
    switch (static_cast<Api>(judgement.variant)) {
      case Api::Auth:
        return reply(200, judgement.body);
      case Api::Send:
        return single_answer(judgement);
      case Api::PushToList:
      case Api::Check:
        return list_answer(judgement, state_.request_id);
      default:
        return reply(200, opened("0") + R"(,"taskId":")" + judgement.id + "\"}");
    }
  }

  server::ServerResponse answer(const Judgement& judgement, const ScriptedAnswer& scripted) const override {
    if (whole_number(scripted.reason) == vivo::kDayIsFull) vivo::day_of(state_, judgement.topic, now_).full = true;
    if (!scripted.reason.empty()) return refusal(scripted.status, scripted.reason, "");
    if (scripted.status == 200) return answer(judgement);
    return {.status = scripted.status, .body = scripted.status >= 500 ? "Internet server error!" : ""};
  }

  bool tells(const Judgement& judgement, std::string_view reason) const noexcept override {
    return !judgement.tokens.empty() &&
           (reason == vivo::kUnknown || reason == vivo::kGone || reason == vivo::kInactive ||
            reason == vivo::kNoTestDevice || reason == vivo::kIllegalRegId);
  }

  bool has_receipts() const noexcept override { return true; }

  /// One body an ackType, since a task id is a key and can stand in a body once.
  Result<std::vector<ReceiptPost>> receipts(std::span<const ReceiptEvent> events, const ReceiptSecret&,
                                            WallTime now) override {
    struct Task {
      std::string_view tag;
      std::string targets;
    };
    std::map<std::string_view, std::map<std::string_view, Task>> by_type;
    for (const ReceiptEvent& event : events) {
      const std::string_view type = event.status.empty() ? "0" : event.status;
      if (!whole_number(type)) return fail(Errc::Malformed, "status: not a number");
      Task& task = by_type[type][event.id];
      task.tag = event.tag;
      if (!task.targets.empty()) task.targets += ',';
      task.targets += event.token;
    }
    std::vector<ReceiptPost> posts;
    for (const auto& [type, tasks] : by_type) {
      ReceiptPost post{.headers = {{"content-type", "application/json;charset=UTF-8"}}, .body = "{"};
      for (const auto& [id, task] : tasks) {
        post.body += post.body.size() > 1 ? ",\"" : "\"";
        append_json_escaped(post.body, id);
        post.body += R"(":{)";
        append_json_member(post.body, "targets", task.targets);
        append_json_member(post.body, "ackTime", to_ms(now));
        append_json_member(post.body, "param", task.tag);
        append_json_member(post.body, "ackType", type);
        post.body += '}';
      }
      post.body += '}';
      posts.push_back(std::move(post));
    }
    return posts;
  }

  Result<void> teach(const json& credentials) override {
    JsonFields fields(credentials, "$");
    const json* apps = fields.array("apps");
    const json* tokens = fields.array("tokens");
    if (auto done = fields.finish(); !done) return done;
    std::vector<std::pair<std::string, vivo::App>> new_apps;
    for (std::size_t i = 0; apps && i < apps->size(); ++i) {
      JsonFields app((*apps)[i], "$.apps[" + std::to_string(i) + "]");
      const std::string id = app.required_text("app_id");
      vivo::App known{.key = app.required_text("app_key"),
                      .secret = app.required_text("app_secret"),
                      .daily_max = app.integer("daily_max", 1, INT64_MAX).value_or(0),
                      .lists_max = app.integer("lists_per_day", 1, INT64_MAX).value_or(0)};
      if (!whole_number(id)) app.fault("app_id", "not digits");
      if (auto done = app.finish(); !done) return done;
      new_apps.emplace_back(id, std::move(known));
    }
    auto devices = known_.devices.read(tokens, options_.tokens_known_max);
    if (!devices) return std::unexpected(devices.error());
    known_.devices.add(std::move(*devices));
    for (auto& [id, app] : new_apps) known_.apps.insert_or_assign(std::move(id), std::move(app));
    return {};
  }

  void forget() override {
    known_ = {.accept_any = options_.accept_any};
    state_.grants.clear();
    state_.days.clear();
    state_.payloads.clear();
    state_.payloads_order.clear();
  }

 private:
  SimulatorOptions options_;
  std::int64_t tasks_;  // task ids: another beginning in every run
  WallTime now_{};      // of the last request
  vivo::Knowledge known_;
  mutable vivo::State state_;  // a scripted 10070 closes the day too
};

}  // namespace

std::unique_ptr<VendorSimulator> make_vivo_simulator(const SimulatorOptions& options) {
  return std::make_unique<VivoSimulator>(options);
}

}  // namespace nightpost::sandbox
