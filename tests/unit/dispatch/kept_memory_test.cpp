// What a finished event leaves in its slot: enough that an ordinary one allocates nothing, and no more.
#include <catch2/catch.hpp>
#include <string>

#include "batch_fixture.h"
#include "dispatch/open_event.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::BatchFixture;
using nightpost::testing::event_for;
using nightpost::testing::Fixture;
using nlohmann::json;

TEST_CASE("kept memory: ordinary events keep theirs, the same for each", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  const auto push = [&] {
    f.accept(event_for({"vinson"}));
    f.world.answer(200);
    return f.world.metrics.kept_bytes.read();
  };
  const std::uint64_t kept = push();
  CHECK(kept > 1'000);
  CHECK(kept < kSlotKeptMax);
  for (int i = 0; i < 100; ++i) CHECK(push() == kept);
  CHECK(f.all_over());
}

TEST_CASE("kept memory: an event of 10,000 receivers leaves nothing", "[dispatch][batch]") {
  BatchFixture f;
  f.accept(f.members(1));
  f.world.answer(200);
  const std::uint64_t before = f.world.metrics.kept_bytes.read();
  f.world.sent.clear();
  f.pass(seconds(3));  // nobody else sends
  f.accept(f.members(10'000, 1));
  REQUIRE(f.world.sent.size() == 10);
  for (std::size_t i = 0; i < 10; ++i) f.world.answer(200, "", i);
  CHECK(f.outcomes("accepted") == 10'001);
  CHECK(f.all_over());
  const std::uint64_t after = f.world.metrics.kept_bytes.read();
  CHECK(after < before + (std::size_t{4} << 20) + 100'000);  // slots, but not what was in them
  f.world.sent.clear();
  f.accept(event_for({"u0"}));
  f.world.answer(200);
  CHECK(f.all_over());
}

TEST_CASE("kept memory: a large text is not kept", "[dispatch]") {
  const char* const where = GENERATE("ext", "title", "desc");
  Fixture f;
  f.world.add("vinson");
  json event = event_for({"vinson"});
  event["push"][where] = std::string(40'000, 'x');
  f.accept(event);
  if (!f.world.sent.empty()) f.world.answer(200);
  REQUIRE(f.all_over());
  CHECK(f.world.metrics.kept_bytes.read() < kSlotKeptMax);
}

TEST_CASE("kept memory: many slots keep no more together than their share", "[dispatch]") {
  Fixture f;
  f.options.events_open_bytes_max = std::size_t{1} << 30;
  f.world.add("vinson");
  json event = event_for({"vinson"});
  event["push"]["ext"] = std::string(3'000, 'x');  // some ten KiB an event
  f.world.store_slow = true;
  for (int i = 0; i < 3'000; ++i) f.accept(event);
  f.world.clock.advance(f.options.retry_for);
  f.dispatcher().wake();
  CHECK(f.all_over());
  CHECK(f.world.metrics.kept_bytes.read() > kSlotsKeptMax / 2);
  CHECK(f.world.metrics.kept_bytes.read() <= kSlotsKeptMax + (std::size_t{8} << 20));
  f.world.store_slow = false;
  f.accept(event);
  f.world.answer(200);
  CHECK(f.all_over());
}

TEST_CASE("kept memory: a slot that keeps something counts once", "[dispatch]") {
  Fixture f;
  f.world.add("vinson");
  f.accept(event_for({"vinson"}));
  const std::uint64_t in_use = f.world.metrics.kept_bytes.read();
  f.world.answer(200);
  const std::uint64_t kept = f.world.metrics.kept_bytes.read();
  CHECK(kept > in_use);
  f.accept(event_for({"vinson"}));
  CHECK(f.world.metrics.kept_bytes.read() == in_use);
}
