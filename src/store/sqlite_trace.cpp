#include <algorithm>
#include <utility>

#include "store/connection.h"
#include "store/limits.h"
#include "store/migrations.h"
#include "store/statement.h"
#include "store/trace_store.h"

namespace nightpost::store {
namespace {

constexpr std::string_view kHopsTable = "trace";

struct TraceQueries {
  Statement add, of_event, of_event_and_user, of_user, oldest, prune;

  static Result<TraceQueries> prepare(sqlite3* db) {
    struct Line {
      Statement TraceQueries::* statement;
      std::string_view sql;
    };
    constexpr Line kTraceLines[] = {
        {&TraceQueries::add,
         "INSERT INTO hops (written_at, event_id, app_id, user_id, device_id, hop, at, facts) "
         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
        {&TraceQueries::of_event,
         "SELECT event_id, app_id, user_id, device_id, hop, at, facts FROM hops WHERE event_id = ?1 "
         "ORDER BY id LIMIT ?2"},
        {&TraceQueries::of_event_and_user,
         "SELECT event_id, app_id, user_id, device_id, hop, at, facts FROM hops WHERE event_id = ?1 AND "
         "user_id IN ('', ?3) ORDER BY id LIMIT ?2"},
        // Beside max(), SQLite takes the other columns from the row that holds the maximum.
        {&TraceQueries::of_user,
         "SELECT event_id, app_id, user_id, device_id, hop, max(at), facts FROM hops WHERE user_id = ?1 AND "
         "app_id = ?2 AND at >= ?3 AND user_id <> '' GROUP BY event_id ORDER BY max(at) DESC, event_id LIMIT ?4"},
        {&TraceQueries::oldest, "SELECT written_at FROM hops ORDER BY id LIMIT 1"},
        // Ids count up, so the oldest are the first, and max - min + 1 is how many there are, or a little more.
        {&TraceQueries::prune,
         "DELETE FROM hops WHERE id < (SELECT min(id) FROM hops) + ?3 AND "
         "(written_at < ?1 OR id <= (SELECT max(id) FROM hops) - ?2)"},
    };
    TraceQueries out;
    for (const Line& line : kTraceLines) {
      auto statement = Statement::prepare(db, line.sql, kHopsTable);
      if (!statement) return std::unexpected(std::move(statement.error()));
      out.*line.statement = std::move(*statement);
    }
    return out;
  }
};

class SqliteTrace final : public TraceStore {
 public:
  SqliteTrace(Connection connection, TraceQueries queries)
      : connection_(std::move(connection)), queries_(std::move(queries)) {}

  Result<void> add(std::span<const TraceHop> hops, WallTime now) override {
    auto transaction = Transaction::begin(connection_.get(), Transaction::Kind::Write);
    if (!transaction) return std::unexpected(std::move(transaction.error()));
    for (const TraceHop& hop : hops) {
      auto added = queries_.add.change(to_ms(now), hop.event_id, hop.app.value, hop.user_id, hop.device_id, hop.hop,
                                       to_ms(hop.at), hop.facts);
      if (!added) return std::unexpected(std::move(added.error()));
    }
    return transaction->commit();
  }

  Result<std::vector<TraceHop>> of_event(std::string_view event_id, std::optional<std::string_view> user_id,
                                         std::size_t limit) override {
    return read(user_id ? queries_.of_event_and_user.query(event_id, bounded(limit), *user_id)
                        : queries_.of_event.query(event_id, bounded(limit)));
  }

  Result<std::vector<TraceHop>> of_user(AppId app, std::string_view user_id, WallTime since,
                                        std::size_t limit) override {
    return read(queries_.of_user.query(user_id, app.value, to_ms(since), bounded(limit)));
  }

  Result<std::optional<WallTime>> oldest() override {
    Rows rows = queries_.oldest.query();
    std::optional<WallTime> at;
    while (rows.next()) at = wall_from_ms(rows.integer(0));
    if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
    return at;
  }

  Result<std::size_t> prune(WallTime written_before, std::uint64_t rows_max, std::size_t limit) override {
    const auto rows = queries_.prune.change(to_ms(written_before), bounded(rows_max), bounded(limit));
    if (!rows) return std::unexpected(rows.error());
    return static_cast<std::size_t>(*rows);
  }

 private:
  static Result<std::vector<TraceHop>> read(Rows&& rows) {
    std::vector<TraceHop> out;
    while (rows.next())
      out.push_back({.event_id = std::string(rows.text(0)),
                     .app = {rows.integer(1)},
                     .user_id = std::string(rows.text(2)),
                     .device_id = std::string(rows.text(3)),
                     .hop = std::string(rows.text(4)),
                     .at = wall_from_ms(rows.integer(5)),
                     .facts = std::string(rows.text(6))});
    if (auto done = rows.done(); !done) return std::unexpected(std::move(done.error()));
    return out;
  }

  Connection connection_;
  TraceQueries queries_;  // after the connection: statements go first
};

}  // namespace

Result<std::unique_ptr<TraceStore>> open_sqlite_trace(const std::string& path, const StoreOptions& options) {
  auto connection = Connection::open(path, options);
  if (!connection) return std::unexpected(std::move(connection.error()));
  const auto in_file = [&](const Error& error) { return fail(error.code, "trace file " + path + ": " + error.detail); };
  if (auto version = version_of(*connection, kTraceSchema); !version) return in_file(version.error());
  if (auto done = connection->configure(options); !done) return std::unexpected(std::move(done.error()));
  if (auto done = migrate(*connection, kTraceSchema); !done) return in_file(done.error());
  auto queries = TraceQueries::prepare(connection->get());
  if (!queries) return in_file(queries.error());
  return std::make_unique<SqliteTrace>(std::move(*connection), std::move(*queries));
}

}  // namespace nightpost::store
