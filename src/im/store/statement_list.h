// What the lists of statements share: a line of one, how all are prepared, and the columns that more than one names.
// For their sources alone.
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "core/result.h"
#include "im/store/sql.h"

#define IM_CHAT "conv, peer, ver, head, head_at, read, peer_read, cleared, last, unread, pinned, gone, mark"
#define IM_MESSAGE                                                                                    \
  "seq, at, from_b, priority, no_unread, no_last, recalled, hidden, expires, client_id, nick, face, " \
  "elements, push, cloud_data"
// As it is read: with whether it was edited.
#define IM_SHOWN IM_MESSAGE ", edited"
// What a viewer sees: ?4 is he, ?5 whether he is user_b, ?6 now.
#define IM_SEEN                                                                                                       \
  "(hidden = 0 OR from_b = ?5) AND (expires IS NULL OR expires > ?6) AND NOT EXISTS (SELECT 1 FROM im_hides h WHERE " \
  "h.conv = m.conv AND h.user_id = ?4 AND h.seq = m.seq)"

namespace nightpost::im {

// In the words of both stores: CASE instead of max(a, b); a conflict's columns named, and the table where a conflict
// makes a column ambiguous; an argument first beside a column, for PostgreSQL takes its type from there.
template <class Queries>
struct StatementLine {
  sql::Statement Queries::* statement;
  std::string_view table;
  std::string_view sql;
};

template <class Queries>
Result<Queries> prepare_all(sql::Database& database, std::span<const StatementLine<Queries>> lines) {
  Queries out;
  for (const StatementLine<Queries>& line : lines) {
    auto statement = sql::Statement::prepare(database, line.sql, line.table);
    if (!statement) return std::unexpected(std::move(statement.error()));
    out.*line.statement = std::move(*statement);
  }
  return out;
}

}  // namespace nightpost::im
