// A table of devices of which most are really dead: it is cleaned, and nobody who lives is missed.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "dispatch_fixture.h"

using namespace nightpost;
using nightpost::testing::event_for;
using nightpost::testing::Fixture;

namespace {

struct MostlyDead : Fixture {
  static constexpr int kUsers = 200;
  std::mt19937_64 rng;
  std::set<std::string> dead, live;
  std::size_t missed = 0;  // live ones whose push was not accepted

  explicit MostlyDead(std::uint64_t seed) : rng(seed) {
    for (int i = 0; i < kUsers; ++i) {
      const std::string user = "u" + std::to_string(i);
      world.add(user);
      (rng() % 5 == 0 ? live : dead).insert(user);
    }
  }
  /// A push for each user who still has a device, in any order, up to 20 in the air at once.
  void round() {
    std::vector<std::string> users(live.begin(), live.end());
    users.insert(users.end(), dead.begin(), dead.end());
    std::erase_if(users, [&](const std::string& user) { return is_removed(user); });
    std::ranges::shuffle(users, rng);
    for (std::size_t at = 0; at < users.size();) {
      const std::size_t first = world.sent.size();
      const std::size_t begun = at;
      for (; at < users.size() && at < begun + 20; ++at) accept(event_for({users[at]}));
      REQUIRE(world.sent.size() - first == at - begun);
      for (std::size_t i = first; i < world.sent.size(); ++i) {
        const bool lives = live.contains(users[begun + i - first]);
        lives ? world.answer(200, "id", i) : world.answer(410, "Unregistered", i);
        if (lives) missed += world.outcomes.back()["rule"] == "accepted" ? 0 : 1;
      }
      for (const std::string& user : dead)
        if (is_removed(user)) world.users[user].devices.clear();
    }
  }
  bool is_removed(const std::string& user) const {
    return std::ranges::find(world.removed, user + "/" + user + "-phone") != world.removed.end();
  }
};

}  // namespace

TEST_CASE("dead table: four of five are dead: clean after two rounds, and nobody who lives is missed",
          "[dispatch][removal]") {
  MostlyDead f(GENERATE(1, 2, 3));
  f.round();
  f.round();
  CHECK(f.missed == 0);
  CHECK(std::ranges::all_of(f.dead, [&](const std::string& user) { return f.is_removed(user); }));
  CHECK(std::ranges::none_of(f.live, [&](const std::string& user) { return f.is_removed(user); }));
  CHECK(f.all_over());
}

TEST_CASE("dead table: a fault after a good hour holds at once, and what it held is not removed when it ends",
          "[dispatch][removal]") {
  MostlyDead f(1);
  std::swap(f.live, f.dead);  // four of five live
  f.live.insert(f.dead.begin(), f.dead.end());
  f.dead.clear();
  f.round();
  std::swap(f.live, f.dead);  // the vendor calls all of them dead
  f.round();
  CHECK(f.world.removed.size() == f.options.mass_removal_window - 1);
  std::swap(f.live, f.dead);  // and is well again
  f.round();
  f.round();
  CHECK(f.world.removed.size() == f.options.mass_removal_window - 1);
  std::swap(f.live, f.dead);  // and ill once more: who was accepted in between is not gone again
  f.round();
  CHECK(f.world.removed.size() == 2 * (f.options.mass_removal_window - 1));
  CHECK(f.missed == 0);
}

TEST_CASE("dead table: a credential that is wrong for all but a few loses a window of tokens, and no more",
          "[dispatch][removal]") {
  MostlyDead f(1);
  while (f.live.size() > 2) f.dead.insert(f.live.extract(f.live.begin()));  // of two hundred
  for (int i = 0; i < 4; ++i) f.round();
  CHECK(f.world.removed.size() < 3 * f.options.mass_removal_window);
  CHECK(f.missed == 0);
}
