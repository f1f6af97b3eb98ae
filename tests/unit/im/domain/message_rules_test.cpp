#include "im/domain/message_rules.h"

#include <catch2/catch.hpp>

namespace nightpost::im {
namespace {

WallTime at(std::int64_t ms) { return wall_from_ms(ms); }

SendFacts send_facts() {
  return {.receiver_known = true, .receiver_has_targets = true, .head = Seq{4}, .last_at = at(100), .now = at(200)};
}

TEST_CASE("message rules: what becomes of a message that is sent", "[im][domain]") {
  struct Row {
    const char* name;
    void (*change)(SendFacts&);
    bool stored, hidden, counts, intent;
  };
  const Row row = GENERATE(values<Row>({
      {"plain", [](SendFacts&) {}, true, false, true, true},
      {"nobody to push to", [](SendFacts& f) { f.receiver_has_targets = false; }, true, false, true, false},
      {"push disabled", [](SendFacts& f) { f.push_disabled = true; }, true, false, true, false},
      {"not counted", [](SendFacts& f) { f.no_unread = true; }, true, false, false, true},
      {"online only", [](SendFacts& f) { f.online_only = true; }, false, false, false, false},
      {"blacklisted", [](SendFacts& f) { f.blacklisted = true; }, true, true, false, false},
      {"blacklisted, online only", [](SendFacts& f) { f.blacklisted = f.online_only = true; }, false, true, false,
       false},
      {"to oneself", [](SendFacts& f) { f.to_self = true, f.receiver_known = false; }, true, false, false, false},
  }));
  CAPTURE(row.name);
  SendFacts given = send_facts();
  row.change(given);
  const auto plan = decide_send(given, {});
  REQUIRE(plan);
  CHECK(plan->stored == row.stored);
  CHECK(plan->hidden == row.hidden);
  CHECK(plan->counts == row.counts);
  CHECK(plan->intent == row.intent);
  CHECK(plan->seq == Seq{row.stored ? 5 : 0});
  CHECK(plan->at == at(200));
}

TEST_CASE("message rules: a clock that was put back does not put a message before the last one", "[im][domain]") {
  SendFacts given = send_facts();
  given.now = at(50);
  CHECK(decide_send(given, {})->at == at(100));
}

TEST_CASE("message rules: refusals of a send, in order", "[im][domain]") {
  SendFacts given = send_facts();
  given.blacklisted = true;
  CHECK(decide_send(given, {.blacklist_silent = false}).error().code == Code::Blacklisted);
  given.silenced_until = at(201);
  CHECK(decide_send(given, {}).error().code == Code::Silenced);
  given.silenced_until = at(200);
  CHECK(decide_send(given, {}));
  given.silenced_until = at(201);
  given.receiver_known = false;
  CHECK(decide_send(given, {.blacklist_silent = false}).error().code == Code::ReceiverUnknown);
  CHECK(decide_send(given, {}).error().code == Code::ReceiverUnknown);
}

TEST_CASE("message rules: a recall", "[im][domain]") {
  constexpr milliseconds kWindow{120'000};
  const RecallFacts good{.visible = true,
                         .mine = true,
                         .counts = true,
                         .seq = Seq{5},
                         .receiver_read = Seq{4},
                         .at = at(1'000),
                         .now = at(121'000)};
  SECTION("lowers what has not been read") {
    const auto plan = decide_recall(good, kWindow);
    REQUIRE(plan);
    CHECK_FALSE(plan->repeated);
    CHECK(plan->tell_receiver);
    CHECK(plan->unread_less == 1);
  }
  SECTION("lowers nothing that was read, is not counted or is hidden") {
    for (const int which : {0, 1, 2}) {
      RecallFacts given = good;
      if (which == 0) given.receiver_read = Seq{5};
      if (which == 1) given.counts = false;
      if (which == 2) given.hidden = true;
      const auto plan = decide_recall(given, kWindow);
      REQUIRE(plan);
      CHECK(plan->unread_less == 0);
      CHECK(plan->tell_receiver == (which != 2));
    }
  }
  SECTION("is refused a moment after its window, and not on a repeat") {
    RecallFacts given = good;
    given.now += milliseconds(1);
    CHECK(decide_recall(given, kWindow).error().code == Code::RecallTooLate);
    given.recalled = true;
    CHECK(decide_recall(given, kWindow)->repeated);
    given.mine = false;
    CHECK(decide_recall(given, kWindow).error().code == Code::NotTheSender);
    given.visible = false;
    CHECK(decide_recall(given, kWindow).error().code == Code::MessageUnknown);
  }
}

TEST_CASE("message rules: a read mark only advances, up to the head", "[im][domain]") {
  CHECK(advanced_read(Seq{3}, Seq{9}, std::nullopt) == Seq{9});
  CHECK(advanced_read(Seq{3}, Seq{9}, Seq{5}) == Seq{5});
  CHECK(advanced_read(Seq{3}, Seq{9}, Seq{2}) == Seq{3});
  CHECK(advanced_read(Seq{3}, Seq{9}, Seq{-1}) == Seq{3});
  CHECK(advanced_read(Seq{3}, Seq{9}, Seq{1'000}) == Seq{9});
  CHECK(advanced_read(Seq{0}, Seq{0}, Seq{1}) == Seq{0});
}

}  // namespace
}  // namespace nightpost::im
