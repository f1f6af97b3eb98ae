#include "dispatch/breaker.h"

#include <algorithm>

namespace nightpost::dispatch {

bool Breaker::admits(MonoTime now) const noexcept {
  return state_ == State::Closed || (state_ == State::Open && now >= until_);
}

bool Breaker::admits_doubtful(MonoTime now) const noexcept {
  return state_ == State::Closed || (state_ == State::Open && now >= until_ + delay_);
}

bool Breaker::sent(MonoTime now) noexcept {
  if (state_ != State::Open || now < until_) return false;
  state_ = State::Probing;
  return true;
}

bool Breaker::trip(bool probe, MonoTime now, milliseconds first, milliseconds max) noexcept {
  if (state_ == State::Open || (state_ == State::Probing && !probe)) return false;
  delay_ = state_ == State::Closed ? std::min(first, max) : std::min(delay_ * 2, max);
  state_ = State::Open;
  until_ = now + delay_;
  return true;
}

bool Breaker::passed() noexcept {
  if (state_ != State::Probing) return false;
  state_ = State::Closed;
  delay_ = milliseconds(0);
  return true;
}

void Breaker::unclear(MonoTime now, milliseconds wait) noexcept {
  if (state_ != State::Probing) return;
  state_ = State::Open;
  until_ = now + wait;
}

}  // namespace nightpost::dispatch
