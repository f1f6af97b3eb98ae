// A lane on manual time whose connections are joined in memory with scripted peers.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/lane.h"
#include "net/lane_connection.h"
#include "net/lane_metrics.h"
#include "support/h2_peer.h"
#include "unit/net/manual_loop.h"

namespace nightpost::net {

class MemoryConnection final : public LaneConnection {
 public:
  MemoryConnection(ManualLoop& loop, std::unique_ptr<support::H2Peer> end, Options options, ConnectionOwner& owner,
                   LaneMetrics& metrics, std::uint64_t id)
      : LaneConnection(std::move(options), owner, metrics, id), peer(std::move(end)), loop_(loop) {}
  const std::unique_ptr<support::H2Peer> peer;

  /// What the peer has said goes to the lane, from the loop.
  void deliver() {
    loop_.post([weak = weak_from_this()] {
      const auto self = std::static_pointer_cast<MemoryConnection>(weak.lock());
      if (!self || self->over()) return;
      const auto bytes = self->peer->output();
      if (bytes.empty()) return;
      const bool goes_on = self->receive(bytes);
      self->hear(self->loop_.now);
      if (!goes_on || !self->session().wants_io()) self->finish();
    });
  }

 private:
  void connect(Order) override {
    loop_.post([weak = weak_from_this()] {
      const auto self = std::static_pointer_cast<MemoryConnection>(weak.lock());
      if (!self || self->over()) return;
      self->wire_is_up();
      self->deliver();
    });
  }
  std::string connect_progress() const override { return "memory"; }
  std::size_t send(std::span<const std::uint8_t> bytes) override {
    peer->feed(bytes);
    deliver();
    return bytes.size();
  }
  void shut(bool) override {
    loop_.post([weak = weak_from_this()] {
      if (const auto self = std::static_pointer_cast<MemoryConnection>(weak.lock())) self->finish();
    });
  }

  ManualLoop& loop_;
};

struct MemoryRig final : LaneHandler {
  using Script = std::function<void(std::size_t connection, support::H2Peer&, const support::PeerRequest&)>;
  struct Connector final : LaneConnector {
    explicit Connector(MemoryRig& of) : rig(of) {}
    Result<void> prepare(const Origin&, const LaneOptions&) override { return {}; }
    std::shared_ptr<LaneConnection> make(LaneConnection::Options options, ConnectionOwner& owner, LaneMetrics& counts,
                                         std::uint64_t id) override {
      auto peer = std::make_unique<support::H2Peer>(rig.peer_settings);
      const std::size_t number = rig.connections.size();
      peer->on_request = [this, number](support::H2Peer& p, const support::PeerRequest& r) {
        rig.script(number, p, r);
      };
      auto made = std::make_shared<MemoryConnection>(rig.loop, std::move(peer), std::move(options), owner, counts, id);
      rig.connections.push_back(made);
      return made;
    }
    MemoryRig& rig;
  };

  explicit MemoryRig(const std::function<void(LaneOptions&)>& adjust = {}) {
    LaneOptions o;
    o.origin = "https://api.example";
    o.jitter_seed = 42;
    o.warm_up = false;
    if (adjust) adjust(o);
    lane.emplace(LaneGround{loop.loop(), std::make_unique<Connector>(*this)}, std::move(o), metrics);
  }
  void send(std::uint64_t tag, milliseconds deadline = seconds(30), std::size_t body = 10) {
    lane->send({.path = "/3/device/" + std::to_string(tag), .body = std::string(body, 'b')}, loop.now + deadline, tag,
               *this);
  }
  void on_lane_reply(std::uint64_t tag, LaneReply reply) override {
    CHECK_FALSE(answers.contains(tag));  // exactly once
    answers.emplace(tag, std::move(reply));
  }

  ManualLoop loop;
  support::H2Peer::Settings peer_settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1000}};
  Script script = [](std::size_t, support::H2Peer& p, const support::PeerRequest& r) { p.respond(r.stream, 200); };
  LaneMetrics metrics;
  std::vector<std::shared_ptr<MemoryConnection>> connections;  // all that were ever made
  std::map<std::uint64_t, LaneReply> answers;
  std::optional<Lane> lane;  // last: goes first
};

}  // namespace nightpost::net
