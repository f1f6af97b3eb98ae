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
  pushes_.landed(push);
  push.waits_for = Rule::NotInTime;
  make_due(push);
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

void PushQueues::park_for_room(Push& push, bool yields) {
  std::deque<Waiting>& routes = for_room_of(push).routes;
  auto found = std::ranges::find(routes, push.route->id, [](const Waiting& each) { return each.route->id; });
  if (found == routes.end()) found = routes.insert(found, {push.route, TwoLines<std::uint64_t>(options_.bulk_share)});
  // Of a signer that never has room, pushes that are over meanwhile would pile up.
  if (found->pushes.size() >= kParkedLook && found->pushes.size() >= 2 * (push.signer->waiting() + 1))
    found->pushes.erase_if([this](std::uint64_t tag) { return pushes_.find(tag) == nullptr; });
  found->pushes.push_back(push.event->audience, push.tag);
  pushes_.wait_began(push, yields);
  park(push, Rule::NotInTime);
}

PushQueues::ForRoom& PushQueues::for_room_of(const Push& push) {
  const auto [found, is_new] = for_room_of_.try_emplace(push.signer);
  if (is_new)
    found->second = for_room_.insert(for_room_.end(), {pacers_.of(*push.route, now_.mono).shared_signer(), {}});
  return *found->second;
}

void PushQueues::on_grant(std::uint64_t route_id) {
  const auto found = for_grant_.extract(route_id);
  if (found.empty()) return;
  for (const std::uint64_t tag : found.mapped())
    if (Push* const push = pushes_.find(tag); push != nullptr && push->state == Push::State::Parked) call(*push);
}

/// Asked whenever slots are filled, for those called last may have ended without a request whose answer would call the
/// next. What is promised to one signer is not free for the next, so that no more are called than will find a place:
/// who is called in vain has lost its turn.
bool PushQueues::call_for_room() {
  const std::size_t before = due_.size();
  std::size_t promised = 0;
  for (auto it = for_room_.begin(); it != for_room_.end();) {
    call_for_room(*it, promised);
    if (it->routes.empty()) {
      for_room_of_.erase(it->signer.get());
      it = for_room_.erase(it);
    } else {
      ++it;
    }
  }
  if (!for_room_.empty()) for_room_.splice(for_room_.end(), for_room_, for_room_.begin());
  return due_.size() > before;
}

void PushQueues::call_for_room(ForRoom& waiting, std::size_t& promised) {
  const bool all = !waiting.signer->is_healthy();
  std::size_t room = all ? SignerPace::kUnbounded : waiting.signer->room(promised);
  if (room == 0) return;
  for (Waiting& each : waiting.routes) each.called = 0;
  std::size_t full = 0;  // certificates in a row that have no room of their own, or bulk alone that has had its turn
  while (room > 0 && full < waiting.routes.size()) {
    Waiting next = std::move(waiting.routes.front());
    waiting.routes.pop_front();
    const bool fits = all || next.called < pacers_.of(*next.route, now_.mono).own_room();
    const bool called = fits && call_company(next, *waiting.signer);
    full = called || next.pushes.empty() ? 0 : full + 1;
    if (called) {
      ++next.called;
      --room;
      if (!all) ++promised;
    }
    if (!next.pushes.empty()) waiting.routes.push_back(std::move(next));
  }
}

/// The next, with those behind it that may share its request. False: there is none, or none may be called now.
bool PushQueues::call_company(Waiting& waiting, const SignerPace& signer) {
  TwoLines<std::uint64_t>& lines = waiting.pushes;
  for (;;) {
    const bool few = !lines.line(Audience::Few).empty();
    const std::size_t bulk = lines.line(Audience::Many).empty() ? 0 : callable_bulk(signer);
    if (!few && bulk == 0) return false;
    const Audience whose = few && bulk > 0 ? lines.turn() : few ? Audience::Few : Audience::Many;
    const std::size_t company = call_company(lines.line(whose), bulk);
    if (whose == Audience::Many) turn_.count(company);
    if (company > 0) return true;
  }
}

/// How much of bulk, by weight, may be called at once. A push that is called in vain goes to the end of the line, and
/// the drain rate counts it as sent.
std::size_t PushQueues::callable_bulk(const SignerPace& signer) {
  const std::size_t room = signer.is_healthy() ? pushes_.room_for_bulk(signer, 1, due_bulk_) : SignerPace::kUnbounded;
  return room > 0 && !turn_.is_over() ? room : 0;
}

/// The first that still waits, and those behind it that may share its request: up to kCompany in all, and of bulk as
/// long as `bulk_room` lasts, by weight. How many were called.
std::size_t PushQueues::call_company(std::deque<std::uint64_t>& line, std::size_t bulk_room) {
  const OpenEvent* event = nullptr;
  bool alone = false;
  std::size_t company = 0, weight = 0;  // of bulk
  for (; !line.empty(); line.pop_front()) {
    Push* const push = pushes_.find(line.front());
    if (push == nullptr || push->state != Push::State::Parked || !push->waits_for_room) continue;
    const bool may_share = !alone && !push->alone && push->route->provider->batching().tokens;
    const bool full = company >= kCompany || (weight > 0 && weight >= bulk_room);
    if (event != nullptr && (push->event != event || !may_share || full)) break;
    ++company;
    event = push->event;
    if (event->audience == Audience::Many) weight += OpenPushes::bulk_weight(*push);
    alone = push->alone;
    call(*push);
  }
  return company;
}

Push* PushQueues::take_due() {
  const Due next = due_.take();
  due_bulk_ -= next.bulk_weight;
  Push* const push = pushes_.find(next.tag);
  return push != nullptr && push->state == Push::State::Due ? push : nullptr;
}

void PushQueues::make_due(const Push& push) {
  const bool bulk = push.event->audience == Audience::Many && push.route;
  const std::uint8_t weight = bulk ? OpenPushes::bulk_weight(push) : std::uint8_t{0};
  due_bulk_ += weight;
  due_.push_back(push.event->audience, {push.tag, weight});
}

/// Until somebody says that it may go on, or the push is put off or over.
void PushQueues::park(Push& push, Rule waits_for) {
  pushes_.landed(push);
  push.delayed |= waits_for == Rule::GrantUnavailable;
  push.state = Push::State::Parked;
  push.waits_for = waits_for;
  push.grant.reset();
  timers_.add({push.window.quick_end(), push.tag, Timer::Of::Push});
}

void PushQueues::call(Push& push) {
  pushes_.wait_ended(push, true);
  push.waits_for = Rule::NotInTime;
  push.state = Push::State::Due;  // its timer stands already
  make_due(push);
}

}  // namespace nightpost::dispatch
