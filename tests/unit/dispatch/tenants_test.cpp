// Tenants share a shard, and none of them has all of it: through the whole dispatcher.
#include <catch2/catch.hpp>
#include <string>

#include "dispatch_fixture.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::event_for;
using nightpost::testing::Fixture;
using nightpost::testing::World;

namespace {

/// Certificates 1, 2 and 3 are three tenants'; each has a user of that number.
struct ThreeTenants : Fixture {
  ThreeTenants() {
    options.slots_alpha = Options{}.slots_alpha;
    options.pushes_in_flight_max = 12;
    for (const int tenant : {1, 2, 3}) {
      if (tenant > 1) world.routes[tenant] = World::route(tenant, std::uint64_t(6 + tenant));
      world.add(user_of(tenant)).devices.front().certificate = {tenant};
    }
  }
  static std::string user_of(int tenant) { return "tenant" + std::to_string(tenant); }
  std::size_t sent_for(int tenant) const {
    return std::size_t(std::ranges::count_if(world.sent, [&](const World::Sent& each) {
      return each.http.path.find(user_of(tenant)) != std::string::npos;
    }));
  }
};

}  // namespace

TEST_CASE("tenants: whoever floods the shard holds up nobody else's push", "[dispatch][tenants]") {
  ThreeTenants f;
  for (int i = 0; i < 500; ++i) f.accept(event_for({"tenant1"}));
  CHECK(f.sent_for(1) == 6);  // half, as long as nobody else is there
  f.accept(event_for({"tenant2"}));
  CHECK(f.sent_for(2) == 1);
  f.accept(event_for({"tenant3"}));
  CHECK(f.sent_for(3) == 1);
}

TEST_CASE("tenants: two that flood have parts of one size, and leave one to a third", "[dispatch][tenants]") {
  ThreeTenants f;
  for (int i = 0; i < 200; ++i)
    for (const int tenant : {1, 2}) f.accept(event_for({ThreeTenants::user_of(tenant)}));
  for (int answers = 0; answers < 120; ++answers) f.world.answer(200, "id", std::size_t(answers));
  const auto one = f.sent_for(1), two = f.sent_for(2);
  CAPTURE(one, two);
  CHECK(one + two >= 120 + 6);
  CHECK(2 * std::max(one, two) < 3 * std::min(one, two));
  f.accept(event_for({"tenant3"}));
  CHECK(f.sent_for(3) == 1);
}

TEST_CASE("tenants: a push to a large group of one leaves another's as they are", "[dispatch][tenants][bulk]") {
  ThreeTenants f;
  f.options.bulk_receivers_min = 100;
  auto group = event_for({});
  for (int i = 0; i < 400; ++i) {
    f.world.add("m" + std::to_string(i));
    group["to"].push_back({{"user_id", "m" + std::to_string(i)}});
  }
  f.accept(group);
  for (int i = 0; i < 20; ++i) {
    f.accept(event_for({"tenant2"}));
    REQUIRE(f.sent_for(2) == std::size_t(i + 1));
    f.world.answer(200);
  }
}
