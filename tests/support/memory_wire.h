// A lane's connections without a network: the real client session joined in memory with a scripted HTTP/2 peer. Bytes
// come in slices, after delays that the seed chose; a connection may be refused, hang, stall or break in between.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "net/lane_connection.h"
#include "support/h2_peer.h"
#include "support/manual_loop.h"

namespace nightpost::support {

class MemoryConnection;

/// What the wires of one lane do, and who sits at their far ends.
struct MemoryNet {
  ManualLoop& loop;
  std::mt19937_64& random;
  milliseconds delay_max{20};         // of a slice, each way
  unsigned refused = 0, hanging = 0;  // percent of connects
  unsigned stalls = 0;                // percent of writes that find the wire full
  std::size_t slice_max = 16'384;
  H2Peer::Settings settings;
  bool open_windows = true;
  std::size_t open = 0;  // wires that are not shut
  /// Sets the hooks of a new peer. `wire` is its connection.
  std::function<void(H2Peer&, std::weak_ptr<MemoryConnection> wire)> on_peer;

  std::uint64_t dice(std::uint64_t sides) { return random() % sides; }
  bool chance(unsigned percent) { return dice(100) < percent; }
  milliseconds delay() { return milliseconds(dice(static_cast<std::uint64_t>(delay_max.count()) + 1)); }
};

class MemoryConnection final : public net::LaneConnection {
 public:
  MemoryConnection(MemoryNet& net, Options options, net::ConnectionOwner& owner, net::LaneMetrics& metrics,
                   std::uint64_t id)
      : LaneConnection(std::move(options), owner, metrics, id), net_(net) {}

  /// The far end. REQUIRED: it was connected.
  H2Peer& peer() { return far_->peer; }
  /// The peer has more to say than it was asked for.
  void pump_peer();
  /// The wire breaks: what is on its way is lost.
  void snap();

 private:
  /// The far end: takes what was written although the near end has gone since.
  struct Far {
    Far(const H2Peer::Settings& settings, bool open_windows) : peer(settings, open_windows) {}
    H2Peer peer;
    bool snapped = false;
  };
  std::shared_ptr<MemoryConnection> self() { return std::static_pointer_cast<MemoryConnection>(shared_from_this()); }
  void connect(net::Order order) override;
  std::string connect_progress() const override { return "a wire in memory"; }
  std::size_t send(std::span<const std::uint8_t> bytes) override;
  void shut(bool politely) override;
  void fail_later(milliseconds delay, const char* why);
  void deliver(std::vector<std::uint8_t> bytes);

  MemoryNet& net_;
  std::shared_ptr<Far> far_;  // shared with the bytes on their way to it
  MonoTime there_at_{}, here_at_{};
  bool shut_ = false;
};

class MemoryConnector final : public net::LaneConnector {
 public:
  explicit MemoryConnector(MemoryNet& net) : net_(net) {}
  Result<void> prepare(const net::Origin&, const net::LaneOptions&) override { return {}; }
  std::shared_ptr<net::LaneConnection> make(net::LaneConnection::Options options, net::ConnectionOwner& owner,
                                            net::LaneMetrics& metrics, std::uint64_t id) override {
    ++net_.open;
    return std::make_shared<MemoryConnection>(net_, std::move(options), owner, metrics, id);
  }

 private:
  MemoryNet& net_;
};

}  // namespace nightpost::support
