#include "dispatch/signer_pace.h"

#include <algorithm>
#include <chrono>

namespace nightpost::dispatch {
namespace {

/// Of a vendor's requests a minute, ours. At least one.
std::size_t share_of(std::size_t requests_per_minute, double share) noexcept {
  return std::max<std::size_t>(static_cast<std::size_t>(static_cast<double>(requests_per_minute) * share), 1);
}

}  // namespace

std::optional<MonoTime> SignerPace::quota_spent_until(std::size_t requests_per_minute, MonoTime now) noexcept {
  if (requests_per_minute == 0) return std::nullopt;
  if (now >= minute_ends_) {  // the next one begins with the first request that asks for it
    minute_ends_ = now + std::chrono::minutes(1);
    spent_ = 0;
  }
  if (spent_ + slots_.reserved() < share_of(requests_per_minute, options_->quota_share)) return std::nullopt;
  return minute_ends_;
}

void SignerPace::sent() noexcept {
  ++spent_;
  slots_.take();
}

void SignerPace::proven(bool doubles) noexcept {
  throttled_in_a_row_ = 0;
  if (!doubles || allowed_ == kUnbounded) return;
  allowed_ = allowed_ * 2 < options_->credential_in_flight_max ? allowed_ * 2 : kUnbounded;
}

void SignerPace::stale(const Grant* grant) noexcept {
  if (grant == stale_) return;
  stale_ = grant;
  allowed_ = std::min(allowed_, options_->credential_in_flight_first);
}

std::optional<milliseconds> SignerPace::throttle(const Answer& answer, MonoTime until, std::uint64_t connection,
                                                 MonoTime sent_at, MonoTime now) noexcept {
  const bool of_credential = answer.scope == Scope::Credential;
  const bool paused = now < paused_until_;
  // What was in the air together is one complaint.
  if (of_credential ? !paused : connection != throttled_connection_ || sent_at >= throttled_at_) ++throttled_in_a_row_;
  throttled_connection_ = connection;
  throttled_at_ = now;
  allowed_ = throttled_in_a_row_ > 1 ? 1 : options_->credential_in_flight_first;
  // A connection that is throttled gives way to another; where the next one is too, it is the credential.
  if (!of_credential && throttled_in_a_row_ < 2) return std::nullopt;
  milliseconds pause = options_->backoff_first;
  for (int i = 1; i < throttled_in_a_row_ && pause < options_->backoff_max; ++i) pause *= 2;
  paused_until_ = std::max({paused_until_, until, now + std::min(pause, options_->backoff_max)});
  if (paused) return std::nullopt;
  return std::chrono::ceil<milliseconds>(paused_until_ - now);
}

}  // namespace nightpost::dispatch
