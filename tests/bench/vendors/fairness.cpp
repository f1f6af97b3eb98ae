// fairness_bench: one-to-one pushes at a steady pace, first alone, then beside pushes to a group of 100,000. How much
// later do they get? See ../README.md.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <iostream>
#include <map>
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

constexpr std::size_t kReceiversMax = 10'000;  // of an event, by the contract
constexpr std::size_t kCapacityEvents = 40'000;
constexpr std::size_t kWarmUp = 5;              // seconds
constexpr double kShareOfCapacity = 0.3;        // of what the machine sustains of them when nothing else is to do
constexpr double kRateMax = 4'000;              // events a second, unless told otherwise
constexpr std::size_t kGroupMax = 600;          // seconds, until the group's last outcome
constexpr auto kQuiet = 15s, kQuietMax = 300s;  // no outcome for so long: whatever is still open stays open
constexpr double kRatioMax = 1.2;               // what is promised

struct Arguments {
  std::string nightpost, brokers;
  std::vector<std::string> vendors = support::all_vendors();
  double per_s = 0;  // events, all vendors together; 0: by the machine's capacity
  std::size_t members = 100'000, seconds = 30;
  int groups = 3, runs = 1;
  bool json = false, must_hold = false;
};

std::int64_t ms_of(system_clock::time_point t) {
  return std::chrono::duration_cast<support::milliseconds>(t.time_since_epoch()).count();
}

class Story {
 public:
  Story(const Arguments& arguments, const VendorBed& bed, int number)
      : arguments_(arguments), bed_(bed), run_(bed, fmt::format("fairness-{}", number)), number_(number) {}

  Measured tell() {
    Measured measured;
    if (rate_ == 0) {
      const double capacity = measure_capacity();
      rate_ = std::min(kRateMax, kShareOfCapacity * capacity);
      measured["capacity_per_s"] = capacity;
    } else {
      run_.go();
    }
    measured["events_per_s"] = rate_;
    measured["members"] = arguments_.members;
    begin("warm_up");
    play(kWarmUp);
    begin("calm");
    play(arguments_.seconds);
    begin("group");
    double seconds = 0;
    for (int i = 0; i < arguments_.groups; ++i) seconds += play_beside_group(i);
    measured["group_seconds"] = seconds / arguments_.groups;
    begin("after");
    play(kWarmUp);
    until_quiet();
    run_.need_no_letters();
    count(measured);
    run_.stop();
    return measured;
  }

 private:
  void begin(const std::string& phase) {
    std::cerr << "run " << number_ << ": " << phase << " …" << std::endl;
    ledger_.begin_phase(phase);
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

  /// One-to-one events at a steady pace, vendor after vendor. Each occurs when it is due, however late it is produced,
  /// and that is where its latency begins.
  void play(std::size_t seconds) {
    const auto start = system_clock::now();
    const auto count = std::size_t(rate_ * double(seconds));
    for (std::size_t i = 0; i < count; ++i) {
      const auto due =
          start + std::chrono::duration_cast<system_clock::duration>(std::chrono::duration<double>(double(i) / rate_));
      if (const auto now = system_clock::now(); due - now > 1ms)
        support::pause_for(std::chrono::ceil<support::milliseconds>(due - now));
      const std::size_t user = user_of(sent_++);
      const auto vendor = static_cast<chaos::VendorNumber>((sent_ - 1) % bed_.vendors.size());
      const chaos::EventNumber event = ledger_.send(ms_of(due), std::uint32_t(user), {&vendor, 1});
      run_.produce(support::user_name(user), support::event_json(chaos::mark_of(event), user, "", ms_of(due)));
    }
    run_.flush();
    if (!run_.worker().running()) throw std::runtime_error("the worker ended by itself");
  }

  /// The group's events are in the topic at once, as a server writes them that hands a message to all members. Returns
  /// the seconds until its outcomes are there, give or take what is on its way.
  double play_beside_group(int number) {
    const std::int64_t before = run_.outcomes();
    const std::size_t sent_before = sent_;
    const auto start = system_clock::now();
    for (std::size_t first = 0, part = 0; first < arguments_.members; first += kReceiversMax, ++part) {
      const std::string id = fmt::format("group-{}-{}-{}", number_, number, part);
      run_.produce(id, support::group_event_json(id, first, std::min(kReceiversMax, arguments_.members - first)));
    }
    const auto in_air = std::int64_t(rate_);
    for (std::size_t second = 0; second < kGroupMax; ++second) {
      play(1);
      const auto wanted = std::int64_t(arguments_.members + sent_ - sent_before) - in_air;
      if (run_.outcomes() - before >= wanted) return std::chrono::duration<double>(system_clock::now() - start).count();
    }
    throw std::runtime_error(fmt::format("the group is not over after {} s", kGroupMax));
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
    std::uint64_t group_devices = 0, group_deferred = 0;
    std::map<std::string, std::map<std::string, std::uint64_t>> by_part;  // of the groups, what became of their devices
    std::map<std::string, std::uint64_t> by_rule;                         // one-to-one pushes that were put off
    run_.read_outcomes([&](const nlohmann::json& outcome) {
      const std::string id = outcome.value("event_id", "");
      if (id.starts_with("group-")) {
        ++(outcome.at("outcome") == "retrying" ? group_deferred : group_devices);
        ++by_part[id][fmt::format("{} {}", outcome.at("outcome").get<std::string>(), outcome.value("rule", ""))];
      }
      if (!chaos::event_of(id)) return;  // of the group, or of the capacity
      if (outcome.at("outcome") == "retrying") ++by_rule["deferred_" + outcome.at("rule").get<std::string>()];
      ledger_.outcome(id, outcome.value("vendor", ""), chaos::heard_from(outcome.at("outcome").get<std::string>()),
                      outcome.at("attempt"), outcome.at("at"), outcome.at("rule").get<std::string>());
    });
    std::vector<chaos::VendorNumber> all;
    for (std::size_t i = 0; i < bed_.vendors.size(); ++i) all.push_back(static_cast<chaos::VendorNumber>(i));
    const auto phases = ledger_.phases(all, ms_of(system_clock::now()));
    const auto p99 = [&](std::size_t phase) { return double(phases.at(phase).latency.percentile(0.99)); };
    for (const std::size_t i : {1, 2, 3}) {
      measured[phases.at(i).name + "_p50_ms"] = phases.at(i).latency.percentile(0.5);
      measured[phases.at(i).name + "_p99_ms"] = p99(i);
    }
    measured["deferred"] = phases.at(1).deferred + phases.at(2).deferred + phases.at(3).deferred;
    for (const auto& [rule, count] : by_rule) measured[rule] = count;
    measured["group_deferred"] = group_deferred;
    const std::uint64_t members = arguments_.members * std::uint64_t(arguments_.groups);
    if (group_devices != members)
      throw std::runtime_error(fmt::format("{} final outcomes for {} members: {}; the worker's log: {}", group_devices,
                                           members, nlohmann::json(by_part).dump(1), run_.log()));
    for (const chaos::Ledger::Phase& phase : phases)
      if (phase.open > 0) throw std::runtime_error(fmt::format("{}: {} pushes without an end", phase.name, phase.open));
    measured["p99_ratio"] = p99(2) / std::max(1.0, p99(1));
    measured["p99_later_ms"] = p99(2) - p99(1);
  }

  const Arguments& arguments_;
  const VendorBed& bed_;
  VendorRun run_;
  int number_;
  double rate_ = arguments_.per_s;
  chaos::Ledger ledger_;
  std::size_t sent_ = 0;  // one-to-one events, all phases
};

bool bench(const Arguments& arguments) {
  const nlohmann::ordered_json before = environment();
  std::string brokers = arguments.brokers;
  const support::TempFolder folder("fairness-broker");
  std::optional<support::Broker> broker;
  if (brokers.empty()) brokers = broker.emplace(folder).address();
  const std::size_t each = (arguments.members + arguments.vendors.size() - 1) / arguments.vendors.size();
  const VendorBed bed(arguments.nightpost, brokers, arguments.vendors, each);
  std::vector<Measured> runs;
  for (int run = 1; run <= arguments.runs; ++run) runs.push_back(Story(arguments, bed, run).tell());
  const nlohmann::ordered_json all = report("fairness", before, runs);
  std::cout << (arguments.json ? all.dump() + "\n" : as_table(all));
  const double ratio = median_of(runs).at("p99_ratio");
  std::cerr << fmt::format("one-to-one pushes beside a group of {}: p99 {:.2f} times the calm one, promised below {}\n",
                           arguments.members, ratio, kRatioMax);
  return ratio < kRatioMax || !arguments.must_hold;
}

}  // namespace
}  // namespace nightpost::bench

int main(int argc, char** argv) {
  nightpost::bench::Arguments arguments;
  CLI::App app("One-to-one pushes alone, and beside pushes to a group of 100,000: how much later do they get?");
  app.add_option("--nightpost", arguments.nightpost, "the release binary")->required();
  app.add_option("--brokers", arguments.brokers, "a Kafka that is there; absent: one of our own");
  app.add_option("--vendor", arguments.vendors, "whose phones the members and the others have; absent: all vendors");
  app.add_option("--per-s", arguments.per_s,
                 "one-to-one events a second; absent: 0.3 of what this machine sustains, at most 4000")
      ->check(CLI::Range(8, 100'000));
  app.add_option("--members", arguments.members)->check(CLI::Range(100, 1'000'000))->capture_default_str();
  app.add_option("--groups", arguments.groups, "group pushes, one after the other")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--seconds", arguments.seconds, "of the calm phase")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app.add_option("--runs", arguments.runs)->check(CLI::Range(1, 100))->capture_default_str();
  app.add_flag("--json", arguments.json);
  app.add_flag("--must-hold", arguments.must_hold, "ends with 1 where the ratio is not below 1.2");
  CLI11_PARSE(app, argc, argv);
  try {
    return nightpost::bench::bench(arguments) ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "fairness_bench: " << error.what() << '\n';
    return 1;
  }
}
