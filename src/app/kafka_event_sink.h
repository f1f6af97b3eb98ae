// The companion's offline events on Kafka's offline topic.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "app/event_outlet.h"
#include "core/event_loop.h"
#include "kafka/metrics.h"
#include "kafka/pending_record.h"
#include "kafka/producer.h"
#include "observe/log.h"

namespace nightpost::app {

/// The producer of the companion's events. `on_fatal`: any thread; it cannot go on, which is logged.
Result<std::unique_ptr<kafka::Producer>> start_event_producer(const Config& config, observe::Log& log,
                                                              std::function<void(Error)> on_fatal,
                                                              kafka::ProducerMetrics& metrics);
/// Brokers and topics that do not take what it is given.
std::vector<Unready> unready_of(const kafka::Producer& producer);

/// An event is durable once the brokers have it. A topic that refuses is asked again until it takes what it was given
/// (kafka::Producer), which holds nobody else's event.
class KafkaEventSink final : public EventOutlet {
 public:
  KafkaEventSink(std::unique_ptr<kafka::Producer> producer, std::string topic, EventLoop& loop);
  ~KafkaEventSink() override;

  void publish(std::string_view key, std::string_view event, std::uint64_t ticket) override;
  void on_durable(Durable durable) override { durable_ = std::move(durable); }
  void flush(milliseconds wait) override { producer_->flush(wait); }
  std::vector<Unready> unready() const override { return unready_of(*producer_); }

 private:
  void look();

  const std::string topic_;
  EventLoop& loop_;
  kafka::PendingRecordPool::Owner pool_ = kafka::PendingRecordPool::make();
  Durable durable_;
  std::unique_ptr<LoopTimer> timer_;
  bool looking_ = false;
  std::unique_ptr<kafka::Producer> producer_;  // ends first: it has holds on records of the pool
};

}  // namespace nightpost::app
