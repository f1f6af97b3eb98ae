// What to do after an attempt: pure, so every row of it is a test. In memory it is bounded in number (attempts_max) and
// in time (quick_for), over all hops in time (the window) and in repeats that may duplicate (unheard_max).
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "core/outcome.h"
#include "core/result.h"
#include "core/time.h"
#include "core/verdict.h"
#include "dispatch/options.h"
#include "dispatch/retry_rules.h"
#include "dispatch/rule.h"

namespace nightpost::dispatch {

using Rng = std::minstd_rand;

/// Equal jitter: first · 2^(failures − 1), at most `max`, or anything down to half of that. failures ≥ 1.
milliseconds backoff(int failures, milliseconds first, milliseconds max, Rng& rng);

/// One push until now.
struct Progress {
  int attempts = 0;        // handed to the transport, the one just answered included; since it was put off last
  int sent = 0;            // at least a byte of it went out, over all hops
  int unheard = 0;         // of those: failed and maybe processed, the one just failed included
  int hops = 0;            // times it was put off
  WallTime tried_since{};  // when its vendor was first asked; WallTime{}: not yet
  bool refreshed = false;  // the grant was replaced for it
  bool once_more = false;  // the vendor failed it for no reason it would name, so this is the last attempt for that
};

/// When to stop. Which of the two comes first names the end: Expired, or RetriesExhausted.
struct Window {
  MonoTime expires_at;
  MonoTime give_up_at;
  MonoTime end() const noexcept { return expires_at < give_up_at ? expires_at : give_up_at; }
  Rule rule_at_end() const noexcept { return expires_at <= give_up_at ? Rule::Expired : Rule::RetriesExhausted; }
  MonoTime quick_until = MonoTime::max();  // then what is not in the air is put off
  MonoTime quick_end() const noexcept { return std::min(end(), quick_until); }
  bool operator==(const Window&) const = default;
};

/// What happens to a device's part of the event once its outcome is written.
enum class Disposition : std::uint8_t {
  Done,        // nothing: the outcome is all
  Defer,       // it is in the remainder that goes to a delay topic
  DeadLetter,  // the original goes to the dead topic, once an event, for a repair and a replay
};

/// How a push ends: the outcome, the rule that decided, and what happens next.
struct Ending {
  OutcomeKind kind = OutcomeKind::Dead;
  Rule rule = Rule::None;
  Disposition then = Disposition::Done;
  bool operator==(const Ending&) const = default;
};
/// The ending of whatever could not be finished inside its window.
Ending ending_of(Rule rule) noexcept;

struct Next {
  enum class Do : std::uint8_t {
    End,            // as `ending` says
    RemoveToken,    // by the removal guard's leave; then end
    Retry,          // at `at`, with the same ids
    Defer,          // not before `at`, from a delay topic
    Refresh,        // replace the grant and replay at once
    TripBreaker,    // the credential is bad: open its breaker, end with `ending`
    PauseThenRetry  // nothing more with this credential before `at`, then retry
  };
  Do what = Do::End;
  Ending ending;  // of Defer: why
  MonoTime at{};
  MonoTime pause_until{};  // of Defer: nothing more with this credential before, should the vendor have too much
};

class Policy {
 public:
  /// Borrowed; both must outlive it.
  Policy(const Options& options, Rng& rng) : options_(options), rng_(rng) {}

  Next after(const Progress& progress, const Answer& answer, MonoTime now, const Window& window,
             const RetryRules& rules = {}) const;
  /// The transport's failure. maybe_sent: the vendor may have processed it.
  Next after(const Progress& progress, const Error& error, bool maybe_sent, MonoTime now, const Window& window) const;
  /// No request could be made for now, as `why` says (store, grant): like a failure that was surely not sent.
  Next postpone(const Progress& progress, int failures, Rule why, MonoTime now, const Window& window) const;
  /// When a push may come again, from a delay topic, that was put off `hops` times before. Where that would be too late
  /// for it there is one more try before, `least` from now at the earliest.
  MonoTime later(int hops, MonoTime now, const Window& window, milliseconds least = milliseconds(0),
                 const RetryRules& rules = {}) const;

 private:
  /// What failed, and how it may be tried again.
  struct Failure {
    Rule why = Rule::None;
    int failures = 1;  // of this kind, this one included
    milliseconds at_least{0};
    bool quickly = true;  // in memory, if there is time
    RetryRules rules = {};
  };
  Next retry(const Progress& progress, const Failure& failure, MonoTime now, const Window& window) const;

  const Options& options_;
  Rng& rng_;
};

}  // namespace nightpost::dispatch
