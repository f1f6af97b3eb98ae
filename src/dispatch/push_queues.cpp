#include "dispatch/push_queues.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace nightpost::dispatch {
namespace {

/// So many that wait for one grant are not looked through for those that are over.
constexpr std::size_t kParkedLook = 1024;

/// So many pushes of one event, which may share a request, count as one: the vendors' largest batch.
constexpr std::size_t kCompany = 1000;

}  // namespace

void PushQueues::wait_for_slot(Push& push) {
  if (std::exchange(push.state, Push::State::Due) == Push::State::Due) return;
  push.waits_for = Rule::NotInTime;
  due_.push_back(push.tag);
  timers_.add({push.window.quick_end(), push.tag, Timer::Of::Push});
}

void PushQueues::park_for_grant(Push& push) {
  std::vector<std::uint64_t>& waiting = for_grant_[push.route->id];
  // Of a grant that never comes, pushes that are over meanwhile would pile up.
  if (waiting.size() >= kParkedLook && waiting.size() >= 2 * pushes_.open())
    std::erase_if(waiting, [this](std::uint64_t tag) { return pushes_.find(tag) == nullptr; });
  waiting.push_back(push.tag);
  park(push, Rule::GrantUnavailable);
}

void PushQueues::park_for_room(Push& push) {
  ForRoom& waiting = for_room_[push.route->id];
  if (waiting.route == nullptr) waiting.route = push.route;
  waiting.pushes.push_back(push.tag);
  park(push, Rule::NotInTime);
}

void PushQueues::on_grant(std::uint64_t route_id) {
  const auto found = for_grant_.extract(route_id);
  if (found.empty()) return;
  for (const std::uint64_t tag : found.mapped())
    if (Push* const push = pushes_.find(tag); push != nullptr && push->state == Push::State::Parked) call(*push);
}

/// Asked whenever slots are filled, for those called last may have ended without a request whose answer would call the
/// next.
bool PushQueues::call_for_room() {
  const std::size_t before = due_.size();
  for (auto it = for_room_.begin(); it != for_room_.end();) {
    std::size_t room = pacers_.of(*it->second.route, now_.mono).room();
    std::deque<std::uint64_t>& waiting = it->second.pushes;
    const OpenEvent* event = nullptr;  // whose pushes are being called: they may share a request
    for (std::size_t company = 0; !waiting.empty(); waiting.pop_front()) {
      Push* const push = pushes_.find(waiting.front());
      if (push == nullptr || push->state != Push::State::Parked) continue;
      const bool shares = push->event == event && company < kCompany && push->route->provider->batching().tokens;
      if (!shares && room-- == 0) break;
      company = shares ? company + 1 : 1;
      event = push->event;
      call(*push);
    }
    it = waiting.empty() ? for_room_.erase(it) : std::next(it);
  }
  return due_.size() > before;
}

Push* PushQueues::take_due() {
  Push* const push = pushes_.find(due_.front());
  due_.pop_front();
  return push != nullptr && push->state == Push::State::Due ? push : nullptr;
}

/// Until somebody says that it may go on, or the push is put off or over.
void PushQueues::park(Push& push, Rule waits_for) {
  push.state = Push::State::Parked;
  push.waits_for = waits_for;
  push.grant.reset();
  timers_.add({push.window.quick_end(), push.tag, Timer::Of::Push});
}

void PushQueues::call(Push& push) {
  push.waits_for = Rule::NotInTime;
  push.state = Push::State::Due;  // its timer stands already
  due_.push_back(push.tag);
}

}  // namespace nightpost::dispatch
