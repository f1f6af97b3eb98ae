// Prepared statements with typed arguments and columns. One thread, that of their connection.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/c_handle.h"
#include "core/result.h"

namespace nightpost::store {

/// What SQLite said, in one line and with the code a caller can act on: Overloaded while another connection writes,
/// Malformed where a table's rule refused, else Io. `what` names the table.
Error error_of(sqlite3* db, int code, std::string_view what);

struct Blob {
  std::string_view bytes;
};
struct Null {};

/// A running query. At most one per statement; its end frees the statement for the next. Errors are sticky, as with a
/// stream: next() turns false, then ask done().
class Rows {
 public:
  Rows(sqlite3_stmt* statement, std::string_view what) noexcept : statement_(statement), what_(what) {}
  Rows(Rows&& other) noexcept
      : statement_(std::exchange(other.statement_, nullptr)), what_(other.what_), code_(other.code_) {}
  Rows& operator=(Rows&&) = delete;
  ~Rows() { sqlite3_reset(statement_); }

  bool next() noexcept { return (code_ = sqlite3_step(statement_)) == SQLITE_ROW; }
  /// After next() was false: whether that was the end (SQLite's words otherwise).
  Result<void> done() const;

  std::int64_t integer(int column) const noexcept { return sqlite3_column_int64(statement_, column); }
  /// Valid until the next call of next(). The blob accessor: it skips the terminating zero nobody here needs.
  std::string_view text(int column) const noexcept {
    const char* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  bool null(int column) const noexcept { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

 private:
  sqlite3_stmt* statement_;
  std::string_view what_;
  int code_ = SQLITE_ROW;
};

class Statement {
 public:
  Statement() = default;
  /// `what` names the table in errors. REQUIRED: static storage.
  static Result<Statement> prepare(sqlite3* db, std::string_view sql, std::string_view what);

  /// Arguments go to ?1, ?2, … and are not copied: REQUIRED that they outlive the Rows.
  template <class... Args>
  Rows query(const Args&... args) {
    int index = 0;
    (bind(++index, args), ...);
    return Rows(handle_.get(), what_);
  }
  /// Runs to the end; how many rows were inserted, updated or deleted (without those of cascades and triggers).
  template <class... Args>
  Result<std::int64_t> change(const Args&... args) {
    return changed(query(args...));
  }

 private:
  Result<std::int64_t> changed(Rows&& rows);
  template <std::integral Int>
  void bind(int index, Int value) {
    sqlite3_bind_int64(handle_.get(), index, static_cast<std::int64_t>(value));
  }
  void bind(int index, std::string_view text) {  // a null pointer would be NULL, and an empty view may be one
    sqlite3_bind_text64(handle_.get(), index, text.data() ? text.data() : "", text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  void bind(int index, Blob blob) {
    sqlite3_bind_blob64(handle_.get(), index, blob.bytes.data() ? blob.bytes.data() : "", blob.bytes.size(),
                        SQLITE_STATIC);
  }
  void bind(int index, Null) { sqlite3_bind_null(handle_.get(), index); }

  Handle<sqlite3_stmt, sqlite3_finalize> handle_;
  std::string_view what_;
};

}  // namespace nightpost::store
