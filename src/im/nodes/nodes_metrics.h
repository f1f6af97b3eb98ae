// What the nodes' talk counts. Written on the loop's thread alone.
#pragma once

#include "core/counter.h"

namespace nightpost::im {

struct RedisMetrics {
  Counter publishing;    // 1: the connection that publishes is up
  Counter subscribed;    // 1: the one that reads the channel is
  Counter connects;      // that succeeded, both connections'
  Counter losses;        // connections that ended, and tries that failed
  Counter published;     // messages that Redis took
  Counter bytes_out;     // of them
  Counter refused;       // that it refused
  Counter queued_bytes;  // that wait for its answer, now
  Counter unsaid_away;   // not published: no connection, or it was lost before an answer
  Counter unsaid_full;   // ... too much waited for an answer
  Counter received;      // messages of the channel, our own among them
  Counter bytes_in;      // of them
};

struct NodesMetrics {
  Counter nodes;            // others that are heard now
  Counter nodes_unknown;    // of them: whose devices are not all known, now
  Counter remote_devices;   // of theirs that are known
  Counter devices_owing;    // of theirs that are waited for: they have a message to acknowledge, now
  Counter live_rooms;       // of live groups, by node, that others have told of, now
  Counter devices_refused;  // of theirs that found no room
  Counter nodes_refused;    // messages of nodes that found no room
  Counter leases_ended;     // nodes that fell silent
  Counter gaps;             // times something of a node's presence was missed, and its state asked for
  Counter malformed;        // messages that could not be read
  Counter unknown;          // of a kind or version that this one does not know
  Counter too_large;        // commits that were not told
  Counter commits_told;
  Counter commits_heard;
  Counter overdue;  // devices that did not acknowledge, and whose node said nothing
};

}  // namespace nightpost::im
