// A real Kafka broker for a test: one node, a free port and a folder of its own.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "support/process.h"

namespace nightpost::support {

/// Starts in about six seconds and goes down with its owner, even one that is killed. Throws std::runtime_error.
class KafkaBroker {
 public:
  struct Options {
    std::vector<std::string> settings;  // KEY=VALUE of its configuration
    std::string user;                   // not empty: it takes TLS with SASL only, and this user
  };
  /// Topics as NAME:PARTITIONS[:KEY=VALUE], beside Nightpost's own.
  explicit KafkaBroker(std::vector<std::string> topics) : KafkaBroker(std::move(topics), Options()) {}
  KafkaBroker(std::vector<std::string> topics, Options options);
  ~KafkaBroker();
  KafkaBroker(const KafkaBroker&) = delete;
  KafkaBroker& operator=(const KafkaBroker&) = delete;

  const std::string& address() const noexcept { return address_; }
  const std::string& port() const noexcept { return port_; }
  /// Of one with a user.
  std::string ca_file() const { return folder_.file("data/tls/ca.pem"); }
  std::string password_file() const { return folder_.file("data/tls/password"); }
  void stop();    // in good order; the data stay
  void start();   // on the same port and data; returns once it answers
  void freeze();  // it keeps its connections, takes requests and answers none, until it is …
  void thaw();

 private:
  void signal(int number) const;

  TempFolder folder_{"kafka"};
  std::vector<std::string> topics_;
  Options options_;
  std::string port_;
  std::string address_;
};

}  // namespace nightpost::support
