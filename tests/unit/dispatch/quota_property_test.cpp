// Quotas under seeded traffic, over days.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "dispatch_fixture.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::event_for;
using nightpost::testing::FakeProvider;
using nightpost::testing::Fixture;
using nlohmann::json;

namespace {

constexpr std::uint32_t kADevice = 3, kAnApp = 12;

std::int64_t day_there(WallTime now) { return (to_ms(now) / 1000 + 8 * 3600) / 86'400; }

/// What the vendor has, or may have: by a count of its own, whatever the dispatcher counts.
struct Counted {
  std::map<std::string, std::pair<std::int64_t, std::string>> pushes;  // by push id: the day it was sent first, token
  void check(std::int64_t day) const {
    std::map<std::string, std::uint32_t> of_device;
    std::uint32_t of_app = 0;
    for (const auto& [id, push] : pushes)
      if (push.first == day) ++of_app, ++of_device[push.second];
    REQUIRE(of_app <= kAnApp);
    for (const auto& [token, count] : of_device) REQUIRE(count <= kADevice);
  }
};

}  // namespace

/// Whatever is refused, lost, repeated and put off: the vendor gets no more than its quotas, by its own days; what is
/// put off for them comes back when they open and not before; and each push has one end, in time.
TEST_CASE("quota: property: never more than the vendor takes, and nothing is stuck", "[dispatch][quota]") {
  std::size_t accepted = 0, put_off = 0, late = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 rng(seed);
    const auto dice = [&](std::uint64_t sides) { return rng() % sides; };
    Fixture f;
    auto provider = std::make_shared<FakeProvider>();
    provider->counted = {{.name = "messages", .of = Quota::Of::App, .per = Quota::Per::Day, .most = kAnApp},
                         {.name = "messages", .of = Quota::Of::Device, .per = Quota::Per::Day, .most = kADevice}};
    f.world.routes[1]->provider = provider;
    for (int i = 0; i < 5; ++i) f.world.add("u" + std::to_string(i));
    f.options.quick_for = seconds(10);
    f.options.retry_for = std::chrono::hours(48);
    f.options.age_max = milliseconds(0);
    f.options.attempts_max = 2;
    Counted counted;
    std::set<std::size_t> air;  // places in world.sent
    std::size_t seen = 0, outcomes_seen = 0;
    std::vector<Deferral> away;

    const auto look = [&] {
      for (; seen < f.world.sent.size(); ++seen) {
        const auto& sent = f.world.sent[seen];
        counted.pushes.try_emplace(sent.header("push-id"), day_there(f.world.clock.wall()), sent.http.path);
        air.insert(seen);
      }
      counted.check(day_there(f.world.clock.wall()));
      for (; outcomes_seen < f.world.outcomes.size(); ++outcomes_seen) {
        const json& outcome = f.world.outcomes[outcomes_seen];
        accepted += outcome["rule"] == "accepted";
        if (outcome["rule"] != "quota_spent") continue;
        ++(outcome["outcome"] == "retrying" ? put_off : late);
        if (outcome["outcome"] != "retrying") continue;
        const WallTime opens = wall_from_ms(outcome["not_before"].get<std::int64_t>());
        REQUIRE(day_there(opens) > day_there(wall_from_ms(outcome["at"].get<std::int64_t>())));
      }
      for (Deferral& each : std::exchange(f.world.deferrals, {})) away.push_back(std::move(each));
    };
    const auto answer = [&](bool well) {
      const auto which = std::next(air.begin(), std::ptrdiff_t(dice(air.size())));
      const std::size_t place = *which;
      air.erase(which);
      const auto& sent = f.world.sent[place];
      const std::string id = sent.header("push-id");
      const auto how = well ? 0 : dice(10);
      if (how < 6) return f.world.answer(200, "", place);
      if (how == 6) {  // and the vendor may have it
        return sent.handler->on_reply(
            sent.tag, {.response = fail(Errc::ConnectionLost, "lost"), .maybe_sent = true, .written = true});
      }
      counted.pushes.erase(id);
      if (how == 7) return f.world.answer(500, "Busy", place);
      if (how == 8) return f.world.answer(400, "Bad", place);
      f.world.never_sent(place);
    };
    const auto pass = [&](milliseconds time) {  // looked at before each midnight: what was sent was sent that day
      const std::int64_t day = day_there(f.world.clock.wall());
      const WallTime midnight(seconds((day + 1) * 86'400 - 8 * 3600));
      const milliseconds left = midnight - f.world.clock.wall() - milliseconds(1);
      if (time > left) {
        f.pass(left);
        look();
        time -= left;
      }
      f.pass(time);
      look();
    };
    const auto come_back = [&] {
      for (std::size_t i = 0; i < away.size();) {
        if (away[i].due_at > f.world.clock.wall()) {
          ++i;
          continue;
        }
        const Deferral due = std::move(away[i]);
        away.erase(away.begin() + std::ptrdiff_t(i));
        f.accept(due.value, due.remainder);
        look();
      }
    };
    for (int step = 0; step < 120; ++step) {
      json event = event_for({"u" + std::to_string(dice(5))});
      event["event_id"] = "e" + std::to_string(step);
      event["occurred_at"] = to_ms(f.world.clock.wall());
      const auto lives = std::chrono::minutes(dice(4) == 0 ? 60 * 60 : 60 + dice(600));
      event["expires_at"] = to_ms(f.world.clock.wall() + lives);
      f.accept(event);
      look();
      for (auto more = dice(4); more > 0 && !air.empty(); --more) {
        answer(false);
        look();
      }
      pass(milliseconds(dice(3) == 0 ? dice(5'000) : dice(2 * 3'600'000)));
      come_back();
    }
    for (int hour = 0; hour < 24 * 4 && (!away.empty() || !air.empty()); ++hour) {
      while (!air.empty()) {
        answer(true);
        look();
      }
      pass(std::chrono::hours(1));
      come_back();
    }
    REQUIRE(air.empty());
    REQUIRE(away.empty());
    REQUIRE(f.all_over());
  }
  CHECK(accepted > 60);
  CHECK(put_off > 5);
  CHECK(late > 5);
}
