// HTTP servers: plain HTTP/1.1 (metrics, health) and TLS with HTTP/2 and HTTP/1.1 by ALPN (sandbox). Beast and nghttp2
// show in the .cpp files only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "observe/log.h"
#include "server/address_range.h"
#include "server/metrics.h"
#include "server/responder.h"

namespace nightpost::server {

class ServerListener;

struct ServerRequest {
  std::uint64_t connection = 0;  // unique in the process
  AddressBytes address{};        // the peer's
  std::int32_t stream = 0;       // HTTP/2 stream id; 0 on HTTP/1.1
  bool http2 = false;
  std::string method;
  std::string target;  // path and query
  std::string authority;
  ServerHeaders headers;  // lower-case names, in order, repeats kept
  std::string body;
  std::string peer_certificate_pem;  // the verified-or-not client certificate, if one was presented
};

struct ServerResponse {
  int status = 200;
  ServerHeaders headers;
  std::string body;
};

/// HTTP/2 (RFC 9113 §6.8).
struct ServerGoaway {
  std::uint32_t code = 0;
  std::string debug;
  /// nullopt: the highest seen. Even ids are not the client's: the odd one below is sent.
  std::optional<std::int32_t> last_stream;
};

/// Called on the loop with each whole request. The answer may come later. An exception is a bug: the request is
/// answered 500 unless it was before, and the server goes on.
using ServerHandler = std::function<void(const ServerRequest&, Responder)>;
/// For what knows its answer at once.
ServerHandler answered_at_once(std::function<ServerResponse(const ServerRequest&)> handler);

struct ServerOptions {
  std::string host = "127.0.0.1";  // address or name to listen on
  std::uint16_t port = 0;          // 0: a free one

  // What one request may be.
  std::size_t body_bytes_max = 1'048'576;  // more is answered 413 without asking the handler
  std::size_t headers_bytes_max = 65'536;  // of a request's head; more is answered 431
  /// HTTP/2: of all requests on one connection that have not ended, heads and bodies; the stream that would bring more
  /// is reset with ENHANCE_YOUR_CALM. At least one largest request has room, whatever this says.
  std::size_t unfinished_bytes_max = 4'194'304;

  // Who may be connected: see ConnectionSlots.
  std::size_t connections_max = 1024;
  std::size_t connections_per_address_max = 1024;     // of them; an IPv6 /64 is one address
  std::size_t connections_reserved = 0;               // of connections_max, for reserved_addresses alone
  std::vector<AddressRange> reserved_addresses = {};  // whose connections are the last to be closed for new ones

  // How long a peer may take; what is late is answered 408 where that can be, and closed. Kept to within an eighth of
  // the shortest of them.
  milliseconds handshake_timeout{10'000};  // from accept to the end of the TLS handshake
  milliseconds head_timeout{10'000};       // for a request's head, from its first byte; the first one's from the start
  milliseconds body_timeout{10'000};       // for its body, and as long again as the bytes so far take at the rate below
  milliseconds write_timeout{10'000};      // likewise for the peer to read an answer
  std::size_t transfer_bytes_per_second_min = 65'536;
  milliseconds idle_timeout{600'000};        // closed after this long without a byte either way
  std::size_t output_bytes_max = 1'048'576;  // a peer that leaves more than this unread is not read from

  std::function<void(std::uint64_t)> closed;  // told on the loop once that connection asks nothing more
  std::string name = "http";                  // of the listener, in log lines
  observe::Log* log = nullptr;                // borrowed; null: nothing is logged
  ServerMetrics* metrics = nullptr;           // borrowed; null: nothing is counted
};

/// How much of what brings nothing an HTTP/2 connection may do: a burst, and a rate at which that grows back. Beyond,
/// the connection ends with GOAWAY (ENHANCE_YOUR_CALM).
struct FloodLimits {
  std::uint32_t resets_burst_max = 1'000;  // streams that end without an answer, by the peer or for what it did
  std::uint32_t resets_per_second_max = 33;
  std::uint32_t control_frames_burst_max = 10'000;  // PING, SETTINGS, WINDOW_UPDATE, CONTINUATION, empty DATA, …
  std::uint32_t control_frames_per_second_max = 1'000;
  std::uint32_t acks_queued_max = 1'000;  // PING and SETTINGS in one read, each to be acknowledged
  std::uint32_t settings_per_frame_max = 32;
};

struct ServerTls {
  std::string certificate_pem;  // chain
  std::string private_key_pem;
  bool ask_client_certificate = false;  // ask for one and take any; the handler judges it
  std::uint32_t streams_max_first = 1;  // SETTINGS_MAX_CONCURRENT_STREAMS of a new connection
  std::uint32_t window_first = 65'535;
  /// Takes whatever :scheme says. Google's Node client says "https:", which nghttp2 holds for malformed; with this its
  /// checks of HTTP are off and this server makes those that matter to a handler.
  bool any_scheme = false;
  FloodLimits floods;
};

/// Plain HTTP/1.1 by Beast. Runs on `loop`; handler is called there. REQUIRED: `loop` outlives
/// the server, which is started and destroyed on the loop's thread or while nobody runs it.
class HttpServer {
 public:
  /// Io: cannot listen there.
  static Result<std::unique_ptr<HttpServer>> start(boost::asio::io_context& loop, ServerOptions options,
                                                   ServerHandler handler);
  ~HttpServer();  // closes the listener and every connection
  std::uint16_t port() const noexcept;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// TLS 1.2 or newer; ALPN h2 (nghttp2) or http/1.1 (Beast), which is also what a client without ALPN gets. Threads as
/// HttpServer. A stream beyond the announced MAX_CONCURRENT_STREAMS is refused (REFUSED_STREAM), never the connection.
class TlsServer {
 public:
  /// Malformed: certificate or key do not parse or match. Io: cannot listen there.
  static Result<std::unique_ptr<TlsServer>> start(boost::asio::io_context& loop, ServerOptions options, ServerTls tls,
                                                  ServerHandler handler);
  ~TlsServer();
  std::uint16_t port() const noexcept;
  /// Connections from now on are shown this certificate; those that stand go on, and tickets stay good. Malformed: as
  /// start(), and nothing has changed. On the loop.
  Result<void> renew(std::string certificate_pem, std::string private_key_pem);

 private:
  friend struct FaultInjector;
  struct Impl;
  ServerListener& listener() noexcept;
  explicit TlsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nightpost::server
