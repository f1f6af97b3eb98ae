// What ops look at of the IM servers (nodes) that share a store: on a connection of its own that writes nothing and
// migrates nothing.
#pragma once

#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "im/store/rows.h"
#include "store/store_url.h"

namespace nightpost::store {
struct StoreOptions;
}

namespace nightpost::im {

struct NodesSeen {
  WallTime now{};              // by the store's server
  std::vector<NodeRow> nodes;  // that are not over, by id
};
/// REQUIRED: a store on PostgreSQL. NotFound: it has no companion; Malformed: its tables are of another version than
/// this binary's; else the store's errors. Blocks, as store::open_postgres().
Result<NodesSeen> read_nodes(const store::StoreUrl& url, const store::StoreOptions& options);

}  // namespace nightpost::im
