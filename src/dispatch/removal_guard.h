// Mass invalidation: a wrong bundle id, a swapped environment or a changed key look exactly like "all tokens died".
// Over too large a share of dead tokens nothing is removed any more, until accepted pushes show that the credential is
// right and the tokens are dead indeed. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/device.h"
#include "core/time.h"
#include "dispatch/options.h"

namespace nightpost::dispatch {

/// When it holds. Of Options, copied: a guard may outlive whoever made it.
struct RemovalLimits {
  RemovalLimits(const Options& options) noexcept
      : window(options.mass_removal_window),
        share(options.mass_removal_share),
        live_share(options.mass_removal_live_share),
        period(options.mass_removal_period),
        kept_max(options.removals_kept_max) {}
  std::size_t window;
  double share;
  double live_share;
  milliseconds period;
  std::size_t kept_max;
};

/// What the vendor says of the tokens of one credential. A run of answers begins with a dead token and ends as soon as
/// the share of those that live, or of those that are not dead, is what the limits want of it (Page's CUSUM, 1954). So
/// what was accepted before a fault does not hide it, and however many are dead among enough that live, none is held.
class RemovalGuard {
 public:
  /// Words about tokens, of one reply or more.
  struct Said {
    std::uint32_t live = 0;
    std::uint32_t dead = 0;
    std::uint32_t other = 0;
  };
  enum class Change : std::uint8_t { None, Held, Released };

  /// All words of one reply at once: their order says nothing. Held: with these a run has `window` words more than the
  /// shares allow, and removals are held from now on, for a whole period after the last that is dead; later ones of the
  /// same run hold again at once. Released: with these enough live. A run that did not hold is forgotten after a period
  /// without a dead token, one that did is not.
  Change count(const Said& said, MonoTime now, const RemovalLimits& limits) noexcept;
  bool holds(MonoTime now) const noexcept { return now < held_until_; }
  /// MonoTime{}: nothing was held.
  MonoTime held_until() const noexcept { return held_until_; }
  /// No run is open, so only a dead token changes anything.
  bool is_calm() const noexcept { return !in_run_; }
  /// It has held, and not enough live since: the next dead token holds again.
  bool is_undecided() const noexcept { return has_held_; }
  /// As if nothing had been said.
  void reset() noexcept { *this = {}; }
  /// As if it had held before: undecided, and nothing is held yet.
  void resume(const RemovalLimits& limits) noexcept;

 private:
  bool in_run_ = false;
  bool has_held_ = false;  // in this run
  double silence_ = 0;     // words beyond what live_share allows; at 0 the run ends
  double deaths_ = 0;      // likewise beyond share
  MonoTime last_dead_{};
  MonoTime held_until_{};
};

/// The vendor's time rule (§1.8): a token registered after the vendor saw it dead stays. Without that time, one
/// registered before the request was sent may go.
bool may_remove(const Device& device, std::optional<WallTime> gone_at, WallTime sent_at) noexcept;

}  // namespace nightpost::dispatch
