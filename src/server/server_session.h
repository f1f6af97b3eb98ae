// The server half of one connection as a pure state machine: bytes and times in, requests and bytes out. No socket,
// clock or callback; the shell (server_connection.h) moves the bytes. One implementation a protocol.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "server/http_server.h"
#include "server/metrics.h"

namespace nightpost::server {

/// What a session grants its peer; ServerOptions says what each means.
struct SessionLimits {
  std::size_t body_bytes_max = 1'048'576;
  std::size_t headers_bytes_max = 65'536;
  std::size_t unfinished_bytes_max = 4'194'304;
  milliseconds head_timeout{10'000};
  milliseconds body_timeout{10'000};
  milliseconds write_timeout{10'000};
  std::size_t transfer_bytes_per_second_min = 65'536;
};

/// When a transfer is late that began at `begun` and has moved `bytes`.
inline MonoTime transfer_due(MonoTime begun, milliseconds base, std::size_t bytes, std::size_t bytes_per_second_min) {
  const std::uint64_t earned_ms = std::uint64_t{bytes} * 1000 / std::max<std::size_t>(bytes_per_second_min, 1);
  return begun + base + milliseconds(static_cast<std::int64_t>(earned_ms));
}

class ServerSession {
 public:
  ServerSession() = default;
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;
  virtual ~ServerSession() = default;

  /// After an error: write what pull_output() still has, then close.
  virtual Result<void> feed(std::string_view received, MonoTime now) = 0;
  /// The requests completed since the last call; `connection` and `peer_certificate_pem` are the shell's to fill.
  virtual std::vector<ServerRequest> take_requests() = 0;
  /// Answers a request that take_requests() gave. Ignored if the stream is gone meanwhile, or answered.
  virtual void respond(std::int32_t stream, const ServerResponse& response, MonoTime now) = 0;
  /// Answers 101 instead: from then on nothing is fed, and the session only ends. The bytes that came behind the head.
  /// Malformed: the request stays to be answered; Responder::upgrade says when.
  virtual Result<std::string> upgrade(std::int32_t, std::string_view, const ServerHeaders&) {
    return fail(Errc::Malformed, "HTTP/2 has no Upgrade (RFC 9113 §8.6)");
  }
  /// Ends the stream without an answer (RFC 9113 §7 has the codes); HTTP/1.1: the connection.
  virtual void reset(std::int32_t stream, std::uint32_t code) = 0;
  /// No stream above the last one is served, and the connection ends once the others are; HTTP/1.1: after the answer.
  virtual void goaway(const ServerGoaway& goaway) = 0;
  virtual void announce(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& settings) = 0;  // HTTP/2 only
  /// Appends all that may be written now.
  virtual void pull_output(std::string& out) = 0;
  /// Everything said and heard: close once the output is written.
  virtual bool finished() const noexcept = 0;

  /// A whole request has no whole answer in pull_output() yet.
  virtual bool serving() const noexcept = 0;
  /// When the first thing the peer owes is late: a request it began, or reading its answer. nullopt: it owes nothing.
  virtual std::optional<MonoTime> deadline() const = 0;
  /// Answers what is late by `now` with 408, or ends its stream or the session.
  virtual void expire(MonoTime now) = 0;
  /// What the session refused since the last call.
  std::vector<ServerRefusal> take_refusals() { return std::exchange(refusals_, {}); }

 protected:
  void note(ServerRefusal why) { refusals_.push_back(why); }

 private:
  std::vector<ServerRefusal> refusals_;
};

}  // namespace nightpost::server
