// An event's end: once, last, and only when nothing of it is open.
#include "dispatch/open_events.h"

#include <catch2/catch.hpp>

#include "planning_bed.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::PlanningBed;

namespace {
constexpr Ending kLetter{OutcomeKind::Dead, Rule::RetriesExhausted, Disposition::DeadLetter};
}

TEST_CASE("open events: closed by the last of its pushes, once all is planned", "[dispatch][events]") {
  PlanningBed bed;
  OpenEvent& open = bed.begin_event({"a", "b"});
  const Device device{.device_id = "phone"};
  Push& first = bed.push(open, device, 0);
  Push& second = bed.push(open, device, 1);
  SECTION("planned first") {
    bed.events.all_planned(open);
    bed.drop(first);
    CHECK(bed.world.released.empty());
    bed.drop(second);
  }
  SECTION("planned last") {
    bed.drop(first);
    bed.drop(second);
    CHECK(bed.world.released.empty());
    bed.events.all_planned(open);
  }
  CHECK(bed.world.released == std::vector{RecordId{1}});
  CHECK(bed.world.letters.empty());
  CHECK(bed.events.open() == 0);
  CHECK(bed.events.open_bytes() == 0);
  CHECK(bed.events.receivers_unplanned(Audience::Few) == 0);
}

TEST_CASE("open events: what is open counts, what is closed does not", "[dispatch][events]") {
  PlanningBed bed;
  OpenEvent& one = bed.begin_event({"a", "b", "c"});
  const std::size_t bytes = bed.events.open_bytes();
  CHECK(bytes > 0);
  CHECK(bed.events.receivers_unplanned(Audience::Few) == 3);
  OpenEvent& two = bed.begin_event({"a"});
  CHECK(bed.events.open() == 2);
  CHECK(bed.events.receivers_unplanned(Audience::Few) == 4);
  const std::uint64_t tag = one.tag;
  bed.events.end_receivers(one, {OutcomeKind::Suppressed, Rule::PushDisabled});
  CHECK(bed.world.outcomes.size() == 3);
  CHECK(bed.events.find(tag) == nullptr);
  CHECK(bed.events.receivers_unplanned(Audience::Few) == 1);
  CHECK(bed.events.open_bytes() < bytes);
  bed.events.all_planned(two);
  CHECK(bed.events.open_bytes() == 0);
}

TEST_CASE("open events: one dead letter, whole, before the release", "[dispatch][events]") {
  PlanningBed bed;
  bed.world.add("a").devices.push_back(Device{.device_id = "tablet"});
  OpenEvent& open = bed.begin_event({"a"});
  Push& first = bed.push(open, bed.world.users["a"].devices[0]);
  Push& second = bed.push(open, bed.world.users["a"].devices[1]);
  bed.events.all_planned(open);
  bed.events.end_push(first, kLetter, {.code = "busy"});
  bed.drop(first);
  CHECK(bed.world.letters.empty());
  bed.events.end_push(second, kLetter, {});
  bed.drop(second);
  REQUIRE(bed.world.letters.size() == 1);
  CHECK(bed.world.letters[0].key == "k");
  CHECK(bed.world.letters[0].reason == "retries_exhausted");
  CHECK(bed.world.letters[0].code == "busy");
  CHECK(nlohmann::json::parse(bed.world.letters[0].value) == nightpost::testing::event_for({"a"}));
  CHECK(bed.world.released.size() == 1);
}

TEST_CASE("open events: unreadable is a letter and over", "[dispatch][events]") {
  PlanningBed bed;
  OpenEvent& open = bed.events.begin({.record_id = RecordId{5}, .key = "k", .value = "{"});
  bed.events.decoded(open);
  bed.events.unreadable(open, Rule::Malformed, "$: not closed");
  CHECK(bed.world.outcomes.empty());
  CHECK(bed.world.letters.at(0).detail == "$: not closed");
  CHECK(bed.world.released == std::vector{RecordId{5}});
  CHECK(bed.events.open() == 0);
}

TEST_CASE("open events: handed back", "[dispatch][events]") {
  PlanningBed bed;
  OpenEvent& unplanned = bed.begin_event({"a"});
  OpenEvent& half = bed.begin_event({"a", "b"});
  OpenEvent& planned = bed.begin_event({"a"});
  OpenEvent& stays = bed.begin_event({"a"});
  const Device device{.device_id = "phone"};
  Push& of_half = bed.push(half, device);
  Push& of_planned = bed.push(planned, device);
  bed.events.all_planned(planned);
  const std::uint64_t tag = unplanned.tag;
  bed.events.hand_back([&](RecordId id) { return id != stays.record_id; });
  CHECK(bed.events.find(tag) == nullptr);  // with nothing in the air it goes at once
  CHECK(bed.world.handed_back == std::vector{RecordId{1}});
  CHECK(bed.events.open() == 3);
  CHECK(bed.events.receivers_unplanned(Audience::Few) == 1);
  bed.events.hand_back([&](RecordId id) { return id != stays.record_id; });  // again: nothing new
  CHECK(bed.events.open() == 3);
  bed.drop(of_half);
  CHECK(bed.world.released.empty());  // not all of it was planned
  CHECK(bed.world.handed_back == std::vector{RecordId{1}, RecordId{2}});
  bed.drop(of_planned);
  CHECK(bed.world.released == std::vector{RecordId{3}});  // all of it went out before
  bed.events.all_planned(stays);
  CHECK(bed.world.released.size() == 2);
}

TEST_CASE("open events: all planned, and a push was dropped: handed back, without its letter", "[dispatch][events]") {
  PlanningBed bed;
  OpenEvent& open = bed.begin_event({"a"});
  const Device device{.device_id = "phone"};
  Push& push = bed.push(open, device);
  bed.events.all_planned(open);
  Push& second = bed.push(open, device);
  bed.events.end_push(push, kLetter, {});
  open.incomplete = true;
  bed.drop(push);
  CHECK(bed.world.handed_back.empty());
  bed.drop(second);
  CHECK(bed.world.handed_back == std::vector{RecordId{1}});
  CHECK(bed.world.released.empty());
  CHECK(bed.world.letters.empty());
  CHECK(bed.events.open() == 0);
}

TEST_CASE("open events: when all goes, what is open is handed back", "[dispatch][events]") {
  PlanningBed bed;
  bed.events.all_planned(bed.begin_event({"a"}));
  bed.begin_event({"a"});
  bed.begin_event({"b"});
  bed.events.hand_back_all();
  CHECK(bed.world.released == std::vector{RecordId{1}});
  CHECK(bed.world.handed_back == std::vector{RecordId{2}, RecordId{3}});
}
