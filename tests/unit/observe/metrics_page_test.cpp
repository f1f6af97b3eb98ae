#include "observe/metrics_page.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace nightpost::observe {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

MetricsPage::Read always(double value) {
  return [value] { return value; };
}
MetricsPage::ReadCells always(Cells cells) {
  return [cells] { return cells; };
}

/// The page without its HELP lines.
std::string series_of(const MetricsPage& page) {
  std::string out;
  const std::string text = page.render();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    REQUIRE(end != std::string::npos);
    if (text.compare(at, 7, "# HELP ") != 0) out += text.substr(at, end + 1 - at);
    at = end + 1;
  }
  return out;
}

TEST_CASE("metrics page: nothing registered is an empty page", "[observe]") {
  CHECK(MetricsPage().render().empty());
  CHECK(std::string_view(MetricsPage::content_type()).starts_with("text/plain; version=0.0.4"));
}

TEST_CASE("metrics page: series are read at each scrape, families keep their order", "[observe]") {
  MetricsPage page;
  double pushes = 41;
  page.add_gauge("b_open", "Open.", {}, always(-2.5));
  page.add_counter("a_total", "Pushes.", {{"vendor", "apns"}, {"verdict", "accepted"}}, [&] { return pushes; });
  page.add_counter("a_total", "Pushes.", {{"vendor", "apns"}, {"verdict", "rejected"}}, always(0));
  CHECK(page.render() ==
        "# HELP b_open Open.\n# TYPE b_open gauge\nb_open -2.5\n"
        "# HELP a_total Pushes.\n# TYPE a_total counter\n"
        "a_total{vendor=\"apns\",verdict=\"accepted\"} 41\na_total{vendor=\"apns\",verdict=\"rejected\"} 0\n");
  pushes = 42;
  CHECK(page.render().find("accepted\"} 42\n") != std::string::npos);
}

TEST_CASE("metrics page: large counts keep every digit", "[observe]") {
  MetricsPage page;
  page.add_counter("a_total", "A.", {}, always(9'007'199'254'740'991.0));
  page.add_counter("b_total", "B.", {}, always(123'456'789.0));
  CHECK(series_of(page) ==
        "# TYPE a_total counter\na_total 9007199254740991\n# TYPE b_total counter\nb_total 123456789\n");
}

TEST_CASE("metrics page: a label value can hold anything and stays one line", "[observe]") {
  struct Row {
    const char* name;
    std::string value, want;
  };
  const Row rows[] = {
      {"plain", "a b", "a b"},
      {"empty", "", ""},
      {"quote", "a\"b", "a\\\"b"},
      {"backslash", "a\\b", "a\\\\b"},
      {"line feed", "a\nb", "a\\nb"},
      {"forged series", "x\"} 1\nfake_total 9", "x\\\"} 1\\nfake_total 9"},
      {"beyond ASCII", "\xE5\xA4\x9C", "\xE5\xA4\x9C"},
      {"broken UTF-8", "a\xff", "a\xEF\xBF\xBD"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    MetricsPage page;
    page.add_gauge("a", "A.", {{"l", row.value}}, always(1));
    CHECK(series_of(page) == "# TYPE a gauge\na{l=\"" + row.want + "\"} 1\n");
  }
}

TEST_CASE("metrics page: a histogram's cells add up", "[observe]") {
  MetricsPage page;
  page.add_histogram("t_ms", "Times.", {{"vendor", "apns"}}, {1, 2.5, 10},
                     always(Cells{.cells = {3, 0, 4, 5}, .sum = 99}));
  CHECK(series_of(page) ==
        "# TYPE t_ms histogram\n"
        "t_ms_count{vendor=\"apns\"} 12\nt_ms_sum{vendor=\"apns\"} 99\n"
        "t_ms_bucket{vendor=\"apns\",le=\"1\"} 3\nt_ms_bucket{vendor=\"apns\",le=\"2.5\"} 3\n"
        "t_ms_bucket{vendor=\"apns\",le=\"10\"} 7\nt_ms_bucket{vendor=\"apns\",le=\"+Inf\"} 12\n");
}

TEST_CASE("metrics page: a reading of the wrong shape is a histogram of nothing", "[observe]") {
  for (const auto& cells : {std::vector<std::uint64_t>{}, {1}, {1, 2, 3}}) {
    MetricsPage page;
    page.add_histogram("t", "T.", {}, {1}, always(Cells{.cells = cells, .sum = 7}));
    CHECK(series_of(page) == "# TYPE t histogram\nt_count 0\nt_sum 0\nt_bucket{le=\"1\"} 0\nt_bucket{le=\"+Inf\"} 0\n");
  }
}

TEST_CASE("metrics page: series that come and go", "[observe]") {
  MetricsPage page;
  std::vector<Sample> lanes;
  page.add_gauges("lane_open", "Open.", [&] { return lanes; });
  page.add_counters("lane_total", "All.", [&] { return lanes; });
  CHECK(series_of(page) == "# TYPE lane_open gauge\n# TYPE lane_total counter\n");
  lanes = {{{{"lane", "a"}}, 1}, {{{"lane", "b"}}, 2}};
  CHECK(series_of(page) ==
        "# TYPE lane_open gauge\nlane_open{lane=\"a\"} 1\nlane_open{lane=\"b\"} 2\n"
        "# TYPE lane_total counter\nlane_total{lane=\"a\"} 1\nlane_total{lane=\"b\"} 2\n");
}

TEST_CASE("metrics page: samples that would break the page are left out", "[observe]") {
  MetricsPage page;
  page.add_gauge("g", "G.", {{"a", "1"}, {"b", "2"}}, always(1));
  page.add_gauges("g", "G.", [] {
    return std::vector<Sample>{
        {{{"b", "2"}, {"a", "1"}}, 2},  // the same series in another order
        {{{"a", "3"}}, 3},
        {{{"a", "3"}}, 4},
        {{{"not a label", "3"}}, 5},
        {{{"le", "3"}}, 6},
        {{{"a", "x"}, {"a", "y"}}, 7},
    };
  });
  CHECK(series_of(page) == "# TYPE g gauge\ng{a=\"1\",b=\"2\"} 1\ng{a=\"3\"} 3\n");
}

TEST_CASE("metrics page: what is wrong in the wiring is refused by name", "[observe]") {
  struct Row {
    const char* name;
    void (*add)(MetricsPage&);
  };
  const Row rows[] = {
      {"no name", [](MetricsPage& p) { p.add_gauge("", "H.", {}, always(0)); }},
      {"a name with a dash", [](MetricsPage& p) { p.add_gauge("a-b", "H.", {}, always(0)); }},
      {"a name that starts with a digit", [](MetricsPage& p) { p.add_gauge("1a", "H.", {}, always(0)); }},
      {"a bad name of many", [](MetricsPage& p) { p.add_gauges("a b", "H.", {}); }},
      {"no help", [](MetricsPage& p) { p.add_gauge("a", "", {}, always(0)); }},
      {"help of two lines", [](MetricsPage& p) { p.add_gauge("a", "One.\nTwo.", {}, always(0)); }},
      {"a label with a dash", [](MetricsPage& p) { p.add_gauge("a", "H.", {{"x-y", ""}}, always(0)); }},
      {"a reserved label", [](MetricsPage& p) { p.add_gauge("a", "H.", {{"__name__", ""}}, always(0)); }},
      {"the histogram's own label",
       [](MetricsPage& p) { p.add_histogram("a", "H.", {{"le", ""}}, {}, always(Cells{})); }},
      {"a label twice", [](MetricsPage& p) { p.add_gauge("a", "H.", {{"x", "1"}, {"x", "2"}}, always(0)); }},
      {"the same series twice", [](MetricsPage& p) { p.add_counter("seen_total", "Seen.", {{"x", "1"}}, always(0)); }},
      {"another type", [](MetricsPage& p) { p.add_gauge("seen_total", "Seen.", {}, always(0)); }},
      {"another help", [](MetricsPage& p) { p.add_counter("seen_total", "Others.", {}, always(0)); }},
      {"equal bounds", [](MetricsPage& p) { p.add_histogram("a", "H.", {}, {1, 1}, always(Cells{})); }},
      {"falling bounds", [](MetricsPage& p) { p.add_histogram("a", "H.", {}, {2, 1}, always(Cells{})); }},
      {"a bound that is no number",
       [](MetricsPage& p) { p.add_histogram("a", "H.", {}, {std::nan("")}, always(Cells{})); }},
      {"an infinite bound", [](MetricsPage& p) { p.add_histogram("a", "H.", {}, {1, kInfinity}, always(Cells{})); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    MetricsPage page;
    page.add_counter("seen_total", "Seen.", {{"x", "1"}}, always(1));
    CHECK_THROWS_AS(row.add(page), std::invalid_argument);
    CHECK(series_of(page) == "# TYPE seen_total counter\nseen_total{x=\"1\"} 1\n");
  }
}

}  // namespace
}  // namespace nightpost::observe
