#include "sandbox/fcm_accounts.h"

#include <algorithm>

#include "core/text.h"
#include "sandbox/field_text.h"
#include "sandbox/form_fields.h"
#include "sandbox/json_fields.h"
#include "sandbox/request_parts.h"

namespace nightpost::sandbox::fcm {
namespace {

using nlohmann::json;

constexpr std::size_t kAccountsMax = 10'000;
constexpr std::string_view kJwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
constexpr std::string_view kAudience = "https://oauth2.googleapis.com/token";
constexpr std::string_view kScopes[] = {"https://www.googleapis.com/auth/firebase.messaging",
                                        "https://www.googleapis.com/auth/cloud-platform"};
constexpr std::int64_t kLifetimeSecondsMax = 3600;
constexpr std::int64_t kSkewSeconds = 300;  // allowed to the sender's clock
constexpr seconds kGrantLifetime{3599};     // what Google says
constexpr std::string_view kOutOfTime =
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp "
    "values in the JWT claim.";

/// The endpoint's own name, or where this sandbox stands in for it: a key file's token_uri.
bool is_audience(std::string_view aud, std::string_view authority) {
  return aud == kAudience || aud == "https://" + std::string(authority) + "/token";
}

}  // namespace

Result<Accounts::Read> Accounts::read(const json* accounts) {
  Read read;
  for (std::size_t i = 0; accounts && i < accounts->size(); ++i) {
    JsonFields fields((*accounts)[i], "$.accounts[" + std::to_string(i) + "]");
    std::string email = fields.required_text("client_email");
    Account account{.project = fields.required_text("project_id"), .keys = {}};
    if (const auto pem = fields.text("public_key_pem")) {
      account.keys.push_back(read_rsa_key(*pem));
      if (!account.keys.back()) fields.fault("public_key_pem", "not an RSA public key or certificate in PEM");
    }
    if (i >= kAccountsMax) fields.fault("client_email", "one account too many");
    if (auto done = fields.finish(); !done) return std::unexpected(done.error());
    read.emplace_back(std::move(email), std::move(account));
  }
  return read;
}

void Accounts::add(Read accounts) {
  for (auto& [email, account] : accounts) {
    Account& known = accounts_[email];
    known.project = account.project;
    known.keys.insert(known.keys.end(), account.keys.begin(), account.keys.end());
  }
}

void Accounts::clear() {
  accounts_.clear();
  static_.clear();
  grants_.clear();
}

std::optional<Accounts::Refusal> Accounts::judge(const server::ServerRequest& request, WallTime now,
                                                 GrantBook::Grant& grant) const {
  const auto form = FormFields::parse(request.body);
  if (!form || !has_media_type(request, kFormType)) return Refusal{"invalid_request", "Bad Request"};
  if (form->value("grant_type").empty()) return Refusal{"invalid_request", "Required parameter is missing: grant_type"};
  if (form->value("grant_type") != kJwtBearer) return Refusal{"unsupported_grant_type", "Invalid grant_type"};
  if (form->value("assertion").empty()) return Refusal{"invalid_request", "Required parameter is missing: assertion"};
  const auto token = parse_rsa_token(form->value("assertion"));
  if (!token || token->header_text("alg") != "RS256") return Refusal{"invalid_grant", "Invalid JWT"};
  const std::string email = token->claim_text("iss");
  if (email.empty()) return Refusal{"invalid_grant", "Invalid JWT: iss is missing"};
  const auto account = accounts_.find(email);
  if (account == accounts_.end() && !accept_any_) return Refusal{"invalid_grant", "Invalid grant: account not found"};
  if (account != accounts_.end()) {
    const auto& keys = account->second.keys;
    if (!keys.empty() &&
        std::ranges::none_of(keys, [&](const RsaKey& key) { return signed_by(*token, key, RsaScheme::Pkcs1); }))
      return Refusal{"invalid_grant", "Invalid JWT Signature."};
    grant.owner = account->second.project;
  }
  if (!is_audience(token->claim_text("aud"), request.authority))
    return Refusal{"invalid_grant", "Failed audience check. The right audience is https://oauth2.googleapis.com/token"};
  const auto iat = token->claim_number("iat");
  const auto exp = token->claim_number("exp");
  const std::int64_t second = to_ms(now) / 1000;
  if (!iat || !exp || *iat < 0 || *exp <= *iat || *exp - *iat > kLifetimeSecondsMax || *iat > second + kSkewSeconds ||
      *exp <= second)
    return Refusal{"invalid_grant", kOutOfTime};
  const std::string scope = token->claim_text("scope");
  if (scope.empty()) return Refusal{"invalid_scope", "Empty or missing scope not allowed."};
  const auto scopes = split(scope, " ");
  if (!std::ranges::all_of(scopes, is_web_url))
    return Refusal{"invalid_scope", "Invalid OAuth scope or ID token audience provided."};
  grant.full = std::ranges::any_of(
      scopes, [](std::string_view one) { return std::ranges::find(kScopes, one) != std::end(kScopes); });
  return std::nullopt;
}

Accounts::Reply Accounts::grant(const server::ServerRequest& request, WallTime now) {
  GrantBook::Grant grant{.owner = {}, .expires = now + kGrantLifetime};
  Reply reply{.body = "{"};
  if (const auto refusal = judge(request, now, grant)) {
    reply.status = refusal->status;
    reply.error = refusal->error;
    append_json_member(reply.body, "error", refusal->error);
    append_json_member(reply.body, "error_description", refusal->description);
  } else {
    append_json_member(reply.body, "access_token", grants_.issue("ya29.", std::move(grant)));
    append_json_member(reply.body, "expires_in", kGrantLifetime.count());
    append_json_member(reply.body, "token_type", "Bearer");
  }
  reply.body += '}';
  return reply;
}

Accounts::Caller Accounts::caller_of(std::string_view authorization, WallTime now) const {
  if (authorization.empty()) return {"CREDENTIALS_MISSING", {}};
  const std::string_view token = bearer_token(authorization);
  if (token.empty()) return {"ACCESS_TOKEN_TYPE_UNSUPPORTED", {}};
  if (const GrantBook::Grant* grant = grants_.find(token)) {
    if (grant->expires <= now) return {"ACCESS_TOKEN_EXPIRED", {}};
    if (!grant->full) return {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", {}};
    return {{}, grant->owner};
  }
  if (accept_any_ || std::ranges::find(static_, token) != static_.end()) return {};
  return {"ACCESS_TOKEN_TYPE_UNSUPPORTED", {}};
}

}  // namespace nightpost::sandbox::fcm
