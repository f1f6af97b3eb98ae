// Series of nodes, Redis and live groups: each limit stands beside its use.
#include "app/im_node_metrics.h"

#include <catch2/catch.hpp>
#include <string>

namespace nightpost::app {
namespace {

TEST_CASE("im metrics: nodes, the order of commits, live groups", "[app][im][metrics]") {
  im::ServiceMetrics metrics;
  ImOptions options;
  options.service.peer_held_bytes_max = 70'000;
  observe::MetricsPage page;
  register_node_metrics(page, metrics, options);
  metrics.leads.set(1);
  metrics.order_held.set(3);
  metrics.order_held_bytes.set(4'000);
  metrics.order_oldest_ms.set(1'500);
  metrics.missed_logged.add(2);
  metrics.missed_whole.add(5);
  metrics.live_waiting.set(7);
  const std::string text = page.render();
  for (const char* line :
       {"nightpost_im_leads 1", "nightpost_im_order_held 3", "nightpost_im_order_held_bytes 4000",
        "nightpost_im_order_held_limit_bytes 70000", "nightpost_im_order_oldest_seconds 1.5",
        "nightpost_im_missed_looks_total{whom=\"logged\"} 2", "nightpost_im_missed_looks_total{whom=\"all\"} 5",
        "nightpost_im_live_waiting 7", "nightpost_im_nodes_given_up_total 0", "nightpost_im_store_set_back_total 0"}) {
    CAPTURE(line);
    CHECK(text.contains("\n" + std::string(line) + "\n"));
  }
  CHECK_FALSE(text.contains("nightpost_im_redis"));  // an alert on it would fire where there is none
}

TEST_CASE("im metrics: Redis and other nodes, with their limits", "[app][im][metrics]") {
  im::RedisMetrics redis;
  im::NodesMetrics nodes;
  ImOptions options;
  options.redis.queue_bytes_max = 80'000;
  options.peers.directory.remote_devices_max = 9;
  observe::MetricsPage page;
  register_peer_metrics(page, redis, nodes, options);
  redis.queued_bytes.set(11);
  nodes.nodes_unknown.set(2);
  nodes.devices_owing.set(3);
  const std::string text = page.render();
  for (const char* line : {"nightpost_im_redis_up{line=\"publish\"} 0", "nightpost_im_redis_queued_bytes 11",
                           "nightpost_im_redis_queued_limit_bytes 80000", "nightpost_im_peers_unknown 2",
                           "nightpost_im_peers_limit 64", "nightpost_im_remote_devices 0",
                           "nightpost_im_remote_devices_owing 3", "nightpost_im_remote_devices_limit 9"}) {
    CAPTURE(line);
    CHECK(text.contains("\n" + std::string(line) + "\n"));
  }
}

}  // namespace
}  // namespace nightpost::app
