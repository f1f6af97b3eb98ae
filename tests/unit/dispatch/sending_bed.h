// What carries pushes, without a dispatcher around it: OpenPushes, PushQueues, Sender, Attempts, Replies.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "dispatch/attempts.h"
#include "dispatch/replies.h"
#include "unit/dispatch/event_bed.h"

namespace nightpost::testing {

/// Hears no reply itself: a test hands them in.
struct SendingBed : EventBed, ReplyHandler, Replies::Answered {
  Languages languages{"en", {{"en", "news"}}};
  Rng rng{1};
  Policy policy{options, rng};
  SignerLedger ledger;
  PacerBook pacers{options, &slots, &ledger};
  RecallBook recalls{100, std::chrono::hours(1)};
  OpenPushes pushes{options, now, events, pacers, recalls};
  Capacity capacity{options, slots, pushes.slab(), world};
  FairShare shares{options, events, capacity, pacers};
  BulkTurn turn{options.bulk_turn_max};
  PushQueues queues{options, now, pushes, pacers, timers, turn};
  Batcher batcher;
  Sender sender{now, world, *this, pacers, slots, timers, world.metrics, nullptr};
  Attempts attempts{options, now,    world,  policy,  rng,    languages, capacity,
                    shares,  pushes, queues, batcher, sender, timers,    world.metrics};
  Replies replies{options, now, world, policy, pushes, attempts, sender, world.metrics, nullptr, *this};
  std::shared_ptr<const Route> route = world.routes[1];

  explicit SendingBed(const Options& with = {}) : EventBed(with) {}

  void on_reply(std::uint64_t tag, Reply reply) override { replies.on_push(tag, reply); }
  void on_replies(std::span<TaggedReply> all) override {
    for (TaggedReply& each : all) replies.on_push(each.tag, each.reply);
  }
  void on_removed(std::uint64_t tag, Result<bool> removed, const VendorReason& reason) override {
    replies.on_removed(tag, removed, reason);
  }
  /// An event with a device for each of the users, all of it planned.
  OpenEvent& begin(std::initializer_list<std::string> users) {
    OpenEvent& open = begin_event(users);
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
