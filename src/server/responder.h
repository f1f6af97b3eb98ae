// The answer to one request, owed by whoever holds this.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace nightpost::server {

class ServerConnection;
class UpgradedStream;  // upgraded_stream.h
struct ServerResponse;

using ServerHeaders = std::vector<std::pair<std::string, std::string>>;

/// Move-only. Answers once: now, or later from the loop's thread. One that goes unanswered says 500, so that no client
/// waits for what was forgotten. Safe after its connection, stream or server is gone: then nobody hears it.
class Responder {
 public:
  Responder(std::weak_ptr<ServerConnection> connection, std::int32_t stream);
  Responder(Responder&& other) noexcept;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder();

  /// Later calls are ignored.
  void respond(const ServerResponse& response);
  /// Answers 101 and hands the connection over, with what came behind the request's head (RFC 9110 §7.8). `protocol` is
  /// one that the client offered; the fields Connection and Upgrade are added to `headers`. Malformed: this request
  /// cannot be upgraded, and is still to be answered: it is no HTTP/1.1 GET with `Connection: upgrade`, or has a body,
  /// or does not offer `protocol`. ConnectionLost: nobody hears it.
  Result<UpgradedStream> upgrade(std::string_view protocol, const ServerHeaders& headers);
  /// The request is not answered and its connection open: work for it is not in vain.
  bool wanted() const noexcept;

 private:
  friend struct FaultInjector;
  std::shared_ptr<ServerConnection> let_go() noexcept;  // null: gone or answered
  std::weak_ptr<ServerConnection> connection_;
  std::int32_t stream_;
};

}  // namespace nightpost::server
