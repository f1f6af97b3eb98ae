// How connections come and go: HTTP/2, names, trust, proxies, back-off.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "net/curl_lane.h"
#include "net/curl_transfer.h"
#include "support/connect_proxy.h"
#include "unit/net/curl_rig.h"

namespace nightpost::net {
namespace {

struct H2Rig : CurlRig {
  explicit H2Rig(TlsPeerOptions options = {}) : peer(loop, std::move(options)) {
    peer.on_connection = [this](std::size_t number, H2Peer& h2) {
      h2.on_request = [this, number](H2Peer& p, const PeerRequest& r) {
        ++served;
        script(number, p, r);
      };
    };
  }
  ~H2Rig() { lane.reset(); }
  TlsPeer peer;
  int served = 0;
  std::function<void(std::size_t, H2Peer&, const PeerRequest&)> script =
      [](std::size_t, H2Peer& p, const PeerRequest& r) { p.respond(r.stream, 200, r.body); };
};

}  // namespace

TEST_CASE("curl: HTTP/2 where it is offered, many requests on one connection", "[net][curl]") {
  H2Rig b;
  b.open(b.peer.port());
  for (std::uint64_t tag = 0; tag < 300; ++tag) b.send(tag);
  b.flush();
  REQUIRE(b.answered(300));
  for (std::uint64_t tag = 0; tag < 300; ++tag) {
    REQUIRE(b.answers.ok(tag));
    CHECK(b.answers.by_tag.at(tag).response->body == "body " + std::to_string(tag));
  }
  CHECK(b.peer.connections() <= 3);
  const PeerRequest& seen = b.peer.peer(0).requests.front();
  CHECK(seen.header(":path").starts_with("/push/"));
  CHECK(seen.header(":authority") == "localhost:" + std::to_string(b.peer.port()));
  CHECK(seen.header("user-agent") == "nightpost");
  CHECK(seen.header("accept").empty());
}

TEST_CASE("curl: streams of one HTTP/2 connection answer in any order", "[net][curl]") {
  H2Rig b;
  std::vector<std::int32_t> waiting;
  b.script = [&](std::size_t, H2Peer& p, const PeerRequest& r) {
    if (r.header(":path") == "/push/1000") return p.respond(r.stream, 200);
    waiting.push_back(r.stream);
    if (waiting.size() < 50) return;
    for (auto at = waiting.rbegin(); at != waiting.rend(); ++at) p.respond(*at, 200, std::to_string(*at));
  };
  b.open(b.peer.port(), [](CurlLaneOptions& o) { o.connections_max = 1; });
  REQUIRE(b.ask(1000).response);
  for (std::uint64_t tag = 0; tag < 50; ++tag) b.send(tag);
  b.flush();
  REQUIRE(b.answered(51));
  for (std::uint64_t tag = 0; tag < 50; ++tag) CHECK(b.answers.ok(tag));
  CHECK(b.peer.connections() == 1);
}

TEST_CASE("curl: an HTTP/2 stream or connection that ends without an answer", "[net][curl]") {
  const int how = GENERATE(0, 1, 2, 3);
  CAPTURE(how);
  H2Rig b;
  b.script = [&](std::size_t number, H2Peer& p, const PeerRequest& r) {
    if (r.header(":path") != "/push/2") return p.respond(r.stream, 200);
    if (how == 0) p.reset(r.stream, NGHTTP2_INTERNAL_ERROR);
    if (how == 1) b.peer.drop(number);
    if (how == 2) p.goaway(NGHTTP2_INTERNAL_ERROR, "bye", 0);
    if (how == 3) p.reset(r.stream, NGHTTP2_REFUSED_STREAM);
  };
  b.open(b.peer.port());
  REQUIRE(b.ask(1).response);
  const int before = b.served;
  CHECK(b.ask(2).response.error().code == Errc::ConnectionLost);
  CHECK(b.answers.maybe_sent(2));
  CHECK(b.served == before + 1);
  CHECK(b.ask(3).response);
}

TEST_CASE("curl: an HTTP/2 stream that times out leaves its connection alone, several in a row do not", "[net][curl]") {
  H2Rig b;
  b.script = [&](std::size_t number, H2Peer& p, const PeerRequest& r) {
    if (number > 0 || r.header(":path") == "/push/1" || r.header(":path") == "/push/3") p.respond(r.stream, 200);
  };
  b.open(b.peer.port(), [](CurlLaneOptions& o) { o.timeouts_in_a_row_max = 2; });
  REQUIRE(b.ask(1).response);
  CHECK(b.ask(2, 100ms).response.error().code == Errc::Timeout);
  CHECK(b.answers.maybe_sent(2));
  CHECK(b.ask(3).response);
  CHECK(b.peer.connections() == 1);
  CHECK(b.ask(4, 100ms).response.error().code == Errc::Timeout);
  CHECK(b.ask(5, 100ms).response.error().code == Errc::Timeout);
  CHECK(b.ask(6).response);
  CHECK(b.peer.connections() == 2);
  CHECK(b.until([&] { return b.peer.open_connections() == 1; }));
}

TEST_CASE("curl: who is not who he should be is refused before a byte is said", "[net][curl]") {
  struct Row {
    const char* name;
    bool wrong_name = false, unknown_ca = false, by_address = false;
    bool works = false;
  };
  const Row row = GENERATE(values<Row>({
      {"all is well", false, false, false, true},
      {"by its address", false, false, true, true},
      {"another host's certificate", true, false, false, false},
      {"another host's certificate, by address", true, false, true, false},
      {"an authority nobody named", false, true, false, false},
  }));
  const bool http2 = GENERATE(false, true);
  CAPTURE(row.name, http2);
  CurlRig b;
  H1Peer h1(b.loop, {.wrong_name = row.wrong_name});
  TlsPeer h2(b.loop, {.wrong_name = row.wrong_name});
  h2.on_connection = [](std::size_t, H2Peer& peer) {
    peer.on_request = [](H2Peer& p, const PeerRequest& r) { p.respond(r.stream, 200); };
  };
  const std::uint16_t port = http2 ? h2.port() : h1.port();
  b.open(port, [&](CurlLaneOptions& o) {
    if (row.unknown_ca) o.ca_pem.clear();
    if (row.by_address) o.origin = "https://127.0.0.1:" + std::to_string(port);
  });
  const LaneReply& reply = b.ask(1);
  REQUIRE(reply.response.has_value() == row.works);
  if (!row.works) {
    CHECK(reply.response.error().code == Errc::ConnectionLost);
    CHECK_FALSE(reply.maybe_sent);
    CHECK(b.metrics.connects_failed.read() == 1);
    CHECK(h1.requests().empty());
  }
  b.lane.reset();
}

TEST_CASE("curl: TLS 1.1 is too old", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop, {.tls11_at_most = true});
  b.open(peer.port());
  CHECK(b.ask(1).response.error().code == Errc::ConnectionLost);
  CHECK_FALSE(b.answers.maybe_sent(1));
}

TEST_CASE("curl: a peer without ALPN is spoken to in HTTP/1.1", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop, {.alpn = ""});
  b.open(peer.port());
  CHECK(b.ask(1).response);
}

TEST_CASE("curl: nobody there", "[net][curl]") {
  struct Row {
    const char* name;
    std::string origin;
  };
  const Row row = GENERATE(values<Row>({
      {"a port nobody listens on", "https://127.0.0.1:1"},
      {"a name that is none", "https://nobody.invalid"},
  }));
  CAPTURE(row.name);
  CurlRig b;
  b.open(1, [&](CurlLaneOptions& o) { o.origin = row.origin; });
  CHECK_FALSE(b.ask(1).response);
  CHECK_FALSE(b.answers.maybe_sent(1));
  CHECK(b.metrics.connections.read() == 0);
}

TEST_CASE("curl: a peer that takes connections and says nothing", "[net][curl]") {
  CurlRig b;
  TlsPeer peer(b.loop, {.silent = true});
  const bool by_deadline = GENERATE(false, true);
  b.open(peer.port(), [&](CurlLaneOptions& o) { o.connect_timeout = by_deadline ? 10s : 100ms; });
  const LaneReply& reply = b.ask(1, by_deadline ? milliseconds(100) : milliseconds(10s));
  CHECK(reply.response.error().code == (by_deadline ? Errc::Timeout : Errc::ConnectionLost));
  CHECK_FALSE(reply.maybe_sent);
}

TEST_CASE("curl: a host that cannot be reached is not stormed", "[net][curl]") {
  CurlRig b;
  b.open(1, [](CurlLaneOptions& o) {
    o.origin = "https://127.0.0.1:1";
    o.reconnect_first = 10s;
    o.reconnect_max = 10s;
    o.jitter_seed = 7;
  });
  for (std::uint64_t tag = 0; tag < 100; ++tag) b.send(tag, 200ms);
  b.flush();
  REQUIRE(b.answered(100));
  CHECK(b.metrics.connections_opened.read() <= 32);  // one a place until the first failed
  for (const auto& [tag, reply] : b.answers.by_tag) CHECK_FALSE(reply.maybe_sent);
  CHECK(b.metrics.timeouts.read() >= 80);
}

TEST_CASE("curl: what was under way together and hangs is one failure", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  peer.script() = [](const H1Request&) { return H1Reply{.hang = true}; };
  std::vector<milliseconds> waits;
  b.open(peer.port(), [&](CurlLaneOptions& o) {
    o.connections_max = 16;
    o.reconnect_first = 40ms;
    o.reconnect_max = 60s;
    o.watch = [&](const LaneEvent& event) { waits.push_back(event.wait); };
  });
  for (std::uint64_t tag = 0; tag < 16; ++tag) b.send(tag, milliseconds(100 + 20 * tag));
  b.flush();
  REQUIRE(b.answered(16));
  CHECK(b.metrics.timeouts.read() == 16);
  REQUIRE(waits.size() == 1);
  CHECK(waits.front() <= 40ms);
  peer.script() = [](const H1Request&) { return ok(); };
  CHECK(b.ask(100).response);
}

TEST_CASE("curl: idle connections are closed", "[net][curl]") {
  CurlRig b;
  H1Peer peer(b.loop);
  b.open(peer.port(), [](CurlLaneOptions& o) { o.idle_close = 100ms; });
  REQUIRE(b.ask(1).response);
  CHECK(peer.open() == 1);
  CHECK(b.until([&] { return peer.open() == 0; }));
  CHECK(b.metrics.connections.read() == 0);
  REQUIRE(b.ask(2).response);
  CHECK(peer.connections() == 2);
  b.lane.reset();
}

TEST_CASE("curl: a tunnel is kept, and what opened it is not in the answers", "[net][curl][proxy]") {
  CurlRig b;
  H1Peer peer(b.loop);
  support::ConnectProxy proxy(b.loop);
  b.open(peer.port(), [&](CurlLaneOptions& o) { o.proxy = proxy.proxy(); });
  const LaneReply& reply = b.ask(1);
  REQUIRE(reply.response);
  CHECK_FALSE(reply.response->header("x-proxy"));
  REQUIRE(proxy.heads().size() == 1);
  CHECK(proxy.heads().front().starts_with("CONNECT localhost:" + std::to_string(peer.port()) + " HTTP/1.1\r\n"));
  CHECK_FALSE(proxy.heads().front().contains("/push/"));
  REQUIRE(b.ask(2).response);
  CHECK(proxy.heads().size() == 1);
  b.lane.reset();
}

TEST_CASE("curl: a peak's memory goes once it was not needed for a while", "[net][curl][peaks]") {
  H2Rig b({.settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 200}}});
  b.open(b.peer.port(), [](CurlLaneOptions& o) {
    o.connections_max = 1;
    o.streams_max = 200;
    o.trim_interval = 300ms;
  });
  for (std::uint64_t tag = 0; tag < 300; ++tag) b.send(tag);
  b.flush();
  REQUIRE(b.answered(300));
  REQUIRE(b.until([&] { return b.metrics.kept_bytes.read() > 0; }));
  const std::uint64_t peak = b.metrics.kept_bytes.read();
  CHECK(peak > 16 * sizeof(CurlTransfer));  // some may have gone already
  REQUIRE(b.until([&] { return b.metrics.kept_bytes.read() < peak / 4; }));
  REQUIRE(b.ask(1'000).response);  // it still works
  b.lane.reset();
  CHECK(b.metrics.kept_bytes.read() == 0);
}

}  // namespace nightpost::net
