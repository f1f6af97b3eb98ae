// The Store over PostgreSQL. What it promises stands in store.h; its functions are by topic: postgres_certificates.cpp,
// postgres_versions.cpp, postgres_devices.cpp, postgres_removals.cpp, postgres_import.cpp, postgres_receivers.cpp,
// postgres_changes.cpp, postgres_audit.cpp.
#pragma once

#include <concepts>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "store/postgres_connection.h"
#include "store/store.h"

namespace nightpost::store {

class PostgresStore final : public Store {
 public:
  PostgresStore(PostgresConnection connection, std::shared_ptr<const Sealer> sealer, StoreOptions options)
      : connection_(std::move(connection)), sealer_(std::move(sealer)), options_(std::move(options)) {}

  Result<void> together(const std::function<Result<void>()>& work) override;
  Result<void> add_audit(const AuditEntry& entry) override;

  Result<Certificate> add_certificate(const NewCertificate& certificate) override;
  Result<Certificate> put_certificate(CertificateId id, const NewCertificate& certificate) override;
  Result<Certificate> replace_certificate(CertificateId id, const NewCertificate& certificate,
                                          std::optional<std::int64_t> made_of) override;
  Result<Certificate> set_certificate_status(CertificateId id, CertificateStatus status) override;
  Result<std::vector<Certificate>> certificates(std::optional<AppId> app) override;
  Result<Certificate> certificate(CertificateId id) override;
  Result<CertificateSecret> secret(CertificateId id) override;
  Result<void> remove_certificate(CertificateId id) override;

  Result<std::vector<CertificateVersion>> certificate_versions(CertificateId id) override;
  Result<std::vector<CertificateVersion>> removed_certificates(std::optional<AppId> app) override;
  Result<CertificateSecret> secret_of_version(CertificateId id, std::int64_t version) override;
  Result<Certificate> roll_back_certificate(CertificateId id, std::int64_t version) override;
  Result<std::size_t> purge_certificate(CertificateId id) override;
  Result<Rekeyed> rekey_certificates() override;

  Result<void> set_device(AppId app, std::string_view user_id, const Device& device) override;
  Result<void> remove_device(AppId app, std::string_view user_id, std::string_view device_id) override;
  Result<std::vector<DeviceRow>> devices(AppId app, std::optional<std::string_view> user_id,
                                         std::size_t limit) override;
  Result<std::vector<DeviceRow>> devices_with_token(CertificateId certificate, std::string_view token,
                                                    std::size_t limit) override;
  Result<bool> remove_token(AppId app, std::string_view user_id, const Device& device) override;
  Result<std::vector<bool>> remove_tokens(std::span<const DeviceRow> rows) override;
  Result<bool> move_token(const DeviceRow& row, const DeviceToken& to, WallTime at) override;
  Result<std::vector<DeviceRow>> devices_after(const DeviceRow& after, std::optional<AppId> app,
                                               std::size_t limit) override;

  Result<void> keep_removals(const RemovalHold& hold, std::int64_t version, std::span<const HeldRemoval> removals,
                             const KeptLimits& limits) override;
  Result<void> forget_removals(CertificateId certificate) override;
  Result<std::vector<RemovalHold>> removal_holds(std::optional<AppId> app) override;
  Result<void> approve_removals(CertificateId certificate, WallTime until) override;
  Result<std::vector<RemovalApproval>> removal_approvals() override;
  Result<RemovedHeld> remove_held(CertificateId certificate, std::size_t limit) override;

  Result<void> set_settings(AppId app, std::string_view user_id, const PushSettings& settings) override;
  Result<void> set_mute(AppId app, std::string_view user_id, const Mute& mute) override;
  Result<void> remove_mute(AppId app, std::string_view user_id, Mute::Kind kind, std::string_view target) override;
  Result<std::vector<UserRow>> users_after(const UserRow& after, std::optional<AppId> app, std::size_t limit) override;
  Result<std::vector<RefusedRow>> import_devices(std::span<const DeviceRow> rows, ImportMode mode) override;
  Result<std::vector<RefusedRow>> import_users(std::span<const UserRow> rows, ImportMode mode) override;

  Result<std::vector<Receiver>> receivers(std::span<const ReceiverKey> keys) override;
  Result<bool> app_known(AppId app) override;
  Result<Changes> changes() override;
  Result<void> check_writable();

 private:
  struct Owner {
    AppId app;
    Vendor vendor;
    std::int64_t version;
  };
  Result<PostgresTransaction> write() {
    return PostgresTransaction::begin(connection_, PostgresTransaction::Kind::Write);
  }
  /// Runs `read`, and once more where the connection was lost: a look-up may be repeated.
  template <std::invocable Read>
  auto reading(Read read) -> decltype(read()) {
    if (auto ready = connection_.ready(); !ready) return std::unexpected(std::move(ready.error()));
    auto out = read();
    if (out || !connection_.lost()) return out;
    if (auto ready = connection_.ready(); !ready) return std::unexpected(std::move(ready.error()));
    return read();
  }
  Result<PostgresTransaction> write_of_user(AppId app, std::string_view user_id);
  /// `by_app`: the change feed is told the apps at the end, and not each receiver.
  Result<PostgresTransaction> begin_bulk(bool by_app);
  /// Names these apps, and commits. None: the receivers were named.
  Result<void> end_bulk(PostgresTransaction& transaction, const std::set<AppId>& written);
  Result<void> write_users(const std::map<std::pair<AppId, std::string_view>, const PushSettings*>& all);
  Result<Owner> owner_of(CertificateId id);  // locks its row until the commit
  /// `id` absent: the next one.
  Result<Certificate> insert_certificate(std::optional<CertificateId> id, const NewCertificate& certificate);
  Result<void> set_texts(CertificateId id, const Certificate& certificate);  // facts and settings
  Result<Certificate> read_certificate(CertificateId id);                    // REQUIRED: inside a transaction
  Result<std::vector<CertificateVersion>> read_versions(CertificateId id);   // likewise
  Result<void> prune_versions(CertificateId id);
  Result<std::vector<Certificate>> read_certificates(std::optional<CertificateId> id, std::optional<AppId> app);
  Result<std::int64_t> count(Result<PostgresRows> rows);
  Result<std::vector<DeviceRow>> read_devices(Result<PostgresRows> rows);
  Result<Changes> read_changes();
  void prune_changes();

  PostgresConnection connection_;
  std::shared_ptr<const Sealer> sealer_;
  StoreOptions options_;
  std::string changes_seen_;           // the snapshot of the last changes(); empty: there was none
  std::uint64_t changes_session_ = 0;  // the connection's session it is of
  MonoTime prune_at_{};
};

/// The arguments of postgres::kReceivers, and what its rows say.
struct ReceiversQuestion {
  explicit ReceiversQuestion(std::span<const ReceiverKey> keys);
  Result<std::vector<Receiver>> answer(PostgresRows& rows) const;
  std::size_t count;
  PostgresArray apps, users;
};

/// A device of columns 0 to 8 of the row, in the order of postgres_queries.cpp. Io: a word this binary does not know.
Result<void> read_device(const PostgresRows& rows, Device& device);

}  // namespace nightpost::store
