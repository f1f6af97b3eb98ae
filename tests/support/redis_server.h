// A real Redis for tests: in a folder of its own, on a free port, gone with its owner. What goes wrong here is a broken
// test machine, so everything throws std::runtime_error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/process.h"

namespace nightpost::support {

class RedisServer {
 public:
  /// `settings` are lines of redis.conf, "requirepass=secret".
  explicit RedisServer(std::vector<std::string> settings = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  void start();
  void stop();    // as a crash would
  void pause();   // it is there and says nothing
  void resume();  // and goes on

 private:
  void signal(int number);

  const std::vector<std::string> settings_;
  const TempFolder folder_{"redis"};
  const std::uint16_t port_ = free_port();
};

}  // namespace nightpost::support
