// im_bench: how fast, how late and how heavy the companion IM server is. See ../README.md.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <optional>
#include <stdexcept>

#include "bench/im/phases.h"
#include "support/spine/broker.h"

namespace nightpost::bench {
namespace {

struct Arguments {
  ImGround ground;
  ImPlan plan;
  std::vector<std::string> phases{"messages", "sync", "connections", "tls"};
  int runs = 3;
  bool runs_said = false, brief = false, json = false;
};

void progress(const std::string& line) { std::cerr << line << std::endl; }

/// Fewer of everything, to see that all of it works.
void shorten(Arguments& arguments) {
  if (!arguments.runs_said) arguments.runs = 1;
  arguments.plan = {.pairs = 20,
                    .messages = 2'000,
                    .half_rate = std::chrono::seconds(1),
                    .connections = 200,
                    .logins_at_once = 32,
                    .chats = 10,
                    .chat_messages = 150,
                    .sync_span = std::chrono::milliseconds(100)};
}

/// Each end of a connection counts in its own process, and the server takes over our limit.
void fit_open_files(ImPlan& plan) {
  rlimit open_files{};
  ::getrlimit(RLIMIT_NOFILE, &open_files);
  open_files.rlim_cur = open_files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &open_files);
  constexpr std::size_t kOthers = 500;
  if (open_files.rlim_cur < kOthers + 100) throw std::runtime_error("the limit of open files is below 600");
  plan.connections = std::min<std::size_t>(plan.connections, open_files.rlim_cur - kOthers);
}

Measured run_im(const Arguments& arguments, int number) {
  const auto wanted = [&](const char* phase) {
    return std::ranges::find(arguments.phases, phase) != arguments.phases.end();
  };
  Measured run;
  if (wanted("messages") || wanted("sync")) {
    ImBed bed(arguments.ground, fmt::format("im-{}-messages", number), false);
    if (wanted("messages")) measure_messages(arguments.plan, bed, run);
    bed.expect_metric("nightpost_im_online", 0);
    if (wanted("sync")) measure_sync(arguments.plan, bed, run);
    bed.stop();
  }
  for (const bool tls : {false, true}) {
    if (!wanted(tls ? "tls" : "connections")) continue;
    ImBed bed(arguments.ground, fmt::format("im-{}-{}", number, tls ? "tls" : "connections"), tls);
    measure_connections(arguments.plan, bed, run);
    bed.stop();
  }
  return run;
}

void bench(const Arguments& arguments) {
  const nlohmann::ordered_json before = environment();
  const support::TempFolder folder("im-broker");
  ImGround ground = arguments.ground;
  std::optional<support::Broker> broker;
  if (ground.brokers.empty()) ground.brokers = broker.emplace(folder).address();
  Arguments all = arguments;
  all.ground = ground;
  std::vector<Measured> runs;
  for (int run = 1; run <= arguments.runs; ++run) {
    progress(fmt::format("run {} of {} …", run, arguments.runs));
    runs.push_back(run_im(all, run));
  }
  const nlohmann::ordered_json told = report("im", before, runs);
  std::cout << (arguments.json ? told.dump() + "\n" : as_table(told));
}

}  // namespace
}  // namespace nightpost::bench

int main(int argc, char** argv) {
  nightpost::bench::Arguments arguments;
  CLI::App app("Clients ↔ nightpost im on SQLite, beside a real Kafka: messages, logins, memory, syncs.");
  app.add_option("--nightpost", arguments.ground.program, "the release binary")->required();
  app.add_option("--brokers", arguments.ground.brokers, "a Kafka that is there; absent: one of our own");
  auto* runs = app.add_option("--runs", arguments.runs)->check(CLI::Range(1, 100))->capture_default_str();
  auto* pairs = app.add_option("--pairs", arguments.plan.pairs)->check(CLI::Range(1, 5'000))->capture_default_str();
  auto* messages =
      app.add_option("--messages", arguments.plan.messages)->check(CLI::Range(100, 10'000'000))->capture_default_str();
  auto* connections =
      app.add_option("--connections", arguments.plan.connections)->check(CLI::Range(1, 15'000))->capture_default_str();
  app.add_option("--phases", arguments.phases)
      ->check(CLI::IsMember({"messages", "sync", "connections", "tls"}))
      ->capture_default_str();
  app.add_option_function<std::string>(
      "--config", [&](const std::string& text) { arguments.ground.config = nlohmann::json::parse(text); },
      "JSON, merged over the server's config");
  auto* brief = app.add_flag("--short", arguments.brief, "a small run, to see that all of it works");
  for (auto* number : {pairs, messages, connections}) brief->excludes(number);
  app.add_flag("--json", arguments.json);
  try {
    CLI11_PARSE(app, argc, argv);
    arguments.runs_said = runs->count() > 0;
    if (arguments.brief) nightpost::bench::shorten(arguments);
    nightpost::bench::fit_open_files(arguments.plan);
    nightpost::bench::bench(arguments);
  } catch (const std::exception& error) {
    std::cerr << "im_bench: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
