#include "dispatch/signer_health.h"

#include <algorithm>

namespace nightpost::dispatch {

bool SignerHealth::fall(State to, MonoTime now, const Options& options) noexcept {
  if (state_ != State::Healthy) return false;
  state_ = to;
  interval_ = std::min(std::max(interval_ * 2, options.probe_first), options.probe_max);
  probe_at_ = now + interval_;
  return true;
}

bool SignerHealth::recover() noexcept {
  if (state_ == State::Healthy) return false;
  state_ = State::Healthy;
  probing_ = false;
  return true;
}

std::uint32_t SignerHealth::begin_probe() noexcept {
  probing_ = true;
  if (++probe_ == 0) ++probe_;
  return probe_;
}

void SignerHealth::probe_ended(std::uint32_t probe, bool heard, MonoTime now, const Options& options) noexcept {
  if (!is_probe(probe)) return;
  probing_ = false;
  if (heard) state_ = State::Failing;
  interval_ = std::min(interval_ * 2, options.probe_max);
  probe_at_ = now + interval_;
}

MonoTime SignerHealth::retry_at(MonoTime now) const noexcept {
  return probing_ ? now + interval_ : std::max(probe_at_, now);
}

}  // namespace nightpost::dispatch
