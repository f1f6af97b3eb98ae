// One consumer of several topics, on librdkafka's in-process broker.
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kafka/consumer.h"
#include "support/kafka_worker.h"

namespace nightpost::kafka {
namespace {

using test::fill;
using test::within;
using test::Worker;

constexpr milliseconds kLong{30'000};
constexpr milliseconds kDelay{6'000};

std::unique_ptr<EmbeddedBroker> broker() {
  auto started = EmbeddedBroker::start({{"fresh", 2}, {"late", 2}, {"later", 1}});
  REQUIRE(started.has_value());
  return std::move(*started);
}

ConsumerOptions options(const EmbeddedBroker& broker) {
  ConsumerOptions wanted = test::quick_consumer(broker.brokers(), "fresh");
  wanted.delay_topics = {{.name = "late", .delay = kDelay}, {.name = "later", .delay = seconds(60)}};
  return wanted;
}

WallTime wall() { return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now()); }

/// Records that are due at `due`, with all that a deferral has beside it.
void defer(const EmbeddedBroker& broker, const std::string& topic, const std::string& prefix, int n, WallTime due) {
  ProducerMetrics metrics;
  auto producer =
      Producer::start({.kafka = {.brokers = broker.brokers()}, .linger = milliseconds(1)}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  for (int i = 0; i < n; ++i)
    (*producer)->produce(nullptr, topic, "key" + std::to_string(i), prefix + std::to_string(i),
                         {{"due_at", std::to_string(to_ms(due))},
                          {"remainder", "left of " + std::to_string(i)},
                          {"source_topic", "fresh"},
                          {"source_partition", "7"},
                          {"source_offset", std::to_string(100 + i)}});
  REQUIRE((*producer)->flush(kLong));
}

bool begins(const std::string& value, char with) { return value[0] == with; }

std::size_t count(const Worker& worker, char with) {
  std::size_t found = 0;
  for (const std::string& value : worker.seen()) found += begins(value, with) ? 1 : 0;
  return found;
}

void await_all(const Worker& worker) {
  REQUIRE(within(kLong, [&] { return read(worker.metrics.assigned_partitions) == 5; }));
}

TEST_CASE("delay consumer: several topics, each with its own commits", "[kafka][consumer][delay]") {
  const auto cluster = broker();
  fill(cluster->brokers(), "fresh", "f", 50);
  defer(*cluster, "late", "l", 30, wall() - seconds(1));
  defer(*cluster, "later", "r", 20, wall() - seconds(1));
  {
    Worker first(options(*cluster));
    REQUIRE(within(kLong, [&] { return first.seen_count() >= 100; }));
    CHECK(first.distinct().size() == 100);
    REQUIRE(within(kLong, [&] { return first.consumer().in_flight() == 0; }));
    first.stop();
    CHECK(read(first.metrics.due_ignored) == 0);
    CHECK(read(first.metrics.gap_offsets) == 0);
  }
  fill(cluster->brokers(), "fresh", "f", 5);
  defer(*cluster, "late", "l", 5, wall() - seconds(1));
  Worker second(options(*cluster));
  REQUIRE(within(kLong, [&] { return second.seen_count() >= 10; }));
  REQUIRE(within(kLong, [&] {
    return read(second.metrics.lag[0]) + read(second.metrics.lag[1]) + read(second.metrics.lag[2]) == 0;
  }));
  CHECK(second.seen_count() == 10);
}

TEST_CASE("delay consumer: a group that knew no delay topics keeps its commits", "[kafka][consumer][delay]") {
  const auto cluster = broker();
  fill(cluster->brokers(), "fresh", "f", 50);
  {
    ConsumerOptions old = options(*cluster);
    old.delay_topics.clear();
    Worker before(old);
    REQUIRE(within(kLong, [&] { return before.seen_count() == 50 && before.consumer().in_flight() == 0; }));
    before.stop();
  }
  fill(cluster->brokers(), "fresh", "n", 10);
  defer(*cluster, "late", "l", 10, wall() - seconds(1));
  Worker after(options(*cluster));
  REQUIRE(within(kLong, [&] { return count(after, 'n') == 10 && count(after, 'l') == 10; }));
  CHECK(count(after, 'f') == 0);
}

TEST_CASE("delay consumer: delay topics have a group of their own", "[kafka][consumer][delay]") {
  const auto cluster = broker();
  ConsumerOptions wanted = options(*cluster);
  wanted.delay_group_id = GENERATE("", "others");
  const std::string group = wanted.delay_group_id.empty() ? wanted.group_id + ".delay" : wanted.delay_group_id;
  fill(cluster->brokers(), "fresh", "f", 10);
  defer(*cluster, "late", "l", 20, wall() - seconds(1));
  {
    Worker worker(wanted);
    REQUIRE(within(kLong, [&] { return worker.seen_count() == 30 && worker.consumer().in_flight() == 0; }));
  }
  // Whoever reads the topic in that group finds all of it done; in the group of fresh events nothing.
  ConsumerOptions reads_late = options(*cluster);
  reads_late.topic = "late";
  reads_late.delay_topics.clear();
  reads_late.group_id = group;
  Worker done(reads_late);
  REQUIRE(within(kLong, [&] { return read(done.metrics.assigned_partitions) == 2; }));
  reads_late.group_id = options(*cluster).group_id;
  Worker anew(reads_late);
  REQUIRE(within(kLong, [&] { return anew.seen_count() == 20; }));
  CHECK(done.seen_count() == 0);
}

TEST_CASE("delay consumer: it goes on where the group of fresh events, which once read both, has got",
          "[kafka][consumer][delay]") {
  const auto cluster = broker();
  defer(*cluster, "late", "l", 40, wall() - seconds(1));
  const auto left = [](const std::string& value) { return value == "l7" || value == "l30"; };
  {
    ConsumerOptions once = options(*cluster);
    once.topic = "late";
    once.delay_topics.clear();
    Worker before(once, [&](const std::string& value) { return !left(value); });
    REQUIRE(within(kLong, [&] { return before.seen_count() == 40 && before.consumer().in_flight() == 2; }));
    before.stop();
  }
  defer(*cluster, "late", "n", 10, wall() - seconds(1));
  defer(*cluster, "later", "r", 10, wall() - seconds(1));
  {
    Worker after(options(*cluster));
    REQUIRE(within(kLong, [&] { return after.seen_count() == 22 && after.consumer().in_flight() == 0; }));
    for (const std::string& value : after.distinct()) CHECK((left(value) || value[0] == 'n' || value[0] == 'r'));
    after.stop();
  }
  // From then on its own commits count.
  Worker again(options(*cluster));
  await_all(again);
  defer(*cluster, "late", "m", 5, wall() - seconds(1));
  REQUIRE(within(kLong, [&] { return count(again, 'm') == 5; }));
  CHECK(again.seen_count() == 5);
}

TEST_CASE("delay consumer: a stop waits once for brokers that are gone, not once a group", "[kafka][consumer][delay]") {
  auto cluster = broker();
  ConsumerOptions wanted = options(*cluster);
  wanted.commit_wait = milliseconds(6'000);
  wanted.commit_interval = seconds(60);  // both groups have something to commit at the stop
  fill(cluster->brokers(), "fresh", "f", 5);
  defer(*cluster, "late", "l", 5, wall() - seconds(1));
  Worker worker(wanted, [](const std::string&) { return false; });
  REQUIRE(within(kLong, [&] { return worker.seen_count() == 10; }));
  cluster.reset();
  worker.release_held();
  const auto start = std::chrono::steady_clock::now();
  worker.stop();
  const auto took = std::chrono::steady_clock::now() - start;
  CHECK(took >= wanted.commit_wait);
  CHECK(took < 2 * wanted.commit_wait);
}

TEST_CASE("delay consumer: a record that waits stops nobody, and comes with its headers", "[kafka][consumer][delay]") {
  const auto cluster = broker();
  Worker worker(options(*cluster));
  await_all(worker);
  const WallTime due = wall() + kDelay;
  defer(*cluster, "late", "l", 40, due);
  REQUIRE(within(kLong, [&] { return read(worker.metrics.waiting_partitions) == 2; }));
  CHECK(read(worker.metrics.paused_partitions) == 0);
  CHECK(read(worker.metrics.lag[1]) == 40);
  fill(cluster->brokers(), "fresh", "f", 100);
  defer(*cluster, "later", "r", 10, wall());
  REQUIRE(within(kLong, [&] { return count(worker, 'f') == 100 && count(worker, 'r') == 10; }));
  if (wall() < due) CHECK(count(worker, 'l') == 0);
  WallTime first{};
  REQUIRE(within(kLong, [&] {
    if (first == WallTime{} && count(worker, 'l') > 0) first = wall();
    return count(worker, 'l') == 40;
  }));
  CHECK(first >= due);
  CHECK(worker.distinct().size() == 150);
  CHECK(worker.remainder_of("l7") == "left of 7");
  CHECK(worker.origin_of("l7") == "fresh 7 107");
  CHECK(worker.origin_of("f7") == " 0 0");
  CHECK(read(worker.metrics.due_ignored) == 0);
}

TEST_CASE("delay consumer: a delay topic begins at its beginning, whatever start_at says", "[kafka][consumer][delay]") {
  const auto cluster = broker();
  fill(cluster->brokers(), "fresh", "f", 20);
  defer(*cluster, "late", "l", 20, wall() - seconds(1));
  ConsumerOptions wanted = options(*cluster);
  wanted.start_at.from = StartAt::From::Latest;
  Worker worker(wanted);
  REQUIRE(within(kLong, [&] { return count(worker, 'l') == 20; }));
  fill(cluster->brokers(), "fresh", "n", 5);
  REQUIRE(within(kLong, [&] { return count(worker, 'n') == 5; }));
  CHECK(count(worker, 'f') == 0);
}

TEST_CASE("delay consumer: what waits when its worker goes comes again at the next", "[kafka][consumer][delay]") {
  const auto cluster = broker();
  {
    Worker first(options(*cluster));
    await_all(first);
    defer(*cluster, "late", "l", 20, wall() + kDelay);
    REQUIRE(within(kLong, [&] { return read(first.metrics.waiting_partitions) == 2; }));
    first.stop();
    CHECK(first.seen_count() == 0);
  }
  Worker second(options(*cluster));
  REQUIRE(within(kLong, [&] { return second.seen_count() >= 20; }));
  CHECK(second.distinct().size() == 20);
  CHECK(second.seen_count() == 20);
}

TEST_CASE("delay consumer: partitions move while records wait in them", "[kafka][consumer][delay]") {
  const auto cluster = broker();
  Worker first(options(*cluster));
  await_all(first);
  defer(*cluster, "late", "l", 40, wall() + kDelay);
  REQUIRE(within(kLong, [&] { return read(first.metrics.waiting_partitions) == 2; }));
  Worker second(options(*cluster));
  REQUIRE(within(kLong, [&] { return second.ready && read(second.metrics.assigned_partitions) > 0; }));
  std::set<std::string> all;
  CHECK(within(kLong, [&] {
    all = first.distinct();
    all.merge(second.distinct());
    return all.size() == 40;
  }));
}

TEST_CASE("consumer: a partition that left while it was paused goes on when it comes back",
          "[kafka][consumer][limits]") {
  const auto cluster = broker();
  fill(cluster->brokers(), "fresh", "f", 200);
  ConsumerOptions wanted = test::quick_consumer(cluster->brokers(), "fresh");
  wanted.in_flight_max = 10;
  wanted.hold_before_pause = milliseconds(0);
  const auto keeps = [](const std::string&) { return false; };
  Worker first(wanted, keeps);
  REQUIRE(within(kLong, [&] { return read(first.metrics.paused_partitions) == 2; }));
  {
    Worker second(wanted, keeps);
    REQUIRE(within(kLong, [&] {
      return read(first.metrics.assigned_partitions) == 1 && read(second.metrics.assigned_partitions) == 1;
    }));
    second.stop();
  }
  REQUIRE(within(kLong, [&] { return read(first.metrics.assigned_partitions) == 2; }));
  CHECK(within(kLong, [&] {
    first.release_held();
    return first.distinct().size() == 200;
  }));
}

TEST_CASE("delay consumer: a shard that is full does not stop its sibling", "[kafka][consumer][limits]") {
  const bool pauses = GENERATE(false, true);
  CAPTURE(pauses);
  const auto cluster = broker();
  ConsumerOptions wanted = options(*cluster);
  wanted.shards = 2;
  wanted.in_flight_max = 40;
  wanted.hold_before_pause = milliseconds(pauses ? 0 : 60'000);
  Worker worker(wanted, [](const std::string& value) { return value[0] != 's'; });
  await_all(worker);
  ProducerMetrics metrics;
  auto producer = Producer::start({.kafka = {.brokers = cluster->brokers()}}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  // Of one key, so of one partition: more than its shard takes.
  for (int i = 0; i < 100; ++i) (*producer)->produce(nullptr, "fresh", "key0", "s" + std::to_string(i));
  REQUIRE((*producer)->flush(kLong));
  REQUIRE(within(kLong, [&] { return worker.consumer().in_flight() == 15; }));
  fill(cluster->brokers(), "fresh", "f", 200);  // of all keys: those of the other partition come through
  defer(*cluster, "late", "l", 50, wall());
  REQUIRE(within(kLong, [&] { return count(worker, 'l') == 50 && count(worker, 'f') >= 50; }));
  CHECK(within(kLong, [&] { return worker.consumer().in_flight() == 15; }));
  REQUIRE(within(kLong, [&] {
    worker.release_held();
    return count(worker, 's') == 100 && count(worker, 'f') == 200;
  }));
  CHECK(worker.distinct().size() == 350);
}

TEST_CASE("delay consumer: a topic that is missing does not stop the others", "[kafka][consumer][delay]") {
  const auto cluster = EmbeddedBroker::start({{"fresh", 2}});
  REQUIRE(cluster.has_value());
  (*cluster)->set_trouble("late", Refusal::TopicMissing);
  (*cluster)->set_trouble("later", Refusal::TopicMissing);
  Worker worker(options(**cluster));
  fill((*cluster)->brokers(), "fresh", "f", 20);
  REQUIRE(within(kLong, [&] { return count(worker, 'f') == 20; }));
  CHECK_FALSE(worker.fatal);
}

TEST_CASE("delay consumer: topics that cannot be are refused by name", "[kafka][consumer][delay]") {
  struct Row {
    std::vector<DelayTopic> delayed;
    const char* words;
  };
  const Row row = GENERATE(values<Row>({
      {{{"in", seconds(1)}}, "in is read twice"},
      {{{"a", seconds(1)}, {"a", seconds(2)}}, "a is read twice"},
      {{{"a", milliseconds(0)}}, "a has no delay"},
      {{{"a", seconds(-1)}}, "a has no delay"},
      {{{"a", seconds(1)}, {"b", seconds(1)}, {"c", seconds(1)}, {"d", seconds(1)}, {"e", seconds(1)}}, "too many"},
  }));
  CAPTURE(row.words);
  ConsumerMetrics metrics;
  const auto started = Consumer::start({.topic = "in", .delay_topics = row.delayed}, {}, metrics);
  REQUIRE_FALSE(started.has_value());
  CHECK(started.error().code == Errc::Malformed);
  CHECK_THAT(started.error().detail, Catch::Contains(row.words));
}

}  // namespace
}  // namespace nightpost::kafka
