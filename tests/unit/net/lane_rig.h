// A lane, a scripted peer over TLS on loopback, and who waits for the answers; the waits are options of a few ms.
#pragma once

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "net/lane.h"
#include "net/lane_metrics.h"
#include "support/h2_peer.h"

namespace nightpost::net {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using support::H2Peer;
using support::PeerRequest;
using support::TlsPeer;
using support::TlsPeerOptions;

inline MonoTime in(milliseconds time) { return std::chrono::steady_clock::now() + time; }

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

inline LaneOptions quick(std::uint16_t port) {
  LaneOptions o;
  o.origin = "https://localhost:" + std::to_string(port);
  o.ca_pem = support::test_pki().ca_pem;
  o.reconnect_first = 4ms;
  o.reconnect_max = 8ms;
  o.grow_after = 5ms;
  o.jitter_seed = 42;
  return o;
}

struct LaneRig {
  explicit LaneRig(TlsPeerOptions peer_options = {}) : peer(loop, std::move(peer_options)) {
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

}  // namespace nightpost::net
