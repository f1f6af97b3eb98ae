#include "core/slab.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

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

TEST_CASE("slab: the objects of a peak go once nothing is in use, and old tags stay nobody's", "[core][slab]") {
  Slab<std::string> slab(10);
  std::vector<std::uint64_t> before;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::uint64_t> tags;
    for (int i = 0; i < 100; ++i) tags.push_back(slab.acquire().first);
    for (const std::uint64_t tag : before) REQUIRE(slab.find(tag) == nullptr);
    const std::size_t in_use = slab.spare_bytes();
    CHECK(in_use == 0);
    for (std::size_t i = 0; i < tags.size(); ++i) {
      if (i > 0) CHECK(slab.spare_bytes() > 0);
      slab.put_back(tags[i]);
    }
    CHECK(slab.spare_bytes() == 0);
    before.insert(before.end(), tags.begin(), tags.end());
  }
  const auto [first, one] = slab.acquire();
  const auto [second, two] = slab.acquire();
  slab.put_back(first);
  slab.put_back(second);
  CHECK(slab.spare_bytes() > 0);  // few are kept
}

TEST_CASE("slab: spare objects go when they are told to, and never under one in use", "[core][slab]") {
  Slab<std::string> slab(1'000);
  const auto [first, one] = slab.acquire();
  const auto [second, two] = slab.acquire();
  *one = "kept";
  slab.put_back(second);
  CHECK(slab.spare() == 1);
  slab.drop_spare();
  REQUIRE(slab.find(first));
  CHECK(*slab.find(first) == "kept");
  slab.put_back(first);
  CHECK(slab.spare() == 2);
  slab.drop_spare();
  CHECK(slab.spare() == 0);
  CHECK(slab.spare_bytes() == 0);
  const auto [third, three] = slab.acquire();
  CHECK(three->empty());
  CHECK(slab.find(first) == nullptr);
  CHECK(slab.find(second) == nullptr);
}

TEST_CASE("slab: what is in use may be put back while all are looked through, to the last", "[core][slab]") {
  Slab<int> slab(3);
  for (int i = 0; i < 10; ++i) slab.acquire();
  int seen = 0;
  slab.for_each([&](std::uint64_t tag, int&) {
    ++seen;
    slab.put_back(tag);
  });
  CHECK(seen == 10);
  CHECK(slab.used() == 0);
}
