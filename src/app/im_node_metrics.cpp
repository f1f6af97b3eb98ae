#include "app/im_node_metrics.h"

#include <cstddef>
#include <utility>

namespace nightpost::app {

void register_node_metrics(observe::MetricsPage& page, const im::ServiceMetrics& metrics, const ImOptions& options) {
  const auto cell = [](const Counter& counter) { return [&counter] { return static_cast<double>(counter.read()); }; };
  page.add_counter("nightpost_im_commit_wait_seconds_total", "Time that commits waited for those of other IM servers",
                   {}, [&metrics] { return static_cast<double>(metrics.commit_wait_us.read()) / 1e6; });
  page.add_gauge("nightpost_im_nodes", "IM servers that share the store", {}, cell(metrics.nodes));
  page.add_counter("nightpost_im_taken_over_total", "Rows taken over from IM servers that were over", {},
                   cell(metrics.taken_over));
  page.add_counter("nightpost_im_missed_commits_total", "Commits of other IM servers that were not heard of in time",
                   {}, cell(metrics.missed));
  page.add_gauge("nightpost_im_leads", "1 where what is done once for all IM servers of the store falls to this one",
                 {}, cell(metrics.leads));
  page.add_counter("nightpost_im_nodes_given_up_total", "IM servers given up, for they were silent for a lease", {},
                   cell(metrics.given_up));
  for (const auto& [whom, counter] :
       {std::pair("logged", &metrics.missed_logged), std::pair("all", &metrics.missed_whole)})
    page.add_counter("nightpost_im_missed_looks_total",
                     "Times that connected users were looked up for it: those that the store's log names, or all",
                     {{"whom", whom}}, cell(*counter));
  page.add_counter("nightpost_im_store_set_back_total", "Times that the store had forgotten commits, or was another",
                   {}, cell(metrics.set_back));
  page.add_gauge("nightpost_im_order_held", "Commits that wait for those before them", {}, cell(metrics.order_held));
  page.add_gauge("nightpost_im_order_held_bytes", "Of them, bytes of other nodes' commits", {},
                 cell(metrics.order_held_bytes));
  page.add_counter("nightpost_im_order_no_room_total", "Commits of other nodes that found no room, and were not heard",
                   {}, cell(metrics.order_no_room));
  page.add_gauge("nightpost_im_order_held_limit_bytes", "im.peer_held_bytes_max", {},
                 [most = options.service.peer_held_bytes_max] { return static_cast<double>(most); });
  page.add_gauge("nightpost_im_order_oldest_seconds", "For how long the oldest commit that is not told has waited", {},
                 [&metrics] { return static_cast<double>(metrics.order_oldest_ms.read()) / 1000; });
  page.add_gauge("nightpost_im_live_rooms", "Live groups with somebody in them", {}, cell(metrics.live_rooms));
  page.add_gauge("nightpost_im_live_users", "Users in live groups", {}, cell(metrics.live_users));
  page.add_counter("nightpost_im_live_dropped_total", "Messages and news that fell to a live group's rate", {},
                   cell(metrics.live_dropped));
  page.add_gauge("nightpost_im_live_waiting", "Messages and news that wait for their live group's rate", {},
                 cell(metrics.live_waiting));
  page.add_gauge("nightpost_im_live_away", "Places in live groups that a lease keeps", {}, cell(metrics.live_away));
}

void register_peer_metrics(observe::MetricsPage& page, const im::RedisMetrics& redis, const im::NodesMetrics& nodes,
                           const ImOptions& options) {
  const auto cell = [](const Counter& counter) { return [&counter] { return static_cast<double>(counter.read()); }; };
  page.add_gauge("nightpost_im_redis_up", "Whether the connection to Redis is up", {{"line", "publish"}},
                 cell(redis.publishing));
  page.add_gauge("nightpost_im_redis_up", "Whether the connection to Redis is up", {{"line", "subscribe"}},
                 cell(redis.subscribed));
  page.add_counter("nightpost_im_redis_connects_total", "Connections to Redis that were made", {},
                   cell(redis.connects));
  page.add_counter("nightpost_im_redis_losses_total", "Connections to Redis that ended, and tries that failed", {},
                   cell(redis.losses));
  page.add_counter("nightpost_im_redis_messages_total", "Messages of the nodes' channel", {{"way", "out"}},
                   cell(redis.published));
  page.add_counter("nightpost_im_redis_messages_total", "Messages of the nodes' channel", {{"way", "in"}},
                   cell(redis.received));
  page.add_counter("nightpost_im_redis_bytes_total", "Bytes of the nodes' channel", {{"way", "out"}},
                   cell(redis.bytes_out));
  page.add_counter("nightpost_im_redis_bytes_total", "Bytes of the nodes' channel", {{"way", "in"}},
                   cell(redis.bytes_in));
  for (const auto& [why, counter] : {std::pair("away", &redis.unsaid_away), std::pair("full", &redis.unsaid_full),
                                     std::pair("refused", &redis.refused)})
    page.add_counter("nightpost_im_redis_unsaid_total", "Messages that were not said: others find out by themselves",
                     {{"why", why}}, cell(*counter));
  page.add_gauge("nightpost_im_peers", "Other nodes of the store that are heard", {}, cell(nodes.nodes));
  page.add_gauge("nightpost_im_remote_devices", "Devices on other nodes that are known", {},
                 cell(nodes.remote_devices));
  page.add_counter("nightpost_im_remote_devices_refused_total", "Devices on other nodes that found no room", {},
                   cell(nodes.devices_refused));
  page.add_counter("nightpost_im_remote_overdue_total", "Of them: did not acknowledge, and their node said nothing", {},
                   cell(nodes.overdue));
  page.add_counter("nightpost_im_peers_silent_total", "Nodes whose lease ended", {}, cell(nodes.leases_ended));
  page.add_counter("nightpost_im_peer_gaps_total", "Times that something of a node's devices was missed", {},
                   cell(nodes.gaps));
  page.add_counter("nightpost_im_peer_commits_total", "Commits of the store's nodes", {{"way", "told"}},
                   cell(nodes.commits_told));
  page.add_counter("nightpost_im_peer_commits_total", "Commits of the store's nodes", {{"way", "heard"}},
                   cell(nodes.commits_heard));
  page.add_counter("nightpost_im_peer_commits_too_large_total", "Commits above im.redis.message_bytes_max: not told",
                   {}, cell(nodes.too_large));
  page.add_counter("nightpost_im_peer_messages_refused_total", "Messages of the channel that were dropped",
                   {{"why", "malformed"}}, cell(nodes.malformed));
  page.add_counter("nightpost_im_peer_messages_refused_total", "Messages of the channel that were dropped",
                   {{"why", "unknown"}}, cell(nodes.unknown));
  page.add_counter("nightpost_im_peer_messages_refused_total", "Messages of the channel that were dropped",
                   {{"why", "no_room"}}, cell(nodes.nodes_refused));
  page.add_gauge("nightpost_im_live_rooms_elsewhere", "Live groups with somebody in them at other nodes, a node each",
                 {}, cell(nodes.live_rooms));
  page.add_gauge("nightpost_im_redis_queued_bytes", "Bytes that Redis has not taken yet", {}, cell(redis.queued_bytes));
  page.add_gauge("nightpost_im_peers_unknown", "Of the other nodes: whose devices are not all known", {},
                 cell(nodes.nodes_unknown));
  page.add_gauge("nightpost_im_remote_devices_owing", "Devices on other nodes whose acknowledgement is waited for", {},
                 cell(nodes.devices_owing));
  const auto limit = [&page](const char* name, const char* help, std::size_t value) {
    page.add_gauge(name, help, {}, [value] { return static_cast<double>(value); });
  };
  limit("nightpost_im_redis_queued_limit_bytes", "im.redis.queue_bytes_max", options.redis.queue_bytes_max);
  limit("nightpost_im_remote_devices_limit", "im.redis.remote_devices_max", options.peers.directory.remote_devices_max);
  limit("nightpost_im_peers_limit", "Other nodes that are listened to", options.peers.directory.nodes_max);
}

}  // namespace nightpost::app
