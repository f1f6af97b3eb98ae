#include "dispatch/policy.h"

#include <catch2/catch.hpp>

#include "times.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using Do = Next::Do;

namespace {

constexpr milliseconds kHour{3'600'000};

struct PolicyFixture {
  Options options;
  Rng rng{7};
  Policy policy{options, rng};
  Window window{kNow + kHour, kNow + milliseconds(120'000)};
};

}  // namespace

TEST_CASE("policy: each verdict's next step", "[dispatch][policy]") {
  struct Row {
    Verdict verdict;
    Do what;
    Ending ending;
  };
  const Row row = GENERATE(values<Row>({
      {Verdict::Accepted, Do::End, {OutcomeKind::Accepted, Rule::Accepted, Disposition::Done}},
      {Verdict::TokenGone, Do::RemoveToken, {}},
      {Verdict::TokenSuspect, Do::End, {OutcomeKind::Rejected, Rule::TokenSuspect, Disposition::Done}},
      {Verdict::Suppressed, Do::End, {OutcomeKind::Suppressed, Rule::VendorSuppressed, Disposition::Done}},
      {Verdict::Throttled, Do::Retry, {}},
      {Verdict::AuthStale, Do::Refresh, {}},
      {Verdict::CredentialBad, Do::TripBreaker, {OutcomeKind::Dead, Rule::CredentialBad, Disposition::DeadLetter}},
      {Verdict::Misconfigured, Do::End, {OutcomeKind::Rejected, Rule::VendorMisconfigured, Disposition::DeadLetter}},
      {Verdict::Transient, Do::Retry, {}},
      {Verdict::Rejected, Do::End, {OutcomeKind::Rejected, Rule::VendorRejected, Disposition::DeadLetter}},
  }));
  CAPTURE(name_of(row.verdict));
  PolicyFixture f;
  const Next next = f.policy.after({.attempts = 1}, Answer{.verdict = row.verdict}, kNow, f.window);
  CHECK(next.what == row.what);
  if (row.what == Do::End || row.what == Do::TripBreaker) CHECK(next.ending == row.ending);
  if (row.what == Do::Retry) {
    CHECK(next.at >= kNow + f.options.backoff_first / 2);
    CHECK(next.at <= kNow + f.options.backoff_first);
  }
}

TEST_CASE("policy: what a vendor fails without a reason is tried once more", "[dispatch][policy]") {
  struct Row {
    const char* name;
    bool told_before, told_now;
    Verdict verdict;
    Do what;
  };
  const Row row = GENERATE(values<Row>({
      {"the first time", false, true, Verdict::Transient, Do::Retry},
      {"the second time", true, true, Verdict::Transient, Do::End},
      {"then something else", true, false, Verdict::Transient, Do::Retry},
      {"then throttled", true, true, Verdict::Throttled, Do::Retry},
  }));
  CAPTURE(row.name);
  PolicyFixture f;
  const Answer answer{.verdict = row.verdict, .once_more = row.told_now};
  const Next next = f.policy.after({.attempts = 2, .once_more = row.told_before}, answer, kNow, f.window);
  CHECK(next.what == row.what);
  if (row.what == Do::End)
    CHECK(next.ending == Ending{OutcomeKind::Suppressed, Rule::VendorSuppressed, Disposition::Done});
}

TEST_CASE("policy: a stale grant is replaced once", "[dispatch][policy]") {
  PolicyFixture f;
  const Answer stale{.verdict = Verdict::AuthStale};
  const Next again = f.policy.after({.attempts = 2, .refreshed = true}, stale, kNow, f.window);
  CHECK(again.what == Do::TripBreaker);
  CHECK(again.ending == Ending{OutcomeKind::Dead, Rule::CredentialBad, Disposition::DeadLetter});
  const Next last = f.policy.after({.attempts = 5}, stale, kNow, f.window);
  CHECK(last.what == Do::Defer);
  CHECK(last.ending == Ending{OutcomeKind::Retrying, Rule::GrantUnavailable, Disposition::Defer});
  CHECK(f.policy.after({.attempts = 1, .hops = 1}, stale, kNow, f.window).what == Do::Refresh);
  CHECK(f.policy.after({.attempts = 1}, stale, f.window.end(), f.window).what == Do::End);
}

TEST_CASE("policy: attempts, the window and Retry-After bound a retry", "[dispatch][policy]") {
  struct Row {
    const char* name;
    int attempts;
    std::optional<milliseconds> retry_after;
    milliseconds expires, give_up;
    Do what;
    Rule rule;
  };
  const Row row = GENERATE(values<Row>({
      {"the last but one", 4, {}, kHour, milliseconds(120'000), Do::Retry, Rule::None},
      {"the last", 5, {}, kHour, milliseconds(120'000), Do::Defer, Rule::VendorFailing},
      {"over the limit", 9, {}, kHour, milliseconds(120'000), Do::Defer, Rule::VendorFailing},
      {"nothing left of the expiry", 1, {}, milliseconds(0), milliseconds(120'000), Do::End, Rule::Expired},
      {"nothing left of our time", 1, {}, kHour, milliseconds(0), Do::End, Rule::RetriesExhausted},
      {"Retry-After within it", 1, milliseconds(30'000), kHour, milliseconds(120'000), Do::Retry, Rule::None},
      {"Retry-After beyond our time", 1, milliseconds(120'000), kHour, milliseconds(120'000), Do::End,
       Rule::RetriesExhausted},
      {"Retry-After beyond the expiry", 1, milliseconds(30'000), milliseconds(30'000), milliseconds(120'000), Do::End,
       Rule::Expired},
      {"a bogus Retry-After", 1, milliseconds(-5), kHour, milliseconds(120'000), Do::Retry, Rule::None},
  }));
  CAPTURE(row.name);
  PolicyFixture f;
  f.window = {kNow + row.expires, kNow + row.give_up};
  const Answer answer{.verdict = Verdict::Transient, .retry_after = row.retry_after};
  const Next next = f.policy.after({.attempts = row.attempts}, answer, kNow, f.window);
  CHECK(next.what == row.what);
  if (next.what == Do::End) {
    CHECK(next.ending.rule == row.rule);
    CHECK(next.ending == ending_of(row.rule));
    CHECK((next.ending.then == Disposition::DeadLetter) == (row.rule != Rule::Expired));
  } else {
    CHECK(next.at >= kNow + std::max(row.retry_after.value_or(milliseconds(0)), milliseconds(0)));
    CHECK(next.at < f.window.end());
  }
}

TEST_CASE("policy: Retry-After is believed up to a limit", "[dispatch][policy]") {
  PolicyFixture f;
  f.options.retry_after_max = milliseconds(5'000);
  const Answer answer{.verdict = Verdict::Throttled, .retry_after = std::chrono::hours(48), .scope = Scope::Token};
  const Next next = f.policy.after({.attempts = 1}, answer, kNow, f.window);
  CHECK(next.what == Do::Retry);
  CHECK(next.at == kNow + milliseconds(5'000));
}

TEST_CASE("policy: a throttled credential pauses, a token or connection does not", "[dispatch][policy]") {
  PolicyFixture f;
  const auto what = [&](Scope scope, int attempts) {
    return f.policy.after({.attempts = attempts}, Answer{.verdict = Verdict::Throttled, .scope = scope}, kNow, f.window)
        .what;
  };
  CHECK(what(Scope::Credential, 1) == Do::PauseThenRetry);
  CHECK(what(Scope::Credential, 5) == Do::Defer);
  CHECK(what(Scope::Token, 1) == Do::Retry);
  CHECK(what(Scope::Connection, 1) == Do::Retry);
}

TEST_CASE("policy: failures of the line", "[dispatch][policy]") {
  struct Row {
    const char* name;
    Errc code;
    bool maybe_sent;
    int attempts, unheard;
    Do what;
    Rule rule;
  };
  const Row row = GENERATE(values<Row>({
      {"surely not sent", Errc::ConnectionLost, false, 1, 0, Do::Retry, Rule::None},
      {"surely not sent, often", Errc::Overloaded, false, 4, 0, Do::Retry, Rule::None},
      {"surely not sent, too often", Errc::ConnectionLost, false, 5, 0, Do::Defer, Rule::VendorFailing},
      {"maybe sent, once", Errc::Timeout, true, 1, 1, Do::Retry, Rule::None},
      {"maybe sent, twice", Errc::Timeout, true, 2, 2, Do::Defer, Rule::Unanswered},
      {"maybe sent, thrice, on a later hop", Errc::Timeout, true, 1, 3, Do::Defer, Rule::Unanswered},
      {"maybe sent, too often", Errc::Timeout, true, 1, 4, Do::End, Rule::DeliveryUnknown},
      {"maybe sent often, surely not now", Errc::ConnectionLost, false, 1, 4, Do::Retry, Rule::None},
      {"maybe sent before, surely not now", Errc::ConnectionLost, false, 2, 1, Do::Retry, Rule::None},
      {"the credential is blamed", Errc::Unauthorized, false, 1, 0, Do::TripBreaker, Rule::CredentialBad},
      {"the credential is blamed, maybe sent", Errc::Unauthorized, true, 1, 1, Do::TripBreaker, Rule::CredentialBad},
      {"a request nobody can send", Errc::Malformed, false, 1, 0, Do::End, Rule::PayloadUnbuildable},
      {"leaving", Errc::ShuttingDown, false, 1, 0, Do::Retry, Rule::None},
  }));
  CAPTURE(row.name);
  PolicyFixture f;
  const Progress progress{.attempts = row.attempts, .unheard = row.unheard};
  const Next next = f.policy.after(progress, Error{row.code, ""}, row.maybe_sent, kNow, f.window);
  CHECK(next.what == row.what);
  if (next.what != Do::Retry) {
    CHECK(next.ending.rule == row.rule);
    CHECK(next.ending.then == (next.what == Do::Defer ? Disposition::Defer : Disposition::DeadLetter));
  }
}

TEST_CASE("policy: store and grant failures are bounded on their own", "[dispatch][policy]") {
  PolicyFixture f;
  const Rule why = Rule::StoreUnavailable;
  CHECK(f.policy.postpone({}, 1, why, kNow, f.window).what == Do::Retry);
  CHECK(f.policy.postpone({}, 4, why, kNow, f.window).what == Do::Retry);
  CHECK(f.policy.postpone({}, 5, why, kNow, f.window).ending == Ending{OutcomeKind::Retrying, why, Disposition::Defer});
  CHECK(f.policy.postpone({.hops = 1}, 1, why, kNow, f.window).what == Do::Defer);
}

TEST_CASE("policy: in memory for a while, then from a delay topic", "[dispatch][policy]") {
  struct Row {
    const char* name;
    Progress progress;
    milliseconds quick_left;
    Answer answer;
    Vendor vendor;
    Do what;
    seconds least, most;  // of the wait
  };
  const Answer failed{.verdict = Verdict::Transient};
  const Answer throttled{.verdict = Verdict::Throttled, .retry_after = seconds(30), .scope = Scope::Credential};
  const auto row = GENERATE_COPY(values<Row>({
      {"quickly", {.attempts = 1}, seconds(9), failed, Vendor::Honor, Do::Retry, seconds(0), seconds(1)},
      {"no time for that", {.attempts = 1}, seconds(0), failed, Vendor::Honor, Do::Defer, seconds(5), seconds(10)},
      {"after a hop",
       {.attempts = 1, .hops = 1},
       seconds(9),
       failed,
       Vendor::Honor,
       Do::Defer,
       seconds(10),
       seconds(20)},
      {"after three",
       {.attempts = 1, .hops = 3},
       seconds(9),
       failed,
       Vendor::Honor,
       Do::Defer,
       seconds(40),
       seconds(80)},
      {"after many",
       {.attempts = 1, .hops = 50},
       seconds(9),
       failed,
       Vendor::Honor,
       Do::Defer,
       seconds(300),
       seconds(600)},
      {"Retry-After is longer than the quick time",
       {.attempts = 1},
       seconds(9),
       throttled,
       Vendor::Honor,
       Do::Defer,
       seconds(30),
       seconds(30)},
      {"APNs: once quickly", {.attempts = 1}, seconds(9), failed, Vendor::Apns, Do::Retry, seconds(0), seconds(1)},
      {"APNs: then a quarter of an hour",
       {.attempts = 2},
       seconds(9),
       failed,
       Vendor::Apns,
       Do::Defer,
       seconds(900),
       seconds(900)},
      {"APNs: and backs off",
       {.attempts = 1, .hops = 1},
       seconds(9),
       failed,
       Vendor::Apns,
       Do::Defer,
       seconds(900),
       seconds(1'800)},
      {"APNs: up to an hour",
       {.attempts = 1, .hops = 9},
       seconds(9),
       failed,
       Vendor::Apns,
       Do::Defer,
       seconds(1'800),
       seconds(3'600)},
      {"APNs: throttled is another matter",
       {.attempts = 2},
       seconds(9),
       throttled,
       Vendor::Apns,
       Do::Defer,
       seconds(30),
       seconds(30)},
      {"FCM: its first wait is no quick one",
       {.attempts = 1},
       seconds(10),
       {.verdict = Verdict::Transient, .retry_after = seconds(10)},
       Vendor::Fcm,
       Do::Defer,
       seconds(10),
       seconds(10)},
  }));
  CAPTURE(row.name);
  PolicyFixture f;
  f.window = {kNow + std::chrono::hours(24), kNow + std::chrono::hours(24), kNow + row.quick_left};
  for (int i = 0; i < 50; ++i) {
    const Next next = f.policy.after(row.progress, row.answer, kNow, f.window, retry_rules_of(row.vendor));
    REQUIRE(next.what == row.what);
    CHECK(next.at >= kNow + row.least);
    CHECK(next.at <= kNow + row.most);
    if (row.what == Do::Defer) CHECK(next.ending.kind == OutcomeKind::Retrying);
    if (row.answer.verdict == Verdict::Throttled) CHECK(next.pause_until == kNow + seconds(30));
  }
}

TEST_CASE("policy: a day's quota is believed, any other wait up to the limit", "[dispatch][policy]") {
  PolicyFixture f;
  f.window = {kNow + std::chrono::hours(24), kNow + std::chrono::hours(24), kNow + seconds(10)};
  Answer answer{.verdict = Verdict::Throttled, .retry_after = std::chrono::hours(9), .scope = Scope::Credential};
  CHECK(f.policy.after({.attempts = 1}, answer, kNow, f.window).at == kNow + f.options.retry_after_max);
  answer.rest_of_day = true;
  CHECK(f.policy.after({.attempts = 1}, answer, kNow, f.window).at == kNow + std::chrono::hours(9));
}

TEST_CASE("policy: where our own wait is too long there is one more try before the end", "[dispatch][policy]") {
  struct Row {
    const char* name;
    seconds left, least, want;  // want 0: none
  };
  const auto row = GENERATE(values<Row>({
      {"half of what is left", seconds(200), seconds(0), seconds(100)},
      {"no shorter than the shortest tier", seconds(12), seconds(0), seconds(10)},
      {"too short for any", seconds(10), seconds(0), seconds(0)},
      {"not before the vendor's time", seconds(200), seconds(150), seconds(150)},
      {"which is too late", seconds(200), seconds(200), seconds(0)},
  }));
  CAPTURE(row.name);
  PolicyFixture f;
  f.window = {kNow + row.left, kNow + std::chrono::hours(24), kNow};
  const Answer answer{.verdict = Verdict::Transient, .retry_after = row.least};
  const Next next = f.policy.after({.attempts = 1, .hops = 20}, answer, kNow, f.window);
  if (row.want == seconds(0)) {
    CHECK(next.what == Do::End);
    CHECK(next.ending == ending_of(Rule::Expired));
  } else {
    CHECK(next.what == Do::Defer);
    CHECK(next.at == kNow + row.want);
  }
}

TEST_CASE("back-off: equal jitter, doubling, capped, equal for equal seeds", "[dispatch][policy]") {
  const milliseconds first(500);
  const milliseconds max(30'000);
  for (int failures = 1; failures <= 40; ++failures) {
    CAPTURE(failures);
    const milliseconds ceiling = failures < 7 ? first * (1 << (failures - 1)) : max;
    Rng rng(3);
    milliseconds lowest = max;
    milliseconds highest(0);
    for (int i = 0; i < 2000; ++i) {
      const milliseconds wait = backoff(failures, first, max, rng);
      lowest = std::min(lowest, wait);
      highest = std::max(highest, wait);
    }
    CHECK(lowest >= ceiling / 2);
    CHECK(lowest < ceiling * 6 / 10);
    CHECK(highest <= ceiling);
    CHECK(highest > ceiling * 9 / 10);
  }
  Rng one(5);
  Rng two(5);
  for (int i = 0; i < 50; ++i) CHECK(backoff(3, first, max, one) == backoff(3, first, max, two));
  CHECK(backoff(3, milliseconds(0), milliseconds(0), one) == milliseconds(0));
}
