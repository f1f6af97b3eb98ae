// isolation_bench: all vendors at once, first well, then with one that hangs, then with one that answers 503 and one
// that answers 429 beside it, then well again. How much later do the others' pushes get? See ../README.md.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <iostream>
#include <optional>

#include "bench/spine/report.h"
#include "bench/vendors/bed.h"
#include "chaos/ledger.h"
#include "support/spine/broker.h"
#include "support/spine/fleet.h"

namespace nightpost::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

constexpr std::size_t kUsersEach = 2'000;
constexpr std::size_t kCapacityEvents = 40'000;
constexpr std::size_t kWarmUp = 5;              // seconds
constexpr double kShareOfCapacity = 0.5;        // of what the machine sustains when all is well
constexpr double kRateMax = 6'000;              // events a second, unless told otherwise
constexpr auto kQuiet = 15s, kQuietMax = 120s;  // no outcome for so long: whatever is still open stays open

struct Arguments {
  std::string nightpost, brokers, hangs = "huawei", fails = "vivo", throttles = "xiaomi";
  double per_s = 0;  // events, all vendors together; 0: by the machine's capacity
  std::size_t seconds = 30;
  int runs = 1;
  bool json = false;
};

std::int64_t ms_of(system_clock::time_point t) {
  return std::chrono::duration_cast<support::milliseconds>(t.time_since_epoch()).count();
}

nlohmann::json rule(const std::string& vendor, nlohmann::json act) {
  return {{"name", vendor}, {"match", {{"vendor", vendor}}}, {"act", std::move(act)}};
}

class Story {
 public:
  Story(const Arguments& arguments, const VendorBed& bed, int number)
      : arguments_(arguments), bed_(bed), run_(bed, fmt::format("isolation-{}", number)), number_(number) {}

  Measured tell() {
    Measured measured;
    rules({});
    if (rate_ == 0) {
      const double capacity = measure_capacity();
      rate_ = std::min(kRateMax, kShareOfCapacity * capacity);
      std::cerr << fmt::format("run {}: {:.0f} events/s in all when all is well; offered: {:.0f}/s", number_, capacity,
                               rate_)
                << std::endl;
      measured["capacity_per_s"] = capacity;
    } else {
      run_.go();
    }
    measured["events_per_s"] = rate_;
    measured["offered_to_each_per_s"] = rate_ / double(bed_.vendors.size());
    play("warm_up", {}, kWarmUp);
    play("calm", {}, arguments_.seconds);
    auto faults = nlohmann::json::array();
    faults.push_back(rule(arguments_.hangs, {{"hang", true}}));
    play("hang", faults, arguments_.seconds);
    faults.push_back(rule(arguments_.fails, {{"status", 503}}));
    play("hang_503", faults, arguments_.seconds);
    faults.push_back(rule(arguments_.throttles, {{"status", 429}}));
    play("hang_503_429", faults, arguments_.seconds);
    play("recovery", {}, arguments_.seconds);
    until_quiet();
    count(measured);
    run_.worker().signal(SIGKILL);  // what hangs would be waited for
    return measured;
  }

 private:
  void rules(const nlohmann::json& all) const {
    bed_.sandbox.script({{"rules", all.is_null() ? nlohmann::json::array() : all}});
  }

  double measure_capacity() {
    for (std::size_t i = 0; i < kCapacityEvents; ++i) {
      const std::size_t user = user_of(i);
      run_.produce(support::user_name(user), support::event_json(fmt::format("capacity-{}", i), user));
    }
    run_.flush();
    run_.go();
    return double(kCapacityEvents) / run_.until_settled(kCapacityEvents).seconds;
  }

  std::size_t user_of(std::size_t i) const {
    return bed_.first_user(i % bed_.vendors.size()) + i / bed_.vendors.size() % bed_.users_each;
  }

  /// Events at a steady pace, vendor after vendor. Each occurs when it is due, however late it is produced, and that is
  /// where its latency begins: a standstill of the producer hides nothing.
  void play(const std::string& name, const nlohmann::json& faults, std::size_t seconds) {
    std::cerr << "run " << number_ << ": " << name << " …" << std::endl;
    rules(faults);
    ledger_.begin_phase(name);
    std::uint64_t& rss_kb = rss_kb_.emplace_back(0);
    const auto start = system_clock::now();
    const auto count = std::size_t(rate_ * double(seconds));
    auto look = start;
    for (std::size_t i = 0; i < count; ++i) {
      const auto due =
          start + std::chrono::duration_cast<system_clock::duration>(std::chrono::duration<double>(double(i) / rate_));
      auto now = system_clock::now();
      if (due - now > 1ms) {
        support::pause_for(std::chrono::ceil<support::milliseconds>(due - now));
        now = system_clock::now();
      }
      if (now >= look) {
        look = now + 1s;
        if (!run_.worker().running()) throw std::runtime_error("the worker ended by itself");
        rss_kb = std::max(rss_kb, run_.worker().usage().rss_kb);
      }
      const std::size_t user = user_of(i);
      const auto vendor = static_cast<chaos::VendorNumber>(i % bed_.vendors.size());
      const chaos::EventNumber event = ledger_.send(ms_of(due), std::uint32_t(user), {&vendor, 1});
      run_.produce(support::user_name(user), support::event_json(chaos::mark_of(event), user, "", ms_of(due)));
    }
    run_.flush();
  }

  void until_quiet() {
    const auto until = std::chrono::steady_clock::now() + kQuietMax;
    auto moved_at = std::chrono::steady_clock::now();
    for (std::int64_t before = -1; std::chrono::steady_clock::now() < until;) {
      const std::int64_t now = run_.outcomes();
      if (now != before) moved_at = std::chrono::steady_clock::now();
      before = now;
      if (std::chrono::steady_clock::now() - moved_at > kQuiet) return;
      support::pause_for(200ms);
    }
  }

  void count(Measured& measured) {
    const std::int64_t now_ms = ms_of(system_clock::now());
    run_.read_outcomes([&](const nlohmann::json& outcome) {
      const std::string id = outcome.value("event_id", "");
      if (!chaos::event_of(id)) return;  // of the capacity
      ledger_.outcome(id, outcome.value("vendor", ""), chaos::heard_from(outcome.at("outcome").get<std::string>()),
                      outcome.at("attempt"), outcome.at("at"), outcome.at("rule").get<std::string>());
    });
    std::vector<chaos::VendorNumber> others;
    for (std::size_t i = 0; i < bed_.vendors.size(); ++i)
      if (const std::string& v = bed_.vendors[i];
          v != arguments_.hangs && v != arguments_.fails && v != arguments_.throttles)
        others.push_back(static_cast<chaos::VendorNumber>(i));
    const auto phases = ledger_.phases(others, now_ms);
    const auto& calm = phases.at(1);
    for (std::size_t i = 1; i < phases.size(); ++i) {
      const chaos::Ledger::Phase& phase = phases[i];
      const auto p99 = double(phase.latency.percentile(0.99));
      measured[phase.name + "_p50_ms"] = phase.latency.percentile(0.5);
      measured[phase.name + "_p99_ms"] = p99;
      measured[phase.name + "_p99_ratio"] = p99 / std::max(1.0, double(calm.latency.percentile(0.99)));
      measured[phase.name + "_dead"] = phase.dead;
      measured[phase.name + "_deferred"] = phase.deferred;
      measured[phase.name + "_unfinished"] = phase.open;
      measured[phase.name + "_rss_mb"] = double(rss_kb_[i]) / 1024;
    }
  }

  const Arguments& arguments_;
  const VendorBed& bed_;
  VendorRun run_;
  int number_;
  double rate_ = arguments_.per_s;
  chaos::Ledger ledger_;
  std::vector<std::uint64_t> rss_kb_;  // by phase, the largest seen
};

void bench(const Arguments& arguments) {
  const nlohmann::ordered_json before = environment();
  std::string brokers = arguments.brokers;
  const support::TempFolder folder("isolation-broker");
  std::optional<support::Broker> broker;
  if (brokers.empty()) brokers = broker.emplace(folder).address();
  const VendorBed bed(arguments.nightpost, brokers, support::all_vendors(), kUsersEach);
  std::vector<Measured> runs;
  for (int run = 1; run <= arguments.runs; ++run) runs.push_back(Story(arguments, bed, run).tell());
  const nlohmann::ordered_json all = report("isolation", before, runs);
  std::cout << (arguments.json ? all.dump() + "\n" : as_table(all));
}

}  // namespace
}  // namespace nightpost::bench

int main(int argc, char** argv) {
  nightpost::bench::Arguments arguments;
  CLI::App app("All vendors at once, up to three of them in trouble: how much later do the others' pushes get?");
  app.add_option("--nightpost", arguments.nightpost, "the release binary")->required();
  app.add_option("--brokers", arguments.brokers, "a Kafka that is there; absent: one of our own");
  app.add_option("--per-s", arguments.per_s,
                 "events a second, all vendors together; absent: half of what this machine sustains, at most 6000")
      ->check(CLI::Range(8, 100'000));
  app.add_option("--seconds", arguments.seconds, "of each phase")->check(CLI::Range(1, 3600))->capture_default_str();
  app.add_option("--hangs", arguments.hangs)->capture_default_str();
  app.add_option("--fails", arguments.fails)->capture_default_str();
  app.add_option("--throttles", arguments.throttles)->capture_default_str();
  app.add_option("--runs", arguments.runs)->check(CLI::Range(1, 100))->capture_default_str();
  app.add_flag("--json", arguments.json);
  CLI11_PARSE(app, argc, argv);
  try {
    nightpost::bench::bench(arguments);
  } catch (const std::exception& error) {
    std::cerr << "isolation_bench: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
