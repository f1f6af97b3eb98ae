// PostgreSQL's schema, as numbered steps from an empty schema to today's.
#pragma once

#include <cstdint>
#include <span>

#include "core/result.h"
#include "store/postgres_connection.h"

namespace nightpost::store {

struct PostgresSchema {
  std::span<const char* const> steps;  // step n brings a schema from version n to n+1
};
extern const PostgresSchema kPostgresSchema;

/// What this binary writes; stands in the table nightpost_schema.
std::int64_t postgres_schema_version(const PostgresSchema& schema = kPostgresSchema) noexcept;

/// The version of the connection's default schema; 0: none of our tables is there. Malformed: it is of a newer
/// Nightpost, or what stands there is not ours.
Result<std::int64_t> version_of(PostgresConnection& connection, const PostgresSchema& schema = kPostgresSchema);

/// Brings it up to postgres_schema_version(), each step in a transaction of its own; of several processes at once, one
/// does a step and the others wait, for migration_timeout at most. Errors of version_of() leave it as it was.
Result<void> migrate(PostgresConnection& connection, const StoreOptions& options,
                     const PostgresSchema& schema = kPostgresSchema);

}  // namespace nightpost::store
