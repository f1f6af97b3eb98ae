// What becomes of requests.
#include "net/lane.h"

#include <catch2/catch.hpp>
#include <map>

#include "unit/net/lane_rig.h"

namespace nightpost::net {
namespace {
constexpr std::int32_t kEverything = 0x7fff'ffff;
}

TEST_CASE("lane: many requests, each answered once", "[net][lane]") {
  LaneRig b;
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
  LaneRig b;
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
  LaneRig b({.settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 5}}});
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

TEST_CASE("lane: a full queue says so, and not from inside send()", "[net][lane]") {
  LaneRig b;
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
  LaneRig b;
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
  LaneRig b({.settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}}});
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
  LaneRig b;
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
  LaneRig b;
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
  LaneRig b;
  std::map<std::string, std::int32_t> first;
  b.script = [&](std::size_t number, H2Peer& p, const PeerRequest& r) {
    if (number > 0 || r.header(":path") == "/3/device/1000") return p.respond(r.stream, 200);
    first[r.header(":path")] = r.stream;
    if (first.size() < 4) return;
    if (twice) p.goaway(NGHTTP2_NO_ERROR, "", kEverything);
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
  LaneRig b;
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
  LaneRig b;
  b.script = [&](std::size_t number, H2Peer& p, const PeerRequest& r) {
    if (number > 0 || r.header(":path") == "/3/device/1000") p.respond(r.stream, 200);
  };
  b.open([](LaneOptions& o) {
    o.response_timeout = 100ms;
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
  LaneRig b;
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
  LaneRig b;
  b.open(row.spoil);
  b.send(1);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(1) == Errc::Unauthorized);
  CHECK(b.peer.connections() == 0);
}

TEST_CASE("lane: a request no peer could take is answered Malformed, alone", "[net][lane]") {
  LaneRig b;
  b.open();
  b.lane->send({.path = "no slash"}, in(5s), 1, b.answers);
  b.send(2);
  b.flush();
  REQUIRE(b.answered(2));
  CHECK(b.answers.error(1) == Errc::Malformed);
  CHECK(b.answers.ok(2));
}

}  // namespace nightpost::net
