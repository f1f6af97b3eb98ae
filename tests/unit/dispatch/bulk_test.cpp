// Events for many take turns with those for few: through the whole dispatcher.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "batch_fixture.h"
#include "dispatch/bulk_turn.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::BatchFixture;
using nightpost::testing::event_for;
using nightpost::testing::Fixture;

namespace {

/// A group of so many, looked up and planned five at a time.
nlohmann::json group_of(BatchFixture& f, int members) {
  f.options.bulk_receivers_min = 10;
  f.options.bulk_turn_max = 5;
  return f.members(members);
}

/// A group's event waits until the one before it is planned through; five pushes go at once.
void begin_one_at_a_time(BatchFixture& f) {
  f.provider->wants = {};
  f.options.bulk_receivers_min = 10;
  f.options.receivers_unplanned_max = 20;
  f.options.pushes_in_flight_max = 5;
  f.options.quick_for = seconds(10);
}

/// Calls as long as it asks for another call at once. How many it were.
int go_on(Fixture& f) {
  int calls = 0;
  for (; f.dispatcher().next_wakeup() && *f.dispatcher().next_wakeup() <= f.world.clock.mono(); ++calls) {
    REQUIRE(calls < 1'000);
    f.dispatcher().wake();
  }
  return calls;
}

}  // namespace

TEST_CASE("bulk: a turn is so many, and says whether more is to do", "[dispatch][bulk]") {
  BulkTurn turn(3);
  CHECK_FALSE(turn.is_over());
  CHECK(turn.take(2) == 2);
  CHECK_FALSE(turn.was_cut());
  turn.count();
  CHECK_FALSE(turn.was_cut());  // nobody asked for more
  CHECK(turn.take(0) == 0);
  CHECK_FALSE(turn.was_cut());
  SECTION("asked for more") { CHECK(turn.is_over()); }
  SECTION("wants more") { CHECK(turn.take(1) == 0); }
  CHECK(turn.was_cut());
  turn.begin();
  CHECK_FALSE(turn.was_cut());
  CHECK(turn.take(5) == 3);
  CHECK(turn.was_cut());
  CHECK(BulkTurn(0).take(9) == 1);  // something always goes
  BulkTurn yielding(9);
  yielding.begin(true);
  CHECK(yielding.take(9) == 2);
  turn.begin(true);
  CHECK(turn.take(5) == 1);
}

TEST_CASE("bulk: a group is looked up and planned a part a call, and others come in between", "[dispatch][bulk]") {
  BatchFixture f;
  f.provider->wants = {};  // each by itself
  f.accept(group_of(f, 23));
  CHECK(f.world.finds == 1);
  CHECK(f.world.sent.empty());  // its devices are not all known yet
  f.accept(f.members(1, 99));   // to one
  REQUIRE(f.world.sent.size() == 1);
  CHECK(f.world.sent[0].http.body.find("t99") != std::string::npos);
  CHECK(go_on(f) >= 4);
  CHECK(f.world.sent.size() == 24);
  CHECK(f.world.finds == 6);
  CHECK(f.dispatcher().next_wakeup() > f.world.clock.mono());
  for (std::size_t i = 0; i < 24; ++i) f.world.answer(200, "id", i);
  CHECK(f.all_over());
}

TEST_CASE("bulk: a look-up that was cut goes on, whatever is called before the next wake", "[dispatch][bulk]") {
  BatchFixture f;
  f.provider->wants = {};  // each by itself
  f.accept(group_of(f, 23));
  CHECK(f.world.finds == 1);
  f.dispatcher().on_room();  // as a reply: it asks the directory for nothing
  CHECK(f.world.finds == 1);
  CHECK(go_on(f) >= 4);
  CHECK(f.world.finds == 5);
  CHECK(f.world.sent.size() == 23);
  CHECK(f.dispatcher().next_wakeup() > f.world.clock.mono());
}

TEST_CASE("bulk: who shares a request does so although it is planned in parts", "[dispatch][bulk]") {
  BatchFixture f;
  f.accept(group_of(f, 23));
  go_on(f);
  REQUIRE(f.world.sent.size() == 1);
  CHECK(f.world.sent[0].http.body.find("t22") != std::string::npos);
  SECTION("and is handed back before it left") {
    BatchFixture early;
    early.accept(group_of(early, 23));
    for (int i = 0; i < 6; ++i) early.dispatcher().wake();
    CHECK(early.world.sent.empty());
    early.dispatcher().hand_back([](RecordId) { return true; });
    go_on(early);
    CHECK(early.world.sent.empty());
    CHECK(early.all_over());
  }
}

TEST_CASE("bulk: whom a rule holds back is counted in a turn as well", "[dispatch][bulk]") {
  BatchFixture f;
  auto event = group_of(f, 23);
  for (int i = 0; i < 23; ++i) f.world.users["u" + std::to_string(i)].settings.enabled = false;
  f.accept(event);
  std::size_t most = 0;
  for (std::size_t before = 0; f.dispatcher().events_open() > 0; before = f.world.outcomes.size()) {
    f.dispatcher().wake();
    most = std::max(most, f.world.outcomes.size() - before);
  }
  CHECK(most == 5);
  CHECK(f.outcomes("user_push_off") == 23);
}

TEST_CASE("bulk: a message to one does not wait behind a push to many", "[dispatch][bulk]") {
  Fixture f;
  f.options.bulk_receivers_min = GENERATE(3, 1'000);
  const bool parts = f.options.bulk_receivers_min == 3;
  f.options.credential_in_flight_max = f.options.credential_in_flight_first = 1;
  std::vector<std::string> members;
  for (int i = 0; i < 50; ++i) f.world.add(members.emplace_back("m" + std::to_string(i)));
  f.world.add("solo");
  auto group = event_for({"m0"});
  for (int i = 1; i < 50; ++i) group["to"].push_back({{"user_id", members[std::size_t(i)]}});
  f.accept(group);
  f.accept(event_for({"solo"}));
  std::size_t before = 0;
  while (f.world.sent.back().http.path.find("solo") == std::string::npos) {
    REQUIRE(before < 60);
    f.world.answer(200, "id", before++);
  }
  CHECK(before == (parts ? 1 : 50));  // the one that was in the air
}

TEST_CASE("bulk: an event that waits for its turn holds up nobody behind it, and leaves whole", "[dispatch][bulk]") {
  BatchFixture f;
  begin_one_at_a_time(f);
  f.options.bulk_wait = seconds(0);
  f.accept(f.members(30));  // five of it go
  f.accept(f.members(25, 100));
  CHECK(f.world.finds == 1);
  CHECK(f.world.metrics.bulk_receivers_unplanned.read() == 30);  // looked up and not planned through
  CHECK(f.world.metrics.receivers_unplanned.read() == 0);
  CHECK(f.dispatcher().has_capacity());
  for (std::size_t i = 0; f.world.sent.size() < 30; ++i) f.world.answer(200, "id", i);
  go_on(f);
  CHECK(f.world.finds == 2);  // the first is planned through: now the second
  CHECK(f.world.sent.size() == 30);
  f.accept(f.members(25, 200));
  f.pass(f.options.quick_for + seconds(1));
  CHECK(f.world.finds == 2);
  CHECK(f.outcomes("not_in_time") >= 25);
  REQUIRE_FALSE(f.world.deferrals.empty());
  CHECK(read_remainder(f.world.deferrals.back().remainder)->left.size() == 25);
  f.come_back();
  for (std::size_t i = 0; i < f.world.sent.size(); ++i) f.world.answer(200, "id", i);
}

TEST_CASE("bulk: beside others the next event is begun when little of the one before waits for them",
          "[dispatch][bulk]") {
  BatchFixture f;
  f.provider->wants = {};
  f.options.bulk_receivers_min = 10;
  f.options.bulk_in_flight_first = 4;  // one signer's: half of it
  f.options.quick_for = f.options.bulk_wait = seconds(10);
  f.options.credential_in_flight_first = f.options.credential_in_flight_max;
  f.accept(f.members(1, 99));
  f.world.answer(200, "id", 0);
  f.accept(f.members(20));
  f.accept(f.members(20, 100));
  go_on(f);
  CHECK(f.world.finds == 2);
  REQUIRE(f.world.sent.size() == 3);
  std::size_t answered = 1;
  SECTION("which it does as long as the others send") {
    while (f.world.finds == 2) {
      REQUIRE(answered < f.world.sent.size());
      f.world.answer(200, "id", answered++);
      go_on(f);
    }
    CHECK(answered > 15);
    CHECK(answered < 20);
    CHECK(f.world.finds == 3);
  }
  SECTION("and at once where they do so no longer") {
    f.pass(seconds(3));
    go_on(f);
    CHECK(f.world.finds == 3);
    CHECK(f.world.sent.size() == 41);
  }
  SECTION("or leaves whole, if that takes too long") {
    for (int i = 0; i < 11; ++i) {  // others go on, and feel it
      f.accept(event_for({"u99"}));
      f.pass(seconds(1));
      f.world.answer(200, "id", f.world.sent.size() - 1);
      go_on(f);
    }
    CHECK(f.outcomes("not_in_time") >= 20);
  }
  for (; answered < f.world.sent.size(); ++answered) f.world.answer(200, "id", answered);
}

TEST_CASE("bulk: an event that waits for its turn waits on where there is memory", "[dispatch][bulk]") {
  struct Row {
    const char* what;
    std::size_t bytes_max;
    milliseconds waits, leaves_after;
  };
  const auto row = GENERATE(values<Row>({
      {"there is", 1 << 20, seconds(40), seconds(40)},
      {"there is, and no wait is wanted", 1 << 20, seconds(0), seconds(10)},
      {"there is, and less than usual is wanted", 1 << 20, seconds(5), seconds(10)},
      {"there is none", 5'000, seconds(40), seconds(10)},
  }));
  CAPTURE(row.what);
  BatchFixture f;
  begin_one_at_a_time(f);
  f.options.bulk_wait = row.waits;
  f.options.events_open_bytes_max = row.bytes_max;
  f.accept(f.members(30));  // five of it go, and hang
  f.accept(f.members(25, 100));
  f.pass(row.leaves_after - seconds(2));
  CHECK(f.world.finds == 1);
  const auto whole = [&] {
    return std::ranges::count_if(f.world.deferrals, [](const Deferral& each) {
      const auto remainder = read_remainder(each.remainder);
      return remainder && remainder->left.size() == 25;
    });
  };
  CHECK(whole() == 0);
  SECTION("it leaves whole at last") {
    f.pass(seconds(4));
    CHECK(f.world.finds == 1);
    CHECK(whole() == 1);
  }
  SECTION("or its turn comes") {
    for (std::size_t i = 0; i < f.world.sent.size(); ++i) f.world.answer(200, "id", i);
    go_on(f);
    CHECK(f.world.finds == 2);
    CHECK(whole() == 0);
  }
}

TEST_CASE("bulk: what others wait before they are accepted slows it down", "[dispatch][bulk]") {
  const auto [way, least, most] = GENERATE(table<milliseconds, int, int>({
      {milliseconds(0), 700, 1'000},
      {milliseconds(300), 300, 400},
  }));
  CAPTURE(way);
  BatchFixture f;
  f.provider->wants = {};
  f.options.bulk_receivers_min = 10;
  f.options.bulk_per_second_first = 100;
  f.options.quick_for = seconds(60);
  std::size_t answered = 0;
  const nlohmann::json other = f.members(1, 5'000);
  const auto others = [&](int n, milliseconds waited) {
    for (int i = 0; i < n; ++i) {
      f.accept(other.dump(), "", f.world.clock.wall() - waited);
      f.pass(milliseconds(20));
      while (answered < f.world.sent.size()) f.world.answer(200, "id", answered++);
    }
  };
  others(50, milliseconds(0));
  f.accept(f.members(1'000));
  others(125, milliseconds(0));  // until all are looked up
  others(175, way);
  const int begun = int(f.world.sent.size()) - 350;
  CHECK(begun >= least);
  CHECK(begun <= most);
  f.pass(seconds(30));
  while (answered < f.world.sent.size()) f.world.answer(200, "id", answered++);
  CHECK(f.all_over());
}

TEST_CASE("bulk: beside others a group whose look-up failed is looked up again, and holds up no other",
          "[dispatch][bulk]") {
  BatchFixture f;
  f.provider->wants = {};
  f.options.bulk_receivers_min = 10;
  f.accept(f.members(1, 99));
  f.world.answer(200, "id", 0);
  f.world.store_down = Error{Errc::Io, "disk"};
  f.accept(f.members(12));
  CHECK(f.world.finds == 2);
  CHECK(f.world.metrics.bulk_receivers_unplanned.read() == 0);
  f.world.store_down.reset();
  f.accept(f.members(12, 100));
  CHECK(f.world.finds == 3);  // at once, though the one before waits for its back-off
  f.pass(seconds(1));         // a back-off; others count as sending for two
  CHECK(f.world.finds == 4);
  CHECK(f.world.sent.size() == 25);
  for (std::size_t i = 1; i < f.world.sent.size(); ++i) f.world.answer(200, "id", i);
  CHECK(f.all_over());
}
