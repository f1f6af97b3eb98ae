// The schema, as numbered steps from an empty file to today's.
#pragma once

#include <cstdint>

#include "core/result.h"
#include "store/connection.h"

namespace nightpost::store {

/// What this binary writes; stands in the file as PRAGMA user_version.
std::int64_t schema_version() noexcept;

/// The file's version; 0 where it is empty. Malformed: it is of a newer Nightpost, or of another program.
Result<std::int64_t> version_of(Connection& connection);

/// Brings the file up to schema_version() in one transaction; of several processes at once, one does the work. Errors
/// of version_of() leave the file as it was.
Result<void> migrate(Connection& connection);

}  // namespace nightpost::store
