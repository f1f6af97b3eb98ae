#include "bench/spine/spine.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <iostream>
#include <numeric>
#include <random>
#include <stdexcept>

#include "bench/spine/h2load.h"
#include "support/spine/fleet.h"

namespace nightpost::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using support::eventually;

constexpr auto kStandstill = 30s;  // this long without a new request, and the run has failed

double seconds_of(auto duration) { return std::chrono::duration<double>(duration).count(); }
double millis_of(auto duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

/// Users in an order no cache or index could like.
std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> users(count);
  std::iota(users.begin(), users.end(), 0);
  std::mt19937_64 random(seed);
  std::ranges::shuffle(users, random);
  return users;
}

std::string key_of(std::size_t user) { return "c2c_denny_" + support::user_name(user); }

/// Waits until the sink has seen `wanted` tokens and nothing is repeated; says what is wrong otherwise.
support::Sink::Stats await_pushes(support::Sink& sink, std::size_t wanted, support::Process& worker) {
  support::Sink::Stats stats;
  auto moved_at = steady_clock::now();
  for (std::uint64_t before = 0; stats.distinct < wanted; support::pause_for(50ms)) {
    stats = sink.stats();
    if (stats.requests != before) moved_at = steady_clock::now();
    before = stats.requests;
    if (!worker.running()) throw std::runtime_error("the worker ended by itself");
    if (steady_clock::now() - moved_at > kStandstill)
      throw std::runtime_error(fmt::format("standstill: {} of {} pushes came", stats.distinct, wanted));
  }
  return stats;
}

void need_equal(std::string_view what, std::int64_t is, std::int64_t wanted) {
  if (is != wanted) throw std::runtime_error(fmt::format("{}: {} instead of {}", what, is, wanted));
}

struct Run {
  const SpinePlan& plan;
  const SpineBed& bed;
  support::Nightpost::Names names;
  std::vector<std::size_t> users;
  support::Topics topics;
  std::size_t written = 0;  // events

  Run(const SpinePlan& the_plan, const SpineBed& the_bed, int number)
      : plan(the_plan),
        bed(the_bed),
        names{.group = fmt::format("spine-{}", number),
              .offline = fmt::format("spine-{}.offline", number),
              .results = fmt::format("spine-{}.results", number),
              .dead = fmt::format("spine-{}.dead", number)},
        users(shuffled(plan.events, plan.seed + static_cast<std::uint64_t>(number))),
        topics(bed.brokers, {{"linger.ms", "1"}}) {
    topics.create(names.offline, plan.partitions);
    topics.create(names.results, plan.partitions);
    topics.create(names.dead, 1);
  }

  /// An event to each user, all of them durable.
  void load(std::string_view name) {
    for (const std::size_t user : users)
      topics.produce(names.offline, key_of(user), support::event_json(fmt::format("{}-{}", name, user), user));
    topics.flush(120s);
    written += users.size();
    need_equal("events written", topics.size(names.offline), std::int64_t(written));
  }

  /// Until every event written has its outcome, durable, and its offset is committed.
  void await_settled() {
    const auto wanted = std::int64_t(written);
    const bool settled = eventually(kStandstill, [&] {
      return topics.size(names.results) >= wanted && topics.committed(names.group, names.offline) >= wanted;
    });
    if (!settled)
      throw std::runtime_error(fmt::format("{} events: {} outcomes, {} committed", wanted, topics.size(names.results),
                                           topics.committed(names.group, names.offline)));
    need_equal("outcomes", topics.size(names.results), wanted);
    need_equal("dead letters", topics.size(names.dead), 0);
  }

  /// Events at `per_s`, each stamped with the moment it was due, whether or not the producer was late.
  std::size_t produce_steadily(double per_s) {
    const std::size_t count = std::min(plan.events, std::size_t(per_s * static_cast<double>(plan.moderate_seconds)));
    const auto start = std::chrono::system_clock::now() + 100ms;
    for (std::size_t i = 0; i < count; ++i) {
      const auto due = start + std::chrono::duration_cast<std::chrono::system_clock::duration>(
                                   std::chrono::duration<double>(static_cast<double>(i) / per_s));
      if (const auto early = due - std::chrono::system_clock::now(); early > 1ms)
        support::pause_for(std::chrono::ceil<milliseconds>(early));
      const auto due_us = std::chrono::duration_cast<microseconds>(due.time_since_epoch()).count();
      topics.produce(names.offline, key_of(users[i]),
                     support::event_json(fmt::format("moderate-{}", i), users[i], fmt::format("bench_us={}", due_us)));
    }
    topics.flush(60s);
    written += count;
    return count;
  }

  struct FullSpeed {
    double pushes_per_s = 0, whole_per_s = 0, cpu_us = 0, sink_cpu_us = 0;
    support::Sink::Stats sink;
  };
  /// How the worker, which begins now, gets through the `users` events that are waiting for it.
  FullSpeed full_speed(support::Process& worker) {
    const support::Sink::Stats before = bed.sink.stats();
    const support::Usage at_start = worker.usage();
    const auto started = steady_clock::now();
    worker.signal(SIGCONT);
    const support::Sink::Stats after = await_pushes(bed.sink, users.size(), worker);
    await_settled();
    const auto whole = steady_clock::now() - started;
    const auto cpu = worker.usage().cpu - at_start.cpu;
    need_equal("pushes", std::int64_t(after.requests), std::int64_t(users.size()));
    const auto count = static_cast<double>(users.size());
    return {.pushes_per_s = (count - 1) / seconds_of(after.last - after.first),
            .whole_per_s = count / seconds_of(whole),
            .cpu_us = static_cast<double>(cpu.count()) / count,
            .sink_cpu_us = static_cast<double>((after.cpu - before.cpu).count()) / count,
            .sink = after};
  }
};

}  // namespace

Measured run_spine(const SpinePlan& plan, const SpineBed& bed, int number) {
  Run run(plan, bed, number);
  run.load("cold");
  nlohmann::json changes = {{"worker", {{"shards", plan.shards}}}};
  changes.merge_patch(plan.config);
  const std::string config = bed.nightpost.config(fmt::format("worker-{}.json", number), run.names, changes);
  bed.sink.reset();
  const std::uint64_t connections_before = bed.sink.stats().connections;
  support::Nightpost::Worker worker(bed.nightpost, fmt::format("worker-{}", number), config);
  if (!worker.ready(60s)) throw std::runtime_error("no worker: " + worker.log());
  const Run::FullSpeed cold = run.full_speed(worker.process());
  const std::uint64_t connections = std::max<std::uint64_t>(cold.sink.connections - connections_before, 1);

  // It does not see the second load grow: producing would take the cores it is measured on.
  worker.process().signal(SIGSTOP);
  run.load("warm");
  bed.sink.reset();
  const Run::FullSpeed warm = run.full_speed(worker.process());

  bed.sink.reset();
  const double moderate_per_s = plan.moderate_share * warm.pushes_per_s;
  const std::size_t moderate = run.produce_steadily(moderate_per_s);
  const support::Sink::Stats calm = await_pushes(bed.sink, moderate, worker.process());
  run.await_settled();
  need_equal("stamped pushes", std::int64_t(calm.latency.count), std::int64_t(moderate));

  const support::Usage at_last = worker.process().usage();
  worker.process().signal(SIGTERM);
  const auto left = worker.process().wait(60s);
  if (left != 0) throw std::runtime_error("SIGTERM: the worker did not leave with 0: " + worker.log());

  const std::uint64_t body_bytes = cold.sink.body_bytes / cold.sink.requests;
  const double h2load = h2load_per_s({.origin = bed.sink.origin(),
                                      .requests = plan.events,
                                      .connections = connections,
                                      .streams_each = 1000,
                                      .body_bytes = body_bytes},
                                     bed.folder);
  return {{"pushes_per_s", cold.pushes_per_s},
          {"pushes_per_s_whole", cold.whole_per_s},
          {"cpu_us_per_push", cold.cpu_us},
          {"warm_pushes_per_s", warm.pushes_per_s},
          {"warm_pushes_per_s_whole", warm.whole_per_s},
          {"warm_cpu_us_per_push", warm.cpu_us},
          {"sink_cpu_us_per_push", cold.sink_cpu_us},
          {"moderate_per_s", moderate_per_s},
          {"p50_ms", millis_of(calm.latency.p50)},
          {"p99_ms", millis_of(calm.latency.p99)},
          {"p999_ms", millis_of(calm.latency.p999)},
          {"max_ms", millis_of(calm.latency.max)},
          {"rss_mb", static_cast<double>(at_last.rss_max_kb) / 1024},
          {"connections", connections},
          {"body_bytes", body_bytes},
          {"h2load_per_s", h2load},
          {"ratio", cold.pushes_per_s / h2load},
          {"warm_ratio", warm.pushes_per_s / h2load}};
}

}  // namespace nightpost::bench
