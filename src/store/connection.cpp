#include "store/connection.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string_view>

namespace nightpost::store {
namespace {

constexpr std::string_view kInMemory = ":memory:";

/// SQLite would create it with the umask's mode; tokens and sealed secrets are nobody else's business. The -wal and
/// -shm files take the mode of this one.
void create_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_CLOEXEC | O_WRONLY, 0600);
  if (fd >= 0) ::close(fd);  // any error: SQLite meets it again, and has the words
}

Result<std::string> journal_mode(sqlite3* db) {
  auto statement = Statement::prepare(db, "PRAGMA journal_mode=WAL", "store file");
  if (!statement) return std::unexpected(std::move(statement.error()));
  Rows rows = statement->query();
  std::string mode;
  while (rows.next()) mode = rows.text(0);
  if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  return mode;
}

/// Two processes that open a new file at the same moment both want it in WAL mode, and SQLite refuses one of them
/// without asking the busy handler; so the wait is ours.
Result<std::string> journal_mode_within(sqlite3* db, milliseconds patience) {
  constexpr milliseconds kPause{10};
  for (milliseconds waited{0};; waited += kPause) {
    auto mode = journal_mode(db);
    if (mode || mode.error().code != Errc::Overloaded || waited >= patience) return mode;
    sqlite3_sleep(static_cast<int>(kPause.count()));
  }
}

/// SQLite counts what it allocates, for statistics that nobody reads here, under one mutex that all connections share:
/// a tenth of what a message of the IM server costs. Before its first use only; where something else was first, the
/// counting goes on and nothing else differs.
void count_no_allocations() { [[maybe_unused]] static const int code = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

}  // namespace

Result<void> Connection::run(const char* sql, std::string_view what) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  return std::unexpected(error_of(handle_.get(), code, what));
}

Result<std::int64_t> Connection::number(std::string_view sql, std::string_view what) {
  auto statement = Statement::prepare(handle_.get(), sql, what);
  if (!statement) return std::unexpected(std::move(statement.error()));
  Rows rows = statement->query();
  std::int64_t out = 0;
  if (rows.next()) out = rows.integer(0);
  if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

Result<Connection> Connection::open(const std::string& path, const StoreOptions& options) {
  if (path.empty()) return fail(Errc::Malformed, "store file: no path given");  // SQLite would make a temporary one
  if (path != kInMemory) create_private(path);
  count_no_allocations();
  Connection out;
  out.path_ = path;
  sqlite3* raw = nullptr;
  // NOMUTEX: one thread per connection is our contract.
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  out.handle_.reset(raw);
  if (code != SQLITE_OK) return std::unexpected(error_of(raw, code, "store file " + path));
  sqlite3_busy_timeout(raw, static_cast<int>(options.busy_timeout.count()));
  return out;
}

Result<void> Connection::configure(const StoreOptions& options) {
  const std::string what = "store file " + path_;
  // 8 KiB: keyed tables keep whole rows in inner pages too, and larger ones make the tree a level lower. Only a new
  // file takes it.
  if (auto set = run("PRAGMA page_size=8192", what); !set) return set;
  const auto mode = journal_mode_within(handle_.get(), options.busy_timeout);
  if (!mode) return fail(mode.error().code, what + ": " + mode.error().detail);
  if (*mode != (path_ == kInMemory ? "memory" : "wal"))
    return fail(Errc::Io, what + ": its file system cannot hold a write-ahead log");
  // NORMAL with WAL: a power cut may take the last commits with it, never the file's order.
  const std::string pragmas =
      "PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
      "PRAGMA trusted_schema=OFF; PRAGMA journal_size_limit=67108864;"
      "PRAGMA cache_size=-" +
      std::to_string(options.cache_bytes / 1024) + "; PRAGMA mmap_size=" + std::to_string(options.mmap_bytes);
  return run(pragmas.c_str(), what);
}

Result<Transaction> Transaction::begin(sqlite3* db, Kind kind) {
  const bool nested = sqlite3_get_autocommit(db) == 0;
  const char* const sql = nested ? "SAVEPOINT nested" : kind == Kind::Write ? "BEGIN IMMEDIATE" : "BEGIN";
  const int code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return std::unexpected(error_of(db, code, "store"));
  return Transaction(db, nested);
}

Transaction::~Transaction() {
  if (db_ == nullptr) return;
  sqlite3_exec(db_, nested_ ? "ROLLBACK TO nested; RELEASE nested" : "ROLLBACK", nullptr, nullptr, nullptr);
}

Result<void> Transaction::commit() {
  const int code = sqlite3_exec(db_, nested_ ? "RELEASE nested" : "COMMIT", nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return std::unexpected(error_of(db_, code, "store"));  // the destructor rolls back
  db_ = nullptr;
  return {};
}

}  // namespace nightpost::store
