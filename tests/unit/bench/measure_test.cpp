#include "bench/im/measure.h"

#include <catch2/catch.hpp>

namespace nightpost::bench {
namespace {

using namespace std::chrono_literals;

TEST_CASE("measure: what limits a rate", "[bench]") {
  struct Row {
    const char* name;
    Limits limits;
    const char* words;  // that it begins with
  };
  const Row row = GENERATE(values<Row>({
      {"it was kept", {5'000, 5'000, 0.5, 100, 400}, "the offered rate"},
      {"nearly", {5'000, 4'950, 0.95, 390, 400}, "the offered rate"},
      {"no processor is left", {5'000, 4'000, 0.95, 100, 400}, "the processors"},
      {"nor commits: the processors come first", {5'000, 4'000, 0.95, 400, 400}, "the processors"},
      {"the disk is busy", {5'000, 4'000, 0.6, 350, 400}, "the store"},
      {"more commits than bare ones", {5'000, 4'000, 0.6, 500, 400}, "the store"},
      {"neither", {5'000, 4'000, 0.6, 100, 400}, "neither"},
  }));
  CAPTURE(row.name);
  CHECK_THAT(what_limits(row.limits), Catch::StartsWith(row.words));
}

TEST_CASE("measure: percentiles", "[bench]") {
  std::vector<Clock::duration> all;
  CHECK(percentile_ms(all, 0.5) == 0);
  for (int i = 100; i > 0; --i) all.emplace_back(std::chrono::milliseconds(i));
  CHECK(percentile_ms(all, 0.5) == 51);
  CHECK(percentile_ms(all, 0.99) == 100);
  CHECK(percentile_ms(all, 0) == 1);
  CHECK(percentile_ms(all, 1) == 100);
  CHECK(seconds_of(1'500ms) == 1.5);
}

TEST_CASE("measure: the machine's load is a share", "[bench]") {
  MachineLoad load;
  const auto until = Clock::now() + 50ms;
  while (Clock::now() < until) {
  }
  const double share = load.share();
  CHECK(share > 0);
  CHECK(share <= 1);
}

}  // namespace
}  // namespace nightpost::bench
