#include "sandbox/apns_simulator.h"

#include <algorithm>
#include <cctype>
#include <random>

#include "core/text.h"
#include "sandbox/apns_verifier.h"
#include "sandbox/json_fields.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr std::uint16_t kMaxConcurrentStreams = 0x3;  // RFC 9113 §6.5.2

std::string random_text() {
  std::random_device random;
  return std::to_string(random()) + std::to_string(random());
}

std::optional<Environment> read_environment(JsonFields& fields) {
  const auto name = fields.text("environment");
  const auto environment = name ? environment_from(*name) : std::nullopt;
  if (name && !environment) fields.fault("environment", "not development or production");
  return environment;
}

Result<std::pair<std::string, apns::KnownKey>> read_key(const json& value, const std::string& path) {
  JsonFields fields(value, path);
  std::string id = fields.required_text("key_id");
  apns::KnownKey known{.team_id = fields.required_text("team_id"),
                       .key = apns::read_public_key(fields.required_text("public_key_pem")),
                       .environment = read_environment(fields)};
  if (!known.key) fields.fault("public_key_pem", "not a P-256 public key in PEM");
  if (auto done = fields.finish(); !done) return std::unexpected(done.error());
  return std::pair(std::move(id), std::move(known));
}

Result<std::pair<std::string, apns::KnownToken>> read_token(const json& value, const std::string& path) {
  JsonFields fields(value, path);
  std::string token = fields.required_text("token");
  std::ranges::transform(token, token.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  apns::KnownToken known{.topic = fields.text("topic").value_or(""), .environment = read_environment(fields)};
  if (auto done = fields.finish(); !done) return std::unexpected(done.error());
  return std::pair(std::move(token), std::move(known));
}

class ApnsSimulator final : public VendorSimulator {
 public:
  explicit ApnsSimulator(const SimulatorOptions& options) : options_(options), seed_(random_text()) {
    known_.accept_any = options.accept_any;
  }

  std::uint32_t streams_max_first() const noexcept override { return 1; }
  bool asks_client_certificate() const noexcept override { return true; }
  bool takes_any_scheme() const noexcept override { return false; }
  void closed(std::uint64_t connection) override { state_.connections.erase(connection); }

  Judgement judge(const server::ServerRequest& request, WallTime now) override {
    apns::Verdict verdict = apns::verify(request, known_, state_, now);
    Judgement judgement{.status = verdict.status,
                        .reason = std::string(verdict.reason),
                        .detail = std::move(verdict.detail),
                        .tokens = {},
                        .topic = std::string(verdict.topic),
                        .authorized = verdict.authorized};
    token_ = std::move(verdict.token);
    if (!token_.empty()) judgement.tokens.push_back({token_, {}});
    const std::string made = std::to_string(++answers_);
    judgement.id = verdict.id.empty() ? uuid_of({seed_, "id", made}) : std::string(verdict.id);
    return judgement;
  }

  server::ServerResponse answer(const Judgement& judgement) const override {
    if (judgement.accepted()) return head(judgement, judgement.status);
    return refusal(judgement, {.status = judgement.status, .reason = judgement.reason}, judgement.detail);
  }

  server::ServerResponse answer(const Judgement& judgement, const ScriptedAnswer& scripted) const override {
    return scripted.reason.empty() && scripted.status == 200 ? head(judgement, 200) : refusal(judgement, scripted, "");
  }

  /// One stream until a request was authorized, then as many as there are.
  std::vector<std::pair<std::uint16_t, std::uint32_t>> settings(const server::ServerRequest& request,
                                                                const Judgement& judgement) override {
    if (!judgement.authorized || !request.http2) return {};
    if (std::exchange(state_.connections[request.connection].raised, true)) return {};
    return {{kMaxConcurrentStreams, options_.streams_max}};
  }

  Result<void> teach(const json& credentials) override {
    JsonFields fields(credentials, "$");
    const auto environment = read_environment(fields);
    const json* keys = fields.array("keys");
    const json* topics = fields.array("topics");
    const json* tokens = fields.array("tokens");
    if (tokens && tokens->size() + known_.tokens.size() > options_.tokens_known_max)
      fields.fault("tokens", "more than " + std::to_string(options_.tokens_known_max) + " in all");
    if (topics && !std::ranges::all_of(*topics, [](const json& topic) { return topic.is_string(); }))
      fields.fault("topics", "not an array of strings");
    if (auto done = fields.finish(); !done) return done;

    std::vector<std::pair<std::string, apns::KnownKey>> new_keys;
    std::vector<std::pair<std::string, apns::KnownToken>> new_tokens;
    for (std::size_t i = 0; keys && i < keys->size(); ++i) {
      auto key = read_key((*keys)[i], "$.keys[" + std::to_string(i) + "]");
      if (!key) return std::unexpected(key.error());
      new_keys.push_back(std::move(*key));
    }
    for (std::size_t i = 0; tokens && i < tokens->size(); ++i) {
      auto token = read_token((*tokens)[i], "$.tokens[" + std::to_string(i) + "]");
      if (!token) return std::unexpected(token.error());
      new_tokens.push_back(std::move(*token));
    }
    if (environment) known_.environment = *environment;
    for (auto& [id, key] : new_keys) known_.keys.insert_or_assign(std::move(id), std::move(key));
    for (auto& [text, token] : new_tokens) known_.tokens.insert_or_assign(std::move(text), std::move(token));
    for (std::size_t i = 0; topics && i < topics->size(); ++i) known_.topics.insert((*topics)[i].get<std::string>());
    ++known_.generation;
    return {};
  }

  void forget() override {
    known_ = {.accept_any = options_.accept_any, .generation = known_.generation + 1};
    state_.tokens_by_key.clear();
  }

 private:
  server::ServerResponse head(const Judgement& judgement, int status) const {
    server::ServerResponse response{.status = status, .headers = {{"apns-id", judgement.id}}};
    if (known_.environment == Environment::Development)
      response.headers.emplace_back("apns-unique-id", uuid_of({seed_, "unique", std::to_string(answers_)}));
    return response;
  }

  /// `{"reason": …}`, with `timestamp` at 410. `detail` is the sandbox's own, where Apple has no word for it.
  server::ServerResponse refusal(const Judgement& judgement, const ScriptedAnswer& why, std::string_view detail) const {
    server::ServerResponse response = head(judgement, why.status);
    response.headers.emplace_back("content-type", "application/json");
    if (why.retry_after_s) response.headers.emplace_back("retry-after", std::to_string(*why.retry_after_s));
    response.body = "{";
    append_json_member(response.body, "reason", why.reason);
    if (why.timestamp_ms) append_json_member(response.body, "timestamp", *why.timestamp_ms);
    if (!detail.empty()) append_json_member(response.body, "detail", utf8_repaired(detail));
    response.body += '}';
    return response;
  }

  SimulatorOptions options_;
  std::string seed_;  // so that ids differ between two runs
  std::uint64_t answers_ = 0;
  std::string token_;  // of the request at hand
  apns::Knowledge known_;
  apns::State state_;
};

}  // namespace

std::unique_ptr<VendorSimulator> make_apns_simulator(const SimulatorOptions& options) {
  return std::make_unique<ApnsSimulator>(options);
}

}  // namespace nightpost::sandbox
