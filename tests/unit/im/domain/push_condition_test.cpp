// Who a push to all is for: what a condition may be, and what pages of its keys say.
#include "im/domain/push_condition.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace nightpost::im;

namespace {

using Users = std::vector<std::string>;
using Is = PushCondition::Is;

PushCondition of(Is is, std::vector<PushCondition::Key> keys) { return {is, std::move(keys)}; }

}  // namespace

TEST_CASE("push condition: what it may be", "[im][domain][mass]") {
  const std::string long_key(kPushKeyBytesMax + 1, 'x');
  const std::vector<PushCondition::Key> eleven(kPushKeysMax + 1, {"t", "v"});
  struct Row {
    const char* name;
    PushCondition condition;
    bool good;
  };
  const Row row = GENERATE_REF(values<Row>({
      {"all", of(Is::All, {}), true},
      {"a tag", of(Is::TagsOr, {{"vip", ""}}), true},
      {"a tag of another script", of(Is::TagsAnd, {{"会员", ""}}), true},
      {"an attribute", of(Is::AttrsAnd, {{"sex", "f"}}), true},
      {"users", of(Is::Users, {{"mia", ""}, {"max", ""}}), true},
      {"no tags", of(Is::TagsAnd, {}), false},
      {"too many tags", of(Is::TagsOr, eleven), false},
      {"an empty tag", of(Is::TagsOr, {{"", ""}}), false},
      {"a long tag", of(Is::TagsOr, {{long_key, ""}}), false},
      {"a line break", of(Is::TagsOr, {{"a\nb", ""}}), false},
      {"no UTF-8", of(Is::TagsOr, {{"\xff", ""}}), false},
      {"no attributes", of(Is::AttrsOr, {}), false},
      {"an attribute without a value", of(Is::AttrsOr, {{"sex", ""}}), false},
      {"a long value", of(Is::AttrsAnd, {{"sex", long_key}}), false},
      {"a value with a line break", of(Is::AttrsAnd, {{"sex", "f\n"}}), false},
      {"no users", of(Is::Users, {}), false},
      {"no user's id", of(Is::Users, {{"@TIM#x", ""}}), false},
      {"too many users", of(Is::Users, std::vector<PushCondition::Key>(kPushUsersMax + 1, {"mia", ""})), false},
  }));
  CAPTURE(row.name);
  const auto ok = check_condition(row.condition);
  CHECK(ok.has_value() == row.good);
  if (!ok) CHECK(ok.error().code == Code::Malformed);
  if (row.good) CHECK(keys_from_text(keys_to_text(row.condition)) == row.condition.keys);
}

TEST_CASE("push condition: pages are joined as far as all of them reach", "[im][domain][mass]") {
  struct Row {
    const char* name;
    std::vector<PushKeyPage> pages;
    bool every;
    std::size_t limit;
    Users users;
    std::string upto;
    bool last;
  };
  const Row row = GENERATE(values<Row>({
      {"nobody", {{{}, false}}, false, 3, {}, "", true},
      {"all of a short page", {{{"a", "b"}, false}}, false, 3, {"a", "b"}, "", true},
      {"a full page goes on", {{{"a", "b", "c"}, true}}, false, 3, {"a", "b", "c"}, "c", false},
      {"any of two", {{{"a", "c"}, false}, {{"b", "c"}, false}}, false, 5, {"a", "b", "c"}, "", true},
      {"both of two", {{{"a", "c"}, false}, {{"b", "c"}, false}}, true, 5, {"c"}, "", true},
      {"not beyond a full page", {{{"a", "b"}, true}, {{"a", "z"}, false}}, false, 2, {"a", "b"}, "b", false},
      {"the shorter of two full pages",
       {{{"a", "m"}, true}, {{"b", "k"}, true}},
       false,
       5,
       {"a", "b", "k"},
       "k",
       false},
      {"both, and nobody on this page", {{{"a", "b"}, true}, {{"y", "z"}, true}}, true, 2, {}, "b", false},
      {"more than may be", {{{"a", "b"}, false}, {{"c", "d"}, false}}, false, 3, {"a", "b", "c"}, "c", false},
      {"as many as may be", {{{"a", "b"}, false}, {{"c"}, false}}, false, 3, {"a", "b", "c"}, "", true},
      {"a key that is named twice", {{{"a"}, false}, {{"a"}, false}}, true, 3, {"a"}, "", true},
  }));
  CAPTURE(row.name);
  const PushChunk chunk = chunk_of(row.pages, row.every, row.limit);
  CHECK(chunk.users == row.users);
  CHECK(chunk.upto == row.upto);
  CHECK(chunk.last == row.last);
}

TEST_CASE("push condition: chunk after chunk comes to each user once", "[im][domain][mass]") {
  const unsigned seed = GENERATE(range(1u, 60u));
  CAPTURE(seed);
  std::minstd_rand random(seed);
  const auto below = [&](unsigned n) { return static_cast<std::size_t>(random() % n); };
  const std::size_t keys = 1 + below(4), limit = 1 + below(5);
  const bool every = below(2) == 0;
  std::vector<std::set<std::string>> with(keys);
  for (std::size_t user = 0; user < 40; ++user)
    for (std::set<std::string>& key : with)
      if (below(3) > 0) key.insert("u" + std::to_string(100 + user));
  Users want;
  for (std::size_t user = 0; user < 40; ++user) {
    const std::string id = "u" + std::to_string(100 + user);
    const auto has = [&](const auto& key) { return key.contains(id); };
    if (every ? std::ranges::all_of(with, has) : std::ranges::any_of(with, has)) want.push_back(id);
  }
  Users got;
  std::string after;
  bool last = false;
  for (int steps = 0; !last; ++steps) {
    REQUIRE(steps < 200);
    std::vector<PushKeyPage> pages;
    for (const std::set<std::string>& key : with) {
      PushKeyPage page;
      for (auto at = key.upper_bound(after); at != key.end() && page.users.size() < limit; ++at)
        page.users.push_back(*at);
      page.full = page.users.size() == limit;
      pages.push_back(std::move(page));
    }
    const PushChunk chunk = chunk_of(pages, every, limit);
    CHECK(chunk.users.size() <= limit);
    got.insert(got.end(), chunk.users.begin(), chunk.users.end());
    if (!chunk.last) CHECK(chunk.upto > after);
    after = chunk.upto;
    last = chunk.last;
  }
  CHECK(got == want);
}
