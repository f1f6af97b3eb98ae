#include "server/fault_injection.h"

#include <memory>

#include "server/server_listener.h"

namespace nightpost::server {

/// What the plain interface keeps to itself.
struct FaultInjector {
  static void perform(Responder responder, FaultAction action) {
    const std::int32_t stream = responder.stream_;
    if (const auto connection = responder.let_go()) connection->perform(stream, std::move(action));
  }
  static ServerListener& listener(TlsServer& server) { return server.listener(); }
};

ServerHandler with_faults(FaultHandler handler) {
  return [handler = std::move(handler)](const ServerRequest& request, Responder responder) {
    FaultInjector::perform(std::move(responder), handler(request));
  };
}

void inject_on_all(TlsServer& server, const FaultAction& action) { FaultInjector::listener(server).on_all(action); }

}  // namespace nightpost::server
