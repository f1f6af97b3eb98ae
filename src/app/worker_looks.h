// Looks at workers' /metrics again and again, for the charts of the console's first page and its page of workers. On a
// thread of its own, and on one more for each worker while that is asked.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "admin/rate_book.h"
#include "core/result.h"
#include "core/time.h"

namespace nightpost::app {

class WorkerLooks {
 public:
  struct Worker {
    std::string name;
    std::function<Result<std::string>()> page;  // may take a few seconds; on any thread
  };
  /// Borrows the clock and the book.
  WorkerLooks(std::vector<Worker> workers, const Clock& clock, admin::RateBook& book);

 private:
  void run(const std::stop_token& stop);
  admin::RateBook::Look look_at(const Worker& worker) const;

  const std::vector<Worker> workers_;
  const Clock& clock_;
  admin::RateBook& book_;
  std::jthread thread_;  // last: it ends first
};

/// GET `origin`/metrics: within 2 s, at most 4 MiB.
Result<std::string> fetch_metrics(const std::string& origin);

}  // namespace nightpost::app
