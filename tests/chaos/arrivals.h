// How many came at whom in which second. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>

#include "chaos/ledger.h"

namespace nightpost::chaos {

class Arrivals {
 public:
  void add(VendorNumber vendor, std::int64_t at_ms, std::uint64_t count = 1) {
    cells_.at(vendor)[at_ms / 1000] += count;
  }
  /// The busiest second that lies wholly in [from, to).
  std::uint64_t busiest(VendorNumber vendor, std::int64_t from_ms, std::int64_t to_ms) const {
    std::uint64_t most = 0;
    each(vendor, from_ms, to_ms, [&](std::uint64_t count) { most = std::max(most, count); });
    return most;
  }
  /// Per second, over the seconds that lie wholly in [from, to); 0 if there is none.
  double per_second(VendorNumber vendor, std::int64_t from_ms, std::int64_t to_ms) const {
    const std::int64_t seconds = to_ms / 1000 - (from_ms + 999) / 1000;
    std::uint64_t all = 0;
    each(vendor, from_ms, to_ms, [&](std::uint64_t count) { all += count; });
    return seconds > 0 ? double(all) / double(seconds) : 0;
  }

 private:
  template <class Take>
  void each(VendorNumber vendor, std::int64_t from_ms, std::int64_t to_ms, Take take) const {
    const auto& cells = cells_.at(vendor);
    for (auto cell = cells.lower_bound((from_ms + 999) / 1000); cell != cells.end() && cell->first < to_ms / 1000;
         ++cell)
      take(cell->second);
  }
  std::array<std::map<std::int64_t, std::uint64_t>, kVendors> cells_;  // by vendor and second
};

}  // namespace nightpost::chaos
