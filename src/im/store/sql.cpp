#include "im/store/sql.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "core/uuid.h"
#include "im/store/dialect.h"

namespace nightpost::im::sql {
namespace {

using std::chrono::steady_clock;
using store::PostgresQuery;

constexpr std::string_view kWhat = "im store";
constexpr milliseconds kLockAgain{20};
constexpr milliseconds kLockPatience{2'000};  // the session of a process that was killed ends within moments

// A lock a schema, and one a process; 1315391821, "NgIM", sets them apart from other advisory locks of the database. IM
// servers share the schema's; those before they could share a store took it for themselves, and keep these out.
constexpr PostgresQuery kShare = {"im_lock", kWhat,
                                  "SELECT pg_try_advisory_lock_shared(hashtextextended(current_schema(), 1315391821))"};
constexpr PostgresQuery kOwn = {
    "im_lock_own", kWhat,
    "SELECT pg_try_advisory_lock(hashtextextended(current_schema()::text || $1::text, 1315391821))"};
constexpr PostgresQuery kSelf = {
    "im_self", kWhat,
    "SELECT pg_backend_pid(), coalesce((SELECT backend_start::text FROM pg_stat_activity WHERE pid = "
    "pg_backend_pid()), '')"};
// A pid alone may be another's by now.
constexpr PostgresQuery kEnd = {
    "im_end_former", kWhat,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1::text::bigint AND "
    "backend_start = $2::text::timestamptz"};
constexpr PostgresQuery kBeginWrite = {"im_begin_write", kWhat, "BEGIN ISOLATION LEVEL READ COMMITTED"};
constexpr PostgresQuery kBeginRead = {"im_begin_read", kWhat, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"};
constexpr PostgresQuery kCommit = {"im_commit", kWhat, "COMMIT"};

std::string drawn() {
  std::random_device random;
  return hex_of({std::to_string(random()), std::to_string(random()), std::to_string(random())});
}

}  // namespace

Database::Database(const store::StoreOptions& options, Use use, Reconnect reconnect)
    : options_(options), use_(use), reconnect_(reconnect), process_(drawn()) {}

Result<std::unique_ptr<Database>> Database::open(const store::StoreUrl& url, const store::StoreOptions& options,
                                                 Use use, Reconnect reconnect) {
  std::unique_ptr<Database> out(new Database(options, use, reconnect));
  if (url.kind == store::StoreUrl::Kind::Sqlite) {
    auto file = store::Connection::open(url.place, options);
    if (!file) return std::unexpected(std::move(file.error()));
    out->file_.emplace(*std::move(file));
    return out;
  }
  auto connection = store::PostgresConnection::open(url.place, options);
  if (!connection) return std::unexpected(std::move(connection.error()));
  out->server_.emplace(*std::move(connection));
  if (auto done = out->ready(); !done) return std::unexpected(std::move(done.error()));
  return out;
}

Result<void> Database::ready() {
  if (!server_) return {};
  Server& server = *server_;
  const bool stands = !server.connection.lost() && server.session == server.connection.session();
  if (!stands && steady_clock::now() < server.retry_at)
    return fail(Errc::Overloaded, std::string(kWhat) + ": the server is away, and was asked a moment ago");
  auto done = server.connection.ready();
  if (done && server.session != server.connection.session()) done = set_up();
  if (done) {
    server.backoff = milliseconds(0);
    return done;
  }
  server.backoff = std::clamp(server.backoff * 2, reconnect_.first, std::max(reconnect_.first, reconnect_.max));
  server.retry_at = steady_clock::now() + server.backoff;
  return done;
}

Result<void> Database::set_up() {
  Server& server = *server_;
  if (use_ == Use::Write)
    if (auto locked = take_locks(); !locked) return locked;
  for (const Prepared& each : prepared_)
    if (auto sent = server.connection.prepare_later(each.query); !sent) return sent;
  if (auto done = server.connection.settle(); !done) return done;
  server.session = server.connection.session();
  return {};
}

/// Who has the process's lock knows that no former session of it writes, nor has a commit on its way: so that one,
/// which the server may still think alive, is ended first.
Result<void> Database::take_locks() {
  Server& server = *server_;
  // A server that hears no more of us ends the session, and with it the lock, after about a minute.
  constexpr const char* kKeepalives =
      "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";
  if (auto set = server.connection.run(kKeepalives, kWhat); !set) return std::unexpected(std::move(set.error()));
  if (!server.backend_start.empty()) {
    auto ended = server.connection.query(kEnd, server.backend_pid, server.backend_start);
    if (!ended) return std::unexpected(std::move(ended.error()));
  }
  for (const MonoTime until = steady_clock::now() + std::max(options_.busy_timeout, kLockPatience);;) {
    auto shared = server.connection.query(kShare);
    if (!shared) return std::unexpected(std::move(shared.error()));
    const bool shares = shared->next() && shared->flag(0);
    auto own = server.connection.query(kOwn, process_);
    if (!own) return std::unexpected(std::move(own.error()));
    if (own->next() && own->flag(0) && shares) break;
    if (steady_clock::now() >= until)
      return fail(Errc::Overloaded,
                  std::string(kWhat) + (shares ? ": an earlier session of this IM server still has its lock"
                                               : ": an IM server of an earlier version, which shares with none, has "
                                                 "this store's database: stop it first"));
    std::this_thread::sleep_for(kLockAgain);
  }
  auto self = server.connection.query(kSelf);
  if (!self) return std::unexpected(std::move(self.error()));
  if (self->next()) {
    server.backend_pid = self->text(0);
    server.backend_start = self->text(1);
  }
  return {};
}

void Database::drop() noexcept {
  if (server_) server_->connection.drop();
}

Result<void> Database::settle() { return server_ ? server_->connection.settle() : Result<void>(); }

Result<void> Database::run(const char* sql) {
  if (file_) return file_->run(sql, kWhat);
  (void)settle();
  auto done = server_->connection.run(sql, kWhat);
  return done ? Result<void>() : std::unexpected(std::move(done.error()));
}

bool Database::in_transaction() const noexcept { return file_ ? sqlite3_get_autocommit(file_->get()) == 0 : !lost(); }

Result<Statement> Statement::prepare(Database& database, std::string_view sql, std::string_view what) {
  Statement out;
  if (database.file_) {
    auto statement = store::Statement::prepare(database.file_->get(), sql, what);
    if (!statement) return std::unexpected(std::move(statement.error()));
    out.file_ = *std::move(statement);
    return out;
  }
  auto& made = database.prepared_.emplace_back("im_" + std::to_string(database.prepared_.size() + 1),
                                               postgres_statement(sql), PostgresQuery{});
  made.query = {made.name.c_str(), what, made.text.c_str()};
  out.server_ = &database.server_->connection;
  out.query_ = &made.query;
  if (auto sent = out.server_->prepare_later(made.query); !sent) return std::unexpected(std::move(sent.error()));
  return out;
}

Result<Transaction> Transaction::begin(Database& database) {
  const bool writes = database.use() == Use::Write;
  Transaction out;
  if (store::Connection* const file = database.file()) {
    auto begun = store::Transaction::begin(file->get(),
                                           writes ? store::Transaction::Kind::Write : store::Transaction::Kind::Read);
    if (!begun) return std::unexpected(std::move(begun.error()));
    out.file_.emplace(*std::move(begun));
    return out;
  }
  out.server_ = &database;
  if (auto begun = database.server()->later(writes ? kBeginWrite : kBeginRead); !begun)
    return std::unexpected(std::move(begun.error()));
  return out;
}

Transaction::~Transaction() {
  if (server_ == nullptr || server_->lost()) return;
  (void)server_->run("ROLLBACK");
}

Result<void> Transaction::commit() {
  if (file_) return file_->commit();
  Database& database = *std::exchange(server_, nullptr);
  auto done = database.server()->query(kCommit);
  if (!done) return std::unexpected(std::move(done.error()));
  if (done->command() != "COMMIT") return fail(Errc::Io, std::string(kWhat) + ": the server rolled it back");
  return {};
}

}  // namespace nightpost::im::sql
