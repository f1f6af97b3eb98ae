// The pacers of all credentials that a shard sends with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/lru_cache.h"
#include "core/time.h"
#include "dispatch/options.h"
#include "dispatch/pacer.h"
#include "dispatch/ports.h"
#include "dispatch/signer_pace.h"

namespace nightpost::dispatch {

/// A pacer a route, so a replaced certificate starts with a closed breaker; but routes of one signer at one origin
/// share its pauses and quota, so an edit of a certificate keeps them. Of more than `routes_max` the least recently
/// used goes, but none that something hangs on: a request, a pause, an open breaker, a quota.
class PacerBook {
 public:
  /// Borrowed; must outlive it.
  explicit PacerBook(const Options& options);
  /// Valid until the next call; or, while something hangs on it, as long as that.
  Pacer& of(const Route& route, MonoTime now) {
    if (Pacer* const known = pacers_.find(route.id)) return *known;
    return make(route, now);
  }
  std::size_t size() const noexcept { return pacers_.size(); }

 private:
  Pacer& make(const Route& route, MonoTime now);

  const Options& options_;
  LruCache<std::uint64_t, Pacer> pacers_;
  LruCache<std::string, std::shared_ptr<SignerPace>> signers_;
};

}  // namespace nightpost::dispatch
