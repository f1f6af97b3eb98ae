#include "sandbox/xiaomi_simulator.h"

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "core/text.h"
#include "core/uuid.h"
#include "sandbox/field_text.h"
#include "sandbox/json_fields.h"
#include "sandbox/xiaomi_verifier.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;
using xiaomi::Api;

struct Words {
  std::string_view code;
  std::string_view reason;
  std::string_view description;
};
constexpr std::array kWords = {
    Words{"10001", "System error.", "系统错误"},
    Words{"10005", "No permission.", "权限不足"},
    Words{"10008", "Parameter error.", "参数错误"},
    Words{"10012", "Illegal request.", "非法请求"},
    Words{"10016", "Missing required parameter.", "缺少必选参数"},
    Words{"10017", "Parameter value is illegal.", "参数值非法"},
    Words{"10024", "API call frequency exceeds the limit.", "接口访问频次超过上限"},
    Words{"200001", "exceed quota, quota: 10000, have acked: 10000", "超过当日发送配额"},
    Words{"200002", "exceed QPS quota.", "超过QPS限制"},
    Words{"20301", "No valid targets!", "发送消息失败"},
    Words{"21301", "Invalid application secret.", "认证失败"},
    Words{"22022", "Package name does not belong to the app.", "包名不合法"},
    Words{"22103", "Notify id is illegal.", "notify_id不合法"},
    Words{"27001", "Channel info mismatch.", "通知类别信息不匹配"},
    Words{"65009", "Content is too long.", "内容过长"},
    Words{"65014", "Too many extra pairs.", "extra键值对过多"},
    Words{"65015", "Extra is too long.", "extra内容过长"},
    Words{"65036", "Callback parameter is illegal.", "callback.param不合法"},
    Words{"65037", "Callback url is too long.", "callback过长"},
    Words{"65038", "Callback url is illegal.", "callback不合法"},
};
static_assert(std::ranges::is_sorted(kWords, {}, &Words::code));

constexpr std::array<std::string_view, 7> kReceiptTypes = {"1", "1024", "128", "16", "2", "32", "64"};
static_assert(std::ranges::is_sorted(kReceiptTypes));

Result<std::pair<std::string, xiaomi::App>> read_app(const json& value, const std::string& path) {
  JsonFields fields(value, path);
  std::string secret = fields.required_text("secret");
  xiaomi::App app{.package = fields.text("package").value_or(""),
                  .public_per_day = fields.integer("public_per_day", 1, INT64_MAX).value_or(0)};
  for (const auto& [key, is_public] : {std::pair("channels", false), std::pair("public_channels", true)}) {
    const json* ids = fields.array(key);
    for (std::size_t i = 0; ids && i < ids->size(); ++i)
      if ((*ids)[i].is_string())
        app.channels.emplace((*ids)[i].get<std::string>(), is_public);
      else
        fields.fault(key, "not an array of strings");
  }
  if (auto done = fields.finish(); !done) return std::unexpected(done.error());
  return std::pair(std::move(secret), std::move(app));
}

class XiaomiSimulator final : public VendorSimulator {
 public:
  explicit XiaomiSimulator(const SimulatorOptions& options)
      : options_(options), seed_(std::to_string(std::random_device()())) {
    known_.accept_any = options.accept_any;
  }

  Judgement judge(const server::ServerRequest& request, WallTime now) override {
    Judgement judgement = xiaomi::verify(request, known_, state_, now);
    judgement.id = "sdm" + hex_of({seed_, std::to_string(++answers_)}).substr(0, 18);
    return judgement;
  }

  server::ServerResponse answer(const Judgement& judgement) const override {
    if (judgement.status != 200) return {.status = judgement.status};
    if (!judgement.accepted()) return refusal(200, judgement.reason, judgement.detail);
    switch (static_cast<Api>(judgement.variant)) {
      case Api::Quota:
        return accepted(R"("day_quota":"200000","day_acked":"1203")", "");
      case Api::Validation:
        return valid_ones(judgement);
      case Api::Regids:
        return sent(judgement);
      case Api::DifferentRegids:
        return sent(judgement);
      default:
        return accepted(member("id", judgement.id), "");
    }
  }

  server::ServerResponse answer(const Judgement& judgement, const ScriptedAnswer& scripted) const override {
    if (scripted.reason.empty())
      return scripted.status == 200 ? answer(judgement) : server::ServerResponse{.status = scripted.status};
    return refusal(scripted.status, scripted.reason, "");
  }

  bool tells(const Judgement& judgement, std::string_view reason) const noexcept override {
    const auto api = static_cast<Api>(judgement.variant);
    const bool per_token = api == Api::Regids || api == Api::DifferentRegids;
    return per_token && (reason == xiaomi::kBadRegid || reason == xiaomi::kExceedsQuota);
  }

  bool has_receipts() const noexcept override { return true; }

  Result<std::vector<ReceiptPost>> receipts(std::span<const ReceiptEvent> events, const ReceiptSecret&,
                                            WallTime now) override;

  Result<void> teach(const json& credentials) override {
    JsonFields fields(credentials, "$");
    const json* apps = fields.array("apps");
    const json* tokens = fields.array("tokens");
    if (auto done = fields.finish(); !done) return done;
    std::vector<std::pair<std::string, xiaomi::App>> new_apps;
    for (std::size_t i = 0; apps && i < apps->size(); ++i) {
      auto app = read_app((*apps)[i], "$.apps[" + std::to_string(i) + "]");
      if (!app) return std::unexpected(app.error());
      new_apps.push_back(std::move(*app));
    }
    auto devices = known_.devices.read(tokens, options_.tokens_known_max);
    if (!devices) return std::unexpected(devices.error());
    known_.devices.add(std::move(*devices));
    for (auto& [secret, app] : new_apps) known_.apps.insert_or_assign(std::move(secret), std::move(app));
    return {};
  }

  void forget() override {
    known_ = {.accept_any = options_.accept_any};
    state_.quota_asked.clear();
    state_.days.clear();
  }

 private:
  static std::string member(std::string_view key, std::string_view value) {
    std::string out;
    append_json_escaped(out, value);
    return '"' + std::string(key) + R"(":")" + out + '"';
  }

  std::string trace() const { return "Xdm" + hex_of({seed_, "trace", std::to_string(answers_)}).substr(0, 18); }

  /// `data`: the inside of the object.
  server::ServerResponse accepted(std::string_view data, std::string_view info) const {
    std::string body = R"({"result":"ok",)" + member("trace_id", trace()) + R"(,"code":0,"data":{)";
    body += data;
    body += R"(},"description":"成功")";
    if (!info.empty()) body += ',' + member("info", info);
    return reply(200, body + '}');
  }

  server::ServerResponse sent(const Judgement& judgement) const {
    std::string bad;
    std::size_t exceeding = 0;
    for (const TokenVerdict& verdict : judgement.tokens) {
      if (verdict.reason == xiaomi::kExceedsQuota) ++exceeding;
      if (verdict.reason != xiaomi::kBadRegid) continue;
      if (!bad.empty()) bad += ',';
      bad += verdict.token;
    }
    const bool none =
        std::ranges::all_of(judgement.tokens, [](const auto& v) { return v.reason == xiaomi::kBadRegid; });
    if (none) return refusal(200, "20301", "");
    std::string data = member("id", judgement.id);
    if (!bad.empty()) data += ',' + member("bad_regids", bad);
    if (exceeding > 0) {
      const std::string channel = state_.channel.empty() ? "no_channel" : state_.channel;
      data += ',' + member("channel_exceed_quota", channel + ':' + std::to_string(exceeding));
    }
    return accepted(data, "Received push messages for " + std::to_string(judgement.tokens.size()) + " REGID");
  }

  server::ServerResponse valid_ones(const Judgement& judgement) const {
    std::string valid;
    for (const TokenVerdict& verdict : judgement.tokens) {
      if (!verdict.reason.empty()) continue;
      if (!valid.empty()) valid += ',';
      valid += verdict.token;
    }
    return accepted(member("valid_regids", valid), "");
  }

  /// `detail` is the sandbox's own member beside the vendor's.
  server::ServerResponse refusal(int status, std::string_view code, std::string_view detail) const {
    const auto number = whole_number(code);
    if (!number) return {.status = status, .body = std::string(code)};
    const auto known = std::ranges::lower_bound(kWords, code, {}, &Words::code);
    const bool found = known != kWords.end() && known->code == code;
    std::string body = R"({"result":"error",)" + member("reason", found ? known->reason : "Refused.");
    append_json_member(body, "trace_id", trace());
    append_json_member(body, "code", *number);
    append_json_member(body, "description", found ? known->description : "失败");
    if (!detail.empty()) append_json_member(body, "detail", utf8_repaired(detail));
    return reply(status, body + '}');
  }

  static server::ServerResponse reply(int status, std::string body) {
    return {.status = status, .headers = {{"content-type", "application/json;charset=UTF-8"}}, .body = std::move(body)};
  }

  SimulatorOptions options_;
  std::string seed_;  // so that ids differ between two runs
  std::uint64_t answers_ = 0;
  xiaomi::Knowledge known_;
  xiaomi::State state_;
};

/// One form a type, since a message id is a key and can stand in a body once.
Result<std::vector<ReceiptPost>> XiaomiSimulator::receipts(std::span<const ReceiptEvent> events, const ReceiptSecret&,
                                                           WallTime now) {
  struct Message {
    std::string_view tag;
    std::string targets;
  };
  std::map<std::string_view, std::map<std::string_view, Message>> by_type;
  for (const ReceiptEvent& event : events) {
    const std::string_view type = event.status.empty() ? "1" : event.status;
    if (!std::ranges::binary_search(kReceiptTypes, type))
      return fail(Errc::Malformed, "status: not 1, 2, 16, 32, 64, 128 or 1024");
    Message& message = by_type[type][event.id];
    message.tag = event.tag;
    if (!message.targets.empty()) message.targets += ',';
    message.targets += event.token;
  }
  std::vector<ReceiptPost> posts;
  for (const auto& [type, messages] : by_type) {
    std::string data = "{";
    for (const auto& [id, message] : messages) {
      if (data.size() > 1) data += ',';
      data += '"';
      append_json_escaped(data, id);
      data += R"(":{)";
      append_json_member(data, "param", message.tag);
      append_json_member(data, "type", whole_number(type).value_or(1));
      append_json_member(data, "targets", message.targets);
      append_json_member(data, "jobkey", "");
      append_json_member(data, "barStatus", type == "32" ? "Disable" : "Enable");
      if (type == "16") append_json_member(data, "errorCode", 1);
      append_json_member(data, "timestamp", to_ms(now));
      data += '}';
    }
    data += '}';
    ReceiptPost post{.headers = {{"content-type", "application/x-www-form-urlencoded"}}};
    append_form_field(post.body, "data", data);
    posts.push_back(std::move(post));
  }
  return posts;
}

}  // namespace

std::unique_ptr<VendorSimulator> make_xiaomi_simulator(const SimulatorOptions& options) {
  return std::make_unique<XiaomiSimulator>(options);
}

}  // namespace nightpost::sandbox
