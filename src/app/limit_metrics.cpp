#include "app/limit_metrics.h"

#include <string>

namespace nightpost::app {

void register_limits(observe::MetricsPage& page, const Config& config) {
  const auto constant = [&page](const char* name, const char* help, double value, observe::Labels labels = {}) {
    page.add_gauge(name, help, std::move(labels), [value] { return value; });
  };
  const auto of_shards = [&](const char* name, const char* help, std::size_t each) {
    constant(name, help, static_cast<double>(each) * static_cast<double>(config.shards));
  };
  const dispatch::Options& d = config.dispatch;
  of_shards("nightpost_events_open_limit", "dispatch.events_open_max, all shards", d.events_open_max);
  of_shards("nightpost_events_open_limit_bytes", "dispatch.events_open_bytes_max, all shards", d.events_open_bytes_max);
  of_shards("nightpost_receivers_unplanned_limit", "dispatch.receivers_unplanned_max, all shards",
            d.receivers_unplanned_max);
  of_shards("nightpost_pushes_in_flight_limit", "dispatch.pushes_in_flight_max, all shards", d.pushes_in_flight_max);
  of_shards("nightpost_pushes_waiting_limit", "dispatch.pushes_queued_max, all shards", d.pushes_queued_max);
  of_shards("nightpost_resolve_receivers_cached_limit", "resolve.receivers_cached_max, all shards",
            config.resolve.receivers_cached_max);
  const auto whole = [](std::size_t limit) { return static_cast<double>(limit); };
  constant("nightpost_recalls_kept_limit", "dispatch.recalls_max", whole(d.recalls_max));
  constant("nightpost_kafka_in_flight_limit", "kafka.in_flight_max", whole(config.consumer.in_flight_max));
  constant("nightpost_kafka_in_flight_limit_bytes", "kafka.in_flight_bytes_max",
           whole(config.consumer.in_flight_bytes_max));
  constant("nightpost_kafka_produce_queued_limit", "kafka.produce_queue_messages_max",
           whole(config.producer.queue_messages_max));
  const char* connections = "Connections a listener of ours keeps at most";
  constant("nightpost_server_connections_limit", connections, whole(config.http_server.connections_max),
           {{"listener", "http"}});
  constant("nightpost_server_connections_limit", connections, whole(config.receipts.server.connections_max),
           {{"listener", "receipts"}});
  constant("nightpost_shards", "Threads that dispatch", whole(config.shards));
  register_build_info(page);
}

void register_build_info(observe::MetricsPage& page) {
  page.add_gauge("nightpost_build_info", "1; the version of the binary", {{"version", NIGHTPOST_VERSION}},
                 [] { return 1.0; });
}

}  // namespace nightpost::app
