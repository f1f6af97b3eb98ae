#include "sandbox/taught_devices.h"

#include <catch2/catch.hpp>

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

TEST_CASE("taught devices: read, added, found, forgotten", "[sandbox]") {
  TaughtDevices devices;
  const json tokens = json::parse(R"([{"token":"a"},{"token":"b","app":"x","gone":true,"muted":true,"test":true}])");
  auto read = devices.read(&tokens, 2);
  REQUIRE(read.has_value());
  CHECK_FALSE(devices.find("a"));
  devices.add(std::move(*read));
  REQUIRE(devices.find("a"));
  CHECK_FALSE(devices.find("a")->gone);
  REQUIRE(devices.find("b"));
  CHECK(devices.find("b")->app == "x");
  CHECK((devices.find("b")->gone && devices.find("b")->muted && devices.find("b")->test));
  CHECK_FALSE(devices.find("c"));
  CHECK(devices.read(nullptr, 0)->empty());
  CHECK(devices.read(&tokens, 3).error().detail == "$.tokens: more than 3 in all");
  devices.clear();
  CHECK_FALSE(devices.find("a"));
}

TEST_CASE("taught devices: what is none", "[sandbox]") {
  struct Row {
    const char* tokens;
    const char* want;
  };
  const Row row = GENERATE(values<Row>({
      {R"([1])", "$.tokens[0]: not an object"},
      {R"([{}])", "$.tokens[0].token: missing or empty"},
      {R"([{"token":""}])", "$.tokens[0].token: missing or empty"},
      {R"([{"token":"a"},{"token":1}])", "$.tokens[1].token: not a string"},
      {R"([{"token":"a","app":1}])", "$.tokens[0].app: not a string"},
      {R"([{"token":"a","test":"yes"}])", "$.tokens[0].test: not true or false"},
      {R"([{"token":"a","dead":true}])", "$.tokens[0].dead: unknown member"},
  }));
  const json tokens = json::parse(row.tokens);
  const auto read = TaughtDevices().read(&tokens, 10);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().detail == row.want);
}

}  // namespace
}  // namespace nightpost::sandbox
