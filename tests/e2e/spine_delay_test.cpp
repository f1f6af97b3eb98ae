// A vendor that fails for longer than a push is tried in memory: what is left of its events waits in the delay topics,
// and all of it arrives. Real Kafka, the release binary, the sandbox.
#include <catch2/catch.hpp>
#include <csignal>
#include <map>
#include <optional>

#include "e2e/spine_bed.h"
#include "support/spine/vendor_kit.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Worker = support::Nightpost::Worker;

const json kFails = {{"rules", {{{"name", "busy"}, {"match", {{"vendor", "fcm"}}}, {"act", {{"status", 503}}}}}}};
const json kWell = {{"rules", json::array()}};
const std::vector<std::string> kTiers = {"10s", "1m", "10m", "1h"};

struct DelayBed : Bed {
  explicit DelayBed(std::size_t users) {
    config = nightpost.config("worker.json", names, {{"dispatch", {{"quick_for_ms", 2'000}}}});
    support::add_vendor_users(nightpost.store_path(),
                              support::add_vendor_certificate(nightpost, config, "fcm", sandbox, folder), "fcm", 0,
                              users);
  }

  void produce(std::size_t from, std::size_t count) {
    for (std::size_t i = from; i < from + count; ++i)
      topics.produce(names.offline, support::user_name(i), support::event_json("delay-" + std::to_string(i), i));
    topics.flush(30s);
  }
  std::int64_t put_off() {
    std::int64_t records = 0;
    for (const std::string& tier : kTiers) records += topics.size("nightpost.retry." + tier + ".v1");
    return records;
  }
  /// Outcomes by kind, of each event.
  std::map<std::string, std::map<std::string, int>> told() {
    std::map<std::string, std::map<std::string, int>> all;
    for (const json& outcome : outcomes())
      ++all[outcome.at("event_id").get<std::string>()][outcome.at("outcome").get<std::string>()];
    return all;
  }
  bool all_accepted(std::size_t events) {
    return support::eventually(
        90s,
        [&] {
          std::size_t accepted = 0;
          for (const auto& [event, kinds] : told()) accepted += kinds.contains("accepted") ? 1 : 0;
          return accepted == events;
        },
        500ms);
  }
  static bool nothing_waits(const Worker& worker) {
    return support::eventually(
        60s,
        [&] {
          for (const std::string& tier : kTiers)
            if (metric(worker, "nightpost_kafka_lag{topic=\"retry_" + tier + "\"}") != 0) return false;
          return metric(worker, "nightpost_kafka_lag{topic=\"offline\"}") == 0;
        },
        200ms);
  }

  support::SandboxProcess sandbox{program(), {"fcm"}, folder};
  std::string config;
};

TEST_CASE("a vendor that answers 503 for fifteen seconds: all arrives, once", "[e2e][delay]") {
  constexpr std::size_t kEvents = 3'000;
  DelayBed bed(kEvents);
  Worker worker(bed.nightpost, "worker", bed.config);
  REQUIRE(worker.ready(60s));
  bed.sandbox.script(kFails);
  for (std::size_t part = 0; part < 150; ++part) {  // twenty events every tenth of a second
    bed.produce(part * 20, 20);
    support::pause_for(100ms);
  }
  CHECK(bed.put_off() >= std::int64_t(kEvents) / 2);
  bed.sandbox.script(kWell);
  CHECK(bed.all_accepted(kEvents));
  CHECK(bed.nothing_waits(worker));
  std::size_t twice = 0;
  for (const auto& [event, kinds] : bed.told()) {
    for (const auto& [kind, count] : kinds) {
      CAPTURE(event, kind, count);
      CHECK((kind == "accepted" || kind == "retrying"));
    }
    twice += kinds.contains("accepted") && kinds.at("accepted") > 1 ? 1 : 0;
  }
  CHECK(twice == 0);
  CHECK(bed.topics.size(bed.names.dead) == 0);
  worker.process().signal(SIGTERM);
  CHECK(worker.process().wait(30s) == 0);
}

TEST_CASE("a worker that is killed while records wait in the delay topics: nothing is lost", "[e2e][delay]") {
  constexpr std::size_t kEvents = 1'000;
  DelayBed bed(kEvents);
  std::optional<Worker> worker;
  worker.emplace(bed.nightpost, "first", bed.config);
  REQUIRE(worker->ready(60s));
  bed.sandbox.script(kFails);
  bed.produce(0, kEvents);
  REQUIRE(support::eventually(60s, [&] { return bed.put_off() >= std::int64_t(kEvents) / 2; }, 100ms));
  REQUIRE(support::eventually(30s, [&] { return metric(*worker, "nightpost_kafka_partitions_waiting") > 0; }, 50ms));
  worker->process().signal(SIGKILL);
  REQUIRE(worker->process().wait(10s) == 128 + SIGKILL);
  bed.sandbox.script(kWell);
  worker.emplace(bed.nightpost, "second", bed.config);
  REQUIRE(worker->ready(60s));
  CHECK(bed.all_accepted(kEvents));
  CHECK(bed.nothing_waits(*worker));
  CHECK(bed.topics.size(bed.names.dead) == 0);
  worker->process().signal(SIGTERM);
  CHECK(worker->process().wait(30s) == 0);
}

}  // namespace
}  // namespace nightpost::e2e
