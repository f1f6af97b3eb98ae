// The worker's configuration: a plain struct whose defaults and comments are the documentation (config/README.md lists
// the keys). Parsing is pure and strict: every mistake at once, each with its path.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/all_options.h"
#include "app/console_options.h"
#include "app/im_options.h"
#include "app/proxy_options.h"
#include "app/receipt_options.h"
#include "app/server_options.h"
#include "app/store_feed.h"
#include "app/token_remover.h"
#include "app/trace_options.h"
#include "core/result.h"
#include "core/time.h"
#include "dispatch/options.h"
#include "dispatch/tier.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "net/curl_lane.h"
#include "net/lane.h"
#include "net/name_resolver.h"
#include "observe/log.h"
#include "resolve/grant_book.h"
#include "resolve/resolver.h"
#include "store/store.h"
#include "store/store_url.h"

namespace nightpost::app {

struct Topics {
  std::string offline = "nightpost.offline.v1";
  std::string results = "nightpost.results.v1";
  std::string dead = "nightpost.dead.v1";
  std::string dead_marks = "nightpost.dead.marks.v1";  // which dead letters were replayed or dropped; compacted
  std::array<std::string, dispatch::kTiers> retry = {"nightpost.retry.10s.v1", "nightpost.retry.1m.v1",
                                                     "nightpost.retry.10m.v1", "nightpost.retry.1h.v1"};  // by tier
  /// Of those that a worker reads, by kafka::TopicPartition::topic.
  const std::string& source(std::size_t topic) const { return topic == 0 ? offline : retry.at(topic - 1); }
};

struct Config {
  kafka::ConsumerOptions consumer;  // kafka.*; topics and shards are filled from below
  kafka::ProducerOptions producer;  // kafka.*
  Topics topics;                    // kafka.topics

  store::StoreUrl store_url{store::StoreUrl::Kind::Sqlite, "var/nightpost.db"};
  std::string master_key_file;  // empty: environment NIGHTPOST_MASTER_KEY
  store::StoreOptions store;
  TokenRemoverOptions removals;
  StoreFeedOptions feed;               // of PostgreSQL's changes
  milliseconds lookup_timeout{5'000};  // of receivers on PostgreSQL; then the event is tried again
  std::size_t lookup_connections = 2;  // of a shard to PostgreSQL, for these

  std::size_t shards = 1;               // threads that dispatch; one a core is the most that helps
  milliseconds stall{50};               // a shard's loop that is late by this much is counted and told
  milliseconds skew_warn{10'000};       // a vendor's clock that differs by more is told
  milliseconds drain_limit{25'000};     // from SIGTERM to the end, all waits together; Kubernetes kills after 30 s
  std::string http_host = "127.0.0.1";  // /metrics, /healthz, /readyz
  std::uint16_t http_port = 9464;       // 0: a free one
  /// Limits of its connections. Some are kept for who asks for health from this machine, or from where you say.
  server::ServerOptions http_server{.connections_max = 1024,
                                    .connections_per_address_max = 64,
                                    .connections_reserved = 16,
                                    .reserved_addresses = *parse_ranges("127.0.0.0/8,::1"),
                                    .idle_timeout = milliseconds(60'000)};
  dispatch::Options dispatch;        // limits of each shard
  resolve::ResolverOptions resolve;  // caches of each shard
  net::LaneOptions apns, fcm;        // HTTP/2 connections of each shard to each (origin, credential)
  net::CurlLaneOptions http;         // likewise, to all other vendors and to token endpoints
  ProxyOptions proxy;                // of all of these; Kafka is reached without
  net::NameResolverOptions dns;      // names of HTTP/2 vendors; each shard has a resolver of its own
  resolve::GrantOptions grants;
  ReceiptOptions receipts;
  TraceOptions trace;
  ImOptions im;
  AllOptions all;
  ConsoleOptions console;
  observe::Level log_level = observe::Level::Info;
  std::uint32_t log_lines_max = 10;  // of one event a second
};

/// All mistakes, each "path: what is wrong".
struct ConfigErrors {
  std::vector<std::string> lines;
};

std::expected<Config, ConfigErrors> parse_config(std::string_view json);
/// Reads the file; a file that cannot be read is one such error.
std::expected<Config, ConfigErrors> load_config(const std::string& path);

}  // namespace nightpost::app
