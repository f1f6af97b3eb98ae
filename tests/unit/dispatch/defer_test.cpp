// What is put off, and how it comes back: the whole pipeline over several hops.
#include <catch2/catch.hpp>
#include <string>

#include "batch_fixture.h"

using namespace nightpost;
using namespace nightpost::testing;

namespace {

struct Hops : Fixture {
  Hops() {
    options.quick_for = seconds(10);
    options.retry_for = std::chrono::hours(24);
    world.routes[1]->certificate.vendor = Vendor::Honor;  // which asks for nothing special
  }
  Receiver& add(const std::string& user) {
    Receiver& receiver = world.add(user);
    receiver.devices.back().platform = Platform::Android;
    return receiver;
  }
  /// Each request of it, and of its repeats in memory, is answered so.
  void fail_quickly(int status = 503, const char* body = "Busy") {
    for (std::size_t answered = world.sent.size() - 1; world.deferrals.empty();) {
      REQUIRE(answered < world.sent.size());
      world.answer(status, body, answered++);
      pass(options.quick_for);
    }
  }
  /// Its time in the delay topic is over, and then what it has to wait here.
  void hop() {
    REQUIRE_FALSE(world.deferrals.empty());
    const WallTime due = world.deferrals.front().due_at;
    if (due > world.clock.wall()) pass(due - world.clock.wall());
    come_back();
    for (int i = 0; i < 1'000 && !world.deferrals.empty(); ++i) {  // passed on: it came too early
      pass(world.deferrals.front().due_at - world.clock.wall());
      come_back();
    }
    pass(seconds(6));
  }
  std::vector<std::string> kinds() const {
    std::vector<std::string> all;
    for (const json& each : world.outcomes) all.push_back(each["outcome"]);
    return all;
  }
  json last() const { return world.outcomes.back(); }
};

std::string left_json(const char* left) { return std::string(R"({"v":1,"left":[)") + left + "]}"; }

}  // namespace

TEST_CASE("defer: what fails for too long comes back, with its progress and its ids", "[dispatch][defer]") {
  Hops f;
  f.add("vinson");
  f.accept(event_for({"vinson"}));
  f.fail_quickly();
  REQUIRE(f.kinds() == std::vector<std::string>{"retrying"});
  CHECK(f.last()["rule"] == "vendor_failing");
  CHECK(f.last()["code"] == "Busy");
  CHECK(f.world.released.size() == 1);  // nothing of it stays open
  CHECK(f.dispatcher().events_open() == 0);
  const std::size_t before = f.world.sent.size();
  f.hop();
  REQUIRE(f.world.sent.size() == before + 1);
  CHECK(f.world.sent.back().header("push-id") == f.world.sent.front().header("push-id"));
  CHECK(f.world.sent.back().header("collapse-id") == f.world.sent.front().header("collapse-id"));
  f.world.answer(200, "id");
  CHECK(f.last()["outcome"] == "accepted");
  CHECK(f.last()["attempt"] == before + 1);
  CHECK(f.world.outcomes.size() == 2);
  CHECK(f.world.letters.empty());
  CHECK(f.all_over());
}

TEST_CASE("defer: a hop is one try, and each wait is longer", "[dispatch][defer]") {
  Hops f;
  f.add("vinson");
  f.accept(event_for({"vinson"}));
  f.fail_quickly();
  std::size_t sent = f.world.sent.size();
  milliseconds before{0};
  for (int hop = 1; hop <= 6; ++hop) {
    const milliseconds wait(f.last()["not_before"].get<std::int64_t>() - f.last()["at"].get<std::int64_t>());
    CHECK(wait > before / 2);
    before = wait;
    f.hop();
    REQUIRE(f.world.sent.size() == ++sent);
    f.world.answer(503, "Busy");
    REQUIRE(f.world.deferrals.size() == 1);
  }
  CHECK(before > seconds(100));
}

TEST_CASE("defer: only who is left is tried again", "[dispatch][defer]") {
  Hops f;
  f.add("a");
  f.add("b");
  f.add("c");
  f.accept(event_for({"a", "b", "c"}));
  REQUIRE(f.world.sent.size() == 3);
  f.world.answer(200, "id", 0);
  f.world.answer(400, "PayloadEmpty", 2);
  f.world.answer(429, "Token 60", 1);
  REQUIRE(f.world.deferrals.size() == 1);
  REQUIRE(f.world.letters.size() == 1);
  const auto dead = read_remainder(f.world.letters[0].remainder);
  REQUIRE(dead);
  REQUIRE(dead->left.size() == 1);
  CHECK(dead->left[0].user_id == "c");
  CHECK(f.only_remainder().left.at(0).user_id == "b");
  CHECK(f.only_remainder().left.size() == 1);
  f.add("a");  // who has another device now
  f.hop();
  REQUIRE(f.world.sent.size() == 4);
  f.world.answer(200, "id");
  CHECK(f.last()["user_id"] == "b");
  CHECK(f.world.outcomes.size() == 4);
  CHECK(f.all_over());
}

TEST_CASE("defer: what has changed since decides anew", "[dispatch][defer]") {
  struct Row {
    const char* rule;
    void (*change)(Hops& f);
    bool sent;
  };
  const auto row = GENERATE(values<Row>({
      {"accepted", [](Hops&) {}, true},
      {"expired", [](Hops& f) { f.world.clock.advance(std::chrono::hours(23)); }, false},
      {"user_push_off", [](Hops& f) { f.world.users["vinson"].settings.enabled = false; }, false},
      {"muted_all", [](Hops& f) { f.world.users["vinson"].mutes.push_back({.until = WallTime::max()}); }, false},
      {"logged_out", [](Hops& f) { f.world.users["vinson"].devices[0].state = DeviceState::LoggedOut; }, false},
      {"foreground", [](Hops& f) { f.world.users["vinson"].devices[0].state = DeviceState::Foreground; }, false},
      {"device_unknown", [](Hops& f) { f.world.users["vinson"].devices[0].device_id = "another"; }, false},
      {"no_device", [](Hops& f) { f.world.users["vinson"].devices.clear(); }, false},
      {"certificate_missing", [](Hops& f) { f.world.routes.clear(); }, false},
      {"accepted", [](Hops& f) { f.world.users["vinson"].devices[0].token = DeviceToken("a-newer-token"); }, true},
      {"accepted", [](Hops& f) { f.add("vinson").devices.back().device_id = "a new one"; }, true},
  }));
  CAPTURE(row.rule);
  Hops f;
  f.add("vinson");
  f.accept([] {
    json event = event_for({"vinson"});
    event["expires_at"] = kNowMs + std::chrono::milliseconds(std::chrono::hours(23)).count();
    return event;
  }());
  f.fail_quickly();
  const std::size_t before = f.world.sent.size();
  row.change(f);
  f.hop();
  CHECK(f.world.sent.size() == before + (row.sent ? 1 : 0));
  if (row.sent) f.world.answer(200, "id");
  REQUIRE(f.world.outcomes.size() == 2);
  CHECK(f.last()["rule"] == row.rule);
  CHECK(f.last()["device_id"] == "vinson-phone");
  CHECK(f.last()["attempt"] == before + (row.sent ? 1 : 0));
  CHECK(f.last().contains("push_id"));  // something was sent to it once
  CHECK(f.world.deferrals.empty());
  CHECK(f.all_over());
}

TEST_CASE("defer: the time sent to the vendor is what is left", "[dispatch][defer]") {
  Hops f;
  f.add("vinson");
  f.accept(event_for({"vinson"}));
  CHECK(f.world.sent[0].header("lives-for") == "86400000");
  const WallTime before = f.world.clock.wall();
  f.world.answer(429, "Token 600");
  f.hop();
  REQUIRE(f.world.sent.size() == 2);
  const milliseconds away = f.world.clock.wall() - before;
  CHECK(away >= seconds(600));
  CHECK(std::stoll(f.world.sent[1].header("lives-for")) >= 86'400'000 - away.count());
  CHECK(std::stoll(f.world.sent[1].header("lives-for")) <= 86'400'000 - 600'000);
}

TEST_CASE("defer: too early it goes on as it is, or waits a moment", "[dispatch][defer]") {
  Hops f;
  f.add("vinson");
  const auto remainder = [&](milliseconds early) {
    return to_json({.first_at = wall_from_ms(kNowMs - 1'000),
                    .hops = 3,
                    .not_before = f.world.clock.wall() + early,
                    .left = {{"vinson", {{.device_id = "vinson-phone", .sent = 2, .unheard = 1, .hops = 2}}}}});
  };
  SECTION("much") {
    const auto [early, tier] = GENERATE(table<seconds, Tier>({{seconds(6), Tier::TenSeconds},
                                                              {seconds(40), Tier::OneMinute},
                                                              {seconds(1'000), Tier::TenMinutes},
                                                              {std::chrono::hours(9), Tier::OneHour}}));
    f.accept(event_for({"vinson"}).dump(), remainder(early));
    CHECK(f.world.outcomes.empty());
    CHECK(f.world.finds == 0);
    REQUIRE(f.world.deferrals.size() == 1);
    CHECK(f.world.deferrals[0].tier == tier);
    auto wanted = read_remainder(remainder(early));
    REQUIRE(wanted);
    wanted->hops = 4;
    CHECK(f.only_remainder() == *wanted);
  }
  SECTION("a little") {
    f.accept(event_for({"vinson"}).dump(), remainder(seconds(5)));
    f.pass(milliseconds(4'999));
    CHECK(f.world.finds == 0);
    f.pass(milliseconds(1));
    CHECK(f.world.sent.size() == 1);
    f.world.answer(200, "id");
    CHECK(f.only_outcome()["attempt"] == 3);
  }
  SECTION("one of two") {
    f.add("ann");
    f.accept(
        event_for({"vinson", "ann"}).dump(),
        to_json(
            {.hops = 1,
             .left = {
                 {"vinson", {{.device_id = "vinson-phone"}}},
                 {"ann", {{.device_id = "ann-phone", .hops = 2, .not_before = f.world.clock.wall() + seconds(40)}}}}}));
    REQUIRE(f.world.sent.size() == 1);
    f.world.answer(200, "id");
    CHECK(f.only_outcome()["user_id"] == "vinson");
    CHECK(f.only_remainder().left == std::vector<ReceiverLeft>{{"ann", {{.device_id = "ann-phone", .hops = 2}}}});
    CHECK(f.only_remainder().not_before == f.world.clock.wall() + seconds(40));
  }
  CHECK(f.all_over());
}

TEST_CASE("defer: whatever holds a push up for longer puts it off", "[dispatch][defer]") {
  struct Row {
    const char* rule;
    void (*given)(Hops& f);
  };
  const auto row = GENERATE(values<Row>({
      {"grant_unavailable", [](Hops& f) { f.world.grant_pending = true; }},
      {"grant_unavailable", [](Hops& f) { f.world.grant_error = Error{Errc::Io, "busy"}; }},
      {"store_unavailable", [](Hops& f) { f.world.route_error = Error{Errc::Io, "disk"}; }},
      {"store_unavailable", [](Hops& f) { f.world.store_down = Error{Errc::Io, "disk"}; }},
      {"store_unavailable", [](Hops& f) { f.world.store_slow = true; }},
      {"vendor_throttled",
       [](Hops& f) {
         f.add("first");
         f.accept(event_for({"first"}));
         f.world.answer(429, "Credential 60");
       }},
      {"credential_breaker_open",
       [](Hops& f) {
         f.options.breaker_first = std::chrono::hours(1);
         f.add("first");
         f.accept(event_for({"first"}));
         f.world.answer(403, "Forbidden");
       }},
  }));
  CAPTURE(row.rule);
  Hops f;
  f.add("vinson");
  row.given(f);
  f.world.deferrals.clear();
  const std::size_t before = f.world.sent.size();
  f.accept(event_for({"vinson"}));
  f.pass(f.options.quick_for + seconds(1));
  CHECK(f.world.sent.size() == before);
  REQUIRE(f.world.deferrals.size() == 1);
  CHECK(f.last()["outcome"] == "retrying");
  CHECK(f.last()["rule"] == row.rule);
  CHECK(f.last()["user_id"] == "vinson");
  CHECK(f.only_remainder().left.at(0).user_id == "vinson");
}

TEST_CASE("defer: closed hours are waited for elsewhere", "[dispatch][defer]") {
  BatchFixture f;
  f.options.quick_for = seconds(10);
  f.options.retry_for = std::chrono::hours(24);
  const WallTime opens = f.world.clock.wall() + std::chrono::hours(5);
  f.provider->opens_at = opens;
  f.accept(f.members(2));
  CHECK(f.outcomes("vendor_closed") == 2);
  CHECK(f.world.deferrals.at(0).tier == Tier::OneHour);
  int hops = 0;
  for (; f.world.sent.empty() && hops < 20; ++hops) {
    REQUIRE(f.world.deferrals.size() == 1);
    f.pass(f.world.deferrals[0].due_at - f.world.clock.wall());
    f.come_back();
    f.pass(seconds(6));
  }
  CHECK(hops <= 8);
  CHECK(f.world.clock.wall() >= opens);
  CHECK(f.world.clock.wall() <= opens + std::chrono::minutes(30));
  REQUIRE(f.world.sent.size() == 1);
  f.world.answer(200);
  CHECK(f.outcomes("accepted") == 2);
  CHECK(f.world.outcomes.size() == 4);
  CHECK(f.all_over());
}

TEST_CASE("defer: the total time counts from the first acceptance", "[dispatch][defer]") {
  Hops f;
  f.options.retry_for = std::chrono::hours(2);
  f.options.failures_max = 1'000;  // the vendor does not count as failing
  f.add("vinson");
  f.accept(event_for({"vinson"}));
  f.fail_quickly();
  int hops = 0;
  for (; f.world.letters.empty() && hops < 100; ++hops) {
    f.hop();
    if (f.world.letters.empty()) f.world.answer(503, "Busy");
  }
  CHECK(hops < 30);
  const milliseconds tried_for(f.last()["at"].get<std::int64_t>() - kNowMs);
  CHECK(tried_for <= f.options.retry_for + delay_of(Tier::TenSeconds));  // the last hop may be too long
  CHECK(tried_for >= f.options.retry_for - std::chrono::minutes(1));
  CHECK(f.last()["outcome"] == "dead");
  CHECK(f.last()["rule"] == "retries_exhausted");
  const auto left = read_remainder(f.world.letters.at(0).remainder);
  REQUIRE(left);
  CHECK(left->left.at(0).devices.at(0).sent == int(f.world.sent.size()));
  CHECK(left->first_at == WallTime{});
  CHECK(f.all_over());

  // Replayed, it begins anew.
  const std::size_t before = f.world.sent.size();
  f.accept(f.world.letters[0].value, f.world.letters[0].remainder);
  REQUIRE(f.world.sent.size() == before + 1);
  f.world.answer(503, "Busy");
  f.pass(seconds(1));
  CHECK(f.world.sent.size() == before + 2);
  CHECK(f.world.letters.size() == 1);
}

TEST_CASE("defer: one that was away for too long ends as it left", "[dispatch][defer]") {
  Hops f;
  f.add("vinson");
  f.accept(
      event_for({"vinson"}).dump(),
      to_json({.first_at = f.world.clock.wall() - f.options.retry_for,
               .hops = 30,
               .left = {{"vinson", {{.device_id = "vinson-phone", .sent = 9, .vendor = "honor", .code = "503"}}}}}));
  CHECK(f.world.sent.empty());
  CHECK(f.only_outcome()["rule"] == "retries_exhausted");
  CHECK(f.only_outcome()["code"] == "503");
  CHECK(f.only_outcome()["vendor"] == "honor");
  CHECK(f.only_outcome()["attempt"] == 9);
  CHECK(f.world.letters.size() == 1);
  CHECK(f.all_over());
}

TEST_CASE("defer: silence is asked again a few times, over all hops", "[dispatch][defer]") {
  Hops f;
  f.add("vinson");
  f.accept(event_for({"vinson"}));
  f.world.lose(Errc::Timeout, true);
  f.pass(seconds(1));
  REQUIRE(f.world.sent.size() == 2);
  f.world.lose(Errc::Timeout, true);
  for (int unheard = 2; unheard < f.options.unheard_max; ++unheard) {
    CHECK(f.last()["rule"] == "unanswered");
    f.hop();
    REQUIRE(f.world.sent.size() == std::size_t(unheard) + 1);
    f.world.lose(Errc::Timeout, true);
  }
  CHECK(f.last()["rule"] == "delivery_unknown");
  CHECK(f.last()["outcome"] == "dead");
  CHECK(f.last()["attempt"] == f.options.unheard_max);
  CHECK(f.world.letters.size() == 1);
  CHECK(f.all_over());
}

TEST_CASE("defer: FCM is not asked for longer than its documents say", "[dispatch][defer]") {
  Hops f;
  f.world.routes[1]->certificate.vendor = Vendor::Fcm;
  f.add("vinson");
  f.accept(event_for({"vinson"}));
  const WallTime since = f.world.clock.wall();
  f.fail_quickly();
  for (int hops = 0; f.world.letters.empty() && hops < 100; ++hops) {
    f.hop();
    if (f.world.letters.empty()) f.world.answer(503, "Busy");
  }
  CHECK(f.last()["rule"] == "retries_exhausted");
  CHECK(f.world.clock.wall() <= since + std::chrono::minutes(60));
  CHECK(f.world.clock.wall() >= since + std::chrono::minutes(50));
}

TEST_CASE("defer: whom the event does not know is said, and nothing else", "[dispatch][defer]") {
  Hops f;
  f.add("vinson");
  SECTION("beside one it knows") {
    f.accept(event_for({"vinson", "ann"}).dump(), left_json(R"({"user_id":"x"},{"user_id":"vinson"})"));
    REQUIRE(f.world.sent.size() == 1);
    f.world.answer(200);
    CHECK(f.world.outcomes.size() == 2);
  }
  SECTION("alone") {
    f.accept(event_for({"vinson"}).dump(), left_json(R"({"user_id":"x"})"));
    CHECK(f.world.sent.empty());
    CHECK(f.world.finds == 0);
  }
  CHECK(f.world.outcomes[0]["user_id"] == "x");
  CHECK(f.world.outcomes[0]["rule"] == "receiver_unknown");
  CHECK(f.world.letters.empty());
  CHECK(f.all_over());
}

TEST_CASE("defer: a remainder that cannot be read is a dead letter, and stays as it is", "[dispatch][defer]") {
  Hops f;
  f.add("vinson");
  const std::string broken = left_json(R"({"user_id":7})");
  f.accept(event_for({"vinson"}).dump(), broken);
  CHECK(f.world.sent.empty());
  CHECK(f.world.outcomes.empty());
  REQUIRE(f.world.letters.size() == 1);
  CHECK(f.world.letters[0].reason == "malformed");
  CHECK(f.world.letters[0].detail == "header remainder: $.left[0].user_id: expected a string, found a number");
  CHECK(f.world.letters[0].event_id == "01JDEVENT");
  CHECK(f.world.letters[0].remainder == broken);
  CHECK(f.all_over());
}

TEST_CASE("defer: handed back, a remainder comes again as it was", "[dispatch][defer]") {
  Hops f;
  f.add("a");
  f.add("b");
  f.accept(event_for({"a", "b"}));
  f.world.answer(429, "Token 60", 0);
  f.dispatcher().hand_back([](RecordId) { return true; });
  if (GENERATE(false, true))
    f.world.answer(429, "Token 60", 1);
  else
    f.world.answer(200, "id", 1);
  CHECK(f.world.deferrals.empty());
  CHECK(f.world.letters.empty());
  CHECK(f.world.handed_back.size() == 1);
  CHECK(f.all_over());
}
