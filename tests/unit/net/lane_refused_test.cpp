// What a lane does where its requests are not wanted: nobody is stormed, what waits can be taken back, and ops hear.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "net/lane.h"
#include "unit/net/curl_rig.h"
#include "unit/net/lane_rig.h"

namespace nightpost::net {
namespace {

/// No second connect within any test, but by leave.
void wait_long(LaneOptions& o) { o.reconnect_first = o.reconnect_max = std::chrono::hours(10); }
void wait_long_curl(CurlLaneOptions& o) { o.reconnect_first = o.reconnect_max = std::chrono::hours(10); }

struct Heard {
  std::vector<LaneEvent::What> what;
  std::vector<std::string> details;
  std::string origin;
  std::uint64_t failures = 0;
  LaneWatch watch() {
    return [this](const LaneEvent& event) {
      what.push_back(event.what);
      details.emplace_back(event.detail);
      origin = event.origin;
      failures = event.failures;
    };
  }
};

}  // namespace

TEST_CASE("lane: leaving each connection that refuses is no storm", "[net][lane][refused]") {
  const int status = GENERATE(401, 403, 429);
  CAPTURE(status);
  LaneRig b;
  b.script = [&](std::size_t, H2Peer& p, const PeerRequest& r) { p.respond(r.stream, status); };
  b.open(wait_long);
  b.answers.then = [&](std::uint64_t, const LaneReply& reply) {
    if (reply.response) b.lane->drain_connection(reply.connection);
  };
  for (std::uint64_t tag = 0; tag < 200; ++tag) b.send(tag, 1s);
  b.flush();
  REQUIRE(b.answered(200));
  CHECK(b.peer.connections() == 1);
  CHECK(b.served[0] == 1);
}

TEST_CASE("lane: a peer that sends each connection away at once is not stormed", "[net][lane][refused]") {
  LaneRig b;
  const bool after_answer = GENERATE(false, true);
  CAPTURE(after_answer);
  if (after_answer)
    b.script = [](std::size_t, H2Peer& p, const PeerRequest& r) {
      p.respond(r.stream, 200);
      p.goaway(0, "", r.stream);
    };
  else
    b.peer.on_connection = [](std::size_t, H2Peer& p) { p.goaway(0, "", 0); };
  b.open(wait_long);
  for (std::uint64_t tag = 0; tag < 50; ++tag) b.send(tag, 1s);
  b.flush();
  REQUIRE(b.answered(50));
  CHECK(b.peer.connections() == 1);
  for (std::uint64_t tag = 1; tag < 50; ++tag) {
    CHECK_FALSE(b.answers.ok(tag));
    CHECK_FALSE(b.answers.by_tag.at(tag).written);
    CHECK_FALSE(b.answers.maybe_sent(tag));
  }
}

TEST_CASE("lane: a connection that has proven itself is replaced at once", "[net][lane][refused]") {
  LaneRig b;
  b.open([](LaneOptions& o) {
    o.reconnect_first = 0ms;  // proven by its first answer
    o.reconnect_max = std::chrono::hours(10);
  });
  b.warm();
  b.lane->drain_connection(1);
  b.warm();
  CHECK(b.peer.connections() == 2);
}

TEST_CASE("lane: what waits is taken back, of its group alone and only what waits", "[net][lane][refused]") {
  LaneRig b;
  std::int32_t held = 0;
  b.script = [&](std::size_t, H2Peer& p, const PeerRequest& r) {
    if (r.header(":path") != "/3/device/1") return p.respond(r.stream, 200);
    held = r.stream;
  };
  b.open([](LaneOptions& o) {
    o.connections_max = 1;
    o.streams_max = 1;
  });
  b.warm();
  b.lane->send({.path = "/3/device/1"}, in(5s), 1, b.answers, 7);
  b.flush();
  REQUIRE(b.until([&] { return held != 0; }));
  for (std::uint64_t tag = 2; tag < 10; ++tag)
    b.lane->send({.path = "/3/device/" + std::to_string(tag)}, in(5s), tag, b.answers, tag % 2 == 0 ? 7 : 8);
  b.flush();
  b.answers.inside_call = true;
  b.lane->withdraw_queued(7, "taken back");
  b.answers.inside_call = false;
  REQUIRE(b.answered(4));
  CHECK(b.answers.by_tag.size() == 4);
  for (const std::uint64_t tag : {2U, 4U, 6U, 8U}) {
    CHECK(b.answers.error(tag) == Errc::ConnectionLost);
    CHECK(b.answers.detail(tag) == "taken back");
    CHECK_FALSE(b.answers.maybe_sent(tag));
    CHECK_FALSE(b.answers.by_tag.at(tag).written);
  }
  b.peer.peer(0).respond(held, 200);
  b.peer.flush(0);
  REQUIRE(b.answered(9));
  for (const std::uint64_t tag : {1U, 3U, 5U, 7U, 9U}) CHECK(b.answers.ok(tag));
  CHECK(b.lane->open_requests() == 0);
}

TEST_CASE("lane: taken back from inside an answer, nothing more is sent", "[net][lane][refused]") {
  LaneRig b;
  b.script = [](std::size_t, H2Peer& p, const PeerRequest& r) { p.respond(r.stream, 403); };
  b.open([](LaneOptions& o) { o.reconnect_first = o.reconnect_max = 0ms; });  // no back-off helps
  b.answers.then = [&](std::uint64_t, const LaneReply& reply) {
    if (!reply.response) return;
    b.lane->drain_connection(reply.connection);
    b.lane->withdraw_queued(0, "taken back");
  };
  for (std::uint64_t tag = 0; tag < 1000; ++tag) b.send(tag);
  b.flush();
  REQUIRE(b.answered(1000));
  CHECK(b.served[0] == 1);
  CHECK(b.served.size() == 1);
  CHECK(b.answers.ok(0));
  CHECK_FALSE(b.answers.ok(999));
}

TEST_CASE("lane: whether anything of a request left", "[net][lane][refused]") {
  LaneRig b;
  SECTION("an answer") {
    b.open();
    b.warm(1);
    b.send(1);
    b.flush();
    REQUIRE(b.answered(1));
    CHECK(b.answers.by_tag.at(1).written);
  }
  SECTION("nobody there") {
    b.open();
    b.peer.refuse_new();
    b.send(1, 50ms);
    b.flush();
    REQUIRE(b.answered(1));
    CHECK_FALSE(b.answers.by_tag.at(1).written);
  }
  SECTION("refused stream after stream") {
    b.script = [](std::size_t, H2Peer& p, const PeerRequest& r) { p.reset(r.stream, NGHTTP2_REFUSED_STREAM); };
    b.open();
    b.send(1);
    b.flush();
    REQUIRE(b.answered(1));
    CHECK_FALSE(b.answers.maybe_sent(1));
    CHECK(b.answers.by_tag.at(1).written);
  }
  SECTION("no answer") {
    b.script = [](std::size_t, H2Peer&, const PeerRequest&) {};
    b.open([](LaneOptions& o) { o.connections_max = 1; });
    b.send(1, 1s);
    b.flush();
    REQUIRE(b.until([&] { return b.served[0] == 1; }));
    b.send(2, 20ms);  // waits for a stream
    b.flush();
    REQUIRE(b.answered(2));
    CHECK(b.answers.by_tag.at(1).written);
    CHECK_FALSE(b.answers.by_tag.at(2).written);
  }
}

TEST_CASE("lane: ops hear why nothing goes out, and that it goes again", "[net][lane][refused]") {
  using What = LaneEvent::What;
  Heard heard;
  SECTION("nobody there") {
    LaneRig b;
    b.open([&](LaneOptions& o) { o.watch = heard.watch(); });
    const std::string origin = "https://localhost:" + std::to_string(b.peer.port());
    b.peer.refuse_new();
    b.send(1, 1s);
    b.flush();
    REQUIRE(b.answered(1));
    REQUIRE(heard.what.size() >= 2);
    CHECK(heard.what[0] == What::ConnectFailed);
    CHECK(heard.details[0].contains("refused"));
    CHECK(heard.failures == heard.what.size());
    CHECK(heard.origin == origin);
  }
  SECTION("another authority") {
    LaneRig b;
    b.open([&](LaneOptions& o) {
      o.ca_pem.clear();
      o.watch = heard.watch();
      wait_long(o);
    });
    b.send(1, 1s);
    b.flush();
    REQUIRE(b.answered(1));
    CHECK(heard.what == std::vector{What::UntrustedPeer});
    CHECK(heard.details[0].contains("certificate"));
  }
  SECTION("another name") {
    LaneRig b({.wrong_name = true});
    b.open([&](LaneOptions& o) {
      o.watch = heard.watch();
      wait_long(o);
    });
    b.send(1, 1s);
    b.flush();
    REQUIRE(b.answered(1));
    CHECK(heard.what == std::vector{What::UntrustedPeer});
  }
  SECTION("a connection that is cut, and its successor") {
    LaneRig b;
    b.script = [&](std::size_t number, H2Peer& p, const PeerRequest& r) {
      if (number == 0)
        b.peer.drop(0);
      else
        p.respond(r.stream, 200);
    };
    b.open([&](LaneOptions& o) { o.watch = heard.watch(); });
    b.send(1);
    b.flush();
    REQUIRE(b.answered(1));
    b.send(2);
    b.flush();
    REQUIRE(b.answered(2));
    CHECK(heard.what == std::vector{What::ConnectionLost, What::Reconnected});
    CHECK(heard.failures == 1);
  }
  SECTION("nothing of note") {
    LaneRig b;
    b.open([&](LaneOptions& o) { o.watch = heard.watch(); });
    b.warm();
    b.lane->drain_connection(1);
    b.warm();
    CHECK(heard.what.empty());
  }
}

TEST_CASE("curl: a host that hangs up on each request is not stormed", "[net][curl][refused]") {
  CurlRig b;
  H1Peer peer(b.loop);
  peer.script() = [](const H1Request&) { return H1Reply{.close = true}; };
  Heard heard;
  b.open(peer.port(), [&](CurlLaneOptions& o) {
    wait_long_curl(o);
    o.connections_max = 2;
    o.watch = heard.watch();
  });
  for (std::uint64_t tag = 0; tag < 100; ++tag) b.send(tag, 1s);
  b.flush();
  REQUIRE(b.answered(100));
  CHECK(peer.requests().size() <= 2);
  CHECK(peer.connections() <= 2);
  REQUIRE_FALSE(heard.what.empty());
  CHECK(heard.what[0] == LaneEvent::What::ConnectionLost);
  b.lane.reset();
}

TEST_CASE("curl: a host that never answers is asked by one at a time", "[net][curl][refused]") {
  CurlRig b;
  H1Peer peer(b.loop);
  peer.script() = [](const H1Request&) { return H1Reply{.hang = true}; };
  b.open(peer.port(), [&](CurlLaneOptions& o) {
    wait_long_curl(o);
    o.connections_max = 2;
    o.response_timeout = 50ms;
  });
  for (std::uint64_t tag = 0; tag < 100; ++tag) b.send(tag, 400ms);
  b.flush();
  REQUIRE(b.answered(100));
  CHECK(peer.requests().size() <= 2);
  b.lane.reset();
}

TEST_CASE("curl: one that has answered may lose a few", "[net][curl][refused]") {
  CurlRig b;
  H1Peer peer(b.loop);
  b.open(peer.port(), wait_long_curl);
  REQUIRE(b.ask(1000).response);
  peer.script() = [](const H1Request&) { return H1Reply{.close = true}; };
  CHECK_FALSE(b.ask(1).response);
  CHECK_FALSE(b.ask(2).response);
  peer.script() = [](const H1Request&) { return ok(); };
  CHECK(b.ask(3).response);
  b.lane.reset();
}

TEST_CASE("curl: what waits is taken back, of its group alone and only what waits", "[net][curl][refused]") {
  CurlRig b;
  H1Peer peer(b.loop);
  peer.script() = [](const H1Request& r) { return r.body == "hold" ? H1Reply{.hang = true} : ok(); };
  b.open(peer.port(), [](CurlLaneOptions& o) { o.connections_max = 1; });
  b.lane->send({.path = "/1", .headers = {}, .body = "hold"}, in(300ms), 1, b.answers, 7);
  b.flush();
  REQUIRE(b.until([&] { return peer.requests().size() == 1; }));
  for (std::uint64_t tag = 2; tag < 10; ++tag)
    b.lane->send({.path = "/", .headers = {}, .body = ""}, in(5s), tag, b.answers, tag % 2 == 0 ? 7 : 8);
  b.flush();
  b.answers.inside_call = true;
  b.lane->withdraw_queued(7, "taken back");
  b.answers.inside_call = false;
  REQUIRE(b.answered(4));
  for (const std::uint64_t tag : {2U, 4U, 6U, 8U}) {
    CHECK(b.answers.error(tag) == Errc::ConnectionLost);
    CHECK(b.answers.detail(tag) == "taken back");
    CHECK_FALSE(b.answers.maybe_sent(tag));
    CHECK_FALSE(b.answers.by_tag.at(tag).written);
  }
  REQUIRE(b.answered(5));
  CHECK(b.answers.by_tag.at(1).written);
  b.lane.reset();
}

TEST_CASE("curl: ops hear why nothing goes out", "[net][curl][refused]") {
  CurlRig b;
  Heard heard;
  H1Peer peer(b.loop);
  SECTION("nobody there") {
    std::uint16_t port = 0;
    {
      tcp::acceptor gone(b.loop, {asio::ip::address_v4::loopback(), 0});
      port = gone.local_endpoint().port();
    }
    b.open(port, [&](CurlLaneOptions& o) {
      o.watch = heard.watch();
      wait_long_curl(o);
    });
    CHECK_FALSE(b.ask(1).response);
    CHECK_FALSE(b.answers.by_tag.at(1).written);
    CHECK(heard.what == std::vector{LaneEvent::What::ConnectFailed});
  }
  SECTION("another authority") {
    b.open(peer.port(), [&](CurlLaneOptions& o) {
      o.ca_pem.clear();
      o.watch = heard.watch();
    });
    CHECK_FALSE(b.ask(1).response);
    CHECK(heard.what == std::vector{LaneEvent::What::UntrustedPeer});
    CHECK(heard.details[0].contains("certificate"));
  }
  b.lane.reset();
}

}  // namespace nightpost::net
