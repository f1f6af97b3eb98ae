// What becomes of a certificate by a change: checked by the vendor's room as a shard would. The command line and the
// admin API go through this. Pure but for random keys.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "admin/ports.h"
#include "core/time.h"
#include "store/store.h"

namespace nightpost::app {

/// A sentence for ops, and the member of admin::CertificateChange that it is about; empty: of none alone.
struct CertificateMistake {
  std::string message, path;
};

/// `before` with the change. A vendor that sends receipts gets a random receipt key where there is none, and where the
/// setting receipt_url says {key} or the key before, the key now is put. `before` has at least app, vendor and status.
std::expected<store::NewCertificate, CertificateMistake> changed_certificate(store::NewCertificate before,
                                                                             const admin::CertificateChange& change,
                                                                             WallTime now);

/// The member that a sentence of a vendor's room is about.
std::string member_of_mistake(std::string_view sentence, Vendor vendor);

}  // namespace nightpost::app
