#include "core/lru_cache.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <list>
#include <random>
#include <string>
#include <string_view>

namespace nightpost {
namespace {

TEST_CASE("lru cache: agrees with a list that is searched", "[core]") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::size_t max = GENERATE(0, 1, 2, 7, 50);
  CAPTURE(max);
  LruCache<int, int> cache(max);
  std::list<std::pair<int, int>> model;  // the most recently used first
  for (int i = 0; i < 5'000; ++i) {
    const int key = static_cast<int>(random() % 60);
    const auto place = std::ranges::find(model, key, &std::pair<int, int>::first);
    const int* const found = cache.find(key);
    REQUIRE((found != nullptr) == (place != model.end()));
    if (found != nullptr) {
      REQUIRE(*found == place->second);
      model.splice(model.begin(), model, place);
    }
    switch (random() % 8) {
      case 0:
        REQUIRE(cache.erase(key) == (found != nullptr));
        std::erase_if(model, [key](const auto& one) { return one.first == key; });
        break;
      case 1:
        if (random() % 40 == 0) {
          cache.erase_if([](int value) { return value % 2 == 0; });
          std::erase_if(model, [](const auto& one) { return one.second % 2 == 0; });
        }
        break;
      case 2:
        if (random() % 400 == 0) {
          cache.clear();
          model.clear();
        }
        break;
      default:
        std::erase_if(model, [key](const auto& one) { return one.first == key; });
        model.emplace_front(key, i);
        const bool over = model.size() > max;
        if (over) model.pop_back();
        REQUIRE(cache.put(key, i) == (over ? 1 : 0));
    }
    REQUIRE(cache.size() == model.size());
  }
}

TEST_CASE("lru cache: what may not go stays, though the bound is passed", "[core]") {
  LruCache<int, bool> cache(4);  // the value: whether it may go
  const auto may_go = [](bool value) { return value; };
  for (int i = 0; i < 4; ++i) cache.put(i, i == 2, may_go);
  CHECK(cache.put(10, true, may_go) == 1);  // not 0 nor 1, which are older
  CHECK(cache.find(2) == nullptr);
  for (int i : {0, 1, 3, 10}) CHECK(cache.find(i) != nullptr);
  CHECK(cache.put(11, false, may_go) == 1);
  CHECK(cache.find(10) == nullptr);
  CHECK(cache.put(12, false, may_go) == 0);
  CHECK(cache.size() == 5);
  CHECK(cache.erase(12));
  CHECK(cache.put(0, true, may_go) == 0);  // there already
  CHECK(cache.put(13, true, may_go) == 1);
  CHECK(cache.find(0) == nullptr);
}

TEST_CASE("lru cache: after a look at a few that may not go, nothing goes", "[core]") {
  LruCache<int, bool> cache(1'000);
  int looks = 0;
  const auto may_go = [&looks](bool value) {
    ++looks;
    return value;
  };
  for (int i = 0; i < 1'000; ++i) cache.put(i, false, may_go);
  CHECK(looks == 0);
  cache.put(1'000, false, may_go);
  CHECK(looks <= 8);
  CHECK(cache.size() == 1'001);
}

struct View {
  std::string_view text;
  explicit View(std::string_view t) : text(t) {}
  explicit View(const struct Owner& owner);
  bool operator==(const View&) const = default;
};
struct Owner {
  std::string text;
  explicit Owner(const View& view) : text(view.text) {}
};
View::View(const Owner& owner) : text(owner.text) {}
struct ViewHash {
  std::size_t operator()(const View& view) const noexcept { return std::hash<std::string_view>{}(view.text); }
};

TEST_CASE("lru cache: a view looks up what the cache owns", "[core]") {
  LruCache<Owner, int, View, ViewHash> cache(2);
  {
    const std::string text = "a key too long for a small string's own memory";
    cache.put(View(text), 1);
  }
  CHECK(*cache.find(View("a key too long for a small string's own memory")) == 1);
  cache.put(View("b"), 2);
  cache.put(View("c"), 3);
  CHECK(cache.find(View("a key too long for a small string's own memory")) == nullptr);
  CHECK(cache.erase(View("b")));
  CHECK_FALSE(cache.erase(View("b")));
}

}  // namespace
}  // namespace nightpost
