#include "im/store/node_queries.h"

#include "im/store/statement_list.h"

namespace nightpost::im {
namespace {

// ?1: the node that is over, ?2: whose they are from now on, ?3: how many.
#define IM_MOVE(table) \
  "UPDATE " table " SET node = ?2 WHERE id IN (SELECT id FROM " table " WHERE node = ?1 ORDER BY id LIMIT ?3)"

constexpr StatementLine<NodeQueries> kNodeLines[] = {
    {&NodeQueries::nodes, "im_nodes",
     "SELECT id, name, process, seen_at, clock_ahead, message_bytes_max, channel FROM im_nodes ORDER BY id"},
    {&NodeQueries::note, "im_nodes",
     "UPDATE im_nodes SET clock_ahead = ?2, message_bytes_max = ?3, channel = ?4 WHERE id = ?1"},
    {&NodeQueries::end, "im_nodes", "UPDATE im_nodes SET process = '' WHERE id = ?1"},
    {&NodeQueries::forget, "im_nodes", "DELETE FROM im_nodes WHERE id = ?1 AND process = ''"},
    {&NodeQueries::intents_move, "im_intents", IM_MOVE("im_intents")},
    {&NodeQueries::follow_ups_move, "im_follow_ups", IM_MOVE("im_follow_ups")},
    {&NodeQueries::group_intents_move, "im_group_intents", IM_MOVE("im_group_intents")},
    {&NodeQueries::unbinds_move, "im_unbinds", "UPDATE im_unbinds SET node = ?2 WHERE node = ?1"},
};

#undef IM_MOVE

}  // namespace

Result<NodeQueries> NodeQueries::prepare(sql::Database& database) {
  return prepare_all<NodeQueries>(database, kNodeLines);
}

}  // namespace nightpost::im
