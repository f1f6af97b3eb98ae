// What the relay counts. Written on its loop alone.
#pragma once

#include "core/counter.h"

namespace nightpost::im {

struct RelayMetrics {
  Counter intents;          // taken up, those of an earlier process among them
  Counter acknowledged;     // ended without an event: every device has the message, or is no target any more
  Counter withdrawn;        // ended by a recall, or because it was read elsewhere
  Counter events;           // published
  Counter late_events;      // of them: for devices that looked alive and did not acknowledge
  Counter cancels, badges;  // published: messages and conversations taken back; totals that fell
  Counter follow_ups_held;  // rows of those in memory now
  Counter repeated;         // loaded again after the memory was full, or from an earlier process
  Counter held;             // intents in memory now
  Counter in_flight;        // events that are not durable now
  Counter oldest_ms;        // age of the oldest of them
};

}  // namespace nightpost::im
