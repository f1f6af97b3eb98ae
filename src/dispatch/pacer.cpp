#include "dispatch/pacer.h"

#include <algorithm>

namespace nightpost::dispatch {
namespace {

bool is_dead(Verdict verdict) noexcept { return verdict == Verdict::TokenGone || verdict == Verdict::TokenSuspect; }

/// Whether the vendor looked at the push itself, so that the credential must have been good enough.
bool proves_credential(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::Accepted:
    case Verdict::TokenGone:
    case Verdict::TokenSuspect:
    case Verdict::Suppressed:
    case Verdict::Rejected:
      return true;
    default:
      return false;
  }
}

/// A day's quota is believed as it is, any other wait up to the limit.
milliseconds pause_for(const Answer& answer, const Options& options) noexcept {
  const milliseconds said = answer.retry_after.value_or(milliseconds(0));
  return answer.rest_of_day ? said : std::clamp(said, milliseconds(0), options.retry_after_max);
}

/// Of a vendor's requests a minute, ours. At least one.
std::size_t share_of(std::size_t requests_per_minute, double share) noexcept {
  return std::max<std::size_t>(static_cast<std::size_t>(static_cast<double>(requests_per_minute) * share), 1);
}

}  // namespace

Pacer::Admission Pacer::admit(bool probe, std::size_t requests_per_minute, MonoTime now) noexcept {
  if (!probe && !breaker_.admits(now)) return {May::Stop};
  if (paused_until_ > now) return {May::WaitForTime, paused_until_};
  if (requests_per_minute > 0) {
    if (now >= minute_ends_) {  // the next one begins with the first request that asks for it
      minute_ends_ = now + std::chrono::minutes(1);
      spent_ = 0;
    }
    if (spent_ + slots_.reserved() >= share_of(requests_per_minute, options_->quota_share))
      return {May::WaitForTime, minute_ends_};
  }
  return {slots_.fits(allowed()) ? May::Go : May::WaitForRoom};
}

std::size_t Pacer::allowed() const noexcept { return std::min(options_->credential_in_flight_max, allowed_); }

void Pacer::sent() noexcept {
  ++spent_;
  slots_.take();
}

void Pacer::hear(Heard& heard, const Answer& answer, const Next& next, const Grant* with, MonoTime now) {
  if (proves_credential(answer.verdict)) {
    heard.proven = true;
    heard.dead |= is_dead(answer.verdict);
    if (guard_.count(is_dead(answer.verdict), now, *options_)) {
      heard.removals_held = true;
      if (heard.refusal == nullptr) heard.refusal = &answer;
    }
    throttled_in_a_row_ = 0;
    if (breaker_.state() == Breaker::State::Closed && allowed_ < options_->credential_in_flight_max) allowed_ *= 2;
  } else if (answer.verdict == Verdict::Throttled && answer.scope != Scope::Token) {
    heard.complaint = &answer;
    if (answer.scope == Scope::Credential)
      heard.throttled_until = std::max({heard.throttled_until, now + pause_for(answer, *options_), next.at});
  } else if (answer.verdict == Verdict::AuthStale && with != stale_) {
    // A new grant may be refused as well, so only a few try it.
    stale_ = with;
    allowed_ = std::min(allowed_, options_->credential_in_flight_first);
  }
  hear_failure(heard, answer, next);
}

void Pacer::hear_failure(Heard& heard, const Answer& told, const Next& next) noexcept {
  if (next.what == Next::Do::TripBreaker && heard.refusal == nullptr) heard.refusal = &told;
  heard.refreshes |= next.what == Next::Do::Refresh;
}

Pacer::Decision Pacer::conclude(Heard& heard, bool probe, const Answer& first, std::uint64_t connection,
                                MonoTime sent_at, MonoTime now) {
  Decision decision;
  // A probe that finds a dead token again, while too many died.
  if (heard.refusal == nullptr && probe && heard.dead && guard_.holds(now)) heard.refusal = &first;
  if (heard.complaint != nullptr)
    decision.pause = throttle(*heard.complaint, heard.throttled_until, connection, sent_at, now);
  if (heard.refusal != nullptr) {
    decision.open = trip(probe, heard.refusal->code, heard.refusal->meaning, now);
  } else if (probe && heard.proven) {
    decision.closed = close();
  } else if (probe && !heard.refreshes) {
    probe_lost(now);
  }
  return decision;
}

Pacer::Decision Pacer::refuse(bool probe, std::string_view code, std::string_view meaning, MonoTime now) {
  return {.open = trip(probe, code, meaning, now)};
}

Pacer::Decision Pacer::content_stored(bool probe) noexcept { return {.closed = probe && close()}; }

bool Pacer::is_idle(MonoTime now) const noexcept {
  return slots_.empty() && !is_quiet(now) && !guard_.holds(now) && minute_ends_ <= now;
}

/// The vendor takes nothing of the credential before `until`, or nothing on this connection. Without a proof in between
/// each pause is twice as long as the one before, and only one request tries. Returns how long a new pause is.
std::optional<milliseconds> Pacer::throttle(const Answer& answer, MonoTime until, std::uint64_t connection,
                                            MonoTime sent_at, MonoTime now) noexcept {
  const bool of_credential = answer.scope == Scope::Credential;
  const bool paused = now < paused_until_;
  // What was in the air together is one complaint.
  if (of_credential ? !paused : connection != throttled_connection_ || sent_at >= throttled_at_) ++throttled_in_a_row_;
  throttled_connection_ = connection;
  throttled_at_ = now;
  allowed_ = throttled_in_a_row_ > 1 ? 1 : options_->credential_in_flight_first;
  // A connection that is throttled gives way to another; where the next one is too, it is the credential.
  if (!of_credential && throttled_in_a_row_ < 2) return std::nullopt;
  milliseconds pause = options_->backoff_first;
  for (int i = 1; i < throttled_in_a_row_ && pause < options_->backoff_max; ++i) pause *= 2;
  paused_until_ = std::max({paused_until_, until, now + std::min(pause, options_->backoff_max)});
  if (paused) return std::nullopt;
  return std::chrono::ceil<milliseconds>(paused_until_ - now);
}

/// Returns for how long it opened, if it did.
std::optional<milliseconds> Pacer::trip(bool probe, std::string_view code, std::string_view meaning, MonoTime now) {
  if (!breaker_.trip(probe, now, options_->breaker_first, options_->breaker_max)) return std::nullopt;
  allowed_ = options_->credential_in_flight_first;
  refusal_.assign(code).append(code.empty() || meaning.empty() ? "" : ": ").append(meaning);
  return breaker_.delay();
}

bool Pacer::close() noexcept {
  if (!breaker_.passed()) return false;
  refusal_.clear();
  return true;
}

}  // namespace nightpost::dispatch
