// A seeded world around a real Lane, on manual time: wires that stall and break, a vendor that does what it likes. It
// checks what must always hold while it happens, and throws Violation when it does not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "net/lane_metrics.h"
#include "sim/faulty_vendor.h"
#include "sim/judge.h"

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
  void met(const char* fault) { ++tally_.faults[fault]; }
  void send_some();
  void on_lane_reply(std::uint64_t tag, net::LaneReply reply) override;
  void act_on(const support::PeerRequest& asked);
  FaultyVendor::Answer answer(const support::PeerRequest& asked);
  void check() const;

  std::mt19937_64 random_;
  support::ManualLoop loop_;
  net::LaneMetrics metrics_;
  net::LaneOptions options_;
  support::MemoryNet net_{.loop = loop_, .random = random_, .settings = {}, .on_peer = {}};
  FaultyVendor vendor_{net_};
  std::map<std::uint64_t, Request> requests_;
  std::size_t to_send_ = 0, open_ = 0;
  bool inside_call_ = false;
  LaneTally tally_;
  std::unique_ptr<net::Lane> lane_;  // last: goes first
};

}  // namespace nightpost::sim
