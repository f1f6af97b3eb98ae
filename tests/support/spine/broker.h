// A Kafka of one node for one test or benchmark: a port and a folder of its own.
#pragma once

#include <string>
#include <vector>

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

/// Three nodes, each topic on all of them (`Topics::create` takes the brokers' default), of which two must have a
/// record. They end with their owner, even one that is killed.
class Cluster {
 public:
  static constexpr int kNodes = 3;
  /// Their data live in `folder`, which outlives them. Returns once all three know each other.
  explicit Cluster(const TempFolder& folder);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  std::string addresses() const;  // with commas
  /// SIGKILL to one; back() starts it again on its data and returns once it answers. Nodes are 0 … 2.
  void lose(int node);
  void back(int node);

 private:
  void start(int node);
  void expect_up(int node) const;
  std::string data(int node) const;

  const TempFolder& folder_;
  std::string id_;
  std::vector<std::string> ports_, controllers_;
};

}  // namespace nightpost::support
