// What a shard remembers of each credential it sends with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/lru_cache.h"
#include "core/time.h"
#include "dispatch/breaker.h"
#include "dispatch/removal_guard.h"
#include "providers/authorizer.h"

namespace nightpost::dispatch {

struct RouteState {
  Breaker breaker;
  RemovalGuard guard;
  /// In the air: few until an answer proved the credential, and after a pause, a trip or a stale grant; then doubled by
  /// each proof.
  std::size_t allowed = 0;
  MonoTime paused_until{};                 // the vendor throttles the credential
  int throttled_in_a_row = 0;              // pauses, and connections called throttled, since the last proof
  std::uint64_t throttled_connection = 0;  // the last connection that was
  MonoTime throttled_at{};                 // when it said so
  const Grant* stale = nullptr;            // the last grant called stale; compared, never followed
  std::string refusal;                     // why the breaker opened, in the vendor's words
  std::size_t in_flight = 0;               // requests
  std::size_t spent = 0;                   // requests of the vendor's quota, until minute_ends
  MonoTime minute_ends{};
  std::size_t forming = 0;  // requests being put together
};

/// By Route::id. A replaced certificate is a new route, so it starts with a closed breaker. Of more than `routes_max`
/// the least recently used goes, but none that something hangs on: a request, a pause, an open breaker, a quota.
class RouteBook {
 public:
  /// `allowed_first`: what a new credential may have in the air.
  RouteBook(std::size_t routes_max, std::size_t allowed_first)
      : states_(std::max<std::size_t>(routes_max, 1)), allowed_first_(allowed_first) {}
  /// Valid until the next call.
  RouteState& of(std::uint64_t route, MonoTime now);
  std::size_t size() const noexcept { return states_.size(); }

 private:
  LruCache<std::uint64_t, RouteState> states_;
  std::size_t allowed_first_;
};

}  // namespace nightpost::dispatch
