#include "app/limit_metrics.h"

#include <catch2/catch.hpp>
#include <set>

#include "app/server_options.h"
#include "app/worker.h"

namespace nightpost::app {
namespace {

std::set<std::string> families_of(const std::string& page) {
  std::set<std::string> names;
  constexpr std::string_view kType = "# TYPE ";
  for (std::size_t at = page.find(kType); at != page.npos; at = page.find(kType, at + 1)) {
    const std::size_t from = at + kType.size();
    names.insert(page.substr(from, page.find(' ', from) - from));
  }
  return names;
}

TEST_CASE("limits: those of a shard count as often as there are shards", "[app][limits]") {
  Config config;
  config.shards = 3;
  config.dispatch.events_open_max = 7;
  config.dispatch.pushes_queued_max = 1'000;
  config.consumer.in_flight_max = 11;
  config.consumer.in_flight_bytes_max = 2'000'000;
  config.http_server.connections_max = 5;
  config.receipts.server.connections_max = 6;
  observe::MetricsPage page;
  register_limits(page, config);
  const std::string text = page.render();
  CHECK(text.contains("\nnightpost_events_open_limit 21\n"));
  CHECK(text.contains("\nnightpost_pushes_waiting_limit 3000\n"));
  CHECK(text.contains("\nnightpost_kafka_in_flight_limit 11\n"));
  CHECK(text.contains("\nnightpost_kafka_in_flight_limit_bytes 2000000\n"));
  CHECK(text.contains("\nnightpost_server_connections_limit{listener=\"http\"} 5\n"));
  CHECK(text.contains("\nnightpost_server_connections_limit{listener=\"receipts\"} 6\n"));
  CHECK(text.contains("\nnightpost_shards 3\n"));
  CHECK(text.contains("\nnightpost_build_info{version=\""));
}

TEST_CASE("limits: each stands beside a gauge of its use", "[app][limits]") {
  const Config config;
  const WorkerMetrics metrics;
  observe::MetricsPage page;
  const dispatch::SignerLedger signers;
  const dispatch::RecallBook recalls(100, milliseconds(1'000));
  register_metrics(page, metrics, signers, recalls);
  const server::ServerMetrics http;
  register_server_metrics(page, "http", http);
  register_limits(page, config);
  const std::set<std::string> names = families_of(page.render());
  std::size_t limits = 0;
  for (const std::string& name : names) {
    const std::size_t at = name.find("_limit");
    if (at == name.npos || name == "nightpost_lane_streams_limit") continue;  // the vendors' grant
    ++limits;
    CAPTURE(name);
    CHECK(names.contains(name.substr(0, at) + name.substr(at + std::string_view("_limit").size())));
  }
  CHECK(limits >= 10);
}

TEST_CASE("metrics: a push that was retried for half an hour has a bucket of its own", "[app][limits]") {
  WorkerMetrics metrics;
  metrics.shards.emplace_back().dispatch.settle_latency.observe(1'800'000);
  observe::MetricsPage page;
  const dispatch::SignerLedger signers;
  const dispatch::RecallBook recalls(100, milliseconds(1'000));
  register_metrics(page, metrics, signers, recalls);
  const std::string text = page.render();
  CHECK(text.contains("nightpost_settle_seconds_bucket{le=\"600\"} 0\n"));
  CHECK(text.contains("nightpost_settle_seconds_bucket{le=\"3600\"} 1\n"));
}

}  // namespace
}  // namespace nightpost::app
