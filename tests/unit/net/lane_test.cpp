// Lanes against scripted peers over TLS on loopback; waits are options of a few ms.
#include "net/lane.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "net/lane_metrics.h"
#include "support/h2_peer.h"

namespace nightpost::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using support::H2Peer;
using support::PeerRequest;
using support::TlsPeer;
using support::TlsPeerOptions;
constexpr std::int32_t kAll = 0x7fff'ffff;

MonoTime in(milliseconds time) { return std::chrono::steady_clock::now() + time; }

struct Answers final : LaneHandler {
  void on_lane_reply(std::uint64_t tag, LaneReply reply) override {
    CHECK_FALSE(by_tag.contains(tag));  // exactly once
    CHECK_FALSE(inside_call);
    auto [at, fresh] = by_tag.emplace(tag, std::move(reply));
    if (then) then(tag, at->second);
  }
  std::map<std::uint64_t, LaneReply> by_tag;
  std::function<void(std::uint64_t, const LaneReply&)> then;
  bool inside_call = false;

  bool ok(std::uint64_t tag) const { return by_tag.contains(tag) && by_tag.at(tag).response.has_value(); }
  Errc error(std::uint64_t tag) const { return by_tag.at(tag).response.error().code; }
  const std::string& detail(std::uint64_t tag) const { return by_tag.at(tag).response.error().detail; }
  bool maybe_sent(std::uint64_t tag) const { return by_tag.at(tag).maybe_sent; }
};

LaneOptions quick(std::uint16_t port) {
  LaneOptions o;
  o.origin = "https://localhost:" + std::to_string(port);
  o.ca_pem = support::test_pki().ca_pem;
  o.reconnect_first = 4ms;
  o.reconnect_max = 8ms;
  o.grow_after = 5ms;
  o.jitter_seed = 42;
  return o;
}

struct Bench {
  explicit Bench(TlsPeerOptions peer_options = {}) : peer(loop, std::move(peer_options)) {
    peer.on_connection = [this](std::size_t number, H2Peer& h2) {
      h2.on_request = [this, number](H2Peer& p, const PeerRequest& r) {
        ++served[number];
        script(number, p, r);
      };
    };
  }
  void open(const std::function<void(LaneOptions&)>& adjust = {}) {
    LaneOptions o = quick(peer.port());
    if (adjust) adjust(o);
    lane.emplace(loop, std::move(o), metrics);
  }
  void send(std::uint64_t tag, milliseconds deadline = 5s, std::size_t body = 10) {
    answers.inside_call = true;
    lane->send({.path = "/3/device/" + std::to_string(tag),
                .headers = {{"authorization", "bearer x", Indexing::Never}},
                .body = std::string(body, 'b')},
               in(deadline), tag, answers);
    answers.inside_call = false;
  }
  void flush() {
    answers.inside_call = true;
    lane->flush();
    answers.inside_call = false;
  }
  /// Runs the loop until `what`, at most 5 s.
  template <class What>
  bool until(What&& what) {
    const auto give_up = in(5s);
    while (!what() && std::chrono::steady_clock::now() < give_up) loop.run_one_for(20ms);
    return what();
  }
  bool answered(std::size_t count) {
    return until([&] { return answers.by_tag.size() >= count; });
  }
  /// One request all the way, so that the first connection is warm.
  void warm(std::uint64_t tag = 1000) {
    send(tag);
    flush();
    REQUIRE(until([&] { return answers.by_tag.contains(tag); }));
    REQUIRE(answers.ok(tag));
    answers.by_tag.erase(tag);
  }
  std::uint64_t closed(CloseReason reason) { return metrics.connections_closed[std::size_t(reason)].read(); }

  asio::io_context loop;
  TlsPeer peer;
  LaneMetrics metrics;
  Answers answers;
  std::map<std::size_t, int> served;
  std::function<void(std::size_t, H2Peer&, const PeerRequest&)> script =
      [](std::size_t, H2Peer& p, const PeerRequest& r) { p.respond(r.stream, 200); };
  std::optional<Lane> lane;  // last: goes first
};

}  // namespace

TEST_CASE("lane: many requests, each answered once", "[net][lane]") {
  Bench b;
  b.open();
  for (std::uint64_t tag = 0; tag < 500; ++tag) b.send(tag);
  b.flush();
  CHECK(b.lane->open_requests() == 500);
  REQUIRE(b.answered(500));
  for (std::uint64_t tag = 0; tag < 500; ++tag) CHECK(b.answers.ok(tag));
  CHECK(b.lane->open_requests() == 0);
  CHECK(b.metrics.requests.read() == 500);
  CHECK(b.metrics.replays.read() == 0);
  CHECK(b.metrics.bytes_in.read() > 0);
  CHECK(b.metrics.bytes_out.read() > 500 * 10);
}

TEST_CASE("lane: one request until the first answer that is not 401 or 403", "[net][lane]") {
  Bench b;
  std::vector<std::int32_t> waiting;
  std::size_t seen_at_once = 0;
  int answered = 0;
  b.script = [&](std::size_t, H2Peer& p, const PeerRequest& r) {
    waiting.push_back(r.stream);
    seen_at_once = std::max(seen_at_once, waiting.size());
    if (++answered <= 3) {  // the first two are refused, so the third goes alone as well
      CHECK(waiting.size() == 1);
      p.respond(r.stream, answered == 1 ? 403 : answered == 2 ? 401 : 400);
      waiting.clear();
    }
  };
  b.open([](LaneOptions& o) { o.connections_max = 1; });
  for (std::uint64_t tag = 0; tag < 10; ++tag) b.send(tag);
  b.flush();
  REQUIRE(b.until([&] { return waiting.size() == 7; }));
  CHECK(seen_at_once == 7);
}

TEST_CASE("lane: the granted number at once when not told to warm up", "[net][lane]") {
  Bench b({.settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 5}}});
  std::size_t waiting = 0;
  b.script = [&](std::size_t, H2Peer&, const PeerRequest&) { ++waiting; };
  b.open([](LaneOptions& o) {
    o.connections_max = 1;
    o.warm_up = false;
  });
  for (std::uint64_t tag = 0; tag < 20; ++tag) b.send(tag, 100ms);
  b.flush();
  REQUIRE(b.until([&] { return waiting == 5; }));
  REQUIRE(b.answered(20));  // five that were written, and fifteen that never found a stream
  int maybe_sent = 0;
  for (const auto& [tag, reply] : b.answers.by_tag) {
    CHECK(reply.response.error().code == Errc::Timeout);
    maybe_sent += reply.maybe_sent;
  }
  // Streams that time out make room for others, so more than five may have been written in the end.
  CHECK(maybe_sent >= 5);
  CHECK(b.metrics.timeouts.read() == 20);
}

TEST_CASE("lane: grows while all streams are busy and shrinks when idle", "[net][lane]") {
  Bench b({.settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}}});
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

TEST_CASE("lane: a full queue says so, and not from inside send()", "[net][lane]") {
  Bench b;
  b.open([](LaneOptions& o) { o.queue_max = 3; });
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

TEST_CASE("lane: SETTINGS may take streams away and give them back", "[net][lane]") {
  Bench b;
  b.open([](LaneOptions& o) { o.connections_max = 1; });
  b.warm();
  b.peer.peer(0).settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0}});
  b.peer.flush(0);
  REQUIRE(b.until([&] { return b.metrics.streams_limit.read() == 0; }));
  b.send(1);
  b.send(2, 30ms);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(2) == Errc::Timeout);
  CHECK_FALSE(b.answers.maybe_sent(2));
  b.peer.peer(0).settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1}});
  b.peer.flush(0);
  REQUIRE(b.answered(2));
  CHECK(b.answers.ok(1));
  CHECK(b.peer.connections() == 1);
}

TEST_CASE("lane: a refused stream is tried elsewhere", "[net][lane]") {
  Bench b({.settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}}});
  b.script = [&](std::size_t number, H2Peer& p, const PeerRequest& r) {
    if (number == 0 && r.header(":path") == "/3/device/7")
      p.reset(r.stream, NGHTTP2_REFUSED_STREAM);
    else
      p.respond(r.stream, 200);
  };
  b.open([](LaneOptions& o) { o.connections_min = 2; });
  b.warm();
  REQUIRE(b.until([&] { return b.metrics.connections.read() == 2; }));
  for (int i = 0; i < 20; ++i) {  // whichever connection it takes first
    b.send(7);
    b.flush();
    REQUIRE(b.answered(1));
    CHECK(b.answers.ok(7));
    b.answers.by_tag.clear();
  }
  CHECK(b.metrics.refused.read() == b.metrics.replays.read());
}

TEST_CASE("lane: a request refused again and again is given back, surely not sent", "[net][lane]") {
  Bench b;
  b.script = [&](std::size_t, H2Peer& p, const PeerRequest& r) { p.reset(r.stream, NGHTTP2_REFUSED_STREAM); };
  b.open([](LaneOptions& o) { o.connections_max = 1; });
  b.send(1);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(1) == Errc::ConnectionLost);
  CHECK_FALSE(b.answers.maybe_sent(1));
  CHECK(b.served[0] == 4);  // once and three replays
  CHECK(b.metrics.replays.read() == 3);
}

TEST_CASE("lane: a reset that is no refusal may duplicate, and is not repeated", "[net][lane]") {
  Bench b;
  b.script = [&](std::size_t, H2Peer& p, const PeerRequest& r) { p.reset(r.stream, NGHTTP2_INTERNAL_ERROR); };
  b.open();
  b.send(1);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(1) == Errc::ConnectionLost);
  CHECK(b.answers.maybe_sent(1));
  CHECK(b.served[0] == 1);
}

TEST_CASE("lane: GOAWAY: answers below are waited for, those above go elsewhere", "[net][lane]") {
  const bool debug = GENERATE(false, true);
  const bool twice = GENERATE(false, true);
  CAPTURE(debug, twice);
  Bench b;
  std::map<std::string, std::int32_t> first;
  b.script = [&](std::size_t number, H2Peer& p, const PeerRequest& r) {
    if (number > 0 || r.header(":path") == "/3/device/1000") return p.respond(r.stream, 200);
    first[r.header(":path")] = r.stream;
    if (first.size() < 4) return;
    if (twice) p.goaway(NGHTTP2_NO_ERROR, "", kAll);
    p.goaway(NGHTTP2_NO_ERROR, debug ? R"({"reason":"Shutdown"})" : "", first["/3/device/2"]);
    p.respond(first["/3/device/1"], 200);
  };
  b.open([](LaneOptions& o) {
    o.connections_max = 1;
    o.goaway_linger = 60ms;
    o.goodbye_names_credential = [](std::string_view why) { return why.contains("Certificate"); };
  });
  b.warm();
  for (const std::uint64_t tag : {1, 2, 3, 4}) b.send(tag);
  b.flush();
  REQUIRE(b.answered(4));
  CHECK(b.answers.ok(1));
  CHECK(b.answers.ok(3));
  CHECK(b.answers.ok(4));
  CHECK(b.answers.error(2) == Errc::ConnectionLost);
  CHECK(b.answers.maybe_sent(2));
  CHECK(b.answers.by_tag.at(3).connection != b.answers.by_tag.at(1).connection);
  CHECK(b.closed(CloseReason::Goaway) == 1);
  CHECK(b.metrics.refused.read() == 2);
}

TEST_CASE("lane: a GOAWAY that blames the credential ends everything until somebody sends again", "[net][lane]") {
  Bench b;
  b.script = [&](std::size_t, H2Peer& p, const PeerRequest& r) {
    if (r.header(":path") == "/3/device/3") p.goaway(NGHTTP2_NO_ERROR, R"({"reason":"BadCertificate"})", 1);
    if (r.header(":path") == "/3/device/1000") p.respond(r.stream, 200);
  };
  b.open([](LaneOptions& o) {
    o.streams_max = 3;
    o.connections_max = 1;
    o.goodbye_names_credential = [](std::string_view why) { return why.contains("BadCertificate"); };
  });
  b.warm();
  for (const std::uint64_t tag : {1, 2, 3, 4, 5}) b.send(tag);  // three open, two queued
  b.flush();
  REQUIRE(b.answered(5));
  for (const std::uint64_t tag : {1, 2, 3, 4, 5}) {
    CHECK(b.answers.error(tag) == Errc::Unauthorized);
    CHECK(b.answers.detail(tag).contains("BadCertificate"));
  }
  CHECK_FALSE(b.answers.maybe_sent(4));
  CHECK_FALSE(b.answers.maybe_sent(5));
  b.loop.run_for(50ms);  // a storm would show
  CHECK(b.peer.connections() == 1);
  b.answers.by_tag.clear();
  b.warm();
  CHECK(b.peer.connections() == 2);
}

TEST_CASE("lane: no answer in time", "[net][lane]") {
  Bench b;
  b.script = [&](std::size_t number, H2Peer& p, const PeerRequest& r) {
    if (number > 0 || r.header(":path") == "/3/device/1000") p.respond(r.stream, 200);
  };
  b.open([](LaneOptions& o) {
    o.response_timeout = 20ms;
    o.timeouts_in_a_row_max = 2;
    o.connections_max = 1;
  });
  b.warm();
  b.send(1);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(1) == Errc::Timeout);
  CHECK(b.answers.maybe_sent(1));
  REQUIRE(b.until([&] { return b.peer.peer(0).resets.size() == 1; }));
  CHECK(b.peer.peer(0).resets.begin()->second == NGHTTP2_CANCEL);

  b.warm();  // an answer in between: no row
  b.send(2);
  b.flush();
  REQUIRE(b.answered(2));
  CHECK(b.closed(CloseReason::Timeouts) == 0);
  b.send(3);
  b.flush();
  REQUIRE(b.answered(3));
  REQUIRE(b.until([&] { return b.closed(CloseReason::Timeouts) == 1; }));
  b.send(4);
  b.flush();
  REQUIRE(b.answered(4));
  CHECK(b.answers.ok(4));  // over the new connection
}

TEST_CASE("lane: the caller's deadline is nearer than the answer", "[net][lane]") {
  Bench b;
  b.script = [&](std::size_t, H2Peer& p, const PeerRequest& r) {
    if (r.header(":path") == "/3/device/1000") p.respond(r.stream, 200);
  };
  b.open([](LaneOptions& o) { o.timeouts_in_a_row_max = 1; });
  b.warm();
  b.send(1, 20ms);
  b.send(2, -1s);  // over before it began
  b.flush();
  REQUIRE(b.answered(2));
  CHECK(b.answers.error(1) == Errc::Timeout);
  CHECK(b.answers.maybe_sent(1));
  CHECK(b.answers.error(2) == Errc::Timeout);
  CHECK(b.metrics.connections.read() == 1);  // says nothing about the connection
}

TEST_CASE("lane: a connection that stops answering PINGs is replaced", "[net][lane]") {
  Bench b;
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
    o.ping_interval = 30ms;
    o.ping_timeout = 30ms;
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
  Bench b({.settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}}, .open_windows = false});
  b.open([](LaneOptions& o) {
    o.connections_max = 1;
    o.ping_interval = 10ms;
    o.ping_timeout = 1s;
    o.response_timeout = 30ms;
    o.timeouts_in_a_row_max = 1;
  });
  b.warm();
  b.send(1, 5s, 65'000);  // all but a few bytes of the connection's window
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.ok(1));
  b.send(2, 5s, 1000);
  b.send(3, 100ms, 1000);
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
  Bench b;
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

TEST_CASE("lane: leave() ends a connection once its answers are in", "[net][lane]") {
  Bench b;
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
  b.lane->leave(first);
  b.lane->leave(first);
  b.lane->leave(999);
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
  CHECK(b.closed(CloseReason::Left) == 1);
}

TEST_CASE("lane: a connection that is cut", "[net][lane]") {
  Bench b;
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
  Bench b;
  b.open();
  b.peer.refuse_new();
  b.send(1, 100ms);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(1) == Errc::ConnectionLost);
  CHECK_FALSE(b.answers.maybe_sent(1));
  CHECK(b.answers.detail(1).contains("refused"));
  const auto tries = b.metrics.connects_failed.read();
  CHECK(tries >= 3);
  CHECK(tries < 100);  // 100 ms with delays of 4 ms on average: it backs off
}

TEST_CASE("lane: somebody silent there", "[net][lane]") {
  Bench b({.silent = true});
  b.open([](LaneOptions& o) { o.connect_timeout = 20ms; });
  b.send(1, 100ms);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(1) == Errc::ConnectionLost);
  CHECK(b.answers.detail(1).contains("too long"));
  CHECK(b.metrics.connects_failed.read() >= 1);
}

TEST_CASE("lane: options that can never work answer Unauthorized", "[net][lane]") {
  struct Row {
    const char* name;
    std::function<void(LaneOptions&)> spoil;
  };
  const Row row = GENERATE(values<Row>({
      {"no origin", [](LaneOptions& o) { o.origin = ""; }},
      {"plain http", [](LaneOptions& o) { o.origin = "http://a"; }},
      {"anchors that are none", [](LaneOptions& o) { o.ca_pem = "nonsense"; }},
      {"an unreadable certificate", [](LaneOptions& o) { o.identity = {"x", support::test_pki().client_key_pem}; }},
      {"an unreadable key", [](LaneOptions& o) { o.identity = {support::test_pki().client_pem, "x"}; }},
      {"another certificate's key",
       [](LaneOptions& o) { o.identity = {support::test_pki().client_pem, support::test_pki().server_key_pem}; }},
  }));
  CAPTURE(row.name);
  Bench b;
  b.open(row.spoil);
  b.send(1);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(1) == Errc::Unauthorized);
  CHECK(b.peer.connections() == 0);
}

TEST_CASE("lane: a request no peer could take is answered Malformed, alone", "[net][lane]") {
  Bench b;
  b.open();
  b.lane->send({.path = "no slash"}, in(5s), 1, b.answers);
  b.send(2);
  b.flush();
  REQUIRE(b.answered(2));
  CHECK(b.answers.error(1) == Errc::Malformed);
  CHECK(b.answers.ok(2));
}

TEST_CASE("lane: may be destroyed at any moment", "[net][lane]") {
  Bench b;
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
  b.until([&, stop = in(20ms)] { return std::chrono::steady_clock::now() > stop; });
  CHECK(b.answers.by_tag.size() == answered);
  CHECK(b.peer.open_connections() == 0);
}

}  // namespace nightpost::net
