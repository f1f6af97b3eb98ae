// How fast things went in the last hour, from what workers count on /metrics: for the charts of the first page. And how
// each of them stood at the last look: for the page of workers.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "admin/worker_page.h"
#include "core/result.h"
#include "core/time.h"

namespace nightpost::admin {

inline constexpr milliseconds kRatesEvery{10'000};  // from one look at the workers to the next
inline constexpr std::size_t kRatePointsMax = 360;  // of these looks: an hour

/// All workers together, between two looks. Rates are a second.
struct RatePoint {
  WallTime at{};
  std::size_t workers = 0;  // whose counts are in it
  WorkerCounts rates;
  std::size_t lagging = 0;  // whose lag is in it: also those that were looked at for the first time
};

/// For any threads.
class RateBook {
 public:
  /// One look at one worker.
  struct Look {
    MonoTime at{};
    Result<WorkerState> seen;
  };
  struct Source {
    std::string name, trouble;                       // why nothing is known of it now; empty: it is
    std::optional<WallTime> looked_at, answered_at;  // last; nullopt: not yet
    std::optional<WorkerState> state;                // of the last look, if it answered: nothing older is told
    std::optional<WorkerCounts> rates;               // a second, since the look before, if it answered that, too
  };

  /// The workers, by name; before the first add().
  void watch(const std::vector<std::string>& names);
  /// A look at each of them, in their order. One that failed has no part in this point, nor, for want of a count to
  /// begin from, in the next. A count that is smaller than before is of a worker that began anew.
  void add(WallTime at, std::vector<Look> looks);
  std::vector<Source> sources() const;
  std::vector<RatePoint> points() const;  // rising

 private:
  struct Before {
    MonoTime at{};
    WorkerCounts counts;
  };
  mutable std::mutex mutex_;
  std::vector<Source> sources_;                // by mutex_, as those below
  std::vector<std::optional<Before>> before_;  // of each source
  std::deque<RatePoint> points_;
};

}  // namespace nightpost::admin
