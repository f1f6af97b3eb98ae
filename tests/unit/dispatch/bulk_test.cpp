// Events for many take turns with those for few: through the whole dispatcher.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "dispatch_fixture.h"

using namespace nightpost;
using nightpost::testing::event_for;
using nightpost::testing::Fixture;

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
