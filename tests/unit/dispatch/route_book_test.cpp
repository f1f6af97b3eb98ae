#include "dispatch/route_book.h"

#include <catch2/catch.hpp>

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {
const MonoTime kNow = MonoTime(std::chrono::hours(1));
}

TEST_CASE("route book: the least recently used goes, one for each that comes", "[dispatch]") {
  RouteBook book(10, 2);
  for (std::uint64_t id = 1; id <= 10; ++id) book.of(id, kNow).spent = id;
  book.of(1, kNow);  // used again
  for (std::uint64_t id = 100; id < 109; ++id) book.of(id, kNow);
  CHECK(book.size() == 10);
  CHECK(book.of(1, kNow).spent == 1);
  CHECK(book.of(2, kNow).spent == 0);  // anew
  CHECK(book.of(2, kNow).allowed == 2);
}

TEST_CASE("route book: nothing goes that a request, a pause, a quota or an open breaker hangs on", "[dispatch]") {
  RouteBook book(4, 2);
  book.of(1, kNow).in_flight = 1;
  book.of(2, kNow).paused_until = kNow + seconds(1);
  book.of(3, kNow).minute_ends = kNow + seconds(1);
  book.of(4, kNow).breaker.trip(false, kNow, seconds(1), seconds(1));
  book.of(4, kNow).spent = 7;
  for (std::uint64_t id = 100; id < 1'100; ++id) book.of(id, kNow);
  CHECK(book.of(1, kNow).in_flight == 1);
  CHECK(book.of(2, kNow).paused_until == kNow + seconds(1));
  CHECK(book.of(3, kNow).minute_ends == kNow + seconds(1));
  CHECK(book.of(4, kNow).spent == 7);
  CHECK(book.size() <= 5);
  const MonoTime later = kNow + seconds(2);
  book.of(1, later).in_flight = 0;
  for (std::uint64_t id = 2'000; id < 2'100; ++id) book.of(id, later);
  CHECK(book.of(4, later).spent == 0);
}
