// A Dispatcher in its World, made at the first use so that a test may change the options before.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dispatch/remainder.h"
#include "support/dispatch_world.h"

namespace nightpost::testing {

using namespace nightpost::dispatch;
using nlohmann::json;

struct Fixture {
  World world;
  Options options;
  Tracer* tracer = nullptr;
  std::unique_ptr<Dispatcher> made;
  std::uint64_t record_ids = 0;
  std::string traceparent = kTraceparent;  // of the records to come

  Fixture() {
    options.jitter_seed = 1;
    options.quick_for = options.retry_for = std::chrono::minutes(2);        // tried in memory or not at all
    options.credential_in_flight_first = options.credential_in_flight_max;  // as if proven
    options.suspects_apart = milliseconds(0);
    options.bulk_turn_max = 1'000'000;            // a group is planned in one go
    options.slots_alpha = 1e9;                    // no place is kept for other signers
    options.silence = std::chrono::hours(1'000);  // a test may let answers wait
  }
  Dispatcher& dispatcher() {
    if (!made)
      made = std::make_unique<Dispatcher>(options, world, world, world, world, world.clock, world.metrics, nullptr,
                                          tracer);
    return *made;
  }
  RecordId accept(const std::string& value, const std::string& remainder = "", WallTime written_at = {}) {
    const RecordId record_id{++record_ids};
    const Record record{record_id, "the key", value, traceparent, remainder, written_at};
    dispatcher().accept(std::span(&record, 1));
    return record_id;
  }
  RecordId accept(const json& event) { return accept(event.dump()); }
  /// What was put off comes back; all of it, in order.
  void come_back() {
    for (const Deferral& each : std::exchange(world.deferrals, {})) accept(each.value, each.remainder);
  }
  void pass(milliseconds time) {
    const MonoTime until = world.clock.mono() + time;
    int at_once = 0;  // calls that it wants without a pause: it must do something in each
    while (const auto next = dispatcher().next_wakeup()) {
      if (*next > until) break;
      REQUIRE(++at_once < 10'000);
      if (*next > world.clock.mono()) {
        world.clock.advance(std::chrono::ceil<milliseconds>(*next - world.clock.mono()));
        at_once = 0;
      }
      dispatcher().wake();
    }
    world.clock.advance(std::chrono::ceil<milliseconds>(until - world.clock.mono()));
    dispatcher().wake();
  }
  /// Nothing is open, and each record has ended exactly once.
  bool all_over() {
    std::vector<RecordId> ended = world.released;
    ended.insert(ended.end(), world.handed_back.begin(), world.handed_back.end());
    std::ranges::sort(ended);
    for (std::uint64_t i = 0; i < record_ids; ++i)
      if (i >= ended.size() || ended[i] != RecordId{i + 1}) return false;
    return ended.size() == record_ids && dispatcher().events_open() == 0 && dispatcher().requests_in_flight() == 0;
  }
  /// Who is left, of the only event that was put off.
  Remainder only_remainder() {
    REQUIRE(world.deferrals.size() == 1);
    const auto read = read_remainder(world.deferrals.front().remainder);
    REQUIRE(read);
    return *read;
  }
  json only_outcome() {
    REQUIRE(world.outcomes.size() == 1);
    return world.outcomes.front();
  }
};

}  // namespace nightpost::testing
