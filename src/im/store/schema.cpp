#include "im/store/schema.h"

#include <string>
#include <string_view>
#include <utility>

#include "im/store/dialect.h"
#include "im/store/schema_steps.h"

namespace nightpost::im {
namespace {

constexpr std::string_view kWhat = "im_schema";

Result<void> check(std::int64_t version) {
  if (version >= 0 && version <= schema_version()) return {};
  return fail(Errc::Malformed, "im_schema: the companion's tables have version " + std::to_string(version) +
                                   ", this binary knows " + std::to_string(schema_version()) +
                                   ": run the newer Nightpost that wrote them");
}

/// What the two stores say differently of the steps.
struct File {
  store::Connection& connection;

  Result<void> run(const std::string& sql) { return connection.run(sql.c_str(), kWhat); }
  Result<store::Transaction> begin() {
    return store::Transaction::begin(connection.get(), store::Transaction::Kind::Write);
  }
  /// 0: no tables yet.
  Result<std::int64_t> version() {
    const auto there = connection.number("SELECT count(*) FROM sqlite_schema WHERE name = 'im_schema'", kWhat);
    if (!there || *there == 0) return there;
    return connection.number("SELECT version FROM im_schema", kWhat);
  }
  static std::string step(std::string_view text) { return sql::sqlite_step(text); }
  static constexpr const char* kBegin =
      "CREATE TABLE im_schema (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL) STRICT; "
      "INSERT INTO im_schema (one, version) VALUES (1, 0)";
};

struct Server {
  store::PostgresConnection& connection;

  Result<void> run(const std::string& sql) {
    auto done = connection.run(sql.c_str(), kWhat);
    return done ? Result<void>() : std::unexpected(std::move(done.error()));
  }
  Result<store::PostgresTransaction> begin() {
    auto transaction = store::PostgresTransaction::begin(connection, store::PostgresTransaction::Kind::Write);
    if (!transaction) return transaction;
    // Another lock than the IM server's own (sql.cpp): that one is held for as long as it runs.
    constexpr const char* kLock =
        "SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 1315391822))";
    if (auto locked = run(kLock); !locked) return std::unexpected(std::move(locked.error()));
    return transaction;
  }
  Result<std::int64_t> number(const char* sql) {
    auto rows = connection.run(sql, kWhat);
    if (!rows) return std::unexpected(std::move(rows.error()));
    return rows->next() ? rows->integer(0) : 0;
  }
  Result<std::int64_t> version() {
    const auto there = number(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = 'im_schema' "
        "AND n.nspname = current_schema()");
    if (!there || *there == 0) return there;
    return number("SELECT version FROM im_schema");
  }
  static std::string step(std::string_view text) { return sql::postgres_step(text); }
  // im_owner: until IM servers could share a store (im_nodes).
  static constexpr const char* kBegin =
      "CREATE TABLE im_schema (one bigint PRIMARY KEY CHECK (one = 1), version bigint NOT NULL); "
      "INSERT INTO im_schema (one, version) VALUES (1, 0); "
      "CREATE TABLE im_owner (one bigint PRIMARY KEY CHECK (one = 1), process text COLLATE \"C\" NOT NULL, "
      "commits bigint NOT NULL) WITH (fillfactor = 10); INSERT INTO im_owner (one, process, commits) VALUES (1, '', 0)";
};

/// The step from `version`, unless another process was first. The version that then stands.
template <class Store>
Result<std::int64_t> step(Store store) {
  auto transaction = store.begin();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  const auto version = store.version();
  if (!version) return version;
  if (auto ok = check(*version); !ok) return std::unexpected(std::move(ok.error()));
  if (*version == schema_version()) return version;
  const std::int64_t next = *version + 1;
  Result<void> done;
  if (*version == 0) done = store.run(Store::kBegin);
  if (done) done = store.run(Store::step(schema_steps()[static_cast<std::size_t>(*version)]));
  if (done) done = store.run("UPDATE im_schema SET version = " + std::to_string(next));
  if (done) done = transaction->commit();
  if (!done) return std::unexpected(std::move(done.error()));
  return next;
}

template <class Store>
Result<void> bring_up(Store store) {
  auto version = store.version();
  while (version) {
    if (auto ok = check(*version); !ok) return ok;
    if (*version == schema_version()) return {};
    version = step(store);
  }
  return std::unexpected(std::move(version.error()));
}

}  // namespace

std::int64_t schema_version() noexcept { return static_cast<std::int64_t>(schema_steps().size()); }

Result<std::int64_t> stored_version(store::Connection& connection) { return File{connection}.version(); }

Result<std::int64_t> stored_version(store::PostgresConnection& connection) { return Server{connection}.version(); }

Result<void> migrate(store::Connection& connection) { return bring_up(File{connection}); }

Result<void> migrate(store::PostgresConnection& connection, const store::StoreOptions& options) {
  if (const auto version = Server{connection}.version(); version && *version == schema_version()) return {};
  if (auto set = connection.set_patience(options.migration_timeout); !set) return set;
  if (auto done = bring_up(Server{connection}); !done) return done;
  return connection.set_patience(options.statement_timeout);
}

}  // namespace nightpost::im
