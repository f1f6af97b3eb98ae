// Workers whose store is a real PostgreSQL: one is killed, a phone changes behind their backs, the server goes away.
#include <catch2/catch.hpp>
#include <csignal>
#include <iostream>

#include "e2e/spine_postgres_bed.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using support::milliseconds;
using Worker = support::Nightpost::Worker;

constexpr std::size_t kStoredUsers = 2'000;

TEST_CASE("on PostgreSQL: a worker is killed and another goes on; a change is used soon", "[e2e][spine][postgres]") {
  PostgresBed bed(kStoredUsers);
  Worker dies(bed.nightpost, "dies", bed.config);
  REQUIRE(dies.ready(60s));
  bed.produce(0, kStoredUsers / 2);
  REQUIRE(support::eventually(60s, [&] { return bed.sink.stats().requests > 0; }));
  dies.process().signal(SIGKILL);
  REQUIRE(dies.process().wait(10s) == 128 + SIGKILL);
  bed.produce(kStoredUsers / 2, kStoredUsers / 2);
  Worker goes_on(bed.nightpost, "goes_on", bed.config);
  REQUIRE(goes_on.ready(60s));
  REQUIRE(bed.committed(kStoredUsers, 120s));
  bed.expect_nothing_lost();

  // Its user is in the worker's cache by now; the new token comes by another connection.
  bed.sink.reset();
  Device changed = support::user_device(7, bed.certificate);
  changed.token = DeviceToken(support::user_token(kStoredUsers + 7));
  const auto began = std::chrono::steady_clock::now();
  REQUIRE(bed.open()->set_device(AppId{support::kFleetApp}, support::user_name(7), changed));
  std::size_t old = 0, fresh = 0;
  const bool used = support::eventually(
      60s,
      [&] {
        bed.produce(7, 1);
        REQUIRE(bed.committed(static_cast<std::int64_t>(bed.events), 60s));
        old = fresh = 0;
        for (const auto& request : bed.sink.seen()) (request.token == changed.token.text() ? fresh : old) += 1;
        return fresh > 0;
      },
      10ms);
  const auto took = std::chrono::ceil<milliseconds>(std::chrono::steady_clock::now() - began);
  std::cerr << "a change by another connection was used after at most " << took.count() << " ms and " << old
            << " events to the old token" << std::endl;
  CHECK(used);
  CHECK(fresh == 1);
  CHECK(metric(goes_on, "nightpost_store_available") == 1);
  // A change costs its key, not the cache.
  CHECK(metric(goes_on, "nightpost_resolve_invalidations_total") == 0);
  leave(goes_on);
  bed.expect_nothing_lost();
}

TEST_CASE("on PostgreSQL: a server that is away is waited for, at the start and later", "[e2e][spine][postgres]") {
  PostgresBed bed(200);
  bed.store.reset();
  bed.server.stop();
  Worker worker(bed.nightpost, "worker", bed.config);
  std::string http;
  REQUIRE(support::eventually(60s, [&] {
    const std::string log = worker.log();
    const std::string mark = "\"http\":\"";
    const std::size_t at = log.find("worker.waiting");
    if (at == std::string::npos) return false;
    const std::size_t from = log.find(mark, at) + mark.size();
    http = "http://" + log.substr(from, log.find('"', from) - from);
    return true;
  }));
  CHECK(readyz_says(http, "not ready: store: store server: "));
  CHECK(worker.process().running());
  CHECK(worker.log().find("store.waiting") != std::string::npos);
  bed.server.start();
  CAPTURE(worker.log());
  REQUIRE(worker.ready(60s));
  CHECK(readyz_says(http, "ready\n"));
  bed.produce(0, 100);
  REQUIRE(bed.committed(100, 60s));

  bed.server.stop();
  CHECK(readyz_says(http, "not ready: store: "));
  bed.produce(0, 100);  // in the cache
  REQUIRE(support::eventually(60s, [&] { return bed.accepted() >= 200; }, 50ms));
  bed.produce(100, 100);  // not in it: they wait
  bed.produce(0, 100);
  REQUIRE(support::eventually(60s, [&] { return bed.accepted() >= 300; }, 50ms));
  CHECK(bed.accepted() == 300);
  bed.server.start();
  REQUIRE(support::eventually(120s, [&] { return bed.accepted() >= 400; }, 100ms));
  CHECK(readyz_says(http, "ready\n"));
  leave(worker);
  bed.expect_nothing_lost();
}

TEST_CASE("on PostgreSQL: the primary dies, and its standby takes over later", "[e2e][spine][postgres]") {
  PostgresBed bed(400);
  bed.store.reset();
  const auto standby = support::PostgresServer::standby_of(bed.server, {"fsync=off"});
  const std::string database = bed.url.substr(0, bed.url.find('?'));
  const std::string url =
      database + "?host=" + bed.server.folder() + "," + standby->folder() + "&target_session_attrs=read-write";
  const std::string config = bed.nightpost.config("both.json", bed.names, {{"store", {{"url", url}}}});
  Worker worker(bed.nightpost, "worker", config);
  REQUIRE(worker.ready(60s));
  bed.produce(0, 100);
  REQUIRE(bed.committed(100, 60s));
  const std::string caught_up = "SELECT pg_last_wal_replay_lsn() >= '" +
                                support::PostgresClient(bed.url).text("SELECT pg_current_wal_lsn()") + "'";
  REQUIRE(support::eventually(
      60s, [&] { return support::PostgresClient(standby->address("postgres")).text(caught_up) == "t"; }));

  bed.server.stop();  // connections are refused; the standby takes no writes
  const auto died = std::chrono::steady_clock::now();
  const std::string http = worker.ready_json().at("http");
  CHECK(readyz_says(http, "not ready: store: "));
  bed.produce(0, 100);    // in the cache
  bed.produce(100, 300);  // not in it: they wait
  REQUIRE(support::eventually(60s, [&] { return bed.accepted() >= 200; }, 50ms));
  support::pause_for(std::chrono::ceil<milliseconds>(died + 12s - std::chrono::steady_clock::now()));
  CHECK(bed.accepted() == 200);
  CHECK(worker.process().running());

  standby->promote();
  const auto promoted = std::chrono::steady_clock::now();
  const bool all = support::eventually(180s, [&] { return bed.accepted() >= 500; }, 100ms);
  CAPTURE(worker.log());
  REQUIRE(all);
  std::cerr << "the last of 300 events was delivered "
            << std::chrono::ceil<milliseconds>(std::chrono::steady_clock::now() - promoted).count()
            << " ms after the standby took over" << std::endl;
  CHECK(readyz_says(http, "ready\n"));
  leave(worker);
  bed.expect_nothing_lost();
}

TEST_CASE("on PostgreSQL: who waits for the server can be told to go", "[e2e][spine][postgres]") {
  PostgresBed bed(0);
  bed.store.reset();
  bed.server.stop();
  Worker worker(bed.nightpost, "worker", bed.config);
  REQUIRE(support::eventually(60s, [&] { return worker.log().find("store.waiting") != std::string::npos; }));
  leave(worker);
}

}  // namespace
}  // namespace nightpost::e2e
