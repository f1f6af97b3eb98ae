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
#include "dispatch/signer_ledger.h"
#include "dispatch/signer_pace.h"
#include "dispatch/slots.h"

namespace nightpost::dispatch {

/// A pacer a route, so a replaced certificate starts with a closed breaker; but routes of one signer at one origin
/// share its slots, pauses, quota and health, so an edit of a certificate keeps them. What is in doubt, and whether
/// removals are held, goes with the certificate's version. Of more than `routes_max` the least recently used goes, but
/// none that something hangs on: a request, a push, a pause, an open breaker, a quota, a kind of message that rests.
class PacerBook {
 public:
  /// Borrowed; all must outlive it. `shard`: all requests of the shard, as SignerPace takes it. `ledger` null: no other
  /// shard sends with these signers.
  explicit PacerBook(const Options& options, const Slots* shard = nullptr, SignerLedger* ledger = nullptr);
  /// Valid until the next call; or, while something hangs on it, as long as that.
  Pacer& of(const Route& route, MonoTime now) {
    if (Pacer* const known = pacers_.find(route.id)) return *known;
    return make(route, now);
  }
  /// Null: not there, or gone since.
  Pacer* find(std::uint64_t route_id) { return pacers_.find(route_id); }
  /// Signers that something was to be sent with in the last seconds; counted every half a second.
  std::size_t active_signers(MonoTime now);
  /// Calls visit(Pacer&) for each pacer of that signer.
  template <class Visit>
  void for_each_of(const SignerPace& signer, Visit visit) {
    pacers_.for_each([&](Pacer& pacer) {
      if (&pacer.signer() == &signer) visit(pacer);
    });
  }
  std::size_t size() const noexcept { return pacers_.size(); }

 private:
  Pacer& make(const Route& route, MonoTime now);

  static constexpr milliseconds kCountEvery{500};

  const Options& options_;
  const Slots* const shard_;
  SignerLedger own_ledger_;
  SignerLedger& ledger_;
  LruCache<std::uint64_t, Pacer> pacers_;
  LruCache<std::string, std::shared_ptr<SignerPace>> signers_;
  std::size_t active_ = 0;
  MonoTime count_at_{};
};

}  // namespace nightpost::dispatch
