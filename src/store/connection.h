// One SQLite connection, set up the way every connection of Nightpost is. Single-threaded.
#pragma once

#include <sqlite3.h>

#include <string>
#include <utility>

#include "core/c_handle.h"
#include "core/result.h"
#include "store/statement.h"
#include "store/store.h"

namespace nightpost::store {

class Connection {
 public:
  /// Opens the file, or creates it readable by its owner only. Changes nothing in it. Io: SQLite's words.
  static Result<Connection> open(const std::string& path, const StoreOptions& options);
  /// WAL mode, limits and safety settings. REQUIRED: the file is ours (migrations.h). Malformed: it is no SQLite file;
  /// Io: its file system cannot hold a write-ahead log.
  Result<void> configure(const StoreOptions& options);

  sqlite3* get() const noexcept { return handle_.get(); }
  /// For statements without arguments and results. `what` as in Statement.
  Result<void> run(const char* sql, std::string_view what);
  /// The first column of the first row.
  Result<std::int64_t> number(std::string_view sql, std::string_view what);

 private:
  std::string path_;
  Handle<sqlite3, sqlite3_close_v2> handle_;
};

/// A transaction from begin() until commit(), or rolled back where it goes out of scope. Within another one it is a
/// savepoint of that: kept with it, and undone alone.
class Transaction {
 public:
  enum class Kind { Read, Write };  // Write takes the write lock at once, so it cannot fail half way for want of it
  static Result<Transaction> begin(sqlite3* db, Kind kind);
  Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)), nested_(other.nested_) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  Transaction(sqlite3* db, bool nested) noexcept : db_(db), nested_(nested) {}
  sqlite3* db_;  // null: over
  bool nested_;
};

}  // namespace nightpost::store
