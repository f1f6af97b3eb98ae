#include "dispatch/route_book.h"

namespace nightpost::dispatch {

RouteState& RouteBook::of(std::uint64_t route, MonoTime now) {
  if (const auto found = states_.find(route); found != states_.end()) return found->second;
  if (states_.size() >= routes_max_) drop_idle(now);
  RouteState& made = states_[route];
  made.allowed = allowed_first_;
  return made;
}

void RouteBook::drop_idle(MonoTime now) {
  std::erase_if(states_, [now](const auto& entry) {
    const RouteState& state = entry.second;
    return state.in_flight + state.forming == 0 && state.breaker.admits(now) && !state.guard.holds(now) &&
           state.paused_until <= now && state.minute_ends <= now;
  });
}

}  // namespace nightpost::dispatch
