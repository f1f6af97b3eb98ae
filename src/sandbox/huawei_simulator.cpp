#include "sandbox/huawei_simulator.h"

#include <algorithm>
#include <cctype>
#include <random>

#include "core/text.h"
#include "core/uuid.h"
#include "sandbox/field_text.h"
#include "sandbox/huawei_accounts.h"
#include "sandbox/huawei_answer.h"
#include "sandbox/huawei_message.h"
#include "sandbox/huawei_receipt.h"
#include "sandbox/json_fields.h"
#include "sandbox/request_parts.h"
#include "sandbox/taught_devices.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr std::string_view kTokenPath = "/oauth2/v3/token";
constexpr std::string_view kSend = "/messages:send";
constexpr std::size_t kTokenBytesMax = 4096;
constexpr int kV3 = 3;
constexpr std::string_view kMuted = "6";  // receipts: notifications are off

/// "/v2/7364/messages:send" → (2, "7364"); 0: no such address.
std::pair<int, std::string_view> parts_of(std::string_view path) {
  if (path.size() < 5 || !path.starts_with("/v") || path[2] < '1' || path[2] > '3' || path[3] != '/' ||
      !path.ends_with(kSend))
    return {0, {}};
  const std::string_view id = path.substr(4, path.size() - 4 - std::min(path.size() - 4, kSend.size()));
  if (id.empty() || id.contains('/')) return {0, {}};
  return {path[2] - '0', id};
}

bool is_token_form(std::string_view token) {
  return token.size() <= kTokenBytesMax && std::ranges::all_of(token, [](unsigned char c) {
           return std::isalnum(c) || std::string_view("-_.:+/=|").contains(static_cast<char>(c));
         });
}

class HuaweiSimulator final : public VendorSimulator {
 public:
  explicit HuaweiSimulator(const SimulatorOptions& options)
      : options_(options), accounts_(options.accept_any), seed_(std::to_string(std::random_device()())) {}

  Judgement judge(const server::ServerRequest& request, WallTime now) override {
    const std::string_view path = path_of(request);
    if (path == kTokenPath && request.method == "POST") {
      huawei::Accounts::Reply reply = accounts_.grant(request, apps_, now);
      return {.status = reply.status,
              .reason = std::move(reply.error),
              .push = false,
              .authorized = reply.status == 200,
              .body = std::move(reply.body)};
    }
    const auto [version, id] = parts_of(path);
    if (version == 0 || request.method != "POST") {
      return {.status = request.method == "POST" ? 404 : 405,
              .reason = "404",
              .detail = "no such address: POST /oauth2/v3/token or /v1|v2|v3/{id}/messages:send",
              .push = false,
              .body = "{}"};
    }
    Judgement judgement{.topic = std::string(id), .id = std::to_string(to_ms(now)) + std::to_string(++requests_)};
    judgement.variant = version;
    if (auto refusal = judge_send(request, now, judgement)) {
      judgement.status = huawei::status_of(refusal->code);
      judgement.reason = refusal->code;
      judgement.detail = std::move(refusal->detail);
    }
    return judgement;
  }

  server::ServerResponse answer(const Judgement& judgement) const override {
    if (!judgement.body.empty())
      return {.status = judgement.status, .headers = {{"content-type", "application/json"}}, .body = judgement.body};
    if (judgement.accepted()) return huawei::outcome_of(judgement);
    return huawei::answer_of(judgement.status, judgement.reason, utf8_repaired(judgement.detail), judgement.id);
  }

  server::ServerResponse answer(const Judgement& judgement, const ScriptedAnswer& scripted) const override {
    if (scripted.reason.empty() && scripted.status == 200) return answer(judgement);
    server::ServerResponse response{
        .status = scripted.status, .headers = {{"content-type", "application/json"}}, .body = {}};
    if (!judgement.push) {
      response.body = R"({"error":1101,"sub_error":)" + std::to_string(whole_number(scripted.reason).value_or(20003)) +
                      R"(,"error_description":"scripted"})";
    } else if (!scripted.reason.empty()) {
      response = huawei::answer_of(scripted.status, utf8_repaired(scripted.reason), "", judgement.id);
    }
    if (scripted.retry_after_s) response.headers.emplace_back("retry-after", std::to_string(*scripted.retry_after_s));
    return response;
  }

  bool tells(const Judgement& judgement, std::string_view reason) const noexcept override {
    return !judgement.tokens.empty() && huawei::tells(judgement.variant, reason);
  }

  Result<void> teach(const json& credentials) override {
    JsonFields fields(credentials, "$");
    const json* apps = fields.array("apps");
    const json* accounts = fields.array("service_accounts");
    const json* static_tokens = fields.array("access_tokens");
    const json* tokens = fields.array("tokens");
    if (static_tokens && !std::ranges::all_of(*static_tokens, [](const json& one) { return one.is_string(); }))
      fields.fault("access_tokens", "not an array of strings");
    if (auto done = fields.finish(); !done) return done;
    auto new_apps = Apps::read(apps);
    if (!new_apps) return std::unexpected(new_apps.error());
    auto new_accounts = huawei::Accounts::read(accounts);
    if (!new_accounts) return std::unexpected(new_accounts.error());
    auto new_devices = devices_.read(tokens, options_.tokens_known_max);
    if (!new_devices) return std::unexpected(new_devices.error());
    apps_.add(std::move(*new_apps));
    accounts_.add(std::move(*new_accounts));
    devices_.add(std::move(*new_devices));
    for (std::size_t i = 0; static_tokens && i < static_tokens->size(); ++i)
      accounts_.add_static((*static_tokens)[i].get<std::string>());
    return {};
  }

  void forget() override {
    apps_.clear();
    accounts_.clear();
    devices_.clear();
  }

  bool has_receipts() const noexcept override { return true; }

  Result<std::vector<ReceiptPost>> receipts(std::span<const ReceiptEvent> events, const ReceiptSecret& secret,
                                            WallTime now) override {
    std::vector<ReceiptPost> posts;
    for (std::size_t first = 0; first < events.size(); first += huawei::kReceiptEntriesMax) {
      std::string body = R"({"statuses":[)";
      for (const ReceiptEvent& event :
           events.subspan(first, std::min(huawei::kReceiptEntriesMax, events.size() - first))) {
        const Device* device = devices_.find(event.token);
        const std::string_view status = !event.status.empty()     ? event.status
                                        : device && device->muted ? kMuted
                                                                  : std::string_view("0");
        if (const auto number = whole_number(status); !number || *number < 0 || *number > 9999)
          return fail(Errc::Malformed, "$.status: not a number of Huawei's");
        const App* app = event.variant == 1 ? apps_.by_id(event.app) : apps_.by_project(event.app);
        ReceiptEvent known = event;
        if (app) known.app = app->id;
        huawei::append_entry(body, known, status, app ? app->package : "", now);
      }
      ReceiptPost post{.headers = {{"content-type", "application/json; charset=UTF-8"}}, .body = body + "]}"};
      if (!secret.user.empty() && !secret.key.empty())
        post.headers.emplace_back("x-huawei-callback-id",
                                  huawei::callback_id(secret, to_ms(now), uuid_of({seed_, std::to_string(++nonces_)})));
      posts.push_back(std::move(post));
    }
    return posts;
  }

 private:
  /// The app that `id` in the path names, and whether the caller may push for it.
  std::optional<huawei::Refusal> judge_caller(const server::ServerRequest& request, const Judgement& judgement,
                                              WallTime now, App*& app) {
    const auto caller = accounts_.caller_of(header_of(request, "authorization").value_or(""), now);
    if (!caller.refusal.empty()) return huawei::Refusal{caller.refusal};
    const int version = judgement.variant;
    if (version == kV3 && !caller.by_jwt)
      return huawei::Refusal{huawei::kNotAuthenticated, "v3 takes a service account's token only"};
    app = version == 1 ? apps_.by_id(judgement.topic) : apps_.by_project(judgement.topic);
    if (caller.owner.empty())
      return app || options_.accept_any ? std::nullopt : std::optional(huawei::Refusal{huawei::kNoPermission});
    if (caller.by_jwt) {
      const std::string& project = version == 1 && app ? app->project_id : judgement.topic;
      if (caller.owner != project) return huawei::Refusal{huawei::kNoPermission};
      return std::nullopt;
    }
    if (version == 1) {
      if (caller.owner != judgement.topic) return huawei::Refusal{huawei::kNotAuthenticated};
      return std::nullopt;
    }
    const App* own = apps_.by_client(caller.owner);
    if (own ? own->project_id != judgement.topic : app != nullptr) return huawei::Refusal{huawei::kNoPermission};
    return std::nullopt;
  }

  std::optional<huawei::Refusal> judge_send(const server::ServerRequest& request, WallTime now, Judgement& judgement) {
    App* app = nullptr;
    if (auto refusal = judge_caller(request, judgement, now, app)) return refusal;
    judgement.authorized = true;
    if (!has_media_type(request, kJsonType)) return huawei::Refusal{huawei::kStructure, "not application/json"};
    huawei::Message message = judgement.variant == kV3
                                  ? huawei::read_v3(request.body, header_of(request, "push-type").value_or(""), parser_)
                                  : huawei::read_v1(request.body, parser_);
    judgement.tokens.reserve(message.tokens.size());
    for (const std::string_view token : message.tokens) judgement.tokens.push_back({.token = token, .reason = {}});
    if (message.refusal) return std::move(message.refusal);
    if (app && message.high_priority && !app->high_priority) return huawei::Refusal{huawei::kNoHighPriority};
    if (app && !message.receipt_id.empty() && !app->receipt_ids.empty() &&
        std::ranges::find(app->receipt_ids, message.receipt_id) == app->receipt_ids.end())
      return huawei::Refusal{huawei::kReceiptUrl};
    if (app && !app->spend(static_cast<std::int64_t>(message.tokens.size()), now))
      return huawei::Refusal{huawei::kFlowControl, "more devices a second than the app may have"};
    judgement.tag = message.bi_tag;
    judgement.receipts = !message.validate_only;
    for (TokenVerdict& one : judgement.tokens) {
      const bool foreign = is_foreign(one.token, judgement, app);
      if (foreign && judgement.variant != kV3) return huawei::Refusal{huawei::kNoPermission, "another app's token"};
      one.reason = foreign ? std::string_view("noRight") : refusal_of(one.token, judgement);
    }
    return std::nullopt;
  }

  /// v1 and v2 have one word for all of it.
  std::string_view refusal_of(std::string_view token, const Judgement& judgement) const {
    const std::string_view word = judgement.variant == kV3 ? "tokenFormatError" : "illegal_tokens";
    if (!is_token_form(token)) return word;
    const Device* device = devices_.find(token);
    if (!device) return options_.accept_any ? std::string_view() : word;
    const std::string_view api = judgement.variant == kV3 ? "v3" : "v1";
    if (!device->api.empty() && device->api != api) return judgement.variant == kV3 ? "tokenPlatformNotSupport" : word;
    return device->gone ? word : std::string_view();
  }

  bool is_foreign(std::string_view token, const Judgement& judgement, const App* app) const {
    const Device* device = devices_.find(token);
    return device && !device->app.empty() && device->app != judgement.topic &&
           !(app && (device->app == app->id || device->app == app->project_id));
  }

  SimulatorOptions options_;
  Apps apps_;
  huawei::Accounts accounts_;
  TaughtDevices devices_;
  simdjson::dom::parser parser_;
  std::string seed_;  // so that nonces differ between two runs
  std::uint64_t requests_ = 0;
  std::uint64_t nonces_ = 0;
};

}  // namespace

std::unique_ptr<VendorSimulator> make_huawei_simulator(const SimulatorOptions& options) {
  return std::make_unique<HuaweiSimulator>(options);
}

}  // namespace nightpost::sandbox
