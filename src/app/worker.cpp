#include "app/worker.h"

#include <filesystem>
#include <thread>

#include "store/sealer.h"

namespace nightpost::app {
namespace {

/// Waits in small steps for another thread's work; true if it came to be in time.
template <class Condition>
bool wait_until(milliseconds limit, Condition condition) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<store::Store>> open_store(const Config& config, bool with_secrets) {
  std::shared_ptr<const store::Sealer> sealer;
  if (with_secrets) {
    auto opened = store::Sealer::from_file_or_environment(config.master_key_file);
    if (!opened) return std::unexpected(opened.error());
    sealer = *std::move(opened);
  }
  std::error_code ignored;  // open_sqlite says what is wrong with the path
  if (const auto folder = std::filesystem::path(config.store_path).parent_path(); !folder.empty())
    std::filesystem::create_directories(folder, ignored);
  return store::open_sqlite(config.store_path, std::move(sealer), config.store);
}

Worker::Worker(const Config& config) : config_(config), grants_(config_.grants) {}

Result<std::unique_ptr<Worker>> Worker::start(const Config& config, const Clock& clock, observe::Log& log,
                                              Handlers handlers) {
  std::unique_ptr<Worker> worker(new Worker(config));
  const auto fatal = [&log, on_fatal = handlers.on_fatal](Error error) {
    log.error("worker.fatal", {observe::kv("code", name_of(error.code)), observe::kv("detail", error.detail)});
    on_fatal(std::move(error));
  };

  kafka::ProducerOptions producing = config.producer;
  producing.kafka.log = &log;
  producing.on_refused = [&log](const Error& error, const std::string& topic) {
    log.error("worker.refused", {observe::kv("topic", topic), observe::kv("detail", error.detail)});
  };
  auto producer = kafka::Producer::start(std::move(producing), fatal, worker->metrics_.producer);
  if (!producer) return std::unexpected(producer.error());
  worker->producer_ = *std::move(producer);

  for (std::size_t i = 0; i < config.shards; ++i) {
    auto store = open_store(config, true);
    if (!store) return std::unexpected(store.error());
    worker->shards_.push_back(
        std::make_unique<Shard>(worker->config_, *std::move(store), worker->grants_, worker->trust_stores_,
                                worker->settlers_.emplace_back(*worker->producer_, worker->config_.topics), clock, log,
                                worker->metrics_.shards.emplace_back()));
  }

  kafka::ConsumerHandlers on;
  Worker* self = worker.get();
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
  auto consumer = kafka::Consumer::start(std::move(consuming), std::move(on), worker->metrics_.consumer);
  if (!consumer) return std::unexpected(consumer.error());
  worker->consumer_ = *std::move(consumer);
  for (KafkaSettler& settler : worker->settlers_) settler.connect(*worker->consumer_);
  for (const auto& shard : worker->shards_) shard->start();  // from here on batches are taken up

  auto receipts = start_receipts(worker->config_, clock, log, fatal, worker->metrics_.receipts);
  if (!receipts) return std::unexpected(receipts.error());
  worker->receipts_ = *std::move(receipts);
  return worker;
}

Worker::~Worker() {
  // Shards first: nothing may release a record into a consumer that is gone.
  for (const auto& shard : shards_) shard->stop();
  consumer_.reset();
}

bool Worker::drain() {
  draining_ = true;
  receipts_.reset();  // vendors repeat, to whoever comes next
  consumer_->stop_fetching();
  bool settled = wait_until(config_.drain_limit, [&] { return consumer_->in_flight() == 0; });
  if (!settled) {
    // What is in the air still gets its answer; the rest goes to whoever comes next.
    for (const auto& shard : shards_) shard->hand_back([](kafka::Stay) { return true; });
    wait_until(config_.drain_limit / 2, [&] {
      return std::ranges::all_of(shards_, [](const auto& shard) { return shard->pushes_in_flight() == 0; });
    });
  }
  producer_->flush(config_.drain_limit);
  consumer_->stop();
  return settled;
}

}  // namespace nightpost::app
