// im_bench: how fast, how late and how heavy the companion IM server is. See ../README.md.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>
#include <optional>
#include <stdexcept>

#include "bench/im/bare_tls.h"
#include "bench/im/phases.h"
#include "support/postgres_server.h"
#include "support/spine/broker.h"

namespace nightpost::bench {
namespace {

const std::vector<std::string> kPhases{"messages",  "sync",  "connections", "tls",        "rest",       "rest_h2",
                                       "hot_group", "group", "group_tls",   "group_away", "group_sizes"};

struct Arguments {
  ImGround ground;
  ImPlan plan;
  std::vector<std::string> phases = kPhases;
  std::string store = "sqlite";
  std::string centrifugo;  // its program; empty: nothing is compared
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
                    .sync_span = std::chrono::milliseconds(100),
                    .seconds = std::chrono::seconds(1),
                    .rest_per_s = 300,
                    .rest_at_once = 20,
                    .hot_writers = 4,
                    .hot_open = 4,
                    .hot_messages = 500,
                    .group_members = 200,
                    .group_per_s = 10,
                    .group_messages = 20,
                    .group_sizes = {10, 1'000},
                    .size_sends = 20};
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
  plan.group_members = std::min<std::size_t>(plan.group_members, open_files.rlim_cur - kOthers);
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
  if (!arguments.centrifugo.empty()) {
    progress("  centrifugo …");
    measure_centrifugo(arguments.plan, arguments.centrifugo, run);
  }
  using Phase = std::function<void(ImBed&)>;
  const ImPlan& plan = arguments.plan;
  const auto alone = [&](const char* phase, bool tls, const ImGround& ground, const Phase& measure) {
    if (!wanted(phase)) return;
    progress(fmt::format("  {} …", phase));
    ImBed bed(ground, fmt::format("im-{}-{}", number, phase), tls);
    measure(bed);
    bed.stop();
  };
  const ImGround& ground = arguments.ground;
  alone("connections", false, ground, [&](ImBed& bed) { measure_connections(plan, bed, run); });
  alone("tls", true, ground, [&](ImBed& bed) { measure_connections(plan, bed, run); });
  alone("rest", false, ground, [&](ImBed& bed) { measure_rest(plan, bed, run); });
  alone("rest_h2", false, ground, [&](ImBed& bed) { measure_rest_h2(plan, bed, run); });
  // A commit brings a writer what all others said: more frames at once than a client may leave unacknowledged.
  ImGround patient = ground;
  patient.config.merge_patch({{"im", {{"unacked_frames_max", 10'000}, {"unacked_bytes_max", 67'108'864}}}});
  alone("hot_group", false, patient, [&](ImBed& bed) { measure_hot_group(plan, bed, run); });
  alone("group", false, ground, [&](ImBed& bed) { measure_group_online(plan, bed, run); });
  alone("group_tls", true, ground, [&](ImBed& bed) { measure_group_online(plan, bed, run); });
  alone("group_away", false, ground, [&](ImBed& bed) { measure_group_away(plan, ground, bed, run); });
  alone("group_sizes", false, ground, [&](ImBed& bed) { measure_group_sizes(plan, bed, run); });
  return run;
}

void bench(const Arguments& arguments) {
  const nlohmann::ordered_json before = environment();
  const support::TempFolder folder("im-broker");
  ImGround ground = arguments.ground;
  std::optional<support::Broker> broker;
  if (ground.brokers.empty()) ground.brokers = broker.emplace(folder).address();
  std::optional<support::PostgresServer> postgres;  // durable, as it is by itself
  if (arguments.store == "postgres")
    ground.postgres =
        &postgres.emplace(std::vector<std::string>{"max_connections=60", "shared_buffers=512MB", "max_wal_size=4GB"});
  Arguments all = arguments;
  all.ground = ground;
  std::vector<Measured> runs;
  for (int run = 1; run <= arguments.runs; ++run) {
    progress(fmt::format("run {} of {} …", run, arguments.runs));
    runs.push_back(run_im(all, run));
  }
  const nlohmann::ordered_json told = report("im on " + arguments.store, before, runs);
  std::cout << (arguments.json ? told.dump() + "\n" : as_table(told));
}

}  // namespace
}  // namespace nightpost::bench

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--bare-tls") return nightpost::bench::run_bare_tls();
  nightpost::bench::Arguments arguments;
  CLI::App app(
      "Clients and business servers ↔ nightpost im, beside a real Kafka: messages, logins, memory, syncs, groups, "
      "calls.");
  app.add_option("--nightpost", arguments.ground.program, "the release binary")->required();
  app.add_option("--brokers", arguments.ground.brokers, "a Kafka that is there; absent: one of our own");
  auto* runs = app.add_option("--runs", arguments.runs)->check(CLI::Range(1, 100))->capture_default_str();
  auto* pairs = app.add_option("--pairs", arguments.plan.pairs)->check(CLI::Range(1, 5'000))->capture_default_str();
  auto* messages =
      app.add_option("--messages", arguments.plan.messages)->check(CLI::Range(100, 10'000'000))->capture_default_str();
  auto* connections =
      app.add_option("--connections", arguments.plan.connections)->check(CLI::Range(1, 15'000))->capture_default_str();
  app.add_option("--phases", arguments.phases)->check(CLI::IsMember(nightpost::bench::kPhases))->capture_default_str();
  app.add_option("--store", arguments.store)->check(CLI::IsMember({"sqlite", "postgres"}))->capture_default_str();
  app.add_option("--centrifugo", arguments.centrifugo,
                 "the program of that broker: the same messages through it, too (tests/bench/im/centrifugo builds it)");
  int seconds = static_cast<int>(arguments.plan.seconds.count());
  auto* span = app.add_option("--seconds", seconds, "of each steady rate: rest, group")
                   ->check(CLI::Range(1, 3'600))
                   ->capture_default_str();
  auto* rate = app.add_option("--per-s", arguments.plan.rest_per_s, "rest: calls offered a second")
                   ->check(CLI::Range(1.0, 1'000'000.0))
                   ->capture_default_str();
  auto* members = app.add_option("--members", arguments.plan.group_members, "of the group that is online, or away")
                      ->check(CLI::Range(2, 15'000))
                      ->capture_default_str();
  app.add_option_function<std::string>(
      "--config", [&](const std::string& text) { arguments.ground.config = nlohmann::json::parse(text); },
      "JSON, merged over the server's config");
  auto* brief = app.add_flag("--short", arguments.brief, "a small run, to see that all of it works");
  for (auto* number : {pairs, messages, connections, span, rate, members}) brief->excludes(number);
  app.add_flag("--json", arguments.json);
  try {
    CLI11_PARSE(app, argc, argv);
    arguments.runs_said = runs->count() > 0;
    arguments.plan.seconds = std::chrono::seconds(seconds);
    if (arguments.brief) nightpost::bench::shorten(arguments);
    nightpost::bench::fit_open_files(arguments.plan);
    nightpost::bench::bench(arguments);
  } catch (const std::exception& error) {
    std::cerr << "im_bench: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
