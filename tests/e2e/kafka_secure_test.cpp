// TLS and SASL against an Apache Kafka that demands both: who fits works, who does not is told why.
#include <librdkafka/rdkafka.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "support/kafka_broker.h"
#include "support/kafka_worker.h"
#include "support/process.h"

namespace nightpost::kafka {
namespace {

using support::KafkaBroker;
using test::within;
using test::Worker;

constexpr milliseconds kLong{60'000};
constexpr milliseconds kTold{15'000};
constexpr int kScramMended = 0x020601ff;  // of librdkafka, with brokers as new as ours

using Settings = std::map<std::string, std::string>;

KafkaBroker& broker() {
  static KafkaBroker the_broker({"plain:2", "sha256:2", "sha512:2", "idle:1"}, {.settings = {}, .user = "nightpost"});
  return the_broker;
}

ClientOptions client(const std::string& mechanism, const Settings& changes = {}) {
  ClientOptions made{.brokers = broker().address(),
                     .client = {{"security.protocol", "SASL_SSL"},
                                {"sasl.mechanism", mechanism},
                                {"sasl.username", "nightpost"},
                                {"ssl.ca.location", broker().ca_file()}},
                     .client_files = {{"sasl.password", broker().password_file()}}};
  for (const auto& [key, value] : changes) made.client[key] = value;
  return made;
}

/// Produces and consumes over it; both clients, for each connects by itself.
void expect_works(const ClientOptions& options, const std::string& topic) {
  ProducerMetrics metrics;
  std::atomic<bool> fatal{false};
  auto producer = Producer::start({.kafka = options}, [&](Error) { fatal = true; }, metrics);
  REQUIRE(producer.has_value());
  for (int i = 0; i < 500; ++i) (*producer)->produce(nullptr, topic, "k" + std::to_string(i), "v" + std::to_string(i));
  REQUIRE((*producer)->flush(kLong));
  Worker worker({.kafka = options, .group_id = topic, .topic = topic, .commit_interval = milliseconds(50)});
  REQUIRE(within(kLong, [&] { return worker.seen_count() == 500; }));
  CHECK(within(kLong, [&] { return read(worker.metrics.commits) > 0 && worker.consumer().in_flight() == 0; }));
  CHECK((*producer)->connection_troubles().empty());
  CHECK(worker.consumer().connection_troubles().empty());
  CHECK_FALSE(fatal);
  CHECK_FALSE(worker.fatal);
}

/// What a consumer and a producer say within kTold; both the same.
ConnectionTrouble told(const ClientOptions& options) {
  Worker worker({.kafka = options,
                 .group_id = "idle",
                 .topic = "idle",
                 .commit_wait = milliseconds(500),
                 .silence = milliseconds(3'000)});
  ProducerMetrics metrics;
  auto producer = Producer::start({.kafka = options}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  (*producer)->produce(nullptr, "idle", "", "v");
  REQUIRE(within(kTold, [&] { return !worker.consumer().connection_troubles().empty(); }));
  REQUIRE(within(kTold, [&] { return !(*producer)->connection_troubles().empty(); }));
  const ConnectionTrouble first = worker.consumer().connection_troubles().front();
  const ConnectionTrouble second = (*producer)->connection_troubles().front();
  CHECK(first.broker == second.broker);
  CHECK(first.why == second.why);
  CHECK(within(kTold, [&] { return read(worker.metrics.brokers_down) == 1; }));  // a handshake is no answer
  CHECK_FALSE(worker.ready);
  const auto written = (*producer)->produce_and_wait("idle", "", "v", {}, milliseconds(10));
  REQUIRE_FALSE(written.has_value());
  CHECK_THAT(written.error().detail, Catch::Contains(second.todo));
  return first;
}

TEST_CASE("e2e kafka: PLAIN over TLS works for consumer and producer", "[e2e][kafka][secure]") {
  expect_works(client("PLAIN"), "plain");
}

TEST_CASE("e2e kafka: SCRAM over TLS works, or an old librdkafka is named", "[e2e][kafka][secure][scram]") {
  const auto [mechanism, topic] =
      GENERATE(table<std::string, std::string>({{"SCRAM-SHA-256", "sha256"}, {"SCRAM-SHA-512", "sha512"}}));
  CAPTURE(mechanism, rd_kafka_version_str());
  if (rd_kafka_version() >= kScramMended) {
    expect_works(client(mechanism), topic);
    return;
  }
  const ConnectionTrouble trouble = told(client(mechanism));
  CHECK(trouble.why == ConnectionFault::Credentials);
  CHECK_THAT(trouble.words, Catch::Contains(mechanism));
  CHECK_THAT(trouble.todo, Catch::Contains("this librdkafka cannot do SCRAM"));
}

TEST_CASE("e2e kafka: a client that does not fit is told which broker, why and what to do", "[e2e][kafka][secure]") {
  const support::TempFolder folder("secure");
  const std::string stranger = folder.file("stranger.pem");
  REQUIRE(support::run_command(
              {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
               folder.file("stranger.key"), "-subj", "/CN=Nightpost test CA", "-days", "2", "-out", stranger},
              kLong, {.log_file = folder.file("openssl.log")})
              .exit_code == 0);
  const std::string wrong_password = folder.write("password", "not-the-password\n");

  ClientOptions options = client("PLAIN");
  ConnectionFault want{};
  const char* todo = "";
  std::string at = broker().address();
  SECTION("a wrong password") {
    options.client_files["sasl.password"] = wrong_password;
    want = ConnectionFault::Credentials;
    todo = "the file of sasl.password";
  }
  SECTION("an unknown user") {
    options.client["sasl.username"] = "stranger";
    want = ConnectionFault::Credentials;
    todo = "sasl.username";
  }
  SECTION("another CA of the same name") {
    options.client["ssl.ca.location"] = stranger;
    want = ConnectionFault::Untrusted;
    todo = "ssl.ca.location";
  }
  SECTION("the system's CAs") {
    options.client.erase("ssl.ca.location");
    want = ConnectionFault::Untrusted;
    todo = "ssl.ca.location";
  }
  SECTION("another name than the certificate's") {
    options.brokers = at = "127.0.0.1:" + broker().port();
    want = ConnectionFault::WrongName;
    todo = "advertised.listeners";
  }
  SECTION("no TLS at all") {
    options.client.clear();
    options.client_files.clear();
    want = ConnectionFault::Protocol;
    todo = "security.protocol";
  }
  SECTION("SASL without TLS") {
    options.client["security.protocol"] = "SASL_PLAINTEXT";
    options.client.erase("ssl.ca.location");
    want = ConnectionFault::Protocol;
    todo = "security.protocol";
  }
  SECTION("TLS without SASL") {
    options.client = {{"security.protocol", "SSL"}, {"ssl.ca.location", broker().ca_file()}};
    options.client_files.clear();
    want = ConnectionFault::Protocol;
    todo = "security.protocol";
  }
  const ConnectionTrouble trouble = told(options);
  CAPTURE(trouble.words);
  CHECK(trouble.broker == at);
  CHECK(trouble.why == want);
  CHECK_THAT(trouble.todo, Catch::Contains(todo));
  CHECK_THAT(trouble.words, !Catch::Contains("not-the-password"));
}

}  // namespace
}  // namespace nightpost::kafka
