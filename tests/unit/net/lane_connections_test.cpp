// What becomes of connections.
#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "net/lane.h"
#include "unit/net/lane_rig.h"

namespace nightpost::net {

TEST_CASE("lane: grows while all streams are busy and shrinks when idle", "[net][lane]") {
  LaneRig b({.settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}}});
  std::vector<std::function<void()>> held;
  bool hold = true;
  b.script = [&](std::size_t number, H2Peer& p, const PeerRequest& r) {
    auto answer = [&b, number, stream = r.stream, &p] {
      p.respond(stream, 200);
      b.peer.flush(number);
    };
    if (hold && b.served[number] > 1)
      held.push_back(answer);
    else
      p.respond(r.stream, 200);
  };
  b.open([](LaneOptions& o) {
    o.connections_max = 3;
    o.idle_close = 30ms;
  });
  for (std::uint64_t tag = 0; tag < 40; ++tag) b.send(tag);
  b.flush();
  REQUIRE(b.until([&] { return held.size() == 6; }));  // three connections with two streams each
  CHECK(b.peer.connections() == 3);
  hold = false;
  for (auto& answer : std::exchange(held, {})) answer();
  REQUIRE(b.answered(40));
  REQUIRE(b.until([&] { return b.peer.open_connections() == 1; }));
  CHECK(b.closed(CloseReason::Idle) == 2);
  b.warm();  // the one that stayed works
  CHECK(b.peer.connections() == 3);
}

TEST_CASE("lane: a connection that stops answering PINGs is replaced", "[net][lane]") {
  LaneRig b;
  bool written = false;
  b.script = [&](std::size_t number, H2Peer& p, const PeerRequest& r) {
    if (number == 0 && r.header(":path") == "/3/device/1") {
      written = true;
      b.peer.mute(0);
    } else {
      p.respond(r.stream, 200);
    }
  };
  b.open([](LaneOptions& o) {
    o.connections_max = 1;
    o.ping_interval = 50ms;
    o.ping_timeout = 100ms;
    o.streams_max = 2;
  });
  b.warm();
  b.send(1);
  b.flush();
  REQUIRE(b.until([&] { return written; }));
  b.send(2, 5s, 20'000'000);  // more than the sockets take, so it cannot be written whole
  b.flush();
  REQUIRE(b.until([&] { return b.answers.by_tag.contains(1); }));
  CHECK(b.answers.error(1) == Errc::ConnectionLost);
  CHECK(b.answers.maybe_sent(1));
  CHECK(b.closed(CloseReason::Ping) == 1);
  REQUIRE(b.answered(2));  // moved
  CHECK(b.answers.ok(2));
}

TEST_CASE("lane: a window that stays shut blocks while PINGs are acknowledged", "[net][lane]") {
  LaneRig b({.settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}}, .open_windows = false});
  b.open([](LaneOptions& o) {
    o.connections_max = 1;
    o.ping_interval = 10ms;
    o.ping_timeout = 1s;
    o.response_timeout = 100ms;
    o.timeouts_in_a_row_max = 1;
  });
  b.warm();
  b.send(1, 5s, 65'000);  // all but a few bytes of the connection's window
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.ok(1));
  b.send(2, 5s, 1000);
  b.send(3, 200ms, 1000);
  b.flush();
  REQUIRE(b.answered(2));
  CHECK(b.answers.error(3) == Errc::Timeout);
  CHECK_FALSE(b.answers.maybe_sent(3));
  CHECK(b.peer.peer(0).pings >= 2);
  CHECK(b.peer.connections() == 1);
  b.peer.peer(0).open_window(3, 65'000);
  b.peer.flush(0);
  REQUIRE(b.answered(3));
  CHECK(b.answers.ok(2));
}

TEST_CASE("lane: age replaces a connection before it goes", "[net][lane]") {
  LaneRig b;
  b.open([](LaneOptions& o) {
    o.age_max = 60ms;
    o.reconnect_first = 0ms;
  });
  std::uint64_t tag = 0;
  std::set<std::uint64_t> used;
  b.answers.then = [&](std::uint64_t, const LaneReply& reply) {
    REQUIRE(reply.response);
    used.insert(reply.connection);
    if (used.size() < 3) b.lane->send({.path = "/"}, in(5s), ++tag, b.answers);
  };
  b.send(0);
  b.flush();
  REQUIRE(b.until([&] { return used.size() == 3; }));
  CHECK(b.closed(CloseReason::Age) >= 1);
  CHECK(b.metrics.replays.read() == 0);
}

TEST_CASE("lane: drain_connection() ends a connection once its answers are in", "[net][lane]") {
  LaneRig b;
  std::int32_t held = 0;
  b.script = [&](std::size_t number, H2Peer& p, const PeerRequest& r) {
    if (number == 0 && r.header(":path") == "/3/device/1")
      held = r.stream;
    else
      p.respond(r.stream, 200);
  };
  b.open();
  std::uint64_t first = 0;
  b.answers.then = [&](std::uint64_t, const LaneReply& reply) {
    if (!first) first = reply.connection;
  };
  b.warm();
  b.send(1);
  b.flush();
  REQUIRE(b.until([&] { return held != 0; }));
  b.lane->drain_connection(first);
  b.lane->drain_connection(first);
  b.lane->drain_connection(999);
  b.send(2);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.ok(2));
  CHECK(b.answers.by_tag.at(2).connection != first);
  CHECK(b.peer.open_connections() == 2);
  b.peer.peer(0).respond(held, 200);
  b.peer.flush(0);
  REQUIRE(b.answered(2));
  CHECK(b.answers.by_tag.at(1).connection == first);
  REQUIRE(b.until([&] { return b.peer.open_connections() == 1; }));
  CHECK(b.closed(CloseReason::Drained) == 1);
}

TEST_CASE("lane: a connection that is cut", "[net][lane]") {
  LaneRig b;
  b.script = [&](std::size_t number, H2Peer& p, const PeerRequest& r) {
    if (number == 0 && r.header(":path") == "/3/device/1")
      b.peer.drop(0);
    else
      p.respond(r.stream, 200);
  };
  b.open();
  b.warm();
  b.send(1);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(1) == Errc::ConnectionLost);
  CHECK(b.answers.maybe_sent(1));
  CHECK(b.closed(CloseReason::Error) == 1);
  b.warm();
}

TEST_CASE("lane: nobody there", "[net][lane]") {
  LaneRig b;
  b.open();
  b.peer.refuse_new();
  b.send(1, 300ms);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(1) == Errc::ConnectionLost);
  CHECK_FALSE(b.answers.maybe_sent(1));
  CHECK(b.answers.detail(1).contains("refused"));
  const auto tries = b.metrics.connects_failed.read();
  CHECK(tries >= 3);
  CHECK(tries < 300);  // 300 ms with delays of 4 ms on average: it backs off
}

TEST_CASE("lane: somebody silent there", "[net][lane]") {
  LaneRig b({.silent = true});
  b.open([](LaneOptions& o) { o.connect_timeout = 20ms; });
  b.send(1, 300ms);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(1) == Errc::ConnectionLost);
  CHECK(b.answers.detail(1).contains("too long"));
  CHECK(b.metrics.connects_failed.read() >= 1);
}

TEST_CASE("lane: may be destroyed at any moment", "[net][lane]") {
  LaneRig b;
  SECTION("before anything was sent") { b.open(); }
  SECTION("while it connects") {
    b.open();
    b.send(1);
    b.flush();
  }
  SECTION("with requests open and queued") {
    b.script = [](std::size_t, H2Peer& p, const PeerRequest& r) {
      if (r.header(":path") == "/3/device/1000") p.respond(r.stream, 200);
    };
    b.open([](LaneOptions& o) { o.streams_max = 2; });
    b.warm();
    for (std::uint64_t tag = 0; tag < 5; ++tag) b.send(tag);
    b.flush();
    REQUIRE(b.until([&] { return b.served[0] == 3; }));
  }
  SECTION("from inside an answer") {
    b.open();
    b.answers.then = [&](std::uint64_t, const LaneReply&) { b.lane.reset(); };
    b.send(1);
    b.send(2);
    b.flush();
    REQUIRE(b.answered(1));
  }
  b.lane.reset();
  const auto answered = b.answers.by_tag.size();
  b.loop.run_for(20ms);
  CHECK(b.answers.by_tag.size() == answered);
  CHECK(b.until([&] { return b.peer.open_connections() == 0; }));
}

}  // namespace nightpost::net
