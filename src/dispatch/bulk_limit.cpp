#include "dispatch/bulk_limit.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <utility>

namespace nightpost::dispatch {

double CalmTime::lateness(double took_ms, bool calm, MonoTime now) noexcept {
  double weight = kSmoothing;
  if (calm || samples_ == 0)
    weight = std::max(kSmoothing, 1 / ++samples_);
  else
    weight = std::clamp((now - heard_at_) / kFollows, 0.0, kSmoothing);
  heard_at_ = now;
  usual_ms_ += (took_ms - usual_ms_) * weight;
  return took_ms / std::max(usual_ms_, kLeastMs);
}

BulkLimit::BulkLimit(std::size_t least, std::size_t most) noexcept
    : least_(static_cast<double>(std::max<std::size_t>(least, 1))),
      most_(static_cast<double>(std::max(least, most))),
      limit_(least_) {}

void BulkLimit::heard(double lateness, std::size_t in_air, MonoTime now) noexcept {
  if (!std::exchange(heard_any_, true)) window_ends_ = now + kWindow;
  heard_at_ = now;
  sum_ += std::min(lateness, kLatenessMax);
  in_air_most_ = std::max(in_air_most_, in_air);
  ++samples_;
  if (now < window_ends_) return;
  close_window(static_cast<int>(std::min<std::int64_t>((now - window_ends_) / kWindow + 1, kWindowsMax)));
  window_ends_ = now + kWindow;
  sum_ = 0;
  samples_ = in_air_most_ = 0;
}

std::size_t BulkLimit::limit(MonoTime now) const noexcept {
  return heard_any_ && now - heard_at_ <= kAlone ? static_cast<std::size_t>(limit_) : kNone;
}

void BulkLimit::close_window(int passed) noexcept {
  const double count = static_cast<double>(samples_), late = sum_ / count;
  const double tolerated = kTolerance + 1 / std::sqrt(count);
  if (late > tolerated)
    limit_ *= std::max(tolerated / late, 0.5);
  else if (static_cast<double>(in_air_most_) >= limit_ / 3)  // a limit that nobody comes near says nothing of a larger
    limit_ *= std::pow(1.125, passed);                       // one signer alone comes to half of it, rounded down
  limit_ = std::clamp(limit_, least_, most_);
}

}  // namespace nightpost::dispatch
