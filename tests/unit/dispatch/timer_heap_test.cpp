#include "dispatch/timer_heap.h"

#include <catch2/catch.hpp>

using namespace nightpost;
using namespace nightpost::dispatch;

TEST_CASE("timers: the earliest first, and only what is due", "[dispatch][timers]") {
  TimerHeap timers;
  const MonoTime start{std::chrono::hours(1)};
  CHECK(timers.next() == std::nullopt);
  for (const int ms : {30, 10, 20, 10}) timers.add({start + milliseconds(ms), static_cast<std::uint64_t>(ms)});
  CHECK(timers.next() == start + milliseconds(10));
  CHECK_FALSE(timers.pop(start + milliseconds(9)));
  CHECK(timers.pop(start + milliseconds(25))->tag == 10);
  CHECK(timers.pop(start + milliseconds(25))->tag == 10);
  CHECK(timers.pop(start + milliseconds(25))->tag == 20);
  CHECK_FALSE(timers.pop(start + milliseconds(25)));
  CHECK(timers.next() == start + milliseconds(30));
}

TEST_CASE("timers: stale entries do not pile up", "[dispatch][timers]") {
  TimerHeap timers;
  const MonoTime start{std::chrono::hours(1)};
  for (int i = 0; i < 100'000; ++i) {
    timers.add({start + seconds(i), static_cast<std::uint64_t>(i)});
    timers.sweep(1, [i](const Timer& timer) { return timer.tag != static_cast<std::uint64_t>(i); });
  }
  int left = 0;
  while (timers.pop(start + seconds(100'000))) ++left;
  CHECK(left < 2000);
}
