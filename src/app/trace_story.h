// The story of one event for a support person, made of its hops. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "store/trace_store.h"

namespace nightpost::app {

/// One device of a receiver, or the receiver as a whole (device_id empty).
struct TracedDevice {
  std::string user_id, device_id;
  std::vector<const store::TraceHop*> hops;  // by time
  std::string state;                         // its last outcome by name; "waiting": none yet
  std::string rule;                          // of that outcome
  std::string todo;                          // one sentence
};

struct TraceStory {
  std::string event_id;
  AppId app;
  nlohmann::json event = nlohmann::json::object();  // the facts of the first Consumed hop
  WallTime start{};                                 // published; where that is not known, the first hop
  std::vector<const store::TraceHop*> whole;        // hops of the event, by time
  std::vector<TracedDevice> devices;                // in the order they come up
  std::size_t left_out = 0;                         // hops that were not kept: a large group
};

/// `hops` are of one event, not empty, and outlive the story. Facts that are no JSON object count as empty. `now`: for
/// what is still to come.
TraceStory story_of(std::span<const store::TraceHop> hops, WallTime now);

/// A screen: what the event is, what happened to it, then each device with what can be done; at most `devices_max` of
/// them, those that went wrong first.
std::string trace_text(const TraceStory& story, WallTime now, std::size_t devices_max = 20);
nlohmann::json trace_json(const TraceStory& story);
/// Of the latest hops of a user's events, an item each: "event_id", "device_id", "at", "last", "rule", "reason".
nlohmann::json latest_json(std::span<const store::TraceHop> hops);

/// "+0.120 s", "+12 min 5 s", "+3 h 10 min"; of what was before the start with a minus.
std::string shown_offset(milliseconds since_start);
/// "2 h 3 min": of how long ago something is.
std::string shown_span(milliseconds span);

}  // namespace nightpost::app
