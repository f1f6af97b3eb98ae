// What a process with a dispatcher tells ops beside its metrics.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>

#include "app/certificate_dates.h"
#include "app/stall_log.h"
#include "app/worker.h"
#include "core/time.h"
#include "observe/log.h"

namespace nightpost::app {

/// Says once a second what ops should hear of: counters that must not rise have risen, the brokers went or came back, a
/// shard's loop stood still. Once a minute it reads when certificates end.
class WorkerWatch {
 public:
  WorkerWatch(boost::asio::io_context& loop, Worker& worker, CertificateDates& dates, const Clock& clock,
              observe::Log& log)
      : timer_(loop),
        worker_(worker),
        metrics_(worker.metrics()),
        dates_(dates),
        clock_(clock),
        log_(log),
        stalls_(log) {}

  void start();

 private:
  void look();
  void risen(const char* event, std::uint64_t now, std::uint64_t& before);

  boost::asio::steady_timer timer_;
  Worker& worker_;
  const WorkerMetrics& metrics_;
  CertificateDates& dates_;
  const Clock& clock_;
  observe::Log& log_;
  StallLog stalls_;
  std::uint64_t internal_ = 0, commit_errors_ = 0;
  bool down_ = false;
};

}  // namespace nightpost::app
