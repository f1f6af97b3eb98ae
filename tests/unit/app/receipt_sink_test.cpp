// Against librdkafka's in-process broker.
#include "app/receipt_sink.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "kafka/tail.h"
#include "support/kafka_worker.h"

namespace nightpost::app {
namespace {

std::vector<Outcome> outcomes(int first, int count) {
  std::vector<Outcome> out(static_cast<std::size_t>(count));
  for (Outcome& one : out) {
    one.kind = OutcomeKind::Delivered;
    one.rule = "receipt";
    one.event_id = "e" + std::to_string(first++);
    one.app = AppId{1};
  }
  return out;
}

std::unique_ptr<ReceiptSink> sink_to(const std::string& brokers, kafka::ProducerMetrics& metrics, milliseconds wait) {
  kafka::ProducerOptions options;
  options.kafka.brokers = brokers;
  options.queue_messages_max = 1;  // of shards: a call's outcomes must not wait for it
  auto started = KafkaReceiptSink::start(std::move(options), "results", wait, [](const Error&) {}, metrics);
  REQUIRE(started);
  return *std::move(started);
}

TEST_CASE("receipt sink: what it took is in the topic, keyed by the event", "[app][receipts]") {
  auto broker = kafka::EmbeddedBroker::start({{"results", 2}});
  REQUIRE(broker);
  kafka::ProducerMetrics metrics;
  const auto sink = sink_to((*broker)->brokers(), metrics, seconds(20));
  REQUIRE(sink->write(outcomes(0, 500)));
  // Counted at the end of the turn that heard of them.
  CHECK(kafka::test::within(seconds(20), [&] { return metrics.delivered.load() == 500; }));
  REQUIRE(sink->write({}));
  REQUIRE(sink->write(outcomes(500, 1)));

  kafka::ClientOptions client;
  client.brokers = (*broker)->brokers();
  auto tail = kafka::Tail::start(client, {"results"}, seconds(20));
  REQUIRE(tail);
  std::set<std::string> seen;
  while (seen.size() < 501) {
    const auto message = (*tail)->next(seconds(20));
    REQUIRE(message);
    CHECK(nlohmann::json::parse(message->value)["event_id"] == message->key);
    CHECK(seen.insert(message->key).second);
  }
}

TEST_CASE("receipt sink: without brokers a call fails in time, and the next at once", "[app][receipts]") {
  kafka::ProducerMetrics metrics;
  const auto sink = sink_to("127.0.0.1:1", metrics, milliseconds(50));
  const auto first = sink->write(outcomes(0, 3));
  REQUIRE_FALSE(first);
  CHECK(first.error().code == Errc::Timeout);
  const auto second = sink->write(outcomes(3, 3));
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::Overloaded);
  CHECK(metrics.messages.load() == 3);  // of the second call none was taken
}

TEST_CASE("receipt sink: what the broker refuses for good fails, and the next call is tried again", "[app][receipts]") {
  auto broker = kafka::EmbeddedBroker::start({{"results", 1}});
  REQUIRE(broker);
  kafka::ProducerMetrics metrics;
  const auto sink = sink_to((*broker)->brokers(), metrics, seconds(20));
  auto huge = outcomes(0, 2);
  huge[1].reason = std::string(13 << 20, 'x');  // above message_bytes_max
  const auto refused = sink->write(huge);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Io);
  CHECK(sink->write(outcomes(2, 2)));
}

}  // namespace
}  // namespace nightpost::app
