// A client's connection to 127.0.0.1, plain or TLS 1.3 that trusts anything: connected by waiting, then without.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "bench/im/crowd.h"
#include "core/c_handle.h"

namespace nightpost::bench {

/// For `alpn` ("h2", "http/1.1"; empty: none is offered).
Handle<SSL_CTX, SSL_CTX_free> client_tls(std::string_view alpn);

/// Of a server, with a certificate made on the spot.
Handle<SSL_CTX, SSL_CTX_free> server_tls();

/// A listening socket on 127.0.0.1, and its port.
std::pair<Descriptor, std::uint16_t> listen_anywhere();

/// Throws std::runtime_error where the other end is gone or breaks TLS.
class Wire {
 public:
  /// Connected and shaken hands. `tls` null: plain.
  Wire(std::uint16_t port, SSL_CTX* tls);
  int fd() const noexcept { return socket_.get(); }
  /// How many bytes came; 0: none now.
  std::size_t read(std::span<char> room);
  /// How many were taken; 0: none now.
  std::size_t write(std::string_view bytes);

 private:
  Descriptor socket_;
  Handle<SSL, SSL_free> tls_;
};

}  // namespace nightpost::bench
