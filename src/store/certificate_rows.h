// What a row of certificates is in every store: its secret, packed as one and sealed, and the words of its errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/certificate.h"
#include "core/result.h"
#include "store/sealer.h"
#include "store/store.h"

namespace nightpost::store {

Error no_certificate(CertificateId id);                            // NotFound
Error certificate_in_use(CertificateId id, std::int64_t devices);  // Malformed
Error no_master_key(std::string_view doing);                       // Unauthorized; "stored", "read"

/// What a sealed secret belongs to. No part can hold the separator (limits.h).
std::string context_of(AppId app, std::string_view vendor, std::string_view name);

/// Checks all of `certificate` (limits.h) and seals its secret. Malformed; Unauthorized: `sealer` is null.
Result<std::string> sealed(const Sealer* sealer, const NewCertificate& certificate);

/// Unauthorized: the master key does not open it, or it is of another row.
Result<CertificateSecret> opened(const Sealer& sealer, CertificateId id, std::string_view sealed,
                                 std::string_view context);

}  // namespace nightpost::store
