#include "dispatch/route_book.h"

namespace nightpost::dispatch {

RouteState& RouteBook::of(std::uint64_t route, MonoTime now) {
  if (RouteState* const known = states_.find(route)) return *known;
  RouteState fresh;
  fresh.allowed = allowed_first_;
  states_.put(route, std::move(fresh), [now](const RouteState& state) {
    return state.in_flight + state.forming == 0 && state.breaker.admits(now) && !state.guard.holds(now) &&
           state.paused_until <= now && state.minute_ends <= now;
  });
  return *states_.find(route);
}

}  // namespace nightpost::dispatch
