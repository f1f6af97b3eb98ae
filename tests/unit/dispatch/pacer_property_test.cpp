// A pacer under seeded traffic.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "pacer_bed.h"

using namespace nightpost;
using namespace nightpost::dispatch;
using nightpost::testing::Bed;
using nightpost::testing::May;

/// Whatever is sent, lost, refused and throttled: never more in the air than allowed, nothing during a pause, one
/// probe, no more than the quota, and, when all that forbids it is over, something may go again.
TEST_CASE("pacer: property: bounded, and never stuck", "[dispatch][pacer]") {
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 rng(seed);
    const auto dice = [&](std::uint64_t sides) { return rng() % sides; };
    Bed bed;
    bed.options.credential_in_flight_first = 1 + dice(6);
    bed.options.credential_in_flight_max = 1 + dice(40);
    bed.options.mass_removal_window = 3 + dice(20);
    bed.pacer = Pacer(bed.options, bed.signer);
    if (dice(3) == 0) bed.quota = 1 + dice(50);
    struct Flight {
      Probe probe;
      MonoTime sent_at;
    };
    std::vector<Flight> air;
    std::optional<std::size_t> replays;  // what is left of a refreshed probe
    bool closed = true;                  // as told
    MonoTime open_until{}, paused_until{}, minute_begins{};
    std::size_t in_minute = 0;
    const auto ask = [&](bool replay) {
      const May may = bed.may(replay);
      const bool begins = may != May::Stop && bed.now >= bed.pacer.paused_until();
      if (begins && bed.now >= minute_begins + std::chrono::minutes(1)) minute_begins = bed.now, in_minute = 0;
      return may;
    };
    const auto probes = [&] {
      return std::ranges::count_if(air, [](const Flight& each) { return each.probe != Probe::None; });
    };
    const auto obey = [&](const Pacer::Decision& decision) {
      if (decision.pause) paused_until = bed.now + *decision.pause;
      if (decision.open) open_until = bed.now + *decision.open, closed = false;
      if (decision.closed) closed = true;
    };
    const auto take = [&](bool replay) {
      REQUIRE(bed.now >= paused_until);
      if (!replay) REQUIRE(bed.now >= open_until);
      REQUIRE(air.size() < std::min(bed.options.credential_in_flight_max, bed.pacer.allowed()));
      if (!replay) bed.last = bed.pacer.begin_probe(bed.now);
      const Probe probe = bed.last;
      REQUIRE((probe != Probe::None) == !closed);
      ++in_minute;
      if (bed.quota > 0) REQUIRE(in_minute <= bed.quota);
      bed.pacer.sent(bed.now);
      air.push_back({probe, bed.now});
      REQUIRE(probes() <= 1);
    };
    for (int step = 0; step < 400; ++step) {
      bed.pass(milliseconds(dice(dice(10) == 0 ? 20'000 : 300)));
      if (replays) {
        if (ask(true) == May::Go) {
          replays.reset();
          take(true);
        } else if (dice(4) == 0) {  // its push is over
          replays.reset();
          bed.pacer.probe_lost(bed.last, bed.now);
        }
      }
      for (auto more = dice(8); more > 0 && ask(false) == May::Go; --more) take(false);
      if (air.empty()) continue;
      const std::size_t which = dice(air.size());
      const Flight flight = air[which];
      air.erase(air.begin() + std::ptrdiff_t(which));
      bed.pacer.answered();
      Pacer::Feedback feedback;
      std::vector<Answer> answers(1 + dice(3));
      const bool lost = dice(6) == 0;
      for (Answer& answer : answers) {
        constexpr Verdict kVerdicts[] = {Verdict::Accepted,  Verdict::Accepted,      Verdict::Accepted,
                                         Verdict::TokenGone, Verdict::Throttled,     Verdict::AuthStale,
                                         Verdict::Transient, Verdict::CredentialBad, Verdict::Rejected};
        answer.verdict = lost ? Verdict::Transient : kVerdicts[dice(std::size(kVerdicts))];
        answer.scope = std::array{Scope::Token, Scope::Connection, Scope::Credential}[dice(3)];
        if (dice(2) == 0) answer.retry_after = milliseconds(dice(15'000));
        Next next;
        if (answer.verdict == Verdict::CredentialBad) next.what = Next::Do::TripBreaker;
        if (answer.verdict == Verdict::AuthStale) next.what = Next::Do::Refresh;
        if (lost)
          Pacer::count_failure(feedback, Errc::Timeout, answer, next);
        else
          bed.pacer.count_answer(feedback, answer, next, &bed.grants[dice(4)], bed.now);
      }
      const bool before = closed;
      obey(bed.pacer.conclude(feedback, flight.probe, dice(3), flight.sent_at, bed.now));
      if (flight.probe != Probe::None && feedback.refreshes && feedback.refusal == nullptr && !feedback.proven)
        replays = 1;
      if (feedback.refusal != nullptr && before) REQUIRE_FALSE(bed.pacer.breaker_admits(bed.now));
      REQUIRE(bed.pacer.allowed() >= 1);
      REQUIRE(bed.pacer.allowed() <= bed.options.credential_in_flight_max);
    }
    // All comes to an end; then, in good time, something goes.
    for (const Flight& flight : air) {
      bed.pacer.answered();
      bed.pacer.probe_lost(flight.probe, bed.now);
    }
    if (replays) bed.pacer.probe_lost(bed.last, bed.now);
    bed.pass(bed.options.breaker_max + std::chrono::minutes(1));
    REQUIRE(bed.may() == May::Go);
    REQUIRE(bed.pacer.room() > 0);
  }
}
