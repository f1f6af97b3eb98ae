// "Authorization: key=<AppSecret>", for good (spec §2.2).
#include <string>
#include <utility>

#include "providers/secret_text.h"
#include "providers/xiaomi/xiaomi.h"

namespace nightpost::xiaomi {
namespace {

class SecretAuthorizer final : public LocalAuthorizer {
 public:
  SecretAuthorizer(std::string authorization, std::string signer)
      : authorization_(std::move(authorization)), signer_(std::move(signer)) {}

  Result<GrantStep> begin(WallTime now) const override {
    return Grant{
        .authorization = authorization_, .issued_at = now, .renew_at = WallTime::max(), .expires_at = WallTime::max()};
  }
  milliseconds age_min() const noexcept override { return milliseconds::zero(); }
  std::string signer() const override { return signer_; }

 private:
  std::string authorization_;
  std::string signer_;
};

}  // namespace

Result<std::shared_ptr<const Authorizer>> make_authorizer(const Certificate& certificate,
                                                          const CertificateSecret& secret) {
  const std::string_view app_secret = trimmed_secret(secret.bytes);
  if (std::string fault = check_secret(app_secret, "AppSecret"); !fault.empty())
    return fail(Errc::Malformed, std::move(fault));
  return std::make_shared<const SecretAuthorizer>(
      "key=" + std::string(app_secret),
      secret_signer("xiaomi", setting(certificate.settings, "app_id"), app_secret, certificate.host_override));
}

}  // namespace nightpost::xiaomi
