// How much bulk is in the air, by what the others feel of it.
#include "dispatch/bulk_limit.h"

#include <catch2/catch.hpp>

#include "sending_bed.h"
#include "support/fake_batch_provider.h"
#include "times.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::kNow;
using nightpost::testing::SendingBed;

namespace {

/// One that others of `lateness` were told of, `times` a window, for so many windows, while all of the limit was used.
struct Hearing {
  BulkLimit limit{10, 100'000, 1'000};
  MonoTime now = kNow;
  std::size_t hear(double lateness, int windows, int times = 400) {
    for (int i = 0; i < windows; ++i, now += milliseconds(101))
      for (int one = 0; one < times; ++one) limit.heard(lateness, limit.limit(now), now);
    return limit.limit(now);
  }
};

}  // namespace

TEST_CASE("bulk limit: none while nobody else sends, the least when somebody does", "[dispatch][bulk]") {
  Hearing one;
  CHECK(one.limit.limit(one.now) == BulkLimit::kNone);
  one.limit.heard(1, 1'000, one.now);
  CHECK(one.limit.limit(one.now) == 10);
  CHECK(one.limit.limit(one.now + seconds(2)) == 10);
  CHECK(one.limit.limit(one.now + milliseconds(2'001)) == BulkLimit::kNone);
}

TEST_CASE("bulk limit: grows while others feel nothing, shrinks by what they feel", "[dispatch][bulk]") {
  Hearing one;
  one.hear(1, 30);
  const std::size_t grown = one.limit.limit(one.now);
  CHECK(grown > 200);
  SECTION("a little late is not late") { CHECK(one.hear(1.1, 3) > grown); }
  SECTION("what few feel may be chance") { CHECK(one.hear(1.5, 3, 2) >= grown); }
  SECTION("where few send, the time between them counts") {
    one.now += seconds(1);
    CHECK(one.hear(1, 2, 1) > 2 * grown);
  }
  SECTION("half as late again") {
    const std::size_t less = one.hear(1.5, 2);
    CHECK(less < grown);
    CHECK(less > grown / 4);
  }
  SECTION("very late: half a window, and no more") {
    const std::size_t less = one.hear(1'000, 3);
    CHECK(less >= grown / 4);
    CHECK(less <= grown / 2);
  }
  SECTION("never below the least") { CHECK(one.hear(50, 100) == 10); }
  SECTION("never above the most") { CHECK(one.hear(0.1, 100) == 100'000); }
}

TEST_CASE("bulk limit: one that nobody comes near does not grow", "[dispatch][bulk]") {
  Hearing one;
  one.hear(1, 20);
  const std::size_t grown = one.limit.limit(one.now);
  for (int i = 0; i < 20; ++i, one.now += milliseconds(101))
    for (int times = 0; times < 400; ++times) one.limit.heard(1, grown / 4, one.now);
  CHECK(one.limit.limit(one.now) <= grown + grown / 2);
}

TEST_CASE("bulk limit: one signer alone, which may use half of it, makes it grow", "[dispatch][bulk]") {
  BulkLimit limit(64, 100'000, 1'000);
  limit.heard(1, 0, kNow);
  MonoTime now = kNow;
  for (int i = 0; i < 60; ++i, now += milliseconds(101))
    for (int times = 0; times < 400; ++times) limit.heard(1, limit.limit(now) / 2, now);
  CHECK(limit.limit(now) > 10'000);
}

using Step = BulkLimit::Step;

TEST_CASE("bulk pace: none while nobody else sends, and what began then is no debt", "[dispatch][bulk]") {
  BulkLimit limit(10, 100'000, 1'000);
  MonoTime now = kNow;
  for (const Step step : {Step::LookUp, Step::Begin}) {
    CHECK(limit.may(step, now) == BulkLimit::kNone);
    limit.did(step, 100'000);
    CHECK(limit.goes_on_at(step, now) == now);
  }
  for (const Step step : {Step::LookUp, Step::Begin}) limit.may(step, now);  // as each call asks
  limit.heard(1, 0, now);
  CHECK(limit.may(Step::Begin, now) == 20);
  CHECK(limit.may(Step::LookUp, now) == 80);
  now += milliseconds(2'001);
  CHECK(limit.may(Step::Begin, now) == BulkLimit::kNone);
}

TEST_CASE("bulk pace: so many a second, a few at once, and what was too much is waited for", "[dispatch][bulk]") {
  BulkLimit limit(10, 100'000, 1'000);
  MonoTime now = kNow;
  limit.may(Step::Begin, now);
  limit.heard(1, 0, now);
  CHECK(limit.may(Step::Begin, now) == 20);
  limit.did(Step::Begin, 20);
  CHECK(limit.may(Step::Begin, now) == 0);
  CHECK(limit.goes_on_at(Step::Begin, now) == now + milliseconds(5));  // not for each by itself
  now += seconds(1);
  CHECK(limit.may(Step::Begin, now) == 20);  // and no more however long nobody began
  limit.did(Step::Begin, 7);
  CHECK(limit.may(Step::Begin, now) == 13);
  CHECK(limit.goes_on_at(Step::Begin, now) == now);
  limit.did(Step::Begin, 113);
  CHECK(limit.may(Step::Begin, now) == 0);
  CHECK(limit.goes_on_at(Step::Begin, now) == now + milliseconds(105));
  for (int i = 0; i < 100; ++i) {
    now += milliseconds(1);
    CHECK(limit.may(Step::Begin, now) == 0);
  }
  now += milliseconds(5);
  CHECK(limit.may(Step::Begin, now) == 5);
}

TEST_CASE("bulk pace: grows while it is used and nobody feels it, shrinks by what others feel", "[dispatch][bulk]") {
  BulkLimit limit(10, 100'000, 1'000);
  MonoTime now = kNow;
  // How many began in the last of so many windows, of what may; others are so late.
  const auto pass = [&](int windows, double late, double used) {
    std::size_t began = 0;
    for (int i = 0; i < windows; ++i) {
      began = 0;
      for (int ms = 0; ms < 101; ++ms, now += milliseconds(1)) {
        const auto some = std::size_t(double(limit.may(Step::Begin, now)) * used);
        limit.did(Step::Begin, some);
        began += some;
        for (int n = 0; n < 4; ++n) limit.heard(late, 0, now);
      }
    }
    return began;
  };
  limit.heard(1, 0, now);
  const std::size_t grown = pass(30, 1, 1);
  CHECK(grown > 1'500);
  SECTION("late") {
    const std::size_t less = pass(2, 3, 1);
    CHECK(less < grown / 2);
    CHECK(less > grown / 8);
  }
  SECTION("few are late, and very: the tail counts") {
    for (int i = 0; i < 3; ++i) {
      for (int n = 0; n < 3; ++n) limit.heard(10, 0, now);
      pass(1, 1, 1);
    }
    CHECK(pass(1, 1, 1) <= grown);
  }
  SECTION("never below the least") {
    pass(50, 50, 1);
    CHECK(pass(1, 50, 1) >= 95);
  }
  SECTION("one that nobody uses does not grow") {
    pass(30, 1, 0);
    CHECK(pass(1, 1, 1) < 2 * grown);
  }
}

TEST_CASE("way in: what an event waits is counted from the least of late", "[dispatch][bulk]") {
  struct Row {
    const char* name;
    std::vector<std::tuple<milliseconds, milliseconds, milliseconds>> events;  // now, written at, waited
  };
  using std::chrono::minutes;
  const milliseconds hour = minutes(3'000);  // of the clocks; any
  const Row row = GENERATE_COPY(values<Row>({
      {"the first tells nothing", {{hour, hour - milliseconds(40), milliseconds(0)}}},
      {"beyond the least so far",
       {{hour, hour - milliseconds(40), milliseconds(0)},
        {hour, hour - milliseconds(4), milliseconds(0)},
        {hour, hour - milliseconds(40), milliseconds(36)}}},
      {"a clock that is behind ours by a day",
       {{hour, hour - minutes(1'440), milliseconds(0)},
        {hour, hour - minutes(1'440) - milliseconds(7), milliseconds(7)}}},
      {"a clock that is ahead",
       {{hour, hour + milliseconds(5'000), milliseconds(0)}, {hour, hour + milliseconds(4'990), milliseconds(10)}}},
      {"unknown, before and after others",
       {{hour, -hour, milliseconds(0)},
        {hour, hour - milliseconds(3), milliseconds(0)},
        {hour, -hour, milliseconds(0)},
        {hour, hour - milliseconds(5), milliseconds(2)}}},
      {"the least of the turn before still counts",
       {{hour, hour - milliseconds(3), milliseconds(0)},
        {hour + minutes(6), hour + minutes(6) - milliseconds(10), milliseconds(7)}}},
      {"an older one does not: a clock was set",
       {{hour, hour - milliseconds(3), milliseconds(0)},
        {hour + minutes(6), hour + minutes(6) - milliseconds(90), milliseconds(87)},
        {hour + minutes(12), hour + minutes(12) - milliseconds(95), milliseconds(5)}}},
      {"nor after a silence",
       {{hour, hour - milliseconds(3), milliseconds(0)},
        {hour + minutes(30), hour + minutes(30) - milliseconds(90), milliseconds(0)}}},
  }));
  CAPTURE(row.name);
  WayIn way;
  for (const auto& [now, written, waited] : row.events) {
    const WallTime at = written < milliseconds(0) ? WallTime{} : WallTime(written);
    CHECK(way.waited(at, WallTime(now), MonoTime(now)) == waited);
  }
}

TEST_CASE("bulk limit: what is usual is learnt while it is calm", "[dispatch][bulk]") {
  CalmTime calm;
  CHECK(calm.lateness(20, false, kNow) == 1);  // the first is all that is known
  for (int i = 0; i < 500; ++i) calm.lateness(40, true, kNow);
  CHECK(calm.lateness(80, false, kNow) == Approx(2).epsilon(0.02));
  SECTION("and not of what bulk makes of it") {
    for (int i = 0; i < 5'000; ++i) calm.lateness(400, false, kNow + milliseconds(i));
    CHECK(calm.lateness(80, false, kNow + seconds(5)) > 1);
  }
  SECTION("unless that goes on for minutes") {
    for (int i = 0; i < 600'000; ++i) calm.lateness(400, false, kNow + milliseconds(i));
    CHECK(calm.lateness(400, false, kNow + milliseconds(600'000)) == Approx(1).epsilon(0.02));
  }
  SECTION("what is very fast may vary") {
    CalmTime fast;
    for (int i = 0; i < 100; ++i) fast.lateness(0.5, true, kNow);
    CHECK(fast.lateness(4, false, kNow) < 1);
  }
}

TEST_CASE("bulk limit: the probe of a signer that fails needs no room beside what hangs", "[dispatch][bulk]") {
  Options options;
  options.bulk_in_flight_first = 2;
  options.failures_max = 1;
  SendingBed bed(options);
  SignerPace& signer = bed.pacer().signer();
  OpenEvent& group = bed.begin({"a", "b"});
  bed.events.set_aside_as_bulk(group);
  Push& single = bed.push(bed.begin({"z"}));
  Push& hangs = bed.push(group, 0);
  for (Push* const each : {&single, &hangs}) {
    each->route = bed.route;
    bed.pushes.count_with(*each, signer);
    bed.pushes.count_attempt(*each);
  }
  bed.pushes.heard(single);  // somebody else sends: two may be in the air, one of them this signer's
  CHECK(bed.pushes.room_for_bulk(signer) == 0);
  REQUIRE(signer.failed(true, bed.now.mono));
  bed.pass(bed.options.probe_first);
  Push& next = bed.push(group, 1);
  bed.attempts.attempt(next);
  CHECK(next.state == Push::State::InFlight);
  CHECK(bed.world.sent.size() == 1);
}

TEST_CASE("bulk limit: who yields waits, however long that takes", "[dispatch][bulk]") {
  Options options;
  options.bulk_in_flight_first = 1;
  SendingBed bed(options);
  const auto other_route = bed.world.route(2, 8);
  const auto others_send = [&] {
    bed.pass(milliseconds(1'900));
    bed.pacer().signer().asked(bed.now.mono);
    bed.pacers.of(*other_route, bed.now.mono).signer().asked(bed.now.mono);
    Push& single = bed.push();
    single.route = bed.route;
    bed.pushes.count_with(single, bed.pacer().signer());
    bed.pushes.count_attempt(single);
    bed.pushes.heard(single);
    bed.pushes.end(single, ending_of(Rule::InternalError));
  };
  others_send();
  OpenEvent& group = bed.begin({"a", "b", "c"});
  bed.events.set_aside_as_bulk(group);
  Push& first = bed.push(group, 0);
  Push& second = bed.push(group, 1);
  Push& third = bed.push(group, 2);
  bed.attempts.attempt(first);
  CHECK(first.state == Push::State::InFlight);
  bed.attempts.attempt(second);
  CHECK(second.state == Push::State::Parked);
  others_send();
  CHECK(bed.shares.defer_until(bed.pacer().signer(), Audience::Many, bed.now.mono));  // nothing of it has left
  bed.attempts.attempt(third);
  CHECK(third.state == Push::State::Parked);
  bed.pushes.landed(first);
  CHECK(bed.queues.call_for_room());
  CHECK(second.state == Push::State::Due);
}

TEST_CASE("bulk limit: a signer that hangs leaves half of it to the others", "[dispatch][bulk]") {
  Options options;
  options.bulk_in_flight_first = 8;
  SendingBed bed(options);
  OpenEvent& group = bed.begin({"a", "b", "c", "d", "e", "f", "g", "h"});
  bed.events.set_aside_as_bulk(group);
  OpenEvent& single = bed.begin({"z"});
  const auto other_route = bed.world.route(2, 8);
  SignerPace& signer = bed.pacer().signer();
  SignerPace& other = bed.pacers.of(*other_route, bed.now.mono).signer();
  const auto put = [&](OpenEvent& open, std::size_t receiver, SignerPace& with) -> Push& {
    Push& one = bed.push(open, receiver);
    one.route = bed.route;
    bed.pushes.count_with(one, with);
    bed.pushes.count_attempt(one);
    return one;
  };
  Push& heard = put(single, 0, signer);
  bed.pushes.heard(heard);  // somebody else sends: eight may be in the air
  CHECK(signer.bulk_in_air() == 0);
  std::vector<Push*> air;
  while (bed.pushes.room_for_bulk(signer) > 0) air.push_back(&put(group, air.size(), signer));
  CHECK(air.size() == 4);
  CHECK(signer.bulk_in_air() == 4 * kBulkAlone);
  CHECK(bed.pushes.room_for_bulk(other) > 0);
  CHECK(bed.pushes.room_for_bulk(other, kBulkAlone, 4 * kBulkAlone) == 0);
  bed.pushes.landed(*air[0]);
  bed.pushes.landed(*air[0]);
  CHECK(signer.bulk_in_air() == 3 * kBulkAlone);
  CHECK(bed.pushes.room_for_bulk(signer) > 0);
  SECTION("however it ends") {
    for (Push* const each : air) bed.pushes.end(*each, ending_of(Rule::InternalError));
    CHECK(signer.bulk_in_air() == 0);
  }
  SECTION("with another signer after all") {
    bed.pushes.count_with(*air[1], other);
    CHECK(signer.bulk_in_air() == 2 * kBulkAlone);
    CHECK(other.bulk_in_air() == 0);
  }
}

TEST_CASE("bulk limit: of pushes that could share a request no more are called than may go", "[dispatch][bulk]") {
  Options options;
  options.bulk_in_flight_first = 1;
  options.credential_in_flight_first = options.credential_in_flight_max;
  SendingBed bed(options);
  bed.world.routes[1]->provider = std::make_shared<nightpost::testing::FakeBatchProvider>();
  SignerPace& signer = bed.pacer().signer();
  Push& single = bed.push(bed.begin({"z"}));
  single.route = bed.route;
  bed.pushes.count_with(single, signer);
  bed.pushes.count_attempt(single);
  bed.pushes.heard(single);  // somebody else sends: one may be in the air, or 64 that share
  OpenEvent& group = bed.begin({"a"});
  bed.events.set_aside_as_bulk(group);
  for (int i = 0; i < 80; ++i) {
    Push& one = bed.push(group);
    one.route = bed.route;
    bed.pushes.count_with(one, signer);
    bed.queues.park_for_room(one);
  }
  CHECK(bed.queues.call_for_room());
  CHECK(signer.waiting() == 80 - kBulkAlone);
}

TEST_CASE("bulk limit: of pushes that badges part no more are called than requests may go", "[dispatch][bulk]") {
  Options options;
  options.bulk_in_flight_first = 8;
  options.credential_in_flight_first = options.credential_in_flight_max;
  SendingBed bed(options);
  const auto vendor = std::make_shared<nightpost::testing::FakeBatchProvider>();
  bed.world.routes[1]->provider = vendor;
  SignerPace& signer = bed.pacer().signer();
  Push& single = bed.push(bed.begin({"z"}));
  single.route = bed.route;
  bed.pushes.count_with(single, signer);
  bed.pushes.count_attempt(single);
  bed.pushes.heard(single);  // somebody else sends
  OpenEvent& group = bed.begin({"a"});
  bed.events.set_aside_as_bulk(group);
  group.badge_weight = 16;
  std::size_t waits = 80 - 8 * kBulkAlone / 16;
  SECTION("where the vendor shows them") {}
  SECTION("else as many as share") {
    vendor->wants.badge = false;
    waits = 0;
  }
  SECTION("and as many as letters of one request") {
    vendor->wants.mixed_max = 100;
    waits = 0;
  }
  for (int i = 0; i < 80; ++i) {
    Push& one = bed.push(group);
    one.route = bed.route;
    bed.pushes.count_with(one, signer);
    bed.queues.park_for_room(one);
  }
  CHECK(bed.queues.call_for_room());
  CHECK(signer.waiting() == waits);
}

TEST_CASE("bulk limit: who waits for others alone is counted until it waits no longer", "[dispatch][bulk]") {
  Options options;
  options.bulk_in_flight_first = 2;
  SendingBed bed(options);
  SignerPace& signer = bed.pacer().signer();
  Push& single = bed.push(bed.begin({"z"}));
  single.route = bed.route;
  bed.pushes.count_with(single, signer);
  bed.pushes.count_attempt(single);
  CHECK_FALSE(bed.pushes.is_bulk_limited());
  bed.pushes.heard(single);
  CHECK(bed.pushes.is_bulk_limited());
  OpenEvent& group = bed.begin({"a", "b", "c"});
  bed.events.set_aside_as_bulk(group);
  const auto waiting = [&](std::size_t i, bool yields) -> Push& {
    Push& one = bed.push(group, i);
    one.route = bed.route;
    bed.pushes.count_with(one, signer);
    bed.queues.park_for_room(one, yields);
    return one;
  };
  waiting(0, false);
  Push& first = waiting(1, true);
  CHECK_FALSE(bed.pushes.has_bulk_at_hand());
  Push& second = waiting(2, true);
  CHECK(bed.pushes.has_bulk_at_hand());
  bed.pushes.wait_began(second, true);  // once is enough
  SECTION("ended") { bed.pushes.end(first, ending_of(Rule::InternalError)); }
  SECTION("called") { bed.pushes.wait_ended(first, true); }
  SECTION("for its signer now") { bed.pushes.wait_began(first, false); }
  SECTION("its signer is another") {
    bed.pushes.count_with(first, bed.pacers.of(*bed.world.route(2, 8), bed.now.mono).signer());
  }
  CHECK_FALSE(bed.pushes.has_bulk_at_hand());
  bed.now.mono += std::chrono::seconds(5);  // nobody else sends
  CHECK_FALSE(bed.pushes.is_bulk_limited());
}
