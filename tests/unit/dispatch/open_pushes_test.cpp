// A push is gone once, with all that it held.
#include "dispatch/open_pushes.h"

#include <catch2/catch.hpp>

#include "sending_bed.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::SendingBed;

TEST_CASE("open pushes: each has the id of its event, user and device", "[dispatch][pushes]") {
  SendingBed bed;
  OpenEvent& open = bed.begin({"a", "b"});
  const Push& a = bed.push(open, 0);
  const Push& b = bed.push(open, 1);
  CHECK(a.push_id != b.push_id);
  CHECK(bed.pushes.find(a.tag) == &a);
  CHECK(bed.pushes.open() == 2);
  OpenEvent& same = bed.begin({"a"});
  CHECK(bed.push(same).push_id == a.push_id);  // whoever sends it again says so
}

TEST_CASE("open pushes: ended with an outcome, dropped without, gone either way", "[dispatch][pushes]") {
  SendingBed bed;
  OpenEvent& open = bed.begin({"a", "b"});
  Push& a = bed.push(open, 0);
  Push& b = bed.push(open, 1);
  bed.events.all_planned(open);
  const std::uint64_t tags[] = {a.tag, b.tag};
  bed.pushes.end(a, {OutcomeKind::Accepted, Rule::Accepted});
  CHECK(bed.world.outcomes.size() == 1);
  CHECK(bed.world.released.empty());
  SECTION("ended") {
    bed.pushes.end(b, {OutcomeKind::Accepted, Rule::Accepted});
    CHECK(bed.world.outcomes.size() == 2);
    CHECK(bed.world.released.size() == 1);
  }
  SECTION("dropped: its event is not over") {
    bed.pushes.drop(b);
    CHECK(bed.world.outcomes.size() == 1);
    CHECK(bed.world.released.empty());
  }
  for (const std::uint64_t tag : tags) CHECK(bed.pushes.find(tag) == nullptr);
  CHECK(bed.pushes.open() == 0);
  CHECK(bed.events.open() == 0);
}

TEST_CASE("open pushes: a probe that goes frees its place", "[dispatch][pushes]") {
  SendingBed bed;
  bed.pacer().refuse(Probe::None, "bad", "", bed.now.mono);
  bed.pass(bed.options.breaker_first);
  Push& push = bed.push();
  push.route = bed.route;
  push.probe = bed.pacer().begin_probe(bed.now.mono);
  REQUIRE(push.probe != Probe::None);
  SECTION("ended") { bed.pushes.end(push, ending_of(Rule::InternalError)); }
  SECTION("dropped") { bed.pushes.drop(push); }
  SECTION("given up") {
    bed.pushes.give_up_probe(push);
    CHECK(push.probe == Probe::None);
  }
  CHECK(bed.pacer().begin_probe(bed.now.mono) == Probe::None);
  bed.pass(bed.options.breaker_first);
  CHECK(bed.pacer().begin_probe(bed.now.mono) != Probe::None);
}
