#include "bench/spine/report.h"

#include <catch2/catch.hpp>

namespace nightpost::bench {
namespace {

TEST_CASE("report: the median, number by number", "[bench]") {
  struct Row {
    const char* name;
    std::vector<double> values;
    double want;
  };
  const Row row = GENERATE(values<Row>({
      {"one", {5}, 5},
      {"odd, out of order", {9, 1, 5}, 5},
      {"even: the mean of the middle", {9, 1, 5, 3}, 4},
      {"one outlier changes nothing", {5, 5, 1e9}, 5},
  }));
  CAPTURE(row.name);
  std::vector<Measured> runs;
  for (const double value : row.values) runs.push_back({{"pushes_per_s", value}, {"p99_ms", -value}});
  const Measured median = median_of(runs);
  CHECK(median.at("pushes_per_s") == row.want);
  CHECK(median.at("p99_ms") == -row.want);
}

TEST_CASE("report: runs of different shapes are a mistake", "[bench]") {
  CHECK_THROWS(median_of({}));
  CHECK_THROWS(median_of({{{"pushes_per_s", 1}}, {{"p99_ms", 1}}}));
  CHECK_THROWS(median_of({{{"pushes_per_s", "fast"}}}));
}

TEST_CASE("report: the JSON, and a table of the same numbers", "[bench]") {
  const auto all = report("spine", environment(), {{{"p99_ms", 3.25}}, {{"p99_ms", 1.25}}, {{"p99_ms", 2.25}}});
  CHECK(all.at("what") == "spine");
  CHECK(all.at("environment").at("cores") > 0);
  CHECK(all.at("runs").size() == 3);
  CHECK(all.at("median").at("p99_ms") == 2.25);
  const std::string table = as_table(all);
  CHECK_THAT(table, Catch::Contains("p99_ms") && Catch::Contains("3.25") && Catch::Contains("2.25"));
}

}  // namespace
}  // namespace nightpost::bench
