// What one answer does to its push and its credential. How answers are judged is policy_test's and pacer_test's.
#include "dispatch/replies.h"

#include <catch2/catch.hpp>

#include "sending_bed.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::SendingBed;

namespace {

struct InTheAir : SendingBed {
  Push& only = push();
  explicit InTheAir(const Options& with = {}) : SendingBed(with) {
    attempts.attempt(only);
    REQUIRE(world.sent.size() == 1);
  }
  void retry() {
    only.state = Push::State::Due;
    attempts.attempt(only);
  }
};

}  // namespace

TEST_CASE("replies: the push ends, or is tried again", "[dispatch][replies]") {
  struct Row {
    int status;
    const char* body;
    const char* rule;  // empty: it goes on
    bool removed;
  };
  const auto row = GENERATE(values<Row>({
      {200, "id", "accepted", false},
      {400, "PayloadEmpty", "vendor_rejected", false},
      {400, "BadDeviceToken", "token_suspect", false},
      {404, "BadPath", "vendor_misconfigured", false},
      {410, "Unregistered", "token_gone", true},
      {410, "Unregistered 5", "token_newer", false},
      {451, "Policy", "vendor_suppressed", false},
      {403, "Forbidden", "credential_bad", false},
      {403, "Expired", "", false},
      {429, "Token", "", false},
      {429, "Credential 9", "", false},
      {500, "Internal", "", false},
  }));
  CAPTURE(row.status, row.body);
  InTheAir bed;
  bed.world.answer(row.status, row.body);
  const bool over = row.rule[0] != '\0';
  CHECK(bed.pushes.open() == (over ? 0 : 1));
  if (over) CHECK(bed.only_rule() == row.rule);
  CHECK(bed.world.removed.size() == (row.removed ? 1 : 0));
  CHECK(bed.slots.in_flight() == (row.status == 403 && !over ? 1 : 0));  // replayed with a new grant
}

TEST_CASE("replies: to nothing in the air are ignored", "[dispatch][replies]") {
  InTheAir bed;
  Reply reply{.response = HttpResponse{.status = 200}};
  bed.replies.on_push(4711, reply);
  CHECK(bed.world.outcomes.empty());
  bed.world.answer(500);
  bed.world.answer(200);  // a second answer to one send
  CHECK(bed.world.outcomes.empty());
  CHECK(bed.slots.in_flight() == 0);
}

TEST_CASE("replies: a connection that complains or says goodbye is left", "[dispatch][replies]") {
  InTheAir bed;
  SECTION("throttled") {
    bed.world.answer(429, "Connection");
    CHECK(bed.world.left == std::vector<std::uint64_t>{3});
  }
  SECTION("left by the room's wish") {
    bed.world.answer(403, "Forbidden");
    CHECK(bed.world.left.size() == 1);
  }
  SECTION("not for a token's sake") {
    bed.world.answer(429, "Token");
    CHECK(bed.world.left.empty());
  }
}

TEST_CASE("replies: unsent while its credential is left alone: as if never handed over", "[dispatch][replies]") {
  InTheAir bed;
  SECTION("the breaker is open") {
    bed.pacer().refuse(Probe::None, "Forbidden", "", bed.now.mono);
    bed.world.never_sent(0);
    CHECK(bed.only_rule() == "credential_breaker_open");
    CHECK(bed.world.outcomes[0]["attempt"] == 0);
  }
  SECTION("the breaker is open, and the event was handed back") {
    bed.pacer().refuse(Probe::None, "Forbidden", "", bed.now.mono);
    bed.events.hand_back([](RecordId) { return true; });
    bed.world.never_sent(0);
    CHECK(bed.world.outcomes.empty());
    CHECK(bed.world.released.empty());
    CHECK(bed.events.open() == 0);
  }
  SECTION("the breaker is closed: a failed attempt") {
    bed.world.never_sent(0);
    CHECK(bed.only.progress.attempts == 1);
    CHECK(bed.only.state == Push::State::Waiting);
  }
  SECTION("something of it went out") {
    bed.pacer().refuse(Probe::None, "Forbidden", "", bed.now.mono);
    bed.world.lose(Errc::ConnectionLost, false);
    CHECK(bed.only.progress.attempts == 1);
    CHECK(bed.only.state == Push::State::Waiting);
  }
}

TEST_CASE("replies: what may have been processed is repeated quickly once", "[dispatch][replies]") {
  InTheAir bed;
  bed.world.lose(Errc::Timeout, true);
  CHECK(bed.world.metrics.repeats_maybe_sent.read() == 1);
  bed.retry();
  bed.world.lose(Errc::Timeout, true);
  CHECK(bed.only_rule() == "unanswered");
  CHECK(bed.world.deferrals.size() == 1);
  CHECK(bed.world.metrics.repeats_maybe_sent.read() == 1);
}

TEST_CASE("replies: a dead token goes only while removals are not held", "[dispatch][replies]") {
  Options options;
  options.mass_removal_window = 2;
  InTheAir bed(options);
  bed.world.answer(410, "Unregistered");
  CHECK(bed.world.removed.size() == 1);
  bed.attempts.attempt(bed.push());
  bed.world.answer(410, "Unregistered");
  CHECK(bed.world.removed.size() == 1);
  CHECK(bed.world.outcomes.at(1)["rule"] == "removal_held");
  CHECK(bed.world.metrics.removals_held.read() == 1);
  RemovalBook& book = *bed.ledger.held_removals(bed.now.mono).at(0);
  const RemovalBook::News news = book.take();
  REQUIRE(news.kept.size() == 1);
  CHECK(news.kept[0] == held_removal_of(AppId{1400000001}, "vinson", *bed.world.users["vinson"].devices.data()));
  CHECK(news.code == "Unregistered");
  CHECK(news.where == RemovalBook::Heard::Answers);
  CHECK(news.last == bed.now.wall);
}

TEST_CASE("replies: what was registered since is not kept for a later removal", "[dispatch][replies]") {
  Options options;
  options.mass_removal_window = 1;
  InTheAir bed(options);
  bed.world.answer(410, "Unregistered 5");
  CHECK(bed.only_rule() == "removal_held");
  CHECK(bed.ledger.held_removals(bed.now.mono).at(0)->take().empty());
}

TEST_CASE("replies: a removal that fails is an outcome like others", "[dispatch][replies]") {
  InTheAir bed;
  const char* rule = "removal_failed";
  SECTION("the store is down") { bed.world.remove_error = Error{Errc::Io, "disk"}; }
  SECTION("the store throws") {
    bed.world.throws_in = "remove_token";
    rule = "internal_error";
  }
  SECTION("it was gone already") {
    bed.world.removes = false;
    rule = "token_already_removed";
  }
  bed.world.answer(410, "Unregistered");
  CHECK(bed.only_rule() == rule);
}

TEST_CASE("replies: a push waits for its token's removal, and only for that", "[dispatch][replies]") {
  InTheAir bed;
  bed.world.remove_slow = true;
  const std::uint64_t tag = bed.only.tag;
  bed.world.answer(410, "Unregistered");
  CHECK(bed.pushes.open() == 1);
  CHECK(bed.world.outcomes.empty());
  CHECK(bed.replies.removals_waiting() == 1);
  CHECK(bed.slots.in_flight() == 0);  // the request is over
  SECTION("answers and timers do not touch it") {
    bed.world.answer(200);
    bed.replies.on_removed(4711, true, {});
    bed.attempts.wake(bed.only);
    CHECK(bed.pushes.open() == 1);
    CHECK(bed.world.outcomes.empty());
    CHECK(bed.world.sent.size() == 1);
  }
  SECTION("its window ends meanwhile") {
    bed.now.mono = bed.only.window.end();
    bed.attempts.wake(bed.only);
    CHECK(bed.world.outcomes.empty());
  }
  bed.world.answer_store();
  CHECK(bed.only_rule() == "token_gone");
  CHECK(bed.world.outcomes[0]["code"] == "Unregistered");
  CHECK(bed.replies.removals_waiting() == 0);
  bed.replies.on_removed(tag, true, {});  // a second time
  CHECK(bed.world.outcomes.size() == 1);
}

TEST_CASE("replies: sent counts once an attempt, of which a byte went out", "[dispatch][replies]") {
  Push push;
  Replies::count_sent(push, {.response = fail(Errc::ConnectionLost, "refused")});
  CHECK(push.progress.sent == 0);
  Replies::count_sent(push, {.response = fail(Errc::ConnectionLost, "reset"), .written = true});
  CHECK(push.progress.sent == 1);
  Replies::count_sent(push, {.response = HttpResponse{.status = 200}});
  CHECK(push.progress.sent == 1);
  push.reached_wire = false;  // the next attempt
  Replies::count_sent(push, {.response = fail(Errc::Timeout, "no answer"), .maybe_sent = true});
  CHECK(push.progress.sent == 2);
}
