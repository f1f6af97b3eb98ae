// How fast an address may fail to log in, and whose address it is.
#include "im/gateway/login_gate.h"

#include <boost/asio/ip/address.hpp>
#include <catch2/catch.hpp>

namespace nightpost::im {
namespace {

server::AddressBytes address(const char* text) { return server::bytes_of(boost::asio::ip::make_address(text)); }

TEST_CASE("login gate: failures of an address are answered late beyond a rate", "[im][gateway]") {
  GatewayOptions options;
  options.failed_logins_per_minute = 6;
  LoginGate gate(options);
  MonoTime now{std::chrono::hours(1)};
  const auto mine = address("10.0.0.1"), other = address("10.0.0.2");
  for (int i = 0; i < 6; ++i) CHECK(gate.failed(mine, now) == milliseconds(0));
  CHECK(gate.failed(mine, now) == options.failed_login_delay);
  CHECK(gate.failed(other, now) == milliseconds(0));
  now += milliseconds(9'990);
  CHECK(gate.failed(mine, now) == options.failed_login_delay);
  now += milliseconds(20);
  CHECK(gate.failed(mine, now) == milliseconds(0));
  CHECK(gate.failed(mine, now) == options.failed_login_delay);
  now += std::chrono::hours(1);  // no more than a burst grows back
  for (int i = 0; i < 6; ++i) CHECK(gate.failed(mine, now) == milliseconds(0));
  CHECK(gate.failed(mine, now) == options.failed_login_delay);
}

TEST_CASE("login gate: it remembers a bounded number of addresses", "[im][gateway]") {
  GatewayOptions options;
  options.failed_logins_per_minute = 1;
  options.failed_addresses_max = 2;
  LoginGate gate(options);
  const MonoTime now{};
  CHECK(gate.failed(address("10.0.0.1"), now) == milliseconds(0));
  CHECK(gate.failed(address("10.0.0.2"), now) == milliseconds(0));
  CHECK(gate.failed(address("10.0.0.1"), now) > milliseconds(0));
  CHECK(gate.failed(address("10.0.0.3"), now) == milliseconds(0));  // instead of .2
  CHECK(gate.failed(address("10.0.0.1"), now) > milliseconds(0));
  CHECK(gate.failed(address("10.0.0.2"), now) == milliseconds(0));
  options.failed_addresses_max = 0;
  LoginGate none(options);
  CHECK(none.failed(address("10.0.0.1"), now) == milliseconds(0));
}

TEST_CASE("login gate: slots are counted, also beyond its own life", "[im][gateway]") {
  GatewayOptions options;
  options.logins_open_max = 2;
  std::optional<LoginGate> gate(std::in_place, options);
  auto first = gate->enter(), second = gate->enter();
  CHECK((first && second));
  CHECK_FALSE(gate->enter());
  auto copy = first;
  first.reset();
  CHECK_FALSE(gate->enter());
  copy.reset();
  CHECK(gate->enter());
  gate.reset();
  second.reset();
}

TEST_CASE("login gate: a forwarded address is believed of a trusted proxy alone", "[im][gateway]") {
  struct Row {
    const char* name;
    const char* peer;
    std::vector<std::string> forwarded;
    const char* client;
  };
  const Row row = GENERATE(values<Row>({
      {"nobody's word", "203.0.113.5", {}, "203.0.113.5"},
      {"a stranger's word", "203.0.113.5", {"198.51.100.1"}, "203.0.113.5"},
      {"a proxy's", "10.0.0.1", {"198.51.100.1"}, "198.51.100.1"},
      {"a proxy that says nothing", "10.0.0.1", {}, "10.0.0.1"},
      {"the last one, which the proxy saw itself", "10.0.0.1", {"1.2.3.4, 198.51.100.1"}, "198.51.100.1"},
      {"over two proxies", "10.0.0.1", {"1.2.3.4,198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
      {"in two fields", "10.0.0.1", {"198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
      {"proxies alone", "10.0.0.1", {"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
      {"nonsense", "10.0.0.1", {"198.51.100.1, unknown"}, "10.0.0.1"},
      {"nonsense behind a proxy", "10.0.0.1", {"x, 10.0.0.2"}, "10.0.0.2"},
      {"empty", "10.0.0.1", {""}, "10.0.0.1"},
      {"commas", "10.0.0.1", {",,"}, "10.0.0.1"},
      {"IPv6: one host is a /64", "10.0.0.1", {"2001:db8::1:2"}, "2001:db8::"},
  }));
  CAPTURE(row.name);
  GatewayOptions options;
  options.trusted_proxies = {*server::AddressRange::parse("10.0.0.0/8")};
  server::ServerRequest request;
  request.address = address(row.peer);
  for (const std::string& each : row.forwarded) request.headers.emplace_back("x-forwarded-for", each);
  CHECK(client_address(request, options) == server::counted_address(boost::asio::ip::make_address(row.client)));
}

TEST_CASE("gateway options: the server's limits follow", "[im][gateway]") {
  GatewayOptions options;
  options.connections_max = 500;
  options.connections_per_address_max = 20;
  CHECK(server_options(options).connections_per_address_max == 20);
  options.trusted_proxies = {*server::AddressRange::parse("10.0.0.0/8")};
  const auto server = server_options(options);
  CHECK(server.connections_per_address_max == 500);  // the proxy's own are everybody's
  CHECK(server.connections_max == 500);
  CHECK(server.idle_timeout > options.heartbeat * 5 / 2);
}

}  // namespace
}  // namespace nightpost::im
