// One HTTP/2 connection of a lane without its wire: the session, what state it is in and what is due when. Who moves
// its bytes derives from it: h2_connection.h over TLS, tests/sim in memory. What to do about what it hears is the
// lane's to decide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "net/h2_session.h"
#include "net/happy_eyeballs.h"
#include "net/lane.h"
#include "net/lane_metrics.h"
#include "net/origin.h"

namespace nightpost::net {

class LaneConnection;

/// What a connection tells its lane: from the loop, never from inside a call the lane makes. Only on_written() also
/// comes from inside write().
class ConnectionOwner {
 public:
  virtual void on_ready(LaneConnection& connection) = 0;  // TLS, ALPN and the peer's first SETTINGS are through
  /// After bytes came in, or a wire that had been full took more: what that and writing the answer to it ended. Also
  /// when SETTINGS, a GOAWAY or nothing of note was in them. REQUIRED: write(), if it submits anything.
  virtual void on_heard(LaneConnection& connection, std::vector<H2Session::Done>& done) = 0;
  virtual void on_written(LaneConnection& connection, std::span<const std::uint64_t> tags) = 0;
  /// The last call. `done`: every request that was still open on it.
  virtual void on_closed(LaneConnection& connection, std::vector<H2Session::Done>& done) = 0;

 protected:
  ~ConnectionOwner() = default;
};

/// Single-threaded, on its lane's loop. Held by shared_ptr: what the loop still has to run for it may come once more
/// after the lane let go of it.
class LaneConnection : public std::enable_shared_from_this<LaneConnection> {
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

  virtual ~LaneConnection() = default;
  LaneConnection(const LaneConnection&) = delete;
  LaneConnection& operator=(const LaneConnection&) = delete;

  /// Resolves afresh, connects, and from then on lives in the loop until closed.
  void start(Order order, MonoTime now);
  /// The owner goes away: closes at once and calls nobody any more.
  void orphan();
  /// Ends it from our side; on_closed() follows from the loop. The first reason stays.
  void close(CloseReason reason, Error why);
  /// No new requests: ends once its answers are in, at `until` at the latest.
  void drain(CloseReason reason, MonoTime until);
  /// Writes what the session has to say, as far as the wire takes it. That may end requests, a response that broke HTTP
  /// for one. REQUIRED: the caller takes the session's Dones before it returns to the loop.
  void write();
  /// What is due by `now`: connect and PING deadlines, the end of draining.
  void on_time(MonoTime now);
  MonoTime next_due() const;
  /// As H2Session's, and of the lists that pass what it says on.
  void trim(std::size_t peak);
  std::size_t kept_bytes() const noexcept;

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
  virtual bool peer_untrusted() const noexcept { return false; }  // its certificate did not pass

  // The lane's notes about it.
  bool authenticated = false;     // one answer was none of 401, 403 and 429
  bool end_counted = false;       // in the back-off
  bool ageing = false;            // a replacement is on its way
  std::uint64_t drain_order = 0;  // that of the lane's draining ones; 0: it does not drain
  int timeouts_in_a_row = 0;
  std::uint64_t goaways_handled = 0;
  MonoTime used_at{};  // the last request or answer

 protected:
  LaneConnection(Options options, ConnectionOwner& owner, LaneMetrics& metrics, std::uint64_t id);

  // What the wire does.
  /// Begins to connect. `order` is called with the addresses before the first is tried.
  virtual void connect(Order order) = 0;
  /// What connecting waits for at the moment, in a few words.
  virtual std::string connect_progress() const = 0;
  /// How many bytes went out. 0: none now; wait_to_write() or writing_failed() was called, or hear() will write again.
  virtual std::size_t send(std::span<const std::uint8_t> bytes) = 0;
  /// Closes the wire at once; `politely`: with a goodbye if it can take one. Unless orphaned, finish() follows from the
  /// loop.
  virtual void shut(bool politely) = 0;

  // What the wire says.
  const Options& options() const noexcept { return options_; }
  bool over() const noexcept { return state_ == State::Closing || state_ == State::Closed; }
  MonoTime connect_by() const noexcept { return connect_by_; }
  void connected_to(const Endpoint& endpoint) { endpoint_ = endpoint; }
  /// Why it will have ended, should it end now.
  void blame(Error why) { why_ = std::move(why); }
  void blame(std::string detail) { why_.detail = std::move(detail); }
  /// Connected and encrypted: the preface and our SETTINGS leave.
  void wire_is_up();
  void wait_to_write() noexcept { writing_waits_ = true; }
  /// The wait of wait_to_write() is over.
  void may_write();
  /// What the peer said before it hung up, a GOAWAY perhaps, may still be unread: no end yet.
  void writing_failed(std::string detail);
  bool write_failed() const noexcept { return write_failed_; }
  /// False: the peer broke the protocol; hear() what there is, then finish().
  bool receive(std::span<const std::uint8_t> bytes);
  /// After some receive() calls: the lane hears what they brought.
  void hear(MonoTime now);
  /// The wire is closed. Nothing is called any more.
  void finish();

 private:
  void settle_if_drained();
  void tell_heard();

  const Options options_;
  ConnectionOwner* owner_;  // null once orphaned
  LaneMetrics* metrics_;    // likewise
  const std::uint64_t id_;
  H2Session session_;
  Endpoint endpoint_;
  State state_ = State::Connecting;
  CloseReason reason_ = CloseReason::Error;
  Error why_{Errc::ConnectionLost, {}};
  bool wire_up_ = false;
  bool writing_waits_ = false;  // for the wire to take more
  bool write_failed_ = false;
  MonoTime ready_at_{}, heard_at_{}, ping_sent_at_{};
  MonoTime connect_by_{}, drained_by_ = MonoTime::max();
  std::uint64_t pings_sent_ = 0;
  std::vector<H2Session::Done> done_;
  std::vector<std::uint64_t> written_;
};

/// Makes a lane's connections.
class LaneConnector {
 public:
  virtual ~LaneConnector() = default;
  /// Called once, before the first connection. An error: nothing can ever be sent with these options.
  virtual Result<void> prepare(const Origin& origin, const LaneOptions& options) = 0;
  /// Not started yet.
  virtual std::shared_ptr<LaneConnection> make(LaneConnection::Options options, ConnectionOwner& owner,
                                               LaneMetrics& metrics, std::uint64_t id) = 0;
};

}  // namespace nightpost::net
