// What the benchmarks of the vendors stand on: Kafka, all eight simulators, the release binary with a credential of
// each vendor, and as many users of each.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/spine/rig.h"
#include "support/spine/topics.h"
#include "support/spine/vendor_kit.h"

namespace nightpost::bench {

struct VendorBed {
  /// Users [i * users_each, (i + 1) * users_each) are the i-th vendor's.
  VendorBed(std::string program, std::string brokers, std::vector<std::string> vendors, std::size_t users_each);

  std::size_t first_user(std::size_t vendor) const { return vendor * users_each; }

  const std::string program;
  const std::string brokers;
  const std::vector<std::string> vendors;
  const std::size_t users_each;
  support::TempFolder folder{"vendors"};
  support::SandboxProcess sandbox;
  support::Nightpost nightpost;
};

/// Topics and a worker of one run.
class VendorRun {
 public:
  VendorRun(const VendorBed& bed, const std::string& name, const nlohmann::json& config = nlohmann::json::object());
  ~VendorRun() = default;

  void produce(std::string_view key, std::string_view event) { topics_.produce(names_.offline, key, event); }
  /// All that was produced is durable.
  void flush();
  /// Starts the worker, or lets it go on after hold().
  void go();
  /// It sees nothing of what is produced until go(): producing would take the cores it is measured on.
  void hold();
  support::Process& worker() { return worker_->process(); }
  std::string log() const { return worker_->log(); }

  struct Took {
    double seconds = 0;
    double cpu_us = 0;  // of the worker
  };
  /// From go() until `outcomes` more than before are durable.
  Took until_settled(std::int64_t outcomes);
  std::int64_t outcomes() { return topics_.size(names_.results); }
  std::int64_t dead() { return topics_.size(names_.dead); }
  void need_no_letters();
  void read_outcomes(const std::function<void(const nlohmann::json&)>& take);
  /// SIGTERM; throws unless it leaves with 0.
  void stop();

 private:
  const VendorBed& bed_;
  std::string name_;
  support::Nightpost::Names names_;
  support::Topics topics_;
  std::string config_;
  std::unique_ptr<support::Nightpost::Worker> worker_;
  std::int64_t settled_ = 0;
  support::Usage usage_;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace nightpost::bench
