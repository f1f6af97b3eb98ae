// The statements of what operators set while the server runs, prepared once per connection.
#pragma once

#include "core/result.h"
#include "im/store/sql.h"

namespace nightpost::im {

struct RuleQueries {
  using Statement = sql::Statement;
  Statement versions, version_next;
  Statement words, word, word_set, word_erase, words_count;
  Statement settings, setting, setting_set, setting_erase;

  static Result<RuleQueries> prepare(sql::Database& database);
};

}  // namespace nightpost::im
