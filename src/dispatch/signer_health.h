// Whether the vendor answers a signer: healthy, silent (requests are in the air and nothing is heard) or failing
// (nothing but failures). While it does not, one request at a time probes. Pure.
#pragma once

#include <cstdint>

#include "core/time.h"
#include "dispatch/options.h"

namespace nightpost::dispatch {

/// Never more than one probe in the air. The interval from the end of a probe to the next one doubles, from
/// `probe_first` to `probe_max`, and begins anew only after settled(): a vendor that answers one request and falls
/// silent again is not probed as often as one that fell silent for the first time. Times never go back.
class SignerHealth {
 public:
  enum class State : std::uint8_t { Healthy, Silent, Failing };

  State state() const noexcept { return state_; }
  /// REQUIRED: not Healthy. True: it was healthy until now.
  bool fall(State to, MonoTime now, const Options& options) noexcept;
  /// The vendor has done what it was asked, or refused it for a reason. True: it was not healthy until now.
  bool recover() noexcept;
  /// Many requests went well since: the next trouble is a new one.
  void settle() noexcept { interval_ = milliseconds(0); }

  bool may_probe(MonoTime now) const noexcept { return state_ != State::Healthy && !probing_ && now >= probe_at_; }
  /// The request that goes now is the probe; its end must be told by recover() or probe_ended(). Returns its number,
  /// never 0. REQUIRED: may_probe().
  std::uint32_t begin_probe() noexcept;
  /// That one is in the air, and the vendor is not back since.
  bool is_probe(std::uint32_t probe) const noexcept { return probing_ && probe == probe_; }
  /// It ended and the vendor is not healthy. `heard`: it answered, so it fails and is not silent. Of a probe that has
  /// ended already nothing is heard.
  void probe_ended(std::uint32_t probe, bool heard, MonoTime now, const Options& options) noexcept;
  /// When a push that may not go now should be tried again.
  MonoTime retry_at(MonoTime now) const noexcept;

 private:
  State state_ = State::Healthy;
  bool probing_ = false;
  std::uint32_t probe_ = 0;  // the last one
  milliseconds interval_{0};
  MonoTime probe_at_{};
};

}  // namespace nightpost::dispatch
