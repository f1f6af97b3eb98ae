#include "core/slab.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

using namespace nightpost;

TEST_CASE("slab: an old tag never names a new object", "[core][slab]") {
  Slab<int> slab;
  const auto [first, one] = slab.acquire();
  *one = 1;
  CHECK(slab.find(first) == one);
  slab.put_back(first);
  CHECK(slab.find(first) == nullptr);
  const auto [second, again] = slab.acquire();
  CHECK(again == one);
  CHECK(second != first);
  CHECK(slab.find(first) == nullptr);
  CHECK(slab.find(second) == again);
  CHECK(slab.find(0) == nullptr);
  CHECK(slab.find(~0ULL) == nullptr);
}

TEST_CASE("slab: takes and returns in any order", "[core][slab]") {
  Slab<int> slab;
  std::mt19937 rng(1);
  std::map<std::uint64_t, int> model;
  std::vector<std::uint64_t> gone;
  for (int i = 0; i < 5000; ++i) {
    if (model.empty() || rng() % 2 == 0) {
      const auto [tag, value] = slab.acquire();
      *value = i;
      CHECK(model.emplace(tag, i).second);
    } else {
      auto victim = model.begin();
      std::advance(victim, rng() % model.size());
      slab.put_back(victim->first);
      gone.push_back(victim->first);
      model.erase(victim);
    }
    REQUIRE(slab.used() == model.size());
  }
  std::map<std::uint64_t, int> seen;
  slab.for_each([&](std::uint64_t tag, int value) { seen[tag] = value; });
  CHECK(seen == model);
  for (const std::uint64_t tag : gone) CHECK(slab.find(tag) == nullptr);
}
