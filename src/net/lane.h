// A lane: the HTTP/2 connections of one (origin, credential). Grows and shrinks within bounds, spreads over the
// resolved addresses, replays what was surely not processed, and says of everything else whether it may have been.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/event_loop.h"
#include "core/http.h"
#include "core/result.h"
#include "core/time.h"
#include "net/lane_event.h"
#include "net/proxy.h"

namespace nightpost::net {

class NameResolver;
class TrustStores;

/// TLS client certificate, PEM. Secret.
struct TlsIdentity {
  std::string certificate_pem;
  std::string private_key_pem;
};

struct LaneOptions {
  std::string origin;                   // REQUIRED: "https://host[:port]"
  std::string ca_pem;                   // trust anchors besides the system's; empty: the system's only
  TrustStores* trust_stores = nullptr;  // the process's; outlives the lane. Null: read for this lane alone
  NameResolver* names = nullptr;        // the shard's; outlives the lane. Null: one of its own
  std::optional<TlsIdentity> identity;  // presented in the handshake
  std::optional<Proxy> proxy;           // gone through by CONNECT, unless it excepts the origin's host
  std::size_t connections_min = 1;      // kept open once the lane was used
  std::size_t connections_max = 4;
  std::uint32_t streams_max = 1000;       // ours, per connection; the peer's SETTINGS lower it at any time
  std::size_t queue_max = 20'000;         // requests waiting for a stream; beyond it: Overloaded
  bool warm_up = true;                    // one stream until the first answer that is none of 401, 403 and 429
  milliseconds connect_timeout{10'000};   // resolve + TCP + proxy + TLS + first SETTINGS
  milliseconds response_timeout{20'000};  // from the last byte of the request to the end of the answer
  milliseconds ping_interval{60'000};     // after this long without reading anything
  milliseconds ping_timeout{10'000};      // no acknowledgement: the connection is replaced
  milliseconds idle_close{600'000};       // a connection above connections_min closes after this long without a request
  milliseconds age_max{3'600'000};        // then it is replaced (fresh DNS, fresh load balancing)
  std::size_t draining_max = 8;           // connections that only wait for answers; beyond: the one that began first
                                          // to drain is closed, and what it had written may have been sent
  milliseconds goaway_linger{10'000};     // answers below a GOAWAY's last stream are waited for this long
  milliseconds reconnect_first{1'000};    // back-off between failed connects, full jitter, doubling
  milliseconds reconnect_max{60'000};
  int timeouts_in_a_row_max = 3;   // then the connection is replaced
  int replays_max = 3;             // of one request, by the lane itself; then ConnectionLost, surely not sent
  milliseconds grow_after{1'000};  // requests waited, or > 80 % of the streams were used, for this long
  std::uint64_t jitter_seed = 0;   // of back-off and address order; 0: from the system
  std::size_t response_bytes_max = 65'536;
  /// Whether a GOAWAY's debug data blames our credential. Then everything unanswered fails with Unauthorized and the
  /// lane connects again only for a later send().
  std::function<bool(std::string_view debug)> goodbye_names_credential;
  LaneWatch watch;  // empty: nobody. It must not call the lane
};

class LaneConnector;

/// What a lane stands on: the real loop and TLS over TCP, or a test's own.
struct LaneGround {
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<LaneConnector> connector;
};

/// One lane's counters, read by the scrape from another thread (lane_metrics.h).
struct LaneMetrics;

struct LaneReply {
  /// Timeout, ConnectionLost, Overloaded (queue_max), Unauthorized (the connection's end, or the handshake, blamed the
  /// credential; or the lane's own options cannot be used), Malformed (no HTTP/2 peer could take the request).
  Result<HttpResponse> response;
  bool maybe_sent = false;       // after an error: written whole, so a repeat may duplicate
  bool written = false;          // after an error: at least a byte of it was handed to a socket, at any try
  std::uint64_t connection = 0;  // unique in the lane; 0: it never had one
};

class LaneHandler;
struct LaneAnswer {
  LaneHandler* handler = nullptr;
  std::uint64_t tag = 0;
  LaneReply reply;
};

class LaneHandler {
 public:
  virtual void on_lane_reply(std::uint64_t tag, LaneReply reply) = 0;
  /// All answers of a turn in a row that are this handler's, so that it may do once what it does for each. False: they
  /// were left alone, and come one by one.
  virtual bool on_lane_replies(std::span<LaneAnswer> /*answers*/) { return false; }

 protected:
  ~LaneHandler() = default;
};

/// Single-threaded, on its shard's loop; `metrics` and every handler outlive it. Destroying it drops what is open
/// without calling back; it may be destroyed from inside a callback.
class Lane {
 public:
  Lane(boost::asio::io_context& loop, LaneOptions options, LaneMetrics& metrics);
  Lane(LaneGround ground, LaneOptions options, LaneMetrics& metrics);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Answers exactly once through `handler`, from the loop, never from inside a call of this class; by `deadline`, give
  /// or take a few ms. REQUIRED: flush() afterwards, unless called from inside on_lane_reply.
  /// `group`: whose it is among those that share the lane, for withdraw_queued().
  void send(HttpRequest request, MonoTime deadline, std::uint64_t tag, LaneHandler& handler, std::uint64_t group = 0);
  /// Writes what send() has queued since the last flush.
  void flush();
  /// Opens no new stream on that connection; it closes once its answers are in.
  void drain_connection(std::uint64_t connection);
  /// Answers what waits for a stream, and is of this group, with ConnectionLost and `why`; what was never written is
  /// surely not sent. Other groups go on: a certificate that is refused says nothing of its signer's others.
  void withdraw_queued(std::uint64_t group, const std::string& why);
  std::size_t open_requests() const noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with what the loop still has to run for it, which then finds it stopped
};

}  // namespace nightpost::net
