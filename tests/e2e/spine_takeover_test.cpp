// How long pushes wait when a worker dies or restarts, under a steady load on every partition: then the latest push
// shows the longest pause of any partition. The times are printed; what is asserted is
// what README and config/README.md promise.
#include <catch2/catch.hpp>
#include <csignal>
#include <iostream>
#include <set>
#include <thread>

#include "e2e/spine_bed.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using support::milliseconds;
using Worker = support::Nightpost::Worker;

constexpr std::size_t kEventsMax = 40'000;
constexpr auto kEvery = 5ms;    // 25 events a second and partition
constexpr int kTakenOver = 40;  // eight of the offline topic in Bed and of each delay topic

/// One event every 5 ms, each to a phone of its own and stamped with its moment, until it ends. Nobody else may touch
/// the bed's topics meanwhile.
class Load {
 public:
  explicit Load(Bed& bed) : thread_([this, &bed](const std::stop_token& stop) { run(bed, stop); }) {}
  /// Ends it; returns how many events there were.
  std::size_t end() {
    thread_.request_stop();
    thread_.join();
    return produced_;
  }

 private:
  void run(Bed& bed, const std::stop_token& stop) {
    auto next = std::chrono::steady_clock::now();
    while (!stop.stop_requested() && produced_ < kEventsMax) {
      const auto now_us =
          std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count();
      bed.topics.produce(bed.names.offline, support::user_name(produced_),
                         support::event_json("takeover-" + std::to_string(produced_), produced_,
                                             "bench_us=" + std::to_string(now_us)));
      ++produced_;
      std::this_thread::sleep_until(next += kEvery);
    }
    bed.topics.flush(60s);
  }

  std::size_t produced_ = 0;
  std::jthread thread_;
};

std::string config_of(Bed& bed, const std::string& name, const nlohmann::json& kafka = nlohmann::json::object()) {
  return bed.nightpost.config(name + ".json", bed.names, {{"kafka", kafka}});
}

void add_phones(Bed& bed, const std::string& config) {
  support::add_users(bed.nightpost.store_path(),
                     bed.nightpost.add_certificate(config, bed.sink.origin(), bed.sink.ca_file()), kEventsMax);
}

bool holds(Worker& worker, int partitions) {
  return support::eventually(
      90s, [&] { return metric(worker, "nightpost_kafka_partitions_assigned") == partitions; }, 50ms);
}

void expect_nothing_lost(Bed& bed, std::size_t events) {
  REQUIRE(bed.committed(static_cast<std::int64_t>(events), 90s));
  std::set<std::string> done;
  for (const nlohmann::json& outcome : bed.outcomes())
    if (outcome.at("outcome") == "accepted") done.insert(outcome.at("event_id"));
  CHECK(done.size() == events);
}

/// The latest push since the last call.
std::chrono::microseconds latest(Bed& bed, const char* what) {
  const support::Sink::Stats stats = bed.sink.stats();
  bed.sink.reset();
  std::cerr << what << ": the latest of " << stats.latency.count << " pushes was " << stats.latency.max.count() / 1000
            << " ms late (p50 " << stats.latency.p50.count() / 1000 << " ms)" << std::endl;
  return stats.latency.max;
}

void wait_for_pushes(Bed& bed, std::uint64_t pushes) {
  REQUIRE(support::eventually(60s, [&] { return bed.sink.stats().latency.count >= pushes; }));
}

TEST_CASE("one of two workers is killed: its pushes go on at the other one", "[e2e][spine][takeover]") {
  Bed bed;
  const std::string config = config_of(bed, "worker");
  add_phones(bed, config);
  Worker stays(bed.nightpost, "stays", config);
  REQUIRE(stays.ready(60s));
  Worker dies(bed.nightpost, "dies", config);
  REQUIRE(dies.ready(60s));
  REQUIRE(holds(stays, kTakenOver / 2));
  Load load(bed);
  wait_for_pushes(bed, 400);
  latest(bed, "two workers");
  dies.process().signal(SIGKILL);
  CHECK(holds(stays, kTakenOver));
  const std::size_t events = load.end();
  expect_nothing_lost(bed, events);
  CHECK(latest(bed, "one of two workers killed") < 10s);
}

TEST_CASE("static members restart one after the other: no partition moves or waits for long",
          "[e2e][spine][takeover]") {
  Bed bed;
  const std::string first = config_of(bed, "first", {{"group_instance_id", "first-{hostname}"}});
  const std::string second = config_of(bed, "second", {{"group_instance_id", "second-{hostname}"}});
  add_phones(bed, first);
  std::optional<Worker> a, b;
  a.emplace(bed.nightpost, "a1", first);
  REQUIRE(a->ready(60s));
  b.emplace(bed.nightpost, "b1", second);
  REQUIRE(b->ready(60s));
  REQUIRE(holds(*a, kTakenOver / 2));
  REQUIRE(holds(*b, kTakenOver / 2));
  Load load(bed);
  wait_for_pushes(bed, 400);
  latest(bed, "two static workers");

  // How long the worker was away: no push may wait for much longer, on a slow machine neither.
  const auto restart = [&](std::optional<Worker>& worker, const char* name, const std::string& config, Worker& other,
                           int signal) {
    const double rebalances = metric(other, "nightpost_kafka_rebalances_total");
    const auto left = std::chrono::steady_clock::now();
    worker->process().signal(signal);
    const auto code = worker->process().wait(60s);
    CAPTURE(worker->log());
    REQUIRE(code == (signal == SIGKILL ? 128 + SIGKILL : 0));
    worker.emplace(bed.nightpost, name, config);
    REQUIRE(worker->ready(60s));
    REQUIRE(holds(*worker, kTakenOver / 2));
    const auto away = std::chrono::steady_clock::now() - left;
    wait_for_pushes(bed, bed.sink.stats().latency.count + 400);
    CHECK(metric(other, "nightpost_kafka_rebalances_total") == rebalances);
    CHECK(metric(other, "nightpost_kafka_partitions_assigned") == kTakenOver / 2);
    return away;
  };
  const auto one = restart(a, "a2", first, *b, SIGTERM), other = restart(b, "b2", second, *a, SIGTERM);
  CHECK(latest(bed, "two static workers restarted in turn") < std::max(one, other) + 1s);
  const auto killed = restart(a, "a3", first, *b, SIGKILL);
  CHECK(latest(bed, "a static worker killed and started again") < killed + 5s);
  expect_nothing_lost(bed, load.end());
}

}  // namespace
}  // namespace nightpost::e2e
