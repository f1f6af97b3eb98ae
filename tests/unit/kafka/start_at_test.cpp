#include "kafka/start_at.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>

namespace nightpost::kafka {
namespace {

using From = StartAt::From;

TEST_CASE("start at: what is taken, and what is not", "[kafka][start_at]") {
  struct Row {
    std::string text;
    std::optional<StartAt> want;
  };
  const Row row = GENERATE(values<Row>({
      {"earliest", StartAt{From::Earliest}},
      {"latest", StartAt{From::Latest}},
      {"1ms", StartAt{From::Back, milliseconds(1)}},
      {"90s", StartAt{From::Back, milliseconds(90'000)}},
      {"15m", StartAt{From::Back, milliseconds(900'000)}},
      {"6h", StartAt{From::Back, milliseconds(21'600'000)}},
      {"365d", StartAt{From::Back, std::chrono::days(365)}},
      {"366d", {}},
      {"9223372036854775807d", {}},
      {"9223372036854775808ms", {}},
      {"", {}},
      {"0s", {}},
      {"-5m", {}},
      {"+5m", {}},
      {" 5m", {}},
      {"5 m", {}},
      {"5m ", {}},
      {"5", {}},
      {"m", {}},
      {"5w", {}},
      {"5M", {}},
      {"1.5h", {}},
      {"1h30m", {}},
      {"Latest", {}},
      {"latest ", {}},
      {"end", {}},
  }));
  CAPTURE(row.text);
  const Result<StartAt> parsed = parse_start_at(row.text);
  REQUIRE(parsed.has_value() == row.want.has_value());
  if (parsed) {
    CHECK(*parsed == *row.want);
    CHECK(parse_start_at(text_of(*parsed)) == *parsed);
  } else {
    CHECK(parsed.error().code == Errc::Malformed);
  }
}

TEST_CASE("start at: which offset that is", "[kafka][start_at]") {
  struct Row {
    const char* name;
    StartAt start;
    LogRange log;
    std::optional<std::int64_t> since;
    std::int64_t want;
  };
  const milliseconds hour{3'600'000};
  const Row row = GENERATE_COPY(values<Row>({
      {"the oldest", {From::Earliest}, {40, 100}, {}, 40},
      {"the oldest of an empty log", {From::Earliest}, {100, 100}, {}, 100},
      {"a time does not matter to it", {From::Earliest}, {40, 100}, 70, 40},
      {"the end", {From::Latest}, {40, 100}, {}, 100},
      {"a time does not matter to the end", {From::Latest}, {40, 100}, 70, 100},
      {"an hour back", {From::Back, hour}, {40, 100}, 70, 70},
      {"everything is young enough", {From::Back, hour}, {40, 100}, 40, 40},
      {"nothing is young enough", {From::Back, hour}, {40, 100}, {}, 100},
      {"the log went on while we asked", {From::Back, hour}, {40, 100}, 103, 103},
      {"retention went on while we asked", {From::Back, hour}, {40, 100}, 38, 40},
      {"of an empty log", {From::Back, hour}, {0, 0}, {}, 0},
  }));
  CAPTURE(row.name);
  CHECK(start_offset(row.start, row.log, row.since) == row.want);
}

}  // namespace
}  // namespace nightpost::kafka
