// Planning stops while the settler has no room; what is open goes on.
#include "dispatch_fixture.h"

namespace nightpost::testing {
namespace {

TEST_CASE("room: no more pushes open than outcomes have places", "[dispatch]") {
  Fixture f;
  for (const char* user : {"a", "b", "c", "d", "e"}) f.world.add(user);
  f.world.settler_room = 3;
  f.accept(event_for({"a", "b", "c", "d", "e"}));
  CHECK(f.world.sent.size() == 3);
  CHECK(f.dispatcher().wants_room());
  CHECK(f.dispatcher().pushes_open() == 3);
  CHECK_FALSE(f.dispatcher().has_capacity());
  // The outcome of a push in the air takes the place that the push had, and gives none.
  f.world.settler_room = 2;
  f.world.answer(200, "", 0);
  CHECK(f.world.outcomes.size() == 1);
  CHECK(f.world.sent.size() == 3);
  f.world.settler_room = 0;  // even if others used it all up
  f.world.answer(200, "", 1);
  f.world.answer(200, "", 2);
  CHECK(f.world.outcomes.size() == 3);
  CHECK(f.world.sent.size() == 3);
  CHECK(f.world.released.empty());

  f.world.settler_room = 1;
  f.dispatcher().on_room();
  CHECK(f.world.sent.size() == 4);
  CHECK(f.dispatcher().wants_room());
  f.world.settler_room = 2;
  f.dispatcher().on_room();
  CHECK(f.world.sent.size() == 5);
  f.world.settler_room = 100;
  f.dispatcher().on_room();
  CHECK_FALSE(f.dispatcher().wants_room());
  CHECK(f.dispatcher().has_capacity());
  f.world.answer(200, "", 3);
  f.world.answer(200, "", 4);
  CHECK(f.world.released.size() == 1);
  CHECK(f.all_over());
}

TEST_CASE("room: what ends without a push waits for it too, however late it is", "[dispatch]") {
  Fixture f;
  for (const char* user : {"a", "b", "c"}) f.world.add(user).devices.front().state = DeviceState::LoggedOut;
  f.world.settler_room = 0;
  json event = event_for({"a", "b", "c"});
  SECTION("suppressed") {}
  SECTION("over") {
    for (auto& [user, receiver] : f.world.users) receiver.devices.front().state = DeviceState::Offline;
    event["expires_at"] = kNowMs + 1'000;
  }
  f.accept(event);
  f.pass(seconds(5));
  CHECK(f.world.outcomes.empty());
  CHECK(f.dispatcher().wants_room());
  f.world.settler_room = 10;
  f.dispatcher().on_room();
  CHECK(f.world.outcomes.size() == 3);
  CHECK(f.world.sent.empty());
  CHECK(f.world.released.size() == 1);
}

TEST_CASE("room: a retry has its place already", "[dispatch]") {
  Fixture f;
  f.world.add("a");
  f.world.settler_room = 1;
  f.accept(event_for({"a"}));
  REQUIRE(f.world.sent.size() == 1);
  f.world.settler_room = 0;
  f.world.answer(503);
  f.pass(seconds(10));
  REQUIRE(f.world.sent.size() == 2);
  f.world.answer(200);
  CHECK(f.world.outcomes.size() == 1);
  CHECK(f.world.released.size() == 1);
}

TEST_CASE("room: events that wait for it can be handed back", "[dispatch]") {
  Fixture f;
  f.world.add("a");
  f.world.settler_room = 0;
  f.accept(event_for({"a"}));
  CHECK(f.dispatcher().events_open() == 1);
  f.dispatcher().hand_back([](RecordId) { return true; });
  CHECK(f.all_over());
  CHECK(f.world.released.empty());
}

}  // namespace
}  // namespace nightpost::testing
