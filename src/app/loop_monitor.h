// Whether a shard's loop keeps turning: a beat that comes late tells of a stall, and the time that each part of the
// loop's work took tells which part it was.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "core/counter.h"
#include "core/time.h"
#include "dispatch/metrics.h"

namespace nightpost::app {

/// What a shard's loop works on, as far as it says so. One push is never a part of its own: parts are whole batches.
enum class LoopPart : std::uint8_t {
  Other,     // what no part names: reading connections, TLS, libcurl, names
  Accept,    // batches from Kafka: decode, resolve, plan
  Answers,   // the answers of a lane's turn: verdicts, retries, what is planned next
  Timers,    // what the dispatcher had due
  Grants,    // pushes that waited for a grant
  Outcomes,  // outcomes to Kafka's producer
  Flush,     // requests to lanes and connections
  Store,     // wherever it is asked: SQLite, or the connection to PostgreSQL
  HandBack,  // records of partitions that moved
  Sweep,     // lanes that nobody uses any longer
  Count,
};
std::string_view name_of(LoopPart part) noexcept;  // "other", "accept", …

using LoopTimes = std::array<MonoTime::duration, std::size_t(LoopPart::Count)>;
/// Which part to name for a stall of `lasted`: the one that took most of it. `spent`: by part; what no part accounts
/// for is Other's.
LoopPart part_to_name(MonoTime::duration lasted, const LoopTimes& spent) noexcept;

struct LoopStall {
  milliseconds lasted{0};
  milliseconds cpu{0};  // of the thread meanwhile: much less than `lasted` means that it waited
  LoopPart part = LoopPart::Other;
};

/// Written by the loop, read by the scrape.
struct LoopMetrics {
  Counter turns;    // that had anything to do
  Counter answers;  // of lanes, in those turns
  std::array<Counter, std::size_t(LoopPart::Count)> stalls;
  dispatch::LatencyHistogram stall_time;
};

/// The time to a few ms, for a third of what the exact one costs.
class CoarseClock final : public Clock {
 public:
  WallTime wall() const noexcept override;
  MonoTime mono() const noexcept override;  // comparable with the steady clock, and never ahead of it
};

/// One a loop, on its thread, but for what says otherwise. `clock` and `metrics` outlive it.
class LoopMonitor {
 public:
  /// `stall_after`: a beat this late is a stall. `clock` tells parts apart; it need not be exact.
  LoopMonitor(milliseconds stall_after, const Clock& clock, LoopMetrics& metrics)
      : stall_after_(stall_after), clock_(clock), metrics_(metrics) {}
  LoopMonitor(const LoopMonitor&) = delete;
  LoopMonitor& operator=(const LoopMonitor&) = delete;

  /// The loop works on `part` as long as the result lives; parts may stand within each other, and time counts for the
  /// innermost. Costs two looks at the clock, so it is for what is done once a turn, not for each push.
  class [[nodiscard]] Working {
   public:
    Working(LoopMonitor& monitor, LoopPart part) noexcept : monitor_(monitor), outer_(monitor.change_to(part)) {}
    ~Working() { monitor_.change_to(outer_); }
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;
    LoopPart outer() const noexcept { return outer_; }

   private:
    LoopMonitor& monitor_;
    const LoopPart outer_;
  };
  void count_turn() noexcept { metrics_.turns.add(); }
  void count_answers(std::size_t answers) noexcept { metrics_.answers.add(answers); }

  /// How often to call beat(). A stall that is longer than stall_after by less than this may go unseen.
  milliseconds interval() const noexcept { return std::max(milliseconds(1), stall_after_ / 4); }
  /// From a timer on the loop, set anew each time. `now` is exact; `thread_cpu`: the CPU time of its thread until now.
  void beat(MonoTime now, std::chrono::nanoseconds thread_cpu);

  struct Report {
    std::uint64_t stalls = 0;            // that ended since the last report
    std::optional<LoopStall> longest;    // of them
    std::optional<LoopStall> under_way;  // one that has not ended yet; its cpu is unknown and 0
  };
  /// Any thread, one at a time. REQUIRED: `now` is of the clock that beats are timed by.
  Report report(MonoTime now);

 private:
  /// Returns what the loop worked on until now.
  LoopPart change_to(LoopPart part) noexcept;

  const milliseconds stall_after_;
  const Clock& clock_;
  LoopMetrics& metrics_;
  LoopTimes spent_{};  // since the last beat
  MonoTime changed_at_{};
  std::chrono::nanoseconds cpu_at_beat_{0};
  // Read by report().
  std::atomic<LoopPart> part_{LoopPart::Other};
  std::atomic<MonoTime> beat_at_{MonoTime{}};  // MonoTime{}: none yet
  std::mutex mutex_;                           // taken where a stall ended, and for a report
  std::uint64_t ended_ = 0;
  std::optional<LoopStall> longest_;
};

/// CPU time of the calling thread.
std::chrono::nanoseconds thread_cpu_time() noexcept;

}  // namespace nightpost::app
