// The companion's tables, as numbered steps from a store without them to today's.
#pragma once

#include <cstdint>

#include "core/result.h"
#include "store/connection.h"
#include "store/postgres_connection.h"

namespace nightpost::im {

/// What this binary writes; stands in the table im_schema, with the same steps on both stores.
std::int64_t schema_version() noexcept;

/// What a store has; 0: no companion was there. Changes nothing.
Result<std::int64_t> stored_version(store::Connection& connection);
Result<std::int64_t> stored_version(store::PostgresConnection& connection);

/// Brings the tables up to schema_version(), each step in a transaction of its own; of several processes at once, one
/// does the work. REQUIRED: the file is the store's, configured (store/migrations.h). Malformed: a newer Nightpost's,
/// and nothing was changed.
Result<void> migrate(store::Connection& connection);
/// The same. REQUIRED: the store's tables are there (store/postgres_migrations.h). A step takes migration_timeout at
/// most, also one of another process.
Result<void> migrate(store::PostgresConnection& connection, const store::StoreOptions& options);

}  // namespace nightpost::im
