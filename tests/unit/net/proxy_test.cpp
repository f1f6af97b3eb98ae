#include "net/proxy.h"

#include <catch2/catch.hpp>

namespace nightpost::net {

TEST_CASE("proxy: a URL is taken apart", "[net][proxy]") {
  struct Row {
    const char* url;
    const char* host;
    int port;
    const char* authority;
  };
  const Row row = GENERATE(values<Row>({
      {"http://proxy.corp:3128", "proxy.corp", 3128, "proxy.corp:3128"},
      {"http://10.0.0.1:80", "10.0.0.1", 80, "10.0.0.1:80"},
      {"http://[fd00::1]:8080", "fd00::1", 8080, "[fd00::1]:8080"},
  }));
  CAPTURE(row.url);
  const auto proxy = parse_proxy(row.url);
  REQUIRE(proxy);
  CHECK(proxy->host == row.host);
  CHECK(proxy->port == row.port);
  CHECK(proxy->authority() == row.authority);
  CHECK_FALSE(proxy->credentials);
}

TEST_CASE("proxy: other URLs are refused, and no password is repeated", "[net][proxy]") {
  struct Row {
    const char* url;
    const char* says;
  };
  const Row row = GENERATE(values<Row>({
      {"", "is not http://HOST:PORT"},
      {"proxy:3128", "is not http://HOST:PORT"},
      {"http://", "is not http://HOST:PORT"},
      {"http://proxy", "is not http://HOST:PORT"},
      {"http://proxy:", "is not http://HOST:PORT"},
      {"http://:3128", "is not http://HOST:PORT"},
      {"http://proxy:0", "is not http://HOST:PORT"},
      {"http://proxy:65536", "is not http://HOST:PORT"},
      {"http://proxy:x", "is not http://HOST:PORT"},
      {"http://proxy:3128/", "is not http://HOST:PORT"},
      {"http://proxy:3128?secret", "is not http://HOST:PORT"},
      {"http://[fd00::1]", "is not http://HOST:PORT"},
      {"http://[fd00::1:80", "is not http://HOST:PORT"},
      {"HTTP://proxy:3128", "is not http://HOST:PORT"},
      {"socks5://proxy:1080", "is not http://HOST:PORT"},
      {"http://a\r\nX: secret:1", "is not http://HOST:PORT"},
      {"https://proxy:3128", "is https://"},
      {"http://user:secret@proxy:3128", "proxy.credentials_file"},
      {"https://user:secret@proxy:3128", "proxy.credentials_file"},
      {"secret@proxy", "proxy.credentials_file"},
  }));
  CAPTURE(row.url);
  const auto proxy = parse_proxy(row.url);
  REQUIRE_FALSE(proxy);
  CHECK(proxy.error().code == Errc::Malformed);
  CHECK(proxy.error().detail.contains(row.says));
  CHECK_FALSE(proxy.error().detail.contains("secret"));
}

TEST_CASE("proxy: a credentials file is a line", "[net][proxy]") {
  struct Row {
    std::string text;
    std::string user, password;  // no user: refused
  };
  const Row row = GENERATE(values<Row>({
      {"user:password", "user", "password"},
      {"user:password\n", "user", "password"},
      {"user:password\r\n", "user", "password"},
      {"user:pass:word ", "user", "pass:word "},
      {"user:", "user", ""},
      {"us er:\xc3\xa9", "us er", "\xc3\xa9"},
      {"", "", ""},
      {"\n", "", ""},
      {"user", "", ""},
      {":password", "", ""},
      {"user:password\n\n", "", ""},
      {"user:password\nother:word", "", ""},
      {"user:pass\tword", "", ""},
      {std::string("user:pass\0word", 14), "", ""},
      {"user:pass\x7fword", "", ""},
  }));
  CAPTURE(row.text);
  const auto credentials = parse_proxy_credentials(row.text);
  REQUIRE(credentials.has_value() == !row.user.empty());
  if (credentials) {
    CHECK(credentials->user == row.user);
    CHECK(credentials->password == row.password);
  } else {
    CHECK(credentials.error().code == Errc::Malformed);
    CHECK_FALSE(credentials.error().detail.contains("pass"));
  }
}

TEST_CASE("proxy: whom exceptions cover", "[net][proxy]") {
  struct Row {
    const char* except;
    const char* host;
    bool covered;
  };
  const Row row = GENERATE(values<Row>({
      {"", "example.com", false},
      {"example.com", "example.com", true},
      {"example.com", "api.example.com", true},
      {"example.com", "a.b.example.com", true},
      {".example.com", "example.com", true},
      {"example.com.", "api.example.com", true},
      {"example.com", "api.example.com.", true},
      {"EXAMPLE.com", "api.Example.COM", true},
      {"example.com", "badexample.com", false},
      {"example.com", "example.com.evil.net", false},
      {"example.com", "com", false},
      {"api.example.com", "example.com", false},
      {"a.net, example.com ,b.net", "example.com", true},
      {"a.net,example.com,b.net", "c.net", false},
      {"localhost", "localhost", true},
      {"127.0.0.1", "127.0.0.1", true},
      {"127.0.0.1", "127.0.0.2", false},
      {"10.0.0.0/8", "10.255.0.1", true},
      {"10.1.2.3/8", "10.255.0.1", true},
      {"10.0.0.0/8", "11.0.0.1", false},
      {"0.0.0.0/0", "11.0.0.1", true},
      {"0.0.0.0/0", "::1", false},
      {"10.0.0.0/8", "10.example.com", false},  // no name is looked up
      {"::1", "::1", true},
      {"::1", "0:0::1", true},
      {"fd00::/8", "fd12:3456::1", true},
      {"fd00::/8", "fe80::1", false},
      {"fd00::/8", "10.0.0.1", false},
  }));
  CAPTURE(row.except, row.host);
  const auto except = ProxyExceptions::parse(row.except);
  REQUIRE(except);
  CHECK(except->contain(row.host) == row.covered);
  const std::optional<Proxy> proxy = Proxy{.host = "p", .port = 1, .credentials = std::nullopt, .except = *except};
  CHECK((proxy_for(proxy, row.host) == nullptr) == row.covered);
  CHECK(proxy_for(std::nullopt, row.host) == nullptr);
}

TEST_CASE("proxy: exceptions that are none", "[net][proxy]") {
  const std::string text =
      GENERATE(as<std::string>{}, "*", "*.example.com", "a,,b", "a,", ",a", "a b", "http://a", "a:80", "[::1]", "::1]",
               "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/x", "::1/129", "a/8", "1.2.3", "a..b", ".", "..a");
  CAPTURE(text);
  const auto except = ProxyExceptions::parse(text);
  REQUIRE_FALSE(except);
  CHECK(except.error().code == Errc::Malformed);
}

}  // namespace nightpost::net
