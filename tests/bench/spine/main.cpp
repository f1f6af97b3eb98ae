// spine_bench: how fast, how late and how heavy the whole way is. See ../README.md.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>
#include <stdexcept>

#include "bench/spine/spine.h"
#include "store/postgres.h"
#include "support/postgres_server.h"
#include "support/spine/broker.h"
#include "support/spine/fleet.h"

namespace nightpost::bench {
namespace {

struct Arguments {
  std::string nightpost, sink, brokers;
  SpinePlan plan;
  std::string store = "sqlite";
  int runs = 3;
  bool json = false;
};

void progress(const std::string& line) { std::cerr << line << std::endl; }

void bench(const Arguments& arguments) {
  const support::TempFolder folder("spine");
  const nlohmann::ordered_json before = environment();
  std::string brokers = arguments.brokers;
  std::optional<support::Broker> broker;
  if (brokers.empty()) brokers = broker.emplace(folder).address();

  support::Sink sink({.program = arguments.sink}, folder);
  const support::Nightpost nightpost(arguments.nightpost, brokers, folder);
  SpinePlan plan = arguments.plan;
  std::optional<support::PostgresServer> postgres;
  std::string postgres_url;
  if (arguments.store == "postgres") {
    postgres_url = postgres.emplace(std::vector<std::string>{"max_connections=20"}).new_database();
    plan.config.merge_patch({{"store", {{"url", postgres_url}}}});
  }
  const std::string config = nightpost.config("tools.json", {"tools", "offline", "results", "dead"}, plan.config);
  const std::int64_t certificate = nightpost.add_certificate(config, sink.origin(), sink.ca_file());
  progress(fmt::format("a store of {} users …", plan.events));
  if (postgres) {
    auto store = store::open_postgres(postgres_url, nullptr);
    if (!store) throw std::runtime_error(store.error().detail);
    support::add_users(**store, certificate, plan.events);
  } else {
    support::add_users(nightpost.store_path(), certificate, plan.events);
  }

  std::vector<Measured> runs;
  for (int run = 1; run <= arguments.runs; ++run) {
    progress(fmt::format("run {} of {} …", run, arguments.runs));
    runs.push_back(run_spine(plan, {folder, nightpost, brokers, sink}, run));
  }
  const nlohmann::ordered_json all = report("spine", before, runs);
  std::cout << (arguments.json ? all.dump() + "\n" : as_table(all));
}

}  // namespace
}  // namespace nightpost::bench

int main(int argc, char** argv) {
  nightpost::bench::Arguments arguments;
  CLI::App app("Kafka → worker → sink: pushes per second, CPU, latency and memory, beside h2load on the same sink.");
  app.add_option("--nightpost", arguments.nightpost, "the release binary")->required();
  app.add_option("--sink", arguments.sink, "h2_sink, built for release")->required();
  app.add_option("--brokers", arguments.brokers, "a Kafka that is there; absent: one of our own");
  app.add_option("--store", arguments.store, "where the users are")
      ->check(CLI::IsMember({"sqlite", "postgres"}))
      ->capture_default_str();
  app.add_option("--events", arguments.plan.events)->check(CLI::Range(100, 5'000'000))->capture_default_str();
  app.add_option("--runs", arguments.runs)->check(CLI::Range(1, 100))->capture_default_str();
  app.add_option("--shards", arguments.plan.shards)->check(CLI::Range(1, 256))->capture_default_str();
  app.add_option("--seed", arguments.plan.seed, "of the order of the users")->capture_default_str();
  app.add_option_function<std::string>(
      "--config", [&](const std::string& text) { arguments.plan.config = nlohmann::json::parse(text); },
      "JSON, merged over the worker's config");
  app.add_flag("--json", arguments.json);
  try {
    CLI11_PARSE(app, argc, argv);
    nightpost::bench::bench(arguments);
  } catch (const std::exception& error) {
    std::cerr << "spine_bench: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
