// The pacers of all credentials that a shard sends with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/lru_cache.h"
#include "core/time.h"
#include "dispatch/options.h"
#include "dispatch/pacer.h"

namespace nightpost::dispatch {

/// By Route::id. A replaced certificate is a new route, so it starts with a closed breaker. Of more than `routes_max`
/// the least recently used goes, but none that something hangs on: a request, a pause, an open breaker, a quota.
class PacerBook {
 public:
  /// Borrowed; must outlive it.
  explicit PacerBook(const Options& options)
      : pacers_(std::max<std::size_t>(options.routes_max, 1)), options_(options) {}
  /// Valid until the next call; or, while something hangs on it, as long as that.
  Pacer& of(std::uint64_t route, MonoTime now) {
    if (Pacer* const known = pacers_.find(route)) return *known;
    pacers_.put(route, Pacer(options_), [now](const Pacer& pacer) { return pacer.is_idle(now); });
    return *pacers_.find(route);
  }
  std::size_t size() const noexcept { return pacers_.size(); }

 private:
  LruCache<std::uint64_t, Pacer> pacers_;
  const Options& options_;
};

}  // namespace nightpost::dispatch
