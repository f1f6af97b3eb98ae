// What a shard remembers of each credential it sends with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <unordered_map>

#include "core/time.h"
#include "dispatch/breaker.h"
#include "dispatch/removal_guard.h"

namespace nightpost::dispatch {

struct RouteState {
  Breaker breaker;
  RemovalGuard guard;
  std::size_t allowed = std::numeric_limits<std::size_t>::max();  // in the air; few after a pause, doubled by answers
  MonoTime paused_until{};                                        // the vendor throttles the credential
  std::size_t in_flight = 0;                                      // requests
  std::size_t spent = 0;                                          // requests of the vendor's quota, until minute_ends
  MonoTime minute_ends{};
  std::size_t forming = 0;  // requests being put together
};

/// By Route::id. A replaced certificate is a new route, so it starts with a closed breaker; states nothing hangs on are
/// dropped once there are more than `routes_max`.
class RouteBook {
 public:
  explicit RouteBook(std::size_t routes_max) : routes_max_(routes_max) {}
  /// Valid until the next call.
  RouteState& of(std::uint64_t route, MonoTime now);
  std::size_t size() const noexcept { return states_.size(); }

 private:
  void drop_idle(MonoTime now);
  std::size_t routes_max_;
  std::unordered_map<std::uint64_t, RouteState> states_;
};

}  // namespace nightpost::dispatch
