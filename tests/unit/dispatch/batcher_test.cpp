// Who may share a request, and that nobody is left behind.
#include "dispatch/batcher.h"

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "support/dispatch_world.h"
#include "times.h"

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {

const WallTime kWall = wall_from_ms(nightpost::testing::kNowMs);

/// Pushes of events 1 and 2, their contents rendered as told.
struct BatchBed {
  Batcher batcher;
  std::map<std::uint64_t, OpenEvent> events;
  std::map<std::uint64_t, Push> pushes;
  std::map<std::uint64_t, std::shared_ptr<const Route>> routes;
  Batching batching{.tokens = true};

  Push& push(std::uint64_t event = 1, std::uint64_t route = 7) {
    const std::uint64_t tag = pushes.size() + 1;
    events[event].tag = event;
    auto& found = routes[route];
    if (!found) found = nightpost::testing::World::route(1, route);
    Push& push = pushes[tag];
    push.tag = tag;
    push.event = &events[event];
    push.window = {kNow + std::chrono::hours(1), kNow + std::chrono::hours(1)};
    push.route = found;
    push.grant = std::make_shared<Grant>(Grant{.authorization = "grant " + std::to_string(tag)});
    push.push_id = "id " + std::to_string(tag);
    return push;
  }
  bool gather(Push& push, std::size_t variant = 0, std::optional<int> badge = 1,
              std::optional<std::string> sound = "default") {
    Notification notification;
    notification.badge = badge;
    notification.sound = sound;
    return batcher.gather(push, {.notification = notification, .variant = variant}, batching, kWall);
  }
  std::vector<std::vector<std::uint64_t>> taken() {
    std::vector<std::vector<std::uint64_t>> all;
    batcher.take_if([](const Gathering&) { return true; }, [&](Gathering& each) { all.push_back(each.pushes); });
    return all;
  }
  Batcher::Dropped drop_in(Push& push, std::size_t letters_max = 3, milliseconds linger = milliseconds(5)) {
    return batcher.drop_in(push, push.route, push.grant, {}, letters_max, kNow + linger);
  }
};

}  // namespace

TEST_CASE("batcher: equal pushes share a request, in the order they came", "[dispatch][batcher]") {
  BatchBed bed;
  Push& first = bed.push();
  CHECK(bed.gather(first));
  CHECK_FALSE(bed.gather(bed.push()));
  CHECK(bed.gather(bed.push(2)));
  CHECK_FALSE(bed.gather(bed.push()));
  CHECK(first.state == Push::State::Gathered);
  CHECK(first.grant == nullptr);
  bool seen = false;
  std::vector<std::vector<std::uint64_t>> all;
  bed.batcher.take_if([](const Gathering&) { return true; },
                      [&](Gathering& each) {
                        all.push_back(each.pushes);
                        if (std::exchange(seen, true)) return;
                        CHECK(each.grant->authorization == "grant 4");  // the newest
                        CHECK(each.notification.push_id == "id 1");     // the first's
                        CHECK(each.notification.sent_at == kWall);
                        CHECK(each.route == first.route);
                      });
  CHECK(all == std::vector<std::vector<std::uint64_t>>{{1, 2, 4}, {3}});
  CHECK(bed.taken().empty());
  CHECK(bed.gather(bed.push()));  // what is taken gets no company
}

TEST_CASE("batcher: what must not share a request", "[dispatch][batcher]") {
  struct Row {
    const char* what;
    Batching batching;
    std::function<void(BatchBed&)> second;
    bool shares;
  };
  const auto row = GENERATE(values<Row>({
      {"another event", {.tokens = true}, [](BatchBed& bed) { bed.gather(bed.push(2)); }, false},
      {"another credential", {.tokens = true}, [](BatchBed& bed) { bed.gather(bed.push(1, 8)); }, false},
      {"another text", {.tokens = true}, [](BatchBed& bed) { bed.gather(bed.push(), 1); }, false},
      {"a badge that shows",
       {.tokens = true, .badge = true},
       [](BatchBed& bed) { bed.gather(bed.push(), 0, 2); },
       false},
      {"no badge where one shows",
       {.tokens = true, .badge = true},
       [](BatchBed& bed) { bed.gather(bed.push(), 0, std::nullopt); },
       false},
      {"a badge that does not show",
       {.tokens = true, .badge = false},
       [](BatchBed& bed) { bed.gather(bed.push(), 0, 2); },
       true},
      {"a sound that shows",
       {.tokens = true, .sound = true},
       [](BatchBed& bed) { bed.gather(bed.push(), 0, 1, "bell"); },
       false},
      {"silence where sound shows",
       {.tokens = true, .sound = true},
       [](BatchBed& bed) { bed.gather(bed.push(), 0, 1, std::nullopt); },
       false},
      {"a sound that does not show",
       {.tokens = true, .sound = false},
       [](BatchBed& bed) { bed.gather(bed.push(), 0, 1, "bell"); },
       true},
      {"one that has to go alone",
       {.tokens = true},
       [](BatchBed& bed) {
         Push& push = bed.push();
         push.alone = true;
         bed.gather(push);
       },
       false},
      {"the same", {.tokens = true, .badge = true, .sound = true}, [](BatchBed& bed) { bed.gather(bed.push()); }, true},
  }));
  CAPTURE(row.what);
  BatchBed bed;
  bed.batching = row.batching;
  bed.gather(bed.push());
  row.second(bed);
  CHECK(bed.taken().size() == (row.shares ? 1 : 2));
}

TEST_CASE("batcher: two that go alone do not go together", "[dispatch][batcher]") {
  BatchBed bed;
  for (int i = 0; i < 2; ++i) {
    Push& push = bed.push();
    push.alone = true;
    CHECK(bed.gather(push));
  }
  CHECK(bed.taken().size() == 2);
}

TEST_CASE("batcher: a bin leaves when it is full, when it is time, or before a push in it is late",
          "[dispatch][batcher]") {
  BatchBed bed;
  CHECK_FALSE(bed.batcher.has_bin(7));
  CHECK_FALSE(bed.batcher.is_due(7, kNow));
  CHECK_FALSE(bed.batcher.take_bin(7));
  auto dropped = bed.drop_in(bed.push());
  CHECK(dropped.is_first);
  CHECK_FALSE(dropped.is_full);
  dropped = bed.drop_in(bed.push(2), 3, milliseconds(50));  // it leaves as it was to
  CHECK_FALSE(dropped.is_first);
  CHECK_FALSE(bed.batcher.is_due(7, kNow + milliseconds(4)));
  CHECK(bed.batcher.is_due(7, kNow + milliseconds(5)));
  CHECK(bed.drop_in(bed.push(1, 8)).is_first);  // another credential's
  SECTION("full") { CHECK(bed.drop_in(bed.push()).is_full); }
  SECTION("late") {
    Push& push = bed.push(3);
    push.window.expires_at = kNow + milliseconds(5);
    CHECK(bed.drop_in(push).is_full);
  }
  const std::optional<MixedBin> bin = bed.batcher.take_bin(7);
  REQUIRE(bin);
  REQUIRE(bin->entries.size() == 3);
  CHECK(bin->entries[1].push == 2);
  CHECK(bin->entries[1].notification.push_id == "id 2");
  CHECK(bin->grant->authorization == "grant " + std::to_string(bin->entries.back().push));
  CHECK_FALSE(bed.batcher.has_bin(7));
  CHECK(bed.batcher.has_bin(8));
  CHECK(bed.drop_in(bed.push()).is_first);
}

TEST_CASE("batcher: property: each push comes out once, with its like", "[dispatch][batcher]") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 rng(seed);
    BatchBed bed;
    bed.batching.badge = rng() % 2 == 0;
    std::map<std::uint64_t, std::size_t> variant_of;
    std::size_t requests = 0;
    const auto count = 1 + rng() % 60;
    for (std::uint64_t i = 0; i < count; ++i) {
      Push& push = bed.push(1 + rng() % 3, 7 + rng() % 2);
      push.alone = rng() % 10 == 0;
      variant_of[push.tag] = rng() % 3;
      requests += bed.gather(push, variant_of[push.tag], static_cast<int>(rng() % 2)) ? 1 : 0;
    }
    std::set<std::uint64_t> out;
    const auto all = bed.taken();
    REQUIRE(all.size() == requests);
    for (const auto& request : all) {
      const Push& first = bed.pushes.at(request.front());
      for (const std::uint64_t tag : request) {
        const Push& push = bed.pushes.at(tag);
        REQUIRE(out.insert(tag).second);
        REQUIRE(push.event == first.event);
        REQUIRE(push.route == first.route);
        REQUIRE(variant_of[tag] == variant_of[first.tag]);
        REQUIRE((!push.alone || request.size() == 1));
      }
    }
    REQUIRE(out.size() == count);
  }
}
