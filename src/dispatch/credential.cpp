// What follows from what a pacer decided, and who waits for a credential.
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
  if (probe) pacer_of(route).probe_lost(now_.mono);
}

/// Ops hear of it, and what already waits in the lane comes back: it would be refused like the rest.
void Dispatcher::Impl::announce(const Route& route, const Pacer::Decision& decision, const VendorReason& complaint,
                                const VendorReason& refusal) {
  const auto take_back = [&] {
    if (thrown_by([&] { transport_.withdraw_queued(route); })) metrics_.internal_errors.add();
  };
  if (decision.pause) {
    if (watcher_ != nullptr) watcher_->credential_throttled(route, complaint.code, complaint.meaning, *decision.pause);
    take_back();
  }
  if (decision.open) {
    metrics_.breakers_opened.add();
    if (watcher_ != nullptr) watcher_->breaker_opened(route, refusal.code, refusal.meaning, *decision.open);
    take_back();
  }
  if (decision.closed && watcher_ != nullptr) watcher_->breaker_closed(route);
}

/// Ends or waits without a word about the credential, so the next push is the probe.
void Dispatcher::Impl::give_up_probe(Push& push) {
  push.probe = false;
  pacer_of(*push.route).probe_lost(now_.mono);
}

void Dispatcher::Impl::park_for_grant(Push& push) {
  std::vector<std::uint64_t>& waiting = parked_[push.route->id];
  // Of a grant that never comes, pushes that are over meanwhile would pile up.
  if (waiting.size() >= kParkedLook && waiting.size() >= 2 * pushes_.used())
    std::erase_if(waiting, [this](std::uint64_t tag) { return pushes_.find(tag) == nullptr; });
  waiting.push_back(push.tag);
  park(push);
}

void Dispatcher::Impl::sent_one(Pacer& pacer) {
  slots_.take();
  pacer.sent();
  sent_ = true;
}

void Dispatcher::Impl::answered_one(const Route& route) {
  slots_.give_back();
  pacer_of(route).answered();
}

/// Whoever waited for room among its credential's requests is due once there is some. Asked whenever slots are filled,
/// for those called last may have ended without a request whose answer would call the next. False: nobody was called.
bool Dispatcher::Impl::call_crowded() {
  if (!capacity_.has_slot()) return false;
  const std::size_t before = due_.size();
  for (auto it = crowded_.begin(); it != crowded_.end();) {
    std::size_t room = pacers_.of(it->first, now_.mono).room();
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
