#include "core/traceparent.h"

#include <catch2/catch.hpp>
#include <string>

using namespace nightpost;

TEST_CASE("traceparent: what the standard takes, and what it has ignored", "[core][traceparent]") {
  struct Row {
    const char* name;
    std::string text;
    bool good = false;
  };
  const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const Row row = GENERATE_COPY(values<Row>({
      {"version 00", good, true},
      {"not sampled", good.substr(0, 53) + "00", true},
      {"unknown flags", good.substr(0, 53) + "fe", true},
      {"a later version, as long", "01" + good.substr(2), true},
      {"a later version, longer", "cc" + good.substr(2) + "-what-the-future-says", true},
      {"nothing", ""},
      {"one short", good.substr(0, 54)},
      {"version 00, longer", good + "-more"},
      {"version ff", "ff" + good.substr(2)},
      {"a later version, no dash", "01" + good.substr(2) + "more"},
      {"a later version, a line break", "01" + good.substr(2) + "-a\nb"},
      {"a later version, too long", "01" + good.substr(2) + "-" + std::string(kTraceparentBytesMax, 'a')},
      {"upper case", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"},
      {"not hex", "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01"},
      {"trace id of zeros", "00-" + std::string(32, '0') + "-00f067aa0ba902b7-01"},
      {"parent id of zeros", "00-4bf92f3577b34da6a3ce929d0e0e4736-" + std::string(16, '0') + "-01"},
      {"first dash missing", "00_" + good.substr(3)},
      {"second dash missing", good.substr(0, 35) + "_" + good.substr(36)},
      {"third dash missing", good.substr(0, 52) + "_" + good.substr(53)},
      {"version not hex", "0x" + good.substr(2)},
      {"flags not hex", good.substr(0, 53) + "0x"},
  }));
  CAPTURE(row.name);
  CHECK(is_traceparent(row.text) == row.good);
  if (row.good) CHECK(trace_id_of(row.text) == "4bf92f3577b34da6a3ce929d0e0e4736");
}
