#include "sandbox/honor_simulator.h"

#include <algorithm>
#include <array>
#include <random>

#include "core/text.h"
#include "core/uuid.h"
#include "sandbox/client_secrets.h"
#include "sandbox/field_text.h"
#include "sandbox/form_fields.h"
#include "sandbox/grant_book.h"
#include "sandbox/honor_message.h"
#include "sandbox/huawei_receipt.h"
#include "sandbox/json_fields.h"
#include "sandbox/request_parts.h"
#include "sandbox/taught_devices.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr std::string_view kTokenPaths[] = {"/auth/token", "/auth/realms/developer/protocol/openid-connect/token"};
constexpr std::string_view kApi = "/api/v1/";
constexpr std::string_view kSend = "/sendMessage";
constexpr seconds kGrantLifetime{3600};
constexpr std::size_t kTimestampDigits = 13;  // milliseconds, until the year 2286
constexpr std::string_view kExpired = "expireTokens";
constexpr std::string_view kFailed = "failTokens";
constexpr std::string_view kMuted = "6";

// Codes by family resemblance to Huawei's (spec §4.3): Honor's own are not public.
constexpr std::string_view kParameter = "80100001";
constexpr std::string_view kStructure = "80100003";
constexpr std::string_view kNotAuthenticated = "80200001";
constexpr std::string_view kTokenExpired = "80200003";
constexpr std::string_view kNoPermission = "80300002";
constexpr std::string_view kFlowControl = "503";

int status_of(std::string_view code) {
  if (code == kFlowControl) return 503;
  if (code.starts_with("8020")) return 401;
  return code == kNoPermission ? 403 : 400;
}

server::ServerResponse json_response(int status, std::string body) {
  return {.status = status, .headers = {{"content-type", "application/json;charset=UTF-8"}}, .body = std::move(body)};
}

class HonorSimulator final : public VendorSimulator {
 public:
  explicit HonorSimulator(const SimulatorOptions& options)
      : options_(options), seed_(std::to_string(std::random_device()())) {}

  Judgement judge(const server::ServerRequest& request, WallTime now) override {
    const std::string_view path = path_of(request);
    if (request.method == "POST" && std::ranges::find(kTokenPaths, path) != std::end(kTokenPaths))
      return judge_grant(request, now);
    Judgement judgement{.id = "h-" + hex_of({seed_, std::to_string(++requests_)}).substr(0, 24)};
    if (request.method != "POST" || !path.starts_with(kApi) || !path.ends_with(kSend) ||
        path.size() <= kApi.size() + kSend.size()) {
      judgement.push = false;
      judgement.status = 404;
      judgement.reason = "404";
      judgement.detail = "no such address: POST /auth/token or /api/v1/{appId}/sendMessage";
      return judgement;
    }
    judgement.topic = path.substr(kApi.size(), path.size() - kApi.size() - kSend.size());
    if (auto refusal = judge_send(request, now, judgement)) {
      judgement.status = status_of(refusal->code);
      judgement.reason = refusal->code;
      judgement.detail = std::move(refusal->detail);
    }
    return judgement;
  }

  server::ServerResponse answer(const Judgement& judgement) const override {
    if (!judgement.body.empty()) return json_response(judgement.status, judgement.body);
    if (!judgement.accepted()) return refusal(judgement.status, judgement.reason, judgement.detail);
    std::string failed, expired;
    for (const TokenVerdict& one : judgement.tokens) {
      if (one.reason.empty()) continue;
      std::string& list = one.reason == kFailed ? failed : expired;
      list += list.empty() ? "\"" : ",\"";
      append_json_escaped(list, one.token);
      list += '"';
    }
    std::string body = R"({"code":200,"message":"success","data":{"sendResult":true)";
    append_json_member(body, "requestId", judgement.id);
    body += ",\"failTokens\":[" + failed + "],\"expireTokens\":[" + expired + "]}}";
    return json_response(200, std::move(body));
  }

  server::ServerResponse answer(const Judgement& judgement, const ScriptedAnswer& scripted) const override {
    if (scripted.reason.empty() && scripted.status == 200) return answer(judgement);
    server::ServerResponse response = judgement.push ? refusal(scripted.status, scripted.reason, "")
                                                     : oauth_refusal(scripted.status, scripted.reason, "scripted");
    if (scripted.reason == "sendResult")
      response.body = R"({"code":200,"message":"success","data":{"sendResult":false,"requestId":")" + judgement.id +
                      R"(","failTokens":[],"expireTokens":[]}})";
    if (scripted.retry_after_s) response.headers.emplace_back("retry-after", std::to_string(*scripted.retry_after_s));
    return response;
  }

  bool tells(const Judgement& judgement, std::string_view reason) const noexcept override {
    return !judgement.tokens.empty() && (reason == kExpired || reason == kFailed);
  }

  Result<void> teach(const json& credentials) override {
    JsonFields fields(credentials, "$");
    const json* apps = fields.array("apps");
    const json* static_tokens = fields.array("access_tokens");
    const json* tokens = fields.array("tokens");
    if (static_tokens && !std::ranges::all_of(*static_tokens, [](const json& one) { return one.is_string(); }))
      fields.fault("access_tokens", "not an array of strings");
    if (auto done = fields.finish(); !done) return done;
    auto new_apps = Apps::read(apps);
    if (!new_apps) return std::unexpected(new_apps.error());
    auto new_devices = devices_.read(tokens, options_.tokens_known_max);
    if (!new_devices) return std::unexpected(new_devices.error());
    apps_.add(std::move(*new_apps));
    devices_.add(std::move(*new_devices));
    for (std::size_t i = 0; static_tokens && i < static_tokens->size(); ++i)
      static_.push_back((*static_tokens)[i].get<std::string>());
    return {};
  }

  void forget() override {
    apps_.clear();
    devices_.clear();
    grants_.clear();
    static_.clear();
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
          return fail(Errc::Malformed, "$.status: not a number");
        huawei::append_entry(body, event, status, "", now);
      }
      ReceiptPost post{.headers = {{"content-type", "application/json; charset=UTF-8"}}, .body = body + "]}"};
      if (!secret.user.empty() && !secret.key.empty())
        post.headers.emplace_back(
            "x-huawei-callback-id",
            huawei::callback_id(secret, to_ms(now), uuid_of({seed_, "nonce", std::to_string(++nonces_)})));
      posts.push_back(std::move(post));
    }
    return posts;
  }

 private:
  /// `{"code", "message"}`: a number as Honor writes it, if it is one.
  static server::ServerResponse refusal(int status, std::string_view code, std::string_view message) {
    std::string body = "{";
    if (const auto number = whole_number(code)) {
      append_json_member(body, "code", *number);
    } else {
      append_json_member(body, "code", code.empty() ? std::to_string(status) : utf8_repaired(code));
    }
    append_json_member(body, "message", message.empty() ? "request refused" : utf8_repaired(message));
    return json_response(status, body + '}');
  }

  static server::ServerResponse oauth_refusal(int status, std::string_view error, std::string_view description) {
    std::string body = "{";
    append_json_member(body, "error", utf8_repaired(error));
    append_json_member(body, "error_description", description);
    return json_response(status, body + '}');
  }

  Judgement judge_grant(const server::ServerRequest& request, WallTime now) {
    Judgement judgement{.push = false};
    const auto refuse = [&](int status, std::string_view error, std::string_view description) {
      judgement.status = status;
      judgement.reason = error;
      judgement.body = oauth_refusal(status, error, description).body;
      return judgement;
    };
    const auto form = FormFields::parse(request.body);
    if (!form || !has_media_type(request, kFormType)) return refuse(400, "invalid_request", "not a form");
    if (form->value("grant_type") != "client_credentials")
      return refuse(400, "unsupported_grant_type", "grant_type is not client_credentials");
    const std::string client(form->value("client_id"));
    const std::string_view secret = form->value("client_secret");
    if (client.empty()) return refuse(400, "invalid_request", "client_id is missing");
    const App* app = apps_.by_client(client);
    if (!app && !options_.accept_any) return refuse(401, "invalid_client", "Invalid client credentials");
    if (secret.empty() || (app && app->client_secret != secret))
      return refuse(401, "unauthorized_client", "Invalid client secret");
    judgement.authorized = true;
    judgement.body = "{";
    append_json_member(judgement.body, "access_token",
                       grants_.issue("ey", {.owner = app ? app->id : "", .expires = now + kGrantLifetime}));
    append_json_member(judgement.body, "expires_in", kGrantLifetime.count());
    append_json_member(judgement.body, "token_type", "Bearer");
    judgement.body += '}';
    return judgement;
  }

  std::optional<honor::Refusal> judge_caller(std::string_view authorization, WallTime now,
                                             std::string_view app_id) const {
    const std::string_view token = bearer_token(authorization);
    if (token.empty()) return honor::Refusal{kNotAuthenticated, "authorization: not one Bearer token"};
    if (const GrantBook::Grant* grant = grants_.find(token)) {
      if (grant->expires <= now) return honor::Refusal{kTokenExpired, "the access token expired"};
      if (!grant->owner.empty() && grant->owner != app_id)
        return honor::Refusal{kNoPermission, "the access token is another app's"};
      return std::nullopt;
    }
    if (options_.accept_any || std::ranges::find(static_, token) != static_.end()) return std::nullopt;
    return honor::Refusal{kNotAuthenticated, "no such access token"};
  }

  std::optional<honor::Refusal> judge_send(const server::ServerRequest& request, WallTime now, Judgement& judgement) {
    if (auto refusal = judge_caller(header_of(request, "authorization").value_or(""), now, judgement.topic))
      return refusal;
    judgement.authorized = true;
    App* app = apps_.by_id(judgement.topic);
    if (!app && !options_.accept_any) return honor::Refusal{kNoPermission, "no such app"};
    const std::string_view timestamp = header_of(request, "timestamp").value_or("");
    if (!whole_number(timestamp) || timestamp.size() != kTimestampDigits)
      return honor::Refusal{kParameter, "timestamp: the header is missing or not in milliseconds"};
    if (!has_media_type(request, kJsonType)) return honor::Refusal{kStructure, "not application/json"};
    honor::Message message = honor::read_message(request.body, parser_);
    judgement.tokens.reserve(message.tokens.size());
    for (const std::string_view token : message.tokens) judgement.tokens.push_back({.token = token, .reason = {}});
    if (message.refusal) return std::move(message.refusal);
    if (app && !app->spend(static_cast<std::int64_t>(message.tokens.size()), now))
      return honor::Refusal{kFlowControl, "more devices a second than the app may have"};
    judgement.tag = message.bi_tag;
    for (TokenVerdict& one : judgement.tokens) {
      const Device* device = devices_.find(one.token);
      if (device ? device->gone : !options_.accept_any) {
        one.reason = kExpired;
      } else if (device && !device->app.empty() && device->app != judgement.topic) {
        one.reason = kFailed;
      }
    }
    return std::nullopt;
  }

  SimulatorOptions options_;
  Apps apps_;
  TaughtDevices devices_;
  GrantBook grants_;
  std::vector<std::string> static_;
  simdjson::dom::parser parser_;
  std::string seed_;  // so that ids differ between two runs
  std::uint64_t requests_ = 0;
  std::uint64_t nonces_ = 0;
};

}  // namespace

std::unique_ptr<VendorSimulator> make_honor_simulator(const SimulatorOptions& options) {
  return std::make_unique<HonorSimulator>(options);
}

}  // namespace nightpost::sandbox
