// The statements of callbacks, prepared once per connection.
#pragma once

#include "core/result.h"
#include "im/store/sql.h"

namespace nightpost::im {

struct CallbackQueries {
  using Statement = sql::Statement;
  Statement add, after, count, settle, prune, wire_name;

  static Result<CallbackQueries> prepare(sql::Database& database);
};

}  // namespace nightpost::im
