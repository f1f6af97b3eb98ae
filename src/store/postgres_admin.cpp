#include <array>
#include <utility>

#include "store/admin_tables.h"
#include "store/postgres_admin.h"
#include "store/postgres_connection.h"
#include "store/postgres_migrations.h"

namespace nightpost::store {

/// The same statements with PostgreSQL's parameters: ?1 as $1. No text in them holds a question mark.
const PostgresQuery& postgres_admin(AdminQuery query) {
  struct Words {
    std::array<std::string, kAdminQueries> sql;
    std::array<PostgresQuery, kAdminQueries> queries{};
    Words() {
      for (std::size_t i = 0; i < kAdminQueries; ++i) {
        const AdminSql& words = admin_sql(AdminQuery(i));
        sql[i] = words.sql;
        std::ranges::replace(sql[i], '?', '$');
        queries[i] = {words.name, words.table, sql[i].c_str()};
      }
    }
    Words(const Words&) = delete;  // queries point into it
    Words& operator=(const Words&) = delete;
  };
  static const Words kWords;
  return kWords.queries[std::size_t(query)];
}

namespace {

class PostgresAdminDb {
 public:
  explicit PostgresAdminDb(PostgresConnection connection) : connection_(std::move(connection)) {}

  template <class Visit, class... Args>
  Result<void> read(AdminQuery query, Visit visit, const Args&... args) {
    auto rows = answer(query, args...);
    if (!rows && !in_transaction_ && connection_.lost()) rows = answer(query, args...);  // a look-up may be repeated
    if (!rows) return std::unexpected(std::move(rows.error()));
    while (rows->next()) visit(*rows);
    return {};
  }
  template <class... Args>
  Result<std::int64_t> change(AdminQuery query, const Args&... args) {
    auto rows = answer(query, args...);
    if (!rows) return std::unexpected(std::move(rows.error()));
    return rows->changed();
  }
  template <class Work>
  auto write(Work work) -> decltype(work()) {
    auto transaction = PostgresTransaction::begin(connection_, PostgresTransaction::Kind::Write);
    if (!transaction) return std::unexpected(std::move(transaction.error()));
    const bool outer = std::exchange(in_transaction_, true);
    auto out = work();
    in_transaction_ = outer;
    if (!out) return out;
    if (auto held = transaction->commit(); !held) return std::unexpected(std::move(held.error()));
    return out;
  }

 private:
  template <class... Args>
  Result<PostgresRows> answer(AdminQuery query, const Args&... args) {
    if (!in_transaction_)
      if (auto ready = connection_.ready(); !ready) return std::unexpected(std::move(ready.error()));
    return connection_.query(postgres_admin(query), args...);
  }

  PostgresConnection connection_;
  bool in_transaction_ = false;
};

}  // namespace

Result<std::unique_ptr<AdminStore>> open_postgres_admin(const std::string& url, const StoreOptions& options) {
  auto connection = PostgresConnection::open(url, options);
  if (!connection) return std::unexpected(std::move(connection.error()));
  if (auto ready = migrate(*connection, options); !ready) return std::unexpected(std::move(ready.error()));
  return std::make_unique<AdminTables<PostgresAdminDb>>(PostgresAdminDb(*std::move(connection)));
}

}  // namespace nightpost::store
