#include "core/uuid.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

using namespace nightpost;

TEST_CASE("uuid: canonical form, version 8, RFC variant", "[core][uuid]") {
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid = uuid_of({"event", std::to_string(i)});
    CAPTURE(uuid);
    REQUIRE(uuid.size() == 36);
    for (std::size_t at = 0; at < uuid.size(); ++at) {
      const bool dash = at == 8 || at == 13 || at == 18 || at == 23;
      CHECK((dash ? uuid[at] == '-' : std::string("0123456789abcdef").contains(uuid[at])));
    }
    CHECK(uuid[14] == '8');
    CHECK(std::string("89ab").contains(uuid[19]));
  }
}

TEST_CASE("uuid: parts are delimited, order counts, and the names never change", "[core][uuid]") {
  CHECK(uuid_of({"ab", "c"}) != uuid_of({"a", "bc"}));
  CHECK(uuid_of({"a", "b"}) != uuid_of({"b", "a"}));
  CHECK(uuid_of({"a"}) != uuid_of({"a", ""}));
  CHECK(uuid_of({}) != uuid_of({""}));
  CHECK(uuid_of({std::string(1, '\0')}) != uuid_of({std::string(2, '\0')}));
  // Names outlive the process (apns-id of a repeat after a crash): a change here is a change of the contract.
  CHECK(uuid_of({"01JD", "vinson", "phone"}) == "451ce4a0-17b5-8068-960f-04ff5b79ddc3");
  CHECK(hex_of({"144115-1-7"}) == "a825fd9c00387d65a92d9722e402ba17");
}

TEST_CASE("hash128: no collisions among near neighbours", "[core][uuid]") {
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  for (int event = 0; event < 300; ++event)
    for (int user = 0; user < 300; ++user) {
      const Hash128 hash = hash128({"e" + std::to_string(event), "u" + std::to_string(user)});
      seen.emplace(hash.high, hash.low);
    }
  CHECK(seen.size() == 90'000);
}
