#include "providers/target_list.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "providers/receipt_time.h"

using namespace nightpost;
using List = std::vector<std::string>;

TEST_CASE("target list: arrays and text with commas", "[providers]") {
  struct Row {
    const char* json;
    List want;
  };
  const Row row = GENERATE(values<Row>({
      {R"(["a","b"])", {"a", "b"}},
      {R"("a,b")", {"a", "b"}},
      {R"("a")", {"a"}},
      {R"(",a,,b,")", {"a", "b"}},
      {R"(["a,b"])", {"a,b"}},
      {R"([7,"",null,["x"],{"y":1},1.5,true,"a"])", {"7", "a"}},
      {"[]", {}},
      {R"("")", {}},
      {"{}", {}},
      {"null", {}},
      {"7", {}},
  }));
  CAPTURE(row.json);
  const auto json = nlohmann::json::parse(row.json);
  CHECK(target_list(&json) == row.want);
  CHECK(target_list(nullptr).empty());
}

TEST_CASE("receipt time: only what could be one", "[providers]") {
  const auto at = [](const char* value) {
    return receipt_time(nlohmann::json::parse(R"({"t":)" + std::string(value) + "}"), "t");
  };
  CHECK(at("1735689601000") == wall_from_ms(1'735'689'601'000));
  CHECK(at("\"1735689601000\"") == wall_from_ms(1'735'689'601'000));
  for (const char* bad : {"0", "-1", "253402300800000", "9223372036854775807", "1e12", "\"\"", "null", "[1]"})
    CHECK_FALSE(at(bad));
  CHECK_FALSE(receipt_time(nlohmann::json::array(), "t"));
}
