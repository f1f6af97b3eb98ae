// What Meizu's own SDK sent (tests/support/meizu) must pass.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "sandbox/meizu_simulator.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr WallTime kNow{milliseconds{1'795'225'887'405}};
constexpr const char* kTaught = R"({"apps":[{"app_id":"100999","app_secret":"0123456789abcdef0123456789abcdef"}],
    "tokens":[{"token":"RA50c6348a"},{"token":"RA50c6348b"}]})";

json recorded() {
  std::ifstream file(std::filesystem::path(NIGHTPOST_SOURCE_DIR) / "tests/support/meizu/recorded.json");
  REQUIRE(file);
  return json::parse(file);
}

server::ServerRequest request_of(const json& sent) {
  return {.method = "POST",
          .target = sent.at("path").get<std::string>(),
          .headers = {{"content-type", sent.at("content_type").get<std::string>()}},
          .body = sent.at("body").get<std::string>()};
}

TEST_CASE("meizu: the vendor's own SDK is understood", "[sandbox][meizu]") {
  const auto simulator = make_meizu_simulator({});
  REQUIRE(simulator->teach(json::parse(kTaught)).has_value());
  std::set<std::string> paths;
  for (const json& sent : recorded()) {
    CAPTURE(sent.at("name").get<std::string>());
    const Judgement judgement = simulator->judge(request_of(sent), kNow);
    CHECK(judgement.detail == "");
    CHECK(judgement.accepted());
    CHECK(judgement.authorized);
    const server::ServerResponse response = simulator->answer(judgement);
    CHECK(response.status == 200);
    CHECK(json::parse(response.body).at("code") == "200");
    paths.insert(sent.at("path").get<std::string>());
  }
  CHECK(paths.size() == 5);
}

TEST_CASE("meizu: the SDK's request signed with another secret is refused", "[sandbox][meizu]") {
  const auto simulator = make_meizu_simulator({});
  REQUIRE(simulator
              ->teach({{"apps", json::array({{{"app_id", "100999"}, {"app_secret", "another"}}})},
                       {"tokens", json::array()}})
              .has_value());
  for (const json& sent : recorded()) CHECK(simulator->judge(request_of(sent), kNow).reason == "1006");
}

}  // namespace
}  // namespace nightpost::sandbox
