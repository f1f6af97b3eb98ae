// A signer that falls and comes back, as the pacer of a certificate sees it: told by hand.
#include <catch2/catch.hpp>
#include <functional>

#include "pacer_bed.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::Bed;
using nightpost::testing::is_none;
using nightpost::testing::May;

TEST_CASE("pacer: a vendor that fails everything is tried by one request at a time", "[dispatch][pacer][health]") {
  struct Row {
    const char* what;
    std::function<Pacer::Decision(Bed&)> fails;
    bool counts;
  };
  const auto row = GENERATE(values<Row>({
      {"5xx", [](Bed& bed) { return bed.answer(Verdict::Transient); }, true},
      {"a connection lost", [](Bed& bed) { return bed.fail(false, Next::Do::Retry, Errc::ConnectionLost); }, true},
      {"a time-out", [](Bed& bed) { return bed.fail(); }, true},
      {"our own limit", [](Bed& bed) { return bed.fail(false, Next::Do::Retry, Errc::Overloaded); }, false},
      {"our own end", [](Bed& bed) { return bed.fail(false, Next::Do::Retry, Errc::ShuttingDown); }, false},
      {"dead tokens", [](Bed& bed) { return bed.answer(Verdict::TokenGone); }, false},
      {"refused contents", [](Bed& bed) { return bed.answer(Verdict::Rejected); }, false},
      {"wrong setups", [](Bed& bed) { return bed.answer(Verdict::Misconfigured); }, false},
      {"stale grants", [](Bed& bed) { return bed.answer(Verdict::AuthStale); }, false},
      {"one good one among them",
       [](Bed& bed) {
         bed.send();
         bed.answer(Verdict::Accepted);
         return bed.answer(Verdict::Transient);
       },
       false},
  }));
  CAPTURE(row.what);
  Bed bed;
  bed.options.failures_max = 5;
  bed.options.mass_removal_window = 1'000;
  bed.pacer = Pacer(bed.options, bed.signer);
  for (int i = 1; i <= 5; ++i) {
    bed.pass(milliseconds(10));
    bed.send();
    bed.send();
    const Pacer::Decision decision = row.fails(bed);
    CHECK(decision.fell.has_value() == (row.counts && i == 5));
    bed.pacer.answered();
  }
  if (!row.counts) {
    CHECK(bed.may() != May::Defer);
    return;
  }
  CHECK(bed.pacer.is_quiet(bed.now));
  const Pacer::Admission admission = bed.pacer.admit(Probe::None, 0, bed.now);
  CHECK(admission.may == May::Defer);
  CHECK(admission.rule == Rule::SignerFailing);
  CHECK(admission.at == bed.now + bed.options.probe_first);
  bed.pass(bed.options.probe_first);
  REQUIRE(bed.may() == May::Go);
  REQUIRE(bed.send());
  CHECK(bed.pacer.may_send(bed.last));
  CHECK(bed.may() == May::Defer);   // one
  CHECK(bed.may(true) == May::Go);  // its own replay
  SECTION("failed: the next one, later") {
    CHECK(is_none(bed.answer(Verdict::Transient, true)));
    bed.pass(2 * bed.options.probe_first - milliseconds(1));
    CHECK(bed.may() == May::Defer);
    bed.pass(milliseconds(1));
    CHECK(bed.may() == May::Go);
  }
  SECTION("lost without an answer: likewise") {
    bed.pacer.answered();
    bed.pacer.probe_lost(bed.last, bed.now);
    CHECK(bed.may() == May::Defer);
    bed.pass(2 * bed.options.probe_first);
    CHECK(bed.may() == May::Go);
  }
  SECTION("refused: the vendor answers, and the breaker is open") {
    const Pacer::Decision decision = bed.answer(Verdict::CredentialBad, true);
    CHECK(decision.recovered);
    CHECK(decision.open);
    CHECK(bed.may() == May::Stop);
  }
  SECTION("throttled: it answers, and wants a pause") {
    CHECK(bed.answer(Answer{.verdict = Verdict::Throttled, .scope = Scope::Credential}, true).recovered);
    CHECK(bed.may() == May::WaitForTime);
  }
  SECTION("taken: back, and few at once") {
    CHECK(bed.answer(Verdict::Accepted, true).recovered);
    CHECK_FALSE(bed.pacer.is_probe(bed.last));
    // The proof has doubled what a recovery leaves, for the certificate and for its signer.
    CHECK(bed.fill() <= 2 * bed.options.credential_in_flight_first);
  }
  SECTION("an answer to what left before: likewise, and the probe is none any more") {
    bed.pacer.sent(bed.now);
    CHECK(bed.answer(Verdict::Accepted, false).recovered);
    CHECK_FALSE(bed.answer(Verdict::Transient, true).fell);
    CHECK(bed.may() == May::Go);
  }
}

TEST_CASE("pacer: a breaker's probe does not try a signer that fell while it waited", "[dispatch][pacer][health]") {
  Bed bed;
  bed.options.failures_max = 1;
  bed.open();
  bed.pass(bed.options.breaker_first);
  REQUIRE(bed.send());
  const Probe held = bed.last;  // which waits for another grant
  bed.pacer.answered();
  REQUIRE(bed.pacer.signer().failed(true, bed.now));
  CHECK_FALSE(bed.pacer.may_send(held));
  CHECK(bed.pacer.admit(held, 0, bed.now).may == May::Defer);
  bed.pass(bed.options.probe_first);
  CHECK(bed.pacer.admit(held, 0, bed.now).may == May::Go);
  const Probe both = bed.pacer.begin_probe(bed.now);
  CHECK(bed.pacer.is_signer_probe(both));
  CHECK(bed.pacer.may_send(both));
  SECTION("the signer is back through another answer, and falls again: that one hangs and tries nothing") {
    REQUIRE(bed.pacer.signer().good(bed.now));
    bed.pass(seconds(1));
    REQUIRE(bed.pacer.signer().failed(true, bed.now));
    CHECK_FALSE(bed.pacer.is_signer_probe(both));
    CHECK(bed.pacer.is_probe(both));  // of the breaker still
  }
  SECTION("taken: both are over") {
    bed.pacer.sent(bed.now);
    bed.last = both;
    const Pacer::Decision decision = bed.answer(Verdict::Accepted, true);
    CHECK(decision.recovered);
    CHECK(decision.closed);
  }
}

TEST_CASE("pacer: what is lost at one moment is one failure", "[dispatch][pacer][health]") {
  Bed bed;
  bed.options.failures_max = 3;
  for (int turn = 1; turn <= 3; ++turn) {
    bed.pass(milliseconds(10));
    for (int i = 0; i < 50; ++i) bed.pacer.sent(bed.now);
    std::size_t fell = 0;
    for (int i = 0; i < 50; ++i) fell += bed.fail(false, Next::Do::Retry, Errc::ConnectionLost).fell ? 1 : 0;
    CHECK(fell == (turn == 3 ? 1 : 0));
  }
}

TEST_CASE("pacer: a breaker's probe is the signer's, too", "[dispatch][pacer][health]") {
  Bed bed;
  bed.options.failures_max = 1;
  bed.open();
  bed.pass(milliseconds(1));
  bed.pacer.sent(bed.now);
  REQUIRE(bed.answer(Verdict::Transient).fell);
  bed.pass(bed.options.breaker_first);
  REQUIRE(bed.send());
  CHECK(bed.may() == May::Stop);
  const Pacer::Decision decision = bed.answer(Verdict::Accepted, true);
  CHECK(decision.closed);
  CHECK(decision.recovered);
  CHECK(bed.may() == May::Go);
}
