#include "kafka/record_headers.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nightpost::kafka {
namespace {

using Pairs = std::vector<std::pair<std::string_view, std::string_view>>;

RecordHeaders read(const Pairs& pairs) {
  RecordHeaders headers;
  for (const auto& [name, value] : pairs) headers.take(name, value);
  return headers;
}

TEST_CASE("record headers: those of ours are found, the last of each", "[kafka][headers]") {
  const RecordHeaders none = read({});
  CHECK(none.traceparent().empty());
  CHECK(none.remainder().empty());
  CHECK(none.due_at().empty());
  CHECK(none.origin().topic.empty());
  const RecordHeaders all = read({{"due_at", "1"},
                                  {"other", "x"},
                                  {"traceparent", "00-aa"},
                                  {"Remainder", "another name"},
                                  {"remainder", "{}"},
                                  {"due_at", "2"},
                                  {"", "nothing"}});
  CHECK(all.traceparent() == "00-aa");
  CHECK(all.remainder() == "{}");
  CHECK(all.due_at() == "2");
}

TEST_CASE("record headers: an origin is whole or none", "[kafka][headers]") {
  static const std::string kLong(249, 't'), kTooLong(250, 't');
  struct Row {
    const char* name;
    Pairs headers;
    bool there;
  };
  const Row row = GENERATE(values<Row>({
      {"whole", {{"source_topic", "in"}, {"source_partition", "7"}, {"source_offset", "9000000000"}}, true},
      {"in any order", {{"source_offset", "0"}, {"source_partition", "0"}, {"source_topic", "in"}}, true},
      {"the longest name", {{"source_topic", kLong}, {"source_partition", "7"}, {"source_offset", "9"}}, true},
      {"a longer one", {{"source_topic", kTooLong}, {"source_partition", "7"}, {"source_offset", "9"}}, false},
      {"no topic", {{"source_partition", "7"}, {"source_offset", "9"}}, false},
      {"an empty topic", {{"source_topic", ""}, {"source_partition", "7"}, {"source_offset", "9"}}, false},
      {"no partition", {{"source_topic", "in"}, {"source_offset", "9"}}, false},
      {"no offset", {{"source_topic", "in"}, {"source_partition", "7"}}, false},
      {"a negative partition", {{"source_topic", "in"}, {"source_partition", "-1"}, {"source_offset", "9"}}, false},
      {"a partition beyond 32 bits",
       {{"source_topic", "in"}, {"source_partition", "2147483648"}, {"source_offset", "9"}},
       false},
      {"a negative offset", {{"source_topic", "in"}, {"source_partition", "7"}, {"source_offset", "-9"}}, false},
      {"words", {{"source_topic", "in"}, {"source_partition", "7"}, {"source_offset", "nine"}}, false},
      {"something behind it", {{"source_topic", "in"}, {"source_partition", "7 "}, {"source_offset", "9"}}, false},
  }));
  CAPTURE(row.name);
  const Origin origin = read(row.headers).origin();
  CHECK(origin.topic.empty() != row.there);
}

TEST_CASE("record headers: an origin's numbers", "[kafka][headers]") {
  const Origin origin =
      read({{"source_topic", "in"}, {"source_partition", "7"}, {"source_offset", "9000000000"}}).origin();
  CHECK(origin.topic == "in");
  CHECK(origin.partition == 7);
  CHECK(origin.offset == 9'000'000'000);
}

}  // namespace
}  // namespace nightpost::kafka
