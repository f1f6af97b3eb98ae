// From a record to known devices: what is asked, and how each record ends whose devices never become known.
#include "dispatch/intake.h"

#include <catch2/catch.hpp>

#include "planning_bed.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::event_for;
using nightpost::testing::PlanningBed;
using Names = std::vector<std::string>;

TEST_CASE("intake: a batch is one question, and each event is ready with its receivers", "[dispatch][intake]") {
  PlanningBed bed;
  for (const char* user : {"a", "b", "c"}) bed.world.add(user);
  bed.accept(event_for({"a", "b"}));
  bed.accept(event_for({"c"}));
  CHECK(bed.world.finds == 0);
  bed.intake.ask();
  bed.intake.ask();
  CHECK(bed.world.finds == 1);
  CHECK(bed.plan() == Names{"a-phone", "b-phone", "c-phone"});
}

TEST_CASE("intake: no question where a rule or the record ends it", "[dispatch][intake]") {
  struct Row {
    const char* what;
    std::function<void(nlohmann::json&)> change;
    std::size_t outcomes, letters;
    const char* rule;
  };
  const auto row = GENERATE(values<Row>({
      {"disabled", [](auto& event) { event["push"] = {{"disabled", true}}; }, 2, 0, "push_disabled"},
      {"expired", [](auto& event) { event["expires_at"] = nightpost::testing::kNowMs; }, 2, 0, "expired"},
      {"without a receiver", [](auto& event) { event["to"] = nlohmann::json::array(); }, 0, 1, "malformed"},
      {"without an id", [](auto& event) { event.erase("event_id"); }, 0, 1, "malformed"},
      {"of an unknown kind", [](auto& event) { event["kind"] = "party"; }, 0, 1, "malformed"},
      {"too big", [](auto& event) { event["message"]["id"] = std::string(2'000, 'x'); }, 0, 1, "event_too_big"},
  }));
  CAPTURE(row.what);
  PlanningBed bed;
  bed.options.event_bytes_max = 1'500;
  nlohmann::json event = event_for({"a", "b"});
  row.change(event);
  Intake small(bed.options, bed.now, bed.world, bed.policy, bed.events, bed.open_pushes, bed.recalls, bed.planner,
               bed.timers, bed.turn, bed.world.metrics, bed);
  const std::string text = event.dump();
  small.accept({.record_id = RecordId{1}, .key = "k", .value = text});
  small.ask();
  CHECK(bed.world.finds == 0);
  CHECK(bed.world.outcomes.size() == row.outcomes);
  for (const auto& outcome : bed.world.outcomes) CHECK(outcome["rule"] == row.rule);
  REQUIRE(bed.world.letters.size() == row.letters);
  for (const auto& letter : bed.world.letters) CHECK(letter.reason == row.rule);
  CHECK(bed.world.released.size() == 1);
  CHECK(bed.events.open() == 0);
  CHECK(bed.events.receivers_unplanned(Audience::Few) == 0);
}

TEST_CASE("intake: where the directory fails it is asked again, then put off, until its time is over",
          "[dispatch][intake]") {
  PlanningBed bed;
  bed.world.add("a");
  bed.world.store_down = Error{Errc::Io, "disk"};
  bed.accept(event_for({"a"}));
  bed.intake.ask();
  OpenEvent& open = [&]() -> OpenEvent& {
    const auto rings = bed.rings();
    REQUIRE(rings.size() == 1);
    return *bed.events.find(rings[0].second);
  }();
  REQUIRE(open.state == OpenEvent::State::AskAgain);
  SECTION("not before its time") {
    REQUIRE(open.lookup_at > bed.now.mono);
    bed.intake.wake(open);
    bed.intake.ask();
    CHECK(bed.world.finds == 1);
  }
  SECTION("and found then") {
    bed.world.store_down.reset();
    bed.go_to(open.lookup_at);
    bed.intake.wake(open);
    bed.intake.ask();
    CHECK(bed.plan() == Names{"a-phone"});
  }
  SECTION("too often") {
    for (int i = 1; i < bed.options.attempts_max; ++i) {
      bed.go_to(open.lookup_at);
      bed.intake.wake(open);
      bed.intake.ask();
    }
    CHECK(bed.world.finds == bed.options.attempts_max);
    CHECK(bed.world.outcomes.at(0)["rule"] == "store_unavailable");
    CHECK(bed.world.outcomes[0]["outcome"] == "retrying");
    REQUIRE(bed.world.deferrals.size() == 1);
    const auto remainder = read_remainder(bed.world.deferrals[0].remainder);
    REQUIRE(remainder);
    CHECK(remainder->left == std::vector<ReceiverLeft>{{"a", {}}});
    CHECK(bed.events.open() == 0);
  }
  SECTION("for too long") {
    bed.pass(bed.options.retry_for);
    bed.intake.wake(open);
    CHECK(bed.world.outcomes.at(0)["rule"] == "store_unavailable");
    CHECK(bed.world.letters.size() == 1);
    CHECK(bed.events.open() == 0);
  }
}

TEST_CASE("intake: an answer that comes late or does not fit", "[dispatch][intake]") {
  PlanningBed bed;
  bed.world.add("a");
  bed.world.store_slow = true;
  bed.accept(event_for({"a"}));
  bed.intake.ask();
  const auto rings = bed.rings();
  REQUIRE(rings.size() == 1);
  CHECK(rings[0].first == bed.options.retry_for);  // or its window ends
  OpenEvent& open = *bed.events.find(rings[0].second);
  const Intake::Asked asked{.event = open.tag, .receivers = 1};
  SECTION("after the event was given up") {
    bed.pass(bed.options.retry_for);
    bed.intake.wake(open);
    CHECK(bed.world.outcomes.size() == 1);
    bed.world.answer_store();
    CHECK(bed.world.outcomes.size() == 1);
    CHECK(bed.plan().empty());
  }
  SECTION("twice") {
    bed.world.answer_store();
    CHECK(bed.plan() == Names{"a-phone"});
    bed.intake.on_found(std::span(&asked, 1), std::vector<std::shared_ptr<const Receiver>>(1));
    CHECK(bed.plan().empty());
    CHECK(bed.world.outcomes.empty());
  }
  SECTION("for another number of receivers: as if it had failed") {
    bed.intake.on_found(std::span(&asked, 1), std::vector<std::shared_ptr<const Receiver>>(2));
    CHECK(open.state == OpenEvent::State::AskAgain);
  }
  SECTION("that could not read this one: as if it had failed") {
    bed.intake.on_found(std::span(&asked, 1), std::vector<std::shared_ptr<const Receiver>>(1));
    CHECK(open.state == OpenEvent::State::AskAgain);
    CHECK(open.receivers.empty());
  }
  SECTION("for nobody, of an app that is none") {
    bed.world.app_known = false;
    bed.intake.on_found(std::span(&asked, 1), std::vector{std::make_shared<const Receiver>()});
    CHECK(bed.world.outcomes.at(0)["rule"] == "unknown_app");
    CHECK(bed.events.open() == 0);
  }
}

TEST_CASE("intake: a directory that throws ends the events it was asked for, and no others", "[dispatch][intake]") {
  PlanningBed bed;
  bed.world.add("a");
  bed.world.throws_in = "find";
  bed.accept(event_for({"a"}));
  bed.intake.ask();
  CHECK(bed.world.outcomes.at(0)["rule"] == "internal_error");
  CHECK(bed.world.released.size() == 1);
  bed.world.throws_in.clear();
  bed.accept(event_for({"a"}));
  bed.intake.ask();
  CHECK(bed.plan() == Names{"a-phone"});
}

TEST_CASE("intake: receivers of a bulk event are asked for a part a call", "[dispatch][intake][bulk]") {
  PlanningBed bed;
  bed.options.bulk_receivers_min = 5;
  bed.turn = BulkTurn(3);
  Names users, phones;
  for (int i = 0; i < 8; ++i) {
    bed.world.add(users.emplace_back("m" + std::to_string(i)));
    phones.push_back(users.back() + "-phone");
  }
  nlohmann::json event = event_for({});
  for (const std::string& user : users) event["to"].push_back({{"user_id", user}});
  bed.accept(event);
  bed.world.add("solo");
  const auto next_call = [&] {
    bed.turn.begin();
    bed.intake.ask();
  };
  SECTION("those of others are not") {
    bed.accept(event_for({"solo"}));
    next_call();
    CHECK(bed.world.finds == 2);
    CHECK(bed.turn.was_cut());
    CHECK(bed.plan() == Names{"solo-phone"});
    next_call();
    CHECK(bed.turn.was_cut());
    bed.turn.begin();
    CHECK(bed.plan().empty());
    next_call();
    CHECK_FALSE(bed.turn.was_cut());
    CHECK(bed.world.finds == 4);
    next_call();
    CHECK(bed.world.finds == 4);
  }
  SECTION("and answered late") {
    bed.world.store_slow = true;
    for (int i = 0; i < 4; ++i) next_call();
    CHECK(bed.world.finds == 3);
    bed.world.answer_store();
  }
  SECTION("and one that fails makes all be asked for again, without what the others say then") {
    next_call();
    bed.world.store_slow = true;
    next_call();  // answered once all are asked for again
    bed.world.store_slow = false;
    bed.world.store_down = Error{Errc::Io, "disk"};
    next_call();
    bed.world.store_down.reset();
    const auto rings = bed.rings();
    OpenEvent& open = *bed.events.find(rings.at(0).second);
    REQUIRE(open.state == OpenEvent::State::AskAgain);
    bed.pass(std::chrono::ceil<milliseconds>(open.lookup_at - bed.now.mono));
    bed.intake.wake(open);
    next_call();
    bed.world.answer_store();
    next_call();
    bed.turn.begin();
    CHECK(bed.plan().empty());
    CHECK(open.state == OpenEvent::State::Looking);
    next_call();
    CHECK(bed.world.finds == 6);
  }
  bed.turn = BulkTurn(100);
  CHECK(bed.plan() == phones);
}

TEST_CASE("intake: a bulk event of many numbers is many requests where badges show", "[dispatch][intake][bulk]") {
  PlanningBed bed;
  bed.options.bulk_receivers_min = 128;
  struct Row {
    int receivers, numbers, weight;
  };
  const Row row = GENERATE(values<Row>({{128, 1, 1}, {128, 2, 1}, {128, 64, 32}, {128, 128, 64}, {127, 127, 1}}));
  nlohmann::json event = event_for({});
  for (int i = 0; i < row.receivers; ++i)
    event["to"].push_back({{"user_id", "m" + std::to_string(i)}, {"unread", i % row.numbers}});
  bed.accept(event);
  bed.world.store_slow = true;
  bed.intake.ask();
  const auto rings = bed.rings();
  REQUIRE_FALSE(rings.empty());
  CHECK(int(bed.events.find(rings.at(0).second)->badge_weight) == row.weight);
}
