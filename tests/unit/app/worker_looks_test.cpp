// The looks at workers' /metrics behind the charts of the console's first page.
#include "app/worker_looks.h"

#include "support/process.h"
#include "unit/app/console_bed.h"

namespace nightpost::app {
namespace {

constexpr auto kLooksPatience = std::chrono::seconds(20);

TEST_CASE("worker looks: the first look is at the start, and one that fails is named", "[app][console][rates]") {
  const SystemClock clock;
  admin::RateBook book;
  const WorkerLooks looks(
      {{"good",
        [] { return Result<std::string>("nightpost_outcomes_total{outcome=\"dead\"} 3\nnightpost_kafka_lag 7\n"); }},
       {"away", [] { return Result<std::string>(fail(Errc::Io, "nobody answers")); }},
       {"another's", [] { return Result<std::string>("<html></html>"); }}},
      clock, book);
  REQUIRE(support::eventually(kLooksPatience, [&] { return !book.points().empty(); }));
  const admin::RatePoint point = book.points().front();
  CHECK(point.lagging == 1);
  CHECK(point.workers == 0);  // one look is no rate
  CHECK(point.rates.lag == 7);
  const auto sources = book.sources();
  REQUIRE(sources.size() == 3);
  CHECK(sources[0].trouble.empty());
  CHECK(sources[0].answered_at == point.at);
  CHECK(sources[0].state.has_value());
  CHECK(sources[1].looked_at == point.at);
  CHECK_FALSE(sources[1].answered_at);
  CHECK_FALSE(sources[1].state);
  CHECK(sources[1].trouble == "nobody answers");
  CHECK(sources[2].trouble == "no metrics of a worker");
}  // the end does not wait for the next look

TEST_CASE("worker looks: workers are asked at once, so that none waits for another's answer", "[app][console][rates]") {
  const SystemClock clock;
  admin::RateBook book;
  std::atomic<int> asked{0};
  const auto answers_when_both_are_asked = [&]() -> Result<std::string> {
    ++asked;
    if (!support::eventually(kLooksPatience, [&] { return asked >= 2; })) return fail(Errc::Timeout, "asked alone");
    return "nightpost_outcomes_total{outcome=\"dead\"} 3\n";
  };
  const WorkerLooks looks({{"one", answers_when_both_are_asked}, {"two", answers_when_both_are_asked}}, clock, book);
  REQUIRE(support::eventually(3 * kLooksPatience, [&] { return !book.points().empty(); }));
  for (const admin::RateBook::Source& each : book.sources()) CHECK(each.trouble.empty());
}

TEST_CASE("worker looks: without workers nothing is looked at", "[app][console][rates]") {
  const SystemClock clock;
  admin::RateBook book;
  const WorkerLooks looks({}, clock, book);
  CHECK(book.sources().empty());
  CHECK(book.points().empty());
}

TEST_CASE("worker looks: the console tells what it could not read", "[app][console][rates]") {
  const ConsoleOffice office({{"metrics_urls", "http://127.0.0.1:1"}});  // nobody listens there
  const observe::MetricsPage own;                                        // of no worker
  Running running(office);
  running.console->look_at_workers(own);
  const std::string token = office.token("viewer");
  nlohmann::json workers;
  REQUIRE(support::eventually(kLooksPatience, [&] {
    const auto heard = running.ask("GET", "/v1/rates", token);
    REQUIRE(heard.status == 200);
    workers = heard.body["workers"];
    return !heard.body["points"].empty();
  }));
  REQUIRE(workers.size() == 1);
  CHECK(workers[0]["name"] == "http://127.0.0.1:1");
  CHECK_FALSE(workers[0]["trouble"].get<std::string>().empty());
  CHECK(workers[0]["trouble"] != "not looked at yet");
}

TEST_CASE("worker looks: a console in a worker's process shows that", "[app][console][rates]") {
  const ConsoleOffice office;
  observe::MetricsPage own;
  own.add_counter("nightpost_outcomes_total", "What became of pushes", {{"outcome", "accepted"}}, [] { return 5.0; });
  own.add_gauge("nightpost_kafka_lag", "Records", {{"topic", "offline"}}, [] { return 2.0; });
  Running running(office);
  running.console->look_at_workers(own);
  const std::string token = office.token("viewer");
  nlohmann::json heard;
  REQUIRE(support::eventually(kLooksPatience, [&] {
    heard = running.ask("GET", "/v1/rates", token).body;
    return !heard["points"].empty();
  }));
  CHECK(heard["workers"] == nlohmann::json::array({{{"name", "this process"}, {"trouble", ""}}}));
  CHECK(heard["points"][0]["lag"] == 2);
  const nlohmann::json workers = running.ask("GET", "/v1/workers", token).body["items"];
  REQUIRE(workers.size() == 1);
  CHECK(workers[0]["name"] == "this process");
  CHECK(workers[0]["state"]["kafka"]["lag"] == 2);
}

TEST_CASE("worker looks: where workers are named, this process is not counted beside them", "[app][console][rates]") {
  const ConsoleOffice office({{"metrics_urls", "http://127.0.0.1:1"}});  // may well be this one
  observe::MetricsPage own;
  own.add_counter("nightpost_outcomes_total", "What became of pushes", {{"outcome", "accepted"}}, [] { return 5.0; });
  Running running(office);
  running.console->look_at_workers(own);
  const auto heard = running.ask("GET", "/v1/rates", office.token("viewer"));
  REQUIRE(heard.status == 200);
  REQUIRE(heard.body["workers"].size() == 1);
  CHECK(heard.body["workers"][0]["name"] == "http://127.0.0.1:1");
}

}  // namespace
}  // namespace nightpost::app
