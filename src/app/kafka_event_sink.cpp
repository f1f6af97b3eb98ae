#include "app/kafka_event_sink.h"

#include <utility>
#include <vector>

namespace nightpost::app {
namespace {

/// Acknowledgements are looked for so often, while any is awaited; the producer waits `linger` before it sends anyway.
constexpr milliseconds kReportLooksEvery{5};

}  // namespace

Result<std::unique_ptr<kafka::Producer>> start_event_producer(const Config& config, observe::Log& log,
                                                              std::function<void(Error)> on_fatal,
                                                              kafka::ProducerMetrics& metrics) {
  kafka::ProducerOptions producing = config.producer;
  producing.kafka.log = &log;
  producing.watched = {config.topics.offline};
  const auto fatal = [&log, on_fatal = std::move(on_fatal)](Error error) {
    log.error("im.fatal", {observe::kv("code", name_of(error.code)), observe::kv("detail", error.detail)});
    on_fatal(std::move(error));
  };
  return kafka::Producer::start(std::move(producing), fatal, metrics);
}

std::vector<Unready> unready_of(const kafka::Producer& producer) {
  std::vector<Unready> all;
  for (const kafka::ConnectionTrouble& trouble : producer.connection_troubles())
    all.push_back(
        {"broker " + trouble.broker, std::string(name_of(trouble.why)) + " (" + trouble.words + "); " + trouble.todo});
  for (const kafka::TopicTrouble& trouble : producer.troubles())
    all.push_back({"topic " + trouble.topic, std::string(name_of(trouble.why)) + " (" + trouble.words + "); " +
                                                 std::string(remedy_of(trouble.why))});
  return all;
}

KafkaEventSink::KafkaEventSink(std::unique_ptr<kafka::Producer> producer, std::string topic, EventLoop& loop)
    : topic_(std::move(topic)),
      loop_(loop),
      timer_(loop.make_timer([this] { look(); })),
      producer_(std::move(producer)) {}

KafkaEventSink::~KafkaEventSink() { producer_->drop_holds_at_end(); }  // their intents stand in the store

void KafkaEventSink::publish(std::string_view key, std::string_view event, std::uint64_t ticket) {
  kafka::PendingRecord* const pending =
      pool_->acquire({}, static_cast<std::int64_t>(ticket), static_cast<std::uint32_t>(event.size()));
  producer_->produce(pending, topic_, key, event);
  pending->drop();  // ours; the producer's goes once the broker has it
  if (!std::exchange(looking_, true)) timer_->arm(loop_.now() + kReportLooksEvery);
}

void KafkaEventSink::look() {
  std::vector<std::uint64_t> durable;
  pool_->drain([&](const kafka::PendingRecord& done) { durable.push_back(static_cast<std::uint64_t>(done.offset())); });
  looking_ = pool_->out() > 0;
  if (looking_) timer_->arm(loop_.now() + kReportLooksEvery);
  if (durable_)
    for (const std::uint64_t ticket : durable) durable_(ticket);
}

}  // namespace nightpost::app
