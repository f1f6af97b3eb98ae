#include "store/statement.h"

#include <utility>

namespace nightpost::store {

Error error_of(sqlite3* db, int code, std::string_view what) {
  // SQLite's messages name tables and columns, never values.
  const std::string detail = std::string(what) + ": " + (db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
  switch (code & 0xff) {  // the primary code of an extended one
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Errc::Overloaded, detail + " (another connection is writing; the wait for it is over)"};
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
      return {Errc::Malformed, detail};
    default:
      return {Errc::Io, detail};
  }
}

Result<void> Rows::done() const {
  if (code_ == SQLITE_DONE || code_ == SQLITE_ROW) return {};
  return std::unexpected(error_of(sqlite3_db_handle(statement_), code_, what_));
}

Result<Statement> Statement::prepare(sqlite3* db, std::string_view sql, std::string_view what) {
  sqlite3_stmt* raw = nullptr;
  const int code =
      sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  Statement out;
  out.handle_.reset(raw);
  out.what_ = what;
  if (code != SQLITE_OK) return std::unexpected(error_of(db, code, what));
  return out;
}

Result<std::int64_t> Statement::changed(Rows&& rows) {
  while (rows.next()) {
  }
  if (Result<void> done = rows.done(); !done) return std::unexpected(std::move(done.error()));
  return sqlite3_changes64(sqlite3_db_handle(handle_.get()));
}

}  // namespace nightpost::store
