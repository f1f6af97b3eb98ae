// The companion's tables, as numbered steps from a file of the store without them to today's.
#pragma once

#include <cstdint>

#include "core/result.h"
#include "store/connection.h"

namespace nightpost::im {

/// What this binary writes; stands in the file's table im_schema.
std::int64_t schema_version() noexcept;

/// Brings the tables up to schema_version(), each step in a transaction of its own; of several processes at once, one
/// does the work. REQUIRED: the file is the store's, configured (store/migrations.h). Malformed: a newer Nightpost's,
/// and nothing was changed.
Result<void> migrate(store::Connection& connection);

}  // namespace nightpost::im
