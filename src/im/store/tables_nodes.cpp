#include "im/store/tables_inl.h"

namespace nightpost::im {

std::vector<NodeRow> Tables::nodes() {
  std::vector<NodeRow> out;
  each(nodes_.nodes.query(), [&](const sql::Rows& rows) {
    out.push_back({.id = rows.integer(0),
                   .name = std::string(rows.text(1)),
                   .over = rows.text(2).empty(),
                   .seen_at = wall_from_ms(rows.integer(3)),
                   .facts = {.clock_ahead = milliseconds(rows.integer(4)),
                             .message_bytes_max = rows.integer(5),
                             .channel = std::string(rows.text(6))}});
  });
  return out;
}

void Tables::note_node(std::int64_t id, const NodeFacts& facts) {
  change(nodes_.note, id, facts.clock_ahead.count(), facts.message_bytes_max, facts.channel);
}

void Tables::end_node(std::int64_t id) { change(nodes_.end, id); }

std::size_t Tables::take_over(std::int64_t from, std::int64_t to, std::size_t limit) {
  std::int64_t rows = changed(nodes_.unbinds_move, from, to);
  for (auto* const each : {&nodes_.intents_move, &nodes_.follow_ups_move, &nodes_.group_intents_move})
    rows += changed(*each, from, to, limit);
  return static_cast<std::size_t>(rows);
}

void Tables::forget_node(std::int64_t id) { change(nodes_.forget, id); }

}  // namespace nightpost::im
