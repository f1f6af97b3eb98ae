// What a row of certificates is in every store: its secret, packed as one and sealed, and the words of its errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/certificate.h"
#include "core/result.h"
#include "store/sealer.h"
#include "store/store.h"

namespace nightpost::store {

Error no_certificate(CertificateId id);                            // NotFound
Error certificate_in_use(CertificateId id, std::int64_t devices);  // Malformed
Error no_master_key(std::string_view doing);                       // Unauthorized; "stored", "read"

Error no_version(CertificateId id, std::int64_t version);                             // NotFound
Error id_taken(CertificateId id);                                                     // Malformed
Error edited_meanwhile(CertificateId id, std::int64_t made_of, std::int64_t in_use);  // Malformed
Error name_taken(const Certificate& certificate);                                     // Malformed

/// A certificate of columns 0 to 9 of a row, without its facts and settings: id, app_id, vendor, name, bundle_id,
/// environment, host_override, ca_pem, status, version. Io: a word this binary does not know.
template <class Rows>
Result<Certificate> certificate_in(const Rows& rows) {
  const auto vendor = vendor_from(rows.text(2));
  const auto environment = environment_from(rows.text(5));
  const auto status = certificate_status_from(rows.text(8));
  if (!vendor || !environment || !status)
    return fail(Errc::Io, "certificates: a row holds a word this binary does not know");
  return Certificate{.id = {rows.integer(0)},
                     .app = {rows.integer(1)},
                     .vendor = *vendor,
                     .name = std::string(rows.text(3)),
                     .bundle_id = std::string(rows.text(4)),
                     .environment = *environment,
                     .facts = {},
                     .settings = {},
                     .host_override = std::string(rows.text(6)),
                     .ca_pem = std::string(rows.text(7)),
                     .status = *status,
                     .version = rows.integer(9)};
}

/// What a sealed secret belongs to. No part can hold the separator (limits.h).
std::string context_of(AppId app, std::string_view vendor, std::string_view name);

/// Checks all of `certificate` (limits.h) and seals its secret. Malformed; Unauthorized: `sealer` is null.
Result<std::string> sealed(const Sealer* sealer, const NewCertificate& certificate);

/// Unauthorized: the master key does not open it, or it is of another row.
Result<CertificateSecret> opened(const Sealer& sealer, CertificateId id, std::string_view sealed,
                                 std::string_view context);

/// Gives a fact or setting to the version that it is of.
void add_text(std::vector<CertificateVersion>& versions, std::int64_t version, std::string_view kind,
              std::string_view key, std::string_view value);
/// What `id` was in an earlier version. NotFound, Malformed: it is in use.
Result<const Certificate*> version_in(const std::vector<CertificateVersion>& versions, CertificateId id,
                                      std::int64_t version);

/// A sealed secret of rekey_certificates().
struct SealedRow {
  CertificateId id;
  std::int64_t version = 0;  // 0: that in use
  std::string context;
  std::string secret;
};
/// Seals anew what another key sealed; what is left in `rows` is to be written.
Rekeyed rekey(const Sealer& sealer, std::vector<SealedRow>& rows);

}  // namespace nightpost::store
