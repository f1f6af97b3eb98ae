// The statements of what the console looks at, prepared once per connection. None of them writes.
#pragma once

#include "core/result.h"
#include "im/store/sql.h"

namespace nightpost::im {

struct ConsoleQueries {
  using Statement = sql::Statement;
  Statement users, user, terminals, silence, friends, blacks, fields, groups_of;
  Statement terminal_counts, accounts_count, groups_count;
  Statement groups, group, members, applications, applications_waiting;
  Statement chats, conv_of, place, messages, imported;
  Statement words, words_count, settings;

  static Result<ConsoleQueries> prepare(sql::Database& database);
};

}  // namespace nightpost::im
