// From known devices to the last word on each push.
#include <algorithm>
#include <utility>

#include "core/uuid.h"
#include "dispatch/content.h"
#include "dispatch/decide.h"
#include "dispatch/pipeline.h"

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

/// How a failed transport counts among the attempts.
Verdict verdict_of(Errc code) noexcept {
  if (code == Errc::Unauthorized) return Verdict::CredentialBad;
  return code == Errc::Malformed ? Verdict::Rejected : Verdict::Transient;
}

Heard heard_of(const Error& error) { return {.code = name_of(error.code), .meaning = error.detail}; }

}  // namespace

void Dispatcher::Impl::pump() {
  while (!due_.empty() && has_slot()) {
    Push* const push = pushes_.find(due_.front());
    due_.pop_front();
    if (push != nullptr && push->state == Push::State::Due) attempt(*push);
  }
  while (!ready_.empty()) {
    OpenEvent* const open = events_.find(ready_.front());
    if (open != nullptr && open->state == OpenEvent::State::Ready && !advance(*open)) break;
    ready_.pop_front();
    ready_untimed_ = std::min(ready_untimed_, ready_.size());
  }
}

/// Plans devices until all are (true) or the slots are used up. What is late needs no slot: it just ends.
bool Dispatcher::Impl::advance(OpenEvent& open) {
  const bool late = mono_ >= open.window.end();
  while (open.next_receiver < open.receivers.size()) {
    const std::size_t at = open.next_receiver;
    const Receiver& receiver = *open.receivers[at];
    if (open.next_device == 0) {
      const Rule rule = decide_receiver(open.event, open.event.to[at], receiver, wall_);
      if (rule != Rule::None) {
        ledger_.receiver(open, at, {OutcomeKind::Suppressed, rule}, wall_);
        ++open.next_receiver;
        continue;
      }
    }
    if (open.next_device == receiver.devices.size()) {
      open.next_device = 0;
      ++open.next_receiver;
      continue;
    }
    const Device& device = receiver.devices[open.next_device];
    if (const Rule rule = decide_device(open.event, device); rule != Rule::None) {
      ledger_.device(open, at, device, {OutcomeKind::Suppressed, rule}, wall_);
    } else if (late) {
      ledger_.device(open, at, device, ending_of(open.window.rule_at_end()), wall_);
    } else {
      if (!has_slot() || waiting() >= options_.pushes_queued_max) return false;
      start(open, device);
    }
    ++open.next_device;
  }
  open.state = OpenEvent::State::Sending;
  close_if_done(open);
  return true;
}

void Dispatcher::Impl::start(OpenEvent& open, const Device& device) {
  const auto [tag, push] = pushes_.take();
  push->tag = tag;
  push->event = &open;
  push->receiver = open.next_receiver;
  push->device = &device;
  push->push_id = uuid_of({open.event.event_id, open.event.to[push->receiver].user_id, device.device_id});
  ++open.pushes_open;
  attempt(*push);
}

/// Hands the push to the transport, or finds out why that cannot be: at once, later or never.
void Dispatcher::Impl::attempt(Push& push, std::shared_ptr<const Grant> fresh) {
  OpenEvent& open = *push.event;
  const Device& device = *push.device;
  if (mono_ >= open.window.end()) return end(push, ending_of(open.window.rule_at_end()));

  Result<std::shared_ptr<const Route>> found = credentials_.route(open.event.app, device.certificate);
  if (!found) {
    const Heard heard = heard_of(found.error());
    if (found.error().code == Errc::NotFound)
      return end(push, {OutcomeKind::Rejected, Rule::CertificateMissing, true}, heard);
    if (found.error().code == Errc::Malformed)
      return end(push, {OutcomeKind::Rejected, Rule::CertificateUnusable, true}, heard);
    return act(push, policy_.postpone(push.progress, ++push.postponed, mono_, open.window), heard);
  }
  push.route = std::move(*found);
  const Route& route = *push.route;
  if (const Rule rule = decide_certificate(device, route.certificate); rule != Rule::None) {
    const bool wrong = rule == Rule::WrongVendor;
    return end(push, {wrong ? OutcomeKind::Rejected : OutcomeKind::Suppressed, rule, wrong});
  }
  if (!route.provider->well_formed(device.token)) return end(push, {OutcomeKind::Rejected, Rule::TokenMalformed});

  RouteState& state = routes_.of(route.id, mono_);
  if (!state.breaker.admits(mono_)) return end(push, ending_of(Rule::BreakerOpen));
  if (state.paused_until > mono_) {
    const MonoTime at = state.paused_until + backoff(1, options_.backoff_first, options_.backoff_max, rng_);
    if (at >= open.window.end()) return end(push, ending_of(open.window.rule_at_end()));
    return wait(push, at);
  }

  if (fresh) {
    push.grant = std::move(fresh);
  } else {
    Result<std::shared_ptr<const Grant>> grant = credentials_.grant(route, wall_);
    if (!grant) {
      const Heard heard = heard_of(grant.error());
      if (grant.error().code == Errc::Malformed || grant.error().code == Errc::Unauthorized) {
        if (state.breaker.trip(false, mono_, options_.breaker_first, options_.breaker_max))
          metrics_.breakers_opened.add();
        return end(push, ending_of(Rule::CredentialBad), heard);
      }
      return act(push, policy_.postpone(push.progress, ++push.postponed, mono_, open.window), heard);
    }
    push.grant = std::move(*grant);
  }

  Notification& notification =
      open.content.render(open.event, open.event.to[push.receiver], *open.receivers[push.receiver], device, languages_);
  notification.push_id = push.push_id;
  notification.sent_at = wall_;
  Result<std::vector<Planned>> planned = route.provider->build(notification, std::span(&device.token, 1), *push.grant);
  if (!planned || planned->size() != 1)
    return end(push, {OutcomeKind::Rejected, Rule::PayloadUnbuildable, true},
               {.meaning = planned ? std::string_view() : planned.error().detail});

  push.state = Push::State::InFlight;
  push.sent_at = mono_;
  push.sent_at_wall = wall_;
  ++push.progress.attempts;
  push.probe = state.breaker.sent(mono_);
  ++in_flight_;
  sent_ = true;
  const MonoTime deadline = std::min(mono_ + options_.push_deadline, open.window.end());
  transport_.send(push.route, std::move(planned->front().http), deadline, push.tag, handler_);
}

void Dispatcher::Impl::on_reply(std::uint64_t tag, Reply reply) {
  Push* const found = pushes_.find(tag);
  if (found == nullptr || found->state != Push::State::InFlight) return;
  Push& push = *found;
  push.state = Push::State::Due;
  --in_flight_;
  const Route& route = *push.route;
  const auto vendor = static_cast<std::size_t>(route.certificate.vendor);
  metrics_.vendor_latency[vendor].observe(std::chrono::duration_cast<milliseconds>(mono_ - push.sent_at).count());

  Answer answer;
  Next next;
  if (reply.response) {
    std::vector<Answer> answers = route.provider->classify(0, std::span(&push.device->token, 1), *reply.response);
    if (!answers.empty()) answer = std::move(answers.front());
    const bool crowded = answer.verdict == Verdict::Throttled && answer.scope == Scope::Connection;
    if (answer.leave_connection || crowded) transport_.leave(route, reply.connection);
    next = policy_.after(push.progress, answer, mono_, push.event->window);
  } else {
    if (reply.maybe_sent) ++push.progress.unheard;
    answer.code = name_of(reply.response.error().code);
    answer.meaning = std::move(reply.response.error().detail);
    next = policy_.after(push.progress, reply.response.error(), reply.maybe_sent, mono_, push.event->window);
    answer.verdict = verdict_of(reply.response.error().code);
    if (next.what == Next::Do::Retry && reply.maybe_sent) metrics_.repeats_maybe_sent.add();
  }
  metrics_.attempts[vendor][static_cast<std::size_t>(answer.verdict)].add();

  RouteState& state = routes_.of(route.id, mono_);
  const bool proven = reply.response && proves_credential(answer.verdict);
  const bool mass_death = proven && state.guard.count(is_dead(answer.verdict), mono_, options_);
  const bool held = state.guard.holds(mono_);
  const bool probe = std::exchange(push.probe, false);
  if (next.what == Next::Do::TripBreaker || mass_death || (probe && held && is_dead(answer.verdict))) {
    if (state.breaker.trip(probe, mono_, options_.breaker_first, options_.breaker_max)) metrics_.breakers_opened.add();
  } else if (probe) {
    proven ? state.breaker.passed() : state.breaker.unclear();
  }
  if (next.what == Next::Do::PauseThenRetry) state.paused_until = std::max(state.paused_until, next.at);

  const Heard heard{.code = answer.code, .meaning = answer.meaning, .vendor_id = answer.vendor_id};
  if (next.what == Next::Do::RemoveToken)
    remove_token(push, answer, held, heard);
  else
    act(push, next, heard);
}

void Dispatcher::Impl::act(Push& push, const Next& next, const Heard& heard) {
  const bool more =
      next.what == Next::Do::Retry || next.what == Next::Do::PauseThenRetry || next.what == Next::Do::Refresh;
  if (!more) return end(push, next.ending, heard);
  if (push.event->leaving) return drop(push);
  metrics_.retries.add();
  if (next.what == Next::Do::Refresh) return refresh(push);
  wait(push, next.at);
}

void Dispatcher::Impl::remove_token(Push& push, const Answer& answer, bool held, const Heard& heard) {
  if (held) {
    metrics_.removals_held.add();
    return end(push, {OutcomeKind::Rejected, Rule::RemovalHeld, true}, heard);
  }
  if (!may_remove(*push.device, answer.gone_at, push.sent_at_wall))
    return end(push, {OutcomeKind::Rejected, Rule::TokenNewer}, heard);
  const OfflineEvent& event = push.event->event;
  const Result<bool> removed = directory_.remove_token(event.app, event.to[push.receiver].user_id, *push.device);
  if (!removed) return end(push, {OutcomeKind::Rejected, Rule::RemovalFailed}, heard);
  end(push, {OutcomeKind::TokenRemoved, *removed ? Rule::TokenGone : Rule::TokenAlreadyRemoved}, heard);
}

void Dispatcher::Impl::refresh(Push& push) {
  push.progress.refreshed = true;
  Result<std::shared_ptr<const Grant>> grant = credentials_.refresh(*push.route, *push.grant, wall_);
  if (grant) return attempt(push, std::move(*grant));
  const Heard heard = heard_of(grant.error());
  if (grant.error().code != Errc::Unauthorized && grant.error().code != Errc::Malformed)
    return act(push, policy_.postpone(push.progress, ++push.postponed, mono_, push.event->window), heard);
  // Too young to be stale, and called stale: the credential or a clock is wrong. Another signature would not help.
  RouteState& state = routes_.of(push.route->id, mono_);
  if (state.breaker.trip(false, mono_, options_.breaker_first, options_.breaker_max)) metrics_.breakers_opened.add();
  end(push, ending_of(Rule::CredentialBad), heard);
}

void Dispatcher::Impl::wait(Push& push, MonoTime at) {
  push.state = Push::State::Waiting;
  push.grant.reset();
  timers_.add({at, push.tag, Timer::Of::Push});
}

void Dispatcher::Impl::end(Push& push, Ending ending, const Heard& heard) {
  ledger_.push(push, ending, wall_, heard);
  OpenEvent& open = *push.event;
  free_push(push);
  close_if_done(open);
}

/// Unsent, because its event was handed back.
void Dispatcher::Impl::drop(Push& push) {
  OpenEvent& open = *push.event;
  open.incomplete = true;
  free_push(push);
  close_if_done(open);
}

void Dispatcher::Impl::free_push(Push& push) {
  const std::uint64_t tag = push.tag;
  --push.event->pushes_open;
  push.reset();
  pushes_.put_back(tag);
}

}  // namespace nightpost::dispatch
