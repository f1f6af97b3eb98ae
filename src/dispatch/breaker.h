// Leaves a refused credential alone: closed → open → one probe → closed, or open for twice as long. Only credential
// faults open it; a vendor that is down or slow is the back-off's business. Pure.
#pragma once

#include <cstdint>

#include "core/time.h"

namespace nightpost::dispatch {

/// Numbers the probes of one breaker, for the pushes of a shared request all hold it, and some may hold it for longer
/// than it lasts.
enum class Probe : std::uint32_t { None };

class Breaker {
 public:
  enum class State : std::uint8_t { Closed, Open, Probing };

  /// Whether a push may be sent now: closed, or open long enough that one may probe.
  bool admits(MonoTime now) const noexcept;
  /// The same for one that is hardly ever taken, whatever the credential: others had as long again to probe instead.
  bool admits_doubtful(MonoTime now) const noexcept;
  /// A push that was admitted is handed to the transport. True: it is the probe, and its end must be told by one of
  /// passed(), trip(probe = true) or unclear(). A probe that is refreshed and replayed stays the probe.
  bool sent(MonoTime now) noexcept;

  /// The vendor refuses the credential. True: this opened it, or opened it again for twice as long, if it was the probe
  /// that failed; the answers to pushes sent before it opened change nothing.
  bool trip(bool probe, MonoTime now, milliseconds first, milliseconds max) noexcept;
  /// The probe was answered, and not with a credential fault. True: it was open and is closed now.
  bool passed() noexcept;
  /// The probe ended without a word about the credential: the next one is let through after `wait`.
  void unclear(MonoTime now, milliseconds wait) noexcept;

  State state() const noexcept { return state_; }
  MonoTime until() const noexcept { return until_; }      // Open: when one may probe
  milliseconds delay() const noexcept { return delay_; }  // how long it was opened for the last time; 0: closed

 private:
  State state_ = State::Closed;
  milliseconds delay_{0};
  MonoTime until_{};
};

}  // namespace nightpost::dispatch
