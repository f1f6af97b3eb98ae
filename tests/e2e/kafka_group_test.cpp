// The consumer and the producer against Apache Kafka itself. One broker serves all cases but one; each has a topic of
// its own.
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/c_handle.h"
#include "support/kafka_broker.h"
#include "support/kafka_worker.h"
#include "support/process.h"

namespace nightpost::kafka {
namespace {

using support::KafkaBroker;
using test::fill;
using test::within;
using test::Worker;

constexpr milliseconds kLong{60'000};

KafkaBroker& broker() {
  static KafkaBroker the_broker({"restore:2", "group:8", "outage:4", "idempotent:1", "small:1:max.message.bytes=20000",
                                 "source:1", "pauses:4", "hasty:2", "static:2", "m-fresh:8", "a-late:32", "z-late:32"});
  return the_broker;
}

ConsumerOptions options(const std::string& topic) {
  ConsumerOptions made = test::quick_consumer(broker().address(), topic);
  made.silence = milliseconds(1'000);
  return made;
}

/// As `broker up` does; takes as long as a JVM takes to start.
void create_topic(const std::string& name) {
  const char* jars = std::getenv("NIGHTPOST_KAFKA_JARS");
  const std::string folder = jars != nullptr ? jars : NIGHTPOST_SOURCE_DIR "/build/kafka-jars";
  const auto ran = support::run_command(
      {"java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", folder + "/*",
       NIGHTPOST_SOURCE_DIR "/tests/support/kafka/CreateTopics.java", broker().address(), "", name + ":1"},
      kLong);
  INFO(ran.out);
  REQUIRE(ran.exit_code == 0);
}

/// Denies a consumer group to everybody, or takes that back.
class Ban {
 public:
  Ban(const std::string& brokers, const std::string& group)
      : binding_(rd_kafka_AclBinding_new(RD_KAFKA_RESOURCE_GROUP, group.c_str(), RD_KAFKA_RESOURCE_PATTERN_LITERAL,
                                         "User:ANONYMOUS", "*", RD_KAFKA_ACL_OPERATION_READ,
                                         RD_KAFKA_ACL_PERMISSION_TYPE_DENY, nullptr, 0)),
        filter_(rd_kafka_AclBindingFilter_new(RD_KAFKA_RESOURCE_GROUP, group.c_str(), RD_KAFKA_RESOURCE_PATTERN_LITERAL,
                                              nullptr, nullptr, RD_KAFKA_ACL_OPERATION_ANY,
                                              RD_KAFKA_ACL_PERMISSION_TYPE_ANY, nullptr, 0)) {
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), nullptr, 0);
    client_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0));
    REQUIRE(client_);
    queue_.reset(rd_kafka_queue_new(client_.get()));
    rd_kafka_AclBinding_t* bindings[] = {binding_.get()};
    rd_kafka_CreateAcls(client_.get(), bindings, 1, nullptr, queue_.get());
    done();
  }
  void lift() {
    rd_kafka_AclBindingFilter_t* filters[] = {filter_.get()};
    rd_kafka_DeleteAcls(client_.get(), filters, 1, nullptr, queue_.get());
    done();
  }

 private:
  void done() {
    const Handle<rd_kafka_event_t, rd_kafka_event_destroy> event(
        rd_kafka_queue_poll(queue_.get(), static_cast<int>(kLong.count())));
    REQUIRE(event);
    INFO(rd_kafka_event_error_string(event.get()));
    REQUIRE(rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  Handle<rd_kafka_AclBinding_t, rd_kafka_AclBinding_destroy> binding_, filter_;
  Handle<rd_kafka_t, rd_kafka_destroy> client_;
  Handle<rd_kafka_queue_t, rd_kafka_queue_destroy> queue_;
};

int number(const std::string& value) { return std::stoi(value.substr(1)); }

std::set<std::string> numbered(const std::string& prefix, int n) {
  std::set<std::string> all;
  for (int i = 0; i < n; ++i) all.insert(prefix + std::to_string(i));
  return all;
}

std::set<std::string> seen_by(const std::vector<Worker*>& workers) {
  std::set<std::string> all;
  for (const Worker* worker : workers) all.merge(worker->distinct());
  return all;
}

TEST_CASE("e2e kafka: what was done out of order stays done after a restart", "[e2e][kafka]") {
  fill(broker().address(), "restore", "v", 5000);
  {
    Worker first(options("restore"), [](const std::string& value) { return number(value) % 100 != 0; });
    REQUIRE(within(kLong, [&] { return first.seen_count() == 5000 && first.consumer().in_flight() == 50; }));
  }
  Worker second(options("restore"));
  REQUIRE(within(kLong, [&] { return second.seen_count() >= 50; }));
  REQUIRE(within(kLong, [&] { return second.consumer().in_flight() == 0; }));
  CHECK(within(kLong, [&] { return read(second.metrics.skipped_done) > 4000; }));
  second.stop();
  CHECK(second.seen_count() == 50);
  for (const std::string& value : second.seen()) CHECK(number(value) % 100 == 0);
  CHECK(read(second.metrics.metadata_ignored) == 0);
  CHECK(read(second.metrics.gap_offsets) == 0);
}

// In one group the assignor would balance the sum of both kinds in the order of their names.
TEST_CASE("e2e kafka: who joins later gets half of the fresh events, and half of what is delayed", "[e2e][kafka]") {
  const std::string fresh = "m-fresh", late = GENERATE("a-late", "z-late");
  ConsumerOptions wanted = options(fresh);
  wanted.delay_topics = {{.name = late, .delay = seconds(10)}};
  wanted.group_id = "beside " + late;
  wanted.start_at = {StartAt::From::Latest};
  Worker first(wanted);
  REQUIRE(within(kLong, [&] { return read(first.metrics.assigned_partitions) == 40; }));
  CHECK(first.ready);
  auto second = std::make_unique<Worker>(wanted);
  REQUIRE(within(kLong, [&] {
    return read(first.metrics.assigned_partitions) == 20 && read(second->metrics.assigned_partitions) == 20;
  }));
  fill(broker().address(), fresh, "f", 1'000);
  fill(broker().address(), late, "l", 1'000);  // no due_at: at once
  REQUIRE(within(kLong, [&] { return seen_by({&first, second.get()}).size() == 2'000; }));
  for (const Worker* worker : {&first, second.get()}) {
    const std::set<TopicPartition> seen = worker->partitions();
    CHECK(std::ranges::count(seen, 0u, &TopicPartition::topic) == 4);
    CHECK(std::ranges::count(seen, 1u, &TopicPartition::topic) == 16);
  }
  second->stop();
  fill(broker().address(), fresh, "g", 100);
  fill(broker().address(), late, "m", 100);
  REQUIRE(within(kLong, [&] { return seen_by({&first, second.get()}).size() == 2'200; }));
  CHECK(read(first.metrics.assigned_partitions) == 40);
  CHECK(read(first.metrics.gap_offsets) == 0);
}

TEST_CASE("e2e kafka: where the delay topics' group is refused, fresh events go on", "[e2e][kafka]") {
  KafkaBroker guarded({"fresh:4", "late:4"},
                      {.settings = {"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                                    "allow.everyone.if.no.acl.found=true"},
                       .user = {}});
  ConsumerOptions wanted = options("fresh");
  wanted.kafka.brokers = guarded.address();
  wanted.group_id = "guarded";
  wanted.delay_topics = {{.name = "late", .delay = seconds(10)}};
  wanted.start_at = {StartAt::From::Earliest};
  Ban ban(guarded.address(), "guarded.delay");
  fill(guarded.address(), "fresh", "f", 200);
  fill(guarded.address(), "late", "l", 200);
  Worker worker(wanted);
  REQUIRE(within(kLong, [&] { return worker.seen_count() == 200 && read(worker.metrics.errors) > 0; }));
  CHECK(read(worker.metrics.assigned_partitions) == 4);
  CHECK(std::ranges::all_of(worker.seen(), [](const std::string& value) { return value.starts_with("f"); }));
  CHECK_FALSE(worker.fatal);
  ban.lift();
  CHECK(within(kLong, [&] { return worker.seen_count() == 400; }));
  CHECK(read(worker.metrics.assigned_partitions) == 8);
}

TEST_CASE("e2e kafka: a worker stops in time beside a broker that is frozen", "[e2e][kafka]") {
  KafkaBroker frozen({"fresh:2", "late:2"});
  ConsumerOptions wanted = options("fresh");
  wanted.kafka.brokers = frozen.address();
  wanted.group_id = "frozen";
  wanted.delay_topics = {{.name = "late", .delay = seconds(10)}};
  wanted.start_at = {StartAt::From::Earliest};
  wanted.commit_interval = seconds(60);
  wanted.commit_wait = seconds(2);
  fill(frozen.address(), "fresh", "f", 100);
  Worker worker(wanted, [](const std::string&) { return false; });
  REQUIRE(within(kLong, [&] { return worker.seen_count() == 100; }));
  frozen.freeze();
  worker.release_held();
  const auto start = std::chrono::steady_clock::now();
  worker.stop();
  CHECK(std::chrono::steady_clock::now() - start < seconds(15));
  frozen.thaw();
}

TEST_CASE("e2e kafka: members that come and go lose nothing", "[e2e][kafka]") {
  // Records are held a while, so that every change of the group meets some in flight.
  const auto holds = [](const std::string& value) { return number(value) % 5 != 0; };
  Worker first(options("group"), holds);
  REQUIRE(within(kLong, [&] { return first.ready.load(); }));
  fill(broker().address(), "group", "a", 4000);
  REQUIRE(within(kLong, [&] { return first.seen_count() >= 4000; }));

  std::set<std::string> want = numbered("a", 4000);
  auto second = std::make_unique<Worker>(options("group"), holds);
  fill(broker().address(), "group", "b", 4000);
  want.merge(numbered("b", 4000));
  REQUIRE(within(kLong, [&] { return read(second->metrics.assigned_partitions) == 4; }));
  REQUIRE(within(kLong, [&] { return read(first.metrics.assigned_partitions) == 4; }));
  REQUIRE(within(kLong, [&] { return seen_by({&first, second.get()}) == want; }));
  // The partitions that moved had records in flight: they came again where the partitions went.
  const std::set<std::string> stale = first.stale();
  CHECK_FALSE(stale.empty());
  CHECK(within(kLong, [&] { return std::ranges::includes(second->distinct(), stale); }));

  first.release_held();
  second->release_held();
  fill(broker().address(), "group", "c", 4000);
  want.merge(numbered("c", 4000));
  second->stop();  // leaves with records in flight
  REQUIRE(within(kLong, [&] { return read(first.metrics.assigned_partitions) == 8; }));
  Worker third(options("group"));
  CHECK(within(kLong, [&] {
    first.release_held();
    const std::set<std::string> seen = seen_by({&first, second.get(), &third});
    return seen == want;
  }));
  // What the second had in flight when it left came again elsewhere.
  const std::set<std::string> left = second->held();
  CHECK_FALSE(left.empty());
  CHECK(within(kLong, [&] { return std::ranges::includes(seen_by({&first, &third}), left); }));
  CHECK(read(first.metrics.gap_offsets) == 0);
  CHECK(read(third.metrics.gap_offsets) == 0);
  CHECK(read(first.metrics.rewinds) == 0);
  CHECK_FALSE(first.fatal);
}

TEST_CASE("e2e kafka: pauses and rebalances under load skip no record", "[e2e][kafka]") {
  constexpr int kRecords = 15'000, kVisits = 3;
  ConsumerOptions narrow = options("pauses");
  narrow.in_flight_max = 500;
  narrow.hold_before_pause = milliseconds(0);
  fill(broker().address(), "pauses", "v", kRecords);
  const auto holds = [](const std::string&) { return false; };
  Worker first(narrow, holds);
  std::set<std::string> seen;
  std::size_t taken = 0;
  std::uint64_t gaps = 0;
  const auto look = [&](const Worker& worker) {
    seen.merge(worker.distinct());
    taken += worker.seen_count();
    gaps += read(worker.metrics.gap_offsets);
  };
  for (int visit = 0; visit < kVisits; ++visit) {
    Worker guest(narrow, holds);
    CHECK(within(kLong, [&] {
      first.release_held();
      guest.release_held();
      return guest.seen_count() >= 1000;
    }));
    guest.stop();
    look(guest);
  }
  // The lag alone would not do: of a partition just assigned nobody knows yet how far it goes.
  CHECK(within(kLong, [&] {
    first.release_held();
    std::set<std::string> all = seen;
    all.merge(first.distinct());
    return all.size() == kRecords && first.consumer().in_flight() == 0 &&
           read(first.metrics.assigned_partitions) == 4 && read(first.metrics.lag[0]) == 0;
  }));
  first.stop();
  look(first);
  CHECK(seen.size() == kRecords);
  CHECK(gaps == 0);
  // A guest that leaves repeats what it held; a member that stays repeats nothing.
  CHECK(taken - seen.size() <= kVisits * narrow.in_flight_max);
  CHECK(read(first.metrics.rewinds) == 0);
  CHECK(read(first.metrics.commit_errors) == 0);
}

TEST_CASE("e2e kafka: stopped at any moment of its joining, a member neither hangs nor aborts", "[e2e][kafka]") {
  ConsumerOptions hasty = options("hasty");
  for (int delay = 0; delay < 30; ++delay) {
    CAPTURE(delay);
    Worker worker(hasty);
    support::pause_for(milliseconds(delay * 5));
    const auto before = std::chrono::steady_clock::now();
    worker.stop();
    CHECK(std::chrono::steady_clock::now() - before < seconds(30));
  }
  Worker patient(hasty);
  CHECK(within(kLong, [&] { return read(patient.metrics.assigned_partitions) == 2; }));
}

TEST_CASE("e2e kafka: a static member's id belongs to one worker", "[e2e][kafka]") {
  ConsumerOptions named = options("static");
  named.group_instance_id = "here-{hostname}";
  Worker first(named);
  REQUIRE(within(kLong, [&] { return read(first.metrics.assigned_partitions) == 2; }));
  Worker second(named);
  CHECK(within(kLong, [&] { return read(second.metrics.assigned_partitions) == 2; }));
  CHECK(within(kLong, [&] { return first.fatal.load(); }));
  CHECK_FALSE(second.fatal);
}

TEST_CASE("e2e kafka: a broker that restarts mid-flow costs nothing", "[e2e][kafka]") {
  ProducerMetrics metrics;
  auto producer = Producer::start({.kafka = {.brokers = broker().address()}}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  Worker worker(options("outage"));
  REQUIRE(within(kLong, [&] { return worker.ready.load(); }));
  const auto produce = [&](int from, int to) {
    for (int i = from; i < to; ++i) (*producer)->produce(nullptr, "outage", "", "v" + std::to_string(i));
  };
  produce(0, 2000);
  REQUIRE(within(kLong, [&] { return worker.seen_count() >= 1000; }));
  CHECK(read(worker.metrics.brokers_down) == 0);
  broker().stop();
  produce(2000, 4000);
  CHECK_FALSE((*producer)->flush(milliseconds(200)));
  CHECK(within(kLong, [&] { return read(worker.metrics.brokers_down) == 1; }));
  broker().start();
  produce(4000, 6000);
  REQUIRE((*producer)->flush(kLong));
  REQUIRE(within(kLong, [&] { return worker.distinct().size() == 6000; }));
  CHECK(within(kLong, [&] { return worker.consumer().in_flight() == 0; }));
  CHECK(within(kLong, [&] { return read(worker.metrics.brokers_down) == 0; }));
  CHECK(within(kLong, [&] { return read(worker.metrics.lag[0]) == 0; }));
  CHECK_FALSE(worker.fatal);
  worker.stop();
  CHECK(worker.distinct() == numbered("v", 6000));
}

TEST_CASE("e2e kafka: the idempotent producer writes each message once, through a restart", "[e2e][kafka]") {
  ProducerMetrics metrics;
  std::atomic<bool> fatal{false};
  auto producer = Producer::start(
      {.kafka = {.brokers = broker().address()}, .linger = milliseconds(1)}, [&](Error) { fatal = true; }, metrics);
  REQUIRE(producer.has_value());
  std::jthread writer([&] {
    for (int i = 0; i < 20'000; ++i) (*producer)->produce(nullptr, "idempotent", "k", "v" + std::to_string(i));
  });
  REQUIRE(within(kLong, [&] { return read(metrics.delivered) > 0; }));
  broker().stop();
  broker().start();
  writer.join();
  REQUIRE((*producer)->flush(kLong));
  const auto last = (*producer)->produce_and_wait("idempotent", "k", "end", {}, kLong);
  REQUIRE(last.has_value());
  CHECK(last->offset == 20'000);  // no message twice, none missing
  CHECK_FALSE(fatal);
  Worker worker(options("idempotent"));
  REQUIRE(within(kLong, [&] { return worker.seen_count() == 20'001; }));
  const std::vector<std::string> seen = worker.seen();
  for (int i = 0; i < 20'000; ++i)
    if (seen[static_cast<std::size_t>(i)] != "v" + std::to_string(i)) FAIL("out of order at " << i);
}

TEST_CASE("e2e kafka: what a topic calls too large settles its record and harms no other", "[e2e][kafka]") {
  fill(broker().address(), "source", "v", 3);
  Worker worker(options("source"), [](const std::string&) { return false; });
  REQUIRE(within(kLong, [&] { return worker.seen_count() == 3; }));
  std::atomic<bool> fatal{false};
  ProducerMetrics metrics;
  auto producer = Producer::start(
      {.kafka = {.brokers = broker().address()},
       .compression = "none",
       .refused_backoff_first = milliseconds(50),
       .watched = {"small"}},
      [&](Error) { fatal = true; }, metrics);
  REQUIRE(producer.has_value());
  const std::vector<PendingRecord*> records = worker.pending_records();
  // A letter beyond the topic's limit.
  (*producer)->produce_letter((*producer)->own_credit(), records[0], "small", "", std::string(100'000, 'x'),
                              {{"reason", "too_big"}});
  // A hundred that fit and whose request does not.
  for (int i = 0; i < 100; ++i) (*producer)->produce(records[1], "small", "", "fits " + std::string(1'000, 'y'));
  (*producer)->produce(records[2], "nightpost.dead.v1", "", std::string(11u << 20, 'z'));
  REQUIRE((*producer)->flush(kLong));
  CHECK(read(metrics.delivered) == 102);
  CHECK(read(metrics.letters_shortened) == 1);
  CHECK(read(metrics.refused) > 1);
  CHECK((*producer)->troubles().empty());
  CHECK_FALSE(fatal);
  Worker reader(options("small"));
  REQUIRE(within(kLong, [&] { return reader.seen_count() >= 101; }));
  CHECK(reader.distinct() == std::set<std::string>{std::string(1'024, 'x'), "fits " + std::string(1'000, 'y')});
  CHECK(reader.seen_count() == 101);  // none twice
  worker.release_held();
  CHECK(within(kLong, [&] { return worker.consumer().in_flight() == 0; }));  // a restart repeats nothing
}

TEST_CASE("e2e kafka: a topic that is not there is named at the start", "[e2e][kafka]") {
  ProducerMetrics metrics;
  std::atomic<bool> fatal{false};
  auto producer = Producer::start(
      {.kafka = {.brokers = broker().address()}, .watched = {"no.such.topic", "small"}}, [&](Error) { fatal = true; },
      metrics);
  REQUIRE(producer.has_value());
  REQUIRE(within(kLong, [&] { return !(*producer)->troubles().empty(); }));
  const std::vector<TopicTrouble> troubles = (*producer)->troubles();
  REQUIRE(troubles.size() == 1);
  CHECK(troubles.front().topic == "no.such.topic");
  CHECK(troubles.front().why == Refusal::TopicMissing);
  (*producer)->produce(nullptr, "no.such.topic", "", "v");
  CHECK_FALSE((*producer)->flush(milliseconds(500)));
  create_topic("no.such.topic");
  REQUIRE((*producer)->flush(kLong));  // without a restart
  CHECK(within(kLong, [&] { return (*producer)->troubles().empty(); }));
  CHECK_FALSE(fatal);
}

}  // namespace
}  // namespace nightpost::kafka
