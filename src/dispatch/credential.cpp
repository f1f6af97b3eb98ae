// What a credential may have in the air: its breaker, pauses and quota, and who waits for it.
#include <algorithm>
#include <utility>

#include "core/thrown_by.h"
#include "dispatch/pipeline.h"

namespace nightpost::dispatch {
namespace {

/// So many that wait for one grant are not looked through for those that are over.
constexpr std::size_t kParkedLook = 1024;

/// So many pushes of one event, which may share a request, count as one: the vendors' largest batch.
constexpr std::size_t kCompany = 1000;

}  // namespace

/// The transport has thrown, so no answer will come to a request that was counted.
void Dispatcher::Impl::unsent(const Route& route, bool probe) {
  answered_one(route);
  if (probe) routes_.of(route.id, mono_).breaker.unclear(mono_, options_.breaker_first);
}

/// What already waits in the lane would be refused like the rest, so it comes back at once.
void Dispatcher::Impl::trip_breaker(const Route& route, bool probe, const VendorReason& why) {
  RouteState& state = routes_.of(route.id, mono_);
  if (!state.breaker.trip(probe, mono_, options_.breaker_first, options_.breaker_max)) return;
  state.allowed = options_.credential_in_flight_first;
  state.refusal.assign(why.code).append(why.code.empty() || why.meaning.empty() ? "" : ": ").append(why.meaning);
  metrics_.breakers_opened.add();
  if (watcher_ != nullptr) watcher_->breaker_opened(route, why.code, why.meaning, state.breaker.delay());
  if (thrown_by([&] { transport_.withdraw_queued(route); })) metrics_.internal_errors.add();
}

void Dispatcher::Impl::close_breaker(const Route& route, RouteState& state) {
  if (!state.breaker.passed()) return;
  state.refusal.clear();
  if (watcher_ != nullptr) watcher_->breaker_closed(route);
}

/// Ends or waits without a word about the credential, so the next push is the probe.
void Dispatcher::Impl::give_up_probe(Push& push) {
  push.probe = false;
  routes_.of(push.route->id, mono_).breaker.unclear(mono_, options_.breaker_first);
}

/// The vendor takes nothing of the credential before `until`, or nothing on this connection. Without a proof in
/// between each pause is twice as long as the one before, and only one request tries.
void Dispatcher::Impl::throttle(const Route& route, RouteState& state, const Answer& answer, MonoTime until,
                                const Reply& reply, MonoTime sent_at) {
  const bool of_credential = answer.scope == Scope::Credential;
  const bool paused = mono_ < state.paused_until;
  // What was in the air together is one complaint.
  if (of_credential ? !paused : reply.connection != state.throttled_connection || sent_at >= state.throttled_at)
    ++state.throttled_in_a_row;
  state.throttled_connection = reply.connection;
  state.throttled_at = mono_;
  state.allowed = state.throttled_in_a_row > 1 ? 1 : options_.credential_in_flight_first;
  // A connection that is throttled gives way to another; where the next one is too, it is the credential.
  if (!of_credential && state.throttled_in_a_row < 2) return;
  milliseconds pause = options_.backoff_first;
  for (int i = 1; i < state.throttled_in_a_row && pause < options_.backoff_max; ++i) pause *= 2;
  state.paused_until = std::max({state.paused_until, until, mono_ + std::min(pause, options_.backoff_max)});
  if (paused) return;
  if (watcher_ != nullptr)
    watcher_->credential_throttled(route, answer.code, answer.meaning,
                                   std::chrono::ceil<milliseconds>(state.paused_until - mono_));
  if (thrown_by([&] { transport_.withdraw_queued(route); })) metrics_.internal_errors.add();
}

void Dispatcher::Impl::park_for_grant(Push& push) {
  std::vector<std::uint64_t>& waiting = parked_[push.route->id];
  // Of a grant that never comes, pushes that are over meanwhile would pile up.
  if (waiting.size() >= kParkedLook && waiting.size() >= 2 * pushes_.used())
    std::erase_if(waiting, [this](std::uint64_t tag) { return pushes_.find(tag) == nullptr; });
  waiting.push_back(push.tag);
  park(push);
}

/// 0: there is none.
std::size_t Dispatcher::Impl::quota_of(const Route& route) const noexcept {
  const std::size_t of_all = route.provider->requests_per_minute();
  return of_all == 0 ? 0 : std::max<std::size_t>(static_cast<std::size_t>(double(of_all) * options_.quota_share), 1);
}

/// Of the quota's present minute, which begins with the first request after the last one.
std::size_t Dispatcher::Impl::spent(RouteState& state) const noexcept {
  if (mono_ >= state.minute_ends) {
    state.minute_ends = mono_ + std::chrono::minutes(1);
    state.spent = 0;
  }
  return state.spent;
}

void Dispatcher::Impl::sent_one(RouteState& state) {
  ++state.spent;
  ++in_flight_;
  ++state.in_flight;
  sent_ = true;
}

void Dispatcher::Impl::answered_one(const Route& route) {
  --in_flight_;
  --routes_.of(route.id, mono_).in_flight;
}

/// Whoever waited for room among its credential's requests is due once there is some. Asked whenever slots are filled,
/// for those called last may have ended without a request whose answer would call the next. False: nobody was called.
bool Dispatcher::Impl::call_crowded() {
  if (!has_slot()) return false;
  const std::size_t before = due_.size();
  for (auto it = crowded_.begin(); it != crowded_.end();) {
    const RouteState& state = routes_.of(it->first, mono_);
    const std::size_t taken = state.in_flight + state.forming;
    std::size_t room = limit_of(state) - std::min(limit_of(state), taken);
    std::deque<std::uint64_t>& waiting = it->second;
    const OpenEvent* event = nullptr;  // whose pushes are being called: they may share a request
    for (std::size_t company = 0; !waiting.empty(); waiting.pop_front()) {
      Push* const push = pushes_.find(waiting.front());
      if (push == nullptr || push->state != Push::State::Parked) continue;
      const bool shares = push->event == event && company < kCompany && push->route->provider->batching().tokens;
      if (!shares && room-- == 0) break;
      company = shares ? company + 1 : 1;
      event = push->event;
      push->state = Push::State::Due;  // its timer for the end of the window stands already
      due_.push_back(push->tag);
    }
    it = waiting.empty() ? crowded_.erase(it) : std::next(it);
  }
  return due_.size() > before;
}

void Dispatcher::Impl::on_grant(std::uint64_t route_id) {
  auto found = parked_.extract(route_id);
  if (found.empty()) return;
  for (const std::uint64_t tag : found.mapped()) {
    Push* const push = pushes_.find(tag);
    if (push == nullptr || push->state != Push::State::Parked) continue;
    push->state = Push::State::Due;  // its timer for the end of the window stands already
    due_.push_back(tag);
  }
}

}  // namespace nightpost::dispatch
