#include "observe/process_metrics.h"

#include <catch2/catch.hpp>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

namespace nightpost::observe {
namespace {

/// The value of a series without labels; fails the test if it is not on the page.
double value_on(const MetricsPage& page, const std::string& name) {
  const std::string text = "\n" + page.render();
  const std::size_t at = text.find("\n" + name + " ");
  REQUIRE(at != std::string::npos);
  return std::stod(text.substr(at + name.size() + 2));
}

TEST_CASE("process metrics: pages of memory", "[observe]") {
  CHECK(resident_pages("2000 321 200 10 0 90 0\n") == 321u);
  CHECK(resident_pages("2000 321") == 321u);
  for (const char* bad : {"", "2000", "2000 ", "2000 -1 3", "2000 x 3", "2000 12x 3", "2000 99999999999999999999 3"})
    CHECK_FALSE(resident_pages(bad));
}

TEST_CASE("process metrics: ticks since boot, whatever the process is called", "[observe]") {
  const std::string tail = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20 21\n";
  CHECK(start_ticks("42 (nightpost)" + tail) == 777u);
  CHECK(start_ticks("42 (a (b) c) d)" + tail) == 777u);
  for (const char* bad : {"", "42 nightpost S 1 2", "42 (nightpost) S 1 2", "42 (nightpost)"})
    CHECK_FALSE(start_ticks(bad));
}

TEST_CASE("process metrics: time of boot", "[observe]") {
  CHECK(boot_time("cpu 1 2\nctxt 5\nbtime 1795225887\nprocesses 9\n") == 1'795'225'887u);
  for (const char* bad : {"", "cpu 1 2\n", "cpu 1\nbtime\n", "cpu 1\nbtime x\n", "cpu 1\nnobtime 5\n"})
    CHECK_FALSE(boot_time(bad));
}

TEST_CASE("process metrics: they follow the process", "[observe]") {
  MetricsPage page;
  add_process_metrics(page);
  const double now = double(std::time(nullptr));
  CHECK(value_on(page, "process_resident_memory_bytes") > 1e6);
  CHECK(value_on(page, "process_cpu_seconds_total") > 0);
  CHECK(value_on(page, "process_max_fds") > 3);
  CHECK(value_on(page, "process_start_time_seconds") > now - 3600);
  CHECK(value_on(page, "process_start_time_seconds") < now + 2);

  const double before = value_on(page, "process_open_fds");
  std::vector<std::ifstream> files;
  for (int i = 0; i < 3; ++i) REQUIRE(files.emplace_back("/proc/self/statm").is_open());
  CHECK(value_on(page, "process_open_fds") == before + 3);
}

}  // namespace
}  // namespace nightpost::observe
