// A lane on manual time whose wires end at scripted peers in memory, without delays.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "net/lane.h"
#include "net/lane_metrics.h"
#include "support/h2_peer.h"
#include "support/manual_loop.h"
#include "support/memory_wire.h"

namespace nightpost::net {

struct MemoryRig final : LaneHandler {
  using Script = std::function<void(std::size_t connection, support::H2Peer&, const support::PeerRequest&)>;

  explicit MemoryRig(const std::function<void(LaneOptions&)>& adjust = {}) {
    LaneOptions o;
    o.origin = "https://api.example";
    o.jitter_seed = 42;
    o.warm_up = false;
    if (adjust) adjust(o);
    net.on_peer = [this](support::H2Peer& peer, std::weak_ptr<support::MemoryConnection> wire) {
      peer.on_request = [this, number = connections.size()](support::H2Peer& p, const support::PeerRequest& r) {
        script(number, p, r);
      };
      connections.push_back(wire.lock());
    };
    lane.emplace(LaneGround{loop.port(), std::make_unique<support::MemoryConnector>(net)}, std::move(o), metrics);
  }
  void send(std::uint64_t tag, milliseconds deadline = seconds(30), std::size_t body = 10) {
    lane->send({.path = "/3/device/" + std::to_string(tag), .body = std::string(body, 'b')}, loop.now() + deadline, tag,
               *this);
  }
  void on_lane_reply(std::uint64_t tag, LaneReply reply) override {
    CHECK_FALSE(answers.contains(tag));  // exactly once
    answers.emplace(tag, std::move(reply));
  }

  support::ManualLoop loop;
  std::mt19937_64 random{42};
  support::MemoryNet net{.loop = loop,
                         .random = random,
                         .delay_max = milliseconds(0),
                         .settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1000}},
                         .on_peer = {}};
  Script script = [](std::size_t, support::H2Peer& p, const support::PeerRequest& r) { p.respond(r.stream, 200); };
  LaneMetrics metrics;
  std::vector<std::shared_ptr<support::MemoryConnection>> connections;  // all that ever came to a peer
  std::map<std::uint64_t, LaneReply> answers;
  std::optional<Lane> lane;  // last: goes first
};

}  // namespace nightpost::net
