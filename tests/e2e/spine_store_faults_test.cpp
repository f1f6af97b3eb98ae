// A worker whose PostgreSQL is slow, has no connection left, or takes no writes: what it has in its cache is pushed,
// the rest waits where it is, /readyz says what is wrong, and all of it arrives once that is mended.
#include <catch2/catch.hpp>
#include <vector>

#include "e2e/spine_postgres_bed.h"
#include "support/postgres_proxy.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using support::milliseconds;
using Worker = support::Nightpost::Worker;

constexpr std::size_t kFaultUsers = 300;  // of these, the first hundred are in the cache before anything goes wrong
constexpr std::size_t kFaultEvents = 100;
const std::string kFaultRole = "np";

struct FaultBed : PostgresBed {
  explicit FaultBed(std::vector<std::string> settings = {"fsync=off"})
      : PostgresBed(kFaultUsers, kFaultRole, std::move(settings)) {
    store.reset();
  }
  /// Of a worker that tries again soon, and does not leave for the delay topics while a test lasts.
  std::string patient_config(const std::string& through, nlohmann::json changes = nlohmann::json::object()) const {
    changes["store"]["url"] = through;
    changes["dispatch"] = {{"quick_for_ms", 300'000}, {"attempts_max", 100}, {"backoff_max_ms", 1'000}};
    return nightpost.config("patient.json", names, changes);
  }
  /// The worker's sessions begin anew, if they may.
  void end_sessions(support::PostgresClient& client) const {
    client.text("SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE usename = '" + kFaultRole +
                "'");
  }
  void warm(Worker& worker) {
    REQUIRE(worker.ready(60s));
    produce(0, kFaultEvents);
    REQUIRE(committed(static_cast<std::int64_t>(kFaultEvents), 60s));
    http = worker.ready_json().at("http");
    CHECK(readyz_says(http, "ready\n"));
  }
  /// REQUIRED: the store gives no receivers now. Events to users [first, first + kFaultEvents), which nobody has looked
  /// up, wait; those behind them in the same partitions, to users in the cache, do not.
  void expect_only_cached(std::size_t first) {
    const std::size_t before = accepted();
    produce(first, kFaultEvents);
    produce(0, kFaultEvents);
    REQUIRE(support::eventually(60s, [&] { return accepted() >= before + kFaultEvents; }, 50ms));
    CHECK(accepted() == before + kFaultEvents);
    CHECK(topics.committed(names.group, names.offline) < static_cast<std::int64_t>(events));
    CHECK(topics.size(names.dead) == 0);
  }
  void expect_all(const Worker& worker) {
    const bool all = support::eventually(60s, [&] { return accepted() >= events; }, 50ms);
    CAPTURE(worker.log());
    REQUIRE(all);
    CHECK(committed(static_cast<std::int64_t>(events), 60s));
    CHECK(metric(worker, "nightpost_dead_letters_total") == 0);
    expect_nothing_lost();
  }

  std::string http;
};

TEST_CASE("on PostgreSQL: a server that is slow is waited for; one that is too slow is said",
          "[e2e][spine][postgres][faults]") {
  FaultBed bed;
  support::PostgresProxy proxy(bed.url, "none");
  Worker worker(bed.nightpost, "worker",
                bed.patient_config(proxy.url(), {{"store", {{"statement_timeout_ms", 3'000}}}}));
  bed.warm(worker);
  proxy.delay(1s);
  bed.produce(kFaultEvents, kFaultEvents);  // not in the cache
  bed.produce(0, kFaultEvents);             // in it
  bed.expect_all(worker);
  CHECK(readyz(bed.http) == "ready\n");

  proxy.delay(10s);
  // No answer within store.statement_timeout_ms, or then no connection within store.connect_timeout_ms.
  CHECK(readyz_says(bed.http, "not ready: store: "));
  CHECK(readyz_says(bed.http, " within store."));
  bed.expect_only_cached(2 * kFaultEvents);
  proxy.delay(0s);
  bed.expect_all(worker);
  CHECK(readyz_says(bed.http, "ready\n"));
  leave(worker);
}

TEST_CASE("on PostgreSQL: a server without a connection left is said, and waited for",
          "[e2e][spine][postgres][faults]") {
  FaultBed bed({"fsync=off", "max_connections=20"});
  Worker worker(bed.nightpost, "worker", bed.patient_config(bed.url));
  bed.warm(worker);
  support::PostgresClient admin = bed.admin();
  admin.run("ALTER ROLE " + kFaultRole + " CONNECTION LIMIT 0");  // else it might take what it has just lost
  bed.end_sessions(admin);
  std::vector<support::PostgresClient> others;
  bool full = false;
  while (!full && others.size() < 50) {
    try {
      others.push_back(bed.admin());
    } catch (const std::runtime_error&) {
      full = true;
    }
  }
  REQUIRE(full);
  admin.run("ALTER ROLE " + kFaultRole + " CONNECTION LIMIT -1");
  // "too many clients", or that the last ones are reserved: no longer the role's own limit.
  std::string said;
  CHECK(support::eventually(60s, [&] {
    said = readyz(bed.http);
    return said.contains("(the server has no connection left)") && !said.contains("for role");
  }));
  CAPTURE(said);
  CHECK(said.starts_with("not ready: store: store server: "));
  CHECK(metric(worker, "nightpost_store_available") == 0);
  bed.expect_only_cached(kFaultEvents);
  others.clear();
  bed.expect_all(worker);
  CHECK(readyz_says(bed.http, "ready\n"));
  leave(worker);
}

TEST_CASE("on PostgreSQL: a server that takes no writes is read, and said", "[e2e][spine][postgres][faults]") {
  FaultBed bed;
  Worker worker(bed.nightpost, "worker", bed.patient_config(bed.url));
  bed.warm(worker);
  support::PostgresClient admin = bed.admin();
  admin.run("ALTER ROLE " + kFaultRole + " SET default_transaction_read_only = on");
  bed.end_sessions(admin);
  CHECK(readyz_says(bed.http, "it takes no writes"));
  bed.produce(kFaultEvents, kFaultEvents);  // not in the cache: reading goes on
  bed.produce(0, kFaultEvents);
  bed.expect_all(worker);
  CHECK(readyz(bed.http).find("it takes no writes") != std::string::npos);
  const support::Ran refused =
      bed.nightpost.run({"device", "remove", "--config", bed.config, "--app", std::to_string(support::kFleetApp),
                         "--user", support::user_name(0), "--device", "phone"});
  CHECK(refused.exit_code != 0);

  admin.run("ALTER ROLE " + kFaultRole + " RESET default_transaction_read_only");
  bed.end_sessions(admin);
  CHECK(readyz_says(bed.http, "ready\n"));
  bed.produce(0, kFaultEvents);
  bed.expect_all(worker);
  leave(worker);
}

}  // namespace
}  // namespace nightpost::e2e
