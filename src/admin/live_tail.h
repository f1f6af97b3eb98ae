// The latest outcomes for those who watch: numbered, and bounded however slow they read. For any threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/time.h"

namespace nightpost::admin {

inline constexpr std::size_t kLiveRowBytesMax = 16'384;  // a longer one is left out
inline constexpr milliseconds kLiveIdle{30'000};         // after which nobody watches any more

struct LiveRow {
  std::uint64_t number = 0;  // given by add()
  AppId app;
  std::string vendor, outcome, rule, user, event;
  std::string json;  // as on the results topic
};

/// Empty: any.
struct LiveFilter {
  std::optional<AppId> app;
  std::string vendor, outcome, rule, user, event;
  bool matches(const LiveRow& row) const;
};

class LiveTail {
 public:
  LiveTail(std::size_t rows_max, std::size_t per_second_max) : rows_max_(rows_max), per_second_max_(per_second_max) {}

  /// By whoever reads the topic. The oldest row goes for one too many; what comes faster than per_second_max is left
  /// out, so that it costs little.
  bool has_room(MonoTime now);  // REQUIRED before each add(): false: this one is counted as left out
  void add(LiveRow row);
  void leave_out();
  /// Why nothing is read now; empty: it is.
  void set_trouble(std::string why);
  bool is_watched(MonoTime now) const;

  struct Page {
    std::vector<LiveRow> rows;   // in order, at most `limit` that match
    std::uint64_t next = 0;      // what to ask behind
    std::uint64_t missed = 0;    // rows behind `after` that were forgotten before this look, of any filter
    std::uint64_t left_out = 0;  // since the reading began
    std::string trouble;
  };
  /// Somebody watches. `after`: nullopt: the latest; a number that was never given: all that is kept.
  Page look(std::optional<std::uint64_t> after, const LiveFilter& filter, const std::function<bool(AppId)>& may_see,
            std::size_t limit, MonoTime now);

 private:
  const std::size_t rows_max_, per_second_max_;
  mutable std::mutex mutex_;
  std::deque<LiveRow> rows_;  // by mutex_, as those below
  std::uint64_t last_ = 0;    // number of the newest there was
  std::uint64_t left_out_ = 0;
  std::size_t in_this_second_ = 0;
  MonoTime second_{};
  std::optional<MonoTime> watched_at_;
  std::string trouble_;
};

}  // namespace nightpost::admin
