#include "sandbox/oppo_simulator.h"

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "core/text.h"
#include "core/uuid.h"
#include "sandbox/field_text.h"
#include "sandbox/json_fields.h"
#include "sandbox/oppo_verifier.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;
using oppo::Api;

struct Words {
  std::string_view code;
  std::string_view message;
};
constexpr std::array kWords = {
    Words{"-1", "Service Currently Unavailable"},
    Words{"-2", "Service in Flow Control"},
    Words{"10000", "registration_id is invalid"},
    Words{"10001", "registration_id has unsubscribed"},
    Words{"10004", "registration_id is repeated"},
    Words{"11", "Invalid Auth Token"},
    Words{"12", "Http Action Not Allowed"},
    Words{"13", "App Call Limited"},
    Words{"14", "Invalid App Key"},
    Words{"15", "Missing App Key"},
    Words{"16", "Invalid Signature"},
    Words{"17", "Missing Signature"},
    Words{"18", "Missing Timestamp"},
    Words{"19", "Invalid Timestamp"},
    Words{"25", "Invalid Encoding"},
    Words{"28", "App is Disabled"},
    Words{"29", "Missing Auth Token"},
    Words{"31", "No Data"},
    Words{"33", "Daily Message Limit Exceeded"},
    Words{"34", "Daily Upload Limit Exceeded"},
    Words{"40", "Missing Required Arguments"},
    Words{"41", "Invalid Arguments"},
    Words{"54", "Missing private_msg_template_id"},
    Words{"67", "Invalid category or notify_level"},
};
static_assert(std::ranges::is_sorted(kWords, {}, &Words::code));

constexpr std::array<std::string_view, 3> kEventTypes = {"push_arrive", "regid_invalid", "user_daily_limit"};

std::string_view words_for(std::string_view code) {
  const auto known = std::ranges::lower_bound(kWords, code, {}, &Words::code);
  return known != kWords.end() && known->code == code ? known->message : "Refused";
}

/// What belongs to one device, by the vendor's numbering.
bool is_of_token(std::string_view code) {
  const auto number = whole_number(code);
  return number && *number >= 10'000 && *number <= 20'000;
}

server::ServerResponse reply(int status, std::string body) {
  return {.status = status, .headers = {{"content-type", "application/json;charset=UTF-8"}}, .body = std::move(body)};
}

/// `data`: the value, ready.
server::ServerResponse accepted(std::string_view data) {
  return reply(200, R"({"code":0,"message":"success","data":)" + std::string(data) + '}');
}

/// `detail` is the sandbox's own member beside the vendor's.
server::ServerResponse refusal(int status, std::string_view code, std::string_view detail) {
  const auto number = whole_number(code);
  if (!number) return {.status = status, .body = std::string(code)};
  std::string body = "{";
  append_json_member(body, "code", *number);
  append_json_member(body, "message", words_for(code));
  if (!detail.empty()) append_json_member(body, "detail", utf8_repaired(detail));
  return reply(status, body + '}');
}

/// Each device of a batch has a message of its own.
std::string message_of(std::string_view id, std::string_view token) { return hex_of({id, token}).substr(0, 24); }

server::ServerResponse batch_answer(const Judgement& judgement) {
  std::string data = "[";
  for (const auto& [token, reason, tag, receipts] : judgement.tokens) {
    if (data.size() > 1) data += ',';
    data += '{';
    if (reason.empty()) append_json_member(data, "messageId", message_of(judgement.id, token));
    append_json_member(data, "registrationId", token);
    if (!reason.empty()) {
      append_json_member(data, "errorCode", whole_number(reason).value_or(-1));
      append_json_member(data, "errorMessage", words_for(reason));
    }
    data += '}';
  }
  return accepted(data + ']');
}

/// Every member whose name is a number lists the ids refused with it.
server::ServerResponse broadcast_answer(const Judgement& judgement) {
  std::map<std::string_view, std::string> refused;
  for (const TokenVerdict& verdict : judgement.tokens) {
    if (verdict.reason.empty()) continue;
    std::string& ids = refused[verdict.reason];
    ids += ids.empty() ? "\"" : ",\"";
    append_json_escaped(ids, verdict.token);
    ids += '"';
  }
  std::string data = "{";
  append_json_member(data, "message_id", judgement.id.substr(0, judgement.id.find('-')));
  append_json_member(data, "task_id", judgement.id);
  for (const auto& [code, ids] : refused) {
    data += ",\"";
    data += code;
    data += "\":[";
    data += ids;
    data += ']';
  }
  append_json_member(data, "status", "call_success");
  return accepted(data + '}');
}

class OppoSimulator final : public VendorSimulator {
 public:
  explicit OppoSimulator(const SimulatorOptions& options)
      : options_(options), seed_(std::to_string(std::random_device()())) {
    known_.accept_any = options.accept_any;
  }

  Judgement judge(const server::ServerRequest& request, WallTime now) override {
    next_ = 0;
    return oppo::verify(request, known_, state_, hex_of({seed_, std::to_string(++answers_)}).substr(0, 24), now);
  }

  server::ServerResponse answer(const Judgement& judgement) const override {
    if (judgement.status != 200) return {.status = judgement.status};
    if (!judgement.accepted()) return refusal(200, judgement.reason, judgement.detail);
    switch (static_cast<Api>(judgement.variant)) {
      case Api::Auth:
        return reply(200, judgement.body);
      case Api::UnicastBatch:
        return batch_answer(judgement);
      case Api::Broadcast:
        return broadcast_answer(judgement);
      case Api::Save:
        return accepted(R"({"message_id":")" + judgement.id + "\"}");
      default:
        break;
    }
    if (!judgement.tokens.empty() && !judgement.tokens[0].reason.empty())
      return refusal(200, judgement.tokens[0].reason, "");
    return accepted(R"({"messageId":")" + judgement.id + "\"}");
  }

  server::ServerResponse answer(const Judgement& judgement, const ScriptedAnswer& scripted) const override {
    if (!scripted.reason.empty()) return refusal(scripted.status, scripted.reason, "");
    return scripted.status == 200 ? answer(judgement) : server::ServerResponse{.status = scripted.status};
  }

  bool tells(const Judgement& judgement, std::string_view reason) const noexcept override {
    return !judgement.tokens.empty() && is_of_token(reason);
  }

  bool has_receipts() const noexcept override { return true; }

  Result<std::vector<ReceiptPost>> receipts(std::span<const ReceiptEvent> events, const ReceiptSecret&,
                                            WallTime now) override {
    ReceiptPost post{.headers = {{"content-type", "application/json;charset=UTF-8"}}, .body = "["};
    for (const ReceiptEvent& event : events) {
      const std::string_view type = event.status.empty() ? kEventTypes[0] : event.status;
      if (std::ranges::find(kEventTypes, type) == kEventTypes.end())
        return fail(Errc::Malformed, "status: not push_arrive, regid_invalid or user_daily_limit");
      note_delivery(event);
      const bool batch = event.variant == static_cast<int>(Api::UnicastBatch);
      const std::string task = batch ? message_of(event.id, event.token) : std::string(event.id);
      post.body += post.body.size() > 1 ? ",{" : "{";
      append_json_member(post.body, "messageId", task.substr(0, task.find('-')));
      append_json_member(post.body, "appId", event.app);
      append_json_member(post.body, "taskId", task);
      append_json_member(post.body, "registrationIds", event.token);
      append_json_member(post.body, "eventTime", std::to_string(to_ms(now)));
      append_json_member(post.body, "param", event.tag);
      append_json_member(post.body, "eventType", type);
      post.body += '}';
    }
    post.body += ']';
    return std::vector{std::move(post)};
  }

  Result<void> teach(const json& credentials) override {
    JsonFields fields(credentials, "$");
    const json* apps = fields.array("apps");
    const json* tokens = fields.array("tokens");
    if (auto done = fields.finish(); !done) return done;
    std::vector<std::pair<std::string, oppo::App>> new_apps;
    for (std::size_t i = 0; apps && i < apps->size(); ++i) {
      JsonFields app((*apps)[i], "$.apps[" + std::to_string(i) + "]");
      std::string key = app.required_text("app_key");
      oppo::App taught{.master_secret = app.required_text("master_secret"),
                       .public_per_day = app.integer("public_per_day", 1, INT64_MAX).value_or(0),
                       .contents_per_day = app.integer("contents_per_day", 1, INT64_MAX).value_or(0)};
      if (auto done = app.finish(); !done) return done;
      new_apps.emplace_back(std::move(key), std::move(taught));
    }
    auto devices = known_.devices.read(tokens, options_.tokens_known_max);
    if (!devices) return std::unexpected(devices.error());
    known_.devices.add(std::move(*devices));
    for (auto& [key, app] : new_apps) known_.apps.insert_or_assign(std::move(key), std::move(app));
    return {};
  }

  void forget() override {
    known_ = {.accept_any = options_.accept_any};
    state_.grants.clear();
    state_.memory.clear();
    state_.days.clear();
  }

 private:
  /// A request may be refused by a script after it was judged; its devices have the message once a receipt says so.
  void note_delivery(const ReceiptEvent& event) {
    auto& underway = state_.underway;
    const auto found = std::ranges::find(underway.begin() + static_cast<std::ptrdiff_t>(next_), underway.end(),
                                         event.token, &oppo::Delivery::token);
    if (found == underway.end()) return;
    next_ = static_cast<std::size_t>(found - underway.begin());
    if (found->name != 0) state_.memory.deliver(found->name);
  }

  SimulatorOptions options_;
  std::string seed_;  // so that ids differ between two runs
  std::uint64_t answers_ = 0;
  std::size_t next_ = 0;  // in `underway`, which receipts follow in order
  oppo::Knowledge known_;
  oppo::State state_;
};

}  // namespace

std::unique_ptr<VendorSimulator> make_oppo_simulator(const SimulatorOptions& options) {
  return std::make_unique<OppoSimulator>(options);
}

}  // namespace nightpost::sandbox
