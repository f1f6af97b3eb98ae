#include "app/receipt_options.h"

#include <catch2/catch.hpp>

#include "app/config.h"

namespace nightpost::app {
namespace {

std::string receipt_errors_of(const std::string& section) {
  const auto config = parse_config("{\"receipts\": " + section + "}");
  if (config) return "";
  std::string all;
  for (const std::string& line : config.error().lines) all += line + "\n";
  return all;
}

TEST_CASE("receipt options: no listener unless an address is named", "[app][receipts]") {
  CHECK_FALSE(parse_config("{}")->receipts.enabled());
  CHECK_FALSE(parse_config(R"({"receipts": {"body_bytes_max": 2048}})")->receipts.enabled());
  const auto config = parse_config(R"({"receipts": {"listen": "[::]:8443", "tls_certificate_file": "a.pem",
    "tls_key_file": "b.pem", "requests_per_second_max": 7, "ack_wait_ms": 90}})");
  REQUIRE(config);
  CHECK(config->receipts.enabled());
  CHECK(config->receipts.host == "::");
  CHECK(config->receipts.port == 8443);
  CHECK(config->receipts.tls.certificate == "a.pem");
  CHECK(config->receipts.tls.key == "b.pem");
  CHECK(config->receipts.requests_per_second_max == 7);
  CHECK(config->receipts.ack_wait == milliseconds(90));
}

TEST_CASE("receipt options: what is refused, and with which words", "[app][receipts]") {
  struct Row {
    const char* name;
    std::string section, error;
  };
  const Row row = GENERATE(values<Row>({
      {"no port", R"({"listen": "localhost"})", "receipts.listen: \"localhost\" is not HOST:PORT"},
      {"port too large", R"({"listen": "h:65536"})", "receipts.listen"},
      {"a number", R"({"listen": 8443})", "receipts.listen: 8443 is not a text"},
      {"a certificate without key", R"({"tls_certificate_file": "a"})", "receipts.tls_key_file: goes with"},
      {"a look that never comes", R"({"tls_look_every_ms": 0})", "receipts.tls_look_every_ms: 0 is not in"},
      {"a key without certificate", R"({"tls_key_file": "a"})", "receipts.tls_key_file: goes with"},
      {"no calls at all", R"({"requests_per_second_max": 0})", "receipts.requests_per_second_max: 0 is not in"},
      {"no wait at all", R"({"ack_wait_ms": 0})", "receipts.ack_wait_ms: 0 is not in"},
      {"no connection for anybody", R"({"connections_per_address_max": 0})",
       "receipts.connections_per_address_max: 0 is not in"},
      {"no time for a head", R"({"head_timeout_ms": 0})", "receipts.head_timeout_ms: 0 is not in"},
      {"no rate", R"({"transfer_bytes_per_second_min": 0})", "receipts.transfer_bytes_per_second_min: 0 is not in"},
      {"slots nobody needs kept", R"({"connections_reserved": 1})", "receipts.connections_reserved: unknown key"},
      {"an unknown key", R"({"port": 1})", "receipts.port: unknown key"},
      {"no object", "[]", "receipts: [] is not an object"},
  }));
  CAPTURE(row.name);
  CHECK(receipt_errors_of(row.section).contains(row.error));
}

}  // namespace
}  // namespace nightpost::app
