// How much the relay holds, and how long it waits.
#pragma once

#include <cstddef>

#include "core/time.h"

namespace nightpost::im {

struct RelayOptions {
  milliseconds return_wait{15'000};              // after a start, for devices to come back before they are due
  milliseconds event_lifetime{86'400'000};       // a push that is later than this after the message is of no use
  std::size_t held_max = 100'000;                // intents in memory; more stay in the store and are read again
  std::size_t in_flight_max = 10'000;            // events that are not durable yet; more wait in memory
  std::size_t in_flight_bytes_max = 256u << 20;  // their bytes; reached, no further event is begun
  std::size_t page = 1'000;                      // intents read from the store at once
  milliseconds follow_up_wait{3'000};            // what is read, and a total that falls, are told once in this time
  bool call_events = true;              // an invite to a call is an event of kind call, which workers have to know
  std::size_t follow_ups_max = 10'000;  // follow-ups in memory; likewise. In flight they are limited as events
};

}  // namespace nightpost::im
