// A vendor credential as the stores know it: public facts in the clear, the secret sealed until a lane needs it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/time.h"
#include "core/vendor.h"

namespace nightpost {

enum class Environment : std::uint8_t { Production, Development };
std::string_view name_of(Environment environment) noexcept;  // "production", "development"
std::optional<Environment> environment_from(std::string_view name) noexcept;

enum class CertificateStatus : std::uint8_t { Active, Disabled };
std::string_view name_of(CertificateStatus status) noexcept;  // "active", "disabled"
std::optional<CertificateStatus> certificate_status_from(std::string_view name) noexcept;

struct Certificate {
  CertificateId id;
  AppId app;
  Vendor vendor = Vendor::Apns;
  std::string name;       // ops' name: letters, digits, '-', '_', '.'
  std::string bundle_id;  // APNs: the topic; elsewhere the package name
  Environment environment = Environment::Production;
  /// What the vendor's room read from the secret and may be shown: kind (p8, p12), key_id, team_id, fingerprint,
  /// not_after. Written once at `cert add`.
  std::map<std::string, std::string> facts;
  /// What ops chose, by the names of the vendor's room (its fields()): "app_id", "click", "channel_id", "badge_class",
  /// … Public. Checked by the room's inspect().
  std::map<std::string, std::string> settings;
  std::string host_override;  // an origin "https://host:port" instead of the vendor's own; empty: the vendor's
  std::string ca_pem;         // additional trust anchor for host_override; empty: the system's
  CertificateStatus status = CertificateStatus::Active;
  std::int64_t version = 1;  // rises with every change
};

/// The unsealed secret. Never logged, never in an API; lives as short as possible.
struct CertificateSecret {
  std::string bytes;             // the p8, p12 or service-account file, or the vendor's app secret
  std::string password;          // p12 only
  std::string receipt_key = {};  // what the vendor's receipts are verified by; empty: receipts are refused
};

}  // namespace nightpost
