// Which vendors this binary knows: one line each in vendors.cpp.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/certificate.h"
#include "core/result.h"
#include "core/time.h"
#include "providers/receipt.h"
#include "providers/settings.h"
#include "resolve/ports.h"

namespace nightpost::app {

/// A certificate and its secret made ready to send with. Malformed: the vendor's room refuses it, saying why.
Result<resolve::VendorParts> make_vendor_parts(const Certificate& certificate, const CertificateSecret& secret);

/// What an upload claims, checked against the secret and completed with what the secret says of itself. `asked`: the
/// environment ops named, if any.
Result<Certificate> inspect_upload(Certificate claimed, const CertificateSecret& secret, WallTime now,
                                   std::optional<Environment> asked);

/// What ops may set for a certificate of this vendor.
std::span<const SettingField> settings_of(Vendor vendor) noexcept;

/// What the vendor would take of this certificate and then cap or drop: a sentence each for ops.
std::vector<std::string> warnings_of(const Certificate& certificate, WallTime now);

/// Null: this vendor sends no receipts.
ReceiptReader receipt_reader_of(Vendor vendor) noexcept;

/// "apns, fcm, …": those this binary knows.
std::string vendors_known();

}  // namespace nightpost::app
