// One vendor's site: its simulator under the fault script, its record of requests, its control paths. Pure: the sandbox
// brings requests, times and the lock.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "sandbox/fault_script.h"
#include "sandbox/request_log.h"
#include "sandbox/vendor_simulator.h"

namespace nightpost::sandbox {

class Site {
 public:
  Site(std::string vendor, std::unique_ptr<VendorSimulator> simulator, RequestLog::Limits limits);

  /// Judges the request; the script may answer one that would have been accepted. A refusal stands: faults are for
  /// requests that are right.
  net::ServerAction serve(const net::ServerRequest& request, FaultScript& script, WallTime now);

  const std::string& vendor() const noexcept { return vendor_; }
  VendorSimulator& simulator() noexcept { return *simulator_; }
  RequestLog& log() noexcept { return log_; }
  const RequestLog& log() const noexcept { return log_; }
  /// {"requests", "accepted", "refused", "faults"} since the start.
  std::string counts_json() const;

 private:
  std::string vendor_;
  std::unique_ptr<VendorSimulator> simulator_;
  RequestLog log_;
  std::int64_t requests_ = 0;
  std::int64_t refused_ = 0;
  std::int64_t faults_ = 0;
};

}  // namespace nightpost::sandbox
