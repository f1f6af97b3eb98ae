// The port of what must outlive a process: certificates, devices, settings, mutes. SQLite or PostgreSQL stand behind
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/certificate.h"
#include "core/changes.h"
#include "core/device.h"
#include "core/held_removal.h"
#include "core/result.h"
#include "core/time.h"
#include "store/audit_entry.h"
#include "store/sealer.h"

namespace nightpost::store {

struct NewCertificate {
  Certificate facts;  // id and version are given by the store
  CertificateSecret secret;
};

/// A certificate as it was, or is.
struct CertificateVersion {
  Certificate certificate;
  WallTime written_at;     // the epoch: by a Nightpost that did not say
  std::string written_by;  // write_as(); empty likewise
  bool in_use = false;
};

/// What rekey_certificates() did.
struct Rekeyed {
  std::size_t sealed_anew = 0;
  std::size_t current = 0;              // sealed by that key already
  std::vector<std::string> not_opened;  // which, and why; they stay as they are
};

/// Dead tokens of one certificate that a worker's guard does not let go for now (dispatch/removal_book.h).
struct RemovalHold {
  CertificateId certificate;
  std::string worker;  // whose
  std::string heard;   // where they were called dead: "answers", "receipts"
  std::string code;    // the vendor's last word
  WallTime since{};    // of the first one, and of the last
  WallTime last{};
  std::size_t kept = 0;    // devices; counted by the store
  std::size_t unkept = 0;  // removals beyond them, of which only the number is known; one device may be in it often
};

/// Ops' word that dead tokens of this version of a certificate are to be removed, however many.
struct RemovalApproval {
  CertificateId certificate;
  std::int64_t version = 0;
  WallTime until{};
};

/// How long it may hold, and does where ops do not say.
inline constexpr milliseconds kApprovalMin = std::chrono::minutes(1);
inline constexpr milliseconds kApprovalMax = std::chrono::days(7);
inline constexpr milliseconds kApprovalUsual = std::chrono::hours(1);

/// What one connection may take, and what may be written through it.
struct StoreOptions {
  milliseconds busy_timeout{2'000};    // a write waits this long for another connection's, then: Overloaded
  std::size_t cache_bytes = 16 << 20;  // SQLite's page cache, per connection
  /// Of the file, read in place; all connections share its pages. The most that SQLite maps unless built otherwise.
  std::size_t mmap_bytes = 0x7fff0000;
  std::size_t devices_per_user_max = 20;      // one more is refused: dropping the oldest would hide a client's fault
  std::size_t mutes_per_user_max = 1'000;     // expired ones count until they are removed or set anew
  std::size_t changes_named_max = 10'000;     // more at once, and changes() says: everything
  std::size_t import_named_max = 2'000;       // a bulk write of more rows names its apps, not each receiver
  std::size_t certificate_versions_max = 20;  // kept of a certificate beside the one in use; the oldest go

  // Of PostgreSQL alone (postgres.h). busy_timeout is how long a statement waits for another connection's lock there.
  std::string password_file;                // mode 0600 (secret_file.h); empty: PGPASSFILE, ~/.pgpass, or none
  milliseconds connect_timeout{5'000};      // of a connection, with TLS and log-in
  milliseconds statement_timeout{10'000};   // of a statement; what is slower is given up by the server
  milliseconds migration_timeout{600'000};  // of a step of the schema, also of one that another process takes
  milliseconds changes_keep{600'000};       // rows of the change feed that are older are deleted, …
  std::size_t changes_rows_max = 131'072;   // … and the oldest beyond it; a reader further behind drops all its copies
  std::stop_token stop;                     // ends every wait for the server: ShuttingDown
};

/// One connection; single-threaded. Open one per thread on the same file or database. Input is checked at the door:
/// Malformed names the field and its limit (limits.h). Every call may also fail with Io (the database's words) or
/// Overloaded (another connection holds the write lock; nothing happened). A failed write has changed nothing. Behind a
/// network two more are possible, Io because the connection was lost and Timeout: whether a write happened is not
/// known.
class Store {
 public:
  virtual ~Store() = default;

  /// Runs `work` in one transaction: what this connection's calls wrote in it is kept where it returns no error, and
  /// only as a whole. The write lock is held meanwhile. Behind a network a connection that is lost in between is Io.
  virtual Result<void> together(const std::function<Result<void>()>& work) = 0;
  /// To the audit log, which AdminStore reads. Longer texts are cut where a character ends.
  virtual Result<void> add_audit(const AuditEntry& entry) = 0;

  // Certificates. A name is unique within (app, vendor).
  /// Malformed: the name is taken. Unauthorized: no master key to seal with.
  virtual Result<Certificate> add_certificate(const NewCertificate& certificate) = 0;
  /// As add_certificate(), under an id of the caller's, for one that comes from another store. Malformed: the id is, or
  /// was, another's here. Of what was purged nothing is known, its id included.
  virtual Result<Certificate> put_certificate(CertificateId id, const NewCertificate& certificate) = 0;
  /// An edit: same id and status, next version, everything else as given. `made_of`: the version that it began with; of
  /// two edits of one version only the first is taken. NotFound; Malformed where app or vendor would change, or another
  /// version is in use by now.
  virtual Result<Certificate> replace_certificate(CertificateId id, const NewCertificate& certificate,
                                                  std::optional<std::int64_t> made_of = std::nullopt) = 0;
  virtual Result<Certificate> set_certificate_status(CertificateId id, CertificateStatus status) = 0;  // NotFound
  virtual Result<std::vector<Certificate>> certificates(std::optional<AppId> app) = 0;  // by id; nullopt: all apps'
  virtual Result<Certificate> certificate(CertificateId id) = 0;                        // NotFound
  virtual Result<CertificateSecret> secret(CertificateId id) = 0;  // Unauthorized: the master key does not open it
  virtual Result<void> remove_certificate(CertificateId id) = 0;   // NotFound; Malformed while devices use it

  // What certificates were. An edit, a change of the status and a removal keep the version before it, secret included.
  /// Who stands beside the writes of certificates that follow ("cli:root", "console:vinson").
  void write_as(std::string who) { author_ = std::move(who); }
  /// The newest first; that in use is the first, unless the certificate was removed. NotFound: neither.
  virtual Result<std::vector<CertificateVersion>> certificate_versions(CertificateId id) = 0;
  /// The last version of each that was removed and not purged, by id.
  virtual Result<std::vector<CertificateVersion>> removed_certificates(std::optional<AppId> app) = 0;
  virtual Result<CertificateSecret> secret_of_version(CertificateId id, std::int64_t version) = 0;  // as secret()
  /// What it was then becomes its next version; the status stays. One that was removed is there again, under its id,
  /// with the status that it had. NotFound: no such version; Malformed: it is in use, or its name is taken by now.
  virtual Result<Certificate> roll_back_certificate(CertificateId id, std::int64_t version) = 0;
  /// Forgets all versions that are not in use, secrets included; how many.
  virtual Result<std::size_t> purge_certificate(CertificateId id) = 0;
  /// Seals anew, by the master key that seals now, each secret that another one sealed, earlier versions included; all
  /// in one commit. Nobody notices: readers open both (Sealer). Unauthorized: no master key.
  virtual Result<Rekeyed> rekey_certificates() = 0;

  // Devices. set: insert or replace by (app, user, device). The certificate is what the phone reports, whether there is
  // one of that id or not: a push to it says so. What can be pushed to (ios, android, not logged out) needs a
  // certificate and a token; others may have certificate 0 and no token.
  /// A token has one owner: another row of this app with the same token and certificate goes in the same transaction.
  /// Unless it was registered later: then this report is old, and nothing is written.
  virtual Result<void> set_device(AppId app, std::string_view user_id, const Device& device) = 0;
  virtual Result<void> remove_device(AppId app, std::string_view user_id, std::string_view device_id) = 0;  // NotFound
  struct DeviceRow {
    AppId app;
    std::string user_id;
    Device device;
  };
  /// By user, then device id; the first `limit` of them.
  virtual Result<std::vector<DeviceRow>> devices(AppId app, std::optional<std::string_view> user_id,
                                                 std::size_t limit) = 0;
  /// Those that reported this token's text for that certificate, whatever app and user; the latest registration first.
  virtual Result<std::vector<DeviceRow>> devices_with_token(CertificateId certificate, std::string_view token,
                                                            std::size_t limit) = 0;
  /// Compare-and-delete on token and registration time; true if a row went.
  virtual Result<bool> remove_token(AppId app, std::string_view user_id, const Device& device) = 0;
  /// The same for many in one commit; in order, whether each row went.
  virtual Result<std::vector<bool>> remove_tokens(std::span<const DeviceRow> rows) = 0;
  /// Compare-and-set: the row that still has this token and registration time gets another token, registered at `at`;
  /// the rest of it stays as it is now. True if there was such a row. As in set_device, a token has one owner: another
  /// row that has `to` goes, unless it was registered later, for then this row goes.
  virtual Result<bool> move_token(const DeviceRow& row, const DeviceToken& to, WallTime at) = 0;
  /// A page of all devices, in the order of user, app and device id (bytes compared): the first `limit` of those that
  /// stand behind that of `after`, of which only the key counts; a row without a user id stands before all. Each page
  /// is of one moment, two pages are not. An empty page is the last. `app`: only this app's.
  virtual Result<std::vector<DeviceRow>> devices_after(const DeviceRow& after, std::optional<AppId> app,
                                                       std::size_t limit) = 0;

  // Removals that are held. All are forgotten with an edit of their certificate: the next version proves itself anew.
  struct KeptLimits {
    std::size_t devices_max = 0;  // of one certificate
    WallTime oldest{};            // holds of before, of any worker, are forgotten
  };
  /// `hold`: kept and since are not read. Adds to what this worker has kept of `version`; nothing where the certificate
  /// has another by now, or is gone. What is beyond devices_max counts as unkept.
  virtual Result<void> keep_removals(const RemovalHold& hold, std::int64_t version,
                                     std::span<const HeldRemoval> removals, const KeptLimits& limits) = 0;
  /// Of all workers: enough of the certificate's tokens live, so what is dead is called so again by its next push.
  virtual Result<void> forget_removals(CertificateId certificate) = 0;
  /// By certificate, then worker.
  virtual Result<std::vector<RemovalHold>> removal_holds(std::optional<AppId> app) = 0;
  virtual Result<void> approve_removals(CertificateId certificate, WallTime until) = 0;  // NotFound
  virtual Result<std::vector<RemovalApproval>> removal_approvals() = 0;                  // over or not
  /// Removes up to `limit` of the devices that are kept of it, of all workers, each only if it has registered with the
  /// same certificate and not again since; once none is left its holds are forgotten.
  struct RemovedHeld {
    std::size_t looked_at = 0;  // fewer than `limit`: none is left
    std::size_t removed = 0;
  };
  virtual Result<RemovedHeld> remove_held(CertificateId certificate, std::size_t limit) = 0;

  // Settings and mutes. set: insert or replace; what is not there is already removed.
  virtual Result<void> set_settings(AppId app, std::string_view user_id, const PushSettings& settings) = 0;
  virtual Result<void> set_mute(AppId app, std::string_view user_id, const Mute& mute) = 0;
  virtual Result<void> remove_mute(AppId app, std::string_view user_id, Mute::Kind kind, std::string_view target) = 0;
  struct UserRow {
    AppId app;
    std::string user_id;
    std::optional<PushSettings> settings;  // absent: import leaves them as they are
    std::vector<Mute> mutes;
  };
  /// As devices_after(), in the order of user and app: users of whom settings or mutes are stored, with both. Each mute
  /// counts as a row of `limit`, so that many mutes make the page shorter.
  virtual Result<std::vector<UserRow>> users_after(const UserRow& after, std::optional<AppId> app,
                                                   std::size_t limit) = 0;

  // Bulk writes: all rows in one commit, by the rules of set_device, set_settings and set_mute, as if each were set
  // after the one before it. A row that a rule refuses is left out, whole, and named; the others are written. The write
  // lock is held until the end: hand over some thousand rows at once. Up to `import_named_max` of them changes() names
  // the receivers, beyond that all of their apps.
  struct RefusedRow {
    std::size_t row = 0;  // its place in `rows`
    std::string why;      // names the field, never its value
  };
  enum class ImportMode { Write, Check };  // Check: the same, and then nothing is written
  virtual Result<std::vector<RefusedRow>> import_devices(std::span<const DeviceRow> rows, ImportMode mode) = 0;
  virtual Result<std::vector<RefusedRow>> import_users(std::span<const UserRow> rows, ImportMode mode) = 0;

  // The dispatcher's look-ups.
  /// In order, all of one moment; an unknown user is an empty Receiver. Mutes come whether they have expired or not.
  virtual Result<std::vector<Receiver>> receivers(std::span<const ReceiverKey> keys) = 0;
  virtual Result<bool> app_known(AppId app) = 0;  // has a certificate or a device
  /// What other connections, of this or another process, have committed since the last call, for those who keep copies;
  /// the first call names nothing and begins there. This connection's own commits may be named too. Cheap while nothing
  /// was written: ask before each batch. Their age is told on PostgreSQL, whose readers look by a timer.
  virtual Result<Changes> changes() = 0;

 protected:
  std::string author_;
};

/// Opens (and migrates) the file; ":memory:" is a store of its own that dies with it. `sealer` may be null: then
/// secrets can be neither written nor read, and say so; it is shared with the process' other connections. Malformed:
/// the file is another program's or a newer Nightpost's, and stays untouched.
Result<std::unique_ptr<Store>> open_sqlite(const std::string& path, std::shared_ptr<const Sealer> sealer,
                                           const StoreOptions& options = {});

}  // namespace nightpost::store
