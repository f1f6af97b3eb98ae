// Client credentials for an access token (spec §4.1).
#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "providers/honor/honor.h"
#include "providers/https_url.h"
#include "providers/reply_json.h"
#include "providers/secret_text.h"

namespace nightpost::honor {
namespace {

using std::chrono::minutes;

constexpr std::string_view kScheme = "Bearer ";
constexpr minutes kAgeMin{1};          // spec §6: between two refreshes
constexpr minutes kRenewEarly{5};      // before the end
constexpr seconds kLifeDefault{3600};  // where the answer does not say
constexpr seconds kLifeMax{86'400};    // whatever the answer says
constexpr std::size_t kGrantBytesMax = 8192;

class ClientAuthorizer final : public Authorizer {
 public:
  ClientAuthorizer(std::string origin, std::string_view client_id, std::string_view client_secret, std::string signer)
      : origin_(std::move(origin)), signer_(std::move(signer)) {
    append_form_field(form_, "grant_type", "client_credentials");
    append_form_field(form_, "client_id", client_id);
    append_form_field(form_, "client_secret", client_secret);
  }

  Result<GrantStep> begin(WallTime) const override {
    GrantRequest request{.origin = origin_, .http = {}};
    request.http.path = "/auth/token";
    request.http.headers = {{"content-type", "application/x-www-form-urlencoded"}};
    request.http.body = form_;
    request.scheme = kScheme;
    return request;
  }

  Result<Grant> finish(const HttpResponse& reply, WallTime now) const override {
    const nlohmann::json body = parsed(reply.body);
    std::string token = text_in(body, "access_token");
    if (token.starts_with(kScheme)) token.erase(0, kScheme.size());  // exactly one prefix (spec §4.5)
    const bool heard = reply.status >= 200 && reply.status < 300;
    if (!heard || token.empty()) return refusal(reply.status, printable(text_in(body, "error")));
    if (token.size() > kGrantBytesMax || !std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f; }))
      return fail(Errc::Io, "Honor's token endpoint gave what can be no access token");
    const seconds life(std::min(integer_in(body, "expires_in").value_or(kLifeDefault.count()), kLifeMax.count()));
    if (life <= seconds(0)) return fail(Errc::Io, "Honor's token endpoint gave a token that has already expired");
    return Grant{.authorization = std::string(kScheme) + token,
                 .issued_at = now,
                 .renew_at = now + std::max<seconds>(life - kRenewEarly, life / 2),
                 .expires_at = now + life};
  }

  milliseconds age_min() const noexcept override { return kAgeMin; }
  std::string signer() const override { return signer_; }
  std::optional<ClientIdentity> identity() const override { return std::nullopt; }

 private:
  static std::unexpected<Error> refusal(int status, const std::string& error) {
    const std::string said = "Honor's token endpoint answered " + std::to_string(status) +
                             (error.empty() ? std::string(" without an error name") : " (" + error + ")");
    if (error == "invalid_client" || error == "unauthorized_client") return fail(Errc::Unauthorized, said);
    if (status == 429 || status == 503) return fail(Errc::Overloaded, said);
    if (status >= 400 && status < 500 && !error.empty()) return fail(Errc::Unauthorized, said);
    return fail(Errc::Io, said);
  }

  std::string origin_;
  std::string form_;  // holds the secret
  std::string signer_;
};

}  // namespace

Result<std::shared_ptr<const Authorizer>> make_authorizer(const Certificate& certificate,
                                                          const CertificateSecret& secret) {
  const std::string_view client_secret = trimmed_secret(secret.bytes);
  if (std::string fault = check_secret(client_secret, "client secret"); !fault.empty())
    return fail(Errc::Malformed, std::move(fault));
  const std::string_view client_id = setting(certificate.settings, "client_id");
  if (client_id.empty()) return fail(Errc::Malformed, "the certificate names no client id");
  Result<std::string> origin = origin_of(certificate, "https://iam.developer.honor.com");
  if (!origin) return std::unexpected(std::move(origin.error()));
  // With the client id: an upload that mistypes it must not share a good one's fate.
  const std::string app = std::string(setting(certificate.settings, "app_id")).append("/").append(client_id);
  return std::make_shared<const ClientAuthorizer>(
      *std::move(origin), client_id, client_secret,
      secret_signer("honor", app, client_secret, certificate.host_override));
}

}  // namespace nightpost::honor
