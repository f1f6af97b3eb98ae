// The statements of the admin tables in PostgreSQL's words.
#pragma once

#include "store/admin_queries.h"
#include "store/postgres_wire.h"

namespace nightpost::store {

const PostgresQuery& postgres_admin(AdminQuery query);

}  // namespace nightpost::store
