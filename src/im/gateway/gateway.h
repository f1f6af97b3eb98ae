// The companion's sockets: accepts WebSockets, runs a session on each, knows who is connected, hands out deliveries.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/event_loop.h"
#include "core/time.h"
#include "im/gateway/gateway_metrics.h"
#include "im/gateway/gateway_options.h"
#include "im/service/call_requests.h"
#include "im/service/commit_log.h"
#include "im/service/group_requests.h"
#include "im/service/presence.h"
#include "im/service/service.h"
#include "observe/log.h"
#include "server/http_server.h"

namespace nightpost::im {

/// On the loop alone, which is the servers' and the service's too. REQUIRED: all that is borrowed outlives it, and the
/// server whose handler() is its own ends before or with it. Its end closes every connection without a word: drain()
/// first.
class Gateway final : public Presence {
 public:
  struct Parts {
    EventLoop& loop;
    const Clock& clock;
    Service& service;
    GroupService& groups;
    CallService& calls;
    GatewayMetrics& metrics;
    observe::Log* log = nullptr;  // null: nothing is logged
    std::uint64_t seed = 0;       // of delays that shall differ; not secret
  };
  Gateway(Parts parts, GatewayOptions options);
  ~Gateway() override;
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Null: nobody. Not from inside its own calls.
  void tell(PresenceEvents* events);
  /// GET /ws becomes a connection; all else is answered 404, a request that is no WebSocket's 400 or 426, one too many
  /// 503, of its address 429. Outlives the gateway, and then says 503.
  server::ServerHandler handler();
  /// What the service tells of a commit. Deliveries leave at the end of this turn of the loop.
  void committed(const Committed& committed);
  /// The service was not told of some commits of other nodes, which concern `whom`; of those before `since` it was. Who
  /// of them is connected is looked up: who was not told of something is told that he is behind, ends and memberships
  /// are made up for, and who was shown more than the store has is asked to come again.
  void missed(WallTime since, const Concerned& whom);
  std::vector<Device> connected(const UserKey& user) const override;
  bool may_acknowledge(const UserKey& user, const std::string& device, MessageId message) const override;
  /// Says bye to everyone, each with a delay of its own, and takes nobody any more.
  void drain();
  /// None: after drain(), everybody has heard it or had the time.
  std::size_t connections() const noexcept;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // with the handler, and the waits of connections
};

}  // namespace nightpost::im
