#include "im/service/node_duties.h"

#include <algorithm>

namespace nightpost::im {

NodeDuties duties_of(std::span<const NodeRow> rows, std::int64_t self, milliseconds steady, milliseconds lease) {
  NodeDuties out{.live = 0};
  const auto own = std::ranges::find(rows, self, &NodeRow::id);
  if (own == rows.end()) return {.first = false};
  for (const NodeRow& row : rows) {
    if (row.over) {
      if (!out.over) out.over = row.id;
    } else if (row.id != self && steady >= lease && own->seen_at - row.seen_at > lease) {
      out.ended.push_back(row.id);
    } else {
      ++out.live;
      if (row.id < self) out.first = false;
    }
  }
  if (!out.first) return {.first = false, .live = out.live + out.ended.size()};  // the first one ends them
  if (!out.over && !out.ended.empty()) out.over = out.ended.front();
  return out;
}

Answer<NodeUpkeep> keep_nodes(Work& work, std::int64_t self, milliseconds steady, WallTime server_time) {
  NodeFacts facts = work.options.node_facts;
  if (server_time > WallTime{}) facts.clock_ahead = std::chrono::floor<milliseconds>(work.now - server_time);
  work.tables.note_node(self, facts);
  const NodeDuties duties = duties_of(work.tables.nodes(), self, steady, work.options.node_lease);
  NodeUpkeep out{.first = duties.first, .live = duties.live, .ended = duties.ended.size()};
  for (const std::int64_t id : duties.ended) work.tables.end_node(id);
  if (!duties.over) return out;
  out.taken_over = work.tables.take_over(*duties.over, self, work.options.taken_over_max);
  if (out.taken_over > 0) work.unbound = work.tables.unbinds();  // those of its own, too: twice does no harm
  out.took_all = out.taken_over == 0;
  if (out.took_all) work.tables.forget_node(*duties.over);
  out.more = true;  // the rest of it, or another's
  return out;
}

}  // namespace nightpost::im
