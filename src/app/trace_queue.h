// Trace rows on their way from the shards to the trace file's writer: bounded, and never waited for by who adds.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "app/otlp_exporter.h"
#include "app/receipt_rate.h"
#include "app/trace_options.h"
#include "core/counter.h"
#include "core/time.h"
#include "store/trace_store.h"

namespace nightpost::app {

struct TraceMetrics {
  Counter written, deleted;                            // rows
  Counter dropped_rate, dropped_queue, dropped_store;  // rows that are not kept, and for want of what
  Counter queued;                                      // gauge
  Counter sampled_passed_over;                         // events
  OtlpMetrics otlp;
};

/// Any thread, but take() one at a time.
class TraceQueue {
 public:
  TraceQueue(const TraceOptions& options, TraceMetrics& metrics)
      : rows_max_(options.queue_rows_max),
        metrics_(metrics),
        rate_(options.rows_per_second_max),
        sampled_rate_(std::max<std::uint32_t>(options.rows_per_second_max / (2 * kRowsOfOneReceiver), 1)) {
    rows_.reserve(rows_max_ / 8);
  }

  /// Whether one more event may be kept whole only because it is in the sample. Half of the rate is for failures: of a
  /// storm of events it is better to keep few whole than many in part.
  bool admits_sampled(MonoTime now) {
    const std::scoped_lock lock(mutex_);
    if (sampled_rate_.try_acquire(now)) return true;
    metrics_.sampled_passed_over.add();
    return false;
  }
  /// Takes the row, or drops and counts it. Times must not go back.
  void add(store::TraceHop row, MonoTime now) {
    const std::scoped_lock lock(mutex_);
    if (!rate_.try_acquire(now)) return metrics_.dropped_rate.add();
    if (rows_.size() >= rows_max_) return metrics_.dropped_queue.add();
    rows_.push_back(std::move(row));
    metrics_.queued.set(rows_.size());
    if (rows_.size() == rows_max_ / 2) filled_.notify_one();  // else the writer comes by itself
  }
  /// Waits until the queue is half full or closed, at most `patience`; then all that is there.
  std::vector<store::TraceHop> take(milliseconds patience) {
    std::unique_lock lock(mutex_);
    filled_.wait_for(lock, patience, [this] { return closed_ || rows_.size() >= rows_max_ / 2; });
    metrics_.queued.set(0);
    return std::exchange(rows_, {});
  }
  /// take() waits no more.
  void close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    filled_.notify_one();
  }
  bool closed() {
    const std::scoped_lock lock(mutex_);
    return closed_;
  }

 private:
  static constexpr std::uint32_t kRowsOfOneReceiver = 4;  // consumed, resolved, outcome, settled

  const std::size_t rows_max_;
  TraceMetrics& metrics_;  // written under the mutex, but for those of the writer
  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<store::TraceHop> rows_;
  TokenBucket rate_, sampled_rate_;
  bool closed_ = false;
};

}  // namespace nightpost::app
