// What the beds of dispatch's classes have in common: a world, its time, and events that are open.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "dispatch/decode.h"
#include "dispatch/open_events.h"
#include "dispatch/slots.h"
#include "dispatch/timer_heap.h"
#include "support/dispatch_world.h"

namespace nightpost::testing {

using namespace nightpost::dispatch;

struct EventBed {
  World world;
  Options options;
  Now now{world.clock.mono(), world.clock.wall()};
  TimerHeap timers;
  Slots slots;
  OpenEvents events{now, world, world.metrics, nullptr};
  std::uint64_t records = 0;

  /// All that is tried is tried in memory, unless a test says otherwise.
  explicit EventBed(const Options& with = {}) : options(with) {
    options.quick_for = options.retry_for = std::chrono::minutes(2);
  }
  void pass(milliseconds time) {
    world.clock.advance(time);
    now = {world.clock.mono(), world.clock.wall()};
  }
  /// An event for these users, read, whose devices are not asked for yet.
  OpenEvent& begin_event(std::initializer_list<std::string> users) {
    const std::string text = event_for(users).dump();
    OpenEvent& open = events.begin({.record_id = RecordId{++records}, .key = "k", .value = text});
    Decoder decoder(1'000'000, 1'000);
    REQUIRE(decoder.decode(text, open.event));
    open.window = {now.mono + std::chrono::hours(24), now.mono + options.retry_for};
    events.decoded(open);
    return open;
  }
};

}  // namespace nightpost::testing
