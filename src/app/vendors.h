// Which vendors this binary knows: one line each.
#pragma once

#include "core/certificate.h"
#include "core/result.h"
#include "core/time.h"
#include "resolve/ports.h"

namespace nightpost::app {

/// A certificate and its secret made ready to send with. Malformed: the vendor's room refuses it, saying why.
Result<resolve::VendorParts> make_vendor_parts(const Certificate& certificate, const CertificateSecret& secret);

/// What an upload claims, checked against the secret and completed with what the secret says of itself. `asked`: the
/// environment ops named, if any.
Result<Certificate> inspect_upload(Certificate claimed, const CertificateSecret& secret, WallTime now,
                                   std::optional<Environment> asked);

}  // namespace nightpost::app
