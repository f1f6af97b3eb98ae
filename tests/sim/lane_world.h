// A seeded world around a real Lane, on manual time: peers that refuse, reset, send away, fall silent, shut windows,
// take streams away and break off. It checks what must always hold while it happens, and throws Violation when it does
// not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "net/lane_metrics.h"
#include "sim/memory_wire.h"
#include "sim/world.h"

namespace nightpost::sim {

struct LaneTally {
  std::uint64_t requests = 0, answered = 0, unsent = 0, unknown = 0, replays = 0, connections = 0;
  std::map<std::string, std::uint64_t, std::less<>> faults;  // what befell requests and connections
  void add(const LaneTally& other);
};

class LaneWorld final : private net::LaneHandler {
 public:
  explicit LaneWorld(std::uint64_t seed);
  /// Throws Violation.
  LaneTally run();

 private:
  struct Request {
    MonoTime deadline{};
    int processed = 0;      // how often the peer acted on it
    bool answered = false;  // to who sent it
    bool maybe_sent = true;
    int status = 0;  // what the peer said
  };
  void must(bool holds, const std::string& what) const {
    if (!holds) throw Violation(what);
  }
  void met(const char* fault) { ++tally_.faults[fault]; }
  void send_some();
  void on_lane_reply(std::uint64_t tag, net::LaneReply reply) override;
  void serve(support::H2Peer& peer, const support::PeerRequest& asked, const std::weak_ptr<MemoryConnection>& wire);
  void answer(support::H2Peer& peer, std::int32_t stream, std::uint64_t tag,
              const std::weak_ptr<MemoryConnection>& wire);
  void check() const;

  std::mt19937_64 random_;
  ManualLoop loop_;
  net::LaneMetrics metrics_;
  net::LaneOptions options_;
  MemoryNet net_{.loop = loop_, .random = random_, .settings = {}, .on_peer = {}};
  unsigned trouble_ = 0;  // percent of requests that are not answered with 200 at once
  std::map<std::uint64_t, Request> requests_;
  struct Streams {
    std::int32_t processed = 0;           // the highest that the peer acted on
    std::int32_t accepted = 0x7fff'ffff;  // of its GOAWAY: what is above it is not processed
  };
  std::map<const support::H2Peer*, Streams> streams_;
  std::size_t to_send_ = 0, open_ = 0;
  bool inside_call_ = false;
  LaneTally tally_;
  std::unique_ptr<net::Lane> lane_;  // last: goes first
};

}  // namespace nightpost::sim
