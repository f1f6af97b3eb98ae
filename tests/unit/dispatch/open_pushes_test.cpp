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

TEST_CASE("open pushes: put off, it is in the remainder of its event", "[dispatch][pushes]") {
  SendingBed bed;
  OpenEvent& open = bed.begin({"a", "b", "c", "d"});
  const std::string event(open.event.buffer.bytes());
  Push& a = bed.push(open, 0);
  Push& b = bed.push(open, 1);
  Push& c = bed.push(open, 2);
  Push& d = bed.push(open, 3);
  bed.events.all_planned(open);
  a.route = bed.route;
  a.progress = {.attempts = 2, .sent = 2, .unheard = 1, .hops = 1, .tried_since = wall_from_ms(testing::kNowMs)};
  bed.pass(seconds(1));
  const WallTime now = bed.now.wall;
  bed.pushes.defer(a, now + seconds(70), Rule::VendorThrottled, {.code = "429", .meaning = "slow down"});
  bed.pushes.defer(b, now + seconds(60), Rule::VendorClosed);
  bed.pushes.end(c, {OutcomeKind::Accepted, Rule::Accepted});
  CHECK(bed.world.deferrals.empty());  // they leave together
  bed.pushes.defer(d, now + seconds(12), Rule::VendorThrottled);

  REQUIRE(bed.world.outcomes.size() == 4);
  const auto& said = bed.world.outcomes.front();
  CHECK(said["outcome"] == "retrying");
  CHECK(said["rule"] == "vendor_throttled");
  CHECK(said["code"] == "429");
  CHECK(said["attempt"] == 2);
  CHECK(said["not_before"] == to_ms(now + seconds(70)));
  CHECK_FALSE(bed.world.outcomes[2].contains("not_before"));
  CHECK(bed.world.letters.empty());
  CHECK(bed.world.released.size() == 1);
  REQUIRE(bed.world.deferrals.size() == 2);
  for (const Deferral& each : bed.world.deferrals) {
    CHECK(each.key == "k");
    CHECK(each.value == event);
    CHECK(each.due_at == now + delay_of(each.tier));
  }
  CHECK(bed.world.deferrals[0].tier == Tier::TenSeconds);
  CHECK(bed.world.deferrals[1].tier == Tier::OneMinute);
  const Remainder minute{.first_at = now - seconds(1),
                         .hops = 1,
                         .not_before = now + seconds(60),
                         .left = {{"a",
                                   {{.device_id = "a-phone",
                                     .sent = 2,
                                     .unheard = 1,
                                     .hops = 2,
                                     .tried_since = wall_from_ms(testing::kNowMs),
                                     .not_before = now + seconds(70),
                                     .rule = "vendor_throttled",
                                     .vendor = "apns",
                                     .code = "429"}}},
                                  {"b", {{.device_id = "b-phone", .hops = 1, .rule = "vendor_closed"}}}}};
  const auto read = read_remainder(bed.world.deferrals[1].remainder);
  REQUIRE(read);
  CHECK(*read == minute);
}

TEST_CASE("open pushes: put off beyond its window, it ends", "[dispatch][pushes]") {
  struct Row {
    const char* name;
    seconds expires, gives_up, wait;
    bool deferred;
    const char* outcome;
    const char* rule;
  };
  const auto row = GENERATE(values<Row>({
      {"just inside", seconds(100), seconds(200), seconds(99), true, "retrying", "vendor_throttled"},
      {"expired by then", seconds(100), seconds(200), seconds(100), false, "expired", "expired"},
      {"given up by then", seconds(200), seconds(100), seconds(100), false, "dead", "vendor_throttled"},
      {"years away", seconds(200), seconds(100), seconds(100'000'000), false, "dead", "vendor_throttled"},
  }));
  CAPTURE(row.name);
  SendingBed bed;
  OpenEvent& open = bed.begin({"a"});
  open.window = {bed.now.mono + row.expires, bed.now.mono + row.gives_up};
  Push& push = bed.push(open);
  bed.events.all_planned(open);
  bed.pushes.defer(push, bed.now.wall + row.wait, Rule::VendorThrottled);
  REQUIRE(bed.world.outcomes.size() == 1);
  CHECK(bed.world.outcomes[0]["outcome"] == row.outcome);
  CHECK(bed.world.outcomes[0]["rule"] == row.rule);
  CHECK(bed.world.deferrals.size() == (row.deferred ? 1 : 0));
  CHECK(bed.world.letters.size() == (std::string(row.outcome) == "dead" ? 1 : 0));
  CHECK(bed.world.released.size() == 1);
}

TEST_CASE("open pushes: of an event that is handed back nothing is put off", "[dispatch][pushes]") {
  SendingBed bed;
  OpenEvent& open = bed.begin({"a", "b"});
  Push& a = bed.push(open, 0);
  Push& b = bed.push(open, 1);
  bed.events.all_planned(open);
  bed.pushes.defer(a, bed.now.wall + seconds(60), Rule::VendorThrottled);
  bed.events.hand_back([](RecordId) { return true; });
  bed.pushes.defer(b, bed.now.wall + seconds(60), Rule::VendorThrottled);
  CHECK(bed.world.deferrals.empty());
  CHECK(bed.world.released.empty());
  CHECK(bed.world.handed_back.size() == 1);  // whole, so a comes again with it
}

TEST_CASE("open pushes: a dead letter names the devices left", "[dispatch][pushes]") {
  SendingBed bed;
  OpenEvent& open = bed.begin({"a", "b"});
  Push& a = bed.push(open, 0);
  Push& b = bed.push(open, 1);
  bed.events.all_planned(open);
  bed.pushes.end(a, {OutcomeKind::Accepted, Rule::Accepted});
  b.progress.sent = b.progress.attempts = 3;
  bed.pushes.end(b, ending_of(Rule::RetriesExhausted), {.code = "503"});
  REQUIRE(bed.world.letters.size() == 1);
  const auto read = read_remainder(bed.world.letters[0].remainder);
  REQUIRE(read);
  const Remainder left{
      .left = {{"b", {{.device_id = "b-phone", .sent = 3, .rule = "retries_exhausted", .code = "503"}}}}};
  CHECK(*read == left);  // no time of its own: a replay begins anew
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
