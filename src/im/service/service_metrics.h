// What the service counts. Written on the writer's thread alone, but for `before`.
#pragma once

#include "core/counter.h"
#include "im/service/app_rules.h"
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
  Counter live_waiting;         // likewise: messages and news that wait for their live group's rate, now
  Counter live_away;            // likewise: places in live groups that a lease keeps for devices that are gone, now
  Counter live_dropped;         // likewise: messages and news that fell to a live group's rate
  Counter commit_wait_us;       // for the commits of other nodes that were before
  Counter nodes;                // the loop's: IM servers that share the store, now
  Counter leads;                // likewise: 1 where what is done once for all of them falls to this one
  Counter given_up;             // likewise: of them that this one gave up, for they were silent for a lease
  Counter taken_over;           // likewise: rows of nodes that were over
  Counter missed;               // likewise: commits of other nodes that were not heard of in time
  Counter missed_logged;        // likewise: times that users were looked up for it: those that the log names
  Counter missed_whole;         // likewise: ... all that were connected, for the log did not say it
  Counter set_back;             // likewise: times that the store was found to have forgotten commits, or to be another
  Counter order_held;           // likewise: commits that wait for those before them, now
  Counter order_held_bytes;     // likewise: of them, other nodes', now
  Counter order_no_room;        // likewise: commits of other nodes that found no room, and count as not heard
  Counter order_oldest_ms;      // likewise: for how long the oldest number has waited; 0: none does
  Counter rules_read;           // likewise: apps whose words or settings were read anew
  Counter words;                // likewise: of all apps, in effect now
  WordCounts word_counts;       // any thread's
  BeforeGateMetrics before;     // the loop's
};

}  // namespace nightpost::im
