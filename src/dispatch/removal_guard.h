// Mass invalidation: a wrong bundle id, a swapped environment or a changed key look exactly like "all tokens died".
// Over too large a share of dead tokens nothing is removed any more, until accepted pushes show that the credential is
// right and the tokens are dead indeed. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/device.h"
#include "core/time.h"
#include "dispatch/options.h"

namespace nightpost::dispatch {

/// What the vendor says of the tokens of one credential over the last mass_removal_period, counted in ten slices.
class RemovalGuard {
 public:
  enum class Said : std::uint8_t { Lives, Dead, Other };
  enum class Change : std::uint8_t { None, Held, Released };

  /// One word about one token. Held: with this one the share is passed, and removals are held from now on, for a whole
  /// period after the last that is dead. Released: with this one enough live.
  Change count(Said said, MonoTime now, const Options& options) noexcept;
  bool holds(MonoTime now) const noexcept { return now < held_until_; }

 private:
  static constexpr std::size_t kSlices = 10;
  struct Slice {
    std::int64_t number = -1;  // since the clock's epoch
    std::uint32_t all = 0;
    std::uint32_t dead = 0;
    std::uint32_t live = 0;
  };
  std::array<Slice, kSlices> slices_;
  MonoTime held_until_{};
};

/// The vendor's time rule (§1.8): a token registered after the vendor saw it dead stays. Without that time, one
/// registered before the request was sent may go.
bool may_remove(const Device& device, std::optional<WallTime> gone_at, WallTime sent_at) noexcept;

}  // namespace nightpost::dispatch
