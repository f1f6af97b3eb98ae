#include "net/http_connect.h"

#include <catch2/catch.hpp>

namespace nightpost::net {
namespace {

Proxy proxy(std::optional<ProxyCredentials> credentials = std::nullopt) {
  return {.host = "proxy.corp", .port = 3128, .credentials = std::move(credentials), .except = {}};
}
Origin origin(const char* text) { return parse_origin(text).value(); }

}  // namespace

TEST_CASE("connect: the request, byte for byte", "[net][proxy]") {
  CHECK(connect_request(origin("https://api.push.apple.com"), proxy()) ==
        "CONNECT api.push.apple.com:443 HTTP/1.1\r\nHost: api.push.apple.com:443\r\n\r\n");
  CHECK(connect_request(origin("https://[fd00::1]:8443"), proxy()) ==
        "CONNECT [fd00::1]:8443 HTTP/1.1\r\nHost: [fd00::1]:8443\r\n\r\n");
  // The example of RFC 7617 §2.
  CHECK(connect_request(origin("https://a"), proxy(ProxyCredentials{"Aladdin", "open sesame"})) ==
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
}

TEST_CASE("connect: answers that end, at once and byte by byte", "[net][proxy]") {
  struct Row {
    const char* name;
    std::string bytes;
    int status;
    const char* reason;
  };
  const Row row = GENERATE(values<Row>({
      {"plain", "HTTP/1.1 200 Connection established\r\n\r\n", 200, "Connection established"},
      {"with fields", "HTTP/1.1 200 OK\r\nVia: 1.1 a\r\nX:\r\n\r\n", 200, "OK"},
      {"an old proxy", "HTTP/1.0 200 OK\r\n\r\n", 200, "OK"},
      {"no reason", "HTTP/1.1 200\r\n\r\n", 200, ""},
      {"an empty reason", "HTTP/1.1 200 \r\n\r\n", 200, ""},
      {"another 2xx", "HTTP/1.1 204 Fine\r\n\r\n", 204, "Fine"},
      {"a length that means nothing here", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, "OK"},
      {"line feeds alone", "HTTP/1.1 200 OK\nA: b\n\n", 200, "OK"},
      {"after interim answers",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 200, "OK"},
      {"refused", "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", 407,
       "Proxy Authentication Required"},
      {"refused with a body", "HTTP/1.1 403 No\r\n\r\n<html>", 403, "No"},
      {"a reason that is not printable", "HTTP/1.1 502 \x1b[31m\xc3\xa9\r\n\r\n", 502, "?[31m??"},
  }));
  CAPTURE(row.name);
  ConnectAnswer whole;
  CHECK(whole.feed(row.bytes).value());
  CHECK(whole.status() == row.status);
  CHECK(whole.reason() == row.reason);
  CHECK(whole.tunnelled() == (row.status / 100 == 2));

  ConnectAnswer pieces;
  const std::size_t head =
      row.bytes.rfind("\n\r\n") != std::string::npos ? row.bytes.rfind("\n\r\n") + 3 : row.bytes.rfind("\n\n") + 2;
  for (std::size_t i = 0; i < row.bytes.size(); ++i) {
    CAPTURE(i);
    CHECK(pieces.feed(row.bytes.substr(i, 1)).value() == (i + 1 >= head));
  }
  CHECK(pieces.status() == row.status);
}

TEST_CASE("connect: answers that are none", "[net][proxy]") {
  struct Row {
    const char* name;
    std::string bytes;
    const char* says;
  };
  const Row row = GENERATE(values<Row>({
      {"TLS", "\x15\x03\x01", "is no HTTP/1"},
      {"HTTP/2", "HTTP/2 200\r\n", "is no HTTP/1"},
      {"SSH, before its line ends", "SSH-2.0", "is no HTTP/1"},
      {"lower case", "http/1.1 200 OK\r\n\r\n", "is no HTTP/1"},
      {"an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", "is no HTTP/1"},
      {"nothing in the line", "\n", "no status line"},
      {"a short line", "HTTP/1.\r\n", "no status line"},
      {"no version", "HTTP/1.x 200 OK\r\n\r\n", "no status line"},
      {"no status", "HTTP/1.1\r\n\r\n", "no status line"},
      {"half a status", "HTTP/1.1 20\r\n\r\n", "no status line"},
      {"too long a status", "HTTP/1.1 2000 OK\r\n\r\n", "no status line"},
      {"a signed status", "HTTP/1.1 -20 OK\r\n\r\n", "no status line"},
      {"two blanks", "HTTP/1.1  200 OK\r\n\r\n", "no status line"},
      {"a status below all", "HTTP/1.1 099 OK\r\n\r\n", "the status 99"},
      {"a status above all", "HTTP/1.1 600 OK\r\n\r\n", "the status 600"},
      {"another protocol now", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "the status 101"},
      {"a zero byte", std::string("HTTP/1.1 200 OK\r\nA: \0\r\n", 23), "a zero byte"},
      {"bytes in the tunnel before ours", "HTTP/1.1 200 OK\r\n\r\nx", "something follows"},
      {"a line without end", "HTTP/1.1 200 " + std::string(ConnectAnswer::kHeadBytesMax, 'a'), "too large"},
      {"fields without end",
       "HTTP/1.1 200 OK\r\n" +
           [] {
             std::string all;
             while (all.size() <= ConnectAnswer::kHeadBytesMax) all += "A: b\r\n";
             return all;
           }(),
       "too large"},
      {"interim answers without end",
       [] {
         std::string all;
         while (all.size() <= ConnectAnswer::kHeadBytesMax) all += "HTTP/1.1 100 Go\r\n\r\n";
         return all;
       }(),
       "too large"},
  }));
  CAPTURE(row.name);
  ConnectAnswer whole;
  const auto fed = whole.feed(row.bytes);
  REQUIRE_FALSE(fed);
  CHECK(fed.error().code == Errc::Malformed);
  CHECK(fed.error().detail.contains(row.says));

  ConnectAnswer pieces;
  bool failed = false;
  for (std::size_t i = 0; i < row.bytes.size() && !failed; ++i) failed = !pieces.feed(row.bytes.substr(i, 1));
  CHECK(failed);
}

TEST_CASE("connect: a large head within the bound, and a long reason", "[net][proxy]") {
  ConnectAnswer answer;
  const std::string line = "HTTP/1.1 403 " + std::string(500, 'r') + "\r\n";
  const std::string end = "\r\n\r\n";
  CHECK_FALSE(answer.feed(line).value());
  CHECK(answer.feed(std::string(ConnectAnswer::kHeadBytesMax - line.size() - end.size(), 'a') + end).value());
  CHECK(answer.reason() == std::string(ConnectAnswer::kReasonBytesMax, 'r'));
}

TEST_CASE("connect: why there is no tunnel", "[net][proxy]") {
  const auto words = [](int status, std::optional<ProxyCredentials> credentials = std::nullopt) {
    return tunnel_refused(proxy(std::move(credentials)), "a:443", status, "Because");
  };
  CHECK(words(407) ==
        "proxy proxy.corp:3128 answered 407 (Because) to CONNECT a:443: it wants credentials, see "
        "proxy.credentials_file");
  const std::string wrong = words(407, ProxyCredentials{"user", "secret"});
  CHECK(wrong.contains("refuses the credentials in proxy.credentials_file"));
  CHECK_FALSE(wrong.contains("secret"));
  CHECK(words(403).contains("does not let us go there"));
  CHECK(words(502).contains("cannot reach that host"));
  CHECK(words(404).contains("opens no tunnel"));
  CHECK(tunnel_refused(proxy(), "a:443", 503, "").starts_with("proxy proxy.corp:3128 answered 503 to CONNECT a:443: "));
}

}  // namespace nightpost::net
