// A credential's pacer and its vendor, told by hand.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "dispatch/pacer.h"

namespace nightpost::testing {

using namespace nightpost::dispatch;
using May = Pacer::May;

inline constexpr std::uint64_t kConnection = 1;

/// A credential and its vendor: each request has one push.
struct Bed {
  Options options;
  MonoTime now = MonoTime(std::chrono::hours(1));
  std::size_t quota = 0;
  std::vector<Grant> grants = std::vector<Grant>(4);
  std::shared_ptr<SignerPace> signer = std::make_shared<SignerPace>(options);
  Pacer pacer{options, signer};
  Probe last = Probe::None;  // the probe begun last

  Bed() {
    options.backoff_first = milliseconds(1'000);
    options.backoff_max = milliseconds(8'000);
    options.mass_removal_window = 10;
    pacer = Pacer(options, signer);
  }
  May may(bool probe = false) { return pacer.admit(as(probe), quota, now).may; }
  Probe as(bool probe) const { return probe ? last : Probe::None; }
  void pass(milliseconds time) { now += time; }
  /// True: it is the probe.
  bool send() {
    const Probe probe = pacer.begin_probe(now);
    if (probe != Probe::None) last = probe;
    pacer.sent(now);
    return probe != Probe::None;
  }
  /// As many as may go; how many that were.
  std::size_t fill() {
    std::size_t sent = 0;
    for (; may() == May::Go; ++sent) {
      REQUIRE(sent < 100'000);
      send();
    }
    return sent;
  }
  Pacer::Decision answer(const Answer& answer, bool probe = false, Next next = {}, MonoTime sent_at = {},
                         std::uint64_t connection = kConnection, std::size_t grant = 0) {
    pacer.answered();
    Pacer::Feedback feedback;
    pacer.count_answer(feedback, answer, next, &grants[grant], now);
    return pacer.conclude(feedback, as(probe), connection, sent_at == MonoTime{} ? now : sent_at, now);
  }
  Pacer::Decision answer(Verdict verdict, bool probe = false) {
    const auto what = verdict == Verdict::CredentialBad ? Next::Do::TripBreaker : Next::Do::End;
    return answer(Answer{.verdict = verdict}, probe, {.what = what});
  }
  Pacer::Decision fail(bool probe = false, Next::Do what = Next::Do::Retry, Errc code = Errc::Timeout) {
    pacer.answered();
    Pacer::Feedback feedback;
    const Answer told{.verdict = Verdict::Transient, .code = "timeout"};
    Pacer::count_failure(feedback, code, told, {.what = what});
    return pacer.conclude(feedback, as(probe), kConnection, now, now);
  }
  Pacer::Decision throttled(Scope scope, std::uint64_t connection = kConnection, MonoTime sent_at = {},
                            std::optional<milliseconds> retry_after = std::nullopt) {
    return answer(Answer{.verdict = Verdict::Throttled, .retry_after = retry_after, .scope = scope}, false, {}, sent_at,
                  connection);
  }
  /// Sends one and has it refused.
  void open() {
    REQUIRE(may() == May::Go);
    send();
    REQUIRE(answer(Verdict::CredentialBad).open);
  }
};

inline bool is_none(const dispatch::Pacer::Decision& decision) {
  return !decision.pause && !decision.open && !decision.closed;
}

}  // namespace nightpost::testing
