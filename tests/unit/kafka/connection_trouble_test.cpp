#include "kafka/connection_trouble.h"

#include <catch2/catch.hpp>

namespace nightpost::kafka {
namespace {

constexpr int kOld = 0x020002ff, kMended = 0x020601ff;

TEST_CASE("connection trouble: what librdkafka says has a kind, or is none", "[kafka][connection]") {
  struct Row {
    const char* name;
    const char *code, *words;
    std::optional<ConnectionFault> want;
  };
  const Row row = GENERATE(values<Row>({
      {"a wrong password", "_AUTHENTICATION",
       "sasl_ssl://a:1/1: SASL authentication error: Authentication failed: Invalid username or password (after 301ms "
       "in state AUTH_REQ)",
       ConnectionFault::Credentials},
      {"a mechanism the broker does not have", "_AUTHENTICATION", "Unsupported SASL mechanism",
       ConnectionFault::Credentials},
      {"no TLS to a TLS listener", "_TRANSPORT",
       "a:1/bootstrap: Disconnected while requesting ApiVersion: might be caused by incorrect security.protocol "
       "configuration (connecting to a SSL listener?) or broker version is < 0.10",
       ConnectionFault::Protocol},
      {"no SASL to a listener that wants it", "_TRANSPORT",
       "ssl://a:1/bootstrap: Disconnected: verify that security.protocol is correctly configured, broker might require "
       "SASL authentication",
       ConnectionFault::Protocol},
      {"TLS to a listener without", "_SSL",
       "SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?", ConnectionFault::Protocol},
      {"a client's certificate is missing", "_SSL", "SSL handshake failed: alert certificate required",
       ConnectionFault::Tls},
      {"a certificate, told apart elsewhere", "_SSL",
       "error:0A000086:SSL routines::certificate verify failed: verify that ssl.ca.location is correctly configured",
       std::nullopt},
      {"no TLS to a TLS listener, as newer ones log it", "",
       "[thrd:a:1/bootstrap]: a:1/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN (after "
       "0ms "
       "in state APIVERSION_QUERY)",
       ConnectionFault::Protocol},
      {"no SASL, as newer ones log it", "",
       "ssl://a:1/bootstrap: Disconnected: SSL connection closed by peer (after 1ms in state UP)",
       ConnectionFault::Protocol},
      {"likewise, again", "",
       "ssl://a:1/1: Disconnected: SSL connection closed by peer (after 2ms in state UP, 1 identical error(s) "
       "suppressed)",
       ConnectionFault::Protocol},
      {"a worn connection", "", "ssl://a:1/1: Disconnected: SSL connection closed by peer (after 5100ms in state UP)",
       std::nullopt},
      {"no time", "", "Disconnected (after", std::nullopt},
      {"nobody listens", "_TRANSPORT", "a:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused",
       std::nullopt},
      {"a broker that restarts", "_TRANSPORT", "a:1/1: Disconnected (after 5012ms in state UP)", std::nullopt},
      // As librdkafka words it where TLS or SASL is on one side only, too: who sees it cannot tell.
      {"a broker that goes away at once", "",
       "a:1/1: Disconnected while requesting ApiVersion: might be caused by incorrect security.protocol configuration "
       "(connecting to a SSL listener?) (after 5ms in state APIVERSION_QUERY)",
       ConnectionFault::Protocol},
      {"all down", "_ALL_BROKERS_DOWN", "1/1 brokers are down", std::nullopt},
      {"a name without an address", "_RESOLVE", "a:1: Failed to resolve 'a:1'", std::nullopt},
      {"nothing", "", "", std::nullopt},
  }));
  CAPTURE(row.name);
  CHECK(connection_fault(row.code, row.words) == row.want);
}

TEST_CASE("connection trouble: why a certificate does not pass", "[kafka][connection]") {
  CHECK(fault_of_certificate(62) == ConnectionFault::WrongName);
  CHECK(fault_of_certificate(64) == ConnectionFault::WrongName);
  CHECK(fault_of_certificate(9) == ConnectionFault::Expired);
  CHECK(fault_of_certificate(10) == ConnectionFault::Expired);
  CHECK(fault_of_certificate(18) == ConnectionFault::Untrusted);
  CHECK(fault_of_certificate(20) == ConnectionFault::Untrusted);
  CHECK(fault_of_certificate(-1) == ConnectionFault::Untrusted);
}

TEST_CASE("connection trouble: the broker is named", "[kafka][connection]") {
  struct Row {
    const char *words, *want;
  };
  const Row row = GENERATE(values<Row>({
      {"sasl_ssl://kafka-1:9093/bootstrap: SASL authentication error", "kafka-1:9093"},
      {"kafka-1:9092/1: Disconnected", "kafka-1:9092"},
      {"ssl://kafka-1:9093/1", "kafka-1:9093"},
      {"kafka-1:9093", "kafka-1:9093"},
      {"sasl_ssl://[::1]:9093/2: Disconnected", "[::1]:9093"},
      {"GroupCoordinator: kafka-1:9092: Disconnected", "kafka-1:9092"},
      {"sasl_ssl://GroupCoordinator/1", "GroupCoordinator"},
      {"[thrd:ssl://x:1/bootstrap]: ssl://kafka-1:9093/1: Disconnected", "kafka-1:9093"},
      {"[thrd:", "[thrd:"},
      {"GroupCoordinator: something: else", "GroupCoordinator"},
      {"1/1 brokers are down", "1"},
      {"", ""},
      {": ", ""},
      {"://", ""},
  }));
  CAPTURE(row.words);
  CHECK(broker_of(row.words) == row.want);
}

TEST_CASE("connection trouble: each has a remedy, and an old library's SCRAM is named", "[kafka][connection]") {
  for (const auto fault : {ConnectionFault::Credentials, ConnectionFault::Untrusted, ConnectionFault::WrongName,
                           ConnectionFault::Expired, ConnectionFault::Protocol, ConnectionFault::Tls})
    CHECK_THAT(remedy_of(fault, "SCRAM", kMended), !Catch::Contains("2.6.1"));
  CHECK_THAT(remedy_of(ConnectionFault::Credentials, "invalid credentials with SCRAM-SHA-256", kOld),
             Catch::Contains("2.6.1"));
  CHECK_THAT(remedy_of(ConnectionFault::Credentials, "Invalid username", kOld), !Catch::Contains("2.6.1"));
}

TEST_CASE("connection trouble: said once, again after a while, and over when the broker answers",
          "[kafka][connection]") {
  ConnectionTroubles troubles;
  const MonoTime start{seconds(100)};
  const ConnectionTrouble refused = {"a:1", ConnectionFault::Credentials, "words", ""};
  CHECK_FALSE(troubles.heard("ssl://a:1/1"));
  CHECK(troubles.note(refused, start));
  CHECK_FALSE(troubles.note(refused, start + seconds(30)));
  CHECK(troubles.note(refused, start + seconds(61)));
  CHECK(troubles.note({"a:1", ConnectionFault::Tls, "other", ""}, start + seconds(62)));
  REQUIRE(troubles.current(start + seconds(62)).size() == 1);
  CHECK(troubles.current(start + seconds(62)).front().words == "other");
  CHECK_FALSE(troubles.heard("ssl://b:1/2"));
  CHECK(troubles.heard("ssl://a:1/1"));
  CHECK_FALSE(troubles.heard("ssl://a:1/1"));
  CHECK(troubles.current(start + seconds(62)).empty());
  CHECK(troubles.note(refused, start + seconds(63)));  // new again
}

TEST_CASE("connection trouble: a broker no longer tried is forgotten, and memory is bounded", "[kafka][connection]") {
  ConnectionTroubles troubles;
  const MonoTime start{seconds(100)};
  for (std::size_t i = 0; i < ConnectionTroubles::kBrokersMax; ++i)
    CHECK(troubles.note({"b" + std::to_string(i) + ":1", ConnectionFault::Protocol, "", ""}, start));
  CHECK_FALSE(troubles.note({"one:1", ConnectionFault::Protocol, "", ""}, start));
  CHECK(troubles.current(start).size() == ConnectionTroubles::kBrokersMax);
  CHECK(troubles.current(start + ConnectionTroubles::kForgetAfter).size() == ConnectionTroubles::kBrokersMax);
  const MonoTime later = start + ConnectionTroubles::kForgetAfter + milliseconds(1);
  CHECK(troubles.current(later).empty());
  CHECK(troubles.note({"one:1", ConnectionFault::Protocol, "", ""}, later));
}

}  // namespace
}  // namespace nightpost::kafka
