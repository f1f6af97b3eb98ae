#include "app/worker.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "app/drain_plan.h"
#include "app/wait_until.h"
#include "store/postgres.h"
#include "store/sealer.h"

namespace nightpost::app {
namespace {

/// Null: without secrets.
Result<std::shared_ptr<const store::Sealer>> open_sealer(const Config& config, bool with_secrets) {
  if (!with_secrets) return nullptr;
  return store::Sealer::from_file_or_environment(config.master_key_file);
}

}  // namespace

Result<std::unique_ptr<store::Store>> open_store(const Config& config, bool with_secrets) {
  auto sealer = open_sealer(config, with_secrets);
  if (!sealer) return std::unexpected(std::move(sealer.error()));
  if (config.store_url.kind == store::StoreUrl::Kind::Postgres)
    return store::open_postgres(config.store_url.place, *std::move(sealer), config.store);
  std::error_code ignored;  // open_sqlite says what is wrong with the path
  if (const auto folder = std::filesystem::path(config.store_url.place).parent_path(); !folder.empty())
    std::filesystem::create_directories(folder, ignored);
  return store::open_sqlite(config.store_url.place, *std::move(sealer), config.store);
}

Result<std::unique_ptr<store::Store>> attach_store(const Config& config, bool with_secrets) {
  if (config.store_url.kind != store::StoreUrl::Kind::Postgres) return open_store(config, with_secrets);
  auto sealer = open_sealer(config, with_secrets);
  if (!sealer) return std::unexpected(std::move(sealer.error()));
  return store::attach_postgres(config.store_url.place, *std::move(sealer), config.store);
}

Result<std::unique_ptr<StoreFeed>> start_feed(const Config& config, observe::Log& log, StoreFeedMetrics& metrics) {
  auto sealer = open_sealer(config, true);
  if (!sealer) return std::unexpected(std::move(sealer.error()));
  StoreFeed::Parts parts{
      .open =
          [url = config.store_url.place, options = config.store, sealer = *sealer](std::stop_token stop) mutable {
            options.stop = std::move(stop);
            return store::open_postgres(url, sealer, options);
          },
      .writable = store::check_writable,
      .addresses = [url = config.store_url.place] { return store::look_up_hosts(url); }};
  return std::make_unique<StoreFeed>(std::move(parts), config.feed, log, metrics);
}

Result<void> check_store_folder(const Config& config) {
  const std::filesystem::path folder = std::filesystem::path(config.store_url.place).parent_path();
  if (std::error_code ignored; !folder.empty() && !std::filesystem::is_directory(folder, ignored))
    return fail(Errc::NotFound, "store.url: the folder " + folder.string() +
                                    " is not there; correct it, mount it, or make the store with nightpost cert add");
  return {};
}

Worker::Worker(const Config& config)
    : config_(config), grants_(config_.grants), recalls_(config_.dispatch.recalls_max, config_.dispatch.recalls_kept) {}

Result<std::unique_ptr<Worker>> Worker::start(const Config& config, const Clock& clock, observe::Log& log,
                                              Handlers handlers, std::unique_ptr<StoreFeed> feed) {
  Config ready = config;
  auto proxy = open_proxy(config.proxy);
  if (!proxy) return std::unexpected(std::move(proxy.error()));
  ready.proxy.through = *std::move(proxy);
  std::unique_ptr<Worker> worker(new Worker(ready));
  worker->feed_ = std::move(feed);
  Config stoppable = worker->config_;
  stoppable.store.stop = worker->stopping_.get_token();
  const auto fatal = [&log, on_fatal = handlers.on_fatal](Error error) {
    log.error("worker.fatal", {observe::kv("code", name_of(error.code)), observe::kv("detail", error.detail)});
    on_fatal(std::move(error));
  };

  if (config.trace.enabled)
    worker->trace_ = std::make_unique<TraceRecorder>(config.trace, trace_path(config.trace, config.store_url), clock,
                                                     log, worker->metrics_.trace);

  kafka::ProducerOptions producing = config.producer;
  producing.kafka.log = &log;
  producing.watched = {config.topics.results, config.topics.dead};
  producing.watched.insert(producing.watched.end(), config.topics.retry.begin(), config.topics.retry.end());
  auto producer = kafka::Producer::start(std::move(producing), fatal, worker->metrics_.producer);
  if (!producer) return std::unexpected(producer.error());
  worker->producer_ = *std::move(producer);

  auto removals = attach_store(stoppable, false);
  if (!removals) return std::unexpected(removals.error());
  worker->remover_.emplace(*std::move(removals), config.removals);

  auto holds = attach_store(stoppable, false);
  if (!holds) return std::unexpected(holds.error());
  worker->keeper_.emplace(*std::move(holds), worker->signers_,
                          RemovalKeeperOptions{.worker = worker_name(),
                                               .kept_max = config.dispatch.removals_kept_max,
                                               .kept_for = config.dispatch.removals_kept,
                                               .removals = config.dispatch},
                          clock, log, worker->metrics_.removals);
  worker->keeper_->start();

  Worker* self = worker.get();
  for (std::size_t i = 0; i < config.shards; ++i) {
    ShardStore store{.feed = worker->feed_.get()};
    if (store.feed == nullptr) {
      auto file = open_store(config, true);
      if (!file) return std::unexpected(file.error());
      store.file = *std::move(file);
    }
    kafka::ProduceCredit& credit =
        worker->producer_->open_credit(config.shards, [self, i] { self->shards_[i]->on_room(); });
    std::unique_ptr<dispatch::Tracer> tracer;
    if (worker->trace_) tracer = std::make_unique<ShardTracer>(*worker->trace_, worker_name(), worker->config_.topics);
    worker->shards_.push_back(std::make_unique<Shard>(
        worker->config_, std::move(store), *worker->remover_, worker->grants_, worker->trust_stores_, worker->signers_,
        worker->recalls_, worker->settlers_.emplace_back(*worker->producer_, credit, worker->config_.topics), clock,
        log, worker->metrics_.shards.emplace_back(), std::move(tracer)));
  }

  kafka::ConsumerHandlers on;
  on.on_batch = [self](std::size_t shard, std::unique_ptr<kafka::Batch> batch) {
    self->shards_[shard]->enqueue(std::move(batch));
  };
  on.on_first_assignment = [self, on_ready = handlers.on_ready] {
    self->ready_ = true;
    on_ready();
  };
  on.on_revoked = [self](std::vector<kafka::Stay> ended) {
    const auto has_ended = [ended = std::move(ended)](kafka::Stay stay) {
      return std::ranges::find(ended, stay) != ended.end();
    };
    for (const auto& shard : self->shards_) shard->hand_back(has_ended);
  };
  on.on_fatal = fatal;
  kafka::ConsumerOptions consuming = config.consumer;
  consuming.kafka.log = &log;
  consuming.topic = config.topics.offline;
  for (std::size_t tier = 0; tier < dispatch::kTiers; ++tier)
    consuming.delay_topics.push_back({config.topics.retry[tier], dispatch::delay_of(dispatch::Tier(tier))});
  consuming.commit_wait = commit_wait_of(config.drain_limit, consuming.commit_wait);
  auto consumer = kafka::Consumer::start(std::move(consuming), std::move(on), worker->metrics_.consumer);
  if (!consumer) return std::unexpected(consumer.error());
  worker->consumer_ = *std::move(consumer);
  for (const auto& shard : worker->shards_) shard->start();  // from here on batches are taken up

  auto receipts =
      start_receipts(stoppable, worker->signers_, clock, log, fatal, worker->metrics_.receipts, worker->trace_.get());
  if (!receipts) return std::unexpected(receipts.error());
  worker->receipts_ = *std::move(receipts);
  return worker;
}

Worker::~Worker() {
  stopping_.request_stop();  // nothing waits for a server any more
  receipts_.reset();
  if (feed_) feed_->stop();
  // Shards first: what they settle in their last turn is still committed. None of them waits for the producer.
  for (const auto& shard : shards_) shard->stop();
  if (remover_) remover_->stop();
  if (keeper_) keeper_->stop();
  for (KafkaSettler& settler : settlers_) settler.disconnect();
  consumer_.reset();
  if (producer_) producer_->drop_holds_at_end();  // nobody commits any more
}

bool Worker::drain(MonoTime deadline) {
  const MonoTime start = std::chrono::steady_clock::now();
  const DrainPlan plan =
      plan_drain(start, std::max(std::chrono::floor<milliseconds>(deadline - start), milliseconds(0)),
                 !config_.consumer.group_instance_id.empty());
  receipts_.reset();  // vendors repeat, to whoever comes next
  consumer_->stop_fetching();
  const bool settled = wait_until(plan.answered, [&] { return consumer_->in_flight() == 0; });
  if (!settled) {
    // What is in the air still gets its answer; the rest goes to whoever comes next.
    for (const auto& shard : shards_) shard->hand_back([](kafka::Stay) { return true; });
    wait_until(plan.handed_back, [&] {
      return std::ranges::all_of(shards_, [](const auto& shard) { return shard->pushes_in_flight() == 0; });
    });
  }
  const auto left = std::chrono::floor<milliseconds>(plan.flushed - std::chrono::steady_clock::now());
  producer_->flush(std::max(left, milliseconds(0)));
  consumer_->stop();
  if (keeper_) keeper_->stop();  // its last look, while the store's server is still waited for
  return settled;
}

std::vector<Unready> Worker::unready() const {
  std::vector<Unready> all;
  if (!ready_) all.push_back({"kafka", "no partitions yet"});
  // One broker of several that refuses us is in the log; the worker goes on with the others.
  const bool cut_off = !ready_ || kafka::read(metrics_.consumer.brokers_down) == 1;
  if (cut_off)
    for (const auto& troubles : {consumer_->connection_troubles(), producer_->connection_troubles()})
      for (const kafka::ConnectionTrouble& trouble : troubles) {
        const std::string part = "broker " + trouble.broker;
        if (std::ranges::find(all, part, &Unready::part) == all.end())
          all.push_back({part, std::string(name_of(trouble.why)) + " (" + trouble.words + "); " + trouble.todo});
      }
  for (const kafka::TopicTrouble& trouble : producer_->troubles())
    all.push_back({"topic " + trouble.topic, std::string(name_of(trouble.why)) + " (" + trouble.words + "); " +
                                                 std::string(remedy_of(trouble.why))});
  std::vector<std::string> store{feed_ ? feed_->trouble() : ""};
  for (const auto& shard : shards_) store.push_back(shard->store_trouble());
  if (const auto said = std::ranges::find_if_not(store, &std::string::empty); said != store.end())
    all.push_back({"store", *said});
  return all;
}

}  // namespace nightpost::app
