// Which address when: RFC 8305 as a table of times.
#include "net/happy_eyeballs.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace nightpost::net {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kBegin{1h};

std::vector<Endpoint> endpoints(const std::vector<std::string>& addresses) {
  std::vector<Endpoint> all;
  for (const std::string& one : addresses) all.emplace_back(boost::asio::ip::make_address(one), std::uint16_t{443});
  return all;
}

struct Happening {
  milliseconds at;
  int fails = -1;  // this attempt does; -1: the time passes
};

/// "0@0 1@250": which attempt began when, until `end`; "x0@5000" when one was given up.
std::string play(std::size_t count, const std::vector<Happening>& happenings, HappyEyeballs::Options options = {},
                 milliseconds end = 20s) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back("192.0.2." + std::to_string(i + 1));
  HappyEyeballs race(endpoints(names), options);
  std::string story;
  auto next = happenings.begin();
  for (MonoTime now = kBegin; now <= kBegin + end;) {
    const auto note = [&](const char* what, std::size_t index) {
      if (!story.empty()) story += ' ';
      story += what + std::to_string(index) + "@" +
               std::to_string(std::chrono::duration_cast<milliseconds>(now - kBegin).count());
    };
    while (next != happenings.end() && kBegin + next->at <= now) {
      if (next->fails >= 0) race.failed(static_cast<std::size_t>(next->fails), "refused");
      ++next;
    }
    while (const auto late = race.cancel_due(now)) note("x", *late);
    while (const auto one = race.start_due(now)) note("", *one);
    if (race.exhausted()) return story + " over";
    const MonoTime due = race.next_due();
    REQUIRE(due > now);  // else the loop would spin
    now = next == happenings.end() ? due : std::min(due, kBegin + next->at);
    if (now == MonoTime::max()) break;
  }
  return story;
}

}  // namespace

TEST_CASE("happy eyeballs: the families take turns", "[net][eyeballs]") {
  struct Row {
    const char* name;
    std::vector<std::string> in;
    bool six_first;
    std::vector<std::string> out;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing", {}, true, {}},
      {"one family", {"1.1.1.1", "2.2.2.2"}, true, {"1.1.1.1", "2.2.2.2"}},
      {"both", {"::1", "::2", "1.1.1.1", "2.2.2.2"}, true, {"::1", "1.1.1.1", "::2", "2.2.2.2"}},
      {"the other way", {"::1", "::2", "1.1.1.1", "2.2.2.2"}, false, {"1.1.1.1", "::1", "2.2.2.2", "::2"}},
      {"more of one", {"1.1.1.1", "2.2.2.2", "3.3.3.3", "::1"}, true, {"::1", "1.1.1.1", "2.2.2.2", "3.3.3.3"}},
      {"more of the other", {"::3", "1.1.1.1", "::1", "::2"}, false, {"1.1.1.1", "::3", "::1", "::2"}},
  }));
  CAPTURE(row.name);
  CHECK(interleave_families(endpoints(row.in), row.six_first) == endpoints(row.out));
}

TEST_CASE("happy eyeballs: when each attempt begins and ends", "[net][eyeballs]") {
  struct Row {
    const char* name;
    std::size_t count;
    std::vector<Happening> happenings;
    HappyEyeballs::Options options;
    std::string story;
  };
  const Row row = GENERATE(values<Row>({
      {"no address", 0, {}, {}, " over"},
      {"one, silent", 1, {}, {}, "0@0 x0@5000 over"},
      {"one, refusing", 1, {{3ms, 0}}, {}, "0@0 over"},
      {"all silent", 3, {}, {}, "0@0 1@250 2@500 x0@5000 x1@5250 x2@5500 over"},
      {"the first refuses at once", 2, {{0ms, -1}, {1ms, 0}}, {}, "0@0 1@1 x1@5001 over"},
      {"each refuses", 3, {{1ms, 0}, {2ms, 1}, {3ms, 2}}, {}, "0@0 1@1 2@2 over"},
      {"the second refuses while the first is silent", 3, {{300ms, 1}}, {}, "0@0 1@250 2@300 x0@5000 x2@5300 over"},
      {"a refusal does not count twice", 3, {{1ms, 0}, {2ms, 0}}, {}, "0@0 1@1 2@251 x1@5001 x2@5251 over"},
      {"one that has not begun cannot fail", 2, {{1ms, 1}}, {}, "0@0 1@250 x0@5000 x1@5250 over"},
      {"two at a time", 3, {}, {.attempts_max = 2}, "0@0 1@250 x0@5000 2@5000 x1@5250 x2@10000 over"},
      {"two at a time, one of which refuses",
       4,
       {{400ms, 1}},
       {.attempts_max = 2},
       "0@0 1@250 2@400 x0@5000 3@5000 x2@5400 x3@10000 over"},
      {"a shorter patience", 2, {}, {.attempt_delay = 100ms, .attempt_timeout = 50ms}, "0@0 x0@50 1@50 x1@100 over"},
  }));
  CAPTURE(row.name);
  CHECK(play(row.count, row.happenings, row.options) == row.story);
}

TEST_CASE("happy eyeballs: every address is named with what became of it", "[net][eyeballs]") {
  HappyEyeballs race(endpoints({"192.0.2.1", "2001:db8::1", "192.0.2.3"}), {});
  CHECK(race.start_due(kBegin) == 0u);
  race.failed(0, "Connection refused");
  CHECK(race.start_due(kBegin) == 1u);
  CHECK(race.describe() == "192.0.2.1: Connection refused, 2001:db8::1: no answer yet, 192.0.2.3: not tried");
  CHECK(HappyEyeballs(endpoints(std::vector<std::string>(20, "192.0.2.1")), {}).describe().ends_with(" and 12 more"));
}

}  // namespace nightpost::net
