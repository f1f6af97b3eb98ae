// Invented accounts: what a developer would have from each vendor, for the demo, tests and benchmarks. The sandbox
// takes them; the vendors know nothing of them.
#pragma once

#include <string>
#include <string_view>

#include "core/certificate.h"
#include "core/ids.h"
#include "core/result.h"

namespace nightpost::app {

struct DevAccount {
  /// Vendor, package, settings and the facts that ops must name; no app, name or host yet.
  Certificate certificate;
  CertificateSecret secret;  // keys are new each time
  std::string public_pem;    // APNs: of the key
};
/// Io: OpenSSL cannot make a key.
Result<DevAccount> make_dev_account(Vendor vendor);

/// A device token of the vendor's form; equal names give equal tokens.
DeviceToken dev_token(Vendor vendor, std::string_view name);

/// Creates the file with mode 0600. Malformed: it exists already (a key is never overwritten); Io: it cannot be
/// written.
Result<void> write_private_file(const std::string& path, const std::string& text);

}  // namespace nightpost::app
