// Sends spans to an OpenTelemetry collector, on a thread of its own: what it cannot send is dropped and counted.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/counter.h"
#include "core/result.h"
#include "core/time.h"
#include "observe/log.h"
#include "store/trace_store.h"

namespace nightpost::app {

/// Malformed: no http:// or https:// URL with a host, or one that holds credentials.
Result<void> check_otlp_url(const std::string& url);

struct OtlpMetrics {
  Counter sent;             // spans that the collector took; written by the exporter's thread
  Counter dropped_refused;  // it did not, or was not there
  Counter dropped_queue;    // more came than it took; written by who adds
};

class OtlpExporter {
 public:
  /// REQUIRED: check_otlp_url(url). `spans_max`: not yet sent. `log` and `metrics` are borrowed.
  OtlpExporter(std::string url, std::size_t spans_max, std::string instance, observe::Log& log, OtlpMetrics& metrics);
  /// What is not sent by now is dropped: the end of the process does not wait for a collector. Takes a second at most.
  ~OtlpExporter();
  OtlpExporter(const OtlpExporter&) = delete;
  OtlpExporter& operator=(const OtlpExporter&) = delete;

  /// One thread. Never waits.
  void add(std::span<const store::TraceHop> hops);

 private:
  static constexpr std::size_t kBatchMax = 512;
  static constexpr milliseconds kBatchEvery{1'000};
  static constexpr milliseconds kRestAfterFailure{5'000};
  void run();
  Result<void> post(const std::string& body);
  bool wait(milliseconds patience, std::size_t until_queued);

  const std::string url_;
  const std::size_t spans_max_;
  const std::string instance_;
  observe::Log& log_;
  OtlpMetrics& metrics_;
  std::mutex mutex_;
  std::condition_variable wakes_;
  std::vector<std::string> queued_;
  std::atomic<bool> closing_ = false;
  std::thread thread_;
};

}  // namespace nightpost::app
