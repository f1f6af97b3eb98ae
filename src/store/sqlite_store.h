// The Store over SQLite. What it promises stands in store.h; its functions are by topic: sqlite_certificates.cpp,
// sqlite_versions.cpp, sqlite_devices.cpp, sqlite_removals.cpp, sqlite_receivers.cpp, sqlite_import.cpp,
// sqlite_audit.cpp.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "store/connection.h"
#include "store/queries.h"
#include "store/store.h"

namespace nightpost::store {

class SqliteStore final : public Store {
 public:
  SqliteStore(Connection connection, Queries queries, std::shared_ptr<const Sealer> sealer, const StoreOptions& options)
      : connection_(std::move(connection)),
        queries_(std::move(queries)),
        sealer_(std::move(sealer)),
        options_(options) {}

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

 private:
  struct Owner {
    AppId app;
    Vendor vendor;
    std::int64_t version;
  };
  Result<Transaction> write() { return Transaction::begin(connection_.get(), Transaction::Kind::Write); }
  Result<Owner> owner_of(CertificateId id);
  /// `id` absent: the next one.
  Result<Certificate> insert_certificate(std::optional<CertificateId> id, const NewCertificate& certificate);
  Result<void> set_texts(CertificateId id, const Certificate& certificate);  // facts and settings
  Result<Certificate> read_certificate(CertificateId id);                    // REQUIRED: inside a transaction
  Result<std::vector<CertificateVersion>> read_versions(CertificateId id);   // likewise
  Result<void> prune_versions(CertificateId id);
  Result<std::int64_t> count(Rows&& rows);
  Result<void> read_receiver(const ReceiverKey& key, Receiver& receiver);
  Result<void> read_mutes(AppId app, std::string_view user_id, std::vector<Mute>& mutes);
  // REQUIRED of these four: the values were checked, and that the user may have one more.
  Result<bool> take_token(AppId app, std::string_view user_id, const Device& device);
  Result<void> write_device(AppId app, std::string_view user_id, const Device& device);
  Result<void> write_settings(AppId app, std::string_view user_id, const PushSettings& settings);
  Result<void> write_mute(AppId app, std::string_view user_id, const Mute& mute);
  Result<void> write_user(const UserRow& row);
  Result<std::vector<DeviceRow>> read_devices(Rows&& rows);  // columns 9 and 10: the user, the app
  Result<void> read_device_ids(AppId app, std::string_view user_id, std::vector<std::string>& ids);
  /// How many mutes the user would have with those of `row`.
  Result<std::size_t> mutes_with(const UserRow& row);
  /// `by_app`: from here to end_bulk() the receivers that are written are not named among the changes one by one.
  Result<Transaction> begin_bulk(std::size_t rows, bool by_app);
  /// Names these apps instead, and commits. None: the receivers were named.
  Result<void> end_bulk(Transaction& transaction, const std::set<AppId>& written);
  Result<void> read_mutes(const ReceiverKey& key, std::vector<Mute>& mutes);
  /// What stands behind `position` up to `newest`, in the order it was written.
  Result<Changes> read_changes(std::int64_t position, std::int64_t newest);

  Connection connection_;
  Queries queries_;  // after the connection: statements go first
  std::shared_ptr<const Sealer> sealer_;
  StoreOptions options_;
  bool tuned_for_bulk_ = false;
  std::optional<std::int64_t> data_version_;  // SQLite's, when changes() last looked; nullopt: it never did
  std::int64_t change_seen_ = 0;              // the last row of `changes` that it has told
};

/// A device of columns 0 to 8 of the row, in the order of queries.cpp. Io: a word this binary does not know.
Result<void> read_device(const Rows& rows, Device& device);

}  // namespace nightpost::store
