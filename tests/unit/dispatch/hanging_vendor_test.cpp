// A vendor that hangs or fails moves its own work only: through the whole dispatcher.
#include <algorithm>
#include <catch2/catch.hpp>

#include "dispatch_fixture.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::event_for;
using nightpost::testing::Fixture;
using nightpost::testing::World;

namespace {

/// Certificates 1 and 2 are two vendors', with a user each.
struct TwoVendors : Fixture {
  TwoVendors() {
    const Options defaults;
    options.silence = defaults.silence;
    options.slots_alpha = defaults.slots_alpha;
    options.credential_in_flight_first = defaults.credential_in_flight_first;
    options.retry_for = std::chrono::hours(24);
    world.routes[2] = World::route(2, 8);
    world.add("bad").devices.front().certificate = {1};
    world.add("good").devices.front().certificate = {2};
  }
  bool is_for(std::size_t sent, const std::string& user) const {
    return world.sent[sent].http.path.find(user) != std::string::npos;
  }
  /// What is sent for this user is answered; the rest hangs.
  void answer_all(const std::string& user) {
    for (; looked_ < world.sent.size(); ++looked_)
      if (is_for(looked_, user)) world.answer(200, "id", looked_);
  }
  std::size_t rules(const std::string& rule) const {
    return std::size_t(std::ranges::count_if(world.outcomes, [&](const auto& each) { return each["rule"] == rule; }));
  }
  std::size_t sent_to_bad() {
    const std::size_t before = world.sent.size();
    accept(event_for({"bad"}));
    return world.sent.size() - before;
  }

 private:
  std::size_t looked_ = 0;
};

}  // namespace

TEST_CASE("hanging: what waits for a silent vendor leaves, and one request at a time tries it", "[dispatch][health]") {
  TwoVendors f;
  for (int i = 0; i < 10; ++i) f.accept(event_for({"bad"}));
  REQUIRE(f.world.sent.size() == 4);  // it has proven nothing
  f.pass(f.options.silence - milliseconds(1));
  CHECK(f.world.outcomes.empty());
  f.pass(milliseconds(200));
  CHECK(f.rules("signer_silent") == 6);
  CHECK(f.world.deferrals.size() == 6);
  CHECK(f.world.letters.empty());
  CHECK(f.world.outcomes.back()["outcome"] == "retrying");
  CHECK(f.world.withdrawn == std::vector<std::uint64_t>{7});
  CHECK(f.world.metrics.signers_fell.read() == 1);
  CHECK(f.sent_to_bad() == 0);
  f.pass(f.options.probe_first);
  CHECK(f.sent_to_bad() == 1);
  CHECK(f.world.sent.back().deadline == f.world.clock.mono() + 2 * f.options.silence);
  CHECK(f.sent_to_bad() == 0);
  CHECK(f.world.metrics.signer_probes.read() == 1);
  SECTION("which is answered: few go at once, then more") {
    f.world.answer(200);
    for (int i = 0; i < 100; ++i) f.accept(event_for({"bad"}));
    CHECK(f.dispatcher().requests_in_flight() <= 4 + 2 * f.options.credential_in_flight_first);
    CHECK(f.rules("signer_silent") == 8);
  }
  SECTION("which is not: the next one goes later") {
    f.world.lose(Errc::Timeout, false);
    f.pass(2 * f.options.probe_first - milliseconds(1));
    CHECK(f.sent_to_bad() == 0);
  }
}

TEST_CASE("hanging: what comes back unsent from the lane is put off, too", "[dispatch][health]") {
  TwoVendors f;
  for (int i = 0; i < 4; ++i) f.accept(event_for({"bad"}));
  f.pass(f.options.silence + milliseconds(200));
  REQUIRE(f.world.withdrawn.size() == 1);
  f.world.never_sent(3);
  CHECK(f.rules("signer_silent") == 1);
  CHECK(f.world.outcomes.back()["attempt"] == 0);
  CHECK(f.dispatcher().requests_in_flight() == 3);
}

TEST_CASE("hanging: a vendor that fails everything is put off after so many failures", "[dispatch][health]") {
  TwoVendors f;
  f.options.failures_max = 10;
  int failed = 0;
  for (; failed < 50 && f.world.metrics.signers_fell.read() == 0; ++failed) {
    REQUIRE(f.sent_to_bad() == 1);
    f.world.answer(503, "Busy");
  }
  CHECK(failed == 10);
  CHECK(f.sent_to_bad() == 0);
  CHECK(f.world.outcomes.back()["rule"] == "signer_failing");
  CHECK(f.world.letters.empty());
}

TEST_CASE("hanging: the other vendor's pushes go as if it were not there", "[dispatch][health]") {
  TwoVendors f;
  f.options.events_open_max = 200;
  f.options.pushes_in_flight_max = 100;
  f.options.credential_in_flight_first = 4096;
  for (int ms = 0; ms < 15'000; ms += 25) {
    REQUIRE(f.dispatcher().has_capacity());
    f.accept(event_for({"bad"}));
    f.accept(event_for({"good"}));
    f.answer_all("good");
    REQUIRE(f.world.outcomes.back()["rule"] == "accepted");  // at once
    f.pass(milliseconds(25));
  }
  CHECK(f.rules("accepted") == 600);
  CHECK(f.rules("signer_silent") > 300);
  CHECK(f.world.letters.empty());
}

TEST_CASE("hanging: a tenant with one vendor waits instead, however slow that is", "[dispatch][health]") {
  TwoVendors f;
  f.options.events_open_max = 100;
  f.options.credential_in_flight_max = f.options.credential_in_flight_first = 2;
  for (int second = 0; second < 20; ++second) {
    while (f.dispatcher().has_capacity()) f.accept(event_for({"bad"}));
    f.pass(seconds(1));
    f.world.answer(200, "id", std::size_t(second));  // one a second
  }
  CHECK(f.dispatcher().events_open() == 99);
  CHECK(f.rules("accepted") == 20);
  CHECK(f.world.deferrals.empty());
}

TEST_CASE("hanging: a tenant with one vendor waits, though nothing is tried in memory", "[dispatch][health]") {
  TwoVendors f;
  f.options.credential_in_flight_max = f.options.credential_in_flight_first = 1;
  f.options.quick_for = milliseconds(0);
  f.accept(event_for({"bad"}));
  f.accept(event_for({"bad"}));
  f.pass(seconds(2));  // looked at again, now and then
  REQUIRE(f.world.sent.size() == 1);
  f.world.answer(200);
  f.pass(milliseconds(0));
  CHECK(f.world.sent.size() == 2);
  CHECK(f.world.deferrals.empty());
}

TEST_CASE("hanging: with another one, nothing waits for room beyond its quick window", "[dispatch][health]") {
  TwoVendors f;
  f.options.credential_in_flight_max = f.options.credential_in_flight_first = 1;
  f.options.quick_for = seconds(2);
  f.options.signer_wait_max = std::chrono::hours(1);
  const bool alone = GENERATE(false, true);
  f.accept(event_for({"bad"}));
  f.accept(event_for({"bad"}));
  for (int i = 0; i < 6; ++i) {
    if (!alone) f.accept(event_for({"good"}));
    f.answer_all("good");
    f.pass(milliseconds(500));
  }
  CHECK(f.rules("not_in_time") == (alone ? 0 : 1));
  CHECK(f.world.deferrals.size() == (alone ? 0 : 1));
}

TEST_CASE("hanging: with another one, what would wait too long for a slow vendor leaves", "[dispatch][health]") {
  TwoVendors f;
  f.options.credential_in_flight_max = f.options.credential_in_flight_first = 2;
  std::size_t next = 0;
  for (int second = 0; second < 30; ++second) {
    for (int i = 0; i < 10; ++i) f.accept(event_for({"bad"}));
    f.accept(event_for({"good"}));
    f.answer_all("good");
    f.pass(seconds(1));
    while (f.is_for(next, "good")) ++next;
    f.world.answer(200, "id", next++);  // one a second
  }
  CHECK(f.rules("signer_full") > 200);
  CHECK(f.world.metrics.pushes_full.read() == f.rules("signer_full"));
  CHECK(f.dispatcher().events_open() < 100);
  CHECK(f.world.letters.empty());
}
