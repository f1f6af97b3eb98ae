// What a response that breaks HTTP does to the lane: its stream is ended by our own output, not by what comes in.
#include <catch2/catch.hpp>

#include "net/lane.h"
#include "unit/net/lane_rig.h"

namespace nightpost::net {
namespace {

bool names(const PeerRequest& r, std::uint64_t tag) { return r.header(":path") == "/3/device/" + std::to_string(tag); }

}  // namespace

TEST_CASE("lane: a response that breaks HTTP is its own request's end, and silence after it changes nothing",
          "[net][lane]") {
  const auto broken = support::broken_responses();
  const support::BrokenResponse row = broken[GENERATE_COPY(range(std::size_t{0}, broken.size()))];
  CAPTURE(row.name);
  LaneRig b;
  b.script = [&](std::size_t, H2Peer& p, const PeerRequest& r) {
    if (names(r, 1))
      p.say(row.frames(r.stream));
    else
      p.respond(r.stream, 200, r.header(":path"));
  };
  b.open([](LaneOptions& o) {
    o.connections_max = 1;
    o.response_timeout = 100ms;
    o.timeouts_in_a_row_max = 100;
  });
  b.warm();
  b.send(1);
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(1) == Errc::ConnectionLost);  // at once, not when its time is over
  CHECK(b.answers.maybe_sent(1));
  CHECK(b.lane->open_requests() == 0);

  for (std::uint64_t tag = 2; tag < 6; ++tag) b.send(tag);  // in the first one's slot, one of them
  b.flush();
  REQUIRE(b.answered(5));
  for (std::uint64_t tag = 2; tag < 6; ++tag) {
    REQUIRE(b.answers.ok(tag));
    CHECK(b.answers.by_tag.at(tag).response->body == "/3/device/" + std::to_string(tag));
  }
  CHECK(b.lane->open_requests() == 0);
  CHECK(b.metrics.timeouts.read() == 0);
  CHECK(b.metrics.stray_answers.read() == 0);
  CHECK(b.peer.connections() == 1);  // one stream's trouble is not the connection's
}

TEST_CASE("lane: a broken response among good ones, again and again", "[net][lane]") {
  LaneRig b;
  b.script = [&](std::size_t, H2Peer& p, const PeerRequest& r) {
    const auto tag = std::stoul(r.header(":path").substr(10));
    if (tag % 3 == 0)
      p.say(support::headers_frame(r.stream, {{"apns-id", "x"}}, true));
    else if (tag % 7 != 1)  // those are never answered
      p.respond(r.stream, 200, r.header(":path"));
  };
  b.open([](LaneOptions& o) {
    o.connections_max = 1;
    o.response_timeout = 50ms;
    o.timeouts_in_a_row_max = 1000;
  });
  b.warm(1001);
  std::uint64_t sent = 0;
  b.answers.then = [&](std::uint64_t, const LaneReply&) {  // each answer's slot goes to another request at once
    if (sent >= 300) return;
    const std::uint64_t tag = sent++;
    b.lane->send({.path = "/3/device/" + std::to_string(tag)}, in(5s), tag, b.answers);
  };
  for (int i = 0; i < 20; ++i) b.send(sent++);
  b.flush();
  REQUIRE(b.answered(300));
  for (const auto& [tag, reply] : b.answers.by_tag) {
    CAPTURE(tag);
    if (tag % 3 != 0 && tag % 7 != 1) {
      REQUIRE(reply.response);
      CHECK(reply.response->body == "/3/device/" + std::to_string(tag));
      continue;
    }
    REQUIRE_FALSE(reply.response);
    CHECK(reply.response.error().code == (tag % 3 == 0 ? Errc::ConnectionLost : Errc::Timeout));
    CHECK(reply.maybe_sent);
  }
  CHECK(b.lane->open_requests() == 0);
  CHECK(b.metrics.stray_answers.read() == 0);
}

TEST_CASE("lane: a broken response to a request that waits for its window is no answer to another", "[net][lane]") {
  LaneRig b({.settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 64}},
             .open_windows = false});
  b.peer.on_connection = [&](std::size_t, H2Peer& h2) {
    h2.on_headers = [&](H2Peer& p, const PeerRequest& r) {
      if (names(r, 1)) p.say(support::headers_frame(r.stream, {{"apns-id", "x"}}, true));
    };
    h2.on_request = [&](H2Peer& p, const PeerRequest& r) { p.respond(r.stream, 200, r.header(":path")); };
  };
  b.open([](LaneOptions& o) {
    o.connections_max = 1;
    o.replays_max = 2;
  });
  b.warm();
  b.send(1, 5s, 1000);  // more than the window: its END_STREAM never leaves
  b.flush();
  REQUIRE(b.answered(1));
  CHECK(b.answers.error(1) == Errc::ConnectionLost);
  CHECK_FALSE(b.answers.maybe_sent(1));
  CHECK(b.metrics.replays.read() == 2);
  b.send(2);
  b.flush();
  REQUIRE(b.answered(2));
  CHECK(b.answers.ok(2));
  CHECK(b.lane->open_requests() == 0);
}

}  // namespace nightpost::net
