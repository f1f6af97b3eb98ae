// SQL on either store: a statement has one text, and runs on a file's connection (SQLite) or a server's (PostgreSQL).
// Single-threaded.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"
#include "core/time.h"
#include "store/connection.h"
#include "store/postgres_connection.h"
#include "store/statement.h"
#include "store/store_url.h"

namespace nightpost::im::sql {

enum class Use : std::uint8_t {
  Write,  // on SQLite a commit is on the disk before it returns (synchronous=FULL), and deleted content is overwritten
          // with zeros; on PostgreSQL each of its sessions holds its process's lock, and shares that of IM servers
  Read,
};

/// A server that is away is asked again after `first`, then after twice as long, up to `max`.
struct Reconnect {
  milliseconds first{100}, max{5'000};
};

/// One connection. Statements and transactions of it end before it does.
class Database {
 public:
  /// Makes or migrates nothing. Overloaded: an IM server that shares with none has the lock (Write, PostgreSQL). Else
  /// as store::Connection::open(), store::PostgresConnection::open().
  static Result<std::unique_ptr<Database>> open(const store::StoreUrl& url, const store::StoreOptions& options, Use use,
                                                Reconnect reconnect = {});
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  store::Connection* file() noexcept { return file_ ? &*file_ : nullptr; }
  store::PostgresConnection* server() noexcept { return server_ ? &server_->connection : nullptr; }
  Use use() const noexcept { return use_; }
  /// Drawn when it was opened: the name of a writer's process among others of the store.
  const std::string& process() const noexcept { return process_; }

  /// Opens a lost connection again: takes the lock, prepares the statements. Overloaded: it failed a moment ago, or
  /// another session has the lock.
  Result<void> ready();
  /// What was asked last may have happened or not; so may a commit.
  bool lost() const noexcept { return server_ && server_->connection.lost(); }
  /// The next ready() opens another connection, for this one's server is not the one that it was.
  void drop() noexcept;
  /// Waits for what Statement::later() has on its way.
  Result<void> settle();
  /// Several statements without arguments and results. What is on its way is waited for, and may have been refused.
  Result<void> run(const char* sql);
  /// False: it was ended by SQLite itself, or with the connection.
  bool in_transaction() const noexcept;

 private:
  friend class Statement;
  struct Prepared {
    std::string name, text;
    store::PostgresQuery query;
  };
  struct Server {
    store::PostgresConnection connection;
    std::uint64_t session = 0;  // the last one that was set up
    std::string backend_pid, backend_start;
    MonoTime retry_at{};
    milliseconds backoff{0};
  };
  Database(const store::StoreOptions& options, Use use, Reconnect reconnect);
  Result<void> set_up();
  Result<void> take_locks();

  const store::StoreOptions options_;
  const Use use_;
  const Reconnect reconnect_;
  const std::string process_;
  std::deque<Prepared> prepared_;  // of a server; their addresses stay
  std::optional<store::Connection> file_;
  std::optional<Server> server_;
};

/// A running query. At most one per statement; its end frees the statement for the next. Errors are sticky, as with a
/// stream: next() turns false, then ask done(). On a server the rows are there at once, and done() may be asked first.
class Rows {
 public:
  explicit Rows(store::Rows rows) noexcept : file_(std::move(rows)) {}
  explicit Rows(Result<store::PostgresRows> rows) noexcept : file_(nullptr, ""), server_(std::move(rows)) {}

  bool next() noexcept { return server_ ? server_->has_value() && (*server_)->next() : file_.next(); }
  Result<void> done() const {
    if (!server_) return file_.done();
    return *server_ ? Result<void>() : std::unexpected(server_->error());
  }

  std::int64_t integer(int column) const noexcept {
    return server_ ? (*server_)->integer(column) : file_.integer(column);
  }
  /// Valid until the next call of next().
  std::string_view text(int column) const noexcept { return server_ ? (*server_)->text(column) : file_.text(column); }
  bool null(int column) const noexcept { return server_ ? (*server_)->null(column) : file_.null(column); }

 private:
  store::Rows file_;
  std::optional<Result<store::PostgresRows>> server_;
};

class Statement {
 public:
  Statement() = default;
  /// `sql` in the words of both (dialect.h), arguments ?1, ?2, …; `what` names the table in errors. REQUIRED: `what`
  /// has static storage. On a server it is checked by settle().
  static Result<Statement> prepare(Database& database, std::string_view sql, std::string_view what);

  /// Arguments are not copied: REQUIRED that they outlive the Rows.
  template <class... Args>
  Rows query(const Args&... args) {
    if (server_ == nullptr) return Rows(file_.query(args...));
    return Rows(server_->query(*query_, args...));
  }
  /// Runs to the end; how many rows were inserted, updated or deleted.
  template <class... Args>
  Result<std::int64_t> change(const Args&... args) {
    return server_ == nullptr ? file_.change(args...) : server_->change(*query_, args...);
  }
  /// Of what nothing is asked: a server gets it together with what is asked next, in one round trip, and may refuse it
  /// then, or at settle().
  template <class... Args>
  Result<void> later(const Args&... args) {
    if (server_ != nullptr) return server_->later(*query_, args...);
    auto changed = file_.change(args...);
    return changed ? Result<void>() : std::unexpected(std::move(changed.error()));
  }

 private:
  store::Statement file_;
  store::PostgresConnection* server_ = nullptr;  // null: a file
  const store::PostgresQuery* query_ = nullptr;  // the database's
};

/// A transaction from begin() until commit(), or rolled back where it goes out of scope. Writes on a writer's
/// connection, reads of one moment on others.
class Transaction {
 public:
  /// REQUIRED: ready(). A server hears of it with the first statement.
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept
      : file_(std::move(other.file_)), server_(std::exchange(other.server_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  /// Failed while Database::lost(): it may have happened.
  Result<void> commit();

 private:
  Transaction() = default;
  std::optional<store::Transaction> file_;
  Database* server_ = nullptr;
};

}  // namespace nightpost::im::sql
