// Which of a host's addresses to try, and when (RFC 8305 §4 and §5), as a value: no socket, no clock.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"

namespace nightpost::net {

using Endpoint = boost::asio::ip::tcp::endpoint;
/// Puts a host's addresses into the order in which they are tried; the families take turns all the same.
using Order = std::function<void(std::vector<Endpoint>&)>;

/// IPv6 and IPv4 take turns, `six_first` or not; within a family the order stays.
std::vector<Endpoint> interleave_families(const std::vector<Endpoint>& endpoints, bool six_first);

/// The attempts to connect to one host. An address that is silent delays the next one by attempt_delay, one that
/// refuses does not delay it at all; both go on side by side, and whichever connects first is used. Times never run
/// backwards.
class HappyEyeballs {
 public:
  struct Options {
    milliseconds attempt_delay{250};  // RFC 8305 §5's recommendation
    milliseconds attempt_timeout{5'000};
    std::size_t attempts_max = 8;  // side by side; the others wait until one of them failed
  };
  /// `endpoints` in the order in which they are tried.
  HappyEyeballs(std::vector<Endpoint> endpoints, const Options& options);

  /// The address, by its index, to which an attempt must begin now. Ask until there is none.
  std::optional<std::size_t> start_due(MonoTime now);
  /// The attempt that has had its time: it must be cancelled, and counts as failed. Ask until there is none.
  std::optional<std::size_t> cancel_due(MonoTime now);
  /// The attempt failed; `why` in one line. Ignored for one that is not under way.
  void failed(std::size_t index, std::string why);
  /// When to ask again although no attempt failed; MonoTime::max(): not before one does.
  MonoTime next_due() const;
  /// No address is left to try, nor an attempt to wait for.
  bool exhausted() const { return begun_ == attempts_.size() && running_ == 0; }

  const Endpoint& endpoint(std::size_t index) const { return attempts_[index].endpoint; }
  /// Each address with what became of it, "192.0.2.1: Connection refused, 2001:db8::1: no answer yet"; the first eight.
  std::string describe() const;

 private:
  enum class State : std::uint8_t { Waiting, Running, Failed };
  struct Attempt {
    Endpoint endpoint;
    State state = State::Waiting;
    MonoTime give_up_at{};
    std::string why;
  };
  std::vector<Attempt> attempts_;
  Options options_;
  std::size_t begun_ = 0, running_ = 0;
  MonoTime next_start_{};  // the first begins at once
};

}  // namespace nightpost::net
