// Lanes of both kinds through an HTTP proxy: what goes through it, whom they trust behind it, and what they say of one
// that opens no tunnel.
#include <cstdlib>

#include "support/connect_proxy.h"
#include "unit/net/curl_rig.h"

namespace nightpost::net {
namespace {

using support::ConnectProxy;

/// The environment's proxies, for as long as this lives.
struct ProxyEnvironment {
  explicit ProxyEnvironment(const std::string& url) {
    for (const char* name : kNames) ::setenv(name, url.c_str(), 1);
  }
  ~ProxyEnvironment() {
    for (const char* name : kNames) ::unsetenv(name);
  }
  static constexpr const char* kNames[] = {"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"};
};

struct Event {
  LaneEvent::What what;
  std::string detail;
};
LaneWatch into(std::vector<Event>& events) {
  return [&events](const LaneEvent& event) { events.push_back({event.what, std::string(event.detail)}); };
}

/// A proxy that opens no tunnel.
struct Trouble {
  const char* name;
  std::optional<std::string> answer;  // nullopt: as it should, but for what follows
  bool hang = false;
  std::string greeting = {};
  const char* says = "";  // the HTTP/2 lane
};
std::vector<Trouble> troubles() {
  return {
      {"forbidden", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", false, {}, "does not let us go there"},
      {"the vendor cannot be reached", "HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", false, {}, "cannot reach that host"},
      {"garbage", "\x15\x03\x01\x02\x03\r\n\r\n", false, {}, "no HTTP/1"},
      {"a head without end", "HTTP/1.1 200 OK\r\nA: " + std::string(200'000, 'a'), false, {}, "too large"},
      {"closed at once", "", false, {}, "closed"},
      {"closed in the head", "HTTP/1.1 200 O", false, {}, "closed"},
      {"silent", "", true, {}, "no answer to CONNECT yet"},
      {"silent in the head", "HTTP/1.1 200 OK\r\n", true, {}, "no answer to CONNECT yet"},
      {"bytes nobody asked for", std::nullopt, false, "HTTP/1.1 200 OK\r\n\r\nHTTP", "something follows"},
  };
}

}  // namespace

TEST_CASE("proxy lane: HTTP/2 goes through a tunnel, and keeps it", "[net][proxy]") {
  LaneRig rig;
  ConnectProxy proxy(rig.loop);
  rig.open([&](LaneOptions& o) { o.proxy = proxy.proxy(); });
  for (std::uint64_t tag = 1; tag <= 3; ++tag) {
    rig.send(tag);
    rig.flush();
    REQUIRE(rig.answered(tag));
    CHECK(rig.answers.ok(tag));
  }
  REQUIRE(proxy.heads().size() == 1);
  const std::string& head = proxy.heads().front();
  CHECK(head.starts_with("CONNECT localhost:" + std::to_string(rig.peer.port()) + " HTTP/1.1\r\n"));
  CHECK_FALSE(head.contains("device"));
  CHECK_FALSE(head.contains("uthorization"));
  CHECK(rig.peer.connections() == 1);
}

TEST_CASE("proxy lane: the vendor's name is not looked up here, but its certificate must bear it", "[net][proxy]") {
  const bool curl = GENERATE(false, true);
  const bool right = GENERATE(true, false);
  CAPTURE(curl, right);
  std::vector<Event> events;
  const auto adjust = [&](auto& o, std::uint16_t port) {
    o.origin = (right ? "https://elsewhere.test:" : "https://nowhere.test:") + std::to_string(port);
    o.watch = into(events);
  };
  if (curl) {
    CurlRig rig;
    H1Peer peer(rig.loop, {.wrong_name = true});
    ConnectProxy proxy(rig.loop);
    rig.open(peer.port(), [&](CurlLaneOptions& o) {
      adjust(o, peer.port());
      o.proxy = proxy.proxy();
      o.proxy->host = "localhost";
    });
    CHECK(rig.ask(1).response.has_value() == right);
    CHECK(proxy.tunnels() == 1);
    rig.lane.reset();
  } else {
    LaneRig rig({.wrong_name = true});
    ConnectProxy proxy(rig.loop);
    rig.open([&](LaneOptions& o) {
      adjust(o, rig.peer.port());
      o.proxy = proxy.proxy();
      o.proxy->host = "localhost";
    });
    rig.send(1, right ? 5s : 100ms);
    rig.flush();
    REQUIRE(rig.answered(1));
    CHECK(rig.answers.ok(1) == right);
    CHECK(proxy.tunnels() >= 1);
    rig.lane.reset();
  }
  CHECK(events.empty() == right);
  if (right) return;
  CHECK(events.front().what == LaneEvent::What::UntrustedPeer);
  CHECK(events.front().detail.contains("behind proxy localhost:"));
}

TEST_CASE("proxy lane: credentials", "[net][proxy]") {
  struct Row {
    const char* name;
    std::optional<ProxyCredentials> ours;
    const char* says;  // empty: it lets us through
  };
  const Row row = GENERATE(values<Row>({
      {"the right ones", ProxyCredentials{"push", "s:ecret"}, ""},
      {"none", std::nullopt, "wants credentials"},
      {"a wrong password", ProxyCredentials{"push", "hunter2"}, "refuses the credentials in proxy.credentials_file"},
      {"another user", ProxyCredentials{"hunter2", "s:ecret"}, "refuses the credentials in proxy.credentials_file"},
  }));
  const bool curl = GENERATE(false, true);
  CAPTURE(row.name, curl);
  const bool good = std::string_view(row.says).empty();
  std::vector<Event> events;
  LaneReply reply;
  std::string head;
  const auto adjust = [&](auto& o, const ConnectProxy& proxy) {
    o.proxy = proxy.proxy();
    o.proxy->credentials = row.ours;
    o.watch = into(events);
  };
  if (curl) {
    CurlRig rig;
    H1Peer peer(rig.loop);
    ConnectProxy proxy(rig.loop);
    proxy.require("push", "s:ecret");
    rig.open(peer.port(), [&](CurlLaneOptions& o) { adjust(o, proxy); });
    rig.send({.path = "/push", .headers = {{"authorization", "bearer vendor"}}, .body = {}}, 1);
    rig.flush();
    REQUIRE(rig.answered(1));
    reply = rig.answers.by_tag.at(1);
    head = proxy.heads().front();
    CHECK(peer.connections() == (good ? 1 : 0));
    if (good) CHECK_FALSE(peer.requests().front().head.contains("Proxy-Authorization"));
    rig.lane.reset();
  } else {
    LaneRig rig;
    ConnectProxy proxy(rig.loop);
    proxy.require("push", "s:ecret");
    rig.open([&](LaneOptions& o) { adjust(o, proxy); });
    rig.send(1, good ? 5s : 100ms);
    rig.flush();
    REQUIRE(rig.answered(1));
    reply = rig.answers.by_tag.at(1);
    head = proxy.heads().front();
    CHECK(rig.peer.connections() == (good ? 1 : 0));
    rig.lane.reset();
  }
  CHECK(head.contains("Proxy-Authorization: Basic ") == row.ours.has_value());
  CHECK_FALSE(head.contains("vendor"));
  CHECK(reply.response.has_value() == good);
  if (good) return;
  CHECK(reply.response.error().code == Errc::ConnectionLost);  // Unauthorized would blame the push credential
  CHECK_FALSE(reply.maybe_sent);
  CHECK(reply.response.error().detail.contains("407"));
  CHECK(reply.response.error().detail.contains(row.says));
  REQUIRE_FALSE(events.empty());
  CHECK(events.front().what == LaneEvent::What::ConnectFailed);
  CHECK(events.front().detail.contains(row.says));
  for (const std::string& said : {reply.response.error().detail, events.front().detail}) {
    CHECK_FALSE(said.contains("hunter2"));
    CHECK_FALSE(said.contains("ecret"));
    CHECK(said.contains("proxy 127.0.0.1:"));
  }
}

TEST_CASE("proxy lane: HTTP/2, a proxy that opens no tunnel", "[net][proxy]") {
  for (const Trouble& trouble : troubles()) {
    CAPTURE(trouble.name);
    LaneRig rig;
    ConnectProxy proxy(rig.loop);
    if (trouble.answer) proxy.answer_with(*trouble.answer, trouble.hang);
    if (!trouble.greeting.empty()) proxy.greet_with(trouble.greeting);
    std::vector<Event> events;
    rig.open([&](LaneOptions& o) {
      o.proxy = proxy.proxy();
      o.watch = into(events);
      o.connect_timeout = 40ms;
    });
    rig.send(1, 200ms);
    rig.flush();
    REQUIRE(rig.answered(1));
    CHECK(rig.answers.error(1) == Errc::ConnectionLost);
    CHECK_FALSE(rig.answers.maybe_sent(1));
    CAPTURE(rig.answers.detail(1));
    CHECK(rig.answers.detail(1).contains("proxy " + proxy.proxy().authority()));
    CHECK(rig.answers.detail(1).contains(trouble.says));
    REQUIRE_FALSE(events.empty());
    CHECK(events.front().what == LaneEvent::What::ConnectFailed);
    CHECK(rig.metrics.connects_failed.read() > 0);
    CHECK(rig.metrics.connections_opened.read() == 0);
    rig.lane.reset();
    CHECK(rig.until([&] { return proxy.closed() == proxy.heads().size(); }));  // nothing is left open
  }
}

TEST_CASE("proxy lane: libcurl, a proxy that opens no tunnel", "[net][proxy]") {
  for (const Trouble& trouble : troubles()) {
    CAPTURE(trouble.name);
    CurlRig rig;
    H1Peer peer(rig.loop);
    ConnectProxy proxy(rig.loop);
    if (trouble.answer) proxy.answer_with(*trouble.answer, trouble.hang);
    if (!trouble.greeting.empty()) proxy.greet_with(trouble.greeting);
    rig.open(peer.port(), [&](CurlLaneOptions& o) {
      o.proxy = proxy.proxy();
      o.connect_timeout = 40ms;
    });
    const LaneReply& reply = rig.ask(1);
    REQUIRE_FALSE(reply.response);
    CHECK(reply.response.error().code == Errc::ConnectionLost);
    CHECK_FALSE(reply.maybe_sent);
    CAPTURE(reply.response.error().detail);
    CHECK(reply.response.error().detail.contains("proxy " + proxy.proxy().authority()));
    CHECK(peer.requests().empty());
    rig.lane.reset();
  }
}

TEST_CASE("proxy lane: a proxy that nobody listens on, or whose name is none", "[net][proxy]") {
  const std::string host = GENERATE(as<std::string>{}, "127.0.0.1", "proxy.invalid");
  const bool curl = GENERATE(false, true);
  CAPTURE(host, curl);
  const std::optional<Proxy> proxy = Proxy{.host = host, .port = 1, .credentials = std::nullopt, .except = {}};
  std::string detail;
  if (curl) {
    CurlRig rig;
    H1Peer peer(rig.loop);
    rig.open(peer.port(), [&](CurlLaneOptions& o) { o.proxy = proxy; });
    const LaneReply& reply = rig.ask(1);
    REQUIRE_FALSE(reply.response);
    CHECK(reply.response.error().code == Errc::ConnectionLost);
    detail = reply.response.error().detail;
    CHECK(peer.connections() == 0);
    rig.lane.reset();
  } else {
    LaneRig rig;
    std::vector<Event> events;
    rig.open([&](LaneOptions& o) {
      o.proxy = proxy;
      o.watch = into(events);
    });
    rig.send(1);
    rig.flush();
    REQUIRE(rig.until([&] { return !events.empty(); }));
    detail = events.front().detail;
    CHECK(rig.peer.connections() == 0);
    rig.lane.reset();
  }
  CAPTURE(detail);
  CHECK(detail.contains("proxy " + host + ":1"));
}

TEST_CASE("proxy lane: who is excepted is reached directly, whatever the environment says", "[net][proxy]") {
  const bool curl = GENERATE(false, true);
  const bool excepted = GENERATE(true, false);  // else: no proxy is configured
  CAPTURE(curl, excepted);
  if (curl) {
    CurlRig rig;
    H1Peer peer(rig.loop);
    ConnectProxy proxy(rig.loop);
    const ProxyEnvironment environment(proxy.url());
    rig.open(peer.port(), [&](CurlLaneOptions& o) {
      if (!excepted) return;
      o.proxy = proxy.proxy();
      o.proxy->except = *ProxyExceptions::parse("elsewhere.test,localhost");
    });
    CHECK(rig.ask(1).response);
    CHECK(proxy.heads().empty());
    rig.lane.reset();
  } else {
    LaneRig rig;
    ConnectProxy proxy(rig.loop);
    const ProxyEnvironment environment(proxy.url());
    rig.open([&](LaneOptions& o) {
      if (!excepted) return;
      o.proxy = proxy.proxy();
      o.proxy->except = *ProxyExceptions::parse("elsewhere.test,localhost");
    });
    rig.warm();
    CHECK(proxy.heads().empty());
    rig.lane.reset();
  }
}

TEST_CASE("proxy lane: exceptions in the environment alone are none", "[net][proxy]") {
  ::setenv("no_proxy", "localhost", 1);
  const bool curl = GENERATE(false, true);
  CAPTURE(curl);
  if (curl) {
    CurlRig rig;
    H1Peer peer(rig.loop);
    ConnectProxy proxy(rig.loop);
    rig.open(peer.port(), [&](CurlLaneOptions& o) { o.proxy = proxy.proxy(); });
    CHECK(rig.ask(1).response);
    CHECK(proxy.tunnels() == 1);
    rig.lane.reset();
  } else {
    LaneRig rig;
    ConnectProxy proxy(rig.loop);
    rig.open([&](LaneOptions& o) { o.proxy = proxy.proxy(); });
    rig.warm();
    CHECK(proxy.tunnels() == 1);
    rig.lane.reset();
  }
  ::unsetenv("no_proxy");
}

TEST_CASE("proxy lane: HTTP/2 over libcurl goes through it too", "[net][proxy]") {
  CurlRig rig;
  TlsPeer peer(rig.loop);
  peer.on_connection = [](std::size_t, H2Peer& h2) {
    h2.on_request = [](H2Peer& p, const PeerRequest& r) { p.respond(r.stream, 200); };
  };
  ConnectProxy proxy(rig.loop);
  rig.open(peer.port(), [&](CurlLaneOptions& o) { o.proxy = proxy.proxy(); });
  for (std::uint64_t tag = 1; tag <= 20; ++tag) rig.send(tag);
  rig.flush();
  REQUIRE(rig.answered(20));
  for (std::uint64_t tag = 1; tag <= 20; ++tag) CHECK(rig.answers.ok(tag));
  CHECK(proxy.tunnels() == peer.connections());
  rig.lane.reset();
}

TEST_CASE("proxy lane: a lane may go while the tunnel is being opened", "[net][proxy]") {
  LaneRig rig;
  ConnectProxy proxy(rig.loop);
  proxy.answer_with("HTTP/1.1 200 OK\r\n", true);
  rig.open([&](LaneOptions& o) { o.proxy = proxy.proxy(); });
  rig.send(1);
  rig.flush();
  REQUIRE(rig.until([&] { return proxy.heads().size() == 1; }));
  rig.lane.reset();
  CHECK(rig.until([&] { return proxy.closed() == 1; }));
  CHECK(rig.answers.by_tag.empty());
}

}  // namespace nightpost::net
