#include "dispatch/concurrency_limit.h"

#include <algorithm>

namespace nightpost::dispatch {

ConcurrencyLimit::ConcurrencyLimit(std::size_t least, std::size_t most) noexcept
    : least_(static_cast<double>(std::clamp<std::size_t>(least, 1, std::max<std::size_t>(most, 1)))),
      most_(static_cast<double>(std::max<std::size_t>(most, 1))),
      limit_(most_) {}

void ConcurrencyLimit::answered(milliseconds latency, std::size_t in_flight, MonoTime now) noexcept {
  sum_ms_ += static_cast<double>(std::max<std::int64_t>(latency.count(), 0));
  in_flight_most_ = std::max(in_flight_most_, in_flight);
  ++samples_;
  if (samples_ < kSamplesMin || now < window_ends_) return;
  close_window();
  window_ends_ = now + kWindow;
  sum_ms_ = 0;
  samples_ = 0;
  in_flight_most_ = 0;
}

void ConcurrencyLimit::close_window() noexcept {
  const double short_ms = sum_ms_ / static_cast<double>(samples_);
  if (long_ms_ == 0) long_ms_ = short_ms;
  long_ms_ += (short_ms - long_ms_) / kLongWindows;
  if (long_ms_ > 2 * short_ms) long_ms_ *= 0.95;  // it has become fast: do not take minutes to believe it
  const double gradient = std::clamp((kTolerance * long_ms_ + kSlackMs) / std::max(short_ms, 1.0), 0.5, 1.0);
  // A limit that nobody comes near is not what made the answers slow, and says nothing about what lies above it.
  if (static_cast<double>(in_flight_most_) < limit_ / (gradient < 1.0 ? 8 : 2)) return;
  const double next = gradient * limit_ + (gradient == 1.0 ? limit_ / 8 + 4 : 4);
  limit_ = std::clamp(limit_ + kSmoothing * (next - limit_), least_, most_);
}

}  // namespace nightpost::dispatch
