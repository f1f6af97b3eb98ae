#include "store/audit_row.h"
#include "store/postgres_admin.h"
#include "store/postgres_store.h"

namespace nightpost::store {

Result<void> PostgresStore::together(const std::function<Result<void>()>& work) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  if (auto done = work(); !done) return done;
  return transaction->commit();
}

Result<void> PostgresStore::add_audit(const AuditEntry& entry) {
  auto transaction = write();
  if (!transaction) return std::unexpected(std::move(transaction.error()));
  auto added = insert_audit(entry, [&](const auto&... columns) {
    return connection_.change(postgres_admin(AdminQuery::AuditAdd), columns...);
  });
  if (!added) return added;
  return transaction->commit();
}

}  // namespace nightpost::store
