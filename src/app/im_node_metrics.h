// Series of what IM servers that share a store owe each other: nodes, the order of commits, live groups; and their
// limits, beside the gauges of their use.
#pragma once

#include "app/im_options.h"
#include "im/nodes/nodes_metrics.h"
#include "im/service/service_metrics.h"
#include "observe/metrics_page.h"

namespace nightpost::app {

void register_node_metrics(observe::MetricsPage& page, const im::ServiceMetrics& metrics, const ImOptions& options);
/// Where im.redis.url names a Redis.
void register_peer_metrics(observe::MetricsPage& page, const im::RedisMetrics& redis, const im::NodesMetrics& nodes,
                           const ImOptions& options);

}  // namespace nightpost::app
