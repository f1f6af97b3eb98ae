// A vendor that is down for an hour, on manual time: what has not expired is delivered once it is back, without a herd,
// and meanwhile nothing of it stays in memory.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "support/dispatch_world.h"

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {

/// One event every four seconds for one shard, whose vendor is down from the beginning for an hour.
class Outage {
 public:
  static constexpr seconds kDown{3'600}, kArrive{4'200};

  Outage(Vendor vendor, bool reachable) : reachable_(reachable) {
    options_.jitter_seed = 7;
    options_.mass_removal_window = 1'000'000;
    world.routes[1]->certificate.vendor = vendor;
    world.add("vinson").devices[0].platform = vendor == Vendor::Apns ? Platform::Ios : Platform::Android;
    dispatcher_ = std::make_unique<Dispatcher>(options_, world, world, world, world, world.clock, world.metrics);
  }

  void run(seconds total) {
    constexpr milliseconds kStep{500};
    for (milliseconds now{0}; now < total; now += kStep) {
      if (now < kArrive && now % seconds(4) == milliseconds(0)) accept_event();
      take_due();
      while (dispatcher_->next_wakeup() && *dispatcher_->next_wakeup() <= world.clock.mono()) dispatcher_->wake();
      answer(now);
      collect(now);
      open_most = std::max(open_most, dispatcher_->events_open());
      world.clock.advance(kStep);
    }
  }

  testing::World world;
  std::size_t events = 0, open_most = 0, requests_down = 0;
  std::map<std::int64_t, std::size_t> requests_after;  // by second since the vendor is back
  std::map<std::string, int> accepted;                 // by event id
  milliseconds last_accepted{0};
  std::size_t waiting_at_end_of_outage = 0;
  std::size_t open() const { return dispatcher_->events_open() + topic_.size(); }

 private:
  struct Due {
    WallTime at;
    std::uint64_t order;
    std::string value, remainder;
    bool operator>(const Due& other) const { return std::pair(at, order) > std::pair(other.at, other.order); }
  };

  void accept(const std::string& value, const std::string& remainder) {
    const dispatch::Record record{RecordId{++records_}, "k", value, {}, remainder};
    dispatcher_->accept(std::span(&record, 1));
  }
  void accept_event() {
    nlohmann::json event = testing::event_for({"vinson"});
    event["event_id"] = "e" + std::to_string(++events);
    event["occurred_at"] = to_ms(world.clock.wall());
    event["expires_at"] = to_ms(world.clock.wall()) + 86'400'000;
    accept(event.dump(), "");
  }
  void take_due() {
    while (!topic_.empty() && topic_.top().at <= world.clock.wall()) {
      const Due due = topic_.top();
      topic_.pop();
      accept(due.value, due.remainder);
    }
  }
  void answer(milliseconds now) {
    const bool down = now < kDown;
    if (!down && waiting_at_end_of_outage == 0) waiting_at_end_of_outage = topic_.size();
    for (std::size_t i = 0; i < world.sent.size(); ++i) {
      if (down)
        ++requests_down;
      else
        ++requests_after[(now - kDown) / seconds(1)];
      if (!down)
        world.answer(200, "id", i);
      else if (reachable_)
        world.answer(503, "Busy", i);
      else
        world.never_sent(i);
    }
    world.sent.clear();
  }
  void collect(milliseconds now) {
    for (Deferral& each : std::exchange(world.deferrals, {}))
      topic_.push({each.due_at, ++order_, std::move(each.value), std::move(each.remainder)});
    for (const nlohmann::json& each : std::exchange(world.outcomes, {}))
      if (each["outcome"] == "accepted") {
        ++accepted[each["event_id"]];
        last_accepted = now;
      }
  }

  const bool reachable_;
  Options options_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> topic_;  // all tiers
  std::uint64_t records_ = 0, order_ = 0;
};

}  // namespace

TEST_CASE("sim: a vendor that is down for an hour delivers all once it is back, without a herd", "[sim][dispatcher]") {
  struct Row {
    const char* name;
    Vendor vendor;
    bool reachable;
    seconds late_most;  // after it is back
  };
  const auto row = GENERATE(values<Row>({
      {"503", Vendor::Honor, true, seconds(1'500)},
      {"unreachable", Vendor::Apns, false, seconds(1'500)},
      {"503, and wants to be left alone for a quarter of an hour", Vendor::Apns, true, seconds(5'400)},
  }));
  CAPTURE(row.name);
  Outage outage(row.vendor, row.reachable);
  outage.run(Outage::kDown + row.late_most);
  CHECK(outage.world.letters.empty());
  CHECK(outage.accepted.size() == outage.events);
  CHECK(std::ranges::all_of(outage.accepted, [](const auto& each) { return each.second == 1; }));
  CHECK(outage.open() == 0);
  CHECK(outage.waiting_at_end_of_outage > 850);
  CHECK(outage.open_most <= 20);                      // those of the last seconds
  CHECK(outage.requests_down <= 20 * outage.events);  // it is left alone
  std::size_t most = 0;
  for (const auto& [second, requests] : outage.requests_after) most = std::max(most, requests);
  CAPTURE(most);
  CHECK(most <= 30);  // in a second, of some 900 that wait
}
