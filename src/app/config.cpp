#include "app/config.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "app/json_section.h"
#include "app/ready_file.h"
#include "dispatch/language.h"

namespace nightpost::app {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

void read_kafka(JsonSection kafka, Config& config) {
  kafka::ClientOptions client;
  kafka.text("brokers", client.brokers);
  kafka.texts("client", client.client);
  kafka.texts("client_files", client.client_files);
  if (const auto checked = kafka::check_client_settings(client.client, {}); !checked)
    kafka.mistake("client", checked.error().detail);
  else if (const auto files = kafka::check_client_settings(client.client, client.client_files); !files)
    kafka.mistake("client_files", files.error().detail);
  config.consumer.kafka = client;
  config.producer.kafka = client;
  kafka.text("group_id", config.consumer.group_id);
  kafka.text("delay_group_id", config.consumer.delay_group_id, true);
  if (config.consumer.delay_group_id == config.consumer.group_id)
    kafka.mistake("delay_group_id", "is group_id: fresh events and delay topics each have a group of their own");
  kafka.text("group_instance_id", config.consumer.group_instance_id, true);
  std::string start_at = text_of(config.consumer.start_at);
  kafka.text("start_at", start_at);
  if (const auto parsed = kafka::parse_start_at(start_at))
    config.consumer.start_at = *parsed;
  else
    kafka.mistake("start_at", parsed.error().detail);
  kafka.duration_ms("session_timeout_ms", config.consumer.group_timing.session, 1'000, 1'800'000);
  kafka.duration_ms("heartbeat_interval_ms", config.consumer.group_timing.heartbeat, 100, 600'000);
  if (const auto checked = check_group_timing(group_timing(config.consumer.group_timing, client.client)); !checked)
    kafka.mistake("session_timeout_ms", checked.error().detail);
  kafka.integer("fetch_queue_kbytes", config.consumer.fetch_queue_kbytes, 1'024, 2'097'151);
  kafka.integer("in_flight_max", config.consumer.in_flight_max, 1, 10'000'000);
  kafka.integer("in_flight_bytes_max", config.consumer.in_flight_bytes_max, std::int64_t{1} << 20,
                std::int64_t{1} << 40);
  kafka.duration_ms("commit_interval_ms", config.consumer.commit_interval, 10, 60'000);
  kafka.duration_ms("revoke_grace_ms", config.consumer.revoke_grace, 0, 60'000);
  kafka.duration_ms("commit_wait_ms", config.consumer.commit_wait, 10, 60'000);
  kafka.duration_ms("hold_before_pause_ms", config.consumer.hold_before_pause, 0, 60'000);
  kafka.integer("delay_rate_min", config.consumer.delay_rate_min, 1, 10'000'000);
  kafka.real("delay_rate_share", config.consumer.delay_rate_share, 0, 100);
  kafka.duration_ms("silence_ms", config.consumer.silence, 100, 600'000);
  kafka.duration_ms("linger_ms", config.producer.linger, 0, 10'000);
  kafka.text("compression", config.producer.compression);
  kafka.integer("produce_queue_messages_max", config.producer.queue_messages_max, 1, 10'000'000);
  kafka.integer("produce_queue_kbytes_max", config.producer.queue_kbytes_max, 1'024, 2'097'151);
  kafka.integer("message_bytes_max", config.producer.message_bytes_max, std::int64_t{1} << 20, std::int64_t{256} << 20);
  kafka.duration_ms("refused_backoff_first_ms", config.producer.refused_backoff_first, 1, 600'000);
  kafka.duration_ms("refused_backoff_max_ms", config.producer.refused_backoff_max, 1, 600'000);
  if (config.producer.refused_backoff_first > config.producer.refused_backoff_max)
    kafka.mistake("refused_backoff_first_ms", "is above refused_backoff_max_ms");
  JsonSection topics = kafka.section("topics");
  topics.text("offline", config.topics.offline);
  topics.text("results", config.topics.results);
  topics.text("dead", config.topics.dead);
  topics.text("dead_marks", config.topics.dead_marks);
  for (std::size_t tier = 0; tier < dispatch::kTiers; ++tier)
    topics.text("retry_" + std::string(name_of(dispatch::Tier(tier))), config.topics.retry[tier]);
  // A topic in two roles would be read as what it is not, or feed itself.
  std::map<std::string_view, std::string> roles;
  const auto check = [&](const std::string& role, std::string_view topic) {
    const auto [first, added] = roles.try_emplace(topic, role);
    if (!added) topics.mistake(role, "is the topic of kafka.topics." + first->second + " as well");
  };
  check("offline", config.topics.offline);
  check("results", config.topics.results);
  check("dead", config.topics.dead);
  for (std::size_t tier = 0; tier < dispatch::kTiers; ++tier)
    check("retry_" + std::string(name_of(dispatch::Tier(tier))), config.topics.retry[tier]);
}

void read_worker(JsonSection worker, Config& config) {
  worker.integer("shards", config.shards, 1, 256);
  worker.duration_ms("stall_ms", config.stall, 10, 10'000);
  worker.duration_ms("skew_warn_ms", config.skew_warn, 1'000, kHourMs);
  worker.duration_ms("drain_limit_ms", config.drain_limit, 0, kHourMs);
  std::string listen = fmt::format("{}:{}", config.http_host, config.http_port);
  worker.text("http_listen", listen);
  if (const auto parsed = parse_host_port(listen)) {
    config.http_host = parsed->host;
    config.http_port = parsed->port;
  } else {
    worker.mistake("http_listen", parsed.error().detail);
  }
  read_server_limits(worker, "http_", config.http_server);
  read_reserved_slots(worker, "http_", config.http_server);
}

void read_dispatch(JsonSection dispatch, dispatch::Options& options) {
  dispatch.integer("event_bytes_max", options.event_bytes_max, 1'024, std::int64_t{64} << 20);
  dispatch.integer("events_open_max", options.events_open_max, 1, 10'000'000);
  dispatch.integer("receivers_unplanned_max", options.receivers_unplanned_max, 1, 10'000'000);
  dispatch.integer("bulk_receivers_min", options.bulk_receivers_min, 2, 1'000'000);
  dispatch.real("bulk_share", options.bulk_share, 0.01, 0.99);
  dispatch.integer("bulk_turn_max", options.bulk_turn_max, 16, 100'000);
  dispatch.integer("bulk_in_flight_first", options.bulk_in_flight_first, 1, 100'000);
  dispatch.duration_ms("bulk_wait_ms", options.bulk_wait, 0, 3'600'000);
  dispatch.integer("bulk_per_second_first", options.bulk_per_second_first, 10, 1'000'000);
  dispatch.integer("events_open_bytes_max", options.events_open_bytes_max, std::int64_t{1} << 20,
                   std::int64_t{1} << 40);
  dispatch.integer("pushes_in_flight_max", options.pushes_in_flight_max, 1, 1'000'000);
  dispatch.integer("credential_in_flight_max", options.credential_in_flight_max, 1, 1'000'000);
  dispatch.integer("credential_in_flight_first", options.credential_in_flight_first, 1, 1'000'000);
  dispatch.duration_ms("silence_ms", options.silence, 100, kHourMs);
  dispatch.integer("failures_max", options.failures_max, 1, 1'000'000);
  dispatch.duration_ms("probe_first_ms", options.probe_first, 1, kHourMs);
  dispatch.duration_ms("probe_max_ms", options.probe_max, 1, kHourMs);
  dispatch.duration_ms("signer_wait_max_ms", options.signer_wait_max, 0, kHourMs);
  dispatch.integer("pushes_queued_max", options.pushes_queued_max, 1'000, 10'000'000);
  dispatch.integer("attempts_max", options.attempts_max, 1, 100);
  dispatch.duration_ms("backoff_first_ms", options.backoff_first, 1, kHourMs);
  dispatch.duration_ms("backoff_max_ms", options.backoff_max, 1, kHourMs);
  dispatch.duration_ms("quick_for_ms", options.quick_for, 0, kHourMs);
  dispatch.duration_ms("retry_for_ms", options.retry_for, 0, 7 * 24 * kHourMs);
  dispatch.duration_ms("defer_first_ms", options.defer_first, 1, kHourMs);
  dispatch.duration_ms("defer_max_ms", options.defer_max, 1, 24 * kHourMs);
  dispatch.integer("unheard_max", options.unheard_max, 1, 100);
  dispatch.duration_ms("age_max_ms", options.age_max, 0, 365 * 24 * kHourMs);
  dispatch.integer("recalls_max", options.recalls_max, 1, 100'000'000);
  dispatch.duration_ms("recalls_kept_ms", options.recalls_kept, 1'000, 30 * 24 * kHourMs);
  dispatch.duration_ms("call_lasts_max_ms", options.call_lasts_max, 1'000, kHourMs);
  dispatch.duration_ms("push_deadline_ms", options.push_deadline, 100, kHourMs);
  dispatch.duration_ms("mixed_linger_ms", options.mixed_linger, 0, 1'000);
  dispatch.duration_ms("retry_after_max_ms", options.retry_after_max, 0, 24 * kHourMs);
  dispatch.duration_ms("breaker_first_ms", options.breaker_first, 1, kHourMs);
  dispatch.duration_ms("breaker_max_ms", options.breaker_max, 1, 24 * kHourMs);
  dispatch.integer("routes_max", options.routes_max, 1, 1'000'000);
  dispatch.integer("mass_removal_window", options.mass_removal_window, 1, 1'000'000);
  dispatch.real("quota_share", options.quota_share, 0.001, 1.0);
  dispatch.integer("quota_devices_max", options.quota_devices_max, 8, 100'000'000);
  dispatch.real("mass_removal_share", options.mass_removal_share, 0.0, 1.0);
  dispatch.real("mass_removal_live_share", options.mass_removal_live_share, 0.0, 1.0);
  dispatch.duration_ms("mass_removal_period_ms", options.mass_removal_period, 1'000, 24 * kHourMs);
  dispatch.integer("removals_kept_max", options.removals_kept_max, 0, 1'000'000);
  dispatch.duration_ms("removals_kept_ms", options.removals_kept, 60'000, 30 * 24 * kHourMs);
  dispatch.integer("suspects_max", options.suspects_max, 0, 10'000'000);
  dispatch.integer("suspects_noted_max", options.suspects_noted_max, 0, 10'000'000);
  dispatch.duration_ms("suspects_apart_ms", options.suspects_apart, 0, 7 * 24 * kHourMs);
  dispatch.duration_ms("suspects_kept_ms", options.suspects_kept, 1'000, 30 * 24 * kHourMs);
  dispatch.duration_ms("proof_kept_ms", options.proof_kept, 0, 24 * kHourMs);
  dispatch.integer("class_rests_max", options.class_rests_max, 1, 10'000);
  if (options.backoff_first > options.backoff_max) dispatch.mistake("backoff_first_ms", "is above backoff_max_ms");
  if (options.probe_first > options.probe_max) dispatch.mistake("probe_first_ms", "is above probe_max_ms");
  if (options.defer_first > options.defer_max) dispatch.mistake("defer_first_ms", "is above defer_max_ms");
  if (options.breaker_first > options.breaker_max) dispatch.mistake("breaker_first_ms", "is above breaker_max_ms");
}

void read_lane(JsonSection lane, net::LaneOptions& options) {
  lane.integer("connections_min", options.connections_min, 0, 1'000);
  lane.integer("connections_max", options.connections_max, 1, 1'000);
  lane.integer("streams_max", options.streams_max, 1, 10'000);
  lane.integer("queue_max", options.queue_max, 1, 10'000'000);
  lane.duration_ms("connect_timeout_ms", options.connect_timeout, 10, 600'000);
  lane.duration_ms("response_timeout_ms", options.response_timeout, 10, 600'000);
  lane.duration_ms("ping_interval_ms", options.ping_interval, 10, kHourMs);
  lane.duration_ms("ping_timeout_ms", options.ping_timeout, 10, 600'000);
  lane.duration_ms("idle_close_ms", options.idle_close, 100, 24 * kHourMs);
  lane.duration_ms("age_max_ms", options.age_max, 1'000, 7 * 24 * kHourMs);
  lane.duration_ms("goaway_linger_ms", options.goaway_linger, 0, 600'000);
  lane.duration_ms("reconnect_first_ms", options.reconnect_first, 1, kHourMs);
  lane.duration_ms("reconnect_max_ms", options.reconnect_max, 1, kHourMs);
  lane.integer("timeouts_in_a_row_max", options.timeouts_in_a_row_max, 1, 1'000);
  lane.integer("replays_max", options.replays_max, 0, 100);
  lane.duration_ms("grow_after_ms", options.grow_after, 0, kHourMs);
  lane.integer("response_bytes_max", options.response_bytes_max, 1'024, std::int64_t{64} << 20);
  if (options.connections_min > options.connections_max) lane.mistake("connections_min", "is above connections_max");
  if (options.reconnect_first > options.reconnect_max) lane.mistake("reconnect_first_ms", "is above reconnect_max_ms");
}

void read_http(JsonSection http, net::CurlLaneOptions& options) {
  http.integer("connections_max", options.connections_max, 1, 1'000);
  http.integer("streams_max", options.streams_max, 1, 1'000);
  http.integer("queue_max", options.queue_max, 1, 10'000'000);
  http.duration_ms("connect_timeout_ms", options.connect_timeout, 10, 600'000);
  http.duration_ms("response_timeout_ms", options.response_timeout, 10, 600'000);
  http.duration_ms("idle_close_ms", options.idle_close, 1'000, 24 * kHourMs);
  http.duration_ms("age_max_ms", options.age_max, 1'000, 7 * 24 * kHourMs);
  http.duration_ms("reconnect_first_ms", options.reconnect_first, 1, kHourMs);
  http.duration_ms("reconnect_max_ms", options.reconnect_max, 1, kHourMs);
  http.integer("timeouts_in_a_row_max", options.timeouts_in_a_row_max, 1, 1'000);
  http.integer("response_bytes_max", options.response_bytes_max, 1'024, std::int64_t{64} << 20);
  http.integer("header_bytes_max", options.header_bytes_max, 1'024, std::int64_t{1} << 20);
  if (options.reconnect_first > options.reconnect_max) http.mistake("reconnect_first_ms", "is above reconnect_max_ms");
}

void read_store_url(JsonSection& store, store::StoreUrl& out) {
  std::string text;
  if (store.has("path")) {
    store.text("path", text, true);
    store.mistake("path", "is now store.url: \"sqlite:PATH\"");
  }
  if (!store.has("url")) return;
  text.clear();
  store.text("url", text);
  if (text.empty()) return;  // that was a mistake of its own
  if (auto url = store::parse_store_url(text)) {
    out = *std::move(url);
  } else {
    store.mistake("url", url.error().detail);
  }
}

void read_grants(JsonSection grants, resolve::GrantOptions& options) {
  grants.duration_ms("fetch_deadline_ms", options.fetch_deadline, 100, 600'000);
  grants.duration_ms("backoff_first_ms", options.backoff_first, 1, kHourMs);
  grants.duration_ms("backoff_max_ms", options.backoff_max, 1, kHourMs);
  grants.duration_ms("refused_retry_ms", options.refused_retry, 0, kHourMs);
  grants.integer("signers_max", options.signers_max, 1, 1'000'000);
  if (options.backoff_first > options.backoff_max) grants.mistake("backoff_first_ms", "is above backoff_max_ms");
}

}  // namespace

std::expected<Config, ConfigErrors> parse_config(std::string_view text) {
  Config config;
  ConfigErrors errors;
  const nlohmann::json parsed = parse_strict(text, errors.lines);
  if (parsed.is_null() && !errors.lines.empty()) return std::unexpected(std::move(errors));
  {
    JsonSection top(parsed, "", errors.lines);
    read_kafka(top.section("kafka"), config);
    {
      JsonSection store = top.section("store");
      read_store_url(store, config.store_url);
      store.text("master_key_file", config.master_key_file, true);
      store.duration_ms("busy_timeout_ms", config.store.busy_timeout, 1, 60'000);
      store.integer("cache_bytes", config.store.cache_bytes, std::int64_t{1} << 20, std::int64_t{1} << 40);
      store.integer("mmap_bytes", config.store.mmap_bytes, 0, std::int64_t{1} << 40);
      store.integer("devices_per_user_max", config.store.devices_per_user_max, 1, 1'000);
      store.integer("mutes_per_user_max", config.store.mutes_per_user_max, 1, 100'000);
      store.integer("certificate_versions_max", config.store.certificate_versions_max, 1, 1'000);
      store.integer("changes_named_max", config.store.changes_named_max, 0, 100'000);
      store.integer("import_named_max", config.store.import_named_max, 0, 10'000);
      store.text("password_file", config.store.password_file, true);
      store.duration_ms("connect_timeout_ms", config.store.connect_timeout, 10, 600'000);
      store.duration_ms("statement_timeout_ms", config.store.statement_timeout, 10, 600'000);
      store.duration_ms("migration_timeout_ms", config.store.migration_timeout, 1'000, 24 * kHourMs);
      store.duration_ms("changes_keep_ms", config.store.changes_keep, 1'000, 7 * 24 * kHourMs);
      store.integer("changes_rows_max", config.store.changes_rows_max, 1'000, 100'000'000);
      store.duration_ms("changes_poll_ms", config.feed.poll, 10, 60'000);
      store.duration_ms("lookup_timeout_ms", config.lookup_timeout, 10, 600'000);
      store.integer("lookup_connections", config.lookup_connections, 1, 16);
      store.integer("removals_queued_max", config.removals.queued_max, 1, 1'000'000);
      store.integer("removals_commit_max", config.removals.commit_max, 1, 10'000);
      store.duration_ms("removal_wait_ms", config.removals.wait, 1, 600'000);
    }
    read_worker(top.section("worker"), config);
    read_dispatch(top.section("dispatch"), config.dispatch);
    {
      JsonSection content = top.section("content");
      content.text("language", config.dispatch.language);
      content.texts("titles", config.dispatch.titles);
      if (const auto equal = dispatch::equal_tags(config.dispatch.titles))
        content.mistake("titles", fmt::format("{} and {} are one language", equal->first, equal->second));
    }
    {
      JsonSection resolve = top.section("resolve");
      resolve.integer("receivers_cached_max", config.resolve.receivers_cached_max, 1, 100'000'000);
      resolve.integer("routes_cached_max", config.resolve.routes_cached_max, 1, 1'000'000);
      resolve.duration_ms("bad_route_retry_ms", config.resolve.bad_route_retry, 100, kHourMs);
    }
    read_lane(top.section("apns"), config.apns);
    read_lane(top.section("fcm"), config.fcm);
    read_http(top.section("http"), config.http);
    read_proxy(top.section("proxy"), config.proxy);
    {
      JsonSection dns = top.section("dns");
      dns.duration_ms("lookup_timeout_ms", config.dns.lookup_timeout, 10, 60'000);
      dns.duration_ms("ttl_max_ms", config.dns.ttl_max, 0, kHourMs);
      dns.integer("names_max", config.dns.names_max, 16, 100'000);
    }
    read_grants(top.section("grants"), config.grants);
    read_receipts(top.section("receipts"), config.receipts);
    read_trace(top.section("trace"), config.trace);
    read_im(top.section("im"), config.im);
    if (config.im.has_peers() && config.store_url.kind == store::StoreUrl::Kind::Sqlite)
      errors.lines.emplace_back("im.redis.url: store.url is a file, which is one node's: several share a PostgreSQL");
    read_console(top.section("console"), config.console);
    {
      JsonSection all = top.section("all");
      all.integer("unsettled_bytes_max", config.all.unsettled_bytes_max, 65'536, 2'097'152);
      all.duration_ms("outcome_wait_ms", config.all.outcome_wait, 60'000, 24 * kHourMs);
    }
    {
      JsonSection log = top.section("log");
      std::string level = "info";
      log.text("level", level);
      log.integer("per_event_per_second_max", config.log_lines_max, 1, 100'000);
      const std::map<std::string_view, observe::Level> levels = {{"debug", observe::Level::Debug},
                                                                 {"info", observe::Level::Info},
                                                                 {"warn", observe::Level::Warn},
                                                                 {"error", observe::Level::Error}};
      if (const auto found = levels.find(level); found != levels.end()) {
        config.log_level = found->second;
      } else {
        log.mistake("level", fmt::format("\"{}\" is not debug, info, warn or error", level));
      }
    }
  }
  if (!errors.lines.empty()) return std::unexpected(std::move(errors));
  config.consumer.topic = config.topics.offline;
  config.consumer.shards = config.shards;
  return config;
}

std::expected<Config, ConfigErrors> load_config(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return std::unexpected(ConfigErrors{{"cannot be read"}});
  return parse_config(text.str());
}

}  // namespace nightpost::app
