#include "net/origin.h"

#include <catch2/catch.hpp>

namespace nightpost::net {

TEST_CASE("origin: taken apart", "[net][origin]") {
  struct Row {
    const char* text;
    const char* host;
    int port;
    const char* authority;
  };
  const Row row = GENERATE(values<Row>({
      {"https://api.push.apple.com", "api.push.apple.com", 443, "api.push.apple.com"},
      {"https://api.push.apple.com:443", "api.push.apple.com", 443, "api.push.apple.com"},
      {"https://api.push.apple.com:2197", "api.push.apple.com", 2197, "api.push.apple.com:2197"},
      {"https://127.0.0.1:8443", "127.0.0.1", 8443, "127.0.0.1:8443"},
      {"https://[::1]", "::1", 443, "[::1]"},
      {"https://[::1]:8443", "::1", 8443, "[::1]:8443"},
  }));
  CAPTURE(row.text);
  const auto origin = parse_origin(row.text);
  REQUIRE(origin);
  CHECK(origin->host == row.host);
  CHECK(origin->port == row.port);
  CHECK(origin->authority == row.authority);
}

TEST_CASE("origin: anything else is refused", "[net][origin]") {
  const std::string text = GENERATE(as<std::string>{}, "", "api.push.apple.com", "http://a", "https://", "https://:443",
                                    "https://a:", "https://a:0", "https://a:65536", "https://a:-1", "https://a:4 3",
                                    "https://a:443/", "https://a/b", "https://a?b", "https://user@a", "https://[::1",
                                    "https://[::1]x", "https://[]", "https://a b", "https://a\r\nb", "HTTPS://a");
  CAPTURE(text);
  const auto origin = parse_origin(text);
  REQUIRE_FALSE(origin);
  CHECK(origin.error().code == Errc::Malformed);
}

}  // namespace nightpost::net
