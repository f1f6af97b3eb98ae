// The last hour's rates: what becomes of two looks at a worker.
#include "admin/rate_book.h"

#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

constexpr auto kAccepted = std::size_t(OutcomeKind::Accepted);
constexpr auto kApns = std::size_t(Vendor::Apns);

MonoTime second_of(int seconds_passed) { return MonoTime(seconds(1'000 + seconds_passed)); }

WorkerState state_of(double accepted, double lag = 0) {
  WorkerState out;
  out.counts.outcomes[kAccepted] = accepted;
  out.counts.lag = lag;
  return out;
}

TEST_CASE("admin rates: two looks give a rate, all workers together", "[admin][rates]") {
  RateBook book;
  book.watch({"one", "two"});
  CHECK(book.sources().at(0).trouble == "not looked at yet");
  CHECK(book.points().empty());
  const auto away = [] { return Result<WorkerState>(fail(Errc::Io, "nobody answers")); };
  const auto add = [&](int at, Result<WorkerState> one, Result<WorkerState> two) {
    book.add(kThen + seconds(at), {{second_of(at), std::move(one)}, {second_of(at), std::move(two)}});
    return book.points().back();
  };
  RatePoint point = add(0, state_of(100, 5), state_of(1'000, 7));
  CHECK(point.workers == 0);  // nothing to begin from
  CHECK(point.lagging == 2);
  CHECK(point.rates.lag == 12);
  point = add(10, state_of(150), state_of(1'010));
  CHECK(point.workers == 2);
  CHECK(point.rates.outcomes[kAccepted] == Approx(6));
  point = add(20, state_of(160), away());
  CHECK(point.workers == 1);
  CHECK(point.rates.outcomes[kAccepted] == Approx(1));
  CHECK(book.sources().at(1).trouble == "nobody answers");
  CHECK(book.sources().at(0).trouble.empty());
  point = add(30, state_of(160), state_of(9'000));  // how much of it was when is not known
  CHECK(point.workers == 1);
  CHECK(point.rates.outcomes[kAccepted] == 0);
  point = add(40, state_of(20), state_of(9'005));  // the first began anew
  CHECK(point.workers == 2);
  CHECK(point.rates.outcomes[kAccepted] == Approx(2.5));
  point = add(40, state_of(30), state_of(9'005));  // no time has passed
  CHECK(point.workers == 0);
}

TEST_CASE("admin rates: an hour is kept", "[admin][rates]") {
  RateBook book;
  book.watch({"one"});
  for (int i = 0; i < 400; ++i)
    book.add(kThen + seconds(10 * i), {{second_of(10 * i), Result<WorkerState>(state_of(i * 10.0))}});
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
  WorkerState more = state_of(125.5, 3);
  more.counts.errors[kApns] = 10;
  bed.rates.add(kThen, {{second_of(0), Result<WorkerState>(state_of(0))}});
  bed.rates.add(kThen + seconds(10), {{second_of(10), Result<WorkerState>(more)}});
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
