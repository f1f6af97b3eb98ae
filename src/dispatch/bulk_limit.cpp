#include "dispatch/bulk_limit.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <utility>

namespace nightpost::dispatch {

milliseconds WayIn::waited(WallTime written_at, WallTime now, MonoTime now_mono) noexcept {
  if (written_at == WallTime{}) return milliseconds(0);
  if (now_mono >= turn_ends_) {
    least_before_ = std::exchange(least_, milliseconds::max());
    if (now_mono - turn_ends_ >= kTurn) least_before_ = milliseconds::max();
    turn_ends_ = now_mono + kTurn;
  }
  const milliseconds took = now - written_at;
  least_ = std::min(least_, took);
  return took - std::min(least_, least_before_);
}

double CalmTime::lateness(double took_ms, bool calm, MonoTime now) noexcept {
  double weight = kSmoothing, counted_ms = took_ms;
  if (calm || samples_ == 0) {
    weight = std::max(kSmoothing, 1 / ++samples_);
  } else {
    weight = std::clamp((now - heard_at_) / kFollows, 0.0, kSmoothing);
    counted_ms = std::min(took_ms, kFollowsAtMost * std::sqrt(usual_sq_));
  }
  heard_at_ = now;
  usual_sq_ += (counted_ms * counted_ms - usual_sq_) * weight;
  return took_ms / std::max(std::sqrt(usual_sq_), kLeastMs);
}

BulkLimit::BulkLimit(std::size_t least, std::size_t most, std::size_t least_per_s) noexcept
    : least_(static_cast<double>(std::max<std::size_t>(least, 1))),
      most_(static_cast<double>(std::max(least, most))),
      limit_(least_),
      pace_least_(static_cast<double>(std::max<std::size_t>(least_per_s, 1))),
      pace_(pace_least_) {}

void BulkLimit::heard(double lateness, std::size_t in_air, MonoTime now) noexcept {
  if (!std::exchange(heard_any_, true)) window_ends_ = now + kWindow;
  heard_at_ = now;
  const double counted = std::min(lateness, kLatenessMax);
  sum_ += counted * counted;
  in_air_most_ = std::max(in_air_most_, in_air);
  ++samples_;
  if (now < window_ends_) return;
  close_window(static_cast<int>(std::min<std::int64_t>((now - window_ends_) / kWindow + 1, kWindowsMax)));
  window_ends_ = now + kWindow;
  sum_ = began_ = 0;
  samples_ = in_air_most_ = 0;
}

std::size_t BulkLimit::limit(MonoTime now) const noexcept {
  return heard_any_ && now - heard_at_ <= kAlone ? static_cast<std::size_t>(limit_) : kNone;
}

std::size_t BulkLimit::may(Step step, MonoTime now) noexcept {
  Meter& meter = meters_[static_cast<std::size_t>(step)];
  const double most = std::max(per_s(step) * kBurst.count(), 1.0);
  if (limit(now) == kNone) {
    meter = {.credit = most, .at = now};  // what began while nobody else sent is no debt
    return kNone;
  }
  const std::chrono::duration<double> since = now - std::exchange(meter.at, now);
  meter.credit = std::min(meter.credit + per_s(step) * std::min<decltype(since)>(since, kBurst).count(), most);
  return meter.credit < 1 ? 0 : static_cast<std::size_t>(meter.credit);
}

void BulkLimit::did(Step step, std::size_t count) noexcept {
  meters_[static_cast<std::size_t>(step)].credit -= static_cast<double>(count);
  if (step == Step::Begin) began_ += static_cast<double>(count);
}

MonoTime BulkLimit::goes_on_at(Step step, MonoTime now) noexcept {
  if (may(step, now) > 0) return now;
  const double missing = std::max(per_s(step) * kSome.count(), 1.0) - meters_[static_cast<std::size_t>(step)].credit;
  return now + std::chrono::ceil<MonoTime::duration>(std::chrono::duration<double>(missing / per_s(step)));
}

void BulkLimit::close_window(int passed) noexcept {
  const double count = static_cast<double>(samples_), late = std::sqrt(sum_ / count);
  const double tolerated = kTolerance + 1 / std::sqrt(count);
  if (late > tolerated) {
    const double part = std::max(tolerated / late, 0.5);
    limit_ *= part;
    pace_ *= part;
  } else {
    const double growth = std::pow(1.125, passed);
    // A limit that nobody comes near says nothing of a larger. One signer alone comes to half of it, rounded down.
    if (static_cast<double>(in_air_most_) >= limit_ / 3) limit_ *= growth;
    if (began_ >= pace_ * std::chrono::duration<double>(kWindow).count() * passed / 3) pace_ *= growth;
  }
  limit_ = std::clamp(limit_, least_, most_);
  pace_ = std::clamp(pace_, pace_least_, kPaceMost);
}

}  // namespace nightpost::dispatch
