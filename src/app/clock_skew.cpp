#include "app/clock_skew.h"

#include <algorithm>

#include "providers/retry_after.h"

namespace nightpost::app {

milliseconds clock_skew(WallTime sent, WallTime received, WallTime date) noexcept {
  const milliseconds most = std::max(sent, received) - date;  // as if said when it came
  const milliseconds least = std::min(sent, received) - date - (seconds(1) - milliseconds(1));
  return std::clamp(milliseconds(0), least, most);
}

std::optional<milliseconds> clock_skew(WallTime sent, WallTime received, const HttpResponse& answer) noexcept {
  const auto text = answer.header("date");
  const auto date = text ? from_http_date(*text) : std::nullopt;
  if (!date) return std::nullopt;
  return clock_skew(sent, received, *date);
}

void SkewMetrics::set(Vendor vendor, Sample sample) noexcept {
  Cell& cell = cells_[std::size_t(vendor)];
  cell.skew.set(static_cast<std::uint64_t>(sample.skew.count()));
  cell.at.set(static_cast<std::uint64_t>(to_ms(sample.at)));
}

std::optional<SkewMetrics::Sample> SkewMetrics::latest(Vendor vendor) const noexcept {
  const Cell& cell = cells_[std::size_t(vendor)];
  const auto at = static_cast<std::int64_t>(cell.at.read());
  if (at == 0) return std::nullopt;
  return Sample{milliseconds(static_cast<std::int64_t>(cell.skew.read())), wall_from_ms(at)};
}

}  // namespace nightpost::app
