#include "providers/notify_id.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

using nightpost::notify_id;

// FNV-1a's published 32-bit values, without the top bit.
TEST_CASE("notify id: a hash that is the same everywhere", "[providers]") {
  CHECK(notify_id("") == (0x811c9dc5U & 0x7fffffffU));
  CHECK(notify_id("a") == (0xe40c292cU & 0x7fffffffU));
  CHECK(notify_id("foobar") == (0xbf9cf968U & 0x7fffffffU));
  CHECK(notify_id("\xff") == ((2166136261U ^ 0xffU) * 16777619U & 0x7fffffffU));  // bytes, not signed characters
  static_assert(notify_id("a") != notify_id("b"));
}

TEST_CASE("notify id: from 1 to 2^31 - 1, different for different messages", "[providers]") {
  std::set<std::int32_t> seen;
  for (int i = 0; i < 10'000; ++i) {
    const std::int32_t id = notify_id("144115-1-" + std::to_string(i));
    CHECK(id >= 1);
    seen.insert(id);
  }
  CHECK(seen.size() > 9'990);
}
