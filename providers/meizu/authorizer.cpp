// There is nothing to obtain: the grant is the AppSecret by which build() signs.
#include <string>
#include <utility>

#include "providers/fixed_grant.h"
#include "providers/meizu/meizu.h"
#include "providers/secret_text.h"

namespace nightpost::meizu {

Result<std::shared_ptr<const Authorizer>> make_authorizer(const Certificate& certificate,
                                                          const CertificateSecret& secret) {
  const std::string_view app_secret = trimmed_secret(secret.bytes);
  if (std::string fault = check_secret(app_secret, "AppSecret"); !fault.empty())
    return fail(Errc::Malformed, std::move(fault));
  return std::make_shared<const FixedGrant>(
      std::string(app_secret),
      secret_signer("meizu", setting(certificate.settings, "app_id"), app_secret, certificate.host_override));
}

}  // namespace nightpost::meizu
