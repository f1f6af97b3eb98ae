// What carries pushes, without a dispatcher around it: OpenPushes, PushQueues, Sender, Attempts, Replies.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "dispatch/attempts.h"
#include "dispatch/decode.h"
#include "dispatch/replies.h"
#include "support/dispatch_world.h"

namespace nightpost::testing {

using namespace nightpost::dispatch;

/// Hears no reply itself: a test hands them in.
struct SendingBed : ReplyHandler {
  World world;
  Options options;
  Now now{world.clock.mono(), world.clock.wall()};
  Languages languages{"en", {{"en", "news"}}};
  Rng rng{1};
  Policy policy{options, rng};
  TimerHeap timers;
  Slots slots;
  PacerBook pacers{options};
  OpenEvents events{now, world, world.metrics, nullptr};
  OpenPushes pushes{now, events, pacers};
  Capacity capacity{options, slots, pushes.slab(), world};
  PushQueues queues{now, pushes, pacers, timers};
  Batcher batcher;
  Sender sender{now, world, *this, pacers, slots, world.metrics, nullptr};
  Attempts attempts{options, now,    world,   policy, rng,    languages,    capacity,
                    pushes,  queues, batcher, sender, timers, world.metrics};
  Replies replies{options, now, world, policy, pushes, attempts, sender, world.metrics, nullptr};
  std::shared_ptr<const Route> route = world.routes[1];
  std::uint64_t records = 0;

  void on_reply(std::uint64_t tag, Reply reply) override { replies.on_push(tag, reply); }
  void on_replies(std::span<TaggedReply> all) override {
    for (TaggedReply& each : all) replies.on_push(each.tag, each.reply);
  }
  void pass(milliseconds time) {
    world.clock.advance(time);
    now = {world.clock.mono(), world.clock.wall()};
  }
  /// An event with a device for each of the users, all of it planned.
  OpenEvent& begin(std::initializer_list<std::string> users) {
    const std::string text = event_for(users).dump();
    OpenEvent& open = events.begin({.record_id = RecordId{++records}, .key = "k", .value = text});
    Decoder decoder(1'000'000, 1'000);
    REQUIRE(decoder.decode(text, open.event));
    open.window = {now.mono + std::chrono::hours(24), now.mono + options.retry_for};
    events.decoded(open);
    for (const std::string& user : users) {
      if (!world.users.contains(user)) world.add(user);
      open.receivers.push_back(std::make_shared<const Receiver>(world.users[user]));
    }
    return open;
  }
  Push& push(OpenEvent& open, std::size_t receiver = 0) {
    return pushes.begin(open, receiver, open.receivers[receiver]->devices[0]);
  }
  /// The only push of an event.
  Push& push() {
    OpenEvent& open = begin({"vinson"});
    Push& only = push(open);
    events.all_planned(open);
    return only;
  }
  Pacer& pacer() { return pacers.of(*route, now.mono); }
  std::string only_rule() {
    REQUIRE(world.outcomes.size() == 1);
    return world.outcomes[0]["rule"];
  }
};

}  // namespace nightpost::testing
