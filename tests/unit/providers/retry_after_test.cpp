#include "providers/retry_after.h"

#include <catch2/catch.hpp>

using namespace nightpost;

TEST_CASE("retry-after: both forms", "[providers]") {
  struct Row {
    const char* name;
    const char* value;
    const char* date;
    std::optional<milliseconds> wait;
  };
  constexpr const char* kNow = "Sun, 06 Nov 1994 08:49:37 GMT";
  const Row row = GENERATE_COPY(values<Row>({
      {"seconds", "120", nullptr, seconds(120)},
      {"now", "0", nullptr, seconds(0)},
      {"clamped to an hour", "3601", nullptr, seconds(3600)},
      {"beyond 64 bits", "99999999999999999999", nullptr, seconds(3600)},
      {"a date", "Sun, 06 Nov 1994 08:50:07 GMT", kNow, seconds(30)},
      {"a date of the next day", "Mon, 07 Nov 1994 08:49:37 GMT", kNow, seconds(3600)},
      {"a date that has passed", "Sun, 06 Nov 1994 08:49:36 GMT", kNow, seconds(0)},
      {"a date with nothing to count from", "Sun, 06 Nov 1994 08:50:07 GMT", nullptr, std::nullopt},
      {"a date and a broken clock", "Sun, 06 Nov 1994 08:50:07 GMT", "today", std::nullopt},
      {"empty", "", kNow, std::nullopt},
      {"negative", "-1", kNow, std::nullopt},
      {"sign", "+1", kNow, std::nullopt},
      {"a fraction is rounded up", "1.5", kNow, seconds(2)},
      {"a fraction of nothing", "2.000", kNow, seconds(2)},
      {"less than a second", "0.001", kNow, seconds(1)},
      {"clamped with a fraction", "99999999999999999999.5", nullptr, seconds(3600)},
      {"a point and nothing", "1.", kNow, std::nullopt},
      {"no seconds", ".5", kNow, std::nullopt},
      {"two points", "1.5.5", kNow, std::nullopt},
      {"a comma", "1,5", kNow, std::nullopt},
      {"unit", "1s", kNow, std::nullopt},
      {"space", " 1", kNow, std::nullopt},
      {"words", "soon", kNow, std::nullopt},
  }));
  CAPTURE(row.name);
  HttpResponse reply{.status = 429, .headers = {{"retry-after", row.value}}, .body = {}};
  if (row.date != nullptr) reply.headers.push_back({"date", row.date});
  CHECK(retry_after(reply) == row.wait);
}

TEST_CASE("retry-after: absent", "[providers]") { CHECK_FALSE(retry_after(HttpResponse{.status = 429})); }

TEST_CASE("http date: only the form of RFC 9110", "[providers]") {
  CHECK(from_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == wall_from_ms(784'111'777'000));  // the RFC's own example
  CHECK(from_http_date("Thu, 29 Feb 2024 23:59:60 GMT") == wall_from_ms(1'709'251'200'000));
  const std::string bad =
      GENERATE(as<std::string>{}, "", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
               "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 31 Feb 1994 08:49:37 GMT",
               "Thu, 29 Feb 2023 00:00:00 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
               "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
               "Sun, 6  Nov 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT");
  CAPTURE(bad);
  CHECK_FALSE(from_http_date(bad));
}
