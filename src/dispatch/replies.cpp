#include "dispatch/replies.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "core/thrown_by.h"

namespace nightpost::dispatch {
namespace {

constexpr std::size_t kNextsKept = 1024;  // room for the answers to so many pushes of one request

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
  return a.attempts == b.attempts && a.unheard == b.unheard && a.hops == b.hops && a.refreshed == b.refreshed &&
         a.once_more == b.once_more;
}

/// Whether two pushes of one request are equally far and were told the same: then they do the same at the same moment,
/// so that what shared a request can share the next.
bool alike(const Push& a, const Answer& told_a, const Push& b, const Answer& told_b) noexcept {
  return told_a.scope == told_b.scope && told_a.once_more == told_b.once_more && told_a.in_part == told_b.in_part &&
         told_a.retry_after == told_b.retry_after && equal(a.progress, b.progress) && a.event == b.event &&
         a.window == b.window;
}

bool was_doubted(Pacer::Weighed weighed) noexcept {
  return weighed == Pacer::Weighed::DoubtedTwice || weighed == Pacer::Weighed::DoubtedTwiceSurely;
}

VendorReason reason_of(const Answer* answer) {
  return answer == nullptr ? VendorReason{} : VendorReason{.code = answer->code, .meaning = answer->meaning};
}

}  // namespace

void Replies::on_push(std::uint64_t tag, Reply& reply) {
  Push* const push = pushes_.find(tag);
  if (push == nullptr || push->state != Push::State::InFlight) return;
  const Route& route = *push->route;
  sender_.answered(route, push->sent_at, reply);
  Answer answer;
  if (reply.response) {
    auto thrown = thrown_by([&] {
      std::vector<Answer> answers =
          route.provider->classify(push->kind, std::span(&push->device->token, 1), *reply.response);
      if (!answers.empty()) answer = std::move(answers.front());
    });
    if (thrown) {
      count_sent(*push, reply);
      if (push->probe != Probe::None) pushes_.give_up_probe(*push);
      return attempts_.on_exception(std::span(&tag, 1), std::move(*thrown));
    }
  }
  settle(std::span(&push, 1), std::span(&answer, 1), reply, std::exchange(push->probe, Probe::None));
}

void Replies::settle(std::span<Push* const> pushes, std::span<Answer> answers, Reply& reply, Probe probe) {
  const std::shared_ptr<const Route> route = pushes.front()->route;
  auto& counters = metrics_.attempts[static_cast<std::size_t>(route->certificate.vendor)];
  Pacer& pacer = sender_.pacer_of(*route);
  if (!reply.reached_wire() && !pushes.front()->reached_wire && !pacer.is_probe(probe) && pacer.is_quiet(now_.mono))
    return hold_back(pushes);
  const RetryRules rules = retry_rules_of(route->certificate.vendor);
  Pacer::Feedback feedback;
  bool leave = false;                                                         // the connection
  std::array<std::size_t, static_cast<std::size_t>(Verdict::Count)> last_of;  // the last push with this verdict
  last_of.fill(pushes.size());
  nexts_.clear();
  for (std::size_t i = 0; i < pushes.size(); ++i) {
    Push& push = *pushes[i];
    Answer& answer = answers[i];
    const Window& window = push.window;
    pushes_.landed(push);
    if (reply.response) pushes_.heard(push);
    push.state = Push::State::Due;
    count_sent(push, reply);
    if (reply.response ? answer.verdict == Verdict::Accepted : reply.maybe_sent) pushes_.keep_counted(push);
    Next next;
    if (reply.response) {
      if (answer.rest_of_day)
        answer.retry_after = std::max(answer.retry_after.value_or(milliseconds(0)), rest_of_day(now_.wall));
      const Pacer::Weighed weighed = pacer.weigh(answer, push.device->token, push.sent_at, now_.mono);
      if (answer.verdict == Verdict::Throttled && answer.scope == Scope::Class) rest_class(push, answer);
      if (answer.class_rests) rest_class_today(push, answer);
      if (answer.shared_rests) rest_shared(push, answer);
      std::size_t& before = last_of[static_cast<std::size_t>(answer.verdict)];
      next = before < i && alike(push, answer, *pushes[before], answers[before])
                 ? nexts_[before]
                 : policy_.after(push.progress, answer, now_.mono, window, rules);
      if (weighed != Pacer::Weighed::DoubtedBefore) before = i;
      if (next.what == Next::Do::RemoveToken)
        next.ending.rule = was_doubted(weighed) ? Rule::TokenDoubtedTwice : Rule::TokenGone;
      if (next.what == Next::Do::TripBreaker && weighed == Pacer::Weighed::DoubtedBefore) next.what = Next::Do::End;
      push.alone |= answer.alone;
      leave |= answer.leave_connection || (answer.verdict == Verdict::Throttled && answer.scope == Scope::Connection);
      pacer.count_answer(feedback, answer, next, push.grant.get(), now_.mono, weighed);
    } else {
      if (reply.maybe_sent) ++push.progress.unheard;
      answer.code = name_of(reply.response.error().code);
      answer.meaning = reply.response.error().detail;
      answer.verdict = verdict_of(reply.response.error().code);
      next = i > 0 && alike(push, answer, *pushes[i - 1], answers[i - 1])
                 ? nexts_.back()
                 : policy_.after(push.progress, reply.response.error(), reply.maybe_sent, now_.mono, window);
      if (next.what == Next::Do::Retry && reply.maybe_sent) metrics_.repeats_maybe_sent.add();
      Pacer::count_failure(feedback, reply.response.error().code, answer, next);
    }
    counters[static_cast<std::size_t>(answer.verdict)].add();
    nexts_.push_back(next);
  }
  if (leave) sender_.drain_connection(*route, reply.connection);
  const Pacer::Decision decision =
      pacer.conclude(feedback, probe, reply.connection, pushes.front()->sent_at, now_.mono);
  const bool held = pacer.holds_removals(now_.mono);
  if (watcher_ != nullptr && decision.removals == RemovalGuard::Change::Held)
    watcher_->removals_held(*route, options_.mass_removal_period);
  if (watcher_ != nullptr && decision.removals == RemovalGuard::Change::Released) watcher_->removals_released(*route);
  sender_.carry_out(*route, decision, reason_of(feedback.complaint), reason_of(feedback.refusal));
  const bool still_probe = pacer.is_probe(probe);  // asked now: what follows may let the pacer go
  for (std::size_t i = 0; i < pushes.size(); ++i) {
    const Answer& answer = answers[i];
    const VendorReason reason{.code = answer.code, .meaning = answer.meaning, .vendor_id = answer.vendor_id};
    pushes[i]->progress.once_more |= answer.once_more;
    // The answer to the replay is the probe's.
    if (still_probe && nexts_[i].what == Next::Do::Refresh) pushes[i]->probe = probe;
    const std::uint64_t tag = pushes[i]->tag;
    auto thrown = thrown_by([&] {
      if (nexts_[i].what == Next::Do::RemoveToken)
        remove_token(*pushes[i], answer, held, nexts_[i].ending.rule, reason);
      else
        attempts_.carry_out(*pushes[i], nexts_[i], reason);
    });
    if (thrown) attempts_.on_exception(std::span(&tag, 1), std::move(*thrown));
  }
  if (nexts_.capacity() > kNextsKept) std::vector<Next>().swap(nexts_);
}

void Replies::count_sent(Push& push, const Reply& reply) noexcept {
  if (push.reached_wire || !reply.reached_wire()) return;
  push.reached_wire = true;
  ++push.progress.sent;
}

/// They came back unsent, and their credential is left alone by now: they end or wait as if never handed over.
void Replies::hold_back(std::span<Push* const> pushes) {
  for (Push* const push : pushes) {
    pushes_.landed(*push);
    push->state = Push::State::Due;
    --push->progress.attempts;
    if (push->event->leaving)
      pushes_.drop(*push);
    else
      attempts_.attempt(*push);
  }
}

/// The push's own kind of message; without a name it is the push alone that waits.
void Replies::rest_class(Push& push, Answer& answer) {
  std::string name;
  if (thrown_by([&] { name = attempts_.class_of(push); })) metrics_.internal_errors.add();
  if (name.empty()) {
    answer.scope = Scope::Token;
    return;
  }
  const milliseconds said = answer.retry_after.value_or(milliseconds(0));
  const milliseconds believed = answer.rest_of_day ? said : std::min(said, options_.retry_after_max);
  rest(*push.route, name, std::max(believed, options_.backoff_first), answer);
  answer.meaning += " It counts " + name + " by themselves.";
}

/// Beside what becomes of the push itself.
void Replies::rest_class_today(Push& push, const Answer& answer) {
  std::string name;
  if (thrown_by([&] { name = attempts_.class_of(push); })) metrics_.internal_errors.add();
  if (!name.empty()) rest(*push.route, name, rest_of_day(now_.wall), answer);
}

void Replies::rest_shared(Push& push, const Answer& answer) {
  rest(*push.route, std::string(kSharedRequests), rest_of_day(now_.wall), answer);
}

void Replies::rest(const Route& route, const std::string& name, milliseconds time, const Answer& answer) {
  if (!sender_.pacer_of(route).signer().rest_class(name, now_.mono + time, now_.mono)) return;
  metrics_.classes_rested.add();
  if (watcher_ != nullptr) watcher_->class_rests(route, name, answer.code, answer.meaning, time);
}

/// `rule`: as which it ends once the row went.
void Replies::remove_token(Push& push, const Answer& answer, bool held, Rule rule, const VendorReason& reason) {
  const OfflineEvent& event = push.event->event;
  if (held) {
    metrics_.removals_held.add();
    Pacer& pacer = sender_.pacer_of(*push.route);
    pacer.hold_token(push.device->token, rule == Rule::TokenDoubtedTwice, now_.mono);
    if (may_remove(*push.device, answer.gone_at, push.sent_at_wall))
      pacer.keep_removal(held_removal_of(event.app, std::string(event.to[push.receiver].user_id), *push.device),
                         reason.code, now_.wall);
    return pushes_.end(push, {OutcomeKind::Rejected, Rule::RemovalHeld, Disposition::DeadLetter}, reason);
  }
  if (!may_remove(*push.device, answer.gone_at, push.sent_at_wall))
    return pushes_.end(push, {OutcomeKind::Rejected, Rule::TokenNewer}, reason);
  const std::uint64_t tag = push.tag;
  push.state = Push::State::Removing;
  push.waits_for = rule;
  ++removals_waiting_;
  auto thrown = thrown_by([&] {
    directory_.remove_token(event.app, event.to[push.receiver].user_id, *push.device,
                            [this, tag, code = std::string(reason.code), meaning = std::string(reason.meaning),
                             vendor_id = std::string(reason.vendor_id)](Result<bool> removed) {
                              answered_.on_removed(tag, std::move(removed),
                                                   {.code = code, .meaning = meaning, .vendor_id = vendor_id});
                            });
  });
  if (!thrown || !is_removing(tag)) return;
  --removals_waiting_;
  attempts_.on_exception(std::span(&tag, 1), std::move(*thrown));
}

bool Replies::is_removing(std::uint64_t tag) noexcept {
  const Push* const push = pushes_.find(tag);
  return push != nullptr && push->state == Push::State::Removing;
}

void Replies::on_removed(std::uint64_t tag, const Result<bool>& removed, const VendorReason& reason) {
  if (!is_removing(tag)) return;
  --removals_waiting_;
  Push& push = *pushes_.find(tag);
  if (!removed) return pushes_.end(push, {OutcomeKind::Rejected, Rule::RemovalFailed}, reason);
  pushes_.end(push, {OutcomeKind::TokenRemoved, *removed ? push.waits_for : Rule::TokenAlreadyRemoved}, reason);
}

}  // namespace nightpost::dispatch
