// Calls that wait for a thread that answers: in order, and bounded. For any threads.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "core/time.h"

namespace nightpost::admin {

template <class Job>
class CallQueue {
 public:
  explicit CallQueue(std::size_t waiting_max) : waiting_max_(waiting_max) {}

  enum class Put { Taken, Full, Closed };
  /// `job` is moved from only where it is taken.
  Put put(Job&& job) {
    const std::scoped_lock lock(mutex_);
    if (closed_) return Put::Closed;
    if (jobs_.size() >= waiting_max_) return Put::Full;
    jobs_.push_back(std::move(job));
    wake_.notify_one();
    return Put::Taken;
  }
  /// Waits for one; nullopt: `stop` came, and what still waits is not answered. done() is REQUIRED after each job.
  std::optional<Job> next(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, stop, [this] { return !jobs_.empty(); });
    if (jobs_.empty() || stop.stop_requested()) return std::nullopt;
    std::optional<Job> job(std::move(jobs_.front()));
    jobs_.pop_front();
    ++working_;
    return job;
  }
  void done() {
    const std::scoped_lock lock(mutex_);
    --working_;
    idle_.notify_all();
  }
  /// From now on nothing is taken; waits until all that was is done. False: `deadline` came first.
  bool drain(MonoTime deadline) {
    std::unique_lock lock(mutex_);
    closed_ = true;
    return idle_.wait_until(lock, deadline, [this] { return jobs_.empty() && working_ == 0; });
  }
  void close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  std::size_t waiting() const {
    const std::scoped_lock lock(mutex_);
    return jobs_.size();
  }

 private:
  const std::size_t waiting_max_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_, idle_;
  std::deque<Job> jobs_;     // by mutex_, as those below
  std::size_t working_ = 0;  // threads between next() and done()
  bool closed_ = false;
};

}  // namespace nightpost::admin
