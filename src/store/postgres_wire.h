// What every connection to PostgreSQL shares, blocking or not: how it begins, the words of its errors, lists and rows.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/c_handle.h"
#include "core/result.h"
#include "store/store.h"

namespace nightpost::store {

/// A statement by name: prepared by a connection when it first runs there. Static storage.
struct PostgresQuery {
  const char* name;
  std::string_view table;  // names it in errors
  const char* sql;
};

/// A list as one argument: `$1::bigint[]`, `$1::text[]`. REQUIRED: no text holds a zero.
class PostgresArray {
 public:
  void add(std::int64_t number);
  void add(std::string_view text);
  std::string literal() const { return '{' + items_ + '}'; }

 private:
  std::string items_;
};

/// All rows of an answer; they live as long as this. Columns come as text.
class PostgresRows {
 public:
  explicit PostgresRows(PGresult* result) noexcept : result_(result) {}

  bool next() noexcept { return ++row_ < PQntuples(result_.get()); }
  std::int64_t integer(int column) const noexcept;
  bool flag(int column) const noexcept { return text(column) == "t"; }
  std::string_view text(int column) const noexcept {
    return {PQgetvalue(result_.get(), row_, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
  }
  std::string bytes(int column) const;  // of bytea
  bool null(int column) const noexcept { return PQgetisnull(result_.get(), row_, column) != 0; }
  std::int64_t changed() const noexcept;  // rows inserted, updated or deleted; without those of triggers
  std::string_view command() const noexcept { return PQcmdStatus(result_.get()); }  // what it was: "COMMIT"

 private:
  Handle<PGresult, PQclear> result_;
  int row_ = -1;
};

/// What PostgreSQL can hold as text: UTF-8 without zeros. What is none equals no text there is.
bool is_postgres_text(std::string_view text) noexcept;

/// Begins a connection; its owner goes on with PQconnectPoll. Blocks for the look-up of a host's name alone, where
/// `addresses` (look_up_hosts) have none. Malformed: the address is none, or holds a password. Those of
/// read_secret_file().
Result<Handle<PGconn, PQfinish>> begin_connection(const std::string& url, const StoreOptions& options,
                                                  const std::string& addresses = {});
/// Why it could not be made, in words.
Error connect_error(PGconn* connection);
/// REQUIRED once it is made. Malformed: the server is too old, or the database is not in UTF-8.
Result<void> check_connected(PGconn* connection);
/// What the server said, in words that name the table, never a bound value.
Error error_of(const PGresult* result, std::string_view what);
/// The server ends this connection, or it is gone.
bool ends_connection(const PGresult* result);

}  // namespace nightpost::store
