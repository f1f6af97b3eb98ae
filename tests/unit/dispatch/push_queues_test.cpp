// Whoever waits is called in turn, and nobody waits beyond the end of its window.
#include "dispatch/push_queues.h"

#include <catch2/catch.hpp>
#include <map>

#include "sending_bed.h"
#include "support/fake_authorizer.h"
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
    pushes.count_with(one, pacers.of(*one.route, now.mono).signer());
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
  bed.pacer().sent(bed.now.mono);
  bed.pacer().reserve();
  bed.pacer().reserve();
  CHECK(bed.queues.call_for_room());
  CHECK(bed.due() == std::vector(tags.begin(), tags.begin() + 1));
  bed.pacer().sent(bed.now.mono);
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

TEST_CASE("queues: a push that shares no request any more counts as one", "[dispatch][queues]") {
  Queues bed;
  auto batching = std::make_shared<Route>(*bed.route);
  batching->provider = std::make_shared<nightpost::testing::FakeBatchProvider>();
  bed.options.credential_in_flight_first = 3;
  bed.route = batching;
  OpenEvent& one = bed.begin({"a"});
  for (const bool alone : {true, true, false, false, true}) {
    Push& push = bed.waiting(&one);
    push.alone = alone;
    bed.queues.park_for_room(push);
  }
  CHECK(bed.queues.call_for_room());
  CHECK(bed.due().size() == 4);  // three requests: two alone, two that share
}

TEST_CASE("queues: the certificates of one signer take turns for its room", "[dispatch][queues]") {
  Queues bed;
  bed.options.credential_in_flight_max = 100;
  bed.options.credential_in_flight_first = 3;
  std::vector<std::shared_ptr<Route>> routes;
  for (std::int64_t id = 1; id <= 3; ++id) {
    routes.push_back(bed.world.route(id, 20 + static_cast<std::uint64_t>(id)));
    routes.back()->authorizer = std::make_shared<nightpost::testing::FakeAuthorizer>("team");
  }
  std::map<std::uint64_t, std::uint64_t> of;  // route by push
  for (const auto& route : routes) {
    bed.route = route;
    for (int i = 0; i < 10; ++i) {
      Push& push = bed.waiting();
      of[push.tag] = route->id;
      bed.queues.park_for_room(push);
    }
  }
  SignerPace& signer = bed.pacer().signer();
  CHECK(signer.waiting() == 30);
  const auto called = [&] {
    std::map<std::uint64_t, int> by_route;
    bed.queues.call_for_room();
    for (const std::uint64_t tag : bed.due()) ++by_route[of[tag]];
    return by_route;
  };
  SECTION("as much as the signer has, however few each of them may have") {
    signer.catch_up(bed.now.mono);
    const Grant stale;
    signer.stale(&stale);  // three at once, of all of them
    CHECK(called() == std::map<std::uint64_t, int>{{21, 1}, {22, 1}, {23, 1}});
    CHECK(signer.waiting() == 27);
  }
  SECTION("or as much as each of them has") {
    CHECK(called() == std::map<std::uint64_t, int>{{21, 3}, {22, 3}, {23, 3}});
  }
  SECTION("one that has none leaves it to the others") {
    Pacer& first = bed.pacers.of(*routes[0], bed.now.mono);
    for (int i = 0; i < 3; ++i) first.sent(bed.now.mono);
    CHECK(called() == std::map<std::uint64_t, int>{{22, 3}, {23, 3}});
  }
  SECTION("all of them, where the vendor does not answer") {
    bed.options.failures_max = 1;
    REQUIRE(signer.failed(true, bed.now.mono));
    CHECK(called() == std::map<std::uint64_t, int>{{21, 10}, {22, 10}, {23, 10}});
    CHECK(signer.waiting() == 0);
    CHECK_FALSE(bed.queues.call_for_room());
  }
}

TEST_CASE("queues: what is promised to one signer is not promised to the next", "[dispatch][queues]") {
  Queues bed;
  bed.options.pushes_in_flight_max = 8;
  bed.options.credential_in_flight_first = bed.options.credential_in_flight_max;
  for (std::int64_t id = 1; id <= 3; ++id) {
    bed.route = bed.world.route(id, 20 + static_cast<std::uint64_t>(id));
    for (int i = 0; i < 10; ++i) bed.queues.park_for_room(bed.waiting());
  }
  CHECK(bed.queues.call_for_room());
  CHECK(bed.due().size() == 4 + 2 + 1);
}

TEST_CASE("queues: bulk that has had its turn is called in the next one", "[dispatch][queues][bulk]") {
  Queues bed;
  bed.turn = BulkTurn(2);
  OpenEvent& group = bed.begin({"a", "b", "c"});
  bed.events.set_aside_as_bulk(group);
  std::vector<std::uint64_t> members;
  for (std::size_t i = 0; i < 3; ++i) {
    Push& one = bed.push(group, i);
    one.route = bed.route;
    bed.pushes.count_with(one, bed.pacer().signer());
    bed.queues.park_for_room(one);
    members.push_back(one.tag);
  }
  CHECK(bed.queues.call_for_room());
  CHECK(bed.due() == std::vector{members[0], members[1]});
  CHECK(bed.turn.was_cut());
  CHECK_FALSE(bed.queues.call_for_room());  // and comes back, although something waits and there is room
  Push& single = bed.waiting();
  bed.queues.park_for_room(single);
  CHECK(bed.queues.call_for_room());
  CHECK(bed.due() == std::vector{single.tag});
  bed.turn.begin();
  CHECK(bed.queues.call_for_room());
  CHECK(bed.due() == std::vector{members[2]});
  CHECK_FALSE(bed.turn.was_cut());
}
