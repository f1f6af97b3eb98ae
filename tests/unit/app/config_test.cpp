#include "app/config.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace nightpost;
using namespace nightpost::app;

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(std::string(NIGHTPOST_SOURCE_DIR) + "/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  REQUIRE(file.good());
  return text.str();
}

/// Calls visit(path, leaf schema) for every key the schema knows.
template <class Visit>
void each_key(const nlohmann::json& schema, const std::string& path, Visit visit) {
  for (const auto& [name, member] : schema["properties"].items()) {
    const std::string here = path.empty() ? name : path + "." + name;
    if (member.contains("properties")) {
      each_key(member, here, visit);
    } else {
      visit(here, member);
    }
  }
}

nlohmann::json with_value(const std::string& path, const nlohmann::json& value) {
  nlohmann::json config = nlohmann::json::object();
  nlohmann::json* at = &config;
  std::istringstream parts(path);
  for (std::string part; std::getline(parts, part, '.');) at = &(*at)[part];
  *at = value;
  return config;
}

std::string errors_of(const std::string& text) {
  const auto config = parse_config(text);
  if (config) return "";
  std::string all;
  for (const std::string& line : config.error().lines) all += (all.empty() ? "" : "\n") + line;
  return all;
}

}  // namespace

TEST_CASE("config: an empty object is the defaults", "[app][config]") {
  const auto config = parse_config("{}");
  REQUIRE(config);
  CHECK(config->consumer.kafka.brokers == "localhost:9092");
  CHECK(config->consumer.topic == "nightpost.offline.v1");
  CHECK(config->shards == 1);
  CHECK(config->apns.streams_max == 1000);
  CHECK(config->log_level == observe::Level::Info);
}

TEST_CASE("config: each topic has one role, and each role a topic", "[app][config]") {
  struct Row {
    const char *topics, *words;
  };
  const Row row = GENERATE(values<Row>({
      {R"({"dead": "nightpost.offline.v1"})", "kafka.topics.dead: is the topic of kafka.topics.offline as well"},
      {R"({"retry_10s": "nightpost.dead.v1"})", "kafka.topics.retry_10s: is the topic of kafka.topics.dead as well"},
      {R"({"retry_1h": "nightpost.retry.1m.v1"})",
       "kafka.topics.retry_1h: is the topic of kafka.topics.retry_1m as well"},
      {R"({"offline": "x", "results": "x"})", "kafka.topics.results: is the topic of kafka.topics.offline as well"},
      {R"({"retry_10m": ""})", "kafka.topics.retry_10m"},
  }));
  CAPTURE(row.topics);
  const auto config = parse_config(R"({"kafka": {"topics": )" + std::string(row.topics) + "}}");
  REQUIRE_FALSE(config);
  REQUIRE(config.error().lines.size() == 1);
  CHECK(config.error().lines[0].find(row.words) == 0);
}

TEST_CASE("config: values arrive where they belong", "[app][config]") {
  const auto config = parse_config(R"({
    "kafka": {"brokers": "a:1,b:2", "group_id": "g", "delay_group_id": "late", "client": {"security.protocol": "SASL_SSL", "socket.timeout.ms": 5000}, "client_files": {"sasl.password": "/run/secret"},
              "topics": {"offline": "in", "results": "out", "dead": "grave", "retry_10m": "later"}, "commit_interval_ms": 50, "start_at": "15m"},
    "worker": {"shards": 3, "http_listen": "[::1]:0"},
    "dispatch": {"attempts_max": 2, "mass_removal_share": 0.5}, "apns": {"ping_interval_ms": 70},
    "fcm": {"ping_interval_ms": 80}, "http": {"connections_max": 3},
    "proxy": {"url": "http://proxy:3128", "credentials_file": "/etc/proxy", "except": "corp.example,10.0.0.0/8"},
    "grants": {"refused_retry_ms": 5},
    "content": {"titles": {"de": "Neue Nachricht"}}, "log": {"level": "debug"}})");
  REQUIRE(config);
  CHECK(config->consumer.delay_group_id == "late");
  CHECK(config->consumer.kafka.client.at("socket.timeout.ms") == "5000");
  CHECK(config->producer.kafka.client.at("security.protocol") == "SASL_SSL");
  CHECK(config->consumer.kafka.client_files.at("sasl.password") == "/run/secret");
  CHECK(config->producer.kafka.client_files.at("sasl.password") == "/run/secret");
  CHECK(config->consumer.topic == "in");
  CHECK(config->topics.dead == "grave");
  CHECK(config->topics.retry[std::size_t(dispatch::Tier::TenMinutes)] == "later");
  CHECK(config->topics.retry[std::size_t(dispatch::Tier::OneHour)] == "nightpost.retry.1h.v1");
  CHECK(config->consumer.commit_interval == milliseconds(50));
  CHECK(config->consumer.shards == 3);
  CHECK(config->consumer.start_at == kafka::StartAt{kafka::StartAt::From::Back, milliseconds(900'000)});
  CHECK(config->http_host == "::1");
  CHECK(config->http_port == 0);
  CHECK(config->dispatch.attempts_max == 2);
  CHECK(config->dispatch.mass_removal_share == 0.5);
  CHECK(config->apns.ping_interval == milliseconds(70));
  CHECK(config->fcm.ping_interval == milliseconds(80));
  REQUIRE(config->proxy.through);
  CHECK(config->proxy.through->authority() == "proxy:3128");
  CHECK_FALSE(config->proxy.through->credentials);
  CHECK(config->proxy.through->except.contain("api.corp.example"));
  CHECK(config->proxy.through->except.contain("10.1.2.3"));
  CHECK(config->proxy.credentials_file == "/etc/proxy");
  CHECK(config->http.connections_max == 3);
  CHECK(config->grants.refused_retry == milliseconds(5));
  CHECK(config->dispatch.titles.at("de") == "Neue Nachricht");
  CHECK(config->log_level == observe::Level::Debug);
}

TEST_CASE("config: five mistakes are five errors, each with its path", "[app][config]") {
  const auto config = parse_config(R"({"kafka": {"brokers": 5, "bootstrap": "x"}, "worker": {"shards": 0},
    "apns": {"streams_max": "many"}, "nonsense": {}})");
  REQUIRE_FALSE(config);
  CHECK(config.error().lines.size() == 5);
  const std::string all = errors_of(R"({"kafka": {"brokers": 5, "bootstrap": "x"}, "worker": {"shards": 0},
    "apns": {"streams_max": "many"}, "nonsense": {}})");
  CHECK(all.contains("kafka.brokers: 5 is not a text"));
  CHECK(all.contains("kafka.bootstrap: unknown key"));
  CHECK(all.contains("worker.shards: 0 is not in [1, 256]"));
  CHECK(all.contains("apns.streams_max: \"many\" is not a whole number"));
  CHECK(all.contains("nonsense: unknown key"));
}

TEST_CASE("config: what is refused, and with which words", "[app][config]") {
  struct Row {
    const char* name;
    std::string text, error;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing", "", "line 1, column 1"},
      {"not JSON", "{\n  \"kafka\": }", "line 2, column 12"},
      {"trailing text", "{} x", "line 1, column 4"},
      {"an array", "[]", "(top): [] is not an object"},
      {"null", "null", "(top): null is not an object"},
      {"a key twice", R"({"kafka": {"brokers": "a:1", "brokers": "b:1"}})", "kafka.brokers: given twice"},
      {"a section that is none", R"({"kafka": "a:1"})", "kafka: \"a:1\" is not an object"},
      {"empty brokers", R"({"kafka": {"brokers": ""}})", "kafka.brokers: is empty"},
      {"a fraction", R"({"worker": {"shards": 1.5}})", "worker.shards: 1.5 is not a whole number"},
      {"beyond 64 bits", R"({"worker": {"shards": 18446744073709551615}})",
       "worker.shards: 18446744073709551615 is not in"},
      {"negative", R"({"worker": {"drain_limit_ms": -1}})", "worker.drain_limit_ms: -1 is not in"},
      {"a share above one", R"({"dispatch": {"mass_removal_share": 1.01}})", "dispatch.mass_removal_share"},
      {"no port", R"({"worker": {"http_listen": "localhost"}})", "worker.http_listen: \"localhost\" is not HOST:PORT"},
      {"port too large", R"({"worker": {"http_listen": "h:65536"}})", "worker.http_listen"},
      {"a name for a range", R"({"worker": {"http_reserved_addresses": "10.0.0.0/8, node-1"}})",
       "worker.http_reserved_addresses: not an address or ADDRESS/BITS: node-1"},
      {"bits beyond", R"({"worker": {"http_reserved_addresses": "::1/129"}})", "worker.http_reserved_addresses: bits"},
      {"a comma too many", R"({"worker": {"http_reserved_addresses": "::1,"}})",
       "worker.http_reserved_addresses: ends"},
      {"all slots kept", R"({"worker": {"http_connections_max": 16}})",
       "worker.http_connections_reserved: leaves none of connections_max to others"},
      {"port with text", R"({"worker": {"http_listen": "h:80a"}})", "worker.http_listen"},
      {"naked IPv6", R"({"worker": {"http_listen": "::1:80"}})", "worker.http_listen"},
      {"unknown level", R"({"log": {"level": "loud"}})", "log.level: \"loud\" is not debug, info, warn or error"},
      {"min above max", R"({"apns": {"connections_min": 5, "connections_max": 2}})",
       "apns.connections_min: is above connections_max"},
      {"fcm's connections likewise", R"({"fcm": {"connections_min": 5, "connections_max": 2}})",
       "fcm.connections_min: is above connections_max"},
      {"the proxy's old place", R"({"http": {"proxy": "http://p:3128"}})", "http.proxy: unknown key"},
      {"a proxy by another scheme", R"({"proxy": {"url": "socks5://p:1080"}})", "proxy.url: is not http://HOST:PORT"},
      {"a proxy over TLS", R"({"proxy": {"url": "https://p:1080"}})", "proxy.url: is https://"},
      {"a proxy with a password", R"({"proxy": {"url": "http://u:p@p:3128"}})",
       "proxy.url: holds a user or password; they belong into the file of proxy.credentials_file"},
      {"credentials for no proxy", R"({"proxy": {"credentials_file": "/etc/proxy"}})",
       "proxy.credentials_file: goes with url"},
      {"an exception that is none", R"({"proxy": {"url": "http://p:3128", "except": "a, *.b"}})",
       "proxy.except: \"*.b\" is no host's name"},
      {"exceptions from no proxy", R"({"proxy": {"except": "a,"}})", "proxy.except: \"\" is no host's name"},
      {"reconnecting upside down", R"({"http": {"reconnect_first_ms": 9, "reconnect_max_ms": 8}})",
       "http.reconnect_first_ms"},
      {"grants' back-off upside down", R"({"grants": {"backoff_first_ms": 9, "backoff_max_ms": 8}})",
       "grants.backoff_first_ms"},
      {"back-off upside down", R"({"dispatch": {"backoff_first_ms": 9, "backoff_max_ms": 8}})",
       "dispatch.backoff_first_ms"},
      {"one group for both kinds of topic", R"({"kafka": {"group_id": "g", "delay_group_id": "g"}})",
       "kafka.delay_group_id: is group_id"},
      {"the default group for both", R"({"kafka": {"delay_group_id": "nightpost"}})",
       "kafka.delay_group_id: is group_id"},
      {"a start that is none", R"({"kafka": {"start_at": "yesterday"}})",
       "kafka.start_at: \"yesterday\" is not earliest, latest or a duration"},
      {"a start without a unit", R"({"kafka": {"start_at": "90"}})", "kafka.start_at: \"90\" is not"},
      {"a start before Kafka", R"({"kafka": {"start_at": "9999d"}})", "kafka.start_at: is more than a year back"},
      {"an age below zero", R"({"dispatch": {"age_max_ms": -1}})", "dispatch.age_max_ms: -1 is not in"},
      {"heartbeats that do not fit", R"({"kafka": {"heartbeat_interval_ms": 3000}})",
       "kafka.session_timeout_ms: 7000 is less than three heartbeats (3000 each)"},
      {"a client's session that is too short", R"({"kafka": {"client": {"session.timeout.ms": 2000}}})",
       "kafka.session_timeout_ms: 2000 is less than three heartbeats (1000 each)"},
      {"a session above max.poll", R"({"kafka": {"session_timeout_ms": 300000}})",
       "kafka.session_timeout_ms: 300000 is not below max.poll.interval.ms"},
      {"a password in the text", R"({"kafka": {"client": {"sasl.password": "hunter2"}}})",
       "kafka.client: kafka setting sasl.password: a secret; name a file that holds it in kafka.client_files"},
      {"a file for an unknown setting", R"({"kafka": {"client_files": {"sasl.passwort": "f"}}})",
       "kafka.client_files: kafka setting sasl.passwort: unknown to librdkafka"},
      {"a file for what is ours", R"({"kafka": {"client_files": {"group.id": "f"}}})", "kafka setting group.id"},
      {"a client setting that breaks a promise", R"({"kafka": {"client": {"enable.auto.commit": true}}})",
       "enable.auto.commit"},
      {"a nested client setting", R"({"kafka": {"client": {"a": {}}}})", "kafka.client.a"},
      {"a title that is no text", R"({"content": {"titles": {"en": []}}})", "content.titles.en"},
  }));
  CAPTURE(row.name);
  const std::string errors = errors_of(row.text);
  CAPTURE(errors);
  CHECK(errors.contains(row.error));
}

TEST_CASE("config: no mistake shows a password", "[app][config]") {
  for (const nlohmann::json& client :
       {nlohmann::json{{"sasl.password", "hunter2"}},
        nlohmann::json{{"sasl.password", nlohmann::json::array({"hunter2"})}},
        nlohmann::json{{"ssl.key.pem", "hunter2"}}, nlohmann::json{{"ssl.keystore.password", {{"a", "hunter2"}}}}}) {
    const std::string errors = errors_of(nlohmann::json{{"kafka", {{"client", client}}}}.dump());
    CHECK_FALSE(errors.empty());
    CHECK_FALSE(errors.contains("hunter2"));
  }
}

TEST_CASE("config: a value shown in an error is cut", "[app][config]") {
  const std::string secret(100, 's');
  const std::string errors = errors_of(nlohmann::json{{"worker", {{"shards", secret}}}}.dump());
  CHECK(errors.contains("is not a whole number"));
  CHECK(errors.size() < 100);
}

TEST_CASE("config: the schema and the parser know the same keys, types and ranges", "[app][config]") {
  const nlohmann::json schema = nlohmann::json::parse(text_of("config/schemas/config.schema.json"));
  const std::string page = text_of("config/README.md");
  int keys = 0;
  each_key(schema, "", [&](const std::string& path, const nlohmann::json& leaf) {
    ++keys;
    CAPTURE(path);
    CHECK(page.contains("| `" + path + "` |"));
    CHECK(errors_of(with_value(path, leaf["default"]).dump()) ==
          (leaf["default"] == "" ? errors_of(with_value(path, "").dump()) : ""));
    CHECK(errors_of(with_value(path, nlohmann::json::array()).dump()).contains(path));  // no key takes a list
    if (leaf.contains("minimum")) {
      const bool whole = leaf["type"] == "integer";
      const nlohmann::json below = whole ? nlohmann::json(leaf["minimum"].get<std::int64_t>() - 1)
                                         : nlohmann::json(leaf["minimum"].get<double>() - 0.01);
      const nlohmann::json above = whole ? nlohmann::json(leaf["maximum"].get<std::int64_t>() + 1)
                                         : nlohmann::json(leaf["maximum"].get<double>() + 0.01);
      CHECK(errors_of(with_value(path, below).dump()).contains(path));
      CHECK(errors_of(with_value(path, above).dump()).contains(path));
    }
  });
  CHECK(keys > 50);
}

TEST_CASE("config: the example configs are good", "[app][config]") {
  CHECK(errors_of(text_of("config/dev.json")) == "");
}

TEST_CASE("config: a file that is not there is one error", "[app][config]") {
  const auto config = load_config("/nonexistent/nightpost.json");
  REQUIRE_FALSE(config);
  CHECK(config.error().lines == std::vector<std::string>{"cannot be read"});
}

TEST_CASE("config: a store is a file or a server", "[app][config]") {
  const auto server = parse_config(R"({"store": {"url": "postgresql://np@db/push?sslmode=verify-full"}})");
  REQUIRE(server);
  CHECK(server->store_url.kind == store::StoreUrl::Kind::Postgres);
  const auto file = parse_config(R"({"store": {"url": "sqlite:/a/b.db"}})");
  REQUIRE(file);
  CHECK(file->store_url.place == "/a/b.db");
  CHECK(parse_config("{}")->store_url.place == "var/nightpost.db");

  CHECK(errors_of(R"({"store": {"path": "a.db"}})") == "store.path: is now store.url: \"sqlite:PATH\"");
  CHECK(errors_of(R"({"store": {"url": "a.db"}})").starts_with("store.url: is neither sqlite:PATH nor postgresql://"));
  const std::string secret = errors_of(R"({"store": {"url": "postgresql://np:SECRET@db/push"}})");
  CHECK(secret.contains("store.password_file"));
  CHECK_FALSE(secret.contains("SECRET"));
}
