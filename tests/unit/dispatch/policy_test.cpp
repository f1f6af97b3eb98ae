#include "dispatch/policy.h"

#include <catch2/catch.hpp>

using namespace nightpost;
using namespace nightpost::dispatch;
using Do = Next::Do;

namespace {

const MonoTime kNow{std::chrono::hours(1)};
constexpr milliseconds kHour{3'600'000};

struct Fixture {
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
  Fixture f;
  const Next next = f.policy.after({.attempts = 1}, Answer{.verdict = row.verdict}, kNow, f.window);
  CHECK(next.what == row.what);
  if (row.what == Do::End || row.what == Do::TripBreaker) CHECK(next.ending == row.ending);
  if (row.what == Do::Retry) {
    CHECK(next.at >= kNow);
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
  Fixture f;
  const Answer answer{.verdict = row.verdict, .once_more = row.told_now};
  const Next next = f.policy.after({.attempts = 2, .once_more = row.told_before}, answer, kNow, f.window);
  CHECK(next.what == row.what);
  if (row.what == Do::End)
    CHECK(next.ending == Ending{OutcomeKind::Suppressed, Rule::VendorSuppressed, Disposition::Done});
}

TEST_CASE("policy: a stale grant is replaced once", "[dispatch][policy]") {
  Fixture f;
  const Answer stale{.verdict = Verdict::AuthStale};
  const Next again = f.policy.after({.attempts = 2, .refreshed = true}, stale, kNow, f.window);
  CHECK(again.what == Do::TripBreaker);
  CHECK(again.ending == Ending{OutcomeKind::Dead, Rule::CredentialBad, Disposition::DeadLetter});
  const Next last = f.policy.after({.attempts = 5}, stale, kNow, f.window);
  CHECK(last.ending == Ending{OutcomeKind::Dead, Rule::RetriesExhausted, Disposition::DeadLetter});
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
      {"the last", 5, {}, kHour, milliseconds(120'000), Do::End, Rule::RetriesExhausted},
      {"over the limit", 9, {}, kHour, milliseconds(120'000), Do::End, Rule::RetriesExhausted},
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
  Fixture f;
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
  Fixture f;
  f.options.retry_after_max = milliseconds(5'000);
  const Answer answer{.verdict = Verdict::Throttled, .retry_after = std::chrono::hours(48), .scope = Scope::Token};
  const Next next = f.policy.after({.attempts = 1}, answer, kNow, f.window);
  CHECK(next.what == Do::Retry);
  CHECK(next.at == kNow + milliseconds(5'000));
}

TEST_CASE("policy: a throttled credential pauses, a token or connection does not", "[dispatch][policy]") {
  Fixture f;
  const auto what = [&](Scope scope, int attempts) {
    return f.policy.after({.attempts = attempts}, Answer{.verdict = Verdict::Throttled, .scope = scope}, kNow, f.window)
        .what;
  };
  CHECK(what(Scope::Credential, 1) == Do::PauseThenRetry);
  CHECK(what(Scope::Credential, 5) == Do::End);
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
      {"surely not sent, too often", Errc::ConnectionLost, false, 5, 0, Do::End, Rule::RetriesExhausted},
      {"maybe sent, once", Errc::Timeout, true, 1, 1, Do::Retry, Rule::None},
      {"maybe sent, twice", Errc::Timeout, true, 2, 2, Do::End, Rule::DeliveryUnknown},
      {"maybe sent before, surely not now", Errc::ConnectionLost, false, 2, 1, Do::Retry, Rule::None},
      {"the credential is blamed", Errc::Unauthorized, false, 1, 0, Do::TripBreaker, Rule::CredentialBad},
      {"the credential is blamed, maybe sent", Errc::Unauthorized, true, 1, 1, Do::TripBreaker, Rule::CredentialBad},
      {"a request nobody can send", Errc::Malformed, false, 1, 0, Do::End, Rule::PayloadUnbuildable},
      {"leaving", Errc::ShuttingDown, false, 1, 0, Do::Retry, Rule::None},
  }));
  CAPTURE(row.name);
  Fixture f;
  const Progress progress{.attempts = row.attempts, .unheard = row.unheard};
  const Next next = f.policy.after(progress, Error{row.code, ""}, row.maybe_sent, kNow, f.window);
  CHECK(next.what == row.what);
  if (next.what != Do::Retry) {
    CHECK(next.ending.rule == row.rule);
    CHECK(next.ending.then == Disposition::DeadLetter);
  }
}

TEST_CASE("policy: store and grant failures are bounded on their own", "[dispatch][policy]") {
  Fixture f;
  CHECK(f.policy.postpone({}, 1, kNow, f.window).what == Do::Retry);
  CHECK(f.policy.postpone({}, 4, kNow, f.window).what == Do::Retry);
  CHECK(f.policy.postpone({}, 5, kNow, f.window).ending == ending_of(Rule::RetriesExhausted));
}

TEST_CASE("back-off: full jitter, doubling, capped, equal for equal seeds", "[dispatch][policy]") {
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
    CHECK(lowest >= milliseconds(0));
    CHECK(lowest < ceiling / 10);
    CHECK(highest <= ceiling);
    CHECK(highest > ceiling * 9 / 10);
  }
  Rng one(5);
  Rng two(5);
  for (int i = 0; i < 50; ++i) CHECK(backoff(3, first, max, one) == backoff(3, first, max, two));
  CHECK(backoff(3, milliseconds(0), milliseconds(0), one) == milliseconds(0));
}
