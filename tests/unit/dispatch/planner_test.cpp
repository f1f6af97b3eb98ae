// Which devices are named, in which order, and where it stops.
#include "dispatch/planner.h"

#include <catch2/catch.hpp>

#include "planning_bed.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::PlanningBed;
using Names = std::vector<std::string>;

namespace {

/// Events whose receivers have one or more devices: {"a", "b"} are two receivers, "a" of two devices "a-phone".
struct Planning : PlanningBed {
  OpenEvent& ready(std::initializer_list<std::string> users, Audience audience = Audience::Few) {
    OpenEvent& open = begin_event(users);
    if (audience == Audience::Many) {
      events.set_aside_as_bulk(open);
      events.looked_up(open);
    }
    for (const std::string& user : users) {
      if (!world.users.contains(user)) world.add(user);
      open.receivers.push_back(std::make_shared<const Receiver>(world.users[user]));
    }
    planner.add(open);
    return open;
  }
};

}  // namespace

TEST_CASE("planner: every device once, events in order, then each is planned", "[dispatch][planner]") {
  Planning bed;
  bed.world.add("a");
  bed.world.add("a");  // a second phone
  bed.ready({"a", "b"});
  bed.ready({"c"});
  CHECK(bed.plan() == Names{"a-phone", "a-phone", "b-phone", "c-phone"});
  CHECK(bed.plan().empty());
  CHECK(bed.events.receivers_unplanned(Audience::Few) == 0);
  CHECK(bed.world.outcomes.empty());
  CHECK(bed.world.released.empty());  // their pushes are open
}

TEST_CASE("planner: whom a rule holds back has an outcome instead", "[dispatch][planner]") {
  Planning bed;
  bed.world.add("off").settings.enabled = false;
  bed.world.add("seen").devices[0].state = DeviceState::Foreground;
  bed.world.users["none"];
  bed.ready({"off", "seen", "none"});
  CHECK(bed.plan().empty());
  REQUIRE(bed.world.outcomes.size() == 3);
  CHECK(bed.world.outcomes[0]["rule"] == "user_push_off");
  CHECK(bed.world.outcomes[1]["rule"] == "foreground");
  CHECK(bed.world.outcomes[2]["rule"] == "no_device");
  CHECK(bed.world.released.size() == 1);
}

TEST_CASE("planner: stops at each limit, and goes on where it stopped", "[dispatch][planner]") {
  Planning bed;
  bed.ready({"a", "b", "c"});
  SECTION("slots") {
    bed.options.pushes_in_flight_max = 2;
    for (const char* name : {"a-phone", "b-phone"}) {
      CHECK(bed.planner.next()->device->device_id == name);
      bed.slots.take();
    }
    CHECK_FALSE(bed.planner.next());
    bed.slots.give_back();
    CHECK(bed.planner.next()->device->device_id == "c-phone");
  }
  SECTION("the queue") {
    bed.options.pushes_queued_max = 2;
    CHECK(bed.plan() == Names{"a-phone", "b-phone"});
    bed.slots.take();  // one of them is in the air: one waits
    CHECK(bed.plan() == Names{"c-phone"});
  }
  SECTION("the settler's room") {
    bed.world.settler_room = 2;
    CHECK(bed.plan() == Names{"a-phone", "b-phone"});
    CHECK(bed.capacity.wants_room());
    bed.world.settler_room = 3;
    CHECK(bed.plan() == Names{"c-phone"});
  }
}

TEST_CASE("planner: the settler's room binds outcomes without a push, too", "[dispatch][planner]") {
  Planning bed;
  bed.world.add("off").settings.enabled = false;
  bed.world.add("seen").devices[0].state = DeviceState::Foreground;
  bed.world.settler_room = 0;
  bed.ready({"off"});
  bed.ready({"seen"});
  CHECK(bed.plan().empty());
  CHECK(bed.world.outcomes.empty());
  CHECK(bed.capacity.wants_room());
  bed.world.settler_room = 1;
  CHECK(bed.plan().empty());
  CHECK(bed.world.outcomes.size() == 2);
}

TEST_CASE("planner: an event is begun only where its receivers fit together", "[dispatch][planner]") {
  Planning bed;
  bed.options.pushes_queued_max = 4;
  bed.ready({"a", "b"});
  bed.ready({"c", "d", "e"});
  bed.ready({"f"});
  CHECK(bed.plan() == Names{"a-phone", "b-phone"});  // and the last one does not overtake
  bed.slots.take();                                  // one of them is in the air: one waits
  CHECK(bed.plan() == Names{"c-phone", "d-phone", "e-phone"});
  CHECK(bed.plan().empty());
}

TEST_CASE("planner: bulk takes turns with the others", "[dispatch][planner]") {
  Planning bed;
  bed.ready({"g1", "g2", "g3"}, Audience::Many);
  bed.ready({"g4"}, Audience::Many);
  bed.ready({"a"});
  bed.ready({"b", "c"});
  bed.ready({"d", "e"});
  CHECK(bed.plan() ==
        Names{"a-phone", "b-phone", "c-phone", "d-phone", "g1-phone", "e-phone", "g2-phone", "g3-phone", "g4-phone"});
  SECTION("and is woken at the end of its window like them") {
    bed.options.pushes_in_flight_max = 0;
    const OpenEvent& late = bed.ready({"g"}, Audience::Many);
    const OpenEvent& other = bed.ready({"h"});
    bed.planner.set_timers();
    CHECK(bed.rings() ==
          std::vector{std::pair(bed.options.retry_for, other.tag), std::pair(bed.options.retry_for, late.tag)});
  }
  SECTION("one that does not fit holds up nobody") {
    bed.slots.take();  // eight wait
    bed.options.pushes_queued_max = 10;
    bed.ready({"g", "h", "i"}, Audience::Many);
    bed.ready({"j"});
    CHECK(bed.plan() == Names{"j-phone"});
  }
}

TEST_CASE("planner: a late event ends without slots, as far as there is room", "[dispatch][planner]") {
  Planning bed;
  bed.options.pushes_in_flight_max = 0;
  OpenEvent& open = bed.ready({"a", "b", "c"});
  CHECK(bed.plan().empty());
  bed.pass(bed.options.retry_for);
  bed.world.settler_room = 0;
  bed.planner.end_late(open);
  CHECK(bed.world.outcomes.empty());
  bed.world.settler_room = 1;
  SECTION("by its timer") { bed.planner.end_late(open); }
  SECTION("by its turn") { CHECK(bed.plan().empty()); }
  REQUIRE(bed.world.outcomes.size() == 3);
  for (const auto& outcome : bed.world.outcomes) CHECK(outcome["rule"] == "retries_exhausted");
  CHECK(bed.world.released.size() == 1);
  CHECK(bed.plan().empty());  // it is out of the queue
}

TEST_CASE("planner: whoever is left over is woken at the end of its window, once", "[dispatch][planner]") {
  Planning bed;
  bed.options.pushes_in_flight_max = 0;
  const OpenEvent& first = bed.ready({"a"});
  CHECK(bed.plan().empty());
  bed.planner.set_timers();
  bed.planner.set_timers();
  CHECK(bed.rings() == std::vector{std::pair(bed.options.retry_for, first.tag)});
  bed.pass(milliseconds(10));
  const OpenEvent& second = bed.ready({"b"});
  bed.planner.set_timers();
  CHECK(bed.rings() == std::vector{std::pair(bed.options.retry_for, second.tag)});
  bed.options.pushes_in_flight_max = 10;
  bed.plan();
  bed.ready({"c"});
  bed.plan();
  bed.planner.set_timers();
  CHECK(bed.rings().empty());
}

TEST_CASE("planner: what was handed back meanwhile is passed over", "[dispatch][planner]") {
  Planning bed;
  bed.ready({"a"});
  bed.ready({"b"});
  bed.events.hand_back([](RecordId id) { return id == RecordId{1}; });
  CHECK(bed.plan() == Names{"b-phone"});
}

TEST_CASE("planner: bulk has its turn, others go on", "[dispatch][planner][bulk]") {
  Planning bed;
  bed.turn = BulkTurn(2);
  bed.ready({"a", "b", "c"}, Audience::Many);
  bed.ready({"d", "e", "f"});
  Names all = bed.plan();
  CHECK(all.size() == 5);
  CHECK(std::ranges::count(all, "c-phone") == 0);
  CHECK(bed.turn.was_cut());
  CHECK(bed.plan().empty());
  bed.turn.begin();
  CHECK(bed.plan() == Names{"c-phone"});
  CHECK_FALSE(bed.turn.was_cut());
  CHECK(bed.events.receivers_unplanned(Audience::Few) == 0);
}

TEST_CASE("planner: late bulk ends in one go, also behind bulk that finds no slot", "[dispatch][planner][bulk]") {
  Planning bed;
  bed.turn = BulkTurn(2);
  bed.options.pushes_in_flight_max = 0;
  bed.ready({"z"}, Audience::Many);
  OpenEvent& late = bed.ready({"a", "b", "c"}, Audience::Many);
  late.window.expires_at = bed.now.mono;
  bed.planner.end_late(late);
  CHECK(bed.world.outcomes.size() == 3);
  CHECK(bed.world.released.size() == 1);
}

TEST_CASE("planner: the last quarter of the queue is not for bulk", "[dispatch][planner][bulk]") {
  Planning bed;
  bed.options.pushes_queued_max = 4;
  bed.ready({"a", "b", "c", "d"}, Audience::Many);
  CHECK(bed.plan() == Names{"a-phone", "b-phone", "c-phone"});
  bed.ready({"e"});
  CHECK(bed.plan() == Names{"e-phone"});
  CHECK(bed.plan().empty());
}
