#include "kafka/due_at.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace nightpost::kafka {
namespace {

constexpr std::int64_t kNow = 1'795'225'887'405;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

TEST_CASE("due at: a decimal number of ms, and nothing else", "[kafka][due_at]") {
  struct Row {
    std::string_view text;
    std::optional<std::int64_t> want;
  };
  const Row row = GENERATE(values<Row>({
      {"0", 0},
      {"1795225887405", kNow},
      {"9223372036854775807", kMost},
      {"", {}},
      {"-1", {}},
      {"-9223372036854775808", {}},
      {"+5", {}},
      {" 5", {}},
      {"5 ", {}},
      {"5.0", {}},
      {"5e3", {}},
      {"0x10", {}},
      {"9223372036854775808", {}},
      {"soon", {}},
      {std::string_view("5\0", 2), {}},
  }));
  CAPTURE(row.text);
  const std::optional<WallTime> parsed = parse_due_at(row.text);
  CHECK(parsed.has_value() == row.want.has_value());
  if (parsed && row.want) CHECK(to_ms(*parsed) == *row.want);
}

TEST_CASE("due at: now, later, or nobody's wish", "[kafka][due_at]") {
  struct Row {
    const char* name;
    std::optional<std::int64_t> due_at;
    Due want;
  };
  const Row row = GENERATE(values<Row>({
      {"none, or malformed", {}, Due::Absurd},
      {"long ago", 0, Due::Now},
      {"just past", kNow - 1, Due::Now},
      {"now", kNow, Due::Now},
      {"in a moment", kNow + 1, Due::Later},
      {"in one delay", kNow + 10'000, Due::Later},
      {"in two delays", kNow + 20'000, Due::Later},
      {"in more", kNow + 20'001, Due::Absurd},
      {"at the end of time", kMost, Due::Absurd},
  }));
  CAPTURE(row.name);
  const auto time = row.due_at ? std::optional(wall_from_ms(*row.due_at)) : std::nullopt;
  CHECK(due_of(time, milliseconds(10'000), wall_from_ms(kNow)) == row.want);
}

TEST_CASE("due at: a wait ends by the wall clock, whatever that does", "[kafka][due_at]") {
  struct Row {
    const char* name;
    std::int64_t wall_after, mono_after;  // ms since the wait began, ten seconds before its time
    Due want;
  };
  const Row row = GENERATE(values<Row>({
      {"begun", 0, 0, Due::Later},
      {"nearly", 9'999, 9'999, Due::Later},
      {"due, within the grain", 10'000, 10'000, Due::Later},
      {"the grain's end", 10'499, 10'499, Due::Later},
      {"over", 10'500, 10'500, Due::Now},
      {"the clock jumped on", 3'600'000, 5, Due::Now},
      {"it jumped back by less than a delay", -9'000, 5, Due::Later},
      {"it jumped back further", -10'001, 5, Due::Absurd},
      {"back by a year", -31'536'000'000, 5, Due::Absurd},
      {"it stands still", 0, 20'500, Due::Later},
      {"it stood still for too long", 0, 20'501, Due::Absurd},
      {"it goes back as time goes on", -5'000, 20'501, Due::Absurd},
  }));
  CAPTURE(row.name);
  const MonoTime begun{seconds(1'000)};
  const DueWait wait = {.due_at = wall_from_ms(kNow + 10'000), .since = begun};
  CHECK(wait.look(milliseconds(10'000), wall_from_ms(kNow + row.wall_after), begun + milliseconds(row.mono_after)) ==
        row.want);
}

TEST_CASE("due at: the grain is a twentieth, and bounded", "[kafka][due_at]") {
  CHECK(wait_grain(milliseconds(10)) == milliseconds(0));
  CHECK(wait_grain(seconds(10)) == milliseconds(500));
  CHECK(wait_grain(seconds(60)) == seconds(3));
  CHECK(wait_grain(std::chrono::minutes(10)) == seconds(5));
  CHECK(wait_grain(std::chrono::hours(1)) == seconds(5));
}

}  // namespace
}  // namespace nightpost::kafka
