#include "dispatch/pacer.h"

#include <algorithm>

namespace nightpost::dispatch {
namespace {

void count_said(RemovalGuard::Said& said, const Answer& answer, Pacer::Weighed weighed) noexcept {
  if (answer.verdict == Verdict::TokenSuspect || weighed == Pacer::Weighed::DoubtedTwiceSurely ||
      weighed == Pacer::Weighed::GoneAgain)
    return;
  const bool lives = answer.verdict == Verdict::Accepted && !answer.in_part;  // else perhaps not this one
  ++(lives ? said.live : answer.verdict == Verdict::TokenGone ? said.dead : said.other);
}

/// Whether the vendor looked at the push itself, so that the credential must have been good enough.
bool proves_credential(const Answer& answer) noexcept {
  switch (answer.verdict) {
    case Verdict::TokenSuspect:
      return !answer.may_be_token;
    case Verdict::Accepted:
    case Verdict::TokenGone:
    case Verdict::Suppressed:
    case Verdict::Rejected:
      return true;
    default:
      return false;
  }
}

/// The vendor's failure or the network's; the others are ours, or somebody's who is asked to stop.
bool is_vendors_failure(Errc code) noexcept {
  return code == Errc::Timeout || code == Errc::ConnectionLost || code == Errc::Io;
}

void count_next(Pacer::Feedback& feedback, const Answer& told, const Next& next) noexcept {
  if (next.what == Next::Do::TripBreaker && feedback.refusal == nullptr) feedback.refusal = &told;
  feedback.refreshes |= next.what == Next::Do::Refresh;
}

/// A day's quota is believed as it is, any other wait up to the limit.
milliseconds pause_for(const Answer& answer, const Options& options) noexcept {
  const milliseconds said = answer.retry_after.value_or(milliseconds(0));
  return answer.rest_of_day ? said : std::clamp(said, milliseconds(0), options.retry_after_max);
}

}  // namespace

Pacer::Admission Pacer::admit(Probe probe, const RequestRate& rate, MonoTime now) {
  signer_->asked(now);
  signer_->catch_up(now);
  const bool is_the_probe = is_probe(probe);
  if (!is_the_probe && !breaker_.admits(now)) return {May::Stop};
  if (paused_until() > now) return {May::WaitForTime, paused_until()};
  // The probe of a breaker is none of a signer that fell while it waited.
  if (!may_send(probe) && signer_->retry_at(now)) return deferral(now);
  if (const auto until = signer_->quota_spent_until(rate, now)) return {May::WaitForTime, *until};
  // What hangs may hold all places; the one that tries the vendor needs none of them.
  const bool fits = !signer_->is_healthy() || (slots_.fits(own_limit()) && signer_->fits());
  return {fits ? May::Go : May::WaitForRoom};
}

Pacer::Admission Pacer::deferral(MonoTime now) const {
  const bool silent = signer_->state() == SignerHealth::State::Silent;
  const MonoTime at = std::max(signer_->retry_at(now).value_or(now), now + options_->probe_first);
  return {May::Defer, at, silent ? Rule::SignerSilent : Rule::SignerFailing};
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

Probe Pacer::begin_probe(MonoTime now) {
  const std::uint32_t of_signer = signer_->begin_probe(now);
  if (of_signer == 0 && !signer_->is_healthy()) return Probe::None;  // somebody else probes
  const bool of_breaker = breaker_.sent(now);
  if (of_breaker) gauge_->set(breaker_);
  if (!of_breaker && of_signer == 0) return Probe::None;
  signer_probe_ = of_signer;
  return probe_ = static_cast<Probe>(std::max(static_cast<std::uint32_t>(probe_) + 1, 1u));
}

bool Pacer::is_probe(Probe probe) const {
  if (probe == Probe::None || probe != probe_) return false;
  return breaker_.state() == Breaker::State::Probing || is_signer_probe(probe);
}

bool Pacer::is_signer_probe(Probe probe) const {
  return probe != Probe::None && probe == probe_ && signer_probe_ != 0 && signer_->is_probe(signer_probe_);
}

void Pacer::probe_lost(Probe probe, MonoTime now) {
  if (!is_probe(probe)) return;
  probe_unclear(now);
  signer_probe_ended(false, now);
}

void Pacer::signer_probe_ended(bool heard, MonoTime now) {
  if (const std::uint32_t probe = std::exchange(signer_probe_, 0); probe != 0) signer_->probe_ended(probe, heard, now);
}

void Pacer::sent(MonoTime now) noexcept {
  slots_.take();
  signer_->sent(now);
}

void Pacer::answered(MonoTime sent_at) noexcept {
  slots_.give_back();
  signer_->answered(sent_at);
}

Pacer::Weighed Pacer::weigh(Answer& answer, const DeviceToken& token, MonoTime sent_at, MonoTime now) {
  switch (answer.verdict) {
    case Verdict::Accepted:
      if (answer.in_part) return Weighed::AsItIs;  // perhaps not this one
      suspects_->accepted(token.text(), now);
      return Weighed::AsItIs;
    case Verdict::CredentialBad: {
      if (!answer.may_be_token) return Weighed::AsItIs;
      const bool known = is_in_doubt(token);
      suspects_->note(token.text(), now);
      if (suspects_->noted_many()) return Weighed::AsItIs;
      if (!suspects_->accepted_lately(now)) return known ? Weighed::DoubtedBefore : Weighed::AsItIs;
      answer.verdict = Verdict::TokenSuspect;
      return Weighed::AsItIs;
    }
    case Verdict::TokenSuspect: {
      const SuspectBook::Proof proof = suspects_->doubt(token.text(), sent_at, now);
      if (proof == SuspectBook::Proof::None) return Weighed::AsItIs;
      answer.verdict = Verdict::TokenGone;
      return proof == SuspectBook::Proof::Surely ? Weighed::DoubtedTwiceSurely : Weighed::DoubtedTwice;
    }
    case Verdict::TokenGone:
      return suspects_->is_gone_again(token.text(), now) ? Weighed::GoneAgain : Weighed::AsItIs;
    default:
      return Weighed::AsItIs;
  }
}

void Pacer::count_answer(Feedback& feedback, const Answer& answer, const Next& next, const Grant* with, MonoTime now,
                         Weighed weighed) {
  feedback.answered = true;
  feedback.good |= answer.verdict != Verdict::Transient;
  if (proves_credential(answer)) {
    feedback.proven = true;
    count_said(feedback.said, answer, weighed);
    const bool doubles = breaker_.state() == Breaker::State::Closed;
    signer_->proven(doubles);
    if (doubles && allowed_ < options_->credential_in_flight_max) allowed_ *= 2;
  } else if (answer.verdict == Verdict::Throttled &&
             (answer.scope == Scope::Credential || answer.scope == Scope::Connection)) {
    feedback.complaint = &answer;
    if (answer.scope == Scope::Credential)
      feedback.throttled_until = std::max({feedback.throttled_until, now + pause_for(answer, *options_),
                                           next.what == Next::Do::Defer ? next.pause_until : next.at});
  } else if (answer.verdict == Verdict::AuthStale) {
    signer_->stale(with);
  }
  count_next(feedback, answer, next);
}

void Pacer::count_failure(Feedback& feedback, Errc code, const Answer& told, const Next& next) noexcept {
  feedback.lost |= is_vendors_failure(code);
  count_next(feedback, told, next);
}

Pacer::Decision Pacer::conclude(const Feedback& feedback, Probe sent_as, std::uint64_t connection, MonoTime sent_at,
                                MonoTime now) {
  Decision decision;
  const bool probe = is_probe(sent_as);
  decision.removals = removals_->count(RemovalBook::Heard::Answers, feedback.said, now);
  if (feedback.answered) signer_->heard(now);
  if (feedback.good) {
    decision.recovered = signer_->good(now);
    if (probe) signer_probe_ended(true, now);
  } else if (feedback.answered || feedback.lost) {
    decision.fell = signer_->failed(feedback.answered, now);
  }
  if (feedback.complaint != nullptr)
    decision.pause = signer_->throttle(*feedback.complaint, feedback.throttled_until, connection, sent_at, now);
  if (feedback.refusal != nullptr) {
    decision.open = trip(sent_as, feedback.refusal->code, feedback.refusal->meaning, now);
    if (probe) signer_probe_ended(feedback.answered, now);
  } else if (probe && feedback.proven) {
    decision.closed = close();
  } else if (probe && !feedback.refreshes) {
    probe_unclear(now);
    signer_probe_ended(feedback.answered, now);
  }
  return decision;
}

Pacer::Decision Pacer::refuse(Probe probe, std::string_view code, std::string_view meaning, MonoTime now) {
  const bool was_probe = is_probe(probe);
  Decision decision{.open = trip(probe, code, meaning, now)};
  if (was_probe) signer_probe_ended(false, now);
  return decision;
}

Pacer::Decision Pacer::content_stored(Probe probe, MonoTime now) {
  signer_->heard(now);
  Decision decision{.recovered = signer_->good(now)};
  if (!is_probe(probe)) return decision;
  signer_probe_ended(true, now);
  decision.closed = close();
  return decision;
}

bool Pacer::is_idle(MonoTime now) const noexcept {
  return slots_.empty() && breaker_.admits(now) && !removals_->holds(now) && signer_->is_idle(now);
}

/// Returns for how long it opened, if it did.
std::optional<milliseconds> Pacer::trip(Probe probe, std::string_view code, std::string_view meaning, MonoTime now) {
  if (!breaker_.trip(is_probe(probe), now, options_->breaker_first, options_->breaker_max)) return std::nullopt;
  gauge_->set(breaker_);
  allowed_ = options_->credential_in_flight_first;
  refusal_.assign(code).append(code.empty() || meaning.empty() ? "" : ": ").append(meaning);
  return breaker_.delay();
}

bool Pacer::close() noexcept {
  if (!breaker_.passed()) return false;
  gauge_->set(breaker_);
  refusal_.clear();
  return true;
}

void Pacer::probe_unclear(MonoTime now) noexcept {
  breaker_.unclear(now, options_->breaker_first);
  gauge_->set(breaker_);
}

}  // namespace nightpost::dispatch
