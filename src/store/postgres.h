// The Store over PostgreSQL 14 or newer, for workers on many machines.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "core/time.h"
#include "store/store.h"

namespace nightpost::store {

/// Connects, makes or migrates the tables in the connection's default schema. `url` is libpq's
/// (postgresql://user@host:port/database?sslmode=verify-full), without a password. `sealer` as in open_sqlite().
/// A connection that is lost is opened again by the next call; a look-up is then repeated, a write never. Blocks:
/// connect_timeout for a connection, statement_timeout for a statement, and each call is a few statements. Malformed:
/// the address; the tables are a newer Nightpost's or another program's, and stay untouched. Unauthorized: the log-in.
/// Overloaded: the server has no connection left, starts or stops. Io: it cannot be reached.
Result<std::unique_ptr<Store>> open_postgres(const std::string& url, std::shared_ptr<const Sealer> sealer,
                                             const StoreOptions& options = {});

/// The same store, without a look at its tables; connects with the first call. REQUIRED: open_postgres() has found them
/// good.
std::unique_ptr<Store> attach_postgres(const std::string& url, std::shared_ptr<const Sealer> sealer,
                                       const StoreOptions& options = {});
/// Overloaded: the server takes no writes now, it is a standby or read-only. REQUIRED: a store of open_postgres() or
/// attach_postgres().
Result<void> check_writable(Store& store);
/// The addresses of the hosts that `url` names, as libpq's `hostaddr` takes them: one a host, with commas, an empty one
/// for a socket's folder, or where the look-up fails. For those whose thread must not wait for it. Blocks.
std::string look_up_hosts(const std::string& url);

/// For ops: what answers there. Changes nothing. Errors of open_postgres().
struct PostgresFacts {
  std::string server;  // its version, "15.18 (Debian 15.18-0+deb12u1)"
  bool encrypted = false;
  bool writable = false;  // false: a standby, or read-only by its settings
  milliseconds connected_in{0};
  std::chrono::microseconds answered_in{0};  // one question and answer
  std::int64_t schema = 0;                   // 0: no tables yet
  std::int64_t schema_ours = 0;              // what this binary writes
};
Result<PostgresFacts> look_at_postgres(const std::string& url, const StoreOptions& options = {});

}  // namespace nightpost::store
