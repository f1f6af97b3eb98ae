// Several writes in one transaction, and their entry in the audit log among them.
#include "store/admin_queries.h"
#include "store/audit_row.h"
#include "store/sqlite_store.h"

namespace nightpost::store {

Result<void> SqliteStore::together(const std::function<Result<void>()>& work) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  if (auto done = work(); !done) return done;
  return transaction->commit();
}

Result<void> SqliteStore::add_audit(const AuditEntry& entry) {
  const AdminSql& words = admin_sql(AdminQuery::AuditAdd);
  auto statement = Statement::prepare(connection_.get(), words.sql, words.table);
  if (!statement) return std::unexpected(std::move(statement.error()));
  return insert_audit(entry, [&](const auto&... columns) { return statement->change(columns...); });
}

}  // namespace nightpost::store
