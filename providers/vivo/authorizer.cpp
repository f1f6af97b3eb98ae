// The access token: asked for with a signature over the AppSecret, good for a day.
#include <chrono>
#include <string>
#include <utility>

#include "core/text.h"
#include "providers/https_url.h"
#include "providers/reply_json.h"
#include "providers/secret_text.h"
#include "providers/vivo/limits.h"
#include "providers/vivo/message.h"
#include "providers/vivo/reply.h"
#include "providers/vivo/signature.h"
#include "providers/vivo/verdict.h"
#include "providers/vivo/vivo.h"

namespace nightpost::vivo {
namespace {

constexpr std::chrono::hours kRenewed{2};  // vivo asks for that; older tokens go on serving
constexpr std::chrono::hours kLifetime{24};
constexpr std::chrono::minutes kAgeMin{1};  // vivo allows 10 a second

Error refusal(const HttpResponse& reply) {
  const auto code = code_in(reply);
  if (!code) {
    const Errc errc = reply.status == 429 ? Errc::Overloaded : Errc::Io;  // a 401 or 403 may be some proxy's
    return {errc, "vivo's token endpoint answered " + std::to_string(reply.status) + " without a code."};
  }
  const std::string said = "vivo answered " + std::to_string(*code) + ": ";
  const Rule* const rule = rule_for(*code);
  if (rule != nullptr && rule->verdict == Verdict::Accepted)
    return {Errc::Io, said + "but gave no usable access token."};
  if (rule != nullptr && rule->verdict == Verdict::Throttled)
    return {Errc::Overloaded, said + std::string(rule->meaning)};
  // Here 102xx speak of what was signed, and 10000 of the app: no token was sent that could be stale.
  if (*code / 100 == 102 || code == 10'000)
    return {Errc::Unauthorized, said + "appId, appKey, AppSecret or this machine's clock is wrong."};
  if (rule != nullptr && rule->verdict == Verdict::CredentialBad)
    return {Errc::Unauthorized, said + std::string(rule->meaning)};
  return {Errc::Io, said + (rule == nullptr ? "a code unknown to us." : std::string(rule->meaning))};
}

class VivoAuthorizer final : public Authorizer {
 public:
  VivoAuthorizer(std::string origin, std::string app_id, std::string app_key, std::string app_secret,
                 std::string signer)
      : origin_(std::move(origin)),
        app_id_(std::move(app_id)),
        app_key_(std::move(app_key)),
        app_secret_(std::move(app_secret)),
        signer_(std::move(signer)) {}

  Result<GrantStep> begin(WallTime now) const override {
    const Result<std::string> signature = signature_of(app_id_, app_key_, to_ms(now), app_secret_);
    if (!signature) return std::unexpected(signature.error());
    GrantRequest request{.origin = origin_, .http = {.path = "/message/auth"}};
    request.http.headers = {{"content-type", "application/json;charset=UTF-8"}};
    std::string& body = request.http.body = R"({"appId":)" + app_id_;
    append_json_member(body, "appKey", app_key_);
    append_json_member(body, "timestamp", to_ms(now));
    append_json_member(body, "sign", *signature);
    body += '}';
    return request;
  }

  Result<Grant> finish(const HttpResponse& reply, WallTime now) const override {
    const auto json = parsed(reply.body);
    const std::string token = text_in(json, "authToken");
    const bool usable = check_secret(token, "token").empty();
    if (integer_in(json, "result") != 0 || !usable) return std::unexpected(refusal(reply));
    return Grant{.authorization = token, .issued_at = now, .renew_at = now + kRenewed, .expires_at = now + kLifetime};
  }

  milliseconds age_min() const noexcept override { return kAgeMin; }
  std::string signer() const override { return signer_; }
  std::optional<ClientIdentity> identity() const override { return std::nullopt; }

 private:
  std::string origin_;
  std::string app_id_;
  std::string app_key_;
  std::string app_secret_;
  std::string signer_;
};

}  // namespace

Result<std::shared_ptr<const Authorizer>> make_authorizer(const Certificate& certificate,
                                                          const CertificateSecret& secret) {
  Result<std::string> origin = origin_of(certificate, kOrigin);
  if (!origin) return std::unexpected(std::move(origin.error()));
  const std::string_view app_secret = trimmed_secret(secret.bytes);
  if (std::string fault = check_secret(app_secret, "AppSecret"); !fault.empty())
    return fail(Errc::Malformed, std::move(fault));
  Result<Style> style = style_of(certificate);
  if (!style) return std::unexpected(std::move(style.error()));
  const std::string app_key(setting(certificate.settings, "app_key"));
  if (app_key.empty()) return fail(Errc::Malformed, "the certificate names no app_key");
  std::string signer = secret_signer("vivo", style->app_id, app_secret, certificate.host_override);
  return std::make_shared<const VivoAuthorizer>(std::move(*origin), std::move(style->app_id), app_key,
                                                std::string(app_secret), std::move(signer));
}

}  // namespace nightpost::vivo
