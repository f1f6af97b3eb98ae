#include "net/deadline_wheel.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <vector>

#include "net/back_off.h"

namespace nightpost::net {
namespace {

struct Entry : OnWheel {
  int id = 0;
};
const MonoTime kStart{std::chrono::hours(1000)};

std::vector<int> expired(DeadlineWheel& wheel, MonoTime now) {
  std::vector<int> ids;
  wheel.expire(now, [&](OnWheel& e) { ids.push_back(static_cast<Entry&>(e).id); });
  return ids;
}

}  // namespace

TEST_CASE("wheel: nothing before its time, nothing much after", "[net][wheel]") {
  const milliseconds in = milliseconds(GENERATE(0, 1, 3, 4, 5, 100, 8191, 8192, 8193, 20'000, 3'600'000));
  CAPTURE(in.count());
  Entry entry;
  entry.id = 1;
  DeadlineWheel wheel(kStart);
  wheel.set(entry, kStart + in);
  // As a lane would: sleep until next_due(), look, sleep again.
  MonoTime now = kStart;
  for (int looks = 0; looks < 1000; ++looks) {
    const auto next = wheel.next_due();
    REQUIRE(next);
    REQUIRE(*next > now);
    now = *next;
    if (!expired(wheel, now).empty()) break;
    CHECK(now < kStart + in + DeadlineWheel::kSlot);
  }
  CHECK(now >= kStart + in);
  CHECK(now <= kStart + in + DeadlineWheel::kSlot);
  CHECK_FALSE(wheel.next_due());
}

TEST_CASE("wheel: the past is due at once, the end of time never", "[net][wheel]") {
  Entry past, never, ancient;
  past.id = 1;
  never.id = 2;
  ancient.id = 3;
  DeadlineWheel wheel(kStart);
  wheel.set(past, kStart - std::chrono::hours(1));
  wheel.set(never, MonoTime::max());
  wheel.set(ancient, MonoTime::min());
  CHECK(expired(wheel, kStart) == std::vector{1, 3});
  CHECK(expired(wheel, kStart + std::chrono::hours(100)).empty());
  wheel.remove(never);
  wheel.remove(never);  // twice is harmless
  CHECK_FALSE(wheel.next_due());
}

TEST_CASE("wheel: an entry may be set and removed while others expire", "[net][wheel]") {
  Entry a, b, c;
  DeadlineWheel wheel(kStart);
  for (Entry* e : {&a, &b, &c}) wheel.set(*e, kStart);
  int calls = 0;
  wheel.expire(kStart, [&](OnWheel& e) {
    ++calls;
    if (&e == &a) {
      wheel.remove(b);       // due as well: never mind
      wheel.set(a, kStart);  // again, for the next look
    }
  });
  CHECK(calls == 2);
  CHECK(expired(wheel, kStart).size() == 1);
}

TEST_CASE("wheel: agrees with a sorted map", "[net][wheel]") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::vector<Entry> entries(300);
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].id = static_cast<int>(i);
  std::map<int, MonoTime> expected;
  DeadlineWheel wheel(kStart);
  MonoTime now = kStart;
  for (int step = 0; step < 20'000; ++step) {
    Entry& e = entries[random() % entries.size()];
    switch (random() % 4) {
      case 0:
        wheel.remove(e);
        expected.erase(e.id);
        break;
      case 1:
        now += milliseconds(random() % (random() % 50 == 0 ? 20'000 : 20));
        for (const int id : expired(wheel, now)) {
          REQUIRE(expected.contains(id));
          REQUIRE(expected[id] <= now);
          expected.erase(id);
        }
        for (const auto& [id, due] : expected) REQUIRE(due > now);
        break;
      default: {
        const MonoTime due = now + milliseconds(random() % 30'000);
        wheel.set(e, due);
        expected[e.id] = due;
      }
    }
  }
}

TEST_CASE("back-off: doubles, stays under its bound, jitters fully", "[net][backoff]") {
  BackOff a(milliseconds(100), milliseconds(1000), 1), b(milliseconds(100), milliseconds(1000), 1);
  for (int failures = 0; failures < 100; ++failures) {
    const auto delay = a.after_failure();
    CHECK(delay == b.after_failure());  // equal seeds
    CHECK(delay >= milliseconds(0));
    CHECK(delay <= std::min(milliseconds(1000), milliseconds(100) * (1 << std::min(failures, 10))));
  }
  a.succeeded();
  CHECK(a.after_failure() <= milliseconds(100));

  milliseconds low = milliseconds::max(), high{0};
  BackOff many(milliseconds(1000), milliseconds(1000), 7);
  for (int i = 0; i < 1000; ++i) {
    const auto delay = many.after_failure();
    low = std::min(low, delay);
    high = std::max(high, delay);
  }
  CHECK(low < milliseconds(50));
  CHECK(high > milliseconds(950));
}

}  // namespace nightpost::net
