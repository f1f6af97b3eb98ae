// The companion's other nodes: the config section `im.redis`, its files, what is counted, and the doctor's look at it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/doctor_findings.h"
#include "app/im_options.h"
#include "core/result.h"
#include "core/time.h"
#include "im/nodes/nodes_metrics.h"
#include "im/nodes/nodes_options.h"
#include "im/nodes/peer_link.h"
#include "im/nodes/redis_channel.h"
#include "observe/log.h"

namespace nightpost::app {

void read_redis(JsonSection section, ImOptions& options);

/// With what stands in its files. Unauthorized, Io, Malformed: one cannot be used.
Result<im::RedisOptions> open_redis_options(const ImOptions& options);

/// What the server stands on where there are other nodes. In this order: the link borrows the channel.
struct ImPeers {
  struct Parts {
    boost::asio::io_context& context;
    EventLoop& loop;
    im::PeerEars& ears;
    const im::Presence& local;
    im::RedisMetrics& redis;
    im::NodesMetrics& nodes;
    observe::Log& log;
  };
  std::unique_ptr<im::RedisChannel> channel;
  std::unique_ptr<im::PeerLink> link;
};
Result<std::unique_ptr<ImPeers>> open_peers(const ImOptions& options, ImPeers::Parts parts);

/// Logs in and subscribes, and says nothing. Empty: im.redis.url names none. Ends by `deadline`.
std::vector<Finding> look_at_redis(const Config& config, MonoTime deadline);

}  // namespace nightpost::app
