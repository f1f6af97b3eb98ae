#include "dispatch/attempts.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <utility>

#include "core/thrown_by.h"
#include "dispatch/content.h"
#include "dispatch/decide.h"

namespace nightpost::dispatch {
namespace {

/// Of an exception's words, as they stand in outcomes and letters.
constexpr std::size_t kExceptionBytesMax = 300;

/// How often a push that waits alone is looked at again, at most.
constexpr milliseconds kLoneLooksEvery{1'000};

/// Tokens may stand in an exception's words.
void redact(std::string& text, std::string_view secret) {
  constexpr std::string_view kInstead = "(token)";
  if (secret.empty()) return;
  for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + kInstead.size()))
    text.replace(at, secret.size(), kInstead);
}

VendorReason reason_of(const Error& error) { return {.code = name_of(error.code), .meaning = error.detail}; }

}  // namespace

void Attempts::attempt(Push& push, std::shared_ptr<const Grant> fresh) {
  const std::uint64_t tag = push.tag;
  if (auto thrown = thrown_by([&] { send_or_wait(push, std::move(fresh)); }))
    on_exception(std::span(&tag, 1), std::move(*thrown));
}

void Attempts::send_or_wait(Push& push, std::shared_ptr<const Grant> fresh) {
  if (now_.mono >= push.window.end()) return pushes_.end(push, ending_of(push.window.rule_at_end()));
  if (pushes_.end_if_pointless(push) || !find_route(push) || !ask_pacer(push)) return;
  const Rendered rendered = render(push);
  const Provider& provider = *push.route->provider;
  if (const auto opens = provider.closed_until(rendered.notification, now_.wall); opens && *opens > now_.wall)
    return wait_or_defer(push, now_.mono + (*opens - now_.wall), Rule::VendorClosed);
  const Batching batching = provider.batching();
  if (push.signer->any_class_rests(now_.mono) && !class_may_go(push, rendered, batching)) return;
  if (!quotas_allow(push, rendered) || !obtain_grant(push, std::move(fresh))) return;
  if (batching.tokens && !push.alone) push.alone = sender_.pacer_of(*push.route).is_in_doubt(push.device->token);
  if (!batching.tokens && batching.mixed_max == 0) return send_alone(push, rendered);
  pushes_.takes_off(push);
  if (batcher_.gather(push, rendered, batching, now_.wall)) sender_.reserve(*push.route);
}

Rendered Attempts::render(Push& push) {
  OpenEvent& open = *push.event;
  return open.content.render(open.event, open.event.to[push.receiver], *open.receivers[push.receiver], *push.device,
                             languages_);
}

std::string Attempts::class_of(Push& push) { return push.route->provider->quota_class(render(push).notification); }

bool Attempts::class_still_goes(Push& push) {
  if (!push.signer->any_class_rests(now_.mono)) return true;
  const std::uint64_t tag = push.tag;
  bool goes = false;
  if (auto thrown = thrown_by([&] { goes = kind_may_go(push, render(push)); }))
    on_exception(std::span(&tag, 1), std::move(*thrown));
  return goes;
}

/// False: the push waits, or is put off. Where requests for many are used up it goes by itself.
bool Attempts::class_may_go(Push& push, const Rendered& rendered, const Batching& batching) {
  const SignerPace& signer = *push.signer;
  if (batching.tokens && !push.alone && signer.class_rests_until(std::string(kSharedRequests), now_.mono))
    push.alone = true;
  return kind_may_go(push, rendered);
}

bool Attempts::kind_may_go(Push& push, const Rendered& rendered) {
  const std::string name = push.route->provider->quota_class(rendered.notification);
  if (name.empty()) return true;
  const auto until = push.signer->class_rests_until(name, now_.mono);
  if (!until) return true;
  const std::string said = "The vendor takes no more " + name + " for now.";
  wait_or_defer(push, *until, Rule::ClassThrottled, {.meaning = said});
  return false;
}

/// False: the push waits for the quota's next period, or is put off until then. Else it is counted.
bool Attempts::quotas_allow(Push& push, const Rendered& rendered) {
  const std::span<const Quota> quotas = push.route->provider->quotas(rendered.notification);
  if (quotas.empty()) return true;
  const std::optional<QuotaBook::Spent> spent = pushes_.count_in(push, quotas);
  if (!spent) return true;
  metrics_.quotas_spent[static_cast<std::size_t>(push.route->certificate.vendor)].add();
  Quota ours = *spent->quota;
  ours.most = spent->most;
  const std::string said = used_up(ours, spent->opens) + '.';
  const MonoTime at = now_.mono + (spent->opens - now_.wall);
  // It holds up nobody, and what a second takes comes every second: a backlog waits in its partition.
  if (ours.per == Quota::Per::Second && shares_.is_alone(now_.mono))
    push.window.quick_until = std::max(push.window.quick_until, at + kLoneLooksEvery);
  if (shares_.is_over(*push.signer, push.event->audience, now_.mono))
    defer(push, at, Rule::QuotaSpent, {.meaning = said});
  else
    wait_or_defer(push, at, Rule::QuotaSpent, {.meaning = said});
  return false;
}

/// False: the push has ended, or waits. Else push.route is the one to send with.
bool Attempts::find_route(Push& push) {
  const Device& device = *push.device;
  Result<std::shared_ptr<const Route>> found = credentials_.route(push.event->event.app, device.certificate);
  if (!found) {
    const VendorReason reason = reason_of(found.error());
    if (found.error().code == Errc::NotFound)
      pushes_.end(push, {OutcomeKind::Rejected, Rule::CertificateMissing, Disposition::DeadLetter}, reason);
    else if (found.error().code == Errc::Malformed)
      pushes_.end(push, {OutcomeKind::Rejected, Rule::CertificateUnusable, Disposition::DeadLetter}, reason);
    else
      postpone(push, Rule::StoreUnavailable, reason);
    return false;
  }
  if (push.route && push.route->id != (*found)->id) {
    if (push.probe != Probe::None) pushes_.give_up_probe(push);
    pushes_.uncount(push);
  }
  push.route = std::move(*found);
  if (const Rule rule = decide_certificate(device, push.route->certificate); rule != Rule::None) {
    const bool wrong = rule == Rule::WrongVendor;
    pushes_.end(push, {wrong ? OutcomeKind::Rejected : OutcomeKind::Suppressed, rule,
                       wrong ? Disposition::DeadLetter : Disposition::Done});
    return false;
  }
  if (!push.route->provider->well_formed(device.token)) {
    pushes_.end(push, {OutcomeKind::Rejected, Rule::TokenMalformed});
    return false;
  }
  if (push.event->event.kind == EventKind::Badge && !push.route->provider->takes_badge_only(device.platform)) {
    pushes_.end(push, {OutcomeKind::Suppressed, Rule::NoBadgeOnly});
    return false;
  }
  pushes_.limit_window(push);
  if (now_.mono >= push.window.end()) {
    pushes_.end(push, ending_of(push.window.rule_at_end()));
    return false;
  }
  return true;
}

/// False: the push has ended, or waits. Else its credential may have one more request in the air.
bool Attempts::ask_pacer(Push& push) {
  const Route& route = *push.route;
  Pacer& pacer = sender_.pacer_of(route);
  pushes_.count_with(push, pacer.signer());
  if (pacer.leaves_probe(push.device->token, push.probe, now_.mono)) {
    put_off(push, Rule::BreakerOpen, {.meaning = pacer.refusal()});
    return false;
  }
  const Audience whose = push.event->audience;
  bool yields = false;  // bulk, to others: its signer has room
  const Pacer::Admission admission = pacer.admit(push.probe, route.provider->request_rate(), now_.mono);
  switch (admission.may) {
    case Pacer::May::Go:
      // Of a signer that is not healthy only a probe goes. It needs no room: what hangs may hold all of it, and a push
      // that waits for it would be called again and again (PushQueues calls all of such a signer).
      if (whose == Audience::Few || push.probe != Probe::None || !pacer.signer().is_healthy() ||
          pushes_.room_for_bulk(pacer.signer(), pushes_.bulk_weight(push)) > 0)
        return true;
      yields = true;
      break;
    case Pacer::May::Stop:
      put_off(push, Rule::BreakerOpen, {.meaning = pacer.refusal()});
      return false;
    case Pacer::May::Defer:
      defer(push, admission.at, admission.rule);
      return false;
    case Pacer::May::WaitForTime:
      if (shares_.is_over(pacer.signer(), push.event->audience, now_.mono))
        defer(push, admission.at, Rule::VendorThrottled);
      else
        wait_or_defer(push, admission.at, Rule::VendorThrottled);
      return false;
    case Pacer::May::WaitForRoom:
      break;
  }
  // How long that takes is no matter of its signer's, so it leaves only to make room, or at the end of its quick
  // window.
  const bool waits = yields && !shares_.is_over(pacer.signer(), whose, now_.mono);
  if (const auto at = waits ? std::nullopt : shares_.defer_until(pacer.signer(), whose, now_.mono)) {
    metrics_.pushes_full.add();
    defer(push, *at, Rule::SignerFull);
  } else {
    queues_.park_for_room(push, yields);
  }
  return false;
}

/// False: as above, or it is parked until the grant is there. Else push.grant is the one to send with.
bool Attempts::obtain_grant(Push& push, std::shared_ptr<const Grant> fresh) {
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
    if (shares_.is_over(*push.signer, push.event->audience, now_.mono)) {
      metrics_.pushes_full.add();
      defer(push, now_.mono + options_.signer_wait_max, Rule::SignerFull);
    } else {
      queues_.park_for_grant(push);
    }
    return false;
  }
  const VendorReason reason = reason_of(grant.error());
  if (grant.error().code == Errc::Malformed || grant.error().code == Errc::Unauthorized) {
    // Of an open breaker this is the probe: the next one is let through later still.
    sender_.begin_probe(sender_.pacer_of(*push.route), push.probe);
    sender_.refuse(*push.route, std::exchange(push.probe, Probe::None), reason);
    pushes_.end(push, ending_of(Rule::CredentialBad), reason);
  } else {
    postpone(push, Rule::GrantUnavailable, reason);
  }
  return false;
}

void Attempts::send_alone(Push& push, const Rendered& rendered) {
  const Route& route = *push.route;
  rendered.notification.push_id = push.push_id;
  rendered.notification.sent_at = now_.wall;
  rendered.notification.repeat = push.progress.unheard > 0;
  Result<std::vector<Planned>> planned =
      route.provider->build(rendered.notification, std::span(&push.device->token, 1), *push.grant);
  if (!planned || planned->size() != 1)
    return pushes_.end(push, {OutcomeKind::Rejected, Rule::PayloadUnbuildable, Disposition::DeadLetter},
                       {.meaning = planned ? std::string_view() : planned.error().detail});

  push.kind = planned->front().kind;
  Pacer& pacer = sender_.pacer_of(route);
  if (!sender_.begin_probe(pacer, push.probe)) {
    const Pacer::Admission later = pacer.deferral(now_.mono);
    return defer(push, later.at, later.rule);
  }
  pushes_.count_attempt(push);
  const MonoTime deadline = std::min(now_.mono + sender_.deadline_of(pacer, push.probe, options_), push.window.end());
  const std::uint64_t tag = push.tag;
  if (auto thrown = sender_.send(pacer, push.route, std::move(planned->front().http), deadline, tag, push.probe))
    on_exception(std::span(&tag, 1), std::move(*thrown));
}

/// Whatever it was waiting for, it is put off at the end of its quick window, and over at the end of its window.
void Attempts::wake(Push& push) {
  if (push.state == Push::State::InFlight || push.state == Push::State::Gathered || push.state == Push::State::Removing)
    return;
  if (now_.mono >= push.window.end()) return attempt(push);
  if (now_.mono >= push.window.quick_until && push.state != Push::State::Waiting) {
    if (push.waits_for != Rule::NotInTime || !shares_.is_alone(now_.mono)) return put_off(push, push.waits_for);
    // It holds up nobody: a backlog waits in its partition, not in a delay topic.
    push.window.quick_until = now_.mono + std::max(options_.quick_for, kLoneLooksEvery);
    return timers_.add({push.window.quick_end(), push.tag, Timer::Of::Push});
  }
  if (push.state == Push::State::Parked) return;
  if (capacity_.has_slot()) return attempt(push);
  queues_.wait_for_slot(push);
}

void Attempts::carry_out(Push& push, const Next& next, const VendorReason& reason) {
  const bool more =
      next.what == Next::Do::Retry || next.what == Next::Do::PauseThenRetry || next.what == Next::Do::Refresh;
  if (next.what == Next::Do::Defer)
    return pushes_.defer(push, now_.wall + std::chrono::ceil<milliseconds>(next.at - now_.mono), next.ending.rule,
                         reason);
  if (!more) return pushes_.end(push, next.ending, reason);
  if (push.event->leaving) return pushes_.drop(push);
  metrics_.retries.add();
  pushes_.will_retry(push, reason, next.at);
  if (next.what == Next::Do::Refresh) return refresh(push);
  wait(push, next.at);
}

void Attempts::refresh(Push& push) {
  push.progress.refreshed = true;
  Result<std::shared_ptr<const Grant>> grant = credentials_.refresh(*push.route, *push.grant, now_.wall);
  if (grant && *grant == nullptr) return queues_.park_for_grant(push);
  if (grant) return attempt(push, std::move(*grant));
  const VendorReason reason = reason_of(grant.error());
  if (grant.error().code != Errc::Unauthorized && grant.error().code != Errc::Malformed)
    return postpone(push, Rule::GrantUnavailable, reason);
  // Too young to be stale, and called stale: the credential or a clock is wrong. Another signature would not help.
  sender_.refuse(*push.route, std::exchange(push.probe, Probe::None), reason);
  pushes_.end(push, ending_of(Rule::CredentialBad), reason);
}

/// No request can be made for now: the store or the grant is not to be had.
void Attempts::postpone(Push& push, Rule why, const VendorReason& reason) {
  carry_out(push, policy_.postpone(push.progress, ++push.postponed, why, now_.mono, push.window), reason);
}

void Attempts::wait(Push& push, MonoTime at) {
  if (push.probe != Probe::None) pushes_.give_up_probe(push);
  pushes_.landed(push);
  push.delayed = true;
  push.state = Push::State::Waiting;
  push.grant.reset();
  timers_.add({at, push.tag, Timer::Of::Push});
}

void Attempts::wait_or_defer(Push& push, MonoTime at, Rule rule, const VendorReason& reason) {
  // Jitter, but not where it would part those that can share a request.
  if (!push.route->provider->batching().tokens) at += backoff(1, options_.backoff_first, options_.backoff_max, rng_);
  if (at < push.window.quick_end()) return wait(push, at);
  defer(push, at, rule, reason);
}

void Attempts::put_off(Push& push, Rule rule, const VendorReason& reason) {
  const MonoTime at = policy_.later(push.progress.hops, now_.mono, push.window);
  pushes_.defer(push, now_.wall + std::chrono::ceil<milliseconds>(at - now_.mono), rule, reason);
}

/// Not before `at`, and each time for longer: of thousands that wait for one vendor only some come back in a second,
/// while it is away as when it is back.
void Attempts::defer(Push& push, MonoTime at, Rule rule, const VendorReason& reason) {
  at = std::max(at, policy_.later(push.progress.hops, now_.mono, push.window));
  pushes_.defer(push, now_.wall + std::chrono::ceil<milliseconds>(at - now_.mono), rule, reason);
}

void Attempts::on_exception(std::span<const std::uint64_t> pushes, std::string what) {
  metrics_.internal_errors.add();
  for (const std::uint64_t tag : pushes)
    if (const Push* const push = pushes_.find(tag)) redact(what, push->device->token.text());
  what.resize(std::min(what.size(), kExceptionBytesMax));
  for (const std::uint64_t tag : pushes)
    if (Push* const push = pushes_.find(tag)) pushes_.end(*push, ending_of(Rule::InternalError), {.meaning = what});
}

}  // namespace nightpost::dispatch
