// The statements of nodes (node.h) and of what is taken over from one, prepared once per connection.
#pragma once

#include "core/result.h"
#include "im/store/sql.h"

namespace nightpost::im {

struct NodeQueries {
  using Statement = sql::Statement;
  Statement nodes, note, end, forget;
  Statement intents_move, follow_ups_move, group_intents_move, unbinds_move;

  static Result<NodeQueries> prepare(sql::Database& database);
};

}  // namespace nightpost::im
