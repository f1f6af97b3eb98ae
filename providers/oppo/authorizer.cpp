// The access token: asked for with a signature over the MasterSecret, good for a day.
#include <chrono>
#include <string>
#include <utility>

#include "core/text.h"
#include "providers/https_url.h"
#include "providers/oppo/oppo.h"
#include "providers/oppo/region.h"
#include "providers/oppo/reply.h"
#include "providers/oppo/verdict.h"
#include "providers/reply_json.h"
#include "providers/retry_after.h"
#include "providers/secret_text.h"

namespace nightpost::oppo {
namespace {

// Half of its day: whether a new token ends the one before is not documented, so there are few, and none is late.
constexpr std::chrono::hours kRenewed{12};
constexpr std::chrono::hours kLifetime{24};
constexpr std::chrono::minutes kAgeMin{1};

Errc errc_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::CredentialBad:
    case Verdict::Misconfigured:
    case Verdict::Rejected:
      return Errc::Unauthorized;
    case Verdict::Throttled:
      return Errc::Overloaded;
    default:
      return Errc::Io;
  }
}

Error refusal(const HttpResponse& reply) {
  if (const auto code = code_in(reply)) {
    const Rule* const rule = rule_for(*code);
    const std::string said = "OPPO answered " + std::to_string(*code) + ": ";
    if (rule == nullptr) return {Errc::Io, said + "a code unknown to us."};
    if (rule->verdict == Verdict::Accepted) return {Errc::Io, said + "but gave no usable access token."};
    return {errc_of(rule->verdict), said + std::string(rule->meaning)};
  }
  const Errc code = reply.status == 429 ? Errc::Overloaded : Errc::Io;  // a 401 or 403 may be some proxy's
  return {code, "OPPO's token endpoint answered " + std::to_string(reply.status) + " without a code."};
}

class OppoAuthorizer final : public Authorizer {
 public:
  OppoAuthorizer(std::string origin, std::string app_key, std::string master_secret, std::string signer)
      : origin_(std::move(origin)),
        app_key_(std::move(app_key)),
        master_secret_(std::move(master_secret)),
        signer_(std::move(signer)) {}

  Result<GrantStep> begin(WallTime now) const override {
    const std::string timestamp = std::to_string(to_ms(now));
    GrantRequest request{.origin = origin_, .http = {.path = "/server/v1/auth"}};
    request.http.headers = {{"content-type", "application/x-www-form-urlencoded"}};
    std::string& body = request.http.body;
    append_form_field(body, "app_key", app_key_);
    append_form_field(body, "timestamp", timestamp);
    append_form_field(body, "sign", secret_fingerprint(app_key_ + timestamp + master_secret_));
    return request;
  }

  Result<Grant> finish(const HttpResponse& reply, WallTime now) const override {
    const auto json = parsed(reply.body);
    const auto* const data = member(json, "data");
    const std::string token = data == nullptr ? std::string() : text_in(*data, "auth_token");
    const bool usable = check_secret(token, "token").empty();
    if (integer_in(json, "code") != 0 || !usable) return std::unexpected(refusal(reply));
    return Grant{.authorization = token, .issued_at = now, .renew_at = now + kRenewed, .expires_at = now + kLifetime};
  }

  milliseconds age_min() const noexcept override { return kAgeMin; }
  std::string signer() const override { return signer_; }
  std::optional<ClientIdentity> identity() const override { return std::nullopt; }

 private:
  std::string origin_;
  std::string app_key_;
  std::string master_secret_;
  std::string signer_;
};

}  // namespace

Result<std::shared_ptr<const Authorizer>> make_authorizer(const Certificate& certificate,
                                                          const CertificateSecret& secret) {
  const Region region = region_from(setting(certificate.settings, "region"));
  Result<std::string> origin = origin_of(certificate, own_origin(region));
  if (!origin) return std::unexpected(std::move(origin.error()));
  const std::string_view master_secret = trimmed_secret(secret.bytes);
  if (std::string fault = check_secret(master_secret, "MasterSecret"); !fault.empty())
    return fail(Errc::Malformed, std::move(fault));
  const std::string app_key(setting(certificate.settings, "app_key"));
  if (app_key.empty()) return fail(Errc::Malformed, "the certificate names no app_key");
  // One app's token is asked of its region's host.
  std::string signer =
      secret_signer("oppo", app_key, master_secret,
                    certificate.host_override.empty() && region == Region::China ? std::string_view() : *origin);
  return std::make_shared<const OppoAuthorizer>(std::move(*origin), app_key, std::string(master_secret),
                                                std::move(signer));
}

}  // namespace nightpost::oppo
