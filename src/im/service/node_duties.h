// What a node sees of the others in the store, and what falls to it: pure, and the command that does it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/time.h"
#include "im/service/command.h"

namespace nightpost::im {

struct NodeDuties {
  /// No node that lives is before this one: it does what must be done once for all (expiry, apps' callbacks, pushes to
  /// all), and takes over what nodes left that are over. Stays so, for later nodes have greater ids.
  bool first = true;
  std::size_t live = 1;              // this one included
  std::vector<std::int64_t> ended;   // silent for a lease: they may write no more
  std::optional<std::int64_t> over;  // one whose rows are to be taken over
};

/// `rows` hold `self`, which has just been seen. `steady`: for how long this node has itself been able to write; while
/// that is less than a lease nobody is given up, for the others may have been as unable as this one was.
NodeDuties duties_of(std::span<const NodeRow> rows, std::int64_t self, milliseconds steady, milliseconds lease);

/// What one commit of the upkeep of nodes did.
struct NodeUpkeep {
  bool first = true;
  std::size_t live = 1;
  std::size_t ended = 0;
  std::size_t taken_over = 0;  // rows
  bool took_all = false;       // of one node: nothing of it is left
  bool more = false;           // there is more to take over
};
/// `server_time`: of the store's server, now; the epoch where it is a file.
Answer<NodeUpkeep> keep_nodes(Work& work, std::int64_t self, milliseconds steady, WallTime server_time);

}  // namespace nightpost::im
