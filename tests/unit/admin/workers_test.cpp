// What is read of a worker's page, and how the API tells it.
#include "admin/worker_page.h"

#include <fmt/format.h>

#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

constexpr auto kAcceptedAt = std::size_t(OutcomeKind::Accepted), kDeadAt = std::size_t(OutcomeKind::Dead);
constexpr auto kApnsAt = std::size_t(Vendor::Apns), kFcmAt = std::size_t(Vendor::Fcm),
               kOppoAt = std::size_t(Vendor::Oppo);
const std::string kOfAWorker = "nightpost_outcomes_total{outcome=\"dead\"} 1\n";  // what makes a page a worker's

WorkerState state_of_page(const std::string& page) {
  auto read = read_worker_page(kOfAWorker + page);
  if (!read) FAIL(read.error().detail);
  return *std::move(read);
}

std::optional<double> number_of(const WorkerState& state, std::string_view group, std::string_view member) {
  for (std::size_t i = 0; i < kWorkerNumbers.size(); ++i)
    if (kWorkerNumbers[i].group == group && kWorkerNumbers[i].member == member) return state.numbers[i];
  FAIL("no such number");
  return std::nullopt;
}

/// Nothing stands there but the outcomes.
bool says_nothing(const WorkerState& state) {
  const auto empty = [](const VendorState& one) {
    const auto unknown = [](const auto& number) { return !number; };
    return std::ranges::all_of(one.signers, unknown) && one.holds == 0 && one.held.empty() &&
           std::ranges::all_of(one.quotas, [](const auto& quota) { return !quota.used && !quota.left; });
  };
  const auto zero = [](double value) { return value == 0; };
  return std::ranges::all_of(state.numbers, [](const auto& number) { return !number; }) &&
         std::ranges::all_of(state.vendors, empty) && std::ranges::all_of(state.counts.errors, zero) &&
         std::ranges::all_of(state.counts.requests, zero) && std::ranges::all_of(state.counts.put_off, zero);
}

TEST_CASE("admin workers: a worker's page is read", "[admin][workers]") {
  const auto read = read_worker_page(
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
      "nightpost_kafka_lag_of_another{topic=\"retry_10s\"} 2000\n"
      "nightpost_put_off_total{reason=\"breaker\"} 6\n"
      "nightpost_vendor_requests_total{vendor=\"apns\"} 90\n");
  REQUIRE(read);
  CHECK(read->counts.outcomes[kAcceptedAt] == 12);
  CHECK(read->counts.outcomes[kDeadAt] == 1'000);
  CHECK(read->counts.errors[kApnsAt] == 7);
  CHECK(read->counts.errors[kFcmAt] == 5);
  CHECK(read->counts.requests[kApnsAt] == 90);
  CHECK(read->counts.put_off[4] == 6);
  CHECK(read->counts.lag == 22);
}

TEST_CASE("admin workers: what is no worker's page, or broken, counts nothing", "[admin][workers]") {
  for (const char* none : {"", "\n\n", "<html>404</html>", "nightpost_attempts_total{vendor=\"apns\"} 1\n",
                           "# nightpost_outcomes_total 3\n", "nightpost_outcomes_total"}) {
    CAPTURE(none);
    const auto read = read_worker_page(none);
    REQUIRE_FALSE(read);
    CHECK(read.error().detail == "no metrics of a worker");
  }
  const std::string good = "nightpost_outcomes_total{outcome=\"dead\"} 1\n";
  for (const char* broken :
       {"nightpost_outcomes_total{outcome=\"accepted\"} NaN", "nightpost_outcomes_total{outcome=\"accepted\"} +Inf",
        "nightpost_outcomes_total{outcome=\"accepted\"} -4", "nightpost_outcomes_total{outcome=\"accepted\" 4",
        "nightpost_outcomes_total{outcome=\"accepted} 4", "nightpost_outcomes_total{xoutcome=\"accepted\"} 4",
        "nightpost_outcomes_total{outcome=accepted} 4", "nightpost_outcomes_total{outcome=\"accepted\"}",
        "nightpost_kafka_lag{topic=\"x\"} -1", "{", "}", " ", "{}"}) {
    CAPTURE(broken);
    const auto read = read_worker_page(good + broken + "\n");
    REQUIRE(read);
    CHECK(read->counts.outcomes[kAcceptedAt] == 0);
    CHECK(read->counts.outcomes[kDeadAt] == 1);
    CHECK(read->counts.lag == 0);
  }
}

TEST_CASE("admin workers: each number has its series, and a page without it says nothing of it", "[admin][workers]") {
  CHECK(says_nothing(state_of_page("")));
  std::set<std::string> places;
  for (std::size_t i = 0; i < kWorkerNumbers.size(); ++i) {
    const WorkerNumber& number = kWorkerNumbers[i];
    CAPTURE(number.series);
    CHECK(places.insert(fmt::format("{}.{}", number.group, number.member)).second);
    const std::string labels = number.use.empty() ? "" : fmt::format("{{for=\"{}\"}}", number.use);
    const WorkerState state = state_of_page(fmt::format("{}{} 7\n", number.series, labels));
    for (std::size_t other = 0; other < kWorkerNumbers.size(); ++other)
      CHECK(state.numbers[other] == (other == i ? std::optional(7.0) : std::nullopt));
  }
}

TEST_CASE("admin workers: vendors, quotas and holds", "[admin][workers]") {
  const WorkerState state = state_of_page(
      "nightpost_signers{vendor=\"apns\",state=\"healthy\"} 2\n"
      "nightpost_signers{vendor=\"apns\",state=\"silent\"} 1\n"
      "nightpost_signers{vendor=\"apns\",state=\"failing\"} 0\n"
      "nightpost_quota_used{vendor=\"oppo\",per=\"day\"} 100\n"
      "nightpost_quota_left{vendor=\"oppo\",per=\"day\"} 9900\n"
      "nightpost_quota_left{vendor=\"oppo\",per=\"minute\"} 5\n"
      "nightpost_removal_holds{vendor=\"fcm\",certificate=\"4\"} 1\n"
      "nightpost_removal_holds{vendor=\"fcm\",certificate=\"5\"} 0\n"
      "nightpost_http_open{for=\"pushes\"} 3\n"
      "nightpost_http_open{for=\"grants\"} 40\n"
      "nightpost_kafka_lag{topic=\"offline\"} 20\n"
      "nightpost_kafka_lag{topic=\"retry_10s\"} 2\n"
      "nightpost_kafka_oldest_unsettled_seconds 1.25\n");
  CHECK(state.vendors[kApnsAt].signers == std::array<std::optional<double>, 3>{2.0, 1.0, 0.0});
  CHECK_FALSE(state.vendors[kOppoAt].signers[0]);
  CHECK(state.vendors[kOppoAt].quotas[3].used == 100.0);
  CHECK(state.vendors[kOppoAt].quotas[3].left == 9'900.0);
  CHECK_FALSE(state.vendors[kOppoAt].quotas[1].used);
  CHECK(state.vendors[kOppoAt].quotas[1].left == 5.0);
  CHECK(state.vendors[kFcmAt].holds == 1);
  CHECK(state.vendors[kFcmAt].held == std::vector<std::int64_t>{4});
  CHECK(number_of(state, "http", "open") == 3.0);
  CHECK(number_of(state, "kafka", "lag") == 22.0);
  CHECK(number_of(state, "kafka", "oldest_unsettled_s") == 1.25);
}

TEST_CASE("admin workers: what is broken or of nobody is passed over", "[admin][workers]") {
  for (const char* broken : {
           "nightpost_pushes_in_flight NaN",
           "nightpost_pushes_in_flight +Inf",
           "nightpost_pushes_in_flight -1",
           "nightpost_pushes_in_flight",
           "nightpost_pushes_in_flight ",
           "nightpost_pushes_in_flight one",
           "nightpost_pushes_in_flight{vendor=\"apns\" 1",
           "nightpost_pushes_in_flight_of_another 1",
           "xnightpost_pushes_in_flight 1",
           "# nightpost_pushes_in_flight 1",
           "nightpost_http_open 3",
           "nightpost_http_open{for=\"grants\"} 3",
           "nightpost_http_open{for=\"\"} 3",
           "nightpost_signers{vendor=\"apns\"} 1",
           "nightpost_signers{state=\"healthy\"} 1",
           "nightpost_signers{vendor=\"apns\",state=\"of tomorrow\"} 1",
           "nightpost_signers{vendor=\"smoke\",state=\"healthy\"} 1",
           "nightpost_signers{vendor=\"apns\",state=\"healthy\"} -1",
           "nightpost_signers{vendor=\"apns\",state=\"healthy\"} NaN",
           "nightpost_quota_used{vendor=\"oppo\"} 1",
           "nightpost_quota_used{vendor=\"oppo\",per=\"year\"} 1",
           "nightpost_quota_left{vendor=\"\",per=\"day\"} 1",
           "nightpost_quota_left{vendor=\"oppo\",per=\"day\"} -5",
           "nightpost_quota_devices{vendor=\"oppo\",per=\"day\"} 1",
           "nightpost_removal_holds{vendor=\"fcm\"} 1",
           "nightpost_removal_holds{vendor=\"fcm\",certificate=\"4\"} 0",
           "nightpost_removal_holds{vendor=\"fcm\",certificate=\"-4\"} 1",
           "nightpost_removal_holds{vendor=\"fcm\",certificate=\"0\"} 1",
           "nightpost_removal_holds{vendor=\"fcm\",certificate=\"4x\"} 1",
           "nightpost_removal_holds{vendor=\"fcm\",certificate=\"\"} 1",
           "nightpost_removal_holds{vendor=\"fcm\",certificate=\"99999999999999999999\"} 1",
           "nightpost_removal_holds{vendor=\"smoke\",certificate=\"4\"} 1",
           "nightpost_vendor_requests_total{vendor=\"smoke\"} 1",
           "nightpost_vendor_requests_total 1",
           "nightpost_put_off_total 1",
           "nightpost_put_off_total{reason=\"of tomorrow\"} 1",
           "nightpost_put_off_total{reason=\"breaker\"} NaN",
           "\x01\xff\xfe{vendor=\"apns\"} 1",
       }) {
    CAPTURE(broken);
    CHECK(says_nothing(state_of_page(std::string(broken) + "\n")));
  }
}

TEST_CASE("admin workers: of a page without end no more is kept than there are places for", "[admin][workers]") {
  std::string page;
  for (int i = 1; i <= 5'000; ++i)
    page += fmt::format(
        "nightpost_signers{{vendor=\"v{0}\",state=\"healthy\"}} 1\n"
        "nightpost_signers{{vendor=\"apns\",state=\"s{0}\"}} 1\n"
        "nightpost_removal_holds{{vendor=\"fcm\",certificate=\"{0}\"}} 1\n",
        i);
  const WorkerState state = state_of_page(page);
  CHECK(state.vendors[kApnsAt].signers == std::array<std::optional<double>, 3>{});
  CHECK(state.vendors[kFcmAt].holds == 5'000);
  CHECK(state.vendors[kFcmAt].held.size() == kHeldNamedMax);
  CHECK(state.vendors[kFcmAt].held.back() == std::int64_t(kHeldNamedMax));
}

TEST_CASE("admin workers: the API tells how each stands, to who sees all apps", "[admin][workers]") {
  ApiBed bed;
  const std::string all = bed.token(Role::Viewer);
  Heard heard = bed.call("GET", "/v1/workers", all);
  REQUIRE(heard.status == 200);
  CHECK(heard.body ==
        nlohmann::json{{"every_ms", 10'000}, {"now", to_ms(bed.clock.wall())}, {"items", nlohmann::json::array()}});

  bed.rates.watch({"http://10.0.0.7:9464", "http://10.0.0.8:9464"});
  heard = bed.call("GET", "/v1/workers", all);
  REQUIRE(heard.body["items"].size() == 2);
  CHECK(heard.body["items"][0] == nlohmann::json{{"name", "http://10.0.0.7:9464"},
                                                 {"trouble", "not looked at yet"},
                                                 {"looked_at", nullptr},
                                                 {"answered_at", nullptr},
                                                 {"state", nullptr}});

  const auto look = [&](int at, Result<WorkerState> one, Result<WorkerState> two) {
    const MonoTime mono(seconds(1'000 + at));
    bed.rates.add(kThen + seconds(at), {{mono, std::move(one)}, {mono, std::move(two)}});
    return bed.call("GET", "/v1/workers", all).body["items"];
  };
  const auto page = [](int requests) {
    return state_of_page(
        fmt::format("nightpost_outcomes_total{{outcome=\"accepted\"}} {0}\n"
                    "nightpost_vendor_requests_total{{vendor=\"apns\"}} {0}\n"
                    "nightpost_put_off_total{{reason=\"breaker\"}} {0}\n"
                    "nightpost_put_off_total{{reason=\"quota\"}} 7\n"
                    "nightpost_signers{{vendor=\"apns\",state=\"silent\"}} 1\n"
                    "nightpost_quota_left{{vendor=\"oppo\",per=\"day\"}} 5\n"
                    "nightpost_removal_holds{{vendor=\"fcm\",certificate=\"4\"}} 1\n"
                    "nightpost_kafka_oldest_unsettled_seconds 1.2346\n"
                    "nightpost_pushes_in_flight 12\n",
                    requests));
  };
  nlohmann::json items = look(0, page(100), page(100));
  const nlohmann::json& first = items[0]["state"];
  CHECK(items[0]["trouble"] == "");
  CHECK(first["outcomes"].is_null());  // one look is no rate
  CHECK(first["put_off"].is_null());
  CHECK(first["vendors"][0]["requests"].is_null());
  CHECK(first["pushes"]["in_flight"] == 12);
  CHECK(first["pushes"]["waiting"].is_null());
  CHECK(first["kafka"]["oldest_unsettled_s"] == 1.235);
  for (const WorkerNumber& number : kWorkerNumbers)
    CHECK(first[std::string(number.group)].contains(std::string(number.member)));

  items = look(10, page(225), fail(Errc::Io, "nobody answers"));
  CHECK(items[0]["looked_at"] == to_ms(kThen + seconds(10)));
  CHECK(items[0]["answered_at"] == to_ms(kThen + seconds(10)));
  CHECK(items[0]["state"]["outcomes"] == nlohmann::json::object({{"accepted", 12.5}}));
  CHECK(items[0]["state"]["put_off"] == nlohmann::json::object({{"breaker", 12.5}}));
  CHECK(items[0]["state"]["vendors"] == nlohmann::json::parse(R"([
    {"vendor": "apns", "signers": {"silent": 1}, "quotas": [], "holds": 0, "held_certificates": [], "requests": 12.5,
     "errors": 0},
    {"vendor": "fcm", "signers": {}, "quotas": [], "holds": 1, "held_certificates": [4], "requests": 0, "errors": 0},
    {"vendor": "oppo", "signers": {}, "quotas": [{"per": "day", "used": null, "left": 5}], "holds": 0,
     "held_certificates": [], "requests": 0, "errors": 0}])"));
  // Who does not answer is not told of as it was before.
  CHECK(items[1] == nlohmann::json{{"name", "http://10.0.0.8:9464"},
                                   {"trouble", "nobody answers"},
                                   {"looked_at", to_ms(kThen + seconds(10))},
                                   {"answered_at", to_ms(kThen)},
                                   {"state", nullptr}});
  items = look(20, page(225), page(300));
  CHECK(items[1]["trouble"] == "");
  CHECK(items[1]["state"]["outcomes"].is_null());

  const Heard refused = bed.call("GET", "/v1/workers", bed.token(Role::Admin, {kShop}));
  CHECK(refused.status == 403);
  CHECK(refused.code() == "wrong_app");
  CHECK(bed.call("GET", "/v1/workers", "").status == 401);
  CHECK(bed.call("GET", "/v1/workers?again=maybe", all).status == 400);
}

TEST_CASE("admin workers: a page that is left open keeps no session", "[admin][workers]") {
  ApiBed bed;
  const ApiBed::Session session = bed.log_in(bed.token(Role::Viewer));
  const milliseconds half = bed.options.access.session_idle / 2;
  const auto ask = [&](const char* target) {
    bed.clock.passed += half;
    return bed.by_session("GET", target, session).status;
  };
  for (int i = 0; i < 4; ++i) REQUIRE(ask("/v1/workers") == 200);  // a person asks for it
  CHECK(ask("/v1/workers?again=true") == 200);
  CHECK(ask("/v1/workers?again=true") == 401);
}

}  // namespace
}  // namespace nightpost::admin
