// The line between workers and vendors: TCP passed on byte by byte, until it is told to misbehave. Every call may come
// from any thread; connections live on a thread of the relays' own.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace nightpost::chaos {

enum class Line {
  Well,
  Silent,   // what is open stays open, new connections are taken; nothing is carried either way
  Refused,  // what is open is reset, so is what comes
  Slow,     // what the server says is carried a byte every 100 ms
};

class Relays;

/// One listening port of 127.0.0.1. What it opens ends with its owner.
class Relay {
 public:
  /// `port`: where connections lead; 0: each says so itself, by CONNECT (an HTTP proxy), on 127.0.0.1 whatever the
  /// host.
  Relay(Relays& relays, std::uint16_t port);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  std::uint16_t port() const noexcept;
  void be(Line line);
  void lead_to(std::uint16_t port);            // from the next connection on
  void cut();                                  // every connection is reset
  std::uint64_t connections() const noexcept;  // so far

  struct State;

 private:
  Relays& relays_;
  std::shared_ptr<State> state_;  // with its connections
};

/// The thread of the relays; outlives them.
class Relays {
 public:
  Relays();
  ~Relays();
  boost::asio::io_context& loop() noexcept { return loop_; }

 private:
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{loop_.get_executor()};
  std::thread thread_;
};

}  // namespace nightpost::chaos
