// The companion's offline events on Kafka's offline topic.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/event_loop.h"
#include "im/relay/event_sink.h"
#include "kafka/pending_record.h"
#include "kafka/producer.h"

namespace nightpost::app {

/// On the relay's loop alone. A topic that refuses is asked again until it takes what it was given (kafka::Producer),
/// which holds nobody else's event. The producer is borrowed, and ends before this does.
class KafkaEventSink final : public im::EventSink {
 public:
  KafkaEventSink(kafka::Producer& producer, std::string topic, EventLoop& loop);

  void publish(std::string_view key, std::string_view event, std::uint64_t ticket) override;
  void on_durable(Durable durable) override { durable_ = std::move(durable); }

 private:
  void look();

  kafka::Producer& producer_;
  const std::string topic_;
  EventLoop& loop_;
  kafka::PendingRecordPool::Owner pool_ = kafka::PendingRecordPool::make();
  Durable durable_;
  std::unique_ptr<LoopTimer> timer_;
  bool looking_ = false;
};

}  // namespace nightpost::app
