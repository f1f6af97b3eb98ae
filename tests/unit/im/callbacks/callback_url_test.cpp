// Where callbacks may be sent.
#include "im/callbacks/callback_url.h"

#include <boost/asio/ip/address.hpp>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace nightpost;
using namespace nightpost::im;

namespace {

server::AddressBytes address(const std::string& text) { return server::bytes_of(boost::asio::ip::make_address(text)); }

CallbackReach allowing(const std::vector<std::string>& ranges, bool plain_http = false) {
  CallbackReach reach{.private_addresses = {}, .plain_http = plain_http};
  for (const std::string& range : ranges) reach.private_addresses.push_back(server::AddressRange::parse(range).value());
  return reach;
}

}  // namespace

TEST_CASE("callback url: which addresses are public", "[im][callbacks]") {
  struct Row {
    const char* address;
    bool is_public;
  };
  const Row row = GENERATE(values<Row>({{"8.8.8.8", true},
                                        {"1.1.1.1", true},
                                        {"172.15.255.255", true},
                                        {"172.32.0.1", true},
                                        {"100.63.0.1", true},
                                        {"223.255.255.255", true},
                                        {"2606:4700::1111", true},
                                        {"2a00:1450:4001::1", true},
                                        {"0.0.0.0", false},
                                        {"0.1.2.3", false},
                                        {"10.0.0.1", false},
                                        {"100.64.0.1", false},
                                        {"127.0.0.1", false},
                                        {"127.255.255.255", false},
                                        {"169.254.169.254", false},
                                        {"172.16.0.1", false},
                                        {"172.31.255.255", false},
                                        {"192.0.2.1", false},
                                        {"192.168.1.1", false},
                                        {"198.19.0.1", false},
                                        {"224.0.0.1", false},
                                        {"255.255.255.255", false},
                                        {"::", false},
                                        {"::1", false},
                                        {"::127.0.0.1", false},
                                        {"::ffff:10.0.0.1", false},
                                        {"64:ff9b::a00:1", false},
                                        {"2001:db8::1", false},
                                        {"2002:7f00:1::1", false},
                                        {"fc00::1", false},
                                        {"fd12:3456::1", false},
                                        {"fe80::1", false},
                                        {"ff02::1", false}}));
  CAPTURE(row.address);
  CHECK(is_public_address(address(row.address)) == row.is_public);
  CHECK(may_reach(address(row.address), {}) == row.is_public);
}

TEST_CASE("callback url: a private address is reached where it is allowed", "[im][callbacks]") {
  const CallbackReach reach = allowing({"10.1.0.0/16", "::1"});
  CHECK(may_reach(address("10.1.2.3"), reach));
  CHECK(may_reach(address("::1"), reach));
  CHECK_FALSE(may_reach(address("10.2.2.3"), reach));
  CHECK_FALSE(may_reach(address("127.0.0.1"), reach));
}

TEST_CASE("callback url: which are taken", "[im][callbacks]") {
  struct Row {
    const char* name;
    const char* url;
    CallbackReach reach;
    const char* why;  // empty: it is taken
  };
  const Row row = GENERATE(values<Row>({
      {"a host", "https://app.example.com/im?tenant=7", {}, ""},
      {"a public address", "https://8.8.8.8:8443/", {}, ""},
      {"this host, allowed", "http://127.0.0.1:8080/im", allowing({"127.0.0.1"}), ""},
      {"this host by name", "http://localhost:8080/im", {}, ""},  // its address is looked at when it is connected to
      {"plain, allowed", "http://app.example.com/", allowing({}, true), ""},
      {"an allowed network", "https://10.1.2.3/", allowing({"10.0.0.0/8"}), ""},
      {"nothing", "", {}, "is no https:// or http:// URL"},
      {"no scheme", "app.example.com/im", {}, "is no https:// or http:// URL"},
      {"a file", "file:///etc/passwd", {}, "is no https:// or http:// URL"},
      {"another scheme", "ftp://app.example.com/", {}, "is no https:// or http:// URL"},
      {"no host", "https://", {}, "is no https:// or http:// URL"},
      {"a bad port", "https://app.example.com:99999/", {}, "is no https:// or http:// URL"},
      {"a blank", "https://app.example.com/a b", {}, "is no https:// or http:// URL"},
      {"a line's end", "https://app.example.com/\n", {}, "is no https:// or http:// URL"},
      {"a password", "https://user:hunter2@app.example.com/", {}, "holds credentials"},
      {"a user", "https://user@app.example.com/", {}, "holds credentials"},
      {"a fragment", "https://app.example.com/#a", {}, "has a fragment"},
      {"plain", "http://app.example.com/", {}, "plain_http"},
      {"plain to a public address", "http://8.8.8.8/", {}, "plain_http"},
      {"plain to a private one", "http://10.1.2.3/", allowing({"10.0.0.0/8"}), "plain_http"},
      {"this host", "http://127.0.0.1/", {}, "private_addresses"},
      {"this host, IPv6", "https://[::1]/", {}, "private_addresses"},
      {"a private address", "https://192.168.1.1/", {}, "private_addresses"},
      {"the cloud's own", "https://169.254.169.254/latest", {}, "private_addresses"},
      {"in disguise", "https://0x7f.1/", {}, "private_addresses"},
      {"as a number", "https://2130706433/", {}, "private_addresses"},
      {"mapped", "https://[::ffff:10.0.0.1]/", {}, "private_addresses"},
      {"another network than allowed", "https://10.1.2.3/", allowing({"10.2.0.0/16"}), "private_addresses"},
  }));
  CAPTURE(row.name);
  const auto checked = check_callback_url(row.url, row.reach);
  const std::string why = checked ? "" : checked.error().detail;
  CHECK(why.contains(row.why));
  CHECK(checked.has_value() == (*row.why == '\0'));
  CHECK_FALSE(why.contains("hunter2"));
}
