#include "sandbox/huawei_accounts.h"

#include <algorithm>
#include <cctype>

#include "core/text.h"
#include "sandbox/form_fields.h"
#include "sandbox/huawei_answer.h"
#include "sandbox/json_fields.h"
#include "sandbox/request_parts.h"

namespace nightpost::sandbox::huawei {
namespace {

using nlohmann::json;

constexpr std::size_t kAccountsMax = 1000;
constexpr std::size_t kSeenMax = 1000;
constexpr std::size_t kRatesMax = 10'000;
constexpr std::size_t kClientIdDigitsMax = 64;
constexpr std::string_view kAudience = "https://oauth-login.cloud.huawei.com/oauth2/v3/token";
constexpr seconds kGrantLifetime{3600};
constexpr int kGrantsMax = 1000;  // an app, in
constexpr milliseconds kGrantsWindow{300'000};
constexpr std::int64_t kJwtSecondsMax = 86'400;
constexpr std::int64_t kSkewSeconds = 300;

bool is_client_id(std::string_view id) {
  return !id.empty() && id.size() <= kClientIdDigitsMax &&
         std::ranges::all_of(id, [](unsigned char c) { return std::isdigit(c); });
}

}  // namespace

Result<std::vector<ServiceAccount>> Accounts::read(const json* accounts) {
  std::vector<ServiceAccount> read;
  for (std::size_t i = 0; accounts && i < accounts->size(); ++i) {
    JsonFields fields((*accounts)[i], "$.service_accounts[" + std::to_string(i) + "]");
    ServiceAccount account{.sub_account = fields.required_text("sub_account"),
                           .key_id = fields.required_text("key_id"),
                           .project_id = fields.required_text("project_id"),
                           .key = nullptr};
    if (const auto pem = fields.text("public_key_pem")) {
      account.key = read_rsa_key(*pem);
      if (!account.key) fields.fault("public_key_pem", "not an RSA public key or certificate in PEM");
    }
    if (i >= kAccountsMax) fields.fault("sub_account", "one account too many");
    if (auto done = fields.finish(); !done) return std::unexpected(done.error());
    read.push_back(std::move(account));
  }
  return read;
}

void Accounts::add(std::vector<ServiceAccount> accounts) {
  seen_.clear();
  for (ServiceAccount& account : accounts) {
    std::erase_if(accounts_, [&](const ServiceAccount& known) {
      return known.sub_account == account.sub_account && known.key_id == account.key_id;
    });
    if (accounts_.size() < kAccountsMax) accounts_.push_back(std::move(account));
  }
}

void Accounts::clear() {
  accounts_.clear();
  static_.clear();
  grants_.clear();
  rates_.clear();
  seen_.clear();
}

bool Accounts::too_many(const std::string& client, WallTime now) {
  if (rates_.size() >= kRatesMax) rates_.clear();
  Rate& rate = rates_[client];
  if (now >= rate.since + kGrantsWindow || now < rate.since) rate = {.since = now, .given = 0};
  return ++rate.given > kGrantsMax;
}

std::optional<Accounts::Refusal> Accounts::judge(const server::ServerRequest& request, const Apps& apps, WallTime now,
                                                 std::string& client) {
  const auto form = FormFields::parse(request.body);
  if (!form || !has_media_type(request, kFormType)) return Refusal{"20001", "not a form"};
  if (form->value("grant_type") != "client_credentials")
    return Refusal{"20001", "grant_type is not client_credentials"};
  client = form->value("client_id");
  if (!is_client_id(client)) return Refusal{"20002", "invalid client_id"};
  const App* app = apps.by_client(client);
  if (!app && !accept_any_) return Refusal{"20003", "client_id is not found"};
  const std::string_view secret = form->value("client_secret");
  if (secret.empty()) return Refusal{"20171", "client_secret is empty"};
  if (app && app->client_secret != secret) return Refusal{"12304", "invalid client_secret"};
  if (too_many(client, now)) return Refusal{"20503", "too many tokens were asked for", 503};
  return std::nullopt;
}

Accounts::Reply Accounts::grant(const server::ServerRequest& request, const Apps& apps, WallTime now) {
  std::string client;
  Reply reply{.body = "{"};
  if (const auto refusal = judge(request, apps, now, client)) {
    reply.status = refusal->status;
    reply.error = "1101/" + std::string(refusal->sub_error);
    reply.body += "\"error\":1101,\"sub_error\":" + std::string(refusal->sub_error);
    append_json_member(reply.body, "error_description", refusal->description);
  } else {
    // The slash is written as some of Huawei's are: whoever does not decode it fails here and not in production.
    const std::string token = grants_.issue("DAEB/", {.owner = client, .expires = now + kGrantLifetime});
    reply.body += R"("access_token":"DAEB\/)" + token.substr(5) + '"';
    append_json_member(reply.body, "expires_in", kGrantLifetime.count());
    append_json_member(reply.body, "token_type", "Bearer");
  }
  reply.body += '}';
  return reply;
}

Accounts::Caller Accounts::judge_jwt(std::string_view text, WallTime now) {
  const std::int64_t second = to_ms(now) / 1000;
  const auto in_time = [&](const Seen& seen) { return seen.iat <= second + kSkewSeconds && second < seen.exp; };
  const std::string key(text);
  if (const auto found = seen_.find(key); found != seen_.end())
    return in_time(found->second) ? found->second.caller : Caller{kJwtInvalid, true, {}};
  const auto token = parse_rsa_token(text);
  if (!token || token->header_text("alg") != "PS256" || token->header_text("kid").empty() ||
      token->claim_text("aud") != kAudience)
    return {kJwtInvalid, true, {}};
  const auto iat = token->claim_number("iat");
  const auto exp = token->claim_number("exp");
  if (!iat || !exp || *iat < 0 || *exp <= *iat) return {kJwtInvalid, true, {}};
  if (*exp - *iat > kJwtSecondsMax) return {kJwtTooLong, true, {}};
  const std::string iss = token->claim_text("iss");
  const auto account = std::ranges::find_if(accounts_, [&](const ServiceAccount& one) {
    return one.sub_account == iss && one.key_id == token->header_text("kid");
  });
  Seen seen{.caller = {{}, true, {}}, .iat = *iat, .exp = *exp};
  if (account == accounts_.end()) {
    if (!accept_any_ || iss.empty()) return {kNotAuthenticated, true, {}};
  } else {
    if (account->key && !signed_by(*token, account->key, RsaScheme::Pss)) return {kJwtInvalid, true, {}};
    seen.caller.owner = account->project_id;
  }
  if (!in_time(seen)) return {kJwtInvalid, true, {}};
  if (seen_.size() >= kSeenMax) seen_.clear();
  return seen_.emplace(key, std::move(seen)).first->second.caller;
}

Accounts::Caller Accounts::caller_of(std::string_view authorization, WallTime now) {
  const std::string_view token = bearer_token(authorization);
  if (token.empty()) return {kNotAuthenticated, false, {}};
  if (std::ranges::count(token, '.') == 2) return judge_jwt(token, now);
  if (const GrantBook::Grant* grant = grants_.find(token)) {
    if (grant->expires <= now) return {kTokenExpired, false, {}};
    return {{}, false, grant->owner};
  }
  if (accept_any_ || std::ranges::find(static_, token) != static_.end()) return {};
  return {kNotAuthenticated, false, {}};
}

}  // namespace nightpost::sandbox::huawei
