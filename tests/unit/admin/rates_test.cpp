// The last hour's rates: what is read of a worker's page, and what becomes of two looks.
#include "admin/rate_book.h"

#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

constexpr auto kAccepted = std::size_t(OutcomeKind::Accepted), kDead = std::size_t(OutcomeKind::Dead);
constexpr auto kApns = std::size_t(Vendor::Apns), kFcm = std::size_t(Vendor::Fcm);

MonoTime second_of(int seconds_passed) { return MonoTime(seconds(1'000 + seconds_passed)); }

WorkerCounts counts_of(double accepted, double lag = 0) {
  WorkerCounts out;
  out.outcomes[kAccepted] = accepted;
  out.lag = lag;
  return out;
}

TEST_CASE("admin rates: a worker's page is read", "[admin][rates]") {
  const auto counts = read_worker_counts(
      "# HELP nightpost_outcomes_total What became of pushes\n"
      "# TYPE nightpost_outcomes_total counter\n"
      "nightpost_outcomes_total{outcome=\"accepted\"} 12\n"
      "nightpost_outcomes_total{instance=\"x\", outcome=\"dead\"} 1e3 1700000000\n"
      "nightpost_outcomes_total{outcome=\"of tomorrow\"} 7\n"
      "nightpost_attempts_total{vendor=\"apns\",verdict=\"accepted\"} 100\n"
      "nightpost_attempts_total{vendor=\"apns\",verdict=\"transient\"} 3\n"
      "nightpost_attempts_total{verdict=\"credential_bad\",vendor=\"apns\"} 4\n"
      "nightpost_attempts_total{vendor=\"apns\",verdict=\"token_gone\"} 50\n"
      "nightpost_attempts_total{vendor=\"fcm\",verdict=\"throttled\"} 5\n"
      "nightpost_attempts_total{vendor=\"smoke\",verdict=\"throttled\"} 5\n"
      "nightpost_kafka_lag{topic=\"offline\"} 20\r\n"
      "nightpost_kafka_lag{topic=\"retry_10s\"} 2\n"
      "nightpost_kafka_lag_of_another{topic=\"retry_10s\"} 2000\n");
  REQUIRE(counts);
  CHECK(counts->outcomes[kAccepted] == 12);
  CHECK(counts->outcomes[kDead] == 1'000);
  CHECK(counts->errors[kApns] == 7);
  CHECK(counts->errors[kFcm] == 5);
  CHECK(counts->lag == 22);
}

TEST_CASE("admin rates: what is no worker's page, or broken, counts nothing", "[admin][rates]") {
  for (const char* none : {"", "\n\n", "<html>404</html>", "nightpost_attempts_total{vendor=\"apns\"} 1\n",
                           "# nightpost_outcomes_total 3\n", "nightpost_outcomes_total"}) {
    CAPTURE(none);
    const auto counts = read_worker_counts(none);
    REQUIRE_FALSE(counts);
    CHECK(counts.error().detail == "no metrics of a worker");
  }
  const std::string good = "nightpost_outcomes_total{outcome=\"dead\"} 1\n";
  for (const char* broken :
       {"nightpost_outcomes_total{outcome=\"accepted\"} NaN", "nightpost_outcomes_total{outcome=\"accepted\"} +Inf",
        "nightpost_outcomes_total{outcome=\"accepted\"} -4", "nightpost_outcomes_total{outcome=\"accepted\" 4",
        "nightpost_outcomes_total{outcome=\"accepted} 4", "nightpost_outcomes_total{xoutcome=\"accepted\"} 4",
        "nightpost_outcomes_total{outcome=accepted} 4", "nightpost_outcomes_total{outcome=\"accepted\"}",
        "nightpost_kafka_lag{topic=\"x\"} -1", "{", "}", " ", "{}"}) {
    CAPTURE(broken);
    const auto counts = read_worker_counts(good + broken + "\n");
    REQUIRE(counts);
    CHECK(counts->outcomes[kAccepted] == 0);
    CHECK(counts->outcomes[kDead] == 1);
    CHECK(counts->lag == 0);
  }
}

TEST_CASE("admin rates: two looks give a rate, all workers together", "[admin][rates]") {
  RateBook book;
  book.watch({"one", "two"});
  CHECK(book.sources().at(0).trouble == "not looked at yet");
  CHECK(book.points().empty());
  const auto away = [] { return Result<WorkerCounts>(fail(Errc::Io, "nobody answers")); };
  const auto add = [&](int at, Result<WorkerCounts> one, Result<WorkerCounts> two) {
    book.add(kThen + seconds(at), {{second_of(at), std::move(one)}, {second_of(at), std::move(two)}});
    return book.points().back();
  };
  RatePoint point = add(0, counts_of(100, 5), counts_of(1'000, 7));
  CHECK(point.workers == 0);  // nothing to begin from
  CHECK(point.lagging == 2);
  CHECK(point.rates.lag == 12);
  point = add(10, counts_of(150), counts_of(1'010));
  CHECK(point.workers == 2);
  CHECK(point.rates.outcomes[kAccepted] == Approx(6));
  point = add(20, counts_of(160), away());
  CHECK(point.workers == 1);
  CHECK(point.rates.outcomes[kAccepted] == Approx(1));
  CHECK(book.sources().at(1).trouble == "nobody answers");
  CHECK(book.sources().at(0).trouble.empty());
  point = add(30, counts_of(160), counts_of(9'000));  // how much of it was when is not known
  CHECK(point.workers == 1);
  CHECK(point.rates.outcomes[kAccepted] == 0);
  point = add(40, counts_of(20), counts_of(9'005));  // the first began anew
  CHECK(point.workers == 2);
  CHECK(point.rates.outcomes[kAccepted] == Approx(2.5));
  point = add(40, counts_of(30), counts_of(9'005));  // no time has passed
  CHECK(point.workers == 0);
}

TEST_CASE("admin rates: an hour is kept", "[admin][rates]") {
  RateBook book;
  book.watch({"one"});
  for (int i = 0; i < 400; ++i)
    book.add(kThen + seconds(10 * i), {{second_of(10 * i), Result<WorkerCounts>(counts_of(i * 10.0))}});
  const auto points = book.points();
  REQUIRE(points.size() == kRatePointsMax);
  CHECK(points.front().at == kThen + seconds(400));
  CHECK(points.back().rates.outcomes[kAccepted] == Approx(1));
}

TEST_CASE("admin rates: the API tells them to who sees all apps", "[admin][rates]") {
  ApiBed bed;
  const std::string all = bed.token(Role::Viewer);
  Heard heard = bed.call("GET", "/v1/rates", all);
  REQUIRE(heard.status == 200);
  CHECK(heard.body == nlohmann::json{{"every_ms", 10'000},
                                     {"workers", nlohmann::json::array()},
                                     {"points", nlohmann::json::array()}});
  bed.rates.watch({"http://10.0.0.7:9464"});
  WorkerCounts more = counts_of(125.5, 3);
  more.errors[kApns] = 10;
  bed.rates.add(kThen, {{second_of(0), Result<WorkerCounts>(counts_of(0))}});
  bed.rates.add(kThen + seconds(10), {{second_of(10), Result<WorkerCounts>(more)}});
  bed.rates.add(kThen + seconds(20), {{second_of(20), fail(Errc::Io, "nobody answers")}});
  heard = bed.call("GET", "/v1/rates", all);
  CHECK(heard.body["workers"] ==
        nlohmann::json::array({{{"name", "http://10.0.0.7:9464"}, {"trouble", "nobody answers"}}}));
  REQUIRE(heard.body["points"].size() == 3);
  const auto& point = heard.body["points"][1];
  CHECK(point["at"] == to_ms(kThen + seconds(10)));
  CHECK(point["workers"] == 1);
  CHECK(point["outcomes"] == nlohmann::json::object({{"accepted", 12.55}}));
  CHECK(point["errors"] == nlohmann::json::object({{"apns", 1.0}}));
  CHECK(point["lag"] == 3);
  CHECK(heard.body["points"][2]["workers"] == 0);
  CHECK(heard.body["points"][2]["lag"].is_null());
  const Heard refused = bed.call("GET", "/v1/rates", bed.token(Role::Admin, {kShop}));
  CHECK(refused.status == 403);
  CHECK(refused.code() == "wrong_app");
}

}  // namespace
}  // namespace nightpost::admin
