// The server half of one connection as a pure state machine: bytes in, requests and bytes out. No socket, clock or
// callback; the shell (server_connection.h) moves the bytes. One implementation a protocol.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "server/http_server.h"

namespace nightpost::server {

class ServerSession {
 public:
  ServerSession() = default;
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;
  virtual ~ServerSession() = default;

  /// After an error: write what pull_output() still has, then close.
  virtual Result<void> feed(std::string_view received) = 0;
  /// The requests completed since the last call; `connection` and `peer_certificate_pem` are the shell's to fill.
  virtual std::vector<ServerRequest> take_requests() = 0;
  /// Everything of `action` but `delay` and `drop`, which are the shell's. Ignored if the stream is gone meanwhile.
  /// Stream 0 of HTTP/2 is the connection: its settings and goaway only.
  virtual void perform(std::int32_t stream, const ServerAction& action) = 0;
  /// Appends all that may be written now.
  virtual void pull_output(std::string& out) = 0;
  /// Everything said and heard: close once the output is written.
  virtual bool finished() const noexcept = 0;
};

}  // namespace nightpost::server
