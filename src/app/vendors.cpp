#include "app/vendors.h"

#include "providers/apns/apns.h"

namespace nightpost::app {

Result<resolve::VendorParts> make_vendor_parts(const Certificate& certificate, const CertificateSecret& secret) {
  const auto joined = [](auto provider, auto authorizer) -> Result<resolve::VendorParts> {
    if (!provider) return std::unexpected(provider.error());
    if (!authorizer) return std::unexpected(authorizer.error());
    return resolve::VendorParts{*std::move(provider), *std::move(authorizer)};
  };
  switch (certificate.vendor) {
    case Vendor::Apns:
      return joined(apns::make_provider(certificate), apns::make_authorizer(certificate, secret));
    case Vendor::Count:
      break;
  }
  return fail(Errc::Malformed, "this binary does not know the certificate's vendor");
}

Result<Certificate> inspect_upload(Certificate claimed, const CertificateSecret& secret, WallTime now,
                                   std::optional<Environment> asked) {
  switch (claimed.vendor) {
    case Vendor::Apns:
      return apns::inspect(std::move(claimed), secret, now, asked);
    case Vendor::Count:
      break;
  }
  return fail(Errc::Malformed, "this binary does not know the vendor");
}

}  // namespace nightpost::app
