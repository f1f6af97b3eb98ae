// One thread, one loop: a dispatcher with its own lanes, caches and store connection. Nothing is shared on the way of a
// push but the producer, the grant book and the signers' ledger.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "app/clock_skew.h"
#include "app/config.h"
#include "app/grant_fetcher.h"
#include "app/lane_transport.h"
#include "app/loop_monitor.h"
#include "app/ops_log.h"
#include "app/ports.h"
#include "app/postgres_source.h"
#include "app/shard_core.h"
#include "app/store_feed.h"
#include "dispatch/metrics.h"
#include "dispatch/signer_ledger.h"
#include "net/asio_loop.h"
#include "net/curl_metrics.h"
#include "net/lane_metrics.h"
#include "observe/log.h"
#include "resolve/grant_book.h"
#include "resolve/resolver.h"
#include "resolve/resolver_metrics.h"
#include "store/store.h"

namespace nightpost::app {

struct ShardMetrics {
  dispatch::Metrics dispatch;
  resolve::ResolverMetrics resolve;
  net::LaneMetrics lanes;
  net::CurlMetrics curl_lanes;   // of pushes
  net::CurlMetrics grant_lanes;  // of token endpoints
  GrantMetrics grants;
  LoopMetrics loop;
  SkewMetrics skew;
};

/// What a shard looks receivers up in: a connection to a file, or a server (config.store_url) and the feed of it.
struct ShardStore {
  std::unique_ptr<store::Store> file;  // null: the server
  StoreFeed* feed = nullptr;           // REQUIRED: loaded, and stopped before the shard goes
};

class Shard {
 public:
  /// Borrows everything but the store and the tracer; `settler` is this shard's alone. `tracer` null: nothing is
  /// traced.
  Shard(const Config& config, ShardStore store, TokenRemover& remover, resolve::GrantBook& grants,
        net::TrustStores& trust_stores, dispatch::SignerLedger& signers, dispatch::RecallBook& recalls,
        KafkaSettler& settler, const Clock& clock, observe::Log& log, ShardMetrics& metrics,
        std::unique_ptr<dispatch::Tracer> tracer = nullptr);
  ~Shard();  // as stop()

  void start();
  /// Any thread: hands a batch over. Batches that find no room wait; their number is bounded by the consumer's limits.
  /// What is not accepted when the shard goes is given back.
  void enqueue(std::unique_ptr<kafka::Batch> batch);
  /// Any thread: gives back what is not yet in the air.
  void hand_back(std::function<bool(kafka::Stay)> which);
  /// Any thread: the settler has room again.
  void on_room();
  /// Requests in the air, dead tokens that are being removed, and outcomes that the producer does not have yet. 0: a
  /// flush of the producer takes all along.
  std::size_t pushes_in_flight() const noexcept {
    const std::size_t in_the_air =
        metrics_.dispatch.pushes_in_flight.read() + metrics_.dispatch.removals_waiting.read();
    std::atomic_thread_fence(std::memory_order_acquire);  // with that of KafkaSettler::outcome()
    return in_the_air + settler_.unflushed();
  }
  void stop();
  LoopMonitor& monitor() noexcept { return monitor_; }
  /// Why it has no connection to the server that is the store; empty: it has, or the store is a file. Any thread.
  std::string store_trouble() const { return server_ ? server_->trouble() : std::string(); }

 private:
  void arm_sweep();
  void arm_beat();
  SkewWatch skew_watch();

  ShardMetrics& metrics_;
  const milliseconds skew_warn_;
  const Clock& clock_;
  const CoarseClock coarse_clock_;
  LoopMonitor monitor_;
  KafkaSettler& settler_;
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{loop_.get_executor()};
  net::AsioLoop turns_{loop_};
  OpsLog ops_;
  std::unique_ptr<store::Store> file_;
  std::optional<StoreSource> file_source_;
  std::optional<PostgresSource> server_;
  TimedSource timed_source_;
  resolve::Resolver resolver_;
  net::NameResolver names_;
  LaneSettings lanes_;
  GrantFetcher fetcher_;
  ResolverPorts ports_;
  std::unique_ptr<dispatch::Tracer> tracer_;
  LaneTransport transport_;
  ShardCore core_;
  boost::asio::steady_timer sweep_timer_{loop_};
  boost::asio::steady_timer beat_timer_{loop_};
  std::thread thread_;
};

}  // namespace nightpost::app
