// How one shard's breaker of one certificate stands, for the metrics: its shard writes, the scrape reads. Nothing
// decides by reading it.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/time.h"
#include "dispatch/breaker.h"

namespace nightpost::dispatch {

class BreakerGauge {
 public:
  /// HalfOpen: its time is over, so that one request may try the credential, or does.
  enum class State : std::uint8_t { Closed, HalfOpen, Open };

  void set(const Breaker& breaker) noexcept {
    until_.store(breaker.until().time_since_epoch().count(), std::memory_order_relaxed);
    state_.store(breaker.state(), std::memory_order_relaxed);
  }
  State read(MonoTime now) const noexcept {
    const Breaker::State state = state_.load(std::memory_order_relaxed);
    if (state == Breaker::State::Closed) return State::Closed;
    const bool waits = now.time_since_epoch().count() < until_.load(std::memory_order_relaxed);
    return state == Breaker::State::Open && waits ? State::Open : State::HalfOpen;
  }

 private:
  std::atomic<MonoTime::rep> until_{0};
  std::atomic<Breaker::State> state_{Breaker::State::Closed};
};

}  // namespace nightpost::dispatch
