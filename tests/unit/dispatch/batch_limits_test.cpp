// Pushes that share requests within the limits: slots, one credential's slots, the queue.
#include <algorithm>
#include <catch2/catch.hpp>
#include <tuple>
#include <utility>

#include "batch_fixture.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::BatchFixture;
using nightpost::testing::event_for;
using nightpost::testing::World;
using nlohmann::json;

TEST_CASE("batch: one credential that hangs does not hold all slots", "[dispatch][batch]") {
  BatchFixture f;
  f.options.pushes_in_flight_max = 8;
  f.options.credential_in_flight_max = 3;
  for (int i = 0; i < 10; ++i) f.accept(f.members(1, i));
  CHECK(f.world.sent.size() == 3);
  f.world.routes[2] = World::route(2, 8);
  f.world.add("other").devices.front().certificate = {2};
  f.accept(event_for({"other"}));
  REQUIRE(f.world.sent.size() == 4);
  f.world.answer(200);
  CHECK(f.outcomes("accepted") == 1);
  SECTION("what waits follows the answers") {
    for (std::size_t i = 0; f.world.outcomes.size() < 11; ++i) {
      REQUIRE(i < 20);
      if (i == 3) continue;
      REQUIRE(i < f.world.sent.size());
      f.world.answer(200, "", i);
    }
    CHECK(f.outcomes("accepted") == 11);
    CHECK(f.world.sent.size() == 11);
  }
  SECTION("or ends with its time") {
    f.pass(f.options.retry_for);
    CHECK(f.outcomes("retries_exhausted") == 7);
    for (std::size_t i = 0; i < 3; ++i) f.world.answer(200, "", i);
  }
  CHECK(f.all_over());
}

TEST_CASE("batch: what is gathered counts among the requests in the air", "[dispatch][batch]") {
  BatchFixture f;
  f.options.pushes_in_flight_max = 8;
  f.options.credential_in_flight_max = GENERATE(4, 8);
  json event = f.members(40);
  for (int i = 0; i < 40; ++i) event["to"][std::size_t(i)]["unread"] = i / 2;  // two a request
  f.accept(event);
  const std::size_t limit = f.options.credential_in_flight_max + 1;  // the last one's company is not known beforehand
  CHECK(f.world.sent.size() == limit);
  std::size_t most = 0;
  for (std::size_t i = 0; i < f.world.sent.size(); ++i) {
    most = std::max(most, f.dispatcher().requests_in_flight());
    f.world.answer(200, "", i);
  }
  CHECK(most <= limit);
  CHECK(f.outcomes("accepted") == 40);
  CHECK(f.all_over());
}

TEST_CASE("batch: an event larger than the queue goes in parts", "[dispatch][batch]") {
  BatchFixture f;
  f.options.pushes_queued_max = 4;
  SECTION("that are sent") {
    f.accept(f.members(10));
    for (std::size_t i = 0; i < f.world.sent.size(); ++i) f.world.answer(200, "", i);
    CHECK(f.outcomes("accepted") == 10);
  }
  SECTION("that can never be") {
    json event = f.members(10);
    event["push"]["ext"] = "too big";
    f.accept(event);
    CHECK(f.outcomes("payload_unbuildable") == 10);
  }
  CHECK(f.all_over());
}

TEST_CASE("batch: an event that had no place beside one that cannot be built goes", "[dispatch][batch]") {
  BatchFixture f;
  f.options.pushes_queued_max = 4;
  json first = f.members(3, 0);
  first["push"]["ext"] = "too big";
  const std::string one = first.dump(), other = f.members(2, 1).dump();
  const std::vector<Record> both = {{RecordId{101}, "k", one, {}, {}}, {RecordId{102}, "k", other, {}, {}}};
  f.dispatcher().accept(both);
  CHECK(f.outcomes("payload_unbuildable") == 3);
  REQUIRE(f.world.sent.size() == 1);
  f.world.answer(200);
  CHECK(f.outcomes("accepted") == 2);
}

TEST_CASE("batch: who waits for room at a credential is called though nobody before was sent", "[dispatch][batch]") {
  BatchFixture f;
  f.options.credential_in_flight_max = 1;
  f.accept(f.members(1));
  for (int i = 1; i < 6; ++i) {
    json event = f.members(1, i);
    if (i < 5) event["push"]["ext"] = "too big";
    f.accept(event);
  }
  REQUIRE(f.world.sent.size() == 1);
  f.provider->wants.tokens = GENERATE(true, false);
  f.world.answer(200);
  CHECK(f.outcomes("payload_unbuildable") == 4);
  REQUIRE(f.world.sent.size() == 2);
  f.world.answer(200);
  CHECK(f.outcomes("accepted") == 2);
  CHECK(f.all_over());
}

TEST_CASE("batch: of those that wait for room at a credential, only as many are called as have some",
          "[dispatch][batch]") {
  BatchFixture f;
  f.options.credential_in_flight_max = 2;
  f.provider->wants.mixed_max = GENERATE(0, 4);
  constexpr int kEvents = 200;
  for (int i = 0; i < kEvents; ++i) f.accept(f.members(1, i));
  for (std::size_t i = 0; f.world.outcomes.size() < kEvents; ++i) {
    REQUIRE(i < kEvents);
    if (i == f.world.sent.size()) f.pass(f.options.mixed_linger);
    REQUIRE(i < f.world.sent.size());
    f.world.answer(200, "", i);
  }
  CHECK(f.outcomes("accepted") == kEvents);
  CHECK(f.world.routes_asked <= 3 * kEvents);
  CHECK(f.all_over());
}

TEST_CASE("batch: a bin that left takes no slot any more", "[dispatch][batch]") {
  BatchFixture f;
  f.provider->wants = {.tokens = true, .tokens_min = 3, .mixed_max = 4};
  f.options.pushes_in_flight_max = 2;
  for (int i = 0; i < 6; ++i) {
    f.accept(f.members(1, i));
    f.pass(f.options.mixed_linger);
    REQUIRE(f.world.sent.size() == std::size_t(i) + 1);
    f.world.answer(200);
  }
  CHECK(f.outcomes("accepted") == 6);
  CHECK(f.all_over());
}

TEST_CASE("batch: after a pause a credential comes back with few requests, and more with each answer",
          "[dispatch][batch]") {
  BatchFixture f;
  f.options.credential_in_flight_first = 8;
  f.accept(f.members(1));
  f.world.answer(429);
  for (int i = 1; i < 100; ++i) f.accept(f.members(1, i));
  CHECK(f.world.sent.size() == 1);
  f.pass(seconds(8));
  const std::size_t first = f.dispatcher().requests_in_flight();
  CHECK(first >= 8);
  CHECK(first <= 9);
  std::size_t most = 0;
  for (std::size_t i = 1; i < f.world.sent.size(); ++i) {
    f.world.answer(200, "", i);
    most = std::max(most, f.dispatcher().requests_in_flight());
  }
  CHECK(most > 2 * first);
  CHECK(f.outcomes("accepted") == 100);
  CHECK(f.all_over());
}

TEST_CASE("batch: events that come faster than they go still leave whole", "[dispatch][batch]") {
  BatchFixture f;
  f.options.pushes_queued_max = 250;
  for (int i = 0; i < 20; ++i) f.accept(f.members(70 + i, 100 * i));
  std::size_t answered = 0;
  while (answered < f.world.sent.size()) f.world.answer(200, "", answered++);
  CHECK(f.world.sent.size() == 20);
  CHECK(f.all_over());
}

TEST_CASE("batch: the smallest share of a quota is one request", "[dispatch][batch]") {
  BatchFixture f;
  f.provider->per_minute = 3;
  f.options.quota_share = 0.001;
  for (int i = 0; i < 2; ++i) f.accept(f.members(1, i));
  CHECK(f.world.sent.size() == 1);
}

TEST_CASE("batch: a credential keeps to the vendor's quota a minute", "[dispatch][batch]") {
  BatchFixture f;
  std::tie(f.provider->per_minute, f.options.quota_share) =
      GENERATE(std::pair<std::size_t, double>(3, 1.0), std::pair<std::size_t, double>(12, 0.25));
  const bool in_time = GENERATE(true, false);
  f.options.quick_for = f.options.retry_for = in_time ? std::chrono::minutes(10) : std::chrono::minutes(1);
  for (int i = 0; i < 8; ++i) f.accept(f.members(1, i));
  std::size_t answered = 0;
  for (const std::size_t sent : in_time ? std::vector<std::size_t>{3, 6, 8} : std::vector<std::size_t>{3}) {
    REQUIRE(f.world.sent.size() == sent);
    while (answered < sent) f.world.answer(200, "", answered++);
    f.pass(seconds(58));
    CHECK(f.world.sent.size() == sent);
    f.pass(seconds(2));
  }
  CHECK(f.outcomes("accepted") == int(answered));
  CHECK(f.outcomes("vendor_throttled") == 8 - int(answered));
  CHECK(f.all_over());
}
