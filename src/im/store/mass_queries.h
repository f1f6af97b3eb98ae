// The statements of pushes to all, prepared once per connection.
#pragma once

#include "core/result.h"
#include "im/store/sql.h"

namespace nightpost::im {

struct MassQueries {
  using Statement = sql::Statement;
  Statement task_add, task, task_named, tasks_running, tasks_open, task_advance, task_state, task_count, tasks_old;
  Statement task_erase;
  Statement chunk_add, chunk, chunks, chunk_erase;
  Statement accounts, tagged, with_attribute;
  Statement names, name_set, names_erase;
  Statement attribute_set, attribute_erase, attributes, attributes_erase;
  Statement drop_add, drop, drop_next, drop_erase, values_erase;
  Statement tag_add, tag_erase, tags, tags_erase;

  static Result<MassQueries> prepare(sql::Database& database);
};

}  // namespace nightpost::im
