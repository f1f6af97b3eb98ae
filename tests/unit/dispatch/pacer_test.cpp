// What a credential may have in the air, told by hand: requests, answers and times.
#include <catch2/catch.hpp>
#include <functional>

#include "pacer_bed.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::Bed;
using nightpost::testing::is_none;
using nightpost::testing::kConnection;
using nightpost::testing::May;

TEST_CASE("pacer: a new credential has few requests in the air until it is proven", "[dispatch][pacer]") {
  Bed bed;
  CHECK(bed.fill() == bed.options.credential_in_flight_first);
  CHECK(bed.may() == May::WaitForRoom);
  struct Row {
    const char* what;
    Verdict verdict;
    bool proof;
  };
  const auto row = GENERATE(values<Row>({
      {"accepted", Verdict::Accepted, true},
      {"a dead token", Verdict::TokenGone, true},
      {"a suspect token", Verdict::TokenSuspect, true},
      {"suppressed", Verdict::Suppressed, true},
      {"refused for its content", Verdict::Rejected, true},
      {"the vendor is down", Verdict::Transient, false},
      {"a setting is wrong", Verdict::Misconfigured, false},
      {"a stale grant", Verdict::AuthStale, false},
  }));
  CAPTURE(row.what);
  CHECK(is_none(bed.answer(row.verdict)));
  CHECK(bed.pacer.allowed() == (row.proof ? 8 : 4));
  CHECK(bed.fill() == (row.proof ? 5 : 1));
}

TEST_CASE("pacer: each proof doubles what is allowed, up to the limit", "[dispatch][pacer]") {
  Bed bed;
  bed.options.credential_in_flight_max = 100;
  for (const std::size_t allowed : {8, 16, 32, 64, 100, 100}) {
    bed.send();
    bed.answer(Verdict::Accepted);
    CHECK(bed.pacer.allowed() == allowed);
  }
  CHECK(bed.fill() == 100);
  CHECK(bed.pacer.room() == 0);
}

TEST_CASE("pacer: a limit below the first is the limit", "[dispatch][pacer]") {
  Bed bed;
  bed.options.credential_in_flight_max = 2;
  CHECK(bed.fill() == 2);
  bed.answer(Verdict::Accepted);
  CHECK(bed.fill() == 1);
}

TEST_CASE("pacer: requests being put together hold their places, the last one may get company", "[dispatch][pacer]") {
  Bed bed;
  for (int i = 0; i < 4; ++i) {
    CHECK(bed.may() == May::Go);
    bed.pacer.reserve();
  }
  CHECK(bed.may() == May::Go);  // into the last one
  CHECK(bed.pacer.room() == 0);
  bed.pacer.reserve();
  CHECK(bed.may() == May::WaitForRoom);
  for (int i = 0; i < 5; ++i) bed.pacer.unreserve();
  CHECK(bed.pacer.room() == 4);
}

TEST_CASE("pacer: only a refused credential opens the breaker", "[dispatch][pacer]") {
  struct Row {
    const char* what;
    std::function<Pacer::Decision(Bed&)> hear;
    bool opens;
  };
  const auto row = GENERATE(values<Row>({
      {"refused", [](Bed& bed) { return bed.answer(Verdict::CredentialBad); }, true},
      {"the connection's end blames it", [](Bed& bed) { return bed.fail(false, Next::Do::TripBreaker); }, true},
      {"stale for the second time",
       [](Bed& bed) {
         return bed.answer(Answer{.verdict = Verdict::AuthStale}, false, {.what = Next::Do::TripBreaker});
       },
       true},
      {"stale for the first time",
       [](Bed& bed) { return bed.answer(Answer{.verdict = Verdict::AuthStale}, false, {.what = Next::Do::Refresh}); },
       false},
      {"the vendor is down", [](Bed& bed) { return bed.answer(Verdict::Transient); }, false},
      {"no answer", [](Bed& bed) { return bed.fail(); }, false},
      {"one dead token", [](Bed& bed) { return bed.answer(Verdict::TokenGone); }, false},
      {"a setting is wrong", [](Bed& bed) { return bed.answer(Verdict::Misconfigured); }, false},
      {"a content nobody takes", [](Bed& bed) { return bed.answer(Verdict::Rejected); }, false},
      {"a token has too many", [](Bed& bed) { return bed.throttled(Scope::Token); }, false},
      {"throttled", [](Bed& bed) { return bed.throttled(Scope::Credential); }, false},
  }));
  CAPTURE(row.what);
  Bed bed;
  bed.send();
  const Pacer::Decision decision = row.hear(bed);
  CHECK(decision.open.has_value() == row.opens);
  CHECK(bed.pacer.breaker_admits(bed.now) != row.opens);
  if (row.opens) CHECK(*decision.open == bed.options.breaker_first);
}

TEST_CASE("pacer: while the breaker is open nothing goes, then one probe", "[dispatch][pacer]") {
  Bed bed;
  bed.send();
  bed.send();
  bed.send();
  const Answer refusal{.verdict = Verdict::CredentialBad, .code = "InvalidProviderToken", .meaning = "status 403"};
  CHECK(bed.answer(refusal, false, {.what = Next::Do::TripBreaker}).open == bed.options.breaker_first);
  CHECK(bed.pacer.refusal() == "InvalidProviderToken: status 403");
  CHECK(bed.may() == May::Stop);
  // What had left already: neither its refusal nor its proof says anything new.
  CHECK(is_none(bed.answer(Verdict::CredentialBad)));
  CHECK(is_none(bed.answer(Verdict::Accepted)));
  CHECK(bed.may() == May::Stop);
  bed.pass(bed.options.breaker_first - milliseconds(1));
  CHECK(bed.may() == May::Stop);
  bed.pass(milliseconds(1));
  REQUIRE(bed.may() == May::Go);
  CHECK(bed.send());
  CHECK(bed.may() == May::Stop);    // one
  CHECK(bed.may(true) == May::Go);  // its own replay
  SECTION("refused: open for twice as long") {
    CHECK(bed.answer(refusal, true, {.what = Next::Do::TripBreaker}).open == 2 * bed.options.breaker_first);
    bed.pass(2 * bed.options.breaker_first - milliseconds(1));
    CHECK(bed.may() == May::Stop);
    bed.pass(milliseconds(1));
    CHECK(bed.may() == May::Go);
  }
  SECTION("taken: closed, and few in the air") {
    const Pacer::Decision decision = bed.answer(Verdict::Accepted, true);
    CHECK(decision.closed);
    CHECK(bed.pacer.refusal().empty());
    CHECK(bed.fill() == bed.options.credential_in_flight_first);
  }
  SECTION("a late answer of before is not the probe's") {
    bed.pacer.sent(bed.now);
    CHECK(is_none(bed.answer(Verdict::Accepted, false)));
    CHECK(bed.may() == May::Stop);
  }
  SECTION("refreshed: still the probe") {
    CHECK(is_none(bed.answer(Answer{.verdict = Verdict::AuthStale}, true, {.what = Next::Do::Refresh})));
    CHECK(bed.may() == May::Stop);
    CHECK(bed.may(true) == May::Go);
    CHECK_FALSE(bed.send());
    CHECK(bed.answer(Verdict::Accepted, true).closed);
  }
  SECTION("its content was stored, so the credential is good") {
    CHECK(is_none(bed.pacer.content_stored(Probe::None, bed.now)));
    CHECK(bed.pacer.content_stored(bed.last, bed.now).closed);
    CHECK(is_none(bed.pacer.content_stored(bed.last, bed.now)));
  }
  SECTION("without a word: the next one a while later") {
    const auto lost = GENERATE(values<std::function<void(Bed&)>>({
        [](Bed& one) { one.fail(true); },
        [](Bed& one) { one.answer(Verdict::Transient, true); },
        [](Bed& one) { one.answer(Verdict::Misconfigured, true); },
        [](Bed& one) {
          one.pacer.answered();
          one.pacer.probe_lost(one.last, one.now);
        },
    }));
    lost(bed);
    bed.pass(bed.options.breaker_first - milliseconds(1));
    CHECK(bed.may() == May::Stop);
    bed.pass(milliseconds(1));
    CHECK(bed.may() == May::Go);
    CHECK(bed.send());
  }
}

TEST_CASE("pacer: whoever still holds a probe that has ended has no say and no leave", "[dispatch][pacer]") {
  Bed bed;
  bed.open();
  bed.pass(bed.options.breaker_first);
  REQUIRE(bed.send());
  const Probe old = bed.last;
  SECTION("refused: a replay of it does not go") {
    bed.answer(Verdict::CredentialBad, true);
    CHECK_FALSE(bed.pacer.is_probe(old));
    CHECK(bed.pacer.admit(old, 0, bed.now).may == May::Stop);
  }
  SECTION("another one is in the air: nothing of the old one ends it") {
    bed.pacer.probe_lost(old, bed.now);
    bed.pass(bed.options.breaker_first);
    REQUIRE(bed.send());
    CHECK(bed.last != old);
    CHECK(bed.pacer.admit(old, 0, bed.now).may == May::Stop);
    bed.pacer.probe_lost(old, bed.now);
    CHECK(is_none(bed.pacer.refuse(old, "x", "", bed.now)));
    CHECK(is_none(bed.pacer.content_stored(old, bed.now)));
    CHECK(bed.pacer.is_probe(bed.last));
    CHECK(bed.answer(Verdict::Accepted, true).closed);
  }
}

TEST_CASE("pacer: a grant that is refused opens the breaker, and is a probe that failed", "[dispatch][pacer]") {
  Bed bed;
  CHECK(bed.pacer.refuse(Probe::None, "unauthorized", "wrong secret", bed.now).open == bed.options.breaker_first);
  CHECK(bed.pacer.refusal() == "unauthorized: wrong secret");
  CHECK(is_none(bed.pacer.refuse(Probe::None, "unauthorized", "again", bed.now)));
  CHECK(bed.pacer.refusal() == "unauthorized: wrong secret");
  bed.pass(bed.options.breaker_first);
  const Probe probe = bed.pacer.begin_probe(bed.now);
  REQUIRE(probe != Probe::None);
  CHECK(bed.pacer.refuse(probe, "", "wrong secret", bed.now).open == 2 * bed.options.breaker_first);
  CHECK(bed.pacer.refusal() == "wrong secret");
}

TEST_CASE("pacer: stale grants are tried by few, each counts once", "[dispatch][pacer]") {
  Bed bed;
  for (int i = 0; i < 4; ++i) {
    bed.send();
    bed.answer(Verdict::Accepted);
  }
  REQUIRE(bed.pacer.allowed() == 64);
  for (int i = 0; i < 3; ++i) bed.send();
  const auto stale = [&](std::size_t grant) {
    bed.answer(Answer{.verdict = Verdict::AuthStale}, false, {.what = Next::Do::Refresh}, {}, kConnection, grant);
  };
  stale(0);
  CHECK(bed.pacer.allowed() == 4);
  bed.send();
  bed.answer(Verdict::Accepted);
  CHECK(bed.pacer.allowed() == 8);
  stale(0);  // the same one, sent before
  CHECK(bed.pacer.allowed() == 8);
  stale(1);
  CHECK(bed.pacer.allowed() == 4);
}

TEST_CASE("pacer: throttled", "[dispatch][pacer]") {
  Bed bed;
  bed.send();
  SECTION("as a whole: a pause, and what waits comes back once") {
    bed.send();
    bed.send();
    const Pacer::Decision decision = bed.throttled(Scope::Credential, 1, {}, seconds(5));
    CHECK(decision.pause == seconds(5));
    CHECK(bed.pacer.is_quiet(bed.now));
    CHECK(bed.may() == May::WaitForTime);
    CHECK(bed.may(true) == May::WaitForTime);  // not even a probe
    CHECK(bed.pacer.admit(Probe::None, 0, bed.now).at == bed.now + seconds(5));
    // The rest of what was in the air is the same complaint, but may name a longer pause.
    CHECK(is_none(bed.throttled(Scope::Credential, 1, {}, seconds(7))));
    CHECK(is_none(bed.throttled(Scope::Credential, 1, {}, seconds(2))));
    bed.pass(seconds(7) - milliseconds(1));
    CHECK(bed.may() == May::WaitForTime);
    bed.pass(milliseconds(1));
    CHECK(bed.fill() == bed.options.credential_in_flight_first);
  }
  SECTION("again and again: twice as long each time, one request, up to the limit") {
    for (const auto wait : {1'000, 2'000, 4'000, 8'000, 8'000}) {
      CHECK(bed.throttled(Scope::Credential).pause == milliseconds(wait));
      bed.pass(milliseconds(wait) - milliseconds(1));
      CHECK(bed.may() == May::WaitForTime);
      bed.pass(milliseconds(1));
      CHECK(bed.fill() == (wait == 1'000 ? bed.options.credential_in_flight_first : 1));
      while (wait == 1'000 && bed.pacer.room() + 1 < bed.options.credential_in_flight_first) bed.fail();
    }
    // A proof forgets it.
    bed.answer(Verdict::Accepted);
    CHECK(bed.fill() == 2);
    CHECK(bed.throttled(Scope::Credential).pause == milliseconds(1'000));
  }
  SECTION("a connection: another one is tried, at the second it is the credential") {
    CHECK(is_none(bed.throttled(Scope::Connection, 1)));
    CHECK(bed.may() == May::Go);
    bed.send();
    CHECK(bed.throttled(Scope::Connection, 2).pause == milliseconds(2'000));
    CHECK(bed.may() == May::WaitForTime);
  }
  SECTION("a connection, for what was sent on it before it said so: one complaint") {
    const MonoTime sent_at = bed.now - seconds(1);
    bed.send();
    bed.send();
    CHECK(is_none(bed.throttled(Scope::Connection, 1, sent_at)));
    CHECK(is_none(bed.throttled(Scope::Connection, 1, sent_at)));
    CHECK(is_none(bed.throttled(Scope::Connection, 1, sent_at)));
    bed.send();
    CHECK(bed.throttled(Scope::Connection, 1, bed.now).pause.has_value());
  }
  SECTION("a connection, and a proof in between: no row") {
    CHECK(is_none(bed.throttled(Scope::Connection, 1)));
    bed.send();
    bed.answer(Verdict::Accepted);
    bed.send();
    CHECK(is_none(bed.throttled(Scope::Connection, 2)));
  }
  SECTION("a token: nobody else's business") {
    CHECK(is_none(bed.throttled(Scope::Token, 1, {}, seconds(60))));
    CHECK(bed.may() == May::Go);
    CHECK(bed.pacer.allowed() == bed.options.credential_in_flight_first);
  }
  SECTION("longer than we believe") {
    bed.options.retry_after_max = seconds(9);
    CHECK(bed.throttled(Scope::Credential, 1, {}, std::chrono::hours(48)).pause == seconds(9));
  }
  SECTION("for less than nothing") {
    CHECK(bed.throttled(Scope::Credential, 1, {}, seconds(-5)).pause == milliseconds(1'000));
  }
  SECTION("a day's quota is believed") {
    bed.options.retry_after_max = seconds(9);
    const Answer day{.verdict = Verdict::Throttled,
                     .retry_after = std::chrono::hours(11),
                     .scope = Scope::Credential,
                     .rest_of_day = true};
    CHECK(bed.answer(day).pause == std::chrono::hours(11));
  }
  SECTION("at least until the push's own repeat") {
    const Answer answer{.verdict = Verdict::Throttled, .scope = Scope::Credential};
    const Next next{.what = Next::Do::PauseThenRetry, .at = bed.now + seconds(6)};
    CHECK(bed.answer(answer, false, next).pause == seconds(6));
  }
  SECTION("and refused in one answer for many: both, few in the air") {
    Pacer::Feedback feedback;
    const Answer full{.verdict = Verdict::Throttled, .scope = Scope::Credential};
    const Answer refused{.verdict = Verdict::CredentialBad};
    bed.pacer.answered();
    bed.pacer.count_answer(feedback, full, {}, nullptr, bed.now);
    bed.pacer.count_answer(feedback, refused, {.what = Next::Do::TripBreaker}, nullptr, bed.now);
    const Pacer::Decision decision = bed.pacer.conclude(feedback, Probe::None, 1, bed.now, bed.now);
    CHECK(decision.pause.has_value());
    CHECK(decision.open.has_value());
    CHECK(feedback.refusal == &refused);
    CHECK(feedback.complaint == &full);
  }
}

TEST_CASE("pacer: a quota is a minute's, from its first request on", "[dispatch][pacer]") {
  Bed bed;
  bed.quota = 3;
  for (int i = 0; i < 3; ++i) {
    CHECK(bed.may() == May::Go);
    bed.send();
    bed.answer(Verdict::Accepted);
  }
  CHECK(bed.may() == May::WaitForTime);
  CHECK(bed.pacer.admit(Probe::None, bed.quota, bed.now).at == bed.now + std::chrono::minutes(1));
  CHECK_FALSE(bed.pacer.is_quiet(bed.now));
  CHECK_FALSE(bed.pacer.is_idle(bed.now));
  bed.pass(std::chrono::minutes(1) - milliseconds(1));
  CHECK(bed.may() == May::WaitForTime);
  bed.pass(milliseconds(1));
  CHECK(bed.may() == May::Go);
  bed.pacer.reserve();
  bed.pacer.reserve();
  CHECK(bed.may() == May::Go);
  bed.pacer.reserve();
  CHECK(bed.may() == May::WaitForTime);  // those being put together will count
}

TEST_CASE("pacer: of a quota only our share, and at least one", "[dispatch][pacer]") {
  struct Row {
    std::size_t quota;
    double share;
    std::size_t ours;
  };
  const auto row = GENERATE(values<Row>({{10, 1, 10}, {10, 0.5, 5}, {10, 0.25, 2}, {10, 0.01, 1}, {1, 0.5, 1}}));
  Bed bed;
  bed.options.quota_share = row.share;
  bed.quota = row.quota;
  std::size_t sent = 0;
  for (; bed.may() == May::Go; ++sent) {
    bed.send();
    bed.answer(Verdict::Accepted);
  }
  CHECK(sent == row.ours);
}

TEST_CASE("pacer: too many dead tokens hold removals, and stop nothing else", "[dispatch][pacer]") {
  Bed bed;
  const std::size_t window = bed.options.mass_removal_window;
  const auto count = [&](Verdict verdict) {
    bed.send();
    bed.pacer.answered();
    Pacer::Feedback feedback;
    const Answer answer{.verdict = verdict, .code = "Unregistered"};
    bed.pacer.count_answer(feedback, answer, {}, nullptr, bed.now);
    const Pacer::Decision decision = bed.pacer.conclude(feedback, Probe::None, 1, bed.now, bed.now);
    CHECK(is_none(decision));
    return decision.removals == RemovalGuard::Change::Held;
  };
  for (std::size_t i = 1; i < window; ++i) CHECK_FALSE(count(Verdict::TokenGone));
  for (std::size_t i = 0; i < window; ++i) CHECK_FALSE(count(Verdict::TokenSuspect));  // is not dead
  CHECK_FALSE(bed.pacer.holds_removals(bed.now));
  CHECK(count(Verdict::TokenGone));
  CHECK(bed.pacer.holds_removals(bed.now));
  CHECK(bed.pacer.refusal().empty());
  CHECK_FALSE(count(Verdict::TokenGone));  // told once
  CHECK(bed.may() == May::Go);
  CHECK_FALSE(bed.send());  // no probe
  bed.answer(Verdict::Accepted);
  CHECK(bed.pacer.holds_removals(bed.now));
  SECTION("until a period is over") { bed.pass(bed.options.mass_removal_period); }
  SECTION("until enough live") { bed.answer(Verdict::Accepted); }
  CHECK_FALSE(bed.pacer.holds_removals(bed.now));
}

TEST_CASE("pacer: what the vendor took in part is no proof that tokens live", "[dispatch][pacer]") {
  Bed bed;
  const auto say = [&](const Answer& answer) {
    bed.send();
    bed.pacer.answered();
    Pacer::Feedback feedback;
    for (std::size_t i = 0; i < bed.options.mass_removal_window; ++i)
      bed.pacer.count_answer(feedback, answer, {}, nullptr, bed.now);
    bed.pacer.conclude(feedback, Probe::None, 1, bed.now, bed.now);
    return bed.pacer.holds_removals(bed.now);
  };
  CHECK(say({.verdict = Verdict::TokenGone}));
  CHECK(say({.verdict = Verdict::Accepted, .in_part = true}));
  CHECK_FALSE(say({.verdict = Verdict::Accepted}));
}

TEST_CASE("pacer: a share of dead tokens below the limit changes nothing", "[dispatch][pacer]") {
  Bed bed;
  for (int i = 0; i < 200; ++i) {
    bed.send();
    CHECK(is_none(bed.answer(i % 4 == 3 ? Verdict::TokenGone : Verdict::Accepted)));
  }
  CHECK_FALSE(bed.pacer.holds_removals(bed.now));
}

TEST_CASE("pacer: is idle only while nothing hangs on it", "[dispatch][pacer]") {
  struct Row {
    const char* what;
    std::function<void(Bed&)> happens;
    bool idle;
  };
  const auto row = GENERATE(values<Row>({
      {"nothing", [](Bed&) {}, true},
      {"a request in the air", [](Bed& bed) { bed.send(); }, false},
      {"one being put together", [](Bed& bed) { bed.pacer.reserve(); }, false},
      {"an open breaker", [](Bed& bed) { bed.open(); }, false},
      {"a probe without an end",
       [](Bed& bed) {
         bed.open();
         bed.pass(bed.options.breaker_first);
         bed.send();
         bed.pacer.answered();
       },
       false},
      {"a breaker that may be probed",
       [](Bed& bed) {
         bed.open();
         bed.pass(bed.options.breaker_first);
       },
       true},
      {"a pause",
       [](Bed& bed) {
         bed.send();
         bed.throttled(Scope::Credential);
       },
       false},
      {"a pause that is over",
       [](Bed& bed) {
         bed.send();
         bed.throttled(Scope::Credential);
         bed.pass(bed.options.backoff_max);
       },
       true},
      {"a quota's minute",
       [](Bed& bed) {
         bed.quota = 5;
         bed.may();
       },
       false},
      {"all answered",
       [](Bed& bed) {
         bed.send();
         bed.answer(Verdict::Accepted);
       },
       true},
  }));
  CAPTURE(row.what);
  Bed bed;
  row.happens(bed);
  CHECK(bed.pacer.is_idle(bed.now) == row.idle);
}
