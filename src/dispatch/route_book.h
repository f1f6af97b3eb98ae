// What a shard remembers of each credential it sends with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/lru_cache.h"
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

/// By Route::id. A replaced certificate is a new route, so it starts with a closed breaker. Of more than `routes_max`
/// the least recently used goes, but none that something hangs on: a request, a pause, an open breaker, a quota.
class RouteBook {
 public:
  explicit RouteBook(std::size_t routes_max) : states_(std::max<std::size_t>(routes_max, 1)) {}
  /// Valid until the next call.
  RouteState& of(std::uint64_t route, MonoTime now);
  std::size_t size() const noexcept { return states_.size(); }

 private:
  LruCache<std::uint64_t, RouteState> states_;
};

}  // namespace nightpost::dispatch
