// What becomes of requests over HTTP/1.1: answers, refusals, and what an error says.
#include "net/curl_lane.h"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "unit/net/curl_rig.h"

namespace nightpost::net {

TEST_CASE("curl: a request arrives as it was given, and its answer as it was sent", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  peer.script() = [](const H1Request&) {
    return H1Reply{
        "HTTP/1.1 429 Slow\r\nRetry-After:  7 \r\nX-Two: a\r\nx-two: b\r\nX-Empty:\r\nContent-Length: 5\r\n\r\nhello"};
  };
  b.open(peer.port(), [](CurlLaneOptions& o) { o.user_agent = "nightpost/9"; });
  b.send({.path = "/a/../b?x=%20#y",
          .headers = {{"content-type", "application/json"}, {"authorization", "bearer x"}, {"x-empty", ""}},
          .body = std::string("a\0b", 3)},
         1);
  b.flush();
  REQUIRE(b.answered(1));
  REQUIRE(b.answers.ok(1));
  const HttpResponse& response = *b.answers.by_tag.at(1).response;
  CHECK(response.status == 429);
  CHECK(response.body == "hello");
  CHECK(response.header("retry-after") == "7");
  CHECK(response.header("x-empty") == "");
  CHECK(response.headers.size() == 5);
  const H1Request& seen = peer.requests().front();
  CHECK(seen.head.starts_with("POST /a/../b?x=%20#y HTTP/1.1\r\n"));
  CHECK(seen.has("Host: localhost:" + std::to_string(peer.port())));
  CHECK(seen.has("content-type: application/json"));
  CHECK(seen.has("authorization: bearer x"));
  CHECK(seen.has("x-empty:"));
  CHECK(seen.has("User-Agent: nightpost/9"));
  CHECK(seen.body == std::string("a\0b", 3));
}

TEST_CASE("curl: libcurl adds no header of its own", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  b.open(peer.port());
  b.send({.path = "/big", .headers = {}, .body = std::string(2'000'000, 'x')}, 1);
  b.send({.method = "GET", .path = "/get"}, 2);
  b.send({.method = "PUT", .path = "/put", .headers = {}, .body = "p"}, 3);
  b.flush();
  REQUIRE(b.answered(3));
  REQUIRE(peer.requests().size() == 3);
  for (const H1Request& request : peer.requests()) {
    CAPTURE(request.head);
    for (const char* name :
         {"Expect", "Accept", "Content-Type", "expect", "accept", "content-type", "Cookie", "Connection"})
      CHECK_FALSE(request.head.contains("\r\n" + std::string(name) + ":"));
  }
}

TEST_CASE("curl: an interim answer and trailers are not the answer", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  peer.script() = [](const H1Request&) {
    return H1Reply{
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n"
        "3\r\nabc\r\n0\r\nT: late\r\n\r\n"};
  };
  b.open(peer.port());
  const LaneReply& reply = b.ask(1);
  REQUIRE(reply.response);
  CHECK(reply.response->status == 200);
  CHECK(reply.response->body == "abc");
  CHECK_FALSE(reply.response->header("link"));
  CHECK_FALSE(reply.response->header("t"));
}

TEST_CASE("curl: a redirect is an answer, not an order", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  peer.script() = [](const H1Request&) {
    return H1Reply{"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"};
  };
  b.open(peer.port());
  CHECK(b.ask(1).response->status == 302);
  CHECK(b.ask(2).response->status == 302);
  CHECK(peer.requests().size() == 2);
  CHECK_FALSE(peer.requests().back().head.contains("ookie"));
}

TEST_CASE("curl: connections are kept", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  b.open(peer.port());
  for (std::uint64_t tag = 0; tag < 20; ++tag) REQUIRE(b.ask(tag).response);
  CHECK(peer.connections() == 1);
  CHECK(b.metrics.requests.read() == 20);
  CHECK(b.metrics.connections.read() == 1);
  b.lane.reset();
  CHECK(b.metrics.connections.read() == 0);
}

TEST_CASE("curl: many requests, each answered once, over a bounded number of connections", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  peer.script() = [](const H1Request& r) { return ok(r.body); };
  b.open(peer.port(), [](CurlLaneOptions& o) { o.connections_max = 4; });
  for (std::uint64_t tag = 0; tag < 300; ++tag) b.send(tag);
  b.flush();
  CHECK(b.lane->open_requests() == 300);
  REQUIRE(b.answered(300));
  for (std::uint64_t tag = 0; tag < 300; ++tag) {
    REQUIRE(b.answers.ok(tag));
    CHECK(b.answers.by_tag.at(tag).response->body == "body " + std::to_string(tag));
  }
  CHECK(peer.connections() == 4);
  CHECK(b.lane->open_requests() == 0);
  CHECK(b.metrics.open.read() == 0);
  CHECK(b.metrics.queued.read() == 0);
}

TEST_CASE("curl: what cannot be sent is refused, and nothing of it leaves", "[net][curl]") {
  struct Row {
    const char* name;
    HttpRequest request;
  };
  const Row row = GENERATE(values<Row>({
      {"a line break in a header", {.path = "/", .headers = {{"a", "b\r\nc: d"}}}},
      {"a zero in a header", {.path = "/", .headers = {{"a", std::string("b\0c", 3)}}}},
      {"a delete in a header", {.path = "/", .headers = {{"a", "\x7f"}}}},
      {"a blank in a header's name", {.path = "/", .headers = {{"a b", "c"}}}},
      {"a colon in a header's name", {.path = "/", .headers = {{"a:b", "c"}}}},
      {"a header without a name", {.path = "/", .headers = {{"", "c"}}}},
      {"no path", {.path = ""}},
      {"a path that is none", {.path = "push"}},
      {"a blank in the path", {.path = "/a b"}},
      {"a line break in the path", {.path = "/a HTTP/1.1\r\nx: y"}},
      {"text beyond ASCII in the path", {.path = "/\xc3\xa4"}},
      {"HEAD", {.method = "HEAD", .path = "/"}},
  }));
  CAPTURE(row.name);
  CurlRig b;
  H1Peer peer(b.loop);
  b.open(peer.port());
  b.send(row.request, 1);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(1) == Errc::Malformed);
  CHECK_FALSE(b.answers.maybe_sent(1));
  CHECK(peer.connections() == 0);
  CHECK(b.ask(2).response);
}

TEST_CASE("curl: options that cannot be used", "[net][curl]") {
  struct Row {
    const char* name;
    std::string origin, ca_pem;
  };
  const Row row = GENERATE(values<Row>({
      {"no https", "http://localhost:1", ""},
      {"a path", "https://localhost/x", ""},
      {"user info", "https://a:b@localhost", ""},
      {"nothing", "", ""},
      {"a CA that is none", "https://localhost:1", "-----BEGIN CERTIFICATE-----"},
  }));
  CAPTURE(row.name);
  CurlRig b;
  b.open(1, [&](CurlLaneOptions& o) {
    o.origin = row.origin;
    o.ca_pem = row.ca_pem;
  });
  CHECK(b.ask(1).response.error().code == Errc::Unauthorized);
  CHECK_FALSE(b.answers.maybe_sent(1));
  CHECK(b.lane->open_requests() == 0);
}

TEST_CASE("curl: a full queue says so, and not from inside send()", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  b.open(peer.port(), [](CurlLaneOptions& o) { o.queue_max = 3; });
  for (std::uint64_t tag = 0; tag < 5; ++tag) b.send(tag);
  b.flush();
  REQUIRE(b.answered(5));
  for (const std::uint64_t tag : {3, 4}) {
    CHECK(b.answers.error(tag) == Errc::Overloaded);
    CHECK_FALSE(b.answers.maybe_sent(tag));
  }
  for (const std::uint64_t tag : {0, 1, 2}) CHECK(b.answers.ok(tag));
  CHECK(b.metrics.overloads.read() == 2);
}

TEST_CASE("curl: an answer that does not come in time", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  std::string first_bytes =
      GENERATE(as<std::string>{}, "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  peer.script() = [&](const H1Request&) { return H1Reply{.bytes = first_bytes, .hang = true}; };
  b.open(peer.port(), [](CurlLaneOptions& o) { o.connections_max = 1; });
  b.send(1, 150ms);
  b.send(2, 100ms);  // never finds a connection
  b.flush();
  REQUIRE(b.answered(2));
  CHECK(b.answers.error(1) == Errc::Timeout);
  CHECK(b.answers.maybe_sent(1));
  CHECK(b.answers.error(2) == Errc::Timeout);
  CHECK_FALSE(b.answers.maybe_sent(2));
  CHECK(b.metrics.timeouts.read() == 2);
  CHECK(b.until([&] { return peer.open() == 0; }));  // the connection ended with its request
  peer.script() = [](const H1Request&) { return ok(); };
  CHECK(b.ask(3).response);
}

TEST_CASE("curl: the response timeout holds where the deadline is far", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  peer.script() = [](const H1Request&) { return H1Reply{.hang = true}; };
  b.open(peer.port(), [](CurlLaneOptions& o) { o.response_timeout = 100ms; });
  CHECK(b.ask(1, 60s).response.error().code == Errc::Timeout);
  CHECK(b.answers.maybe_sent(1));
}

TEST_CASE("curl: a connection that ends without an answer", "[net][curl]") {
  struct Row {
    const char* name;
    std::string bytes;
  };
  const Row row = GENERATE(values<Row>({
      {"before a byte", ""},
      {"in the status line", "HTTP/1."},
      {"in the header", "HTTP/1.1 200 OK\r\nContent-Le"},
      {"in the body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"},
      {"in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"},
      {"something that is no HTTP", "SSH-2.0-OpenSSH\r\n\r\n"},
  }));
  const bool on_a_kept_connection = GENERATE(false, true);
  CAPTURE(row.name, on_a_kept_connection);
  CurlRig b;
  H1Peer peer(b.loop);
  b.open(peer.port());
  if (on_a_kept_connection) REQUIRE(b.ask(1).response);
  peer.script() = [&](const H1Request&) { return H1Reply{.bytes = row.bytes, .close = true}; };
  CHECK(b.ask(2).response.error().code == Errc::ConnectionLost);
  CHECK(b.answers.maybe_sent(2));
  CHECK(peer.requests().size() == (on_a_kept_connection ? 2 : 1));  // nobody repeats it behind our back
  CHECK(b.metrics.lost.read() == 1);
  peer.script() = [](const H1Request&) { return ok(); };
  CHECK(b.ask(3).response);
}

TEST_CASE("curl: a connection closed while it was idle costs nothing", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  peer.script() = [](const H1Request&) {
    H1Reply reply = ok();
    reply.close = true;
    return reply;
  };
  b.open(peer.port());
  for (std::uint64_t tag = 0; tag < 5; ++tag) {
    REQUIRE(b.ask(tag).response);
    REQUIRE(b.until([&] { return peer.open() == 0; }));
  }
  CHECK(peer.connections() == 5);
}

TEST_CASE("curl: an answer beyond its bound is stopped", "[net][curl]") {
  struct Row {
    const char* name;
    std::string bytes;
    bool fits;
  };
  const auto with_length = [](std::size_t size) { return ok(std::string(size, 'x')).bytes; };
  const Row row = GENERATE_COPY(values<Row>({
      {"just within", with_length(1000), true},
      {"one byte more", with_length(1001), false},
      {"far more than it says",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + std::string(0xffff, 'x'), false},
      {"no length at all", "HTTP/1.1 200 OK\r\n\r\n" + std::string(100'000, 'x'), false},
      {"a header just within", ok("", "X: " + std::string(400, 'x') + "\r\n").bytes, true},
      {"a header too large", ok("", "X: " + std::string(600, 'x') + "\r\n").bytes, false},
      {"header after header",
       "HTTP/1.1 200 OK\r\n" + std::string(100, 'x') + ": 1\r\n" + std::string(500, 'y') + ": 2\r\n", false},
  }));
  CAPTURE(row.name);
  CurlRig b;
  H1Peer peer(b.loop);
  peer.script() = [&](const H1Request&) { return H1Reply{.bytes = row.bytes}; };
  b.open(peer.port(), [](CurlLaneOptions& o) {
    o.response_bytes_max = 1000;
    o.header_bytes_max = 512;
  });
  const LaneReply& reply = b.ask(1);
  REQUIRE(reply.response.has_value() == row.fits);
  if (row.fits) return;
  CHECK(reply.response.error().code == Errc::ConnectionLost);
  CHECK(reply.response.error().detail.contains("too large"));
  CHECK(reply.maybe_sent);
}

TEST_CASE("curl: an answer is not decompressed", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  peer.script() = [](const H1Request&) { return ok("not gzip", "Content-Encoding: gzip\r\n"); };
  b.open(peer.port());
  CHECK(b.ask(1).response->body == "not gzip");
}

TEST_CASE("curl: requests that are open when the lane goes are dropped in silence", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  peer.script() = [](const H1Request&) { return H1Reply{.hang = true}; };
  b.open(peer.port(), [](CurlLaneOptions& o) { o.connections_max = 2; });
  for (std::uint64_t tag = 0; tag < 10; ++tag) b.send(tag);
  b.flush();
  const int when = GENERATE(0, 1, 2);
  if (when == 1) b.loop.run_one();
  if (when == 2) REQUIRE(b.until([&] { return peer.requests().size() == 2; }));
  b.lane.reset();
  CHECK(b.metrics.open.read() == 0);
  CHECK(b.metrics.queued.read() == 0);
  CHECK(b.metrics.connections.read() == 0);
  CHECK(b.until([&] { return peer.open() == 0; }));
  CHECK(b.answers.by_tag.empty());
}

TEST_CASE("curl: handlers may send, and may destroy the lane", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  b.open(peer.port());
  int rounds = 0;
  b.answers.then = [&](std::uint64_t tag, const LaneReply& reply) {
    REQUIRE(reply.response);
    if (++rounds < 5)
      b.lane->send({.path = "/again"}, in(5s), tag + 1, b.answers);
    else
      b.lane.reset();
  };
  b.send(1);
  b.flush();
  REQUIRE(b.until([&] { return !b.lane; }));
  CHECK(b.answers.by_tag.size() == 5);
  b.loop.poll();
}

}  // namespace nightpost::net
