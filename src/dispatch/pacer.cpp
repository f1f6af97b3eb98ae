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

}  // namespace

Pacer::Admission Pacer::admit(Probe probe, std::size_t requests_per_minute, MonoTime now) noexcept {
  if (!is_probe(probe) && !breaker_.admits(now)) return {May::Stop};
  if (paused_until() > now) return {May::WaitForTime, paused_until()};
  if (const auto until = signer_->quota_spent_until(requests_per_minute, now)) return {May::WaitForTime, *until};
  return {slots_.fits(own_limit()) && signer_->fits() ? May::Go : May::WaitForRoom};
}

std::size_t Pacer::allowed() const noexcept { return std::min(own_limit(), signer_->allowed()); }

void Pacer::reserve() noexcept {
  slots_.reserve();
  signer_->reserve();
}

void Pacer::unreserve() noexcept {
  slots_.unreserve();
  signer_->unreserve();
}

Probe Pacer::begin_probe(MonoTime now) noexcept {
  if (!breaker_.sent(now)) return Probe::None;
  return probe_ = static_cast<Probe>(std::max(static_cast<std::uint32_t>(probe_) + 1, 1u));
}

bool Pacer::is_probe(Probe probe) const noexcept {
  return probe != Probe::None && probe == probe_ && breaker_.state() == Breaker::State::Probing;
}

void Pacer::probe_lost(Probe probe, MonoTime now) noexcept {
  if (is_probe(probe)) breaker_.unclear(now, options_->breaker_first);
}

void Pacer::sent() noexcept {
  slots_.take();
  signer_->sent();
}

void Pacer::answered() noexcept {
  slots_.give_back();
  signer_->answered();
}

void Pacer::hear(Heard& heard, const Answer& answer, const Next& next, const Grant* with, MonoTime now) {
  if (proves_credential(answer.verdict)) {
    heard.proven = true;
    heard.dead |= is_dead(answer.verdict);
    if (guard_.count(is_dead(answer.verdict), now, *options_)) {
      heard.removals_held = true;
      if (heard.refusal == nullptr) heard.refusal = &answer;
    }
    const bool doubles = breaker_.state() == Breaker::State::Closed;
    signer_->proven(doubles);
    if (doubles && allowed_ < options_->credential_in_flight_max) allowed_ *= 2;
  } else if (answer.verdict == Verdict::Throttled && answer.scope != Scope::Token) {
    heard.complaint = &answer;
    if (answer.scope == Scope::Credential)
      heard.throttled_until = std::max({heard.throttled_until, now + pause_for(answer, *options_),
                                        next.what == Next::Do::Defer ? next.pause_until : next.at});
  } else if (answer.verdict == Verdict::AuthStale) {
    signer_->stale(with);
  }
  hear_failure(heard, answer, next);
}

void Pacer::hear_failure(Heard& heard, const Answer& told, const Next& next) noexcept {
  if (next.what == Next::Do::TripBreaker && heard.refusal == nullptr) heard.refusal = &told;
  heard.refreshes |= next.what == Next::Do::Refresh;
}

Pacer::Decision Pacer::conclude(Heard& heard, Probe sent_as, const Answer& first, std::uint64_t connection,
                                MonoTime sent_at, MonoTime now) {
  Decision decision;
  const bool probe = is_probe(sent_as);
  // A probe that finds a dead token again, while too many died.
  if (heard.refusal == nullptr && probe && heard.dead && guard_.holds(now)) heard.refusal = &first;
  if (heard.complaint != nullptr)
    decision.pause = signer_->throttle(*heard.complaint, heard.throttled_until, connection, sent_at, now);
  if (heard.refusal != nullptr) {
    decision.open = trip(sent_as, heard.refusal->code, heard.refusal->meaning, now);
  } else if (probe && heard.proven) {
    decision.closed = close();
  } else if (probe && !heard.refreshes) {
    probe_lost(sent_as, now);
  }
  return decision;
}

Pacer::Decision Pacer::refuse(Probe probe, std::string_view code, std::string_view meaning, MonoTime now) {
  return {.open = trip(probe, code, meaning, now)};
}

Pacer::Decision Pacer::content_stored(Probe probe) noexcept { return {.closed = is_probe(probe) && close()}; }

bool Pacer::is_idle(MonoTime now) const noexcept {
  return slots_.empty() && breaker_.admits(now) && !guard_.holds(now) && signer_->is_idle(now);
}

/// Returns for how long it opened, if it did.
std::optional<milliseconds> Pacer::trip(Probe probe, std::string_view code, std::string_view meaning, MonoTime now) {
  if (!breaker_.trip(is_probe(probe), now, options_->breaker_first, options_->breaker_max)) return std::nullopt;
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
