// dispatch → net: one lane a (origin, credential), of the kind the vendor wants, made when first used, closed when long
// unused. One per shard, on its thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/clock_skew.h"
#include "app/config.h"
#include "app/loop_monitor.h"
#include "core/lru_cache.h"
#include "core/time.h"
#include "dispatch/ports.h"
#include "net/curl_lane.h"
#include "net/lane.h"
#include "net/name_resolver.h"
#include "net/trust_store.h"

namespace nightpost::app {

/// Templates: origin, trust anchor and identity are the route's.
struct LaneSettings {
  net::LaneOptions apns, fcm;  // Wire::Http2, by vendor
  net::CurlLaneOptions http;   // Wire::Any
  /// What becomes of a lane's connections; the route is the one that opened the lane. Empty: nobody hears.
  std::function<void(const dispatch::Route&, const net::LaneEvent&)> watch = {};
  /// What a route's HTTP/2 lane stands on. Empty: the shard's loop, TLS over TCP.
  std::function<net::LaneGround(const dispatch::Route&)> ground = {};
  SkewWatch skew = {};  // empty: nobody hears
};

/// What lanes have in common, so that none pays for it alone. Outlives them.
struct SharedByLanes {
  net::TrustStores& trust_stores;  // of the process
  net::NameResolver& names;        // of the shard; libcurl's lanes ask the system
  const std::optional<net::Proxy>& proxy;
};
LaneSettings lane_settings(const Config& config, const SharedByLanes& shared);

class LaneTransport final : public dispatch::Transport {
 public:
  /// `after_reply` is called after the answers that one lane's turn gave, so that the shard flushes and looks at its
  /// timers once per loop turn.
  LaneTransport(boost::asio::io_context& loop, LaneSettings settings, net::LaneMetrics& metrics,
                net::CurlMetrics& curl_metrics, const Clock& clock, LoopMonitor& monitor,
                std::function<void()> after_reply);

  void send(const std::shared_ptr<const dispatch::Route>& route, HttpRequest request, MonoTime deadline,
            std::uint64_t tag, dispatch::ReplyHandler& handler) override;
  void drain_connection(const dispatch::Route& route, std::uint64_t connection) override;
  void withdraw_queued(const dispatch::Route& route) override {
    withdraw(route.id, "withdrawn: its credential is left alone");
  }
  /// Likewise, for another reason.
  void withdraw(std::uint64_t route, const std::string& why);
  void flush() override;
  /// Closes lanes that have been idle for the lanes' idle_close: credentials come and go.
  void sweep();

 private:
  struct Slot final : net::LaneHandler {
    explicit Slot(LaneTransport& t) : transport(t) {}
    void on_lane_reply(std::uint64_t tag, net::LaneReply reply) override;
    bool on_lane_replies(std::span<net::LaneAnswer> answers) override;

    LaneTransport& transport;
    std::shared_ptr<const dispatch::Route> opener;  // the route that opened it
    // Exactly one of them.
    std::unique_ptr<net::Lane> h2;
    std::unique_ptr<net::CurlLane> any;
    milliseconds idle_close{0};
    MonoTime used{};
    bool dirty = false;
    SkewProbe probe;
    std::size_t open_requests() const noexcept { return h2 ? h2->open_requests() : any->open_requests(); }
  };
  static constexpr std::size_t kRoutesKnownMax = 10'000;  // each edit of a certificate makes one
  Slot& slot_for(const std::shared_ptr<const dispatch::Route>& route);
  void open(Slot& slot, const std::shared_ptr<const dispatch::Route>& route);
  void look_at_clock(Slot& slot, std::uint64_t tag, const net::LaneReply& reply);

  boost::asio::io_context& loop_;
  const LaneSettings settings_;
  net::LaneMetrics& metrics_;
  net::CurlMetrics& curl_metrics_;
  const Clock& clock_;
  LoopMonitor& monitor_;
  std::function<void()> after_reply_;
  dispatch::ReplyHandler* handler_ = nullptr;                 // the shard's one dispatcher
  std::unordered_map<std::string, Slot> lanes_;               // by origin and credential
  LruCache<std::uint64_t, Slot*> by_route_{kRoutesKnownMax};  // a shortcut; lanes_ is node-based, so slots stay put
  std::vector<Slot*> dirty_;
  std::vector<dispatch::TaggedReply> replies_;  // reused
};

}  // namespace nightpost::app
