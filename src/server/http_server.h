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

namespace nightpost::server {

struct ServerRequest {
  std::uint64_t connection = 0;  // unique in the process
  std::int32_t stream = 0;       // HTTP/2 stream id; 0 on HTTP/1.1
  bool http2 = false;
  std::string method;
  std::string target;  // path and query
  std::string authority;
  std::vector<std::pair<std::string, std::string>> headers;  // lower-case names, in order, repeats kept
  std::string body;
  std::string peer_certificate_pem;  // the verified-or-not client certificate, if one was presented
};

struct ServerResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// What a scripted server does with a request: settings, then the answer or reset, then goaway. HTTP/2 only, except
/// respond, delay and drop.
struct ServerAction {
  std::optional<ServerResponse> respond;  // nullopt: no answer at all (hang) unless something below says more
  milliseconds delay{0};                  // before all of it
  std::optional<std::uint32_t> reset;     // RST_STREAM with this code instead of an answer
  struct Goaway {
    std::uint32_t code = 0;
    std::string debug;
    /// nullopt: the highest seen. Even ids are not the client's: the odd one below is sent.
    std::optional<std::int32_t> last_stream;
  };
  std::optional<Goaway> goaway;  // the connection ends once the streams up to last_stream are done
  std::vector<std::pair<std::uint16_t, std::uint32_t>> settings;  // SETTINGS sent before the answer
  bool drop = false;                                              // close the TCP connection without another byte
};

using ServerHandler = std::function<ServerAction(const ServerRequest&)>;

struct ServerOptions {
  std::string host = "127.0.0.1";             // address or name to listen on
  std::uint16_t port = 0;                     // 0: a free one
  std::size_t body_bytes_max = 1'048'576;     // more is answered 413 without asking the handler
  std::size_t headers_bytes_max = 65'536;     // HTTP/1.1: 431; HTTP/2: the stream is reset
  std::size_t connections_max = 1024;         // further ones are closed as they come
  std::size_t output_bytes_max = 1'048'576;   // a peer that leaves more than this unread is not read from
  milliseconds idle_timeout{600'000};         // closed after this long without a byte either way
  milliseconds handshake_timeout{10'000};     // from accept to the end of the TLS handshake
  std::function<void(std::uint64_t)> closed;  // told on the loop once that connection asks nothing more
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
};

/// Plain HTTP/1.1 by Beast. Runs on `loop`; handler is called there and may throw nothing. REQUIRED: `loop` outlives
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
  /// Acts on connections from outside a request (fault scripts): GOAWAY, SETTINGS or drop on every open connection.
  /// On the loop's thread; the rest of `action` is ignored.
  void on_all(const ServerAction& action);

 private:
  struct Impl;
  explicit TlsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nightpost::server
