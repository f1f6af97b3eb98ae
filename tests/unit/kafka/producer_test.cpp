#include "kafka/producer.h"

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "support/kafka_worker.h"

namespace nightpost::kafka {
namespace {

using test::within;

constexpr milliseconds kLong{30'000};

TEST_CASE("producer: says where a message was written", "[kafka][producer]") {
  const auto cluster = EmbeddedBroker::start({{"t", 1}});
  REQUIRE(cluster.has_value());
  ProducerMetrics metrics;
  auto producer = Producer::start({.kafka = {.brokers = (*cluster)->brokers()}}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto written = (*producer)->produce_and_wait("t", "k", "v", {{"h", "1"}}, kLong);
    REQUIRE(written.has_value());
    CHECK(written->topic == "t");
    CHECK(written->partition == 0);
    CHECK(written->offset == i);
  }
}

TEST_CASE("producer: many threads, each message once", "[kafka][producer]") {
  const auto cluster = EmbeddedBroker::start({{"t", 3}});
  REQUIRE(cluster.has_value());
  ProducerMetrics metrics;
  // A queue of 100: callers wait for room.
  auto producer = Producer::start(
      {.kafka = {.brokers = (*cluster)->brokers()}, .linger = milliseconds(1), .queue_messages_max = 100}, [](Error) {},
      metrics);
  REQUIRE(producer.has_value());
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 500; ++i) (*producer)->produce(nullptr, "t", "", std::to_string(t * 500 + i));
      });
  }
  REQUIRE((*producer)->flush(kLong));
  CHECK(within(kLong, [&] { return read(metrics.delivered) == 2000; }));
  CHECK(read(metrics.queue_full) > 0);
  test::Worker worker({.kafka = {.brokers = (*cluster)->brokers()}, .topic = "t"});
  REQUIRE(within(kLong, [&] { return worker.seen_count() >= 2000; }));
  CHECK(worker.distinct().size() == 2000);
}

TEST_CASE("producer: a batch is taken whole and in order, each record held until it is there", "[kafka][producer]") {
  const auto cluster = EmbeddedBroker::start({{"t", 2}});
  REQUIRE(cluster.has_value());
  ProducerMetrics metrics;
  // Callers wait for room: of the second batch none goes before the first is through.
  auto producer = Producer::start(
      {.kafka = {.brokers = (*cluster)->brokers()}, .linger = milliseconds(1), .queue_messages_max = 300}, [](Error) {},
      metrics);
  REQUIRE(producer.has_value());
  const auto pool = PendingRecordPool::make();
  (*producer)->produce_batch("t", {});
  for (int round = 0; round < 3; ++round) {
    std::vector<std::string> values;
    for (int i = 0; i < 200; ++i) values.push_back(std::to_string(round * 200 + i));
    std::vector<Producer::Message> batch;
    for (const std::string& value : values) {
      PendingRecord* const pending = pool->acquire({0, 1}, round, 1);  // one hold, which goes with the message
      batch.push_back({.pending = pending, .key = "k", .value = value});
    }
    (*producer)->produce_batch("t", batch);
  }
  const std::string huge(1000, 'x');
  std::vector<Producer::Message> large(500, {.pending = nullptr, .key = "", .value = huge});  // more than the queue
  (*producer)->produce_batch("t", large);
  REQUIRE((*producer)->flush(kLong));
  CHECK(within(kLong, [&] { return read(metrics.delivered) == 1100; }));
  CHECK(read(metrics.messages) == 1100);
  std::size_t settled = 0;
  pool->drain([&](const PendingRecord&) { ++settled; });
  CHECK(settled == 600);
  (*producer)->produce_batch(std::string(600, 'n'), std::span(large).first(2));
  CHECK(read(metrics.refused) == 2);
}

TEST_CASE("producer: a message that can never be written is reported and keeps its hold", "[kafka][producer]") {
  const auto cluster = EmbeddedBroker::start({{"t", 1}, {"events", 1}});
  REQUIRE(cluster.has_value());
  test::fill((*cluster)->brokers(), "events", "v", 1);
  test::Worker worker({.kafka = {.brokers = (*cluster)->brokers()}, .topic = "events"},
                      [](const std::string&) { return false; });
  REQUIRE(within(kLong, [&] { return worker.seen_count() == 1; }));

  std::atomic<int> refusals{0};
  std::atomic<bool> is_named{true};
  ProducerMetrics metrics;
  auto producer = Producer::start(
      {.kafka = {.brokers = (*cluster)->brokers()},
       .message_bytes_max = 2000,
       .on_refused =
           [&](const Error&, const std::string& topic) {
             is_named = is_named && topic == "t";
             ++refusals;
           }},
      [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  PendingRecord* const pending = worker.pending_records().front();
  (*producer)->produce(pending, "t", "", std::string(5000, 'x'));
  (*producer)->produce(pending, "t", "", "small");
  (*producer)->produce(nullptr, "t", "", std::string(4'000'000, 'x'));  // alone in a batch that is not used again
  REQUIRE((*producer)->flush(kLong));
  CHECK(refusals == 2);
  CHECK(is_named);
  CHECK(read(metrics.refused) == 2);
  REQUIRE(within(kLong, [&] { return read(metrics.delivered) == 1; }));
  worker.release_held();
  worker.stop();
  CHECK(read(worker.metrics.commits) == 0);  // the record is not settled, so nothing was committed
  pending->drop();                           // else it would be held for ever, as is meant
  (*producer)->produce(nullptr, "t", "", std::string(5000, 'x'), {{"h", "1"}});
  (*producer)->produce(nullptr, std::string(600, 'n'), "", "v");
  CHECK(read(metrics.refused) == 4);
  CHECK_FALSE((*producer)->produce_and_wait("t", "", std::string(5000, 'x'), {}, kLong).has_value());
  CHECK_FALSE((*producer)->produce_and_wait(std::string(600, 'n'), "", "v", {}, kLong).has_value());
}

TEST_CASE("producer: without a broker a wait ends, and so does the producer", "[kafka][producer]") {
  ProducerMetrics metrics;
  auto producer =
      Producer::start({.kafka = {.brokers = "127.0.0.1:1"}, .queue_messages_max = 1}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  const auto late = (*producer)->produce_and_wait("t", "", "v", {}, milliseconds(100));
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().code == Errc::Timeout);
  const auto full = (*producer)->produce_and_wait("t", "", "v", {}, milliseconds(100));
  REQUIRE_FALSE(full.has_value());
  CHECK(full.error().code == Errc::Overloaded);
  CHECK_FALSE((*producer)->flush(milliseconds(10)));
  const auto before = std::chrono::steady_clock::now();
  producer->reset();
  CHECK(std::chrono::steady_clock::now() - before < seconds(5));
}

TEST_CASE("producer: a key's messages keep their order, whatever the batches", "[kafka][producer]") {
  const auto cluster = EmbeddedBroker::start({{"t", 3}});
  REQUIRE(cluster.has_value());
  ProducerMetrics metrics;
  auto producer =
      Producer::start({.kafka = {.brokers = (*cluster)->brokers()}, .linger = milliseconds(1)}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  constexpr int kMessages = 30'000, kKeys = 7;
  for (int i = 0; i < kMessages; ++i)
    (*producer)->produce(nullptr, "t", "key " + std::to_string(i % kKeys), "v" + std::to_string(i));
  REQUIRE((*producer)->flush(kLong));
  CHECK(read(metrics.delivered) == kMessages);
  test::Worker worker({.kafka = {.brokers = (*cluster)->brokers()}, .topic = "t"});
  REQUIRE(within(kLong, [&] { return worker.seen_count() == kMessages; }));
  std::array<int, kKeys> last{};
  last.fill(-1);
  for (const std::string& value : worker.seen()) {
    const int number = std::stoi(value.substr(1));
    int& before = last[static_cast<std::size_t>(number % kKeys)];
    if (number <= before) FAIL(number << " after " << before);
    before = number;
  }
}

TEST_CASE("producer: a message larger than the whole queue goes alone", "[kafka][producer]") {
  const auto cluster = EmbeddedBroker::start({{"t", 1}});
  REQUIRE(cluster.has_value());
  ProducerMetrics metrics;
  auto producer =
      Producer::start({.kafka = {.brokers = (*cluster)->brokers()}, .queue_kbytes_max = 10}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  for (const std::size_t size : {100u, 20'000u, 100u, 20'000u})
    (*producer)->produce(nullptr, "t", "k", std::string(size, 'x'));
  REQUIRE((*producer)->flush(kLong));
  CHECK(read(metrics.delivered) == 4);
  CHECK(read(metrics.queue_full) > 0);
}

TEST_CASE("producer: bad settings are an error", "[kafka][producer]") {
  ProducerMetrics metrics;
  CHECK_FALSE(Producer::start({.compression = "tar"}, [](Error) {}, metrics).has_value());
  CHECK_FALSE(Producer::start({.kafka = {.client = {{"acks", "0"}}}}, [](Error) {}, metrics).has_value());
  CHECK_FALSE(Producer::start({.message_bytes_max = 1}, [](Error) {}, metrics).has_value());
}

}  // namespace
}  // namespace nightpost::kafka
