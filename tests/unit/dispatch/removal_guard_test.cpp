#include "dispatch/removal_guard.h"

#include <catch2/catch.hpp>
#include <random>
#include <string_view>

#include "times.h"

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {

using Said = RemovalGuard::Said;
using Change = RemovalGuard::Change;

constexpr Said kLives{.live = 1};
constexpr Said kDead{.dead = 1};
constexpr Said kOther{.other = 1};

/// Counts so many answers of one kind; the last change that any of them made.
Change say(RemovalGuard& guard, const Said& said, int times, MonoTime now, const Options& options = {}) {
  Change last = Change::None;
  for (int i = 0; i < times; ++i)
    if (const Change change = guard.count(said, now, options); change != Change::None) last = change;
  return last;
}

/// Counts "d.l" for as many words as `times` says: d is dead, l lives, o is another.
bool holds_after(RemovalGuard& guard, std::string_view pattern, int times, const Options& options = {}) {
  bool held = false;
  for (int i = 0; i < times; ++i) {
    const char word = pattern[std::size_t(i) % pattern.size()];
    const Said& said = word == 'd' ? kDead : word == 'l' ? kLives : kOther;
    held |= guard.count(said, kNow, options) == Change::Held;
  }
  return held;
}

}  // namespace

TEST_CASE("removal guard: what mixtures of answers hold", "[dispatch][removal]") {
  struct Row {
    const char* what;
    std::string_view pattern;
    int times;
    bool held;
  };
  const Row row = GENERATE(values<Row>({
      {"too few to judge", "d", 49, false},
      {"all dead", "d", 50, true},
      {"all live", "l", 1'000, false},
      {"refusals for other reasons are neither", "o", 1'000, false},
      {"four of five are dead, the rest lives", "ddddl", 5'000, false},
      {"nine of ten are dead, the rest lives", "dddddddddl", 5'000, false},
      {"nineteen of twenty", "dddddddddddddddddddl", 5'000, true},
      {"half are dead, half are refused for other reasons", "do", 5'000, true},
      {"a fifth is dead, the rest refused for other reasons", "doooo", 5'000, false},
      {"a third is dead, the rest lives", "dll", 5'000, false},
  }));
  CAPTURE(row.what);
  RemovalGuard guard;
  CHECK(holds_after(guard, row.pattern, row.times) == row.held);
  CHECK(guard.holds(kNow) == row.held);
}

TEST_CASE("removal guard: what was said before a fault does not hide it", "[dispatch][removal]") {
  const Said before = GENERATE(Said{.live = 100'000}, Said{.other = 100'000}, Said{.live = 100'000, .dead = 900},
                               Said{.live = 30, .dead = 1});
  RemovalGuard guard;
  CHECK(guard.count(before, kNow, Options()) == Change::None);
  CHECK(say(guard, kDead, 49, kNow) == Change::None);
  CHECK(guard.count(kDead, kNow, Options()) == Change::Held);
}

TEST_CASE("removal guard: some that still live, from before it or in spite of it, delay it by little",
          "[dispatch][removal]") {
  RemovalGuard guard;
  CHECK(say(guard, kDead, 40, kNow) == Change::None);
  CHECK(say(guard, kLives, 3, kNow) == Change::None);  // each makes up for nine
  CHECK(say(guard, kDead, 36, kNow) == Change::None);
  CHECK(guard.count(kDead, kNow, Options()) == Change::Held);
}

TEST_CASE("removal guard: the answers to one request are one word", "[dispatch][removal]") {
  RemovalGuard guard;
  SECTION("all dead") { CHECK(guard.count({.dead = 500}, kNow, Options()) == Change::Held); }
  SECTION("a tenth lives") { CHECK(guard.count({.live = 50, .dead = 450}, kNow, Options()) == Change::None); }
  SECTION("less than a tenth") { CHECK(guard.count({.live = 40, .dead = 460}, kNow, Options()) == Change::Held); }
}

TEST_CASE("removal guard: of a table that is mostly dead none is held, in whatever order", "[dispatch][removal]") {
  int held = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    std::mt19937_64 rng(seed);
    RemovalGuard guard;
    for (int i = 0; i < 2'000; ++i)
      held += guard.count(rng() % 5 == 0 ? kLives : kDead, kNow, Options()) == Change::Held ? 1 : 0;
  }
  CHECK(held <= 10);  // of 100'000 answers; each costs a repeat of what was held
}

TEST_CASE("removal guard: says so once, holds for a period after the last", "[dispatch][removal]") {
  RemovalGuard guard;
  const Options options;
  REQUIRE(say(guard, kDead, 50, kNow) == Change::Held);
  const MonoTime last = kNow + seconds(60);
  CHECK(guard.count(kDead, last, options) == Change::None);
  CHECK(guard.holds(last + options.mass_removal_period - milliseconds(1)));
  CHECK_FALSE(guard.holds(last + options.mass_removal_period));
  SECTION("the next that is dead holds again, however late") {
    const MonoTime late = last + std::chrono::hours(10);
    CHECK_FALSE(guard.holds(late));
    CHECK(guard.is_undecided());
    CHECK(guard.count(kDead, late, options) == Change::Held);
    CHECK(guard.holds(late));
  }
  SECTION("unless enough live meanwhile") {
    const MonoTime late = last + std::chrono::hours(10);
    CHECK(say(guard, kLives, 5, late) == Change::None);
    CHECK(guard.count(kLives, late, options) == Change::Released);
    CHECK(guard.is_calm());
    CHECK(guard.count(kDead, late, options) == Change::None);
    CHECK_FALSE(guard.holds(late));
  }
}

TEST_CASE("removal guard: a period without a dead token ends a run", "[dispatch][removal]") {
  RemovalGuard guard;
  const Options options;
  REQUIRE(say(guard, kDead, 49, kNow) == Change::None);
  SECTION("it ended") {
    const MonoTime later = kNow + options.mass_removal_period;
    CHECK(say(guard, kDead, 49, later) == Change::None);
    CHECK(guard.count(kDead, later, options) == Change::Held);
  }
  SECTION("it goes on, however slowly") {
    CHECK(guard.count(kDead, kNow + options.mass_removal_period - milliseconds(1), options) == Change::Held);
  }
}

TEST_CASE("removal guard: released once enough live, and says so once", "[dispatch][removal]") {
  RemovalGuard guard;
  const Options options;
  REQUIRE(say(guard, kDead, 90, kNow) == Change::Held);
  SECTION("by accepted pushes") {
    CHECK(say(guard, kLives, 9, kNow) == Change::None);
    CHECK(guard.holds(kNow));
    CHECK(guard.count(kLives, kNow, options) == Change::Released);
    CHECK_FALSE(guard.holds(kNow));
    CHECK(guard.is_calm());
    CHECK(guard.count(kLives, kNow, options) == Change::None);
    CHECK(say(guard, kDead, 49, kNow) == Change::None);  // it begins anew
    CHECK(guard.count(kDead, kNow, options) == Change::Held);
  }
  SECTION("by few, after however long a fault") {
    say(guard, kDead, 100'000, kNow);
    CHECK(say(guard, kLives, 12, kNow) == Change::Released);
  }
  SECTION("not by other answers") {
    CHECK(say(guard, kOther, 1'000, kNow) == Change::None);
    CHECK(guard.holds(kNow));
  }
  SECTION("not while a few live beside many dead") {
    CHECK(guard.count({.live = 50, .dead = 950}, kNow, options) == Change::None);
    CHECK(guard.holds(kNow));
  }
  SECTION("never, where nothing but life counts") {
    Options strict;
    strict.mass_removal_live_share = 1;
    CHECK(say(guard, kLives, 1'000, kNow, strict) == Change::None);
    CHECK(guard.holds(kNow));
  }
}

TEST_CASE("removal guard: shares at their ends", "[dispatch][removal]") {
  RemovalGuard guard;
  Options options;
  SECTION("one that lives proves all") {
    options.mass_removal_live_share = 0;
    CHECK(say(guard, kDead, 49, kNow, options) == Change::None);
    CHECK(guard.count(kLives, kNow, options) == Change::None);
    CHECK(say(guard, kDead, 49, kNow, options) == Change::None);
  }
  SECTION("no share of dead tokens is too large") {
    options.mass_removal_share = 1;
    CHECK(say(guard, kDead, 1'000, kNow, options) == Change::None);
  }
  SECTION("any share is") {
    options.mass_removal_share = 0;
    CHECK(holds_after(guard, "doooooooooooooooooooo", 1'100, options));
  }
}

TEST_CASE("410: only a token the vendor saw dead since it was registered goes", "[dispatch][removal]") {
  struct Row {
    std::int64_t registered;
    std::optional<std::int64_t> gone;
    std::int64_t sent;
    bool want;
  };
  const Row row = GENERATE(values<Row>({
      {1735500000000, 1735603200000, 1735700000000, true},  // the vendor page's own example
      {1735650000000, 1735603200000, 1735700000000, false},
      {1735603200000, 1735603200000, 1735700000000, true},
      {1735603200001, 1735603200000, 1735700000000, false},
      {1735650000000, std::nullopt, 1735700000000, true},
      {1735700000000, std::nullopt, 1735700000000, false},
      {1735700000001, std::nullopt, 1735700000000, false},
  }));
  CAPTURE(row.registered, row.sent);
  Device device;
  device.registered_at = wall_from_ms(row.registered);
  const auto gone = row.gone ? std::optional(wall_from_ms(*row.gone)) : std::nullopt;
  CHECK(may_remove(device, gone, wall_from_ms(row.sent)) == row.want);
}
