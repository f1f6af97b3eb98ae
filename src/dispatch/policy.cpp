#include "dispatch/policy.h"

#include <algorithm>

#include "dispatch/tier.h"

namespace nightpost::dispatch {
namespace {

constexpr int kUnheardQuickMax = 2;  // the first send and one repeat

Next end(OutcomeKind kind, Rule rule, Disposition then) {
  return {.what = Next::Do::End, .ending = {kind, rule, then}};
}

Next trip() {
  return {.what = Next::Do::TripBreaker, .ending = {OutcomeKind::Dead, Rule::CredentialBad, Disposition::DeadLetter}};
}

}  // namespace

milliseconds backoff(int failures, milliseconds first, milliseconds max, Rng& rng) {
  milliseconds ceiling = first;
  for (int i = 1; i < failures && ceiling < max; ++i) ceiling *= 2;
  ceiling = std::clamp(ceiling, milliseconds(0), std::max(max, milliseconds(0)));
  return milliseconds(std::uniform_int_distribution<std::int64_t>(ceiling.count() / 2, ceiling.count())(rng));
}

Ending ending_of(Rule rule) noexcept {
  // Late is late: nobody wants it replayed.
  if (rule == Rule::Expired || rule == Rule::TooOld) return {OutcomeKind::Expired, rule, Disposition::Done};
  return {OutcomeKind::Dead, rule, Disposition::DeadLetter};
}

Next Policy::retry(const Progress& progress, const Failure& failure, MonoTime now, const Window& window) const {
  const milliseconds wait =
      std::max(backoff(failure.failures, options_.backoff_first, options_.backoff_max, rng_), failure.at_least);
  const int tries = progress.hops > 0 ? 1 : options_.attempts_max;
  const int tried = std::max(progress.attempts, failure.failures);
  const bool quickly = failure.quickly && tried < tries && now + wait < window.quick_until;
  if (quickly && now + wait < window.end()) return {.what = Next::Do::Retry, .at = now + wait};

  const MonoTime at =
      later(progress.hops, now, window, std::max(failure.at_least, failure.rules.later_first), failure.rules);
  if (at >= window.end()) return {.ending = ending_of(window.rule_at_end())};
  return {.what = Next::Do::Defer,
          .ending = {OutcomeKind::Retrying, failure.why, Disposition::Defer},
          .at = at,
          .pause_until = now + wait};
}

MonoTime Policy::later(int hops, MonoTime now, const Window& window, milliseconds least,
                       const RetryRules& rules) const {
  const milliseconds wait = backoff(hops + 1, std::max(options_.defer_first, rules.later_first),
                                    std::max(options_.defer_max, rules.later_max), rng_);
  const MonoTime at = now + std::max(wait, least);
  if (at < window.end()) return at;
  return std::max(now + std::max(least, delay_of(Tier::TenSeconds)), now + (window.end() - now) / 2);
}

Next Policy::after(const Progress& progress, const Answer& answer, MonoTime now, const Window& window,
                   const RetryRules& rules) const {
  const milliseconds said = std::max(answer.retry_after.value_or(milliseconds(0)), milliseconds(0));
  // A day's quota is believed as it is, any other wait up to the limit.
  const milliseconds at_least = answer.rest_of_day ? said : std::min(said, options_.retry_after_max);
  Failure failure{.why = Rule::VendorFailing, .failures = progress.attempts, .at_least = at_least};
  switch (answer.verdict) {
    case Verdict::Accepted:
      return end(OutcomeKind::Accepted, answer.in_part ? Rule::AcceptedInPart : Rule::Accepted, Disposition::Done);
    case Verdict::TokenGone:
      return {.what = Next::Do::RemoveToken};
    case Verdict::TokenSuspect:
      return end(OutcomeKind::Rejected, Rule::TokenSuspect, Disposition::Done);
    case Verdict::Suppressed:
      return end(OutcomeKind::Suppressed, Rule::VendorSuppressed, Disposition::Done);
    case Verdict::Throttled: {
      failure.why = answer.scope == Scope::Class ? Rule::ClassThrottled : Rule::VendorThrottled;
      Next next = retry(progress, failure, now, window);
      if (next.what == Next::Do::Retry && answer.scope == Scope::Credential) next.what = Next::Do::PauseThenRetry;
      return next;
    }
    case Verdict::AuthStale:
      if (progress.refreshed) return trip();
      if (progress.hops == 0 && progress.attempts >= options_.attempts_max) {
        failure.why = Rule::GrantUnavailable;
        return retry(progress, failure, now, window);
      }
      if (now >= window.end()) return {.ending = ending_of(window.rule_at_end())};
      return {.what = Next::Do::Refresh};
    case Verdict::CredentialBad:
      return trip();
    case Verdict::Misconfigured:
      return end(OutcomeKind::Rejected, Rule::VendorMisconfigured, Disposition::DeadLetter);
    case Verdict::Rejected:
      return end(OutcomeKind::Rejected, Rule::VendorRejected, Disposition::DeadLetter);
    case Verdict::Transient:
      if (answer.once_more && (progress.once_more || progress.hops > 0))
        return end(OutcomeKind::Suppressed, Rule::VendorSuppressed, Disposition::Done);
      break;
    case Verdict::Count:
      break;
  }
  failure.quickly = progress.attempts <= rules.quick_max;
  failure.rules = rules;
  return retry(progress, failure, now, window);
}

Next Policy::after(const Progress& progress, const Error& error, bool maybe_sent, MonoTime now,
                   const Window& window) const {
  if (error.code == Errc::Unauthorized) return trip();
  if (error.code == Errc::Malformed)
    return end(OutcomeKind::Rejected, Rule::PayloadUnbuildable, Disposition::DeadLetter);
  if (maybe_sent && progress.unheard >= options_.unheard_max) return {.ending = ending_of(Rule::DeliveryUnknown)};
  return retry(progress,
               {.why = maybe_sent ? Rule::Unanswered : Rule::VendorFailing,
                .failures = progress.attempts,
                .quickly = !maybe_sent || progress.unheard < kUnheardQuickMax},
               now, window);
}

Next Policy::postpone(const Progress& progress, int failures, Rule why, MonoTime now, const Window& window) const {
  return retry(progress, {.why = why, .failures = failures}, now, window);
}

}  // namespace nightpost::dispatch
