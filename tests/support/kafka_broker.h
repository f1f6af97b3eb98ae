// A real Kafka broker for a test: one node, a free port and a folder of its own.
#pragma once

#include <string>
#include <vector>

#include "support/process.h"

namespace nightpost::support {

/// Starts in about six seconds and goes down with its owner, even one that is killed. Throws std::runtime_error.
class KafkaBroker {
 public:
  /// Topics as NAME:PARTITIONS[:KEY=VALUE], beside Nightpost's own.
  explicit KafkaBroker(std::vector<std::string> topics);
  ~KafkaBroker();
  KafkaBroker(const KafkaBroker&) = delete;
  KafkaBroker& operator=(const KafkaBroker&) = delete;

  const std::string& address() const noexcept { return address_; }
  void stop();   // in good order; the data stay
  void start();  // on the same port and data; returns once it answers

 private:
  TempFolder folder_{"kafka"};
  std::vector<std::string> topics_;
  std::string port_;
  std::string address_;
};

}  // namespace nightpost::support
