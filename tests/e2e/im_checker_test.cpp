// Many clients at random against a model, from outside, over the documented protocol (tests/e2e/checker): they talk one
// to one and in groups, repeat, recall, remove, read, freeze, come back, and change who may what; servers and what they
// stand on are killed. IM_SEED runs one seed, IM_SEEDS that many, IM_STEPS as many steps each.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "e2e/checker/world.h"

namespace nightpost::e2e::checker {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void run_seeds(std::size_t nodes, std::uint64_t seeds, std::uint64_t steps) {
  const std::uint64_t first = setting("IM_SEED", 1), count = setting("IM_SEED", 0) > 0 ? 1 : setting("IM_SEEDS", seeds);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    CAPTURE(seed);
    World world({.seed = seed, .nodes = nodes, .kills = seed % 3 != 0});
    world.run(setting("IM_STEPS", steps));
    world.check();
  }
}

TEST_CASE("im: at random, clients, histories and events agree with what was answered", "[e2e][im][checker]") {
  run_seeds(1, 3, 500);
}

// The third seed is needed: after a kill a push may come twice, so only a run without one sees both nodes send it.
TEST_CASE("im nodes: at random, the same on two nodes", "[e2e][im][nodes][checker]") { run_seeds(2, 3, 400); }

}  // namespace
}  // namespace nightpost::e2e::checker
