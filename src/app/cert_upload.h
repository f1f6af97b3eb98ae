// What `cert add` and `cert update` are given, and what it makes of a certificate: read, checked by the vendor's room
// as a shard would, and only then anybody's to store.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "admin/ports.h"
#include "core/result.h"
#include "core/time.h"
#include "store/store.h"

namespace nightpost::app {

struct CertificateUpload {
  std::optional<std::string> name, bundle_id, host, key_id, team_id;
  std::string environment;                       // empty: as the credential says, else as it was
  std::vector<std::string> settings;             // "name=value"; without a value: no longer set
  std::string file, secret_file;                 // the secret as bytes, or as a line of text; one of them
  std::string password, password_file, ca_file;  // "-" is stdin, for one of the files
  std::string receipt_key_file;
  bool new_receipt_key = false;

  /// The options that both commands have.
  void add_to(CLI::App& command);

  /// `before` with all that was given, as changed_certificate(). Malformed: a sentence for ops that names the option or
  /// setting.
  Result<store::NewCertificate> applied_to(store::NewCertificate before, WallTime now) const;
  /// All that was given, read. `vendor`: nullopt: the server knows. `has_secret`: there is one already.
  Result<admin::CertificateChange> change(std::optional<Vendor> vendor, bool has_secret) const;

 private:
  Result<void> read_choices(admin::CertificateChange& to, std::optional<Vendor> vendor) const;
  Result<void> read_secrets(admin::CertificateChange& to, bool has_secret) const;
};

}  // namespace nightpost::app
