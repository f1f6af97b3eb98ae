// A whole worker against librdkafka's in-process broker: that it leaves in time, and says what it cannot write to.
#include "app/worker.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "store/sealer.h"
#include "support/kafka_worker.h"

namespace nightpost::app {
namespace {

using kafka::test::within;

constexpr milliseconds kPatience{30'000};
constexpr milliseconds kDrain{3'000};

/// The system's, but for a leap that a test makes: as if every loop had stood still meanwhile. Where it is `slow`, who
/// reads the wall clock is held up by it.
struct LeapClock final : Clock {
  WallTime wall() const noexcept override {
    const MonoTime end = std::chrono::steady_clock::now() + slow.load();
    while (std::chrono::steady_clock::now() < end) {
    }
    return SystemClock().wall();
  }
  MonoTime mono() const noexcept override { return std::chrono::steady_clock::now() + leap.load(); }
  std::atomic<MonoTime::duration> slow{MonoTime::duration(0)};
  std::atomic<MonoTime::duration> leap{MonoTime::duration(0)};
};

/// A worker's folder and configuration, and the worker.
class WorkerBed {
 public:
  explicit WorkerBed(const std::string& brokers, std::size_t queue_messages_max = 500'000) {
    std::string pattern = (std::filesystem::temp_directory_path() / "worker-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    config.master_key_file = folder_ + "/master.key";
    std::ofstream(config.master_key_file) << store::Sealer::new_key_text();
    std::filesystem::permissions(config.master_key_file, std::filesystem::perms::owner_read);
    config.store_url.place = folder_ + "/store.db";
    config.consumer.kafka.brokers = config.producer.kafka.brokers = brokers;
    config.consumer.kafka.client = {{"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "500"}};
    config.topics.offline = "offline";
    config.topics.results = "results";
    config.topics.dead = "dead";
    config.topics.retry = {"late1", "late2", "late3", "late4"};
    config.shards = config.consumer.shards = 2;
    config.drain_limit = kDrain;
    config.producer.linger = milliseconds(1);
    config.producer.queue_messages_max = queue_messages_max;
    config.producer.refused_backoff_first = milliseconds(20);
    config.producer.refused_backoff_max = milliseconds(100);
  }
  ~WorkerBed() {
    worker.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void start() {
    auto started =
        Worker::start(config, clock, log, {[this] { ready = true; }, [this](const Error&) { fatal = true; }});
    if (!started) FAIL(started.error().detail);
    worker = *std::move(started);
  }
  /// The worker, from its signal to its end.
  void check_leaves_in_time() {
    const MonoTime deadline = std::chrono::steady_clock::now() + kDrain;
    worker->drain(deadline);
    worker.reset();
    // What kills it is Service's watchdog; here it must not be needed.
    CHECK(std::chrono::steady_clock::now() <= deadline + seconds(2));
  }

  Config config;
  std::ostringstream said;
  LeapClock clock;
  observe::Log log{observe::Level::Info, 1'000, said, clock};
  std::atomic<bool> ready{false}, fatal{false};
  std::unique_ptr<Worker> worker;

 private:
  std::string folder_;
};

std::unique_ptr<kafka::EmbeddedBroker> broker() {
  auto started = kafka::EmbeddedBroker::start(
      {{"offline", 2}, {"results", 1}, {"dead", 1}, {"late1", 1}, {"late2", 1}, {"late3", 1}, {"late4", 1}});
  REQUIRE(started);
  return *std::move(started);
}

TEST_CASE("worker: it leaves in good order, everything settled", "[app][worker]") {
  const auto cluster = broker();
  kafka::test::fill(cluster->brokers(), "offline", "no event ", 100);
  WorkerBed bed(cluster->brokers());
  bed.start();
  REQUIRE(within(kPatience, [&] { return kafka::read(bed.worker->metrics().producer.delivered) == 100; }));
  CHECK(bed.worker->unready().empty());
  CHECK(bed.worker->drain());
  bed.check_leaves_in_time();
  CHECK_FALSE(bed.fatal);
}

TEST_CASE("worker: brokers that went away do not keep it", "[app][worker]") {
  auto cluster = broker();
  WorkerBed bed(cluster->brokers(), 64);  // much less than comes
  kafka::test::fill(cluster->brokers(), "offline", "no event ", 2'000);
  cluster->set_trouble("dead", kafka::Refusal::TopicMissing);  // so that there are letters nobody takes
  bed.start();
  REQUIRE(within(kPatience, [&] { return kafka::read(bed.worker->metrics().producer.queued) >= 64; }));
  cluster.reset();
  bed.check_leaves_in_time();
}

TEST_CASE("worker: brokers that take connections and never answer do not keep it", "[app][worker]") {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {::htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listener, 64) == 0);
  REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  WorkerBed bed("127.0.0.1:" + std::to_string(::ntohs(address.sin_port)));
  bed.start();
  REQUIRE(bed.worker->unready().size() == 1);
  CHECK(bed.worker->unready().front().why == "no partitions yet");
  bed.check_leaves_in_time();
  ::close(listener);
}

TEST_CASE("worker: what moves to another member is given back, memory and all", "[app][worker]") {
  const auto cluster = broker();
  // Large ones, for a shard takes a MiB at a time.
  kafka::test::fill(cluster->brokers(), "offline", std::string(300'000, 'x'), 100);
  cluster->set_trouble("dead", kafka::Refusal::TopicMissing);  // a few letters use the credit up, the rest waits
  WorkerBed first(cluster->brokers(), 8);
  first.config.consumer.revoke_grace = milliseconds(100);
  first.start();
  const auto count = [&](const kafka::Cell& cell) { return kafka::read(cell); };
  const kafka::ConsumerMetrics& seen = first.worker->metrics().consumer;
  REQUIRE(within(kPatience, [&] { return count(seen.in_flight) == 100; }));
  CHECK(count(seen.pending_records) == 100);
  WorkerBed second(cluster->brokers(), 8);
  second.start();
  REQUIRE(within(kPatience, [&] { return count(seen.assigned_partitions) == 3 && count(seen.rebalances) >= 2; }));
  // Of the partition that went, only letters on their way to the broker are still held.
  CHECK(within(kPatience, [&] { return count(seen.pending_records) <= count(seen.in_flight) + 8; }));
  CHECK(count(seen.in_flight) > 20);
  cluster->set_trouble("dead", std::nullopt);
  CHECK(within(kPatience, [&] { return count(seen.pending_records) == 0; }));
  CHECK(within(kPatience, [&] { return count(second.worker->metrics().consumer.lag[0]) == 0; }));
  CHECK(first.worker->drain());
  CHECK(second.worker->drain());
}

TEST_CASE("worker: a full producer stops planning, and goes on with the acknowledgements", "[app][worker]") {
  const auto cluster = broker();
  kafka::test::fill(cluster->brokers(), "offline", "no event ", 2'000);
  WorkerBed bed(cluster->brokers(), 8);
  cluster->set_trouble("dead", kafka::Refusal::TopicMissing);
  bed.start();
  REQUIRE(within(kPatience, [&] {
    const std::vector<Unready> why = bed.worker->unready();
    return why.size() == 1 && why.front().part == "topic dead" && why.front().why.starts_with("topic_missing");
  }));
  REQUIRE(within(kPatience, [&] { return kafka::read(bed.worker->metrics().producer.queued) >= 8; }));
  CHECK(kafka::read(bed.worker->metrics().producer.topic_unusable[1]) == 1);
  cluster->set_trouble("dead", std::nullopt);
  REQUIRE(within(kPatience, [&] { return kafka::read(bed.worker->metrics().producer.delivered) == 2'000; }));
  CHECK(within(kPatience, [&] { return bed.worker->unready().empty(); }));
  CHECK(bed.worker->drain());
  CHECK(bed.said.str().find("kafka.topic_unusable") != std::string::npos);
  CHECK(bed.said.str().find("create the topic") != std::string::npos);
}

TEST_CASE("worker: its loops' turns and stalls are counted", "[app][worker][loop]") {
  const auto cluster = broker();
  kafka::test::fill(cluster->brokers(), "offline", "no event ", 100);
  WorkerBed bed(cluster->brokers());
  bed.config.stall = seconds(10);  // so that a busy machine makes none
  bed.start();
  REQUIRE(within(kPatience, [&] { return kafka::read(bed.worker->metrics().producer.delivered) == 100; }));
  std::uint64_t turns = 0;
  for (const ShardMetrics& shard : bed.worker->metrics().shards) turns += shard.loop.turns.read();
  CHECK(turns > 0);
  REQUIRE(bed.worker->shards() == 2);
  CHECK(bed.worker->loop_report(0, bed.clock.mono()).stalls == 0);

  bed.config.stall = milliseconds(500);
  bed.worker.reset();
  bed.start();
  const auto stalled = [&](std::size_t shard) {
    const LoopMonitor::Report report = bed.worker->loop_report(shard, bed.clock.mono());
    return report.longest && report.longest->lasted >= seconds(60);
  };
  // The first leap may come before a loop's first beat.
  for (std::size_t shard = 0; shard < 2; ++shard)
    CHECK(within(kPatience, [&] {
      bed.clock.leap = bed.clock.leap.load() + seconds(61);
      return within(seconds(2), [&] { return stalled(shard); });
    }));
  bed.check_leaves_in_time();
}

TEST_CASE("worker: a slow part of a shard's turn is named", "[app][worker][loop]") {
  const auto cluster = broker();
  WorkerBed bed(cluster->brokers());
  bed.start();
  REQUIRE(within(kPatience, [&] { return bed.ready.load(); }));
  bed.clock.slow = milliseconds(200);  // the dispatcher asks when it takes a batch
  kafka::test::fill(cluster->brokers(), "offline", "no event ", 1);
  const auto stalls = [&](LoopPart part) {
    std::uint64_t sum = 0;
    for (const ShardMetrics& shard : bed.worker->metrics().shards) sum += shard.loop.stalls[std::size_t(part)].read();
    return sum;
  };
  CHECK(within(kPatience, [&] { return stalls(LoopPart::Accept) > 0; }));
  bed.clock.slow = milliseconds(0);
  CHECK(within(kPatience, [&] { return kafka::read(bed.worker->metrics().producer.delivered) == 1; }));
  bed.check_leaves_in_time();
}

}  // namespace
}  // namespace nightpost::app
