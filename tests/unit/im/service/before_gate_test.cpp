// The lines of requests that apps' servers are asked about: in order, bounded, each over once.
#include "im/service/before_gate.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace nightpost::im {
namespace {

const AppId kOneApp{1}, kTwoApp{2};

struct GateBed {
  BeforeGateMetrics metrics;
  BeforeWishes wishes{.wanted = {}, .parked_max = 6, .line_max = 2};
  std::unique_ptr<BeforeGate> gate = std::make_unique<BeforeGate>(wishes, &metrics);
  struct Request {
    AppId app;
    std::string line;
    int number = 0;
    bool begun = false, refused = false;
    BeforeGate::Pass pass{};
  };
  std::map<int, Request> all;
  std::map<std::pair<std::int64_t, std::string>, int> last_begun;
  int next = 0;

  bool enter(AppId app, const std::string& line) {
    const int number = ++next;
    all.emplace(number, Request{.app = app, .line = line, .number = number});
    const bool in = gate->enter(app, line, [this, number](Answer<BeforeGate::Pass> pass) {
      Request& mine = all.at(number);
      CHECK_FALSE(mine.begun);
      CHECK_FALSE(mine.refused);
      if (!pass) {
        mine.refused = true;
        return;
      }
      mine.begun = true;
      mine.pass = *std::move(pass);
      if (mine.line.empty()) return;
      int& last = last_begun[{mine.app.value, mine.line}];
      CHECK(number > last);  // as they came
      last = number;
    });
    if (!in) all.erase(number);
    return in;
  }
  void leave(int number) { const auto gone = all.extract(number); }  // the next one begins in here
  /// So many of a line are at work.
  int at_work(AppId app, const std::string& line) const {
    int out = 0;
    for (const auto& [number, each] : all) out += each.app == app && each.line == line && each.begun ? 1 : 0;
    return out;
  }
};

}  // namespace

TEST_CASE("before gate: whatever comes and goes, a line has one at work and keeps its order",
          "[im][service][callbacks]") {
  const unsigned seed = GENERATE(range(1u, 40u));
  CAPTURE(seed);
  std::minstd_rand random(seed);
  GateBed bed;
  const std::vector<std::string> lines = {"a", "b", ""};
  for (int i = 0; i < 300; ++i) {
    const AppId app = random() % 2 == 0 ? kOneApp : kTwoApp;
    if (random() % 2 == 0) {
      const std::string& line = lines[random() % lines.size()];
      std::size_t parked = 0, of_line = 0;
      for (const auto& [number, each] : bed.all) {
        parked += each.app == app ? 1 : 0;
        of_line += each.app == app && each.line == line ? 1 : 0;
      }
      const bool room = parked < bed.wishes.parked_max && (line.empty() || of_line <= bed.wishes.line_max);
      CHECK(bed.enter(app, line) == room);
    } else {
      std::vector<int> working;
      for (const auto& [number, each] : bed.all)
        if (each.begun) working.push_back(number);
      if (!working.empty()) bed.leave(working[random() % working.size()]);
    }
    CHECK(bed.metrics.parked.read() == bed.all.size());
    for (const AppId each : {kOneApp, kTwoApp})
      for (const char* const line : {"a", "b"}) {
        bool any = false;
        for (const auto& [number, request] : bed.all) any = any || (request.app == each && request.line == line);
        CHECK(bed.at_work(each, line) == (any ? 1 : 0));
      }
  }
  for (bool found = true; found;) {
    found = false;
    for (const auto& [number, each] : bed.all)
      if (each.begun) {
        bed.leave(number);
        found = true;
        break;
      }
  }
  CHECK(bed.all.empty());  // nobody was left behind
  CHECK(bed.metrics.parked.read() == 0);
}

TEST_CASE("before gate: closed, it refuses who waits, and lets nobody in", "[im][service][callbacks]") {
  GateBed bed;
  for (int i = 0; i < 3; ++i) REQUIRE(bed.enter(kOneApp, "a"));
  REQUIRE(bed.enter(kOneApp, ""));
  bed.gate->close();
  CHECK(bed.all.at(1).begun);
  CHECK_FALSE(bed.all.at(1).refused);  // at work: its own to answer
  CHECK(bed.all.at(2).refused);
  CHECK(bed.all.at(3).refused);
  CHECK_FALSE(bed.enter(kOneApp, "b"));
  bed.leave(1);
  bed.leave(4);
  CHECK(bed.metrics.parked.read() == 0);
  bool told = false;
  bed.gate->ask({}, [&](Answer<BeforeVerdict> verdict) { told = !verdict; });
  CHECK(told);
}

TEST_CASE("before gate: a place may outlive it", "[im][service][callbacks]") {
  GateBed bed;
  REQUIRE(bed.enter(kOneApp, "a"));
  REQUIRE(bed.enter(kOneApp, "a"));
  bed.gate.reset();
  CHECK(bed.all.at(2).refused);
  bed.all.clear();
}

}  // namespace nightpost::im
