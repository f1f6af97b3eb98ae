// The statements of the server API, prepared once per connection.
#pragma once

#include "core/result.h"
#include "im/store/sql.h"

namespace nightpost::im {

struct AdminQueries {
  using Statement = sql::Statement;
  Statement wire_set, wire_find, wire_find_imported, named_down, imported_down;
  Statement chats_recent, black_stamp, blacks_since;
  Statement field_set, fields, fields_remove;
  Statement silence, silence_set, silence_remove;
  Statement friend_of, friend_save, friend_remove, friends_remove, friend_forget, friends, friends_count;
  Statement friend_groups, friend_group_add, friend_group_remove, friend_groups_remove;

  static Result<AdminQueries> prepare(sql::Database& database);
};

}  // namespace nightpost::im
