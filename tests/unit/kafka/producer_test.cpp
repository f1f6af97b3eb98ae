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
  auto producer =
      Producer::start({.kafka = {.brokers = (*cluster)->brokers()}, .linger = milliseconds(1)}, [](Error) {}, metrics);
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
  test::Worker worker({.kafka = {.brokers = (*cluster)->brokers()}, .topic = "t"});
  REQUIRE(within(kLong, [&] { return worker.seen_count() >= 2000; }));
  CHECK(worker.distinct().size() == 2000);
}

TEST_CASE("producer: a batch is taken whole and in order, each record held until it is there", "[kafka][producer]") {
  const auto cluster = EmbeddedBroker::start({{"t", 2}});
  REQUIRE(cluster.has_value());
  ProducerMetrics metrics;
  auto producer = Producer::start(
      {.kafka = {.brokers = (*cluster)->brokers()}, .linger = milliseconds(1), .queue_messages_max = 300}, [](Error) {},
      metrics);
  REQUIRE(producer.has_value());
  ProduceCredit& credit = (*producer)->own_credit();
  const auto pool = PendingRecordPool::make();
  (*producer)->produce_batch(credit, "t", {});
  for (int round = 0; round < 3; ++round) {
    std::vector<std::string> values;
    for (int i = 0; i < 200; ++i) values.push_back(std::to_string(round * 200 + i));
    std::vector<Producer::Message> batch;
    for (const std::string& value : values) {
      PendingRecord* const pending = pool->acquire({{0, 0}, 1}, round, 1);  // one hold, which goes with the message
      batch.push_back({.pending = pending, .key = "k", .value = value});
    }
    (*producer)->produce_batch(credit, "t", batch);
  }
  const std::string huge(1000, 'x');
  std::vector<Producer::Message> large(500, {.pending = nullptr, .key = "", .value = huge});  // more than the queue
  (*producer)->produce_batch(credit, "t", large);
  REQUIRE((*producer)->flush(kLong));
  CHECK(within(kLong, [&] { return read(metrics.delivered) == 1100; }));
  CHECK(read(metrics.messages) == 1100);
  std::size_t settled = 0;
  pool->drain([&](const PendingRecord&) { ++settled; });
  CHECK(settled == 600);
  CHECK(credit.room() == 300);
  (*producer)->produce_batch(credit, std::string(600, 'n'), std::span(large).first(2));
  CHECK(read(metrics.refused) == 2);
}

TEST_CASE("producer: a message that can never be written is reported and keeps its hold", "[kafka][producer]") {
  const auto cluster = EmbeddedBroker::start({{"t", 1}, {"events", 1}});
  REQUIRE(cluster.has_value());
  test::fill((*cluster)->brokers(), "events", "v", 1);
  test::Worker worker({.kafka = {.brokers = (*cluster)->brokers()}, .topic = "events"},
                      [](const std::string&) { return false; });
  REQUIRE(within(kLong, [&] { return worker.seen_count() == 1; }));
  REQUIRE(within(kLong, [&] { return read(worker.metrics.commits) == 1; }));  // of where the group begins

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
  CHECK(read(worker.metrics.commits) == 1);  // the record is not settled, so nothing more was committed
  pending->drop();                           // else it would be held for ever, as is meant
  (*producer)->produce(nullptr, "t", "", std::string(5000, 'x'), {{"h", "1"}});
  (*producer)->produce(nullptr, std::string(600, 'n'), "", "v");
  CHECK(within(kLong, [&] { return read(metrics.refused) == 4; }));
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
    REQUIRE((*producer)->produce_and_wait("t", "k", std::string(size, 'x'), {}, kLong).has_value());
  CHECK(within(kLong, [&] { return read(metrics.delivered) == 4; }));  // counted after the answer, at the turn's end
}

TEST_CASE("producer: producing never blocks, credit says when to stop", "[kafka][producer]") {
  ProducerMetrics metrics;
  std::atomic<int> calls{0};
  // Nobody answers there.
  auto producer =
      Producer::start({.kafka = {.brokers = "127.0.0.1:1"}, .queue_messages_max = 40}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  ProduceCredit& one = (*producer)->open_credit(4, [&] { ++calls; });
  ProduceCredit& two = (*producer)->open_credit(4, [&] { ++calls; });
  CHECK(one.room() == 10);
  const std::vector<Producer::Message> messages(7, {nullptr, "k", "v"});
  (*producer)->produce_batch(one, "t", messages);
  CHECK(one.room() == 3);
  for (int i = 0; i < 500; ++i) (*producer)->produce_batch(one, "t", messages);
  for (int i = 0; i < 500; ++i) (*producer)->produce_letter(one, nullptr, "dead", "k", "v", {{"reason", "r"}});
  CHECK(one.room() == 0);
  CHECK(two.room() == 10);  // another's share
  CHECK(one.await(0));
  CHECK(read(metrics.messages) == 501 * 7 + 500);
  CHECK(calls == 0);
}

TEST_CASE("producer: acknowledgements give room back and tell who waits", "[kafka][producer]") {
  const auto cluster = EmbeddedBroker::start({{"t", 2}});
  REQUIRE(cluster.has_value());
  ProducerMetrics metrics;
  std::atomic<int> calls{0};
  auto producer =
      Producer::start({.kafka = {.brokers = (*cluster)->brokers()}, .queue_messages_max = 100}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  ProduceCredit& credit = (*producer)->open_credit(10, [&] { ++calls; });
  (*producer)->produce_batch(credit, "t", std::vector<Producer::Message>(50, {nullptr, "", "v"}));
  if (credit.await(0)) CHECK(within(kLong, [&] { return calls == 1; }));
  REQUIRE((*producer)->flush(kLong));
  CHECK(credit.room() == 10);
  CHECK(read(metrics.delivered) == 50);
}

ProducerOptions hasty(const EmbeddedBroker& cluster) {
  return {.kafka = {.brokers = cluster.brokers()},
          .linger = milliseconds(1),
          .refused_backoff_first = milliseconds(20),
          .refused_backoff_max = milliseconds(100)};
}

TEST_CASE("producer: what a topic refuses is tried again until it is taken", "[kafka][producer]") {
  const auto cluster = EmbeddedBroker::start({{"t", 1}});
  REQUIRE(cluster.has_value());
  ProducerMetrics metrics;
  std::atomic<bool> fatal{false};
  auto producer = Producer::start(hasty(**cluster), [&](Error) { fatal = true; }, metrics);
  REQUIRE(producer.has_value());
  REQUIRE((*producer)->produce_and_wait("t", "", "first", {}, kLong).has_value());
  const Refusal why = GENERATE(Refusal::TooLarge, Refusal::Forbidden, Refusal::Other);
  CAPTURE(name_of(why));
  const std::vector<Refusal> refusals(3, why);
  (*cluster)->refuse_next(refusals);
  auto records = PendingRecordPool::make();
  PendingRecord* const pending = records->acquire({{0, 0}, 0}, 7, 0);
  for (int i = 0; i < 20; ++i) (*producer)->produce(pending, "t", "", "v" + std::to_string(i));
  pending->drop();
  REQUIRE((*producer)->flush(kLong));
  CHECK(read(metrics.delivered) == 21);
  CHECK(read(metrics.refused) > 0);
  CHECK_FALSE(fatal);
  bool settled = false;
  CHECK(within(kLong, [&] {
    records->drain([&](const PendingRecord&) { settled = true; });
    return settled;
  }));
  CHECK((*producer)->troubles().empty());
  test::Worker worker({.kafka = {.brokers = (*cluster)->brokers()}, .topic = "t"});
  REQUIRE(within(kLong, [&] { return worker.distinct().size() == 21; }));
}

TEST_CASE("producer: a dead letter that its topic calls too large is written shortened", "[kafka][producer]") {
  const auto cluster = EmbeddedBroker::start({{"dead", 1}});
  REQUIRE(cluster.has_value());
  ProducerMetrics metrics;
  ProducerOptions options = hasty(**cluster);
  options.message_bytes_max = 5'000;  // librdkafka itself refuses it
  auto producer = Producer::start(std::move(options), [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  auto records = PendingRecordPool::make();
  PendingRecord* const pending = records->acquire({{0, 0}, 0}, 7, 0);
  (*producer)->produce_letter((*producer)->own_credit(), pending, "dead", "key", std::string(20'000, 'v'),
                              {{"reason", "too_big"}, {"source_offset", "7"}});
  pending->drop();
  REQUIRE((*producer)->flush(kLong));
  CHECK(read(metrics.letters_shortened) == 1);
  CHECK(read(metrics.delivered) == 1);
  CHECK((*producer)->own_credit().bytes() == 0);
  test::Worker worker({.kafka = {.brokers = (*cluster)->brokers()}, .topic = "dead"});
  REQUIRE(within(kLong, [&] { return worker.seen_count() == 1; }));
  CHECK(worker.seen().front() == std::string(1024, 'v'));
  bool settled = false;
  records->drain([&](const PendingRecord&) { settled = true; });
  CHECK(settled);
}

TEST_CASE("producer: a missing or forbidden topic is named, and heals without a restart", "[kafka][producer]") {
  const auto cluster = EmbeddedBroker::start({{"results", 1}, {"dead", 1}});
  REQUIRE(cluster.has_value());
  const Refusal why = GENERATE(Refusal::TopicMissing, Refusal::Forbidden);
  CAPTURE(name_of(why));
  (*cluster)->set_trouble("dead", why);
  ProducerMetrics metrics;
  ProducerOptions options = hasty(**cluster);
  options.watched = {"results", "dead"};
  auto producer = Producer::start(std::move(options), [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  // Known before the first message.
  REQUIRE(within(kLong, [&] { return !(*producer)->troubles().empty(); }));
  const std::vector<TopicTrouble> troubles = (*producer)->troubles();
  REQUIRE(troubles.size() == 1);
  CHECK(troubles.front().topic == "dead");
  CHECK(troubles.front().why == why);
  CHECK(within(kLong, [&] { return read(metrics.topic_unusable[1]) == 1; }));
  CHECK(read(metrics.topic_unusable[0]) == 0);
  for (int i = 0; i < 50; ++i) (*producer)->produce(nullptr, "dead", "", "v", {{"h", "1"}});
  REQUIRE((*producer)->produce_and_wait("results", "", "v", {}, kLong).has_value());  // others are not held up
  CHECK_FALSE((*producer)->flush(milliseconds(300)));
  (*cluster)->set_trouble("dead", std::nullopt);
  REQUIRE((*producer)->flush(kLong));
  CHECK(read(metrics.delivered) == 51);
  CHECK(within(kLong, [&] { return (*producer)->troubles().empty(); }));
  CHECK(within(kLong, [&] { return read(metrics.topic_unusable[1]) == 0; }));
}

TEST_CASE("producer: it can be told to let go of what was never written", "[kafka][producer]") {
  ProducerMetrics metrics;
  auto producer = Producer::start({.kafka = {.brokers = "127.0.0.1:1"}}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  auto records = PendingRecordPool::make();
  PendingRecord* const pending = records->acquire({{0, 0}, 0}, 0, 0);
  const auto drained = [&] {
    bool any = false;
    records->drain([&](const PendingRecord&) { any = true; });
    return any;
  };
  (*producer)->produce(pending, "t", "k", "v");
  (*producer)->produce(pending, "t", "k", "v", {{"h", "1"}});
  pending->drop();
  (*producer)->flush(milliseconds(50));  // librdkafka has some of it
  CHECK_FALSE(drained());
  (*producer)->drop_holds_at_end();
  producer->reset();
  CHECK(drained());
}

TEST_CASE("producer: bad settings are an error", "[kafka][producer]") {
  ProducerMetrics metrics;
  CHECK_FALSE(Producer::start({.compression = "tar"}, [](Error) {}, metrics).has_value());
  CHECK_FALSE(Producer::start({.kafka = {.client = {{"acks", "0"}}}}, [](Error) {}, metrics).has_value());
  CHECK_FALSE(Producer::start({.message_bytes_max = 1}, [](Error) {}, metrics).has_value());
}

}  // namespace
}  // namespace nightpost::kafka
