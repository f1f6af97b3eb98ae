#include "dispatch/policy.h"

#include <algorithm>

namespace nightpost::dispatch {
namespace {

constexpr int kUnheardMax = 2;  // the first send and one repeat

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
  return milliseconds(std::uniform_int_distribution<std::int64_t>(0, ceiling.count())(rng));
}

Ending ending_of(Rule rule) noexcept {
  // Late is late: nobody wants it replayed.
  if (rule == Rule::Expired || rule == Rule::TooOld) return {OutcomeKind::Expired, rule, Disposition::Done};
  return {OutcomeKind::Dead, rule, Disposition::DeadLetter};
}

Next Policy::retry(const Progress& progress, int failures, milliseconds at_least, MonoTime now,
                   const Window& window) const {
  if (progress.attempts >= options_.attempts_max) return {.ending = ending_of(Rule::RetriesExhausted)};
  const milliseconds wait = std::max(backoff(failures, options_.backoff_first, options_.backoff_max, rng_),
                                     std::clamp(at_least, milliseconds(0), options_.retry_after_max));
  const MonoTime at = now + wait;
  if (at >= window.end()) return {.ending = ending_of(window.rule_at_end())};
  return {.what = Next::Do::Retry, .at = at};
}

Next Policy::after(const Progress& progress, const Answer& answer, MonoTime now, const Window& window) const {
  const milliseconds at_least = answer.retry_after.value_or(milliseconds(0));
  switch (answer.verdict) {
    case Verdict::Accepted:
      return end(OutcomeKind::Accepted, Rule::Accepted, Disposition::Done);
    case Verdict::TokenGone:
      return {.what = Next::Do::RemoveToken};
    case Verdict::TokenSuspect:
      return end(OutcomeKind::Rejected, Rule::TokenSuspect, Disposition::Done);
    case Verdict::Suppressed:
      return end(OutcomeKind::Suppressed, Rule::VendorSuppressed, Disposition::Done);
    case Verdict::Throttled: {
      Next next = retry(progress, progress.attempts, at_least, now, window);
      if (next.what == Next::Do::Retry && answer.scope == Scope::Credential) next.what = Next::Do::PauseThenRetry;
      return next;
    }
    case Verdict::AuthStale:
      if (progress.refreshed) return trip();
      if (progress.attempts >= options_.attempts_max) return {.ending = ending_of(Rule::RetriesExhausted)};
      if (now >= window.end()) return {.ending = ending_of(window.rule_at_end())};
      return {.what = Next::Do::Refresh};
    case Verdict::CredentialBad:
      return trip();
    case Verdict::Misconfigured:
      return end(OutcomeKind::Rejected, Rule::VendorMisconfigured, Disposition::DeadLetter);
    case Verdict::Rejected:
      return end(OutcomeKind::Rejected, Rule::VendorRejected, Disposition::DeadLetter);
    case Verdict::Transient:
      if (answer.once_more && progress.once_more)
        return end(OutcomeKind::Suppressed, Rule::VendorSuppressed, Disposition::Done);
      break;
    case Verdict::Count:
      break;
  }
  return retry(progress, progress.attempts, at_least, now, window);
}

Next Policy::after(const Progress& progress, const Error& error, bool maybe_sent, MonoTime now,
                   const Window& window) const {
  if (error.code == Errc::Unauthorized) return trip();
  if (error.code == Errc::Malformed)
    return end(OutcomeKind::Rejected, Rule::PayloadUnbuildable, Disposition::DeadLetter);
  if (maybe_sent && progress.unheard >= kUnheardMax) return {.ending = ending_of(Rule::DeliveryUnknown)};
  return retry(progress, progress.attempts, milliseconds(0), now, window);
}

Next Policy::postpone(const Progress& progress, int failures, MonoTime now, const Window& window) const {
  if (failures >= options_.attempts_max) return {.ending = ending_of(Rule::RetriesExhausted)};
  return retry(progress, failures, milliseconds(0), now, window);
}

}  // namespace nightpost::dispatch
