// A lane over libcurl: HTTP/1.1 or HTTP/2, whatever the vendor's host offers, with keep-alive and, where configured,
// through a proxy. One a (origin, credential), so that a vendor that hangs holds nobody else.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/http.h"
#include "core/result.h"
#include "core/time.h"
#include "net/lane.h"
#include "net/proxy.h"

namespace nightpost::net {

struct CurlMetrics;

struct CurlLaneOptions {
  std::string origin;                   // REQUIRED: "https://host[:port]"
  std::string ca_pem;                   // trust anchors besides the system's; empty: the system's only
  TrustStores* trust_stores = nullptr;  // the process's; outlives the lane. Null: read for this lane alone
  /// Gone through by CONNECT, unless it excepts the origin's host. http_proxy, no_proxy and their like in the
  /// environment are ignored: what a push travels through is said in one place.
  std::optional<Proxy> proxy;
  std::string user_agent = "nightpost";
  std::size_t connections_max = 16;       // HTTP/1.1 carries one request on each at a time
  std::size_t streams_max = 100;          // requests at once on an HTTP/2 connection; the peer's SETTINGS lower it
  std::size_t queue_max = 20'000;         // requests waiting for a connection; beyond it: Overloaded
  milliseconds connect_timeout{10'000};   // name, TCP, proxy, TLS
  milliseconds response_timeout{20'000};  // from leaving the queue to the end of the answer, connecting included
  milliseconds idle_close{60'000};        // a connection not used for this long is not used again
  milliseconds age_max{3'600'000};        // nor is one this old (fresh DNS, fresh load balancing)
  milliseconds reconnect_first{1'000};    // back-off between failed connects, full jitter, doubling
  milliseconds reconnect_max{60'000};
  int timeouts_in_a_row_max = 3;               // then HTTP/2 connections are replaced
  std::size_t response_bytes_max = 1'048'576;  // one answer for a thousand tokens; beyond it the transfer is stopped
  std::size_t header_bytes_max = 16'384;       // likewise
  std::uint64_t jitter_seed = 0;               // of the back-off; 0: from the system
  milliseconds trim_interval{10'000};          // memory of a peak goes once it was not needed for as long
  LaneWatch watch;                             // empty: nobody. It must not call the lane
};

/// TLS 1.2 or newer, chain and name always verified. No redirects, cookies or credentials of libcurl's own, and nothing
/// is repeated: after an error the caller knows whether it may have been sent. Single-threaded, on its shard's loop;
/// `loop`, `metrics` and every handler outlive it. Destroying it drops what is open without calling back; it may be
/// destroyed from inside a callback.
class CurlLane {
 public:
  CurlLane(boost::asio::io_context& loop, CurlLaneOptions options, CurlMetrics& metrics);
  ~CurlLane();
  CurlLane(const CurlLane&) = delete;
  CurlLane& operator=(const CurlLane&) = delete;

  /// As Lane::send: exactly once through `handler`, from the loop, never from inside a call of this class, by
  /// `deadline`. Errors: Timeout, ConnectionLost (also: not to be connected to, an answer too large), Overloaded,
  /// Unauthorized (the lane's own options cannot be used), Malformed (a control character in a header or the path; the
  /// method HEAD). `connection` is always 0. REQUIRED: flush() afterwards, unless called from inside on_lane_reply.
  void send(HttpRequest request, MonoTime deadline, std::uint64_t tag, LaneHandler& handler, std::uint64_t group = 0);
  /// As Lane's: what waits for a connection and is of this group comes back.
  void withdraw_queued(std::uint64_t group, const std::string& why);
  /// Begins what send() has queued since the last flush.
  void flush();
  std::size_t open_requests() const noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with what the loop still has to run for it, which then finds it stopped
};

}  // namespace nightpost::net
