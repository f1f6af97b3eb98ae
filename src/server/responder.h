// The answer to one request, owed by whoever holds this.
#pragma once

#include <cstdint>
#include <memory>

namespace nightpost::server {

class ServerConnection;
struct ServerResponse;

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
  /// The request is not answered and its connection open: work for it is not in vain.
  bool wanted() const noexcept;

 private:
  friend struct FaultInjector;
  std::shared_ptr<ServerConnection> let_go() noexcept;  // null: gone or answered
  std::weak_ptr<ServerConnection> connection_;
  std::int32_t stream_;
};

}  // namespace nightpost::server
