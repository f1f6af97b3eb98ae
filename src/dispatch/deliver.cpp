// From known devices to the last word on each push.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/thrown_by.h"
#include "core/uuid.h"
#include "dispatch/content.h"
#include "dispatch/decide.h"
#include "dispatch/pipeline.h"

namespace nightpost::dispatch {
namespace {

constexpr std::size_t kNextsKept = 1024;  // room for the answers to so many pushes of one request

/// Of an exception's words, as they stand in outcomes and letters.
constexpr std::size_t kExceptionBytesMax = 300;

/// How a failed transport counts among the attempts.
Verdict verdict_of(Errc code) noexcept {
  if (code == Errc::Unauthorized) return Verdict::CredentialBad;
  return code == Errc::Malformed ? Verdict::Rejected : Verdict::Transient;
}

/// Until 00:00 at UTC+8, where the vendors' quota days begin.
milliseconds rest_of_day(WallTime now) noexcept {
  constexpr std::chrono::hours kOffset{8};
  const WallTime there = now + kOffset;
  return std::chrono::floor<std::chrono::days>(there) + std::chrono::days(1) - there;
}

bool equal(const Progress& a, const Progress& b) noexcept {
  return a.attempts == b.attempts && a.unheard == b.unheard && a.refreshed == b.refreshed && a.once_more == b.once_more;
}

/// Whether two pushes of one request are equally far and were told the same: then they do the same at the same moment,
/// so that what shared a request can share the next.
bool alike(const Push& a, const Answer& told_a, const Push& b, const Answer& told_b) noexcept {
  return told_a.scope == told_b.scope && told_a.once_more == told_b.once_more &&
         told_a.retry_after == told_b.retry_after && equal(a.progress, b.progress) && a.event == b.event;
}

void redact(std::string& text, std::string_view secret) {
  constexpr std::string_view kInstead = "(token)";
  if (secret.empty()) return;
  for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + kInstead.size()))
    text.replace(at, secret.size(), kInstead);
}

VendorReason reason_of(const Error& error) { return {.code = name_of(error.code), .meaning = error.detail}; }

VendorReason reason_of(const Answer* answer) {
  return answer == nullptr ? VendorReason{} : VendorReason{.code = answer->code, .meaning = answer->meaning};
}

}  // namespace

void Dispatcher::Impl::pump() {
  while (!due_.empty() && capacity_.has_slot()) {
    Push* const push = pushes_.find(due_.front());
    due_.pop_front();
    if (push != nullptr && push->state == Push::State::Due) attempt(*push);
  }
  while (const std::optional<Planner::Target> target = planner_.next()) start(*target);
}

void Dispatcher::Impl::start(const Planner::Target& target) {
  const auto [tag, push] = pushes_.acquire();
  push->tag = tag;
  push->event = target.event;
  push->receiver = target.receiver;
  push->device = target.device;
  const OfflineEvent& event = target.event->event;
  push->push_id = uuid_of({event.event_id, event.to[push->receiver].user_id, target.device->device_id});
  events_.push_begun(*target.event);
  attempt(*push);
}

/// Sends the push, gathers it with others, or finds out why neither can be: at once, later or never.
void Dispatcher::Impl::attempt(Push& push, std::shared_ptr<const Grant> fresh) {
  const std::uint64_t tag = push.tag;
  if (auto thrown = thrown_by([&] { send_or_wait(push, std::move(fresh)); }))
    on_exception(std::span(&tag, 1), std::move(*thrown));
}

void Dispatcher::Impl::send_or_wait(Push& push, std::shared_ptr<const Grant> fresh) {
  OpenEvent& open = *push.event;
  if (now_.mono >= open.window.end()) return end(push, ending_of(open.window.rule_at_end()));
  if (!check_route(push)) return;
  const Rendered rendered = open.content.render(open.event, open.event.to[push.receiver],
                                                *open.receivers[push.receiver], *push.device, languages_);
  const Provider& provider = *push.route->provider;
  if (const auto opens = provider.closed_until(rendered.notification, now_.wall); opens && *opens > now_.wall)
    return wait_or_end(push, now_.mono + (*opens - now_.wall), Rule::VendorClosed);
  if (!check_grant(push, std::move(fresh))) return;
  const Batching batching = provider.batching();
  if (batching.tokens || batching.mixed_max > 0) return gather(push, rendered, batching);
  send_alone(push, rendered);
}

/// False: the push has ended, or waits. Else push.route may be used now.
bool Dispatcher::Impl::check_route(Push& push) {
  OpenEvent& open = *push.event;
  const Device& device = *push.device;
  Result<std::shared_ptr<const Route>> found = credentials_.route(open.event.app, device.certificate);
  if (!found) {
    const VendorReason reason = reason_of(found.error());
    if (found.error().code == Errc::NotFound)
      end(push, {OutcomeKind::Rejected, Rule::CertificateMissing, Disposition::DeadLetter}, reason);
    else if (found.error().code == Errc::Malformed)
      end(push, {OutcomeKind::Rejected, Rule::CertificateUnusable, Disposition::DeadLetter}, reason);
    else
      carry_out(push, policy_.postpone(push.progress, ++push.postponed, now_.mono, open.window), reason);
    return false;
  }
  if (push.probe && push.route->id != (*found)->id) give_up_probe(push);
  push.route = std::move(*found);
  const Route& route = *push.route;
  if (const Rule rule = decide_certificate(device, route.certificate); rule != Rule::None) {
    const bool wrong = rule == Rule::WrongVendor;
    end(push, {wrong ? OutcomeKind::Rejected : OutcomeKind::Suppressed, rule,
               wrong ? Disposition::DeadLetter : Disposition::Done});
    return false;
  }
  if (!route.provider->well_formed(device.token)) {
    end(push, {OutcomeKind::Rejected, Rule::TokenMalformed});
    return false;
  }
  Pacer& pacer = pacer_of(route);
  const Pacer::Admission admission = pacer.admit(push.probe, route.provider->requests_per_minute(), now_.mono);
  switch (admission.may) {
    case Pacer::May::Go:
      return true;
    case Pacer::May::Stop:
      end(push, ending_of(Rule::BreakerOpen), {.meaning = pacer.refusal()});
      return false;
    case Pacer::May::WaitForTime:
      wait_or_end(push, admission.at, Rule::VendorThrottled);
      return false;
    case Pacer::May::WaitForRoom:
      break;
  }
  crowded_[route.id].push_back(push.tag);
  park(push);
  return false;
}

/// False: as above, or it is parked until the grant is there. Else push.grant is the one to send with.
bool Dispatcher::Impl::check_grant(Push& push, std::shared_ptr<const Grant> fresh) {
  if (fresh) {
    push.grant = std::move(fresh);
    return true;
  }
  Result<std::shared_ptr<const Grant>> grant = credentials_.grant(*push.route, now_.wall);
  if (grant && *grant) {
    push.grant = std::move(*grant);
    return true;
  }
  if (grant) {
    park_for_grant(push);
    return false;
  }
  const VendorReason reason = reason_of(grant.error());
  if (grant.error().code == Errc::Malformed || grant.error().code == Errc::Unauthorized) {
    // Of an open breaker this is the probe: the next one is let through later still.
    Pacer& pacer = pacer_of(*push.route);
    const bool probe = std::exchange(push.probe, false) || pacer.begin_probe(now_.mono);
    announce(*push.route, pacer.refuse(probe, reason.code, reason.meaning, now_.mono), {}, reason);
    end(push, ending_of(Rule::CredentialBad), reason);
  } else {
    carry_out(push, policy_.postpone(push.progress, ++push.postponed, now_.mono, push.event->window), reason);
  }
  return false;
}

void Dispatcher::Impl::send_alone(Push& push, const Rendered& rendered) {
  const Route& route = *push.route;
  rendered.notification.push_id = push.push_id;
  rendered.notification.sent_at = now_.wall;
  Result<std::vector<Planned>> planned =
      route.provider->build(rendered.notification, std::span(&push.device->token, 1), *push.grant);
  if (!planned || planned->size() != 1)
    return end(push, {OutcomeKind::Rejected, Rule::PayloadUnbuildable, Disposition::DeadLetter},
               {.meaning = planned ? std::string_view() : planned.error().detail});

  push.state = Push::State::InFlight;
  push.kind = planned->front().kind;
  push.sent_at = now_.mono;
  push.sent_at_wall = now_.wall;
  push.reached_wire = false;
  ++push.progress.attempts;
  Pacer& pacer = pacer_of(route);
  push.probe = push.probe || pacer.begin_probe(now_.mono);
  sent_one(pacer);
  metrics_.requests[static_cast<std::size_t>(route.certificate.vendor)].add();
  const MonoTime deadline = std::min(now_.mono + options_.push_deadline, push.event->window.end());
  const std::uint64_t tag = push.tag;
  auto thrown =
      thrown_by([&] { transport_.send(push.route, std::move(planned->front().http), deadline, tag, handler_); });
  if (!thrown) return;
  unsent(route, push.probe);
  on_exception(std::span(&tag, 1), std::move(*thrown));
}

void Dispatcher::Impl::on_push(std::uint64_t tag, Reply reply) {
  Push* const push = pushes_.find(tag);
  if (push == nullptr || push->state != Push::State::InFlight) return;
  answered_one(*push->route);
  const Route& route = *push->route;
  metrics_.vendor_latency[static_cast<std::size_t>(route.certificate.vendor)].observe(
      std::chrono::duration_cast<milliseconds>(now_.mono - push->sent_at).count());
  Answer answer;
  if (reply.response) {
    auto thrown = thrown_by([&] {
      std::vector<Answer> answers =
          route.provider->classify(push->kind, std::span(&push->device->token, 1), *reply.response);
      if (!answers.empty()) answer = std::move(answers.front());
    });
    if (thrown) {
      count_sent(*push, reply);
      if (push->probe) give_up_probe(*push);
      return on_exception(std::span(&tag, 1), std::move(*thrown));
    }
  }
  settle(std::span(&push, 1), std::span(&answer, 1), reply, std::exchange(push->probe, false));
}

/// What one reply means for each of its pushes, and for their credential: first everything is counted, so that a batch
/// of dead tokens shows before the first of them is removed. `answers`: the provider's; filled in here where there was
/// no response. All pushes have one route.
void Dispatcher::Impl::settle(std::span<Push* const> pushes, std::span<Answer> answers, Reply& reply, bool probe) {
  const std::shared_ptr<const Route> route = pushes.front()->route;
  auto& attempts = metrics_.attempts[static_cast<std::size_t>(route->certificate.vendor)];
  Pacer& pacer = pacer_of(*route);
  if (!reply.reached_wire() && !pushes.front()->reached_wire && !probe && pacer.is_quiet(now_.mono))
    return hold_back(pushes);
  Pacer::Heard heard;
  bool leave = false;                                                         // the connection
  std::array<std::size_t, static_cast<std::size_t>(Verdict::Count)> last_of;  // the last push with this verdict
  last_of.fill(pushes.size());
  nexts_.clear();
  for (std::size_t i = 0; i < pushes.size(); ++i) {
    Push& push = *pushes[i];
    Answer& answer = answers[i];
    const Window& window = push.event->window;
    push.state = Push::State::Due;
    count_sent(push, reply);
    Next next;
    if (reply.response) {
      if (answer.rest_of_day)
        answer.retry_after = std::max(answer.retry_after.value_or(milliseconds(0)), rest_of_day(now_.wall));
      std::size_t& before = last_of[static_cast<std::size_t>(answer.verdict)];
      next = before < i && alike(push, answer, *pushes[before], answers[before])
                 ? nexts_[before]
                 : policy_.after(push.progress, answer, now_.mono, window);
      before = i;
      push.alone |= answer.alone;
      leave |= answer.leave_connection || (answer.verdict == Verdict::Throttled && answer.scope == Scope::Connection);
      pacer.hear(heard, answer, next, push.grant.get(), now_.mono);
    } else {
      if (reply.maybe_sent) ++push.progress.unheard;
      answer.code = name_of(reply.response.error().code);
      answer.meaning = reply.response.error().detail;
      answer.verdict = verdict_of(reply.response.error().code);
      next = i > 0 && alike(push, answer, *pushes[i - 1], answers[i - 1])
                 ? nexts_.back()
                 : policy_.after(push.progress, reply.response.error(), reply.maybe_sent, now_.mono, window);
      if (next.what == Next::Do::Retry && reply.maybe_sent) metrics_.repeats_maybe_sent.add();
      Pacer::hear_failure(heard, answer, next);
    }
    attempts[static_cast<std::size_t>(answer.verdict)].add();
    nexts_.push_back(next);
  }
  if (heard.removals_held && watcher_ != nullptr) watcher_->removals_held(*route, options_.mass_removal_period);
  if (leave && thrown_by([&] { transport_.drain_connection(*route, reply.connection); }))
    metrics_.internal_errors.add();
  const bool held = pacer.holds_removals(now_.mono);
  const Pacer::Decision decision =
      pacer.conclude(heard, probe, answers.front(), reply.connection, pushes.front()->sent_at, now_.mono);
  announce(*route, decision, reason_of(heard.complaint), reason_of(heard.refusal));
  for (std::size_t i = 0; i < pushes.size(); ++i) {
    const Answer& answer = answers[i];
    const VendorReason reason{.code = answer.code, .meaning = answer.meaning, .vendor_id = answer.vendor_id};
    pushes[i]->progress.once_more |= answer.once_more;
    // The answer to the replay is the probe's.
    pushes[i]->probe = probe && heard.refusal == nullptr && !heard.proven && nexts_[i].what == Next::Do::Refresh;
    const std::uint64_t tag = pushes[i]->tag;
    auto thrown = thrown_by([&] {
      if (nexts_[i].what == Next::Do::RemoveToken)
        remove_token(*pushes[i], answer, held, reason);
      else
        carry_out(*pushes[i], nexts_[i], reason);
    });
    if (thrown) on_exception(std::span(&tag, 1), std::move(*thrown));
  }
  if (nexts_.capacity() > kNextsKept) std::vector<Next>().swap(nexts_);
}

/// What was to plan, send or judge these pushes has thrown: those still open end here, and nothing else does. Its words
/// may quote what it was given, so tokens are taken out of them.
void Dispatcher::Impl::on_exception(std::span<const std::uint64_t> pushes, std::string what) {
  metrics_.internal_errors.add();
  for (const std::uint64_t tag : pushes)
    if (const Push* const push = pushes_.find(tag)) redact(what, push->device->token.text());
  what.resize(std::min(what.size(), kExceptionBytesMax));
  for (const std::uint64_t tag : pushes)
    if (Push* const push = pushes_.find(tag)) end(*push, ending_of(Rule::InternalError), {.meaning = what});
}

/// Once an attempt: at least a byte of it went out.
void Dispatcher::Impl::count_sent(Push& push, const Reply& reply) noexcept {
  if (push.reached_wire || !reply.reached_wire()) return;
  push.reached_wire = true;
  ++push.progress.sent;
}

/// They came back unsent, and their credential is left alone by now: they end or wait as if never handed over.
void Dispatcher::Impl::hold_back(std::span<Push* const> pushes) {
  for (Push* const push : pushes) {
    push->state = Push::State::Due;
    --push->progress.attempts;
    if (push->event->leaving)
      drop(*push);
    else
      attempt(*push);
  }
}

void Dispatcher::Impl::carry_out(Push& push, const Next& next, const VendorReason& reason) {
  const bool more =
      next.what == Next::Do::Retry || next.what == Next::Do::PauseThenRetry || next.what == Next::Do::Refresh;
  if (!more) return end(push, next.ending, reason);
  if (push.event->leaving) return drop(push);
  metrics_.retries.add();
  if (next.what == Next::Do::Refresh) return refresh(push);
  wait(push, next.at);
}

void Dispatcher::Impl::remove_token(Push& push, const Answer& answer, bool held, const VendorReason& reason) {
  if (held) {
    metrics_.removals_held.add();
    return end(push, {OutcomeKind::Rejected, Rule::RemovalHeld, Disposition::DeadLetter}, reason);
  }
  if (!may_remove(*push.device, answer.gone_at, push.sent_at_wall))
    return end(push, {OutcomeKind::Rejected, Rule::TokenNewer}, reason);
  const OfflineEvent& event = push.event->event;
  const Result<bool> removed = directory_.remove_token(event.app, event.to[push.receiver].user_id, *push.device);
  if (!removed) return end(push, {OutcomeKind::Rejected, Rule::RemovalFailed}, reason);
  end(push, {OutcomeKind::TokenRemoved, *removed ? Rule::TokenGone : Rule::TokenAlreadyRemoved}, reason);
}

void Dispatcher::Impl::refresh(Push& push) {
  push.progress.refreshed = true;
  Result<std::shared_ptr<const Grant>> grant = credentials_.refresh(*push.route, *push.grant, now_.wall);
  if (grant && *grant == nullptr) return park_for_grant(push);
  if (grant) return attempt(push, std::move(*grant));
  const VendorReason reason = reason_of(grant.error());
  if (grant.error().code != Errc::Unauthorized && grant.error().code != Errc::Malformed)
    return carry_out(push, policy_.postpone(push.progress, ++push.postponed, now_.mono, push.event->window), reason);
  // Too young to be stale, and called stale: the credential or a clock is wrong. Another signature would not help.
  const bool probe = std::exchange(push.probe, false);
  announce(*push.route, pacer_of(*push.route).refuse(probe, reason.code, reason.meaning, now_.mono), {}, reason);
  end(push, ending_of(Rule::CredentialBad), reason);
}

void Dispatcher::Impl::wait(Push& push, MonoTime at) {
  if (push.probe) give_up_probe(push);
  push.state = Push::State::Waiting;
  push.grant.reset();
  timers_.add({at, push.tag, Timer::Of::Push});
}

/// Until `at`; or the end, with `rule` as the reason, where that is later than we try.
void Dispatcher::Impl::wait_or_end(Push& push, MonoTime at, Rule rule) {
  const Window& window = push.event->window;
  // Jitter, but not where it would part those that can share a request.
  if (!push.route->provider->batching().tokens) at += backoff(1, options_.backoff_first, options_.backoff_max, rng_);
  if (at < window.end()) return wait(push, at);
  end(push, ending_of(window.rule_at_end() == Rule::Expired ? Rule::Expired : rule));
}

/// Until somebody says that it may go on, or the push is over.
void Dispatcher::Impl::park(Push& push) {
  push.state = Push::State::Parked;
  push.grant.reset();
  timers_.add({push.event->window.end(), push.tag, Timer::Of::Push});
}

void Dispatcher::Impl::end(Push& push, Ending ending, const VendorReason& reason) {
  events_.end_push(push, ending, reason);
  free_push(push);
}

/// Unsent, because its event was handed back.
void Dispatcher::Impl::drop(Push& push) {
  push.event->incomplete = true;
  free_push(push);
}

void Dispatcher::Impl::free_push(Push& push) {
  const std::uint64_t tag = push.tag;
  OpenEvent& open = *push.event;
  if (push.probe) give_up_probe(push);
  push.reset();
  pushes_.put_back(tag);
  events_.push_gone(open);
}

}  // namespace nightpost::dispatch
