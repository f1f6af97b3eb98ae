// Asks vendors' token endpoints for grants, as the grant book orders. One per shard, on its thread.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "app/clock_skew.h"
#include "core/counter.h"
#include "core/result.h"
#include "core/time.h"
#include "net/curl_lane.h"
#include "net/curl_metrics.h"
#include "resolve/grant_book.h"
#include "resolve/resolver.h"

namespace nightpost::app {

struct GrantMetrics {
  Counter fetches;                                          // begun
  std::array<Counter, std::size_t(Errc::Io) + 1> failures;  // by Errc
  Counter waiting;                                          // gauge: credentials whose pushes wait for a grant
};

class GrantFetcher final : private net::LaneHandler {
 public:
  /// What becomes of a lane's connections; the certificate is the one that opened the lane.
  using Watch = std::function<void(const Certificate&, const net::LaneEvent&)>;
  /// `watch` and `skew` empty: nobody hears. Token endpoints are where signed assertions go, so each answer's clock is
  /// looked at.
  GrantFetcher(boost::asio::io_context& loop, net::CurlLaneOptions lanes, milliseconds deadline,
               resolve::GrantBook& book, const Clock& clock, net::CurlMetrics& lane_metrics, GrantMetrics& metrics,
               Watch watch = {}, SkewWatch skew = {});

  /// Settles the order by the deadline and tells who waits, from the loop.
  void fetch(resolve::GrantOrder order, std::shared_ptr<const resolve::ReadyCertificate> certificate);
  /// Closes lanes that were not used for the lanes' idle_close.
  void sweep();

 private:
  struct Slot {
    std::unique_ptr<net::CurlLane> lane;
    MonoTime used{};
  };
  struct Flight {
    resolve::GrantOrder order;
    std::shared_ptr<const resolve::ReadyCertificate> certificate;  // its authorizer reads the answer
    WallTime sent;
  };
  void on_lane_reply(std::uint64_t tag, net::LaneReply reply) override;

  boost::asio::io_context& loop_;
  const net::CurlLaneOptions options_;
  const milliseconds deadline_;
  resolve::GrantBook& book_;
  const Clock& clock_;
  net::CurlMetrics& lane_metrics_;
  GrantMetrics& metrics_;
  const Watch watch_;
  const SkewWatch skew_;
  std::unordered_map<std::uint64_t, Flight> flights_;  // at most one a signer
  std::uint64_t last_tag_ = 0;
  std::unordered_map<std::string, Slot> lanes_;  // by origin and trust anchor
};

}  // namespace nightpost::app
