#include "app/when.h"

#include <catch2/catch.hpp>
#include <string>

using namespace nightpost;
using namespace nightpost::app;

TEST_CASE("when: points in time as people write them", "[app][when]") {
  constexpr std::int64_t kNow = 1'795'942'800'123;  // 2026-11-29T09:00:00.123Z
  struct Row {
    std::string text;
    std::int64_t want;
  };
  const Row row = GENERATE(values<Row>({
      {"90s", kNow - 90'000},
      {"15m", kNow - 900'000},
      {"7d", kNow - 7 * 86'400'000LL},
      {"2026-11-29", 1'795'910'400'000},
      {"2026-11-29T09:00", 1'795'942'800'000},
      {"2026-11-29 09:00:01", 1'795'942'801'000},
      {"2026-11-29T09:00:01Z", 1'795'942'801'000},
      {"2024-02-29T00:00:00Z", 1'709'164'800'000},
      {"1795225887405", 1'795'225'887'405},
  }));
  CAPTURE(row.text);
  const auto at = parse_when(row.text, wall_from_ms(kNow));
  REQUIRE(at);
  CHECK(to_ms(*at) == row.want);
}

TEST_CASE("when: what is no time", "[app][when]") {
  const std::string bad =
      GENERATE("", "now", "latest", "earliest", "15", "m", "-5m", "0s", "5y", "2026-11-31", "2026-13-01", "2025-02-29",
               "2026-1-1", "2026-11-29T", "2026-11-29T24:00", "2026-11-29T09:60", "2026-11-29T09:00:60",
               "2026-11-29T09:00:00+01:00", "2026-11-29T09:00Zz", "2026-11-29X09:00", "179522588740a", "20261129");
  CAPTURE(bad);
  const auto at = parse_when(bad, wall_from_ms(1'795'942'800'000));
  REQUIRE_FALSE(at);
  CHECK(at.error().detail.contains("is no time"));
}
