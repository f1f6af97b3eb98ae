// The port of what must outlive a process: certificates, devices, settings, mutes. SQLite stands behind it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/certificate.h"
#include "core/device.h"
#include "core/result.h"
#include "store/sealer.h"

namespace nightpost::store {

struct NewCertificate {
  Certificate facts;  // id and version are given by the store
  CertificateSecret secret;
};

/// One connection; single-threaded. Open one per thread on the same file.
class Store {
 public:
  virtual ~Store() = default;

  // Certificates. A name is unique within (app, vendor).
  virtual Result<Certificate> add_certificate(const NewCertificate& certificate) = 0;
  virtual Result<std::vector<Certificate>> certificates(std::optional<AppId> app) = 0;
  virtual Result<Certificate> certificate(CertificateId id) = 0;   // NotFound
  virtual Result<CertificateSecret> secret(CertificateId id) = 0;  // Unauthorized: the master key does not open it
  virtual Result<void> remove_certificate(CertificateId id) = 0;   // NotFound; Malformed while devices use it

  // Devices. set: insert or replace by (app, user, device).
  virtual Result<void> set_device(AppId app, std::string_view user_id, const Device& device) = 0;
  virtual Result<void> remove_device(AppId app, std::string_view user_id, std::string_view device_id) = 0;  // NotFound
  struct DeviceRow {
    AppId app;
    std::string user_id;
    Device device;
  };
  virtual Result<std::vector<DeviceRow>> devices(AppId app, std::optional<std::string_view> user_id,
                                                 std::size_t limit) = 0;
  /// Compare-and-delete on token and registration time; true if a row went.
  virtual Result<bool> remove_token(AppId app, std::string_view user_id, const Device& device) = 0;

  // Settings and mutes.
  virtual Result<void> set_settings(AppId app, std::string_view user_id, const PushSettings& settings) = 0;
  virtual Result<void> set_mute(AppId app, std::string_view user_id, const Mute& mute) = 0;
  virtual Result<void> remove_mute(AppId app, std::string_view user_id, Mute::Kind kind, std::string_view target) = 0;

  // The dispatcher's look-ups.
  virtual Result<std::vector<Receiver>> receivers(std::span<const ReceiverKey> keys) = 0;  // in order
  virtual Result<bool> app_known(AppId app) = 0;
  /// Changes whenever another connection, of this or another process, has committed: the caches' signal.
  virtual Result<std::uint64_t> data_version() = 0;
};

/// Opens (and migrates) the file. `sealer` may be null: then secrets can be neither written nor read, and say so.
Result<std::unique_ptr<Store>> open_sqlite(const std::string& path, std::shared_ptr<const Sealer> sealer);

}  // namespace nightpost::store
