// Pushes that a vendor's quota has no room for: known before a request is spent, and put off until it opens.
#include <catch2/catch.hpp>

#include "batch_fixture.h"
#include "support/fake_authorizer.h"
#include "support/throwing_provider.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::BatchFixture;
using nightpost::testing::event_for;
using nightpost::testing::FakeAuthorizer;
using nightpost::testing::FakeProvider;
using nightpost::testing::Fixture;
using nightpost::testing::kNowMs;
using nightpost::testing::ThrowingProvider;
using nlohmann::json;
using std::chrono::hours;

namespace {

constexpr WallTime kMidnight{milliseconds(1'795'276'800'000)};  // in China; it is 09:51 there

Quota counted(Quota::Of of, Quota::Per per, std::uint32_t most) {
  return {.name = "public messages", .of = of, .per = per, .most = most};
}

struct Counting : Fixture {
  std::shared_ptr<FakeProvider> provider = std::make_shared<FakeProvider>();
  explicit Counting(std::vector<Quota> quotas) {
    provider->counted = std::move(quotas);
    world.routes[1]->provider = provider;
    world.add("vinson");
    options.quick_for = seconds(10);
    options.retry_for = hours(24);
  }
  Counting() : Counting({counted(Quota::Of::Device, Quota::Per::Day, 1)}) {}
  void push(const std::string& title = "sale") {
    json event = event_for({"vinson"});
    event["push"]["title"] = title;
    event["occurred_at"] = to_ms(world.clock.wall());
    event["expires_at"] = to_ms(world.clock.wall() + hours(24));
    accept(event);
  }
  std::string last_rule() { return world.outcomes.empty() ? "" : world.outcomes.back()["rule"]; }
};

}  // namespace

TEST_CASE("quota: what is over waits for the vendor's next day, and costs no request", "[dispatch][quota]") {
  Counting f;
  f.push();
  f.world.answer(200);
  f.push();
  CHECK(f.world.sent.size() == 1);
  CHECK(f.world.outcomes.back()["outcome"] == "retrying");
  CHECK(f.last_rule() == "quota_spent");
  CHECK(f.world.outcomes.back()["attempt"] == 0);
  CHECK(f.world.outcomes.back()["reason"].get<std::string>().ends_with(
      ": 1 public messages a day to one device, used up until 2026-11-22 00:00 at UTC+8."));
  CHECK(f.only_remainder().not_before >= kMidnight);
  CHECK(f.only_remainder().not_before < kMidnight + seconds(1));  // with some jitter
  CHECK(f.world.metrics.quotas_spent[std::size_t(Vendor::Apns)].read() == 1);
  CHECK(f.world.metrics.put_off[std::size_t(PutOff::Quota)].read() == 1);

  f.pass(kMidnight - f.world.clock.wall() + seconds(1));
  f.come_back();
  REQUIRE(f.world.sent.size() == 2);
  f.world.answer(200);
  CHECK(f.last_rule() == "accepted");
  CHECK(f.all_over());
}

TEST_CASE("quota: other kinds, other devices and other signers go on", "[dispatch][quota]") {
  Counting f;
  f.push();
  f.world.answer(200);
  f.push("free");
  CHECK(f.world.sent.size() == 2);
  f.world.answer(200);
  f.world.add("ann");
  f.accept(event_for({"ann"}));
  CHECK(f.world.sent.size() == 3);
  f.world.answer(200);
  f.world.routes[1] = f.world.route(1, 8);  // it names no signer, so it shares with nobody
  f.world.routes[1]->provider = f.provider;
  f.push();
  CHECK(f.world.sent.size() == 4);
  f.world.answer(200);
  CHECK(f.all_over());
}

TEST_CASE("quota: only what the vendor took, or may have, is counted for good", "[dispatch][quota]") {
  struct Row {
    const char* name;
    int status;  // 0: the line goes dead
    const char* body;
    bool maybe_sent, counts;
  };
  const Row row = GENERATE(values<Row>({
      {"accepted", 200, "", false, true},
      {"lost, and maybe processed", 0, "", true, true},
      {"lost before it was sent", 0, "", false, false},
      {"refused", 400, "Bad", false, false},
      {"held back by the vendor's policy", 451, "", false, false},
      {"throttled", 429, "Token 3600", false, false},
      {"in doubt", 400, "BadDeviceToken", false, false},
      {"the vendor's fault", 500, "Failed", false, false},
      {"the credential's fault", 403, "No", false, false},
      {"set up wrong", 404, "", false, false},
  }));
  CAPTURE(row.name);
  Counting f;
  f.options.attempts_max = 1;
  f.options.breaker_first = milliseconds(1);
  f.push();
  REQUIRE(f.world.sent.size() == 1);
  if (row.status == 0)
    f.world.lose(Errc::ConnectionLost, row.maybe_sent);
  else
    f.world.answer(row.status, row.body);
  f.pass(milliseconds(1));
  f.push();
  CHECK(f.world.sent.size() == (row.counts ? 1 : 2));
}

TEST_CASE("quota: a repeat of what may have been processed is not asked for the quota again", "[dispatch][quota]") {
  Counting f;
  f.push();
  f.world.lose(Errc::ConnectionLost, true);
  f.pass(seconds(2));
  REQUIRE(f.world.sent.size() == 2);
  f.world.answer(200);
  CHECK(f.only_outcome()["rule"] == "accepted");
}

TEST_CASE("quota: a repeat, and one with a new grant, is counted once", "[dispatch][quota]") {
  Counting f({counted(Quota::Of::App, Quota::Per::Day, 2), counted(Quota::Of::Device, Quota::Per::Day, 2)});
  f.push();
  f.world.answer(500, "Busy");
  f.pass(seconds(2));
  REQUIRE(f.world.sent.size() == 2);
  f.world.answer(403, "Expired");
  REQUIRE(f.world.sent.size() == 3);
  f.world.answer(200);
  f.push();
  REQUIRE(f.world.sent.size() == 4);
  f.push();  // while that one is in the air
  CHECK(f.last_rule() == "quota_spent");
  f.world.answer(200);
}

TEST_CASE("quota: what is in the air counts, and gives its place back", "[dispatch][quota]") {
  Counting f;
  f.push();
  f.push();
  CHECK(f.world.sent.size() == 1);
  CHECK(f.last_rule() == "quota_spent");
  f.world.answer(400, "Bad");
  f.push();
  CHECK(f.world.sent.size() == 2);
  f.world.answer(200);
}

TEST_CASE("quota: never past expiry, and then the end says why", "[dispatch][quota]") {
  Counting f;
  f.push();
  f.world.answer(200);
  json event = event_for({"vinson"});
  event["expires_at"] = to_ms(kMidnight - seconds(1));
  SECTION("it expires before") {
    f.accept(event);
    CHECK(f.world.outcomes.back()["outcome"] == "expired");
    CHECK(f.world.letters.empty());
  }
  SECTION("it is given up before: kept for a replay") {
    f.options.retry_for = hours(1);
    Counting g;
    g.options.retry_for = hours(1);
    g.push();
    g.world.answer(200);
    g.push();
    CHECK(g.world.outcomes.back()["outcome"] == "dead");
    CHECK(g.last_rule() == "quota_spent");
    REQUIRE(g.world.letters.size() == 1);
    CHECK(g.world.letters.front().reason == "quota_spent");
    CHECK(g.world.letters.front().detail.find("used up until") != std::string::npos);
    f.accept(event);
  }
  SECTION("a badge is not put off at all") {
    f.world.users["vinson"].devices.front().platform = Platform::Ios;
    event["kind"] = "badge";
    event.erase("message");
    event.erase("from");
    f.accept(event);
    CHECK(f.world.outcomes.back()["outcome"] == "expired");
  }
  CHECK(f.last_rule() == "quota_spent");
  CHECK(f.world.deferrals.empty());
  CHECK(f.world.sent.size() == 1);
  CHECK(f.all_over());
}

TEST_CASE("quota: a second's is waited for in memory", "[dispatch][quota]") {
  Counting f({counted(Quota::Of::App, Quota::Per::Second, 1)});
  f.push();
  f.push();
  CHECK(f.world.sent.size() == 1);
  CHECK(f.world.outcomes.empty());
  f.pass(seconds(2));
  REQUIRE(f.world.sent.size() == 2);
  f.world.answer(200, "", 0);
  f.world.answer(200, "", 1);
  CHECK(f.all_over());
}

TEST_CASE("quota: what a second has no room for waits in memory where it holds up nobody", "[dispatch][quota]") {
  Counting f({counted(Quota::Of::App, Quota::Per::Second, 1)});
  f.options.quick_for = seconds(3);
  f.world.routes[2] = f.world.route(2, 8);
  f.world.add("ann").devices.front().certificate = {2};
  const bool alone = GENERATE(true, false);
  CAPTURE(alone);
  if (!alone) f.accept(event_for({"ann"}));
  for (int i = 0; i < 20; ++i) f.push();
  f.pass(seconds(60));
  std::size_t put_off = 0;
  for (const json& each : f.world.outcomes) put_off += each["rule"] == "quota_spent";
  CHECK((put_off == 0) == alone);
  CHECK(f.world.sent.size() == (alone ? 20 : 21 - put_off));
}

TEST_CASE("quota: a message to one does not wait for a group's seconds", "[dispatch][quota][bulk]") {
  Counting f({counted(Quota::Of::App, Quota::Per::Second, 20)});
  f.options.bulk_receivers_min = 50;
  json group = event_for({});
  for (int i = 0; i < 100; ++i) {
    f.world.add("m" + std::to_string(i));
    group["to"].push_back({{"user_id", "m" + std::to_string(i)}});
  }
  f.accept(group);
  CHECK(f.world.sent.size() == 19);
  f.push();
  REQUIRE(f.world.sent.size() == 20);
  CHECK(f.world.sent.back().http.path.find("vinson") != std::string::npos);
  f.pass(seconds(12));
  CHECK(f.world.sent.size() == 101);
}

TEST_CASE("quota: of a group one request takes as many devices as the app's day has left", "[dispatch][quota][batch]") {
  BatchFixture f;
  f.options.retry_for = hours(24);
  f.provider->counted = {counted(Quota::Of::App, Quota::Per::Day, 3)};
  f.accept(f.members(5));
  REQUIRE(f.world.sent.size() == 1);
  CHECK(f.world.sent[0].http.body.ends_with(",t0,t1,t2"));
  CHECK(f.outcomes("quota_spent") == 2);
  f.world.answer(200, " t1:gone");
  CHECK(f.only_remainder().left.size() == 2);
  f.accept(f.members(2, 10));  // the dead token's place is free again
  REQUIRE(f.world.sent.size() == 2);
  CHECK(f.world.sent[1].http.body.ends_with(",t10"));
  f.world.answer(200);
  CHECK(f.outcomes("accepted") == 3);
  CHECK(f.all_over());
}

TEST_CASE("quota: an event that is handed back gives back what was not sent", "[dispatch][quota][batch]") {
  BatchFixture f;
  f.options.mixed_linger = milliseconds(50);
  f.provider->wants = {.tokens = false, .mixed_max = 100};
  f.provider->counted = {counted(Quota::Of::App, Quota::Per::Day, 1)};
  f.accept(f.members(1));  // waits for company
  REQUIRE(f.world.sent.empty());
  f.dispatcher().hand_back([](RecordId) { return true; });
  f.accept(f.members(1));
  f.pass(milliseconds(50));
  CHECK(f.world.sent.size() == 1);
}

TEST_CASE("quota: an edit of the certificate keeps the counts of its signer", "[dispatch][quota]") {
  Counting f;
  const auto route_of = [&](std::uint64_t id) {
    auto route = f.world.route(1, id);
    route->provider = f.provider;
    route->authorizer = std::make_shared<FakeAuthorizer>("app 7");
    return route;
  };
  f.world.routes[1] = route_of(8);
  f.push();
  f.world.answer(200);
  f.world.routes[1] = route_of(9);
  f.push();
  CHECK(f.world.sent.size() == 1);
  CHECK(f.last_rule() == "quota_spent");
}

TEST_CASE("quota: the shards of a process share what the vendor takes", "[dispatch][quota]") {
  SignerLedger ledger;
  Counting one({counted(Quota::Of::App, Quota::Per::Day, 3), counted(Quota::Of::Device, Quota::Per::Day, 2)});
  Counting two;
  two.world.routes[1]->provider = one.provider;
  for (Counting* each : {&one, &two})
    each->made = std::make_unique<Dispatcher>(each->options, each->world, each->world, each->world, each->world,
                                              each->world.clock, each->world.metrics, nullptr, nullptr, &ledger);
  one.push();
  two.push();
  CHECK(one.world.sent.size() + two.world.sent.size() == 2);
  one.push();  // the device has had its two
  CHECK(one.last_rule() == "quota_spent");
  two.world.answer(400, "Bad");
  one.push();
  CHECK(one.world.sent.size() == 2);
  one.world.add("ann");
  one.world.add("bob");
  one.accept(event_for({"ann"}));
  CHECK(one.world.sent.size() == 3);
  two.world.add("bob");
  two.accept(event_for({"bob"}));  // and the app its three
  CHECK(two.world.sent.size() == 1);
  CHECK(two.last_rule() == "quota_spent");
  CHECK(two.world.outcomes.back()["reason"].get<std::string>().find("3 public messages a day, used up") !=
        std::string::npos);
}

TEST_CASE("quota: a room that throws when it is asked for its quotas ends its push, and nothing else",
          "[dispatch][quota]") {
  Counting f;
  bool throws = true;
  f.world.routes[1]->provider =
      std::make_shared<ThrowingProvider>(f.provider, [&](std::string_view call) { return throws && call == "quotas"; });
  f.push();
  CHECK(f.last_rule() == "internal_error");
  throws = false;
  f.push();
  CHECK(f.world.sent.size() == 1);
  f.world.answer(200);
}
