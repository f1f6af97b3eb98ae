// The port of what the admin API keeps: tokens, sessions, the audit log. Tables beside the store's, on a connection of
// their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "store/audit_entry.h"
#include "store/store.h"

namespace nightpost::store {

inline constexpr std::size_t kAdminNameBytesMax = 64;
inline constexpr std::size_t kAdminTokensMax = 1'000;  // not revoked ones; of revoked ones as many are kept
inline constexpr std::size_t kAdminAppsMax = 100;      // of one token

struct AdminToken {
  enum class Kind : std::uint8_t { Token, Link };  // a link logs in once
  std::int64_t id = 0;                             // given by the store
  std::string name;
  Kind kind = Kind::Token;
  std::string role;         // "viewer", "sender", "operator", "admin"
  std::vector<AppId> apps;  // empty: all
  WallTime created_at{};
  std::string created_by;
  bool reader = false;  // reads private messages of the companion, too, whatever the role
  std::optional<WallTime> expires_at, used_at, revoked_at;  // absent: never
};

inline constexpr std::size_t kSessionIdBytes = 16;

struct AdminSession {
  std::string id;    // how its hash begins, which opens nothing; kSessionIdBytes long
  AdminToken token;  // whose it is, as that stands now
  WallTime created_at{}, used_at{}, ends_at{};
};

struct AuditQuery {
  std::vector<AppId> apps;  // empty: all, and what is of no app
  std::string who;          // empty: all
  std::string what;         // a beginning
  std::optional<WallTime> since, until;
  std::optional<std::int64_t> before;  // ids below
};

struct DeviceKey {
  AppId app;
  std::string user_id, device_id;
};

/// Which entries of the audit log may go. What is younger than `rows_before` stays however many there are: else
/// somebody could push out what he did by doing more.
struct AuditPrune {
  WallTime before{};           // older ones go
  std::uint64_t rows_max = 0;  // and those beyond so many, …
  WallTime rows_before{};      // … that are older than this
};

/// One connection; single-threaded. Errors as Store's. Hashes and names are texts without zeros, in UTF-8; what is none
/// is found nowhere and Malformed where it would be written.
class AdminStore {
 public:
  virtual ~AdminStore() = default;

  /// As Store::together().
  virtual Result<void> together(const std::function<Result<void>()>& work) = 0;

  /// Malformed: a field is not as it must be; or the name is another token's that is not revoked ("taken"); or
  /// there are too many.
  virtual Result<AdminToken> add_token(const AdminToken& token, std::string_view hash) = 0;
  virtual Result<std::vector<AdminToken>> tokens(std::size_t limit) = 0;  // links are left out; by id
  virtual Result<AdminToken> token(std::int64_t id) = 0;                  // NotFound; a link is none
  /// Whatever its state, the caller judges it; nullopt: none. Links are not found.
  virtual Result<std::optional<AdminToken>> token_of(std::string_view hash) = 0;
  virtual Result<void> touch_token(std::int64_t id, WallTime now) = 0;
  /// Ends its sessions, too. NotFound: there is none that is not revoked.
  virtual Result<void> revoke_token(std::int64_t id, WallTime now) = 0;
  /// Whoever comes first has it; nullopt: there is none, it was used, revoked or is over.
  virtual Result<std::optional<AdminToken>> use_link(std::string_view hash, WallTime now) = 0;
  /// And forgets all that began no session that stands.
  virtual Result<void> revoke_unused_links(WallTime now) = 0;

  /// `per_token_max`: its oldest ones beyond that end.
  virtual Result<void> add_session(std::string_view hash, std::int64_t token_id, WallTime now, WallTime ends_at,
                                   std::size_t per_token_max) = 0;
  virtual Result<std::optional<AdminSession>> session(std::string_view hash) = 0;
  /// Of that id; nullopt: there is none.
  virtual Result<std::optional<AdminSession>> session_of_id(std::string_view id) = 0;
  /// Those that end after `now` and were used since `used_since`; the latest that began first.
  virtual Result<std::vector<AdminSession>> sessions(WallTime used_since, WallTime now, std::size_t limit) = 0;
  virtual Result<void> remove_session_of_id(std::string_view id) = 0;  // NotFound
  virtual Result<void> touch_session(std::string_view hash, WallTime now) = 0;
  virtual Result<void> remove_session(std::string_view hash) = 0;
  /// Those that are over or were used last before `used_before`.
  virtual Result<void> prune_sessions(WallTime used_before, WallTime now) = 0;

  /// Longer texts are cut where a character ends.
  virtual Result<void> add_audit(const AuditEntry& entry) = 0;
  /// The latest first.
  virtual Result<std::vector<AuditEntry>> audit(const AuditQuery& query, std::size_t limit) = 0;
  /// Deletes the oldest entries that may go, at most `limit` of them; how many went.
  virtual Result<std::size_t> prune_audit(const AuditPrune& prune, std::size_t limit) = 0;

  /// Devices whose token begins so, by token; Store::devices() has the rest of them. `app`: only this app's.
  virtual Result<std::vector<DeviceKey>> devices_by_token(std::string_view prefix, std::optional<AppId> app,
                                                          std::size_t limit) = 0;
};

/// Opens (and migrates) the file of open_sqlite().
Result<std::unique_ptr<AdminStore>> open_sqlite_admin(const std::string& path, const StoreOptions& options = {});
/// As open_postgres().
Result<std::unique_ptr<AdminStore>> open_postgres_admin(const std::string& url, const StoreOptions& options = {});

}  // namespace nightpost::store
