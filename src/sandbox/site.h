// One vendor's site: its simulator under the fault script, its record of requests, its receipts, its control paths.
// Pure: the sandbox brings requests, times and the lock.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sandbox/fault_script.h"
#include "sandbox/request_log.h"
#include "sandbox/vendor_simulator.h"
#include "server/fault_injection.h"
#include "server/http_server.h"

namespace nightpost::sandbox {

class Site {
 public:
  Site(std::string vendor, std::unique_ptr<VendorSimulator> simulator, RequestLog::Limits limits);

  struct Served {
    server::FaultAction action;
    std::vector<ReceiptPost> receipts;  // to be posted some time after the answer
  };
  /// Judges the request; the script may answer one that would have been accepted, or refuse some of its tokens. A
  /// refusal stands: faults are for requests that are right.
  Served serve(const server::ServerRequest& request, FaultScript& script, WallTime now);

  /// From now on receipts are made; nullopt: no more.
  void set_receipts(std::optional<ReceiptSecret> secret);
  /// What the vendor posts about the last push to `token`, or, if none is remembered, about one that carried `event`'s
  /// id, tag and app. Malformed: an unknown status, or receipts were not taught.
  Result<std::vector<ReceiptPost>> receipt(ReceiptEvent event, WallTime now);

  const std::string& vendor() const noexcept { return vendor_; }
  VendorSimulator& simulator() noexcept { return *simulator_; }
  RequestLog& log() noexcept { return log_; }
  const RequestLog& log() const noexcept { return log_; }
  /// {"requests", "accepted", "refused", "faults", "pushes", "tokens"} since the start. `pushes` were answered as
  /// accepted, `tokens` is how many devices they reached.
  std::string counts_json() const;

 private:
  struct Sent {
    std::string id, tag, app;
    int variant = 0;
  };
  server::FaultAction meet(const Faults& faults, Judgement& judgement, const server::ServerRequest& request,
                           WallTime now);
  std::vector<ReceiptPost> deliver(const Judgement& judgement, WallTime now);
  void remember(const Judgement& judgement, const TokenVerdict& one);

  std::string vendor_;
  std::unique_ptr<VendorSimulator> simulator_;
  RequestLog log_;
  std::optional<ReceiptSecret> receipt_secret_;
  std::unordered_map<std::string, Sent> sent_;  // the last push to a token, while receipts are made
  std::deque<std::string> sent_order_;
  std::int64_t requests_ = 0;
  std::int64_t refused_ = 0;
  std::int64_t faults_ = 0;
  std::int64_t pushes_ = 0;
  std::int64_t tokens_ = 0;
};

}  // namespace nightpost::sandbox
