// A client that knows nothing of src/net: blocking sockets, OpenSSL, nghttp2. What it meets is what a stranger would.
#pragma once

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/c_handle.h"

namespace nightpost::probe {

struct Identity {
  std::string certificate_pem;
  std::string private_key_pem;
};

/// A TLS connection to 127.0.0.1 that trusts `ca_pem` alone, as "localhost". Throws std::runtime_error with the reason.
class TlsProbe {
 public:
  /// `resume`: a session() of another one.
  TlsProbe(std::uint16_t port, const std::string& ca_pem, std::string_view alpn, const Identity* identity = nullptr,
           SSL_SESSION* resume = nullptr);
  TlsProbe(const TlsProbe&) = delete;
  TlsProbe& operator=(const TlsProbe&) = delete;
  ~TlsProbe();

  std::string alpn() const;
  /// TLS 1.3: with the tickets that came before what was read.
  Handle<SSL_SESSION, SSL_SESSION_free> session() const;
  bool resumed() const;
  void write(std::string_view bytes);
  /// What came within the time; empty: nothing, or the end (see ended).
  std::string read(int timeout_ms);
  bool ended() const noexcept { return ended_; }

 private:
  int fd_ = -1;
  bool ended_ = false;
  Handle<SSL_CTX, SSL_CTX_free> context_;
  Handle<SSL, SSL_free> ssl_;
};

/// One plain TCP connection, likewise.
class TcpProbe {
 public:
  /// `from` is an address of this machine (all of 127/8 is): whom the server sees.
  explicit TcpProbe(std::uint16_t port, const std::string& from = "");
  TcpProbe(const TcpProbe&) = delete;
  TcpProbe& operator=(const TcpProbe&) = delete;
  ~TcpProbe();
  void write(std::string_view bytes);
  void finish();  // closes our half
  std::string read(int timeout_ms);
  bool ended() const noexcept { return ended_; }

 private:
  int fd_ = -1;
  bool ended_ = false;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Reply {
  int status = 0;  // 0: no header block yet
  Headers headers;
  std::string body;
  bool ended = false;                  // END_STREAM came
  std::optional<std::uint32_t> reset;  // closed with an error code, or refused locally
  std::string header(std::string_view name) const;
};

struct Goaway {
  std::uint32_t code = 0;
  std::int32_t last_stream = 0;
  std::string debug;
};

/// An HTTP/2 client, driven by the test's thread.
class H2Probe {
 public:
  H2Probe(std::uint16_t port, const std::string& ca_pem, const Identity* identity = nullptr);

  /// Opens a stream whatever the peer's limit says. Pseudo headers other than :method and :path are added.
  std::int32_t open(std::string_view method, std::string_view path, const Headers& headers, std::string_view body);
  /// Moves bytes until `done()` or the time is over; false then.
  bool until(const std::function<bool()>& done, int timeout_ms = 5000);
  /// until() the stream has ended or was reset.
  const Reply& wait(std::int32_t stream, int timeout_ms = 5000);
  const Reply& reply(std::int32_t stream) { return replies_[stream]; }

  std::vector<std::pair<std::int32_t, std::uint32_t>> settings;  // as they came, all frames
  std::vector<std::int32_t> settings_frames;                     // entries in each frame
  std::vector<Goaway> goaways;
  bool closed() const noexcept { return tls_.ended(); }

 private:
  struct Hooks;
  void flush();
  TlsProbe tls_;
  std::map<std::int32_t, Reply> replies_;
  std::map<std::int32_t, std::pair<std::string, std::size_t>> bodies_;
  Handle<nghttp2_session, nghttp2_session_del> session_;
};

/// One HTTP/1.1 exchange over TLS; the connection is closed after it.
Reply https(std::uint16_t port, const std::string& ca_pem, std::string_view method, std::string_view target,
            std::string_view body = "");
/// Reads one HTTP/1.1 answer from what `read` gives.
Reply read_http1(const std::function<std::string()>& read);

}  // namespace nightpost::probe
