// From a host's name to a connected socket: names by NameResolver, addresses by HappyEyeballs, both waited for here.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "net/happy_eyeballs.h"
#include "net/name_resolver.h"

namespace nightpost::net {

/// Single-threaded, on `loop`. One dial() at a time; the dialer outlives it.
class Dialer {
 public:
  struct Dialed {
    boost::asio::ip::tcp::socket socket;  // non-blocking, TCP_NODELAY
    Endpoint endpoint;
  };

  /// `names` is used until dial() has heard from it, and then not again.
  Dialer(boost::asio::io_context& loop, NameResolver& names) : loop_(loop), names_(names) {}
  ~Dialer() { cancel(); }
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  /// `host` is a name or an address without brackets. Errors: ConnectionLost (each address with its reason), Timeout.
  boost::asio::awaitable<Result<Dialed>> dial(std::string host, std::uint16_t port, Order order, MonoTime by);
  /// dial() ends with ConnectionLost as soon as the loop comes to it.
  void cancel();
  /// What it waits for at the moment, in a few words; empty: nothing.
  std::string progress() const;

 private:
  struct State;
  boost::asio::io_context& loop_;
  NameResolver& names_;
  std::shared_ptr<State> state_;  // shared with the handlers of what it has begun; null: no dial() is under way
};

}  // namespace nightpost::net
