// The statements of calls, prepared once per connection.
#pragma once

#include "core/result.h"
#include "im/store/sql.h"

namespace nightpost::im {

struct CallQueries {
  using Statement = sql::Statement;
  Statement add, call, save, due, next_due, open_count, of_inviter, of_invited, old, erase;
  Statement user_add, user_save, users, users_erase;

  static Result<CallQueries> prepare(sql::Database& database);
};

}  // namespace nightpost::im
