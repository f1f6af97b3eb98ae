// Stalls of a loop, by a clock that the tests turn: when one counts, which part it is put down to, what ops read of it.
#include "app/loop_monitor.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/ports.h"
#include "app/stall_log.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;
using std::chrono::nanoseconds;

struct HandClock final : Clock {
  WallTime wall() const noexcept override { return wall_from_ms(0); }
  MonoTime mono() const noexcept override { return now; }
  MonoTime now = MonoTime(std::chrono::hours(1));
};

constexpr milliseconds kStall{40};
constexpr milliseconds kBeat{10};

struct Rig {
  Rig() { monitor.beat(clock.now, cpu); }
  void pass(milliseconds time) { clock.now += time; }
  void work(LoopPart part, milliseconds time) {
    const LoopMonitor::Working working(monitor, part);
    pass(time);
  }
  void beat() { monitor.beat(clock.now, cpu); }
  std::uint64_t stalls(LoopPart part) const { return metrics.stalls[std::size_t(part)].read(); }
  std::uint64_t stalls() const {
    std::uint64_t sum = 0;
    for (const Counter& each : metrics.stalls) sum += each.read();
    return sum;
  }

  HandClock clock;
  LoopMetrics metrics;
  LoopMonitor monitor{kStall, clock, metrics};
  nanoseconds cpu{0};
};

/// A store each of whose answers takes 100 ms.
struct SlowSource final : resolve::Source {
  explicit SlowSource(HandClock& c) : clock(c) {}
  void receivers(std::span<const ReceiverKey> keys, Found found) override {
    clock.now += milliseconds(100);
    found(std::vector<Receiver>(keys.size()));
  }
  Result<bool> app_known(AppId) override { return slow(true); }
  void remove_token(AppId, std::string_view, const Device&, Removed removed) override { removed(slow(true)); }
  Result<Certificate> certificate(CertificateId) override { return slow(Certificate{}); }
  Result<CertificateSecret> secret(CertificateId) override { return slow(CertificateSecret{}); }
  Result<Changes> changes() override { return slow(Changes{.certificates = true}); }
  template <class T>
  T slow(T value) {
    clock.now += milliseconds(100);
    return value;
  }
  HandClock& clock;
};

}  // namespace

TEST_CASE("loop monitor: a stall is put down to what took most of it", "[app][loop]") {
  using P = LoopPart;
  struct Row {
    const char* name;
    std::vector<std::pair<P, int>> spent;  // ms
    int lasted;
    P want;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing was named", {}, 60, P::Other},
      {"one part took all", {{P::Accept, 60}}, 60, P::Accept},
      {"one part took most", {{P::Accept, 10}, {P::Store, 45}}, 60, P::Store},
      {"the unnamed rest took most", {{P::Accept, 10}, {P::Store, 15}}, 60, P::Other},
      {"idle time before it is no work", {{P::Other, 500}, {P::Flush, 60}}, 60, P::Flush},
      {"work before it may exceed it", {{P::Answers, 40}, {P::Outcomes, 30}}, 60, P::Answers},
      {"the last part of all", {{P::Sweep, 60}}, 60, P::Sweep},
  }));
  CAPTURE(row.name);
  LoopTimes spent{};
  for (const auto& [part, ms] : row.spent) spent[std::size_t(part)] = milliseconds(ms);
  CHECK(part_to_name(milliseconds(row.lasted), spent) == row.want);
}

TEST_CASE("loop monitor: every part has a name of its own", "[app][loop]") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < std::size_t(LoopPart::Count); ++i) names.insert(name_of(static_cast<LoopPart>(i)));
  CHECK(names.size() == std::size_t(LoopPart::Count));
  CHECK_FALSE(names.contains(""));
}

TEST_CASE("loop monitor: the coarse clock is the steady one, a little late", "[app][loop]") {
  const CoarseClock coarse;
  for (int i = 0; i < 1'000; ++i) {
    const MonoTime read = coarse.mono();
    const MonoTime exact = std::chrono::steady_clock::now();
    CHECK(read <= exact);
    CHECK(exact - read < seconds(10));
  }
  CHECK(std::chrono::abs(coarse.wall() - SystemClock().wall()) < seconds(10));
  CHECK(thread_cpu_time() > nanoseconds(0));
}

TEST_CASE("loop monitor: beats in time are no stalls, late ones are", "[app][loop]") {
  Rig rig;
  REQUIRE(rig.monitor.interval() == kBeat);
  for (int i = 0; i < 100; ++i) {
    rig.pass(kBeat + kStall - milliseconds(1));
    rig.beat();
  }
  CHECK(rig.stalls() == 0);
  rig.pass(kBeat + kStall);
  rig.beat();
  CHECK(rig.stalls(LoopPart::Other) == 1);
  CHECK(rig.stalls() == 1);
  CHECK(rig.metrics.stall_time.sum_ms() == 40);
}

TEST_CASE("loop monitor: before the first beat nothing is late", "[app][loop]") {
  HandClock clock;
  LoopMetrics metrics;
  LoopMonitor monitor(kStall, clock, metrics);
  CHECK_FALSE(monitor.report(clock.now).under_way);
  clock.now += seconds(10);
  CHECK_FALSE(monitor.report(clock.now).under_way);
  monitor.beat(clock.now, {});
  CHECK(monitor.report(clock.now).stalls == 0);
}

TEST_CASE("loop monitor: a slow part is named, the innermost of them", "[app][loop]") {
  Rig rig;
  {
    const LoopMonitor::Working working(rig.monitor, LoopPart::Accept);
    rig.pass(milliseconds(20));
    rig.work(LoopPart::Store, milliseconds(80));
    rig.pass(milliseconds(20));
  }
  rig.beat();
  CHECK(rig.stalls(LoopPart::Store) == 1);

  rig.work(LoopPart::Flush, milliseconds(90));  // what the last stall took is forgotten
  rig.beat();
  CHECK(rig.stalls(LoopPart::Flush) == 1);

  // Many short pieces make a stall too.
  for (int i = 0; i < 30; ++i) rig.work(LoopPart::Answers, milliseconds(3));
  rig.beat();
  CHECK(rig.stalls(LoopPart::Answers) == 1);
  CHECK(rig.stalls() == 3);
}

TEST_CASE("loop monitor: the report has the longest stall, once, and its CPU time", "[app][loop]") {
  Rig rig;
  for (const int ms : {60, 200, 100}) {
    rig.cpu += milliseconds(ms / 2);
    rig.work(LoopPart::Accept, milliseconds(ms));
    rig.beat();
  }
  const auto report = rig.monitor.report(rig.clock.now);
  CHECK(report.stalls == 3);
  REQUIRE(report.longest);
  CHECK(report.longest->lasted == milliseconds(190));
  CHECK(report.longest->cpu == milliseconds(100));
  CHECK(report.longest->part == LoopPart::Accept);
  CHECK_FALSE(report.under_way);
  CHECK(rig.monitor.report(rig.clock.now).stalls == 0);
  CHECK_FALSE(rig.monitor.report(rig.clock.now).longest);
}

TEST_CASE("loop monitor: a stall that does not end is seen from outside", "[app][loop]") {
  Rig rig;
  {
    const LoopMonitor::Working working(rig.monitor, LoopPart::Store);
    rig.pass(kBeat + kStall - milliseconds(1));
    CHECK_FALSE(rig.monitor.report(rig.clock.now).under_way);
    rig.pass(seconds(3));
    const auto report = rig.monitor.report(rig.clock.now);
    CHECK(report.stalls == 0);
    REQUIRE(report.under_way);
    CHECK(report.under_way->part == LoopPart::Store);
    CHECK(report.under_way->lasted == milliseconds(3'039));
  }
  rig.beat();
  CHECK_FALSE(rig.monitor.report(rig.clock.now).under_way);
  CHECK(rig.stalls(LoopPart::Store) == 1);
}

TEST_CASE("loop monitor: a slow handler on a real loop is found by its timer", "[app][loop]") {
  Rig rig;
  boost::asio::io_context loop;
  boost::asio::steady_timer timer(loop);
  timer.expires_after(milliseconds(1));
  timer.async_wait([&](auto) { rig.beat(); });
  boost::asio::post(loop, [&] { rig.work(LoopPart::HandBack, milliseconds(70)); });
  loop.run();
  CHECK(rig.stalls(LoopPart::HandBack) == 1);
}

TEST_CASE("loop monitor: time in the store counts as the store's", "[app][loop]") {
  Rig rig;
  SlowSource slow(rig.clock);
  TimedSource source(slow, rig.monitor);
  std::uint64_t calls = 0;
  const auto counted = [&] {
    rig.beat();
    return rig.stalls(LoopPart::Store) == ++calls;
  };
  const ReceiverKey key{AppId{1}, "user"};
  std::size_t found = 0;
  source.receivers({&key, 1}, [&](auto answer) { found = answer->size(); });
  CHECK(found == 1);
  CHECK(counted());
  source.receivers({&key, 1}, [&](auto) { rig.pass(milliseconds(300)); });  // the asker's work, not the store's
  rig.beat();
  CHECK(rig.stalls() == calls + 1);
  CHECK(rig.stalls(LoopPart::Store) == calls);
  CHECK(source.app_known({1}).value());
  CHECK(counted());
  bool removed = false;
  source.remove_token({1}, "user", {}, [&](Result<bool> told) { removed = told.value(); });
  CHECK(removed);
  CHECK(counted());
  CHECK(source.certificate({1}));
  CHECK(counted());
  CHECK(source.secret({1}));
  CHECK(counted());
  CHECK(source.changes()->certificates);
  CHECK(counted());
  CHECK(rig.stalls() == calls + 1);
}

TEST_CASE("stall log: at once, then once a minute for each shard, with the longest since", "[app][loop]") {
  std::ostringstream said;
  HandClock clock;
  observe::Log log(observe::Level::Info, 1'000, said, clock);
  StallLog stalls(log);
  const auto lines = [&] {
    std::vector<Json> all;
    std::istringstream text(std::exchange(said, std::ostringstream()).str());
    for (std::string line; std::getline(text, line);) all.push_back(Json::parse(line));
    return all;
  };
  const auto ended = [](std::uint64_t count, int ms, LoopPart part) {
    return LoopMonitor::Report{count, LoopStall{milliseconds(ms), milliseconds(ms / 10), part}, std::nullopt};
  };

  stalls.hear(0, {}, clock.now);
  CHECK(lines().empty());

  stalls.hear(2, ended(1, 120, LoopPart::Store), clock.now);
  auto heard = lines();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0]["event"] == "worker.loop_stalled");
  CHECK(heard[0]["level"] == "warn");
  CHECK(heard[0]["shard"] == 2);
  CHECK(heard[0]["part"] == "store");
  CHECK(heard[0]["ms"] == 120);
  CHECK(heard[0]["cpu_ms"] == 12);
  CHECK(heard[0]["over"] == true);
  CHECK(heard[0]["stalls"] == 1);
  CHECK(heard[0]["todo"].get<std::string>().contains("store.busy_timeout_ms"));

  stalls.hear(3, ended(1, 60, LoopPart::Accept), clock.now);  // another shard has its own minute
  heard = lines();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0]["todo"].get<std::string>().starts_with("the thread waited"));

  for (const int ms : {70, 300, 80}) {
    clock.now += seconds(1);
    stalls.hear(2, ended(2, ms, LoopPart::Answers), clock.now);
  }
  CHECK(lines().empty());
  clock.now += StallLog::kSilence;
  stalls.hear(2, {}, clock.now);
  heard = lines();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0]["ms"] == 300);
  CHECK(heard[0]["stalls"] == 6);
  clock.now += StallLog::kSilence;
  stalls.hear(2, {}, clock.now);
  CHECK(lines().empty());  // said already

  stalls.hear(2, {0, std::nullopt, LoopStall{seconds(9), milliseconds(0), LoopPart::Other}}, clock.now);
  heard = lines();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0]["over"] == false);
  CHECK_FALSE(heard[0].contains("cpu_ms"));
  CHECK(heard[0]["ms"] == 9'000);
  CHECK(heard[0]["todo"].get<std::string>().contains("take a stack"));
}

}  // namespace nightpost::app
