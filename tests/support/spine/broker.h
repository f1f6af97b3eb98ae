// A Kafka of one node for one test or benchmark: a port and a folder of its own.
#pragma once

#include <string>

#include "support/process.h"

namespace nightpost::support {

/// It goes down with its owner, even one that is killed: a guard between the two waits for the end of a pipe.
class Broker {
 public:
  /// Its data live in `folder`, which outlives it. Returns once it answers.
  explicit Broker(const TempFolder& folder);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;
  const std::string& address() const noexcept { return address_; }
  /// Down and up again on the same port and data; returns once it answers.
  void restart();

 private:
  void expect_up();

  std::string log_file_, address_;
  Process guard_;
};

}  // namespace nightpost::support
