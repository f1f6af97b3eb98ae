// Latencies in whole milliseconds, counted: exact percentiles in memory that the spread bounds, not the number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

namespace nightpost::support {

class Latencies {
 public:
  void add(std::int64_t ms) {
    ++cells_[std::max<std::int64_t>(ms, 0)];
    ++count_;
  }
  std::uint64_t count() const noexcept { return count_; }
  /// The least value that the share `p` of (0, 1] does not exceed; 0 if nothing was added.
  std::int64_t percentile(double p) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(std::max(1.0, p * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (const auto& [ms, count] : cells_)
      if ((seen += count) >= wanted) return ms;
    return 0;
  }

 private:
  std::map<std::int64_t, std::uint64_t> cells_;
  std::uint64_t count_ = 0;
};

}  // namespace nightpost::support
