// One PostgreSQL connection and what runs on it: prepared statements with typed arguments and columns. Blocking, with a
// limit to every wait. Single-threaded.
#pragma once

#include <libpq-fe.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/c_handle.h"
#include "core/result.h"
#include "store/postgres_wire.h"
#include "store/statement.h"
#include "store/store.h"

namespace nightpost::store {

/// Errors are in words that name the table, never a bound value or a password. Overloaded: a lock is held for longer
/// than busy_timeout, the server has no connection left, takes no writes, starts, stops or fails over, or the statement
/// took longer than statement_timeout; nothing happened. Malformed: a rule of the table refused. Timeout: no answer;
/// Io: the connection was lost, or the server's words. ShuttingDown: options.stop. After each of these a write may have
/// happened or not.
class PostgresConnection {
 public:
  /// Malformed: the address is none, or holds a password. Unauthorized: the server refuses this user, or the password
  /// file is open to others.
  static Result<PostgresConnection> open(const std::string& url, const StoreOptions& options);

  /// Not yet connected: the first ready() does it.
  static PostgresConnection later(const std::string& url, const StoreOptions& options) { return {url, options}; }

  /// REQUIRED before each call of a store that is not in a transaction: opens a lost connection again. Io: it was lost
  /// within a transaction, whose rest must not be done without its beginning.
  Result<void> ready();
  /// The last answer was the connection's end.
  bool lost() const noexcept { return lost_ || PQstatus(handle_.get()) != CONNECTION_OK; }
  /// A transaction is open here, and nothing in it has failed.
  bool in_transaction() const noexcept { return !lost() && PQtransactionStatus(handle_.get()) == PQTRANS_INTRANS; }
  /// The next ready() opens another connection.
  void drop() noexcept { lost_ = true; }
  std::uint64_t session() const noexcept { return session_; }  // another number once it was opened again
  /// Statements may take this long from here on, instead of statement_timeout.
  Result<void> set_patience(milliseconds patience);
  PGconn* get() const noexcept { return handle_.get(); }

  template <class... Args>
  Result<PostgresRows> query(const PostgresQuery& query, const Args&... args) {
    const Arguments<sizeof...(Args)> packed(args...);
    return execute(query, packed.all());
  }
  /// How many rows it inserted, updated or deleted, without those of triggers.
  template <class... Args>
  Result<std::int64_t> change(const PostgresQuery& statement, const Args&... args) {
    auto rows = query(statement, args...);
    if (!rows) return std::unexpected(std::move(rows.error()));
    return rows->changed();
  }
  /// On its way with the next query(), change(), run() or settle(), which waits for all of them: one round trip. Where
  /// one is refused, what follows is not run, and that call says so. Its rows are dropped. REQUIRED: in a transaction,
  /// or the statement that begins one.
  template <class... Args>
  Result<void> later(const PostgresQuery& statement, const Args&... args) {
    const Arguments<sizeof...(Args)> packed(args...);
    return send_later(statement, packed.all());
  }
  /// Prepares it, so that its first run costs no round trip of its own. On its way as with later().
  Result<void> prepare_later(const PostgresQuery& statement);
  Result<void> settle();
  /// One statement or more, without arguments; the rows of the last.
  Result<PostgresRows> run(const char* sql, std::string_view what);

 private:
  struct Argument {
    template <std::integral Int>
    explicit Argument(Int value) : text(std::to_string(value)), is_text_ours(true) {}
    explicit Argument(std::string_view value) : bytes(value), is_binary(true) {}
    explicit Argument(const std::string& value) : Argument(std::string_view(value)) {}
    explicit Argument(const char* value) : Argument(std::string_view(value)) {}
    explicit Argument(Blob value) : Argument(value.bytes) {}
    explicit Argument(const PostgresArray& list) : text(list.literal()), is_text_ours(true) {}
    explicit Argument(Null) : is_null(true) {}
    const char* value() const noexcept {
      if (is_null) return nullptr;
      return is_text_ours ? text.c_str() : bytes.data() ? bytes.data() : "";
    }
    std::string text;
    std::string_view bytes;  // not copied
    bool is_text_ours = false, is_binary = false, is_null = false;
  };
  struct Packed {  // as libpq takes them
    int count;
    const char* const* values;
    const int* lengths;
    const int* formats;
  };
  template <std::size_t Count>
  struct Arguments {
    template <class... Args>
    explicit Arguments(const Args&... args) : arguments{Argument(args)...} {
      for (std::size_t i = 0; i < Count; ++i) {
        values[i] = arguments[i].value();
        lengths[i] = static_cast<int>(arguments[i].bytes.size());
        formats[i] = arguments[i].is_binary ? 1 : 0;
      }
    }
    Arguments(const Arguments&) = delete;  // values point into it
    Arguments& operator=(const Arguments&) = delete;
    Packed all() const noexcept { return {static_cast<int>(Count), values.data(), lengths.data(), formats.data()}; }
    const std::array<Argument, Count> arguments;
    std::array<const char*, Count + 1> values{};
    std::array<int, Count + 1> lengths{}, formats{};
  };
  struct Sent {  // in pipeline mode, not answered yet
    std::string_view what;
    const char* prepares;  // the statement's name; null: it runs one
  };

  PostgresConnection(std::string url, StoreOptions options) : url_(std::move(url)), options_(std::move(options)) {}
  Result<void> connect();
  Result<void> set_up();
  Result<PostgresRows> execute(const PostgresQuery& query, const Packed& arguments);
  Result<void> send_later(const PostgresQuery& query, const Packed& arguments);
  bool send_pipelined(const PostgresQuery& query, const Packed& arguments);
  Result<PostgresRows> answer(std::string_view what);
  Result<PostgresRows> answer_all();
  Result<void> wait(MonoTime deadline, std::string_view what);
  Error lost_error(std::string_view what);

  friend class PostgresTransaction;

  std::string url_;
  StoreOptions options_;
  milliseconds patience_{0};
  Handle<PGconn, PQfinish> handle_;
  std::set<const char*> prepared_;
  std::vector<Sent> sent_;  // empty: not in pipeline mode
  std::uint64_t session_ = 0;
  bool lost_ = false;
  bool is_held_ = false;  // by a PostgresTransaction, within which no other connection is opened
};

/// A transaction from begin() until commit(), or rolled back where it goes out of scope. Within another one it is a
/// savepoint of that: kept with it, and undone alone.
class PostgresTransaction {
 public:
  enum class Kind { Snapshot, Write };  // Snapshot: reads of one moment
  /// Opens a lost connection again, for nothing was sent that could have happened.
  static Result<PostgresTransaction> begin(PostgresConnection& connection, Kind kind);
  PostgresTransaction(PostgresTransaction&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)), session_(other.session_), nested_(other.nested_) {}
  PostgresTransaction& operator=(PostgresTransaction&&) = delete;
  ~PostgresTransaction();
  Result<void> commit();

 private:
  PostgresTransaction(PostgresConnection& connection, bool nested) noexcept
      : connection_(&connection), session_(connection.session()), nested_(nested) {}
  PostgresConnection* connection_;  // null: over
  std::uint64_t session_;           // of the connection when it began
  bool nested_;
};

}  // namespace nightpost::store
