// isolation_bench: all vendors at once, first well, then with one that hangs, one that answers 5xx and one that
// throttles. How much later do the others' pushes get? See ../README.md.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <iostream>
#include <map>
#include <optional>

#include "bench/spine/report.h"
#include "bench/vendors/bed.h"
#include "support/spine/broker.h"
#include "support/spine/fleet.h"

namespace nightpost::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWarmUp = 5;  // seconds

struct Arguments {
  std::string nightpost, brokers, hangs = "huawei", fails = "vivo", throttles = "xiaomi";
  double per_s = 400;  // events, all vendors together
  std::size_t seconds = 60;
  int runs = 1;
  bool json = false;
};

nlohmann::json faults(const Arguments& arguments) {
  const auto rule = [](const std::string& vendor, nlohmann::json act) {
    return nlohmann::json{{"name", vendor}, {"match", {{"vendor", vendor}}}, {"act", std::move(act)}};
  };
  return {{"rules",
           {rule(arguments.hangs, {{"hang", true}}), rule(arguments.fails, {{"status", 503}}),
            rule(arguments.throttles, {{"status", 429}})}}};
}

/// Events at a steady pace, vendor after vendor. `name` begins their ids.
void produce(const Arguments& arguments, const VendorBed& bed, VendorRun& run, const std::string& name,
             std::size_t seconds) {
  const auto start = std::chrono::system_clock::now();
  const auto count = std::size_t(arguments.per_s * double(seconds));
  for (std::size_t i = 0; i < count; ++i) {
    const auto due = start + std::chrono::duration_cast<std::chrono::system_clock::duration>(
                                 std::chrono::duration<double>(double(i) / arguments.per_s));
    if (const auto early = due - std::chrono::system_clock::now(); early > 1ms)
      support::pause_for(std::chrono::ceil<support::milliseconds>(early));
    const std::size_t vendor = i % bed.vendors.size();
    const std::size_t user = bed.first_user(vendor) + i / bed.vendors.size() % bed.users_each;
    run.produce(support::user_name(user), support::event_json(fmt::format("{}-{}", name, i), user));
  }
  run.flush();
}

double percentile(std::vector<std::int64_t> values, double share) {
  if (values.empty()) throw std::runtime_error("no latencies");
  const auto at = values.begin() + std::ptrdiff_t(share * double(values.size() - 1));
  std::ranges::nth_element(values, at);
  return double(*at);
}

Measured measure(const Arguments& arguments, const VendorBed& bed, int number) {
  VendorRun run(bed, fmt::format("isolation-{}", number));
  bed.sandbox.script({{"rules", nlohmann::json::array()}});
  run.go();
  produce(arguments, bed, run, "warm-up", kWarmUp);  // caches, connections and grants are there; not counted
  run.until_settled(std::int64_t(arguments.per_s * double(kWarmUp)));
  std::cerr << "run " << number << ": all well …" << std::endl;
  produce(arguments, bed, run, "calm", arguments.seconds);
  support::pause_for(2s);
  std::cerr << "run " << number << ": " << arguments.hangs << " hangs, " << arguments.fails << " fails, "
            << arguments.throttles << " throttles …" << std::endl;
  bed.sandbox.script(faults(arguments));
  produce(arguments, bed, run, "trouble", arguments.seconds);
  support::pause_for(2s);
  bed.sandbox.script({{"rules", nlohmann::json::array()}});

  std::map<std::string, std::map<std::string, std::vector<std::int64_t>>> latencies;  // by phase and vendor, ms
  run.read_outcomes([&](const nlohmann::json& outcome) {
    if (outcome.at("outcome") != "accepted") return;
    const std::string id = outcome.at("event_id");
    latencies[id.substr(0, id.rfind('-'))][outcome.at("vendor")].push_back(outcome.at("latency_ms"));
  });
  Measured measured{{"events_per_s", arguments.per_s}};
  std::vector<std::int64_t> calm, trouble;
  for (const std::string& vendor : bed.vendors) {
    if (vendor == arguments.hangs || vendor == arguments.fails || vendor == arguments.throttles) continue;
    const auto &before = latencies["calm"][vendor], &after = latencies["trouble"][vendor];
    if (before.size() != after.size())
      throw std::runtime_error(
          fmt::format("{}: {} accepted when all was well, {} in trouble", vendor, before.size(), after.size()));
    measured[vendor + "_calm_p99_ms"] = percentile(before, 0.99);
    measured[vendor + "_trouble_p99_ms"] = percentile(after, 0.99);
    calm.insert(calm.end(), before.begin(), before.end());
    trouble.insert(trouble.end(), after.begin(), after.end());
  }
  measured["calm_p50_ms"] = percentile(calm, 0.5);
  measured["trouble_p50_ms"] = percentile(trouble, 0.5);
  measured["calm_p99_ms"] = percentile(calm, 0.99);
  measured["trouble_p99_ms"] = percentile(trouble, 0.99);
  measured["p99_ratio"] = percentile(trouble, 0.99) / percentile(calm, 0.99);
  run.worker().signal(SIGKILL);  // what hangs would be waited for
  return measured;
}

void bench(const Arguments& arguments) {
  const nlohmann::ordered_json before = environment();
  std::string brokers = arguments.brokers;
  const support::TempFolder folder("isolation-broker");
  std::optional<support::Broker> broker;
  if (brokers.empty()) brokers = broker.emplace(folder).address();
  const VendorBed bed(arguments.nightpost, brokers, support::all_vendors(), 2'000);
  std::vector<Measured> runs;
  for (int run = 1; run <= arguments.runs; ++run) runs.push_back(measure(arguments, bed, run));
  const nlohmann::ordered_json all = report("isolation", before, runs);
  std::cout << (arguments.json ? all.dump() + "\n" : as_table(all));
}

}  // namespace
}  // namespace nightpost::bench

int main(int argc, char** argv) {
  nightpost::bench::Arguments arguments;
  CLI::App app("All vendors at once, three of them in trouble: how much later do the others' pushes get?");
  app.add_option("--nightpost", arguments.nightpost, "the release binary")->required();
  app.add_option("--brokers", arguments.brokers, "a Kafka that is there; absent: one of our own");
  app.add_option("--per-s", arguments.per_s, "events a second, all vendors together")
      ->check(CLI::Range(8, 100'000))
      ->capture_default_str();
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
