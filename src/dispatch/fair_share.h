// Whether a push that cannot go now may wait in this shard, or leaves for a delay topic so that others find room. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "dispatch/capacity.h"
#include "dispatch/open_events.h"
#include "dispatch/options.h"
#include "dispatch/pacer_book.h"

namespace nightpost::dispatch {

/// While only one signer sends, everything may wait: it holds up nobody but itself, and its backlog belongs into the
/// partition, not into the delay topics. Bulk makes nobody else leave: who waits behind it has turns of his own.
class FairShare {
 public:
  /// Borrowed; all must outlive it.
  FairShare(const Options& options, const OpenEvents& events, const Capacity& capacity, PacerBook& pacers)
      : options_(options), events_(events), capacity_(capacity), pacers_(pacers) {}

  /// A push finds no room among its signer's requests. nullopt: it may wait; else: not to be tried again before.
  std::optional<MonoTime> defer_until(SignerPace& signer, Audience whose, MonoTime now) {
    if (is_alone(now)) return std::nullopt;
    const milliseconds wait = signer.expected_wait(whose, now).value_or(milliseconds(0));
    if (wait > options_.signer_wait_max) return now + std::min(wait, options_.probe_max);
    if (is_over(signer, whose, now)) return now + options_.signer_wait_max;
    return std::nullopt;
  }
  /// At most one signer was to be sent with in the last seconds.
  bool is_alone(MonoTime now) { return pacers_.active_signers(now) < 2; }
  /// Its signer holds more than its part of the shard, three quarters of which are in use; where it is not bulk, more
  /// than that of such pushes.
  bool is_over(const SignerPace& signer, Audience whose, MonoTime now) {
    const std::size_t active = pacers_.active_signers(now);
    if (active < 2) return false;
    const std::size_t held = whose == Audience::Few ? signer.held(Audience::Few) : signer.held();
    const auto over = [&](std::size_t used, std::size_t max) { return used > max - max / 4 && held > max / active; };
    return over(events_.open(), options_.events_open_max) || over(capacity_.waiting(), options_.pushes_queued_max);
  }

 private:
  const Options& options_;
  const OpenEvents& events_;
  const Capacity& capacity_;
  PacerBook& pacers_;
};

}  // namespace nightpost::dispatch
