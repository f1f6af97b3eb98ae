// An access token for an app secret (OAuth client credentials), or a JWT signed here with a service account's key.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/text.h"
#include "providers/https_url.h"
#include "providers/huawei/huawei.h"
#include "providers/huawei/limits.h"
#include "providers/huawei/service_account.h"
#include "providers/reply_json.h"
#include "providers/secret_text.h"

namespace nightpost::huawei {
namespace {

constexpr std::string_view kScheme = "Bearer ";
constexpr std::string_view kGrantOrigin = "https://oauth-login.cloud.huawei.com";
constexpr std::string_view kGrantPath = "/oauth2/v3/token";
constexpr std::string_view kAudience = "https://oauth-login.cloud.huawei.com/oauth2/v3/token";
constexpr seconds kLifeGuess{3600};  // where the answer does not say; Huawei's tokens live an hour
constexpr seconds kLifeMax = std::chrono::days(1);

/// §3.1: error 1101 and these.
struct Refusal {
  std::int64_t sub_error;
  std::string_view meaning;
};
constexpr std::array kRefusals = {
    Refusal{12304, "the app secret is wrong"},
    Refusal{20002, "app_id is no client id"},
    Refusal{20003, "Huawei knows no such app_id"},
    Refusal{20171, "the app secret is empty"},
};
constexpr std::int64_t kInvalidRequest = 1101;

std::unexpected<Error> refusal(const HttpResponse& reply, const nlohmann::json& json) {
  const auto error = integer_in(json, "error");
  const auto sub_error = integer_in(json, "sub_error");
  std::string detail = "Huawei's token endpoint answered " + std::to_string(reply.status);
  if (error) detail += ", error " + std::to_string(*error) + "/" + std::to_string(sub_error.value_or(0));
  const auto known = std::ranges::find(kRefusals, sub_error.value_or(0), &Refusal::sub_error);
  if (error == kInvalidRequest && known != kRefusals.end())
    detail += ": " + std::string(known->meaning);
  else if (const std::string said = printable(text_in(json, "error_description"), 200); !said.empty())
    detail += ": " + said;
  if (reply.status == 503 || reply.status == 429) return fail(Errc::Overloaded, std::move(detail));
  constexpr std::array kRefusing = {400, 401, 403, 404, 405};
  // Without Huawei's own error some proxy may have said it.
  const bool refused =
      error && (error == kInvalidRequest || std::ranges::find(kRefusing, reply.status) != kRefusing.end());
  return fail(refused ? Errc::Unauthorized : Errc::Io, std::move(detail));
}

class SecretAuthorizer final : public Authorizer {
 public:
  SecretAuthorizer(std::string origin, std::string app_id, std::string secret, std::string signer)
      : origin_(std::move(origin)),
        app_id_(std::move(app_id)),
        secret_(std::move(secret)),
        signer_(std::move(signer)) {}

  Result<GrantStep> begin(WallTime) const override {
    GrantRequest request{.origin = origin_, .http = {}};
    request.http.path = kGrantPath;
    request.http.headers = {{"content-type", "application/x-www-form-urlencoded"}};
    append_form_field(request.http.body, "grant_type", "client_credentials");
    append_form_field(request.http.body, "client_id", app_id_);
    append_form_field(request.http.body, "client_secret", secret_);
    request.scheme = kScheme;
    return request;
  }

  // The token first: a refusal can come with 200, too.
  Result<Grant> finish(const HttpResponse& reply, WallTime now) const override {
    const nlohmann::json json = parsed(reply.body);
    const std::string token = text_in(json, "access_token");
    const bool usable = !token.empty() && std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f; });
    const bool taken = reply.status >= 200 && reply.status < 300;
    if (!usable || !taken) return refusal(reply, json);
    const std::int64_t said = integer_in(json, "expires_in").value_or(kLifeGuess.count());
    const seconds life(std::min<std::int64_t>(said, kLifeMax.count()));
    if (life <= seconds(0)) return fail(Errc::Io, "Huawei's token endpoint gave a token that has ended already");
    const milliseconds early = std::min<milliseconds>(kRenewBefore, milliseconds(life) / 2);
    return Grant{.authorization = std::string(kScheme) + token,
                 .issued_at = now,
                 .renew_at = now + life - early,
                 .expires_at = now + life};
  }

  milliseconds age_min() const noexcept override { return kGrantAgeMin; }
  std::string signer() const override { return signer_; }
  std::optional<ClientIdentity> identity() const override { return std::nullopt; }

 private:
  std::string origin_;
  std::string app_id_;
  std::string secret_;
  std::string signer_;
};

class KeyAuthorizer final : public LocalAuthorizer {
 public:
  KeyAuthorizer(ServiceAccount account, std::string signer) : account_(std::move(account)), signer_(std::move(signer)) {
    header_ = R"({"alg":"PS256","typ":"JWT")";
    append_json_member(header_, "kid", account_.key_id);
    header_ += '}';
  }

  Result<GrantStep> begin(WallTime now) const override {
    const auto issued = std::chrono::floor<seconds>(now);
    std::string claims = "{";
    append_json_member(claims, "aud", kAudience);
    append_json_member(claims, "iss", account_.sub_account);
    append_json_member(claims, "iat", issued.time_since_epoch().count());
    append_json_member(claims, "exp", (issued + kJwtLife).time_since_epoch().count());
    claims += '}';
    const Result<std::string> jwt = account_.key.sign(RsaScheme::Ps256, header_, claims);
    if (!jwt) return std::unexpected(jwt.error());
    return Grant{.authorization = std::string(kScheme) + *jwt,
                 .issued_at = issued,
                 .renew_at = issued + kJwtRenew,
                 .expires_at = issued + kJwtLife};
  }

  milliseconds age_min() const noexcept override { return kGrantAgeMin; }
  std::string signer() const override { return signer_; }

 private:
  ServiceAccount account_;
  std::string signer_;
  std::string header_;  // of each JWT
};

}  // namespace

Result<std::shared_ptr<const Authorizer>> make_authorizer(const Certificate& certificate,
                                                          const CertificateSecret& secret) {
  Result<std::string> origin = origin_of(certificate, kGrantOrigin);
  if (!origin) return std::unexpected(std::move(origin.error()));
  const std::string_view text = trimmed_secret(secret.bytes);
  if (looks_like_file(text)) {
    Result<ServiceAccount> account = read_service_account(text);
    if (!account) return std::unexpected(std::move(account.error()));
    std::string signer =
        "huawei:" + account->sub_account + ":" + account->key_id + ":" + account->key.fingerprint().substr(0, 16);
    if (!certificate.host_override.empty()) signer += ":" + *origin;
    return std::make_shared<const KeyAuthorizer>(*std::move(account), std::move(signer));
  }
  std::string app_id(setting(certificate.settings, "app_id"));
  if (app_id.empty()) return fail(Errc::Malformed, "the certificate names no app_id");
  if (std::string wrong = check_secret(text, "app secret"); !wrong.empty())
    return fail(Errc::Malformed, std::move(wrong));
  std::string signer = secret_signer("huawei", app_id, text, certificate.host_override);
  return std::make_shared<const SecretAuthorizer>(*std::move(origin), std::move(app_id), std::string(text),
                                                  std::move(signer));
}

}  // namespace nightpost::huawei
