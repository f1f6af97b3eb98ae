// The dispatcher: consumer → shards → producer, wired. Used by `nightpost worker` and by the demo.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/ports.h"
#include "app/receipt_listener.h"
#include "app/removal_keeper.h"
#include "app/service.h"
#include "app/shard.h"
#include "app/store_feed.h"
#include "app/token_remover.h"
#include "app/trace_recorder.h"
#include "core/result.h"
#include "dispatch/signer_ledger.h"
#include "kafka/consumer.h"
#include "kafka/metrics.h"
#include "kafka/producer.h"
#include "net/trust_store.h"
#include "observe/log.h"
#include "observe/metrics_page.h"
#include "resolve/grant_book.h"

namespace nightpost::app {

struct WorkerMetrics {
  kafka::ConsumerMetrics consumer;
  kafka::ProducerMetrics producer;
  std::deque<ShardMetrics> shards;  // a deque: atomics do not move
  ReceiptMetrics receipts;
  RemovalKeeperMetrics removals;
  TraceMetrics trace;
};
/// Every series the worker exports, reading `metrics` at each scrape.
void register_metrics(observe::MetricsPage& page, const WorkerMetrics& metrics, const dispatch::SignerLedger& signers,
                      const dispatch::RecallBook& recalls);

void register_store_feed(observe::MetricsPage& page, const StoreFeedMetrics& metrics);

class Worker {
 public:
  /// Of the topics it writes to, as ProducerOptions::watched has them: the names of their keys in kafka.topics.
  static constexpr std::array kTopicRoles = {"results", "dead", "retry_10s", "retry_1m", "retry_10m", "retry_1h"};
  /// Likewise of those it reads, by kafka::TopicPartition::topic.
  static constexpr std::array kSourceRoles = {"offline", "retry_10s", "retry_1m", "retry_10m", "retry_1h"};
  struct Handlers {
    std::function<void()> on_ready;       // the first assignment has come; on the consumer's thread
    std::function<void(Error)> on_fatal;  // it cannot go on and nothing more is committed; any thread
  };
  /// Io: the store cannot be opened, or Kafka's settings are refused. Unauthorized: the master key. Those of a file
  /// that is named in the configuration.
  /// `feed`, of start_feed() and loaded, is the worker's from here on; null where the store is a file.
  static Result<std::unique_ptr<Worker>> start(const Config& config, const Clock& clock, observe::Log& log,
                                               Handlers handlers, std::unique_ptr<StoreFeed> feed = nullptr);
  ~Worker();

  /// Stops fetching, lets what is in flight finish, hands back the rest, commits, all by one deadline (drain_plan.h).
  /// Blocks. True: all that was taken is settled.
  bool drain() { return drain(std::chrono::steady_clock::now() + config_.drain_limit); }
  bool drain(MonoTime deadline);
  /// Why it should not be counted on: no partitions yet, a topic that takes nothing, a store that does not answer. Any
  /// thread.
  std::vector<Unready> unready() const;
  /// Its shards' loops, in their order. Any thread, one at a time.
  std::size_t shards() const noexcept { return shards_.size(); }
  LoopMonitor::Report loop_report(std::size_t shard, MonoTime now) { return shards_[shard]->monitor().report(now); }
  const WorkerMetrics& metrics() const noexcept { return metrics_; }
  const dispatch::SignerLedger& signers() const noexcept { return signers_; }
  const dispatch::RecallBook& recalls() const noexcept { return recalls_; }
  /// Where vendors post their receipts; 0: nowhere.
  std::uint16_t receipts_port() const noexcept { return receipts_ ? receipts_->port() : std::uint16_t{0}; }
  /// When the certificate ends that is shown there; nullopt: none is.
  std::optional<WallTime> receipts_certificate_ends() const noexcept {
    return receipts_ ? receipts_->certificate_ends() : std::nullopt;
  }

 private:
  explicit Worker(const Config& config);

  const Config config_;
  WorkerMetrics metrics_;
  std::atomic<bool> ready_ = false;
  net::TrustStores trust_stores_;
  resolve::GrantBook grants_;
  std::unique_ptr<TraceRecorder> trace_;  // null: switched off
  dispatch::SignerLedger signers_;
  dispatch::RecallBook recalls_;
  std::unique_ptr<kafka::Producer> producer_;
  std::stop_source stopping_;  // of waits for a server that is the store
  std::unique_ptr<StoreFeed> feed_;
  std::deque<KafkaSettler> settlers_;  // one a shard; a deque: they do not move
  std::optional<TokenRemover> remover_;
  std::optional<RemovalKeeper> keeper_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<kafka::Consumer> consumer_;
  std::unique_ptr<ReceiptListener> receipts_;
};

/// Of a store that is a server. Unauthorized: the master key. `log` and `metrics` are borrowed.
Result<std::unique_ptr<StoreFeed>> start_feed(const Config& config, observe::Log& log, StoreFeedMetrics& metrics);

/// The store that `config` names, one connection. `with_secrets`: whether the master key is needed.
Result<std::unique_ptr<store::Store>> open_store(const Config& config, bool with_secrets);
/// Likewise, for a process whose feed has opened it: a server is asked nothing yet.
Result<std::unique_ptr<store::Store>> attach_store(const Config& config, bool with_secrets);
/// NotFound: the folder of the SQLite file is not there. A new store would know no app, and every event would be a dead
/// letter. In a folder that is there it may be the first start; where even that is missing the path is wrong, or a
/// volume is not mounted.
Result<void> check_store_folder(const Config& config);

}  // namespace nightpost::app
