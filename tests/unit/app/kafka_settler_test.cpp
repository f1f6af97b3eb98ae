// Outcomes on their way from a shard to the producer, against librdkafka's in-process broker.
#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/ports.h"
#include "kafka/pending_record.h"
#include "kafka/tail.h"

namespace nightpost::app {
namespace {

struct SettlerBed {
  SettlerBed() {
    auto made = kafka::EmbeddedBroker::start({{"results", 3}, {"minute", 1}});
    REQUIRE(made);
    broker = *std::move(made);
    topics.results = "results";
    topics.retry[std::size_t(dispatch::Tier::OneMinute)] = "minute";
    kafka::ProducerOptions options;
    options.kafka.brokers = broker->brokers();
    auto started = kafka::Producer::start(std::move(options), [](const Error&) {}, metrics);
    REQUIRE(started);
    producer = *std::move(started);
    settler.emplace(*producer, producer->own_credit(), topics);
  }
  kafka::PendingRecord* record(std::int64_t offset) { return pool->acquire({{}, 1}, offset, 100); }
  std::set<std::int64_t> settled() {
    std::set<std::int64_t> offsets;
    pool->drain([&](const kafka::PendingRecord& one) { offsets.insert(one.offset()); });
    return offsets;
  }

  kafka::PendingRecordPool::Owner pool = kafka::PendingRecordPool::make();
  std::unique_ptr<kafka::EmbeddedBroker> broker;
  kafka::ProducerMetrics metrics;
  Topics topics;
  std::unique_ptr<kafka::Producer> producer;
  std::optional<KafkaSettler> settler;
};

TEST_CASE("settler: outcomes hold their record at once and leave together", "[app]") {
  SettlerBed bed;
  for (std::int64_t i = 0; i < 100; ++i) {
    kafka::PendingRecord* const record = bed.record(i);
    for (int j = 0; j < 3; ++j)
      bed.settler->outcome(record_id_of(record), "e" + std::to_string(i), "outcome " + std::to_string(j));
    record->drop();  // the shard's own hold, as release() does
  }
  CHECK(bed.settler->unflushed() == 300);
  CHECK(bed.metrics.messages.load() == 0);  // not one by one
  CHECK(bed.settled().empty());             // released, but their outcomes are nowhere yet
  bed.settler->flush();
  CHECK(bed.settler->unflushed() == 0);
  CHECK(bed.metrics.messages.load() == 300);
  bed.settler->flush();
  REQUIRE(bed.producer->flush(seconds(20)));
  CHECK(bed.metrics.messages.load() == 300);
  CHECK(bed.settled().size() == 100);

  kafka::ClientOptions client;
  client.brokers = bed.broker->brokers();
  auto tail = kafka::Tail::start(client, {"results"}, seconds(20));
  REQUIRE(tail);
  std::map<std::string, std::vector<std::string>> by_event;
  for (int i = 0; i < 300; ++i) {
    const auto message = (*tail)->next(seconds(20));
    REQUIRE(message);
    by_event[message->key].push_back(message->value);
  }
  CHECK(by_event.size() == 100);
  for (const auto& [event, values] : by_event)
    CHECK(values == std::vector<std::string>{"outcome 0", "outcome 1", "outcome 2"});  // in order
}

TEST_CASE("settler: what is put off goes to its tier's topic and holds its record", "[app]") {
  SettlerBed bed;
  kafka::PendingRecord* const record = bed.record(41);
  bed.settler->defer(record_id_of(record), {.key = "k",
                                            .value = "the event",
                                            .traceparent = "trace",
                                            .remainder = "who is left",
                                            .tier = dispatch::Tier::OneMinute,
                                            .due_at = wall_from_ms(1'795'225'947'405)});
  bed.settler->release(record_id_of(record));
  CHECK(bed.settled().empty());
  REQUIRE(bed.producer->flush(seconds(20)));
  CHECK(bed.settled() == std::set<std::int64_t>{41});
  kafka::ClientOptions client;
  client.brokers = bed.broker->brokers();
  auto tail = kafka::Tail::start(client, {"minute"}, seconds(20));
  REQUIRE(tail);
  const auto message = (*tail)->next(seconds(20));
  REQUIRE(message);
  CHECK(message->key == "k");
  CHECK(message->value == "the event");
  const std::map<std::string, std::string> headers(message->headers.begin(), message->headers.end());
  CHECK(headers == std::map<std::string, std::string>{{"remainder", "who is left"},
                                                      {"due_at", "1795225947405"},
                                                      {"traceparent", "trace"},
                                                      {"source_topic", "nightpost.offline.v1"},
                                                      {"source_partition", "0"},
                                                      {"source_offset", "41"}});
}

TEST_CASE("settler: where the first record stood is carried on, whatever was read since", "[app]") {
  struct Row {
    const char* name;
    kafka::Stay stay;
    kafka::Origin origin;
    const char *topic, *partition, *offset;
  };
  const Row row = GENERATE(values<Row>({
      {"a fresh event", {{0, 3}, 1}, {}, "nightpost.offline.v1", "3", "41"},
      {"one that was put off", {{2, 5}, 1}, {"nightpost.offline.v1", 3, 9}, "nightpost.offline.v1", "3", "9"},
      {"one that was replayed from elsewhere", {{0, 5}, 1}, {"old", 0, 0}, "old", "0", "0"},
      {"one that does not say", {{2, 5}, 1}, {}, "minute", "5", "41"},
  }));
  CAPTURE(row.name);
  const bool dies = GENERATE(false, true);
  SettlerBed bed;
  kafka::PendingRecord* const record = bed.pool->acquire(row.stay, 41, 100, row.origin);
  bed.topics.dead = "minute";
  if (dies)
    bed.settler->dead(record_id_of(record), {.key = "k", .value = "v", .stage = "decode", .reason = "malformed"});
  else
    bed.settler->defer(record_id_of(record),
                       {.key = "k", .value = "v", .remainder = "{}", .tier = dispatch::Tier::OneMinute});
  bed.settler->release(record_id_of(record));
  REQUIRE(bed.producer->flush(seconds(20)));
  kafka::ClientOptions client;
  client.brokers = bed.broker->brokers();
  auto tail = kafka::Tail::start(client, {"minute"}, seconds(20));
  REQUIRE(tail);
  const auto message = (*tail)->next(seconds(20));
  REQUIRE(message);
  CHECK(message->header("source_topic") == row.topic);
  CHECK(message->header("source_partition") == row.partition);
  CHECK(message->header("source_offset") == row.offset);
  bed.settled();
}

TEST_CASE("settler: much is not collected until the turn's end", "[app]") {
  SettlerBed bed;
  const std::string outcome(10'000, 'x');
  for (int i = 0; i < 100; ++i) {
    kafka::PendingRecord* const record = bed.record(i);
    bed.settler->outcome(record_id_of(record), "e", outcome);
    record->drop();
    REQUIRE(bed.settler->unflushed() * outcome.size() <= 300'000);
  }
  CHECK(bed.metrics.messages.load() >= 70);
  bed.settler->flush();
  REQUIRE(bed.producer->flush(seconds(20)));
  CHECK(bed.settled().size() == 100);
}

}  // namespace
}  // namespace nightpost::app
