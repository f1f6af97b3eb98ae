#include "app/kafka_event_sink.h"

#include <utility>
#include <vector>

namespace nightpost::app {
namespace {

/// Acknowledgements are looked for so often, while any is awaited; the producer waits `linger` before it sends anyway.
constexpr milliseconds kLookEvery{5};

}  // namespace

KafkaEventSink::KafkaEventSink(kafka::Producer& producer, std::string topic, EventLoop& loop)
    : producer_(producer), topic_(std::move(topic)), loop_(loop), timer_(loop.make_timer([this] { look(); })) {}

void KafkaEventSink::publish(std::string_view key, std::string_view event, std::uint64_t ticket) {
  kafka::PendingRecord* const pending =
      pool_->acquire({}, static_cast<std::int64_t>(ticket), static_cast<std::uint32_t>(event.size()));
  producer_.produce(pending, topic_, key, event);
  pending->drop();  // ours; the producer's goes once the broker has it
  if (!std::exchange(looking_, true)) timer_->arm(loop_.now() + kLookEvery);
}

void KafkaEventSink::look() {
  std::vector<std::uint64_t> durable;
  pool_->drain([&](const kafka::PendingRecord& done) { durable.push_back(static_cast<std::uint64_t>(done.offset())); });
  looking_ = pool_->out() > 0;
  if (looking_) timer_->arm(loop_.now() + kLookEvery);
  if (durable_)
    for (const std::uint64_t ticket : durable) durable_(ticket);
}

}  // namespace nightpost::app
