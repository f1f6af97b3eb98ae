// vendors_bench: what a push costs the worker, vendor by vendor, alone and in group batches. See ../README.md.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <optional>
#include <thread>

#include "bench/spine/report.h"
#include "bench/vendors/bed.h"
#include "support/spine/broker.h"
#include "support/spine/fleet.h"

namespace nightpost::bench {
namespace {

struct Arguments {
  std::string nightpost, brokers;
  std::vector<std::string> vendors = support::all_vendors();
  std::size_t events = 20'000;  // singles a vendor, each to a user of its own
  std::size_t members = 1000;   // of a group event
  std::size_t rounds = 50;      // group events to each user
  int runs = 3;
  nlohmann::json config = nlohmann::json::object();  // merged over the worker's
  bool json = false;
};

/// Bulk yields to others for two seconds after the last of them.
constexpr std::chrono::milliseconds kUntilAlone{2'500};

std::uint64_t requests_of(const VendorBed& bed, const std::string& vendor) {
  return bed.sandbox.health().at(vendor).at("requests");
}

Measured measure(const Arguments& arguments, const VendorBed& bed, int run) {
  Measured measured;
  for (std::size_t i = 0; i < bed.vendors.size(); ++i) {
    const std::string& vendor = bed.vendors[i];
    std::cerr << "run " << run << ": " << vendor << " …" << std::endl;
    VendorRun one(bed, fmt::format("{}-{}", vendor, run), arguments.config);
    const auto singles = [&](std::string_view name) {
      for (std::size_t user = bed.first_user(i); user < bed.first_user(i) + arguments.events; ++user)
        one.produce(support::user_name(user), support::event_json(fmt::format("{}-{}-{}", vendor, name, user), user));
      one.flush();
    };
    singles("cold");
    one.go();
    one.until_settled(std::int64_t(arguments.events));
    one.hold();
    singles("warm");
    one.go();
    const VendorRun::Took alone = one.until_settled(std::int64_t(arguments.events));

    one.hold();
    std::size_t devices = 0;
    // One request a device: slower by far, and FCM's 600,000 requests a minute are kept to.
    const bool batches = vendor != "apns" && vendor != "fcm";
    const std::size_t rounds = batches ? arguments.rounds : std::max<std::size_t>(arguments.rounds / 10, 1);
    for (std::size_t round = 0; round < rounds; ++round)
      for (std::size_t at = 0; at + arguments.members <= arguments.events; at += arguments.members) {
        one.produce(fmt::format("group-{}", at),
                    support::group_event_json(fmt::format("{}-group-{}-{}", vendor, round, at), bed.first_user(i) + at,
                                              arguments.members));
        devices += arguments.members;
      }
    one.flush();
    std::this_thread::sleep_for(kUntilAlone);
    const std::uint64_t before = requests_of(bed, vendor);
    one.go();
    const VendorRun::Took together = one.until_settled(std::int64_t(devices));
    const std::uint64_t requests = requests_of(bed, vendor) - before;
    one.stop();
    measured[vendor + "_pushes_per_s"] = double(arguments.events) / alone.seconds;
    measured[vendor + "_cpu_us_per_push"] = alone.cpu_us / double(arguments.events);
    measured[vendor + "_group_devices_per_s"] = double(devices) / together.seconds;
    measured[vendor + "_group_cpu_us_per_device"] = together.cpu_us / double(devices);
    measured[vendor + "_group_devices_per_request"] = double(devices) / double(requests);
  }
  return measured;
}

void bench(const Arguments& arguments) {
  const nlohmann::ordered_json before = environment();
  std::string brokers = arguments.brokers;
  const support::TempFolder folder("vendors-broker");
  std::optional<support::Broker> broker;
  if (brokers.empty()) brokers = broker.emplace(folder).address();
  const VendorBed bed(arguments.nightpost, brokers, arguments.vendors, arguments.events);
  std::vector<Measured> runs;
  for (int run = 1; run <= arguments.runs; ++run) runs.push_back(measure(arguments, bed, run));
  const nlohmann::ordered_json all = report("vendors", before, runs);
  std::cout << (arguments.json ? all.dump() + "\n" : as_table(all));
}

}  // namespace
}  // namespace nightpost::bench

int main(int argc, char** argv) {
  nightpost::bench::Arguments arguments;
  CLI::App app("Kafka → worker → simulators: what a push costs, vendor by vendor, alone and in group batches.");
  app.add_option("--nightpost", arguments.nightpost, "the release binary")->required();
  app.add_option("--brokers", arguments.brokers, "a Kafka that is there; absent: one of our own");
  app.add_option("--vendor", arguments.vendors, "only these");
  app.add_option("--events", arguments.events, "singles a vendor")
      ->check(CLI::Range(1000, 1'000'000))
      ->capture_default_str();
  app.add_option("--members", arguments.members, "of a group event")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--rounds", arguments.rounds, "group events to each user; a tenth where a device is a request")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--runs", arguments.runs)->check(CLI::Range(1, 100))->capture_default_str();
  app.add_option_function<std::string>(
      "--config", [&](const std::string& text) { arguments.config = nlohmann::json::parse(text); },
      "JSON, merged over the worker's config");
  app.add_flag("--json", arguments.json);
  try {
    CLI11_PARSE(app, argc, argv);
    nightpost::bench::bench(arguments);
  } catch (const std::exception& error) {
    std::cerr << "vendors_bench: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
