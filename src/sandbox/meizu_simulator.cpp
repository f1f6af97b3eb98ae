#include "sandbox/meizu_simulator.h"

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "core/text.h"
#include "core/uuid.h"
#include "sandbox/field_text.h"
#include "sandbox/json_fields.h"
#include "sandbox/meizu_verifier.h"

namespace nightpost::sandbox {
namespace {

using meizu::Api;
using nlohmann::json;

struct Words {
  std::string_view code;
  std::string_view message;
};
constexpr std::array kWords = {
    Words{"1001", "系统错误"},
    Words{"1003", "服务器忙"},
    Words{"1005", "参数错误"},
    Words{"1006", "签名认证失败"},
    Words{"110000", "appId不合法"},
    Words{"110004", "参数不能为空"},
    Words{"110009", "应用被加入黑名单"},
    Words{"110010", "应用请求频率超过限制"},
    Words{"110019", "应用当日推送次数超过限制"},
    Words{"110032", "非法的taskId"},
    Words{"110053", "透传消息超过限制"},
    Words{"500", "其他异常"},
};
static_assert(std::ranges::is_sorted(kWords, {}, &Words::code));

/// What can stand in `value`; 110010 there is a switched-off phone.
constexpr std::array<std::string_view, 11> kOfTarget = {"110002", "110003", "110005", "110010", "110011", "201",
                                                        "501",    "513",    "518",    "519",    "520"};
static_assert(std::ranges::is_sorted(kOfTarget));

constexpr std::int64_t kPerDeviceMax = 1'000'000;

constexpr std::array<std::string_view, 2> kReceiptTypes = {"1", "2"};

server::ServerResponse reply(int status, std::string body) {
  return {.status = status, .headers = {{"content-type", "application/json;charset=UTF-8"}}, .body = std::move(body)};
}

/// `value`: the JSON value, ready. Without an id there is no msgId.
server::ServerResponse accepted(std::string_view value, std::string_view id) {
  std::string body = R"({"code":"200","message":"","value":)" + std::string(value);
  if (!id.empty()) append_json_member(body, "msgId", id);
  return reply(200, body + R"(,"redirect":""})");
}

/// `detail` is the sandbox's own member beside the vendor's.
server::ServerResponse refusal(int status, std::string_view code, std::string_view detail) {
  if (!whole_number(code)) return {.status = status, .body = std::string(code)};
  const auto known = std::ranges::lower_bound(kWords, code, {}, &Words::code);
  std::string body = "{";
  append_json_member(body, "code", code);
  append_json_member(body, "message", known != kWords.end() && known->code == code ? known->message : "失败");
  append_json_member(body, "value", "");
  append_json_member(body, "redirect", "");
  if (!detail.empty()) append_json_member(body, "detail", utf8_repaired(detail));
  return reply(status, body + '}');
}

/// {"110002":["id",…],…}
std::string value_of(const Judgement& judgement) {
  std::map<std::string_view, std::string> refused;
  for (const TokenVerdict& verdict : judgement.tokens) {
    if (verdict.reason.empty()) continue;
    std::string& ids = refused[verdict.reason];
    ids += ids.empty() ? "\"" : ",\"";
    append_json_escaped(ids, verdict.token);
    ids += '"';
  }
  std::string value = "{";
  for (const auto& [code, ids] : refused) {
    value += value.size() > 1 ? ",\"" : "\"";
    value += code;
    value += "\":[" + ids + ']';
  }
  return value + '}';
}

class MeizuSimulator final : public VendorSimulator {
 public:
  explicit MeizuSimulator(const SimulatorOptions& options)
      : options_(options), seed_(std::to_string(std::random_device()())) {
    known_.accept_any = options.accept_any;
  }

  Judgement judge(const server::ServerRequest& request, WallTime now) override {
    now_ = now;
    const std::string number = std::to_string(++answers_);
    Judgement judgement = meizu::verify(request, known_, state_, number, now);
    const bool task = judgement.variant == static_cast<int>(Api::MakeTask);
    judgement.id = task ? number : hex_of({seed_, number});
    return judgement;
  }

  server::ServerResponse answer(const Judgement& judgement) const override {
    if (judgement.status != 200) return {.status = judgement.status};
    if (!judgement.accepted()) return refusal(200, judgement.reason, judgement.detail);
    if (judgement.variant != static_cast<int>(Api::MakeTask)) {
      for (const TokenVerdict& verdict : judgement.tokens) {
        if (!verdict.reason.empty()) continue;
        if (known_.devices.find(verdict.token)) state_.folding.count(judgement.topic, verdict.token, now_);
        if (!state_.is_private && known_.public_per_device.contains(judgement.topic))
          state_.days.count(judgement.topic, verdict.token, now_);
      }
      return accepted(value_of(judgement), judgement.id);
    }
    std::string value = R"({"taskId":)" + judgement.id + R"(,"pushType":0)";
    append_json_member(value, "appId", judgement.topic);
    return accepted(value + '}', "");
  }

  server::ServerResponse answer(const Judgement& judgement, const ScriptedAnswer& scripted) const override {
    if (!scripted.reason.empty()) return refusal(scripted.status, scripted.reason, "");
    return scripted.status == 200 ? answer(judgement) : server::ServerResponse{.status = scripted.status};
  }

  bool tells(const Judgement& judgement, std::string_view reason) const noexcept override {
    return !judgement.tokens.empty() && std::ranges::binary_search(kOfTarget, reason);
  }

  bool has_receipts() const noexcept override { return true; }

  /// A form with the secret the receiver configured. Keys name the type, so that all fits one body.
  Result<std::vector<ReceiptPost>> receipts(std::span<const ReceiptEvent> events, const ReceiptSecret& secret,
                                            WallTime) override {
    struct Message {
      std::string_view tag, type;
      std::string targets;
    };
    std::map<std::string, Message> messages;
    for (const ReceiptEvent& event : events) {
      const std::string_view type = event.status.empty() ? kReceiptTypes[0] : event.status;
      if (std::ranges::find(kReceiptTypes, type) == kReceiptTypes.end())
        return fail(Errc::Malformed, "status: not 1 or 2");
      Message& message = messages[std::string(event.id) + '-' + std::string(type)];
      message.tag = event.tag;
      message.type = type;
      message.targets += message.targets.empty() ? "\"" : ",\"";
      append_json_escaped(message.targets, event.token);
      message.targets += '"';
    }
    std::string cb = "{";
    for (const auto& [key, message] : messages) {
      cb += cb.size() > 1 ? ",\"" : "\"";
      append_json_escaped(cb, key);
      cb += R"(":{)";
      append_json_member(cb, "param", message.tag);
      append_json_member(cb, "type", whole_number(message.type).value_or(1));
      cb += R"(,"targets":[)" + message.targets + "]}";
    }
    cb += '}';
    ReceiptPost post{.headers = {{"content-type", "application/x-www-form-urlencoded"}}};
    append_form_field(post.body, "access_token", secret.key);
    append_form_field(post.body, "cb", cb);
    return std::vector{std::move(post)};
  }

  Result<void> teach(const json& credentials) override {
    JsonFields fields(credentials, "$");
    const json* apps = fields.array("apps");
    const json* tokens = fields.array("tokens");
    if (auto done = fields.finish(); !done) return done;
    std::vector<std::pair<std::string, std::string>> new_apps;
    std::vector<std::string> no_private;
    std::vector<std::pair<std::string, std::int64_t>> per_device;
    for (std::size_t i = 0; apps && i < apps->size(); ++i) {
      JsonFields app((*apps)[i], "$.apps[" + std::to_string(i) + "]");
      std::string id = app.required_text("app_id");
      std::string secret = app.required_text("app_secret");
      if (app.flag("no_private")) no_private.push_back(id);
      if (const auto most = app.integer("public_per_device", 1, kPerDeviceMax)) per_device.emplace_back(id, *most);
      if (auto done = app.finish(); !done) return done;
      new_apps.emplace_back(std::move(id), std::move(secret));
    }
    auto devices = known_.devices.read(tokens, options_.tokens_known_max);
    if (!devices) return std::unexpected(devices.error());
    known_.devices.add(std::move(*devices));
    for (auto& [id, secret] : new_apps) {
      known_.no_private.erase(id);
      known_.public_per_device.erase(id);
      known_.apps.insert_or_assign(std::move(id), std::move(secret));
    }
    known_.no_private.insert(no_private.begin(), no_private.end());
    known_.public_per_device.insert(per_device.begin(), per_device.end());
    return {};
  }

  void forget() override {
    known_ = {.accept_any = options_.accept_any};
    state_.folding.clear();
    state_.days.clear();
    state_.tasks.clear();
    state_.tasks_order.clear();
  }

 private:
  SimulatorOptions options_;
  std::string seed_;  // so that ids differ between two runs
  std::uint64_t answers_ = 20'000;
  meizu::Knowledge known_;
  WallTime now_{};  // of the last request
  /// A device is sent a message once the answer says so: a script may have refused it before.
  mutable meizu::State state_;
};

}  // namespace

std::unique_ptr<VendorSimulator> make_meizu_simulator(const SimulatorOptions& options) {
  return std::make_unique<MeizuSimulator>(options);
}

}  // namespace nightpost::sandbox
