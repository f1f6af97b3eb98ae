// Intake, Planner and OpenEvents without a dispatcher around them.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/slab.h"
#include "dispatch/capacity.h"
#include "dispatch/intake.h"
#include "dispatch/open_pushes.h"
#include "dispatch/pacer_book.h"
#include "dispatch/planner.h"
#include "unit/dispatch/event_bed.h"

namespace nightpost::testing {

struct PlanningBed : EventBed, Intake::Answered {
  Slab<Push> pushes;
  Rng rng{70'000};  // whose first back-off is not nothing
  Policy policy{options, rng};
  Capacity capacity{options, slots, pushes, world};
  BulkTurn turn{options.bulk_turn_max};
  Planner planner{options, now, events, capacity, timers, turn};
  PacerBook pacers{options};
  RecallBook recalls{100, std::chrono::hours(1)};
  OpenPushes open_pushes{options, now, events, pacers, recalls};
  Intake intake{options, now, world, policy, events, open_pushes, recalls, planner, timers, turn, world.metrics, *this};

  void on_found(std::span<const Intake::Asked> asked, Intake::Found found) override {
    intake.on_found(asked, std::move(found));
  }
  void go_to(MonoTime time) { pass(std::chrono::ceil<milliseconds>(time - now.mono)); }
  RecordId accept(const std::string& value) {
    const RecordId id{++records};
    intake.accept({.record_id = id, .key = "the key", .value = value, .traceparent = testing::kTraceparent});
    return id;
  }
  RecordId accept(const nlohmann::json& event) { return accept(event.dump()); }
  /// A push for it, as the planner's caller would make one.
  Push& push(OpenEvent& open, const Device& device, std::size_t receiver = 0) {
    const auto [tag, push] = pushes.acquire();
    push->tag = tag;
    push->event = &open;
    push->receiver = receiver;
    push->device = &device;
    events.push_begun(open);
    return *push;
  }
  void drop(Push& push) {
    OpenEvent& open = *push.event;
    const std::uint64_t tag = push.tag;
    push.reset();
    pushes.put_back(tag);
    events.push_gone(open);
  }
  /// Begins a push for each device that is named.
  std::vector<std::string> plan() {
    std::vector<std::string> devices;
    while (const auto target = planner.next()) {
      push(*target->event, *target->device, target->receiver);
      devices.push_back(target->device->device_id);
    }
    return devices;
  }
  /// When the timers added since ring, and for what.
  std::vector<std::pair<milliseconds, std::uint64_t>> rings() {
    std::vector<std::pair<milliseconds, std::uint64_t>> all;
    while (const auto timer = timers.pop(now.mono + std::chrono::hours(1'000)))
      all.emplace_back(std::chrono::duration_cast<milliseconds>(timer->at - now.mono), timer->tag);
    return all;
  }
};

}  // namespace nightpost::testing
