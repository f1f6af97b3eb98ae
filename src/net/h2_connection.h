// One TLS connection of a lane: the thin shell around H2Session and TlsSocket. It moves bytes and waits; what to do
// about what it hears is the lane's to decide.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "net/dialer.h"
#include "net/h2_session.h"
#include "net/lane_metrics.h"
#include "net/origin.h"
#include "net/tls_client.h"

namespace nightpost::net {

class H2Connection;

/// What a connection tells its lane: from the loop, never from inside a call the lane makes. Only on_written() also
/// comes from inside write().
class ConnectionOwner {
 public:
  virtual void on_ready(H2Connection& connection) = 0;  // TLS, ALPN and the peer's first SETTINGS are through
  /// After bytes came in, or a socket that had been full took more: what that and writing the answer to it ended. Also
  /// when SETTINGS, a GOAWAY or nothing of note was in them. REQUIRED: write(), if it submits anything.
  virtual void on_heard(H2Connection& connection, std::vector<H2Session::Done>& done) = 0;
  virtual void on_written(H2Connection& connection, std::span<const std::uint64_t> tags) = 0;
  /// The last call. `done`: every request that was still open on it.
  virtual void on_closed(H2Connection& connection, std::vector<H2Session::Done>& done) = 0;

 protected:
  ~ConnectionOwner() = default;
};

/// Single-threaded, on its lane's loop. Held by shared_ptr: its coroutines live in the loop and may be resumed once
/// more after the lane let go of it.
class H2Connection : public std::enable_shared_from_this<H2Connection> {
 public:
  struct Options {
    Origin origin;
    H2Session::Options session;
    milliseconds connect_timeout;
    milliseconds ping_interval;
    milliseconds ping_timeout;
  };
  using Endpoint = net::Endpoint;
  enum class State : std::uint8_t { Connecting, Ready, Draining, Closing, Closed };
  using Order = Dialer::Order;

  /// `names` is used until the host's addresses are known.
  H2Connection(boost::asio::io_context& loop, NameResolver& names, std::shared_ptr<const TlsClient> tls,
               const Options& options, ConnectionOwner& owner, LaneMetrics& metrics, std::uint64_t id);

  /// Resolves afresh, connects, and from then on lives in the loop until closed.
  void start(Order order, MonoTime now);
  /// The owner goes away: closes at once and calls nobody any more.
  void orphan();
  /// Ends it from our side; on_closed() follows from the loop. The first reason stays.
  void close(CloseReason reason, Error why);
  /// No new requests: ends once its answers are in, at `until` at the latest.
  void drain(CloseReason reason, MonoTime until);
  /// Writes what the session has to say, as far as the socket takes it. That may end requests, a response that broke
  /// HTTP for one. REQUIRED: the caller takes the session's Dones before it returns to the loop.
  void write();
  /// What is due by `now`: connect and PING deadlines, the end of draining.
  void on_time(MonoTime now);
  MonoTime next_due() const;

  H2Session& session() noexcept { return session_; }
  const H2Session& session() const noexcept { return session_; }
  std::uint64_t id() const noexcept { return id_; }
  State state() const noexcept { return state_; }
  bool usable() const noexcept { return state_ == State::Ready; }
  const Error& why_closed() const noexcept { return why_; }
  CloseReason close_reason() const noexcept { return reason_; }
  bool was_ready() const noexcept { return ready_at_ != MonoTime{}; }
  MonoTime ready_at() const noexcept { return ready_at_; }
  const Endpoint& endpoint() const noexcept { return endpoint_; }
  bool peer_untrusted() const noexcept { return tls_.peer_untrusted(); }  // its certificate did not pass

  // The lane's notes about it.
  bool authenticated = false;  // one answer was none of 401, 403 and 429
  bool end_counted = false;    // in the back-off
  bool ageing = false;         // a replacement is on its way
  int timeouts_in_a_row = 0;
  std::uint64_t goaways_handled = 0;
  MonoTime used_at{};  // the last request or answer

 private:
  using Self = std::shared_ptr<H2Connection>;  // keeps the frame's object alive across its waits
  static boost::asio::awaitable<void> live(Self self, Order order);
  static boost::asio::awaitable<void> write_when_possible(Self self);
  boost::asio::awaitable<bool> connect(Order order);
  boost::asio::awaitable<bool> shake_hands();
  boost::asio::awaitable<bool> wait_for(TlsSocket::Io io);
  enum class Turn : std::uint8_t { Wait, More, Over };
  Turn read_some();
  void heard();
  void finish();
  void settle_if_drained();
  bool over() const noexcept { return state_ == State::Closing || state_ == State::Closed; }

  boost::asio::io_context& loop_;
  std::shared_ptr<const TlsClient> tls_client_;  // shared with the lane: outlives it by the last handler
  Options options_;
  ConnectionOwner* owner_;  // null once orphaned
  LaneMetrics* metrics_;    // likewise
  std::uint64_t id_;
  Dialer dialer_;
  boost::asio::ip::tcp::socket socket_;
  TlsSocket tls_;
  H2Session session_;
  Endpoint endpoint_;
  State state_ = State::Connecting;
  CloseReason reason_ = CloseReason::Error;
  Error why_{Errc::ConnectionLost, {}};
  bool tls_up_ = false;
  bool writing_waits_ = false;  // for the socket to take more
  bool write_failed_ = false;
  MonoTime ready_at_{}, heard_at_{}, ping_sent_at_{};
  MonoTime connect_by_{}, drained_by_ = MonoTime::max();
  const char* connecting_ = "";  // at which step, once the dialer is through
  std::uint64_t pings_sent_ = 0;
  std::vector<H2Session::Done> done_;
  std::vector<std::uint64_t> written_;
  std::array<std::uint8_t, 16'384> buffer_;  // one TLS record
};

}  // namespace nightpost::net
