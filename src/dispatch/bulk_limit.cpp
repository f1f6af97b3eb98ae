#include "dispatch/bulk_limit.h"

#include <algorithm>

namespace nightpost::dispatch {

double CalmTime::lateness(double took_ms, bool calm, MonoTime now) noexcept {
  if (calm || samples_ == 0) calm_at_ = now;
  if (now - calm_at_ > kBelieved) calm = true;
  if (calm || samples_ == 0) {
    samples_ += 1;
    usual_ms_ += (took_ms - usual_ms_) * std::max(kSmoothing, 1 / samples_);
  }
  return took_ms / std::max(usual_ms_, kLeastMs);
}

BulkLimit::BulkLimit(std::size_t least, std::size_t most) noexcept
    : least_(static_cast<double>(std::max<std::size_t>(least, 1))),
      most_(static_cast<double>(std::max(least, most))),
      limit_(least_) {}

void BulkLimit::heard(double lateness, std::size_t in_air, MonoTime now) noexcept {
  heard_at_ = now;
  heard_any_ = true;
  sum_ += std::min(lateness, kLatenessMax);
  in_air_most_ = std::max(in_air_most_, in_air);
  ++samples_;
  if (samples_ < kSamplesMin || now < window_ends_) return;
  close_window();
  window_ends_ = now + kWindow;
  sum_ = 0;
  samples_ = in_air_most_ = 0;
}

std::size_t BulkLimit::limit(MonoTime now) const noexcept {
  return heard_any_ && now - heard_at_ <= kAlone ? static_cast<std::size_t>(limit_) : kNone;
}

void BulkLimit::close_window() noexcept {
  const double late = sum_ / static_cast<double>(samples_);
  if (late > kTolerance)
    limit_ *= std::max(kTolerance / late, 0.5);
  else if (static_cast<double>(in_air_most_) >= limit_ / 2)  // a limit that nobody comes near says nothing of a larger
    limit_ += limit_ / 8;
  limit_ = std::clamp(limit_, least_, most_);
}

}  // namespace nightpost::dispatch
