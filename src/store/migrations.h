// The schemas, as numbered steps from an empty file to today's.
#pragma once

#include <cstdint>
#include <span>

#include "core/result.h"
#include "store/connection.h"

namespace nightpost::store {

struct Schema {
  std::int64_t application_id;         // tells its files from others' (SQLite file format §1.3.17)
  std::span<const char* const> steps;  // step n brings a file from version n to n+1
};
extern const Schema kStoreSchema;  // store.h
extern const Schema kTraceSchema;  // trace_store.h

/// What this binary writes; stands in the file as PRAGMA user_version.
std::int64_t schema_version(const Schema& schema = kStoreSchema) noexcept;

/// The file's version; 0 where it is empty. Malformed: it is of a newer Nightpost, or of another program.
Result<std::int64_t> version_of(Connection& connection, const Schema& schema = kStoreSchema);

/// Brings the file up to schema_version() in one transaction; of several processes at once, one does the work. Errors
/// of version_of() leave the file as it was.
Result<void> migrate(Connection& connection, const Schema& schema = kStoreSchema);

}  // namespace nightpost::store
