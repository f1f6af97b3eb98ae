// Whoever waits is called in turn, and nobody waits beyond the end of its window.
#include "dispatch/push_queues.h"

#include <catch2/catch.hpp>

#include "sending_bed.h"
#include "support/fake_batch_provider.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::SendingBed;

namespace {

struct Queues : SendingBed {
  Push& waiting(OpenEvent* event = nullptr) {
    Push& one = event != nullptr ? push(*event) : push();
    one.route = route;
    one.grant = world.current;
    return one;
  }
  std::vector<std::uint64_t> due() {
    std::vector<std::uint64_t> tags;
    while (queues.has_due())
      if (const Push* const one = queues.take_due()) tags.push_back(one->tag);
    return tags;
  }
  void gone(Push& one) { pushes.end(one, ending_of(Rule::InternalError)); }
};

}  // namespace

TEST_CASE("queues: for a slot, once, and with a timer for the end", "[dispatch][queues]") {
  Queues bed;
  Push& push = bed.waiting();
  bed.queues.wait_for_slot(push);
  bed.queues.wait_for_slot(push);
  CHECK(push.state == Push::State::Due);
  CHECK(bed.timers.next() == push.event->window.end());
  CHECK(bed.due() == std::vector{push.tag});
  CHECK(bed.due().empty());
}

TEST_CASE("queues: who is gone or sent meanwhile is passed over", "[dispatch][queues]") {
  Queues bed;
  Push& gone = bed.waiting();
  Push& sent = bed.waiting();
  Push& waits = bed.waiting();
  for (Push* const push : {&gone, &sent, &waits}) bed.queues.wait_for_slot(*push);
  bed.gone(gone);
  sent.state = Push::State::InFlight;
  CHECK(bed.due() == std::vector{waits.tag});
}

TEST_CASE("queues: for a grant, until it is there, each route for itself", "[dispatch][queues]") {
  Queues bed;
  Push& first = bed.waiting();
  Push& second = bed.waiting();
  Push& gone = bed.waiting();
  Push& other = bed.waiting();
  other.route = bed.world.route(2, 8);
  for (Push* const push : {&first, &second, &gone, &other}) {
    bed.queues.park_for_grant(*push);
    CHECK(push->state == Push::State::Parked);
    CHECK(push->grant == nullptr);
  }
  bed.gone(gone);
  bed.queues.on_grant(99);
  CHECK_FALSE(bed.queues.has_due());
  bed.queues.on_grant(bed.route->id);
  bed.queues.on_grant(bed.route->id);
  CHECK(bed.due() == std::vector{first.tag, second.tag});
  CHECK(other.state == Push::State::Parked);
}

TEST_CASE("queues: for room, as far as there is some", "[dispatch][queues]") {
  Queues bed;
  std::vector<std::uint64_t> tags;
  for (int i = 0; i < 6; ++i) {
    Push& push = bed.waiting();
    bed.queues.park_for_room(push);
    tags.push_back(push.tag);
  }
  bed.pacer().sent();
  bed.pacer().reserve();
  bed.pacer().reserve();
  CHECK(bed.queues.call_for_room());
  CHECK(bed.due() == std::vector(tags.begin(), tags.begin() + 1));
  bed.pacer().sent();
  CHECK_FALSE(bed.queues.call_for_room());
  bed.pacer().answered();
  bed.pacer().answered();
  bed.pacer().unreserve();
  bed.gone(*bed.pushes.find(tags[1]));
  CHECK(bed.queues.call_for_room());
  CHECK(bed.due() == std::vector(tags.begin() + 2, tags.begin() + 5));
  CHECK(bed.queues.call_for_room());  // their places are not taken yet
  CHECK(bed.due() == std::vector(tags.begin() + 5, tags.end()));
  CHECK_FALSE(bed.queues.call_for_room());
}

TEST_CASE("queues: pushes of one event that may share a request count as one", "[dispatch][queues]") {
  Queues bed;
  auto batching = std::make_shared<Route>(*bed.route);
  batching->provider = std::make_shared<nightpost::testing::FakeBatchProvider>();
  bed.options.credential_in_flight_first = 2;
  bed.route = batching;
  OpenEvent& one = bed.begin({"a"});
  OpenEvent& two = bed.begin({"a"});
  OpenEvent& three = bed.begin({"a"});
  for (OpenEvent* const event : {&one, &one, &one, &two, &two, &three}) bed.queues.park_for_room(bed.waiting(event));
  CHECK(bed.queues.call_for_room());
  CHECK(bed.due().size() == 5);
}
