// What the service counts. Written on the writer's thread alone, but for `before`.
#pragma once

#include "core/counter.h"
#include "im/service/before_gate.h"

namespace nightpost::im {

struct ServiceMetrics {
  Counter commits;              // that succeeded: a sync of the disk each
  Counter commits_unknown;      // whose answer the store's server did not give: looked up, or in doubt at the end
  Counter commands;             // in them: sends, logins, read marks and so on, and what the service itself saves
  Counter callbacks;            // written for apps' servers
  Counter callbacks_dropped;    // not written, for as many wait as may
  Counter disconnects_dropped;  // the loop's: ends of connections that are not told of, for as many wait as may
  Counter calls;                // the loop's: invites
  Counter calls_timed_out;      // likewise: that nobody, or not everybody, answered in time
  Counter live_rooms;           // likewise: live groups with somebody in them, now
  Counter live_users;           // likewise: in them, now
  Counter live_dropped;         // likewise: messages and news that fell to a live group's rate
  Counter commit_wait_us;       // for the commits of other nodes that were before
  Counter nodes;                // the loop's: IM servers that share the store, now
  Counter taken_over;           // likewise: rows of nodes that were over
  Counter missed;               // likewise: commits of other nodes that were not heard of in time
  BeforeGateMetrics before;     // the loop's
};

}  // namespace nightpost::im
