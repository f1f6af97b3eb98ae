#include "kafka/consumer.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <sstream>
#include <string>

#include "observe/log.h"
#include "support/kafka_worker.h"

namespace nightpost::kafka {
namespace {

using test::fill;
using test::within;
using test::Worker;

constexpr const char* kTopic = "events";
constexpr milliseconds kLong{30'000};

std::unique_ptr<EmbeddedBroker> broker(int partitions) {
  auto started = EmbeddedBroker::start({{kTopic, partitions}, {"results", 1}});
  REQUIRE(started.has_value());
  return std::move(*started);
}

ConsumerOptions options(const EmbeddedBroker& broker) {
  // The in-process broker lets a group that is not new wait for a second less than the session.
  return {.kafka = {.brokers = broker.brokers(),
                    .client = {{"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "500"}}},
          .group_id = "unit",
          .topic = kTopic,
          .commit_interval = milliseconds(20),
          .revoke_grace = milliseconds(500)};
}

bool is_multiple(const std::string& value, int n) { return std::stoi(value.substr(1)) % n == 0; }

TEST_CASE("consumer: every record goes to its partition's shard, once", "[kafka][consumer]") {
  const auto cluster = broker(4);
  fill(cluster->brokers(), kTopic, "v", 500);
  ConsumerOptions wanted = options(*cluster);
  wanted.shards = 3;
  Worker worker(wanted);
  REQUIRE(within(kLong, [&] { return worker.seen_count() >= 500; }));
  CHECK(worker.ready);
  CHECK(worker.distinct().size() == 500);
  CHECK(worker.shards() == std::set<std::size_t>{0, 1, 2});
  REQUIRE(within(kLong, [&] { return worker.consumer().in_flight() == 0; }));
  worker.stop();
  CHECK(read(worker.metrics.records) == 500);
  CHECK(read(worker.metrics.commits) > 0);
  CHECK(read(worker.metrics.gap_offsets) == 0);
  CHECK_FALSE(worker.fatal);
}

TEST_CASE("consumer: what was done out of order stays done after a restart", "[kafka][consumer]") {
  const auto cluster = broker(2);
  fill(cluster->brokers(), kTopic, "v", 300);
  const auto ends = [](const std::string& value) { return !is_multiple(value, 10); };
  {
    Worker first(options(*cluster), ends);
    REQUIRE(within(kLong, [&] { return first.seen_count() == 300 && first.consumer().in_flight() == 30; }));
    first.stop();
    first.release_held();  // too late: the consumer is gone
  }
  Worker second(options(*cluster));
  std::set<std::string> want;
  for (int i = 0; i < 300; i += 10) want.insert("v" + std::to_string(i));
  REQUIRE(within(kLong, [&] { return second.seen_count() >= want.size(); }));
  CHECK(second.distinct() == want);
  CHECK(second.seen_count() == want.size());
  CHECK(within(kLong, [&] { return read(second.metrics.skipped_done) > 200; }));
  CHECK(read(second.metrics.metadata_ignored) == 0);
}

TEST_CASE("consumer: a second member takes over without losing a record", "[kafka][consumer]") {
  const auto cluster = broker(4);
  fill(cluster->brokers(), kTopic, "a", 200);
  // The first member holds some records back, so the revocation has to give up waiting for them.
  Worker first(options(*cluster), [](const std::string& value) { return value[0] != 'a' || !is_multiple(value, 7); });
  REQUIRE(within(kLong, [&] { return first.seen_count() == 200; }));
  Worker second(options(*cluster));
  REQUIRE(within(kLong, [&] { return second.ready && read(second.metrics.assigned_partitions) == 2; }));
  fill(cluster->brokers(), kTopic, "b", 200);

  std::set<std::string> want;
  for (int i = 0; i < 200; ++i) want.insert({"a" + std::to_string(i), "b" + std::to_string(i)});
  std::set<std::string> all;
  CHECK(within(kLong, [&] {
    all = first.distinct();
    all.merge(second.distinct());
    return all == want;
  }));
  // What the first still held of the partitions that left came again at the second; or at the first itself, where the
  // in-process broker was slow enough to throw it out of the group and take it back (a counter says so).
  const auto repeated_at_first = [&] {
    std::set<std::string> once;
    std::set<std::string> again;
    for (const std::string& value : first.seen())
      if (!once.insert(value).second) again.insert(value);
    return again;
  };
  const auto came_again = [&] {
    std::set<std::string> again = second.distinct();
    if (read(first.metrics.assignments_lost) > 0) again.merge(repeated_at_first());
    return again;
  };
  const std::set<std::string> stale = first.stale();
  CHECK_FALSE(stale.empty());
  REQUIRE(within(kLong, [&] { return std::ranges::includes(came_again(), stale); }));
  // What stayed was not repeated.
  if (read(first.metrics.assignments_lost) == 0) CHECK(repeated_at_first().empty());
  first.release_held();
  CHECK(within(kLong, [&] { return read(first.metrics.stale_completions) >= stale.size(); }));
  CHECK(within(kLong, [&] { return first.consumer().in_flight() == 0; }));

  first.stop();
  fill(cluster->brokers(), kTopic, "c", 100);
  CHECK(within(kLong, [&] {
    int count = 0;
    for (const std::string& value : second.distinct()) count += value[0] == 'c' ? 1 : 0;
    return count == 100;
  }));
}

TEST_CASE("consumer: a member that gets no partition is ready, and takes over", "[kafka][consumer]") {
  const auto cluster = broker(1);
  auto first = std::make_unique<Worker>(options(*cluster));
  REQUIRE(within(kLong, [&] { return read(first->metrics.assigned_partitions) == 1; }));
  Worker spare(options(*cluster));
  REQUIRE(within(kLong, [&] { return spare.ready.load(); }));
  CHECK(read(first->metrics.assigned_partitions) + read(spare.metrics.assigned_partitions) == 1);
  first.reset();
  fill(cluster->brokers(), kTopic, "v", 10);
  CHECK(within(kLong, [&] { return spare.seen_count() == 10; }));
}

TEST_CASE("consumer: takes no more than the limit, and goes on when there is room", "[kafka][consumer]") {
  const bool pauses = GENERATE(false, true);
  const bool by_bytes = GENERATE(false, true);
  CAPTURE(pauses, by_bytes);
  const auto cluster = broker(2);
  fill(cluster->brokers(), kTopic, "v", 400);
  ConsumerOptions wanted = options(*cluster);
  if (by_bytes)
    wanted.in_flight_bytes_max = 400;
  else
    wanted.in_flight_max = 50;
  wanted.hold_before_pause = milliseconds(pauses ? 0 : 60'000);
  Worker worker(wanted, [](const std::string&) { return false; });
  std::size_t rounds = 0;
  REQUIRE(within(kLong, [&] {
    if (worker.consumer().in_flight() > 60) return true;  // the check below says so
    // Full: nothing more comes until some are released.
    if (worker.seen_count() < 400 && worker.consumer().in_flight() >= (by_bytes ? 30 : 50) &&
        (!pauses || read(worker.metrics.paused_partitions) == 2)) {
      ++rounds;
      worker.release_held();
    }
    return worker.seen_count() >= 400;
  }));
  CHECK(worker.consumer().in_flight() <= 60);
  CHECK(rounds >= 5);
  worker.release_held();
  CHECK(worker.distinct().size() == 400);
  CHECK(within(kLong, [&] { return worker.consumer().in_flight() == 0; }));
  CHECK(read(worker.metrics.gap_offsets) == 0);
}

TEST_CASE("consumer: a full ledger holds its partition only, and lets it go again", "[kafka][consumer]") {
  const auto cluster = broker(1);
  // Every 16th record is held: the metadata is full after some 24 thousand records.
  constexpr int kRecords = 60'000;
  fill(cluster->brokers(), kTopic, "v", kRecords);
  ConsumerOptions wanted = options(*cluster);
  wanted.in_flight_max = kRecords;
  Worker worker(wanted, [](const std::string& value) { return !is_multiple(value, 8); });
  REQUIRE(within(kLong, [&] { return read(worker.metrics.paused_partitions) == 1; }));
  const std::size_t at = worker.seen_count();
  CHECK(at < kRecords);
  CHECK(at > 20'000);
  worker.release_held();
  REQUIRE(within(kLong, [&] {
    worker.release_held();
    return worker.seen_count() >= kRecords;
  }));
  CHECK(worker.distinct().size() == kRecords);
  CHECK(read(worker.metrics.gap_offsets) == 0);
}

TEST_CASE("consumer: stop_fetching keeps what is in flight and takes nothing new", "[kafka][consumer]") {
  const auto cluster = broker(2);
  fill(cluster->brokers(), kTopic, "a", 50);
  Worker worker(options(*cluster), [](const std::string&) { return false; });
  REQUIRE(within(kLong, [&] { return worker.seen_count() == 50; }));
  worker.consumer().stop_fetching();
  REQUIRE(within(kLong, [&] { return read(worker.metrics.paused_partitions) == 2; }));
  fill(cluster->brokers(), kTopic, "b", 50);
  CHECK(worker.consumer().in_flight() == 50);
  worker.release_held();
  REQUIRE(within(kLong, [&] { return worker.consumer().in_flight() == 0; }));
  worker.stop();
  CHECK(worker.seen_count() == 50);

  Worker next(options(*cluster));
  REQUIRE(within(kLong, [&] { return next.seen_count() >= 50; }));
  for (const std::string& value : next.seen()) CHECK(value[0] == 'b');
}

TEST_CASE("consumer: a record ends when its own hold and its messages' are gone", "[kafka][consumer]") {
  const auto cluster = broker(1);
  fill(cluster->brokers(), kTopic, "v", 20);
  ProducerMetrics metrics;
  auto producer = Producer::start({.kafka = {.brokers = cluster->brokers()}}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  Worker worker(options(*cluster), [](const std::string&) { return false; });
  REQUIRE(within(kLong, [&] { return worker.seen_count() == 20; }));
  for (PendingRecord* pending : worker.pending_records())
    for (int i = 0; i < 3; ++i) (*producer)->produce(pending, "results", "", "outcome");
  CHECK(worker.consumer().in_flight() == 20);
  REQUIRE((*producer)->flush(kLong));
  CHECK(worker.consumer().in_flight() == 20);  // the shard still works on them
  worker.release_held();
  CHECK(within(kLong, [&] { return worker.consumer().in_flight() == 0; }));
  CHECK(read(metrics.delivered) == 60);
}

TEST_CASE("consumer: carries the traceparent and an empty value", "[kafka][consumer]") {
  const auto cluster = broker(1);
  ProducerMetrics metrics;
  auto producer = Producer::start({.kafka = {.brokers = cluster->brokers()}}, [](Error) {}, metrics);
  REQUIRE(producer.has_value());
  const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  (*producer)->produce(nullptr, kTopic, "k", "traced", {{"other", "x"}, {"traceparent", trace}});
  (*producer)->produce(nullptr, kTopic, "", "");
  REQUIRE((*producer)->flush(kLong));
  Worker worker(options(*cluster));
  REQUIRE(within(kLong, [&] { return worker.seen_count() == 2; }));
  CHECK(worker.traceparent_of("traced") == trace);
  CHECK(worker.traceparent_of("").empty());
}

TEST_CASE("consumer: the lag is there before anything is done", "[kafka][consumer]") {
  const auto cluster = broker(3);
  fill(cluster->brokers(), kTopic, "v", 300);
  ConsumerOptions wanted = options(*cluster);
  wanted.in_flight_max = 1;
  Worker worker(wanted, [](const std::string&) { return false; });
  REQUIRE(within(kLong, [&] { return worker.ready.load(); }));
  CHECK(read(worker.metrics.lag[0]) == 300);
  REQUIRE(within(kLong, [&] { return worker.seen_count() >= 1; }));
  CHECK(read(worker.metrics.lag[0]) == 300);
}

TEST_CASE("consumer: the lag grows while partitions are paused", "[kafka][consumer]") {
  const auto cluster = broker(2);
  fill(cluster->brokers(), kTopic, "a", 100);
  ConsumerOptions wanted = options(*cluster);
  wanted.in_flight_max = 10;
  wanted.hold_before_pause = milliseconds(0);
  Worker worker(wanted, [](const std::string&) { return false; });
  REQUIRE(within(kLong, [&] { return read(worker.metrics.paused_partitions) == 2; }));
  CHECK(read(worker.metrics.lag[0]) == 100);
  fill(cluster->brokers(), kTopic, "b", 100);
  CHECK(within(kLong, [&] { return read(worker.metrics.lag[0]) == 200; }));
  CHECK(read(worker.metrics.paused_partitions) == 2);
}

TEST_CASE("consumer: a group without offsets begins where it is told, and chooses once", "[kafka][consumer]") {
  struct Row {
    StartAt::From from;
    int old_records;
  };
  const Row row = GENERATE(values<Row>({{StartAt::From::Earliest, 60}, {StartAt::From::Latest, 0}}));
  const auto cluster = broker(2);
  fill(cluster->brokers(), kTopic, "old", 60);
  std::ostringstream said;
  const SystemClock clock;
  observe::Log log(observe::Level::Info, 1'000, said, clock);
  ConsumerOptions wanted = options(*cluster);
  wanted.start_at.from = row.from;
  wanted.kafka.log = &log;
  {
    Worker first(wanted);
    REQUIRE(within(kLong, [&] { return read(first.metrics.commits) > 0; }));  // of where it begins
    REQUIRE(within(kLong, [&] { return first.seen_count() == static_cast<std::size_t>(row.old_records); }));
    REQUIRE(within(kLong, [&] { return first.consumer().in_flight() == 0; }));
    first.stop();
  }
  CHECK(said.str().find("kafka.group_begins") != std::string::npos);
  said.str("");
  fill(cluster->brokers(), kTopic, "new", 40);
  Worker second(wanted);
  REQUIRE(within(kLong, [&] { return second.seen_count() >= 40; }));
  for (const std::string& value : second.seen()) CHECK(value.starts_with("new"));
  second.stop();
  CHECK(said.str().find("kafka.group_begins") == std::string::npos);
}

TEST_CASE("consumer: a broker that refuses the metadata gets the offsets", "[kafka][consumer]") {
  const auto cluster = broker(1);
  fill(cluster->brokers(), kTopic, "v", 100);
  std::ostringstream said;
  const SystemClock clock;
  observe::Log log(observe::Level::Info, 1'000, said, clock);
  ConsumerOptions wanted = options(*cluster);
  wanted.kafka.log = &log;
  {
    Worker first(wanted, [](const std::string& value) { return std::stoi(value.substr(1)) < 50; });
    REQUIRE(within(kLong, [&] { return first.consumer().in_flight() == 50 && read(first.metrics.lag[0]) == 50; }));
    cluster->refuse_metadata(1);
    first.release_held([](const std::string& value) { return value == "v51"; });
    REQUIRE(within(kLong, [&] { return read(first.metrics.commits_plain) == 1; }));
    const std::uint64_t commits = read(first.metrics.commits);
    REQUIRE(within(kLong, [&] { return read(first.metrics.commits) > commits; }));
    first.stop();
  }
  CHECK(said.str().find("kafka.commit_metadata_refused") != std::string::npos);
  Worker second(wanted);
  REQUIRE(within(kLong, [&] { return second.seen_count() >= 50; }));
  CHECK(second.distinct().contains("v51"));  // its offset was committed plain
  CHECK(second.distinct().size() == 50);
}

TEST_CASE("consumer: what retention took before it was done is counted and said", "[kafka][consumer]") {
  const auto cluster = broker(1);
  std::ostringstream said;
  const SystemClock clock;
  observe::Log log(observe::Level::Info, 1'000, said, clock);
  ConsumerOptions wanted = options(*cluster);
  wanted.kafka.log = &log;
  fill(cluster->brokers(), kTopic, "v", 10);
  {
    Worker first(wanted, [](const std::string& value) { return value == "v3" || value == "v4"; });
    REQUIRE(within(kLong, [&] { return first.seen_count() == 10 && read(first.metrics.commits) > 0; }));
    REQUIRE(within(kLong, [&] { return first.consumer().in_flight() == 8; }));
    first.stop();
  }
  // The in-process broker keeps 5 MiB, of what no compression makes smaller.
  std::string noise(300'000, ' ');
  std::mt19937_64 rng(7);
  for (char& byte : noise) byte = static_cast<char>(rng());
  fill(cluster->brokers(), kTopic, noise, 40);
  Worker second(wanted);
  REQUIRE(within(kLong, [&] { return second.ready && second.consumer().in_flight() == 0 && second.seen_count() > 0; }));
  REQUIRE(within(kLong, [&] { return read(second.metrics.lag[0]) == 0; }));
  second.stop();
  // Of all 50, two were done and the rest either came or was lost.
  CHECK(read(second.metrics.retention_lost) == 50 - 2 - second.seen_count());
  CHECK(read(second.metrics.retention_lost) >= 8);
  CHECK(read(second.metrics.gap_offsets) == 0);
  CHECK(said.str().find("kafka.retention_lost") != std::string::npos);
}

TEST_CASE("consumer: starts without a broker, keeps trying, stops in time", "[kafka][consumer]") {
  Worker worker({.kafka = {.brokers = "127.0.0.1:1", .client = {{"heartbeat.interval.ms", "100"}}},
                 .silence = milliseconds(100)});
  CHECK(within(kLong, [&] { return read(worker.metrics.brokers_down) == 1; }));
  CHECK_FALSE(worker.ready);
  CHECK_FALSE(worker.fatal);
  const auto before = std::chrono::steady_clock::now();
  worker.stop();
  worker.stop();
  CHECK(std::chrono::steady_clock::now() - before < seconds(10));
}

TEST_CASE("consumer: stops in time where brokers take its last commit and never answer", "[kafka][consumer]") {
  const auto cluster = broker(1);
  ConsumerOptions wanted = options(*cluster);
  wanted.commit_wait = milliseconds(1'000);
  wanted.commit_interval = seconds(60);
  fill(cluster->brokers(), kTopic, "e", 5);
  Worker worker(wanted, [](const std::string&) { return false; });
  REQUIRE(within(kLong, [&] { return worker.seen_count() == 5; }));
  cluster->answer_after(std::chrono::hours(1));
  worker.release_held();
  const auto before = std::chrono::steady_clock::now();
  worker.stop();
  CHECK(std::chrono::steady_clock::now() - before < seconds(10));
}

TEST_CASE("consumer: refuses settings that break what it promises, by name", "[kafka][consumer]") {
  struct Row {
    const char* key;
    const char* value;
    bool fine;
  };
  const Row row = GENERATE(values<Row>({
      {"security.protocol", "ssl", true},
      {"sasl.mechanism", "SCRAM-SHA-512", true},
      {"ssl.ca.location", "/etc/ssl/certs/ca-certificates.crt", true},
      {"session.timeout.ms", "30000", true},
      {"enable.auto.commit", "true", false},
      {"enable.auto.offset.store", "true", false},
      {"auto.offset.reset", "latest", false},
      {"acks", "1", false},
      {"request.required.acks", "0", false},
      {"enable.idempotence", "false", false},
      {"message.timeout.ms", "1000", false},
      {"delivery.timeout.ms", "1000", false},
      {"retries", "0", false},
      {"partition.assignment.strategy", "range", false},
      {"bootstrap.servers", "elsewhere:9092", false},
      {"group.id", "another", false},
      {"plugin.library.paths", "evil.so", false},
      {"no.such.setting", "1", false},
      {"session.timeout.ms", "soon", false},
      {"security.protocol", "carrier pigeon", false},
      {"", "", false},
  }));
  CAPTURE(row.key, row.value);
  const Result<void> checked = check_client_settings({{row.key, row.value}});
  CHECK(checked.has_value() == row.fine);
  if (!checked) {
    CHECK(checked.error().code == Errc::Malformed);
    CHECK_THAT(checked.error().detail, Catch::Contains(row.key));
  }
  ConsumerMetrics metrics;
  if (!row.fine) CHECK_FALSE(Consumer::start({.kafka = {.client = {{row.key, row.value}}}}, {}, metrics).has_value());
}

}  // namespace
}  // namespace nightpost::kafka
