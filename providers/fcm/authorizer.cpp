// A signed assertion, traded at Google's token endpoint for an access token (RFC 7523; spec §2.2).
#include <algorithm>
#include <string>
#include <utility>

#include "core/text.h"
#include "providers/fcm/fcm.h"
#include "providers/fcm/limits.h"
#include "providers/fcm/service_account.h"
#include "providers/reply_json.h"
#include "providers/retry_after.h"

namespace nightpost::fcm {
namespace {

constexpr std::string_view kScheme = "Bearer ";
constexpr std::string_view kScope = "https://www.googleapis.com/auth/firebase.messaging";
constexpr seconds kLifeMax = std::chrono::days(1);
constexpr seconds kSkewMin{60};  // below this the clock is not to blame

/// Google answers invalid_grant to a clock that is off, which nobody would guess.
std::string clock_hint(const HttpResponse& reply, WallTime now) {
  const auto date = reply.header("date");
  const auto theirs = date ? from_http_date(*date) : std::nullopt;
  if (!theirs) return {};
  const auto skew = std::chrono::duration_cast<seconds>(now - *theirs);
  if (std::chrono::abs(skew) < kSkewMin) return {};
  return "; this machine's clock is " + std::to_string(std::chrono::abs(skew).count()) + " s " +
         (skew > seconds(0) ? "ahead of" : "behind") + " Google's";
}

std::unexpected<Error> refusal(const HttpResponse& reply, const nlohmann::json& json, WallTime now) {
  const std::string error = printable(text_in(json, "error"));
  const std::string why = printable(text_in(json, "error_description"), 200);
  std::string detail = "Google's token endpoint answered " + std::to_string(reply.status);
  if (!error.empty()) detail += " " + error;
  if (!why.empty()) detail += ": " + why;
  if (reply.status == 429) return fail(Errc::Overloaded, std::move(detail));
  // In other words than OAuth's it is some proxy's, and says nothing of the key.
  const bool refused = !error.empty() && (reply.status == 400 || reply.status == 401 || reply.status == 403);
  if (!refused) return fail(Errc::Io, std::move(detail));
  return fail(Errc::Unauthorized, detail + clock_hint(reply, now));
}

class AssertionAuthorizer final : public Authorizer {
 public:
  AssertionAuthorizer(ServiceAccount account, std::string signer)
      : account_(std::move(account)), signer_(std::move(signer)) {
    header_ = R"({"alg":"RS256","typ":"JWT")";
    append_json_member(header_, "kid", account_.private_key_id);
    header_ += '}';
  }

  Result<GrantStep> begin(WallTime now) const override {
    const seconds issued = std::chrono::floor<seconds>(now).time_since_epoch();
    std::string claims = "{";
    append_json_member(claims, "iss", account_.client_email);
    append_json_member(claims, "scope", kScope);
    append_json_member(claims, "aud", account_.token_uri);
    append_json_member(claims, "iat", issued.count());
    append_json_member(claims, "exp", (issued + kAssertionLife).count());
    claims += '}';
    const Result<std::string> assertion = account_.key.sign(RsaScheme::Rs256, header_, claims);
    if (!assertion) return std::unexpected(assertion.error());
    GrantRequest request{.origin = account_.grant_origin, .http = {}};
    request.http.path = account_.grant_path;
    request.http.headers = {{"content-type", "application/x-www-form-urlencoded"}};
    append_form_field(request.http.body, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    append_form_field(request.http.body, "assertion", *assertion);
    request.scheme = kScheme;
    return request;
  }

  Result<Grant> finish(const HttpResponse& reply, WallTime now) const override {
    const nlohmann::json json = parsed(reply.body);
    if (reply.status != 200) return refusal(reply, json, now);
    const std::string token = text_in(json, "access_token");
    if (token.empty() || !std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f; }))
      return fail(Errc::Io, "Google's token endpoint answered 200 without an access token");
    const std::int64_t asked = kAssertionLife.count();
    const seconds life(std::min(integer_in(json, "expires_in").value_or(asked), std::int64_t{kLifeMax.count()}));
    if (life <= seconds(0))
      return fail(Errc::Io, "Google's token endpoint gave an access token that has ended already");
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
  ServiceAccount account_;
  std::string signer_;
  std::string header_;  // of each assertion
};

}  // namespace

Result<std::shared_ptr<const Authorizer>> make_authorizer(const Certificate& certificate,
                                                          const CertificateSecret& secret) {
  Result<ServiceAccount> account = read_service_account(secret.bytes, certificate);
  if (!account) return std::unexpected(std::move(account.error()));
  // With the key itself: a file made up under somebody else's address must neither get their tokens nor spoil them.
  std::string signer =
      "fcm:" + account->client_email + ":" + account->private_key_id + ":" + account->key.fingerprint().substr(0, 16);
  if (!certificate.host_override.empty()) signer += ":" + account->grant_origin;
  return std::make_shared<const AssertionAuthorizer>(*std::move(account), std::move(signer));
}

}  // namespace nightpost::fcm
