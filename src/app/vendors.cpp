#include "app/vendors.h"

#include <algorithm>

#include "providers/apns/apns.h"
#include "providers/fcm/fcm.h"
#include "providers/honor/honor.h"
#include "providers/huawei/huawei.h"
#include "providers/meizu/meizu.h"
#include "providers/oppo/oppo.h"
#include "providers/vivo/vivo.h"
#include "providers/xiaomi/xiaomi.h"

namespace nightpost::app {
namespace {

struct Row {
  Vendor vendor;
  Result<Certificate> (*inspect)(Certificate, const CertificateSecret&, WallTime, std::optional<Environment>);
  Result<std::shared_ptr<const Provider>> (*provider)(const Certificate&);
  Result<std::shared_ptr<const Authorizer>> (*authorizer)(const Certificate&, const CertificateSecret&);
  std::span<const SettingField> (*settings)() noexcept;
  std::vector<std::string> (*warnings)(const Certificate&, WallTime);
  ReceiptReader receipts;
};

constexpr Row kVendors[] = {
    {Vendor::Apns, apns::inspect, apns::make_provider, apns::make_authorizer, apns::settings, apns::warnings, nullptr},
    {Vendor::Fcm, fcm::inspect, fcm::make_provider, fcm::make_authorizer, fcm::settings, fcm::warnings, nullptr},
    {Vendor::Huawei, huawei::inspect, huawei::make_provider, huawei::make_authorizer, huawei::settings,
     huawei::warnings, huawei::read_receipts},
    {Vendor::Honor, honor::inspect, honor::make_provider, honor::make_authorizer, honor::settings, honor::warnings,
     honor::read_receipts},
    {Vendor::Xiaomi, xiaomi::inspect, xiaomi::make_provider, xiaomi::make_authorizer, xiaomi::settings,
     xiaomi::warnings, xiaomi::read_receipts},
    {Vendor::Oppo, oppo::inspect, oppo::make_provider, oppo::make_authorizer, oppo::settings, oppo::warnings,
     oppo::read_receipts},
    {Vendor::Meizu, meizu::inspect, meizu::make_provider, meizu::make_authorizer, meizu::settings, meizu::warnings,
     meizu::read_receipts},
    {Vendor::Vivo, vivo::inspect, vivo::make_provider, vivo::make_authorizer, vivo::settings, vivo::warnings,
     vivo::read_receipts},
};

const Row* row_of(Vendor vendor) noexcept {
  const auto* const found = std::ranges::find(kVendors, vendor, &Row::vendor);
  return found == std::end(kVendors) ? nullptr : found;
}

auto unknown() { return fail(Errc::Malformed, "this binary does not know the certificate's vendor"); }

}  // namespace

Result<resolve::VendorParts> make_vendor_parts(const Certificate& certificate, const CertificateSecret& secret) {
  const Row* const row = row_of(certificate.vendor);
  if (row == nullptr) return unknown();
  auto provider = row->provider(certificate);
  if (!provider) return std::unexpected(provider.error());
  auto authorizer = row->authorizer(certificate, secret);
  if (!authorizer) return std::unexpected(authorizer.error());
  return resolve::VendorParts{*std::move(provider), *std::move(authorizer)};
}

Result<Certificate> inspect_upload(Certificate claimed, const CertificateSecret& secret, WallTime now,
                                   std::optional<Environment> asked) {
  const Row* const row = row_of(claimed.vendor);
  if (row == nullptr) return unknown();
  if (const auto fits = check_settings(row->settings(), claimed.settings); !fits) return std::unexpected(fits.error());
  return row->inspect(std::move(claimed), secret, now, asked);
}

std::span<const SettingField> settings_of(Vendor vendor) noexcept {
  const Row* const row = row_of(vendor);
  return row == nullptr ? std::span<const SettingField>() : row->settings();
}

std::vector<std::string> warnings_of(const Certificate& certificate, WallTime now) {
  const Row* const row = row_of(certificate.vendor);
  return row == nullptr ? std::vector<std::string>() : row->warnings(certificate, now);
}

ReceiptReader receipt_reader_of(Vendor vendor) noexcept {
  const Row* const row = row_of(vendor);
  return row == nullptr ? nullptr : row->receipts;
}

std::string vendors_known() {
  std::string all;
  for (const Row& row : kVendors) all += (all.empty() ? "" : ", ") + std::string(name_of(row.vendor));
  return all;
}

}  // namespace nightpost::app
