#include "chaos/ledger.h"

#include <catch2/catch.hpp>

namespace nightpost::chaos {
namespace {

constexpr VendorNumber kApns = 0, kFcm = 1;

struct Told {
  Ledger ledger;
  Told() { ledger.begin_phase("calm"); }
  EventNumber send(std::uint32_t conversation = 1, std::vector<VendorNumber> vendors = {kApns}) {
    return ledger.send(1'000, conversation, vendors);
  }
  void hear(EventNumber event, std::string_view outcome, int attempt = 1, std::string_view vendor = "apns",
            std::string_view rule = "") {
    ledger.outcome(mark_of(event), vendor, heard_from(outcome), attempt, 1'500, rule);
  }
  /// At a time of its own, unless told: what comes out of order is then too far apart to have been in the air together.
  void take(EventNumber event, std::uint64_t n, int status = 200, std::optional<std::int64_t> at = {},
            VendorNumber vendor = kApns) {
    ledger.request(vendor, mark_of(event), n, status, at.value_or(std::int64_t(n) * 10'000));
  }
  Ledger::Account account(std::vector<Disturbance> disturbances = {}) const { return ledger.account(disturbances); }
};

TEST_CASE("ledger: only its own marks name events", "[chaos]") {
  struct Row {
    std::string_view mark;
    std::optional<EventNumber> want;
  };
  const Row row = GENERATE(values<Row>({{"chaosx17", 17},
                                        {"chaosx0", 0},
                                        {"chaosx", std::nullopt},
                                        {"chaosx17-m", std::nullopt},
                                        {"chaosx-1", std::nullopt},
                                        {"chaosx99999999999", std::nullopt},
                                        {"17", std::nullopt},
                                        {"", std::nullopt}}));
  CAPTURE(row.mark);
  CHECK(event_of(row.mark) == row.want);
  if (row.want) CHECK(mark_of(*row.want) == row.mark);
}

TEST_CASE("ledger: what has no end and waits nowhere is lost", "[chaos]") {
  Told told;
  const EventNumber accepted = told.send(), dead = told.send(), retrying = told.send(), waiting = told.send(),
                    half = told.send(2, {kApns, kFcm}), silent = told.send();
  told.hear(accepted, "accepted");
  told.hear(dead, "dead", 5, "apns", "retries_exhausted");
  told.ledger.letter(mark_of(dead));
  told.hear(retrying, "retrying");
  told.hear(waiting, "retrying");
  told.ledger.waits(mark_of(waiting));
  told.hear(half, "accepted");
  const Ledger::Account account = told.account();
  CHECK(account.units == 7);
  CHECK(account.accepted == 2);
  CHECK(account.dead == 1);
  CHECK(account.dead_rules == std::map<std::string, std::uint64_t>{{"retries_exhausted", 1}});
  CHECK(account.dead_without_letter == 0);
  CHECK(account.waiting == 1);
  CHECK(account.deferred == 2);
  CHECK(account.lost == 3);
  CHECK(account.lost_events == std::vector{retrying, half, silent});
  CHECK(told.ledger.finished() == 3);
}

TEST_CASE("ledger: a dead letter without its outcome leaves the push lost, an outcome without its letter shows",
          "[chaos]") {
  Told told;
  const EventNumber a = told.send(), b = told.send();
  told.ledger.letter(mark_of(a));
  told.hear(b, "dead");
  CHECK(told.account().lost == 1);
  CHECK(told.account().dead_without_letter == 1);
}

TEST_CASE("ledger: outcomes and requests of others are foreign", "[chaos]") {
  Told told;
  told.send();
  told.hear(7, "accepted");
  told.hear(0, "accepted", 1, "nobody");
  told.hear(0, "accepted", 1, "fcm");
  told.take(0, 1, 200, 0, kFcm);
  told.ledger.letter("not ours");
  told.ledger.waits("chaosx8");
  CHECK(told.account().foreign == 6);
  CHECK(told.account().lost == 1);
}

TEST_CASE("ledger: a repeat is put down to what happened between", "[chaos]") {
  using What = Disturbance::What;
  struct Take {
    int status;
    std::int64_t at;
  };
  struct Row {
    const char* name;
    std::vector<Take> takes;
    int attempt;
    std::vector<Disturbance> disturbances;
    std::uint64_t takeover, unheard, unexplained;
  };
  const Row row = GENERATE(values<Row>({
      {"once", {{200, 10}}, 1, {}, 0, 0, 0},
      {"never", {}, 0, {}, 0, 0, 0},
      {"refused, then taken", {{503, 10}, {200, 20}}, 2, {}, 0, 0, 0},
      {"twice for no reason", {{200, 10}, {200, 20}}, 1, {}, 0, 0, 1},
      {"three times for no reason", {{200, 10}, {200, 20}, {200, 30}}, 1, {}, 0, 0, 2},
      {"a kill between", {{200, 10}, {200, 20}}, 1, {{What::Takeover, 15, 16, {}}}, 1, 0, 0},
      {"a kill before", {{200, 10}, {200, 20}}, 1, {{What::Takeover, 1, 9, {}}}, 0, 0, 1},
      {"a kill afterwards", {{200, 10}, {200, 20}}, 1, {{What::Takeover, 21, 30, {}}}, 0, 0, 1},
      {"not answered, then taken", {{0, 10}, {200, 20}}, 2, {}, 0, 1, 0},
      {"answered into a broken line", {{200, 10}, {200, 20}}, 2, {{What::Line, 5, 12, kApns}}, 0, 1, 0},
      {"another vendor's line", {{200, 10}, {200, 20}}, 2, {{What::Line, 5, 12, kFcm}}, 0, 0, 1},
      {"everybody's line", {{200, 10}, {200, 20}}, 2, {{What::Line, 5, 12, {}}}, 0, 1, 0},
      {"a kill and a line, our own second try",
       {{200, 10}, {200, 20}},
       2,
       {{What::Takeover, 15, 16, {}}, {What::Line, 5, 12, {}}},
       0,
       1,
       0},
      {"a kill and a line, the other one's first try",
       {{200, 10}, {200, 20}},
       1,
       {{What::Takeover, 15, 16, {}}, {What::Line, 5, 12, {}}},
       1,
       0,
       0},
  }));
  CAPTURE(row.name);
  Told told;
  const EventNumber event = told.send();
  std::uint64_t n = 0;
  for (const Take& take : row.takes) told.take(event, ++n, take.status, take.at);
  told.hear(event, "accepted", row.attempt);
  const Ledger::Account account = told.account(row.disturbances);
  CHECK(account.twice_takeover == row.takeover);
  CHECK(account.twice_unheard == row.unheard);
  CHECK(account.twice_unexplained == row.unexplained);
}

TEST_CASE("ledger: order counts within a conversation and a vendor, among what was not retried", "[chaos]") {
  Told told;
  const EventNumber a1 = told.send(1), b1 = told.send(2), a2 = told.send(1), a3 = told.send(1), a4 = told.send(1);
  SECTION("as sent") {
    told.take(b1, 1);
    told.take(a1, 2);
    told.take(a2, 3);
    told.take(a3, 4);
    told.take(a4, 5);
    CHECK(told.account().overtaken == 0);
    CHECK(told.account().ordered == 5);
  }
  SECTION("one behind the next") {
    told.take(a2, 1);
    told.take(a1, 2);
    told.take(a3, 3);
    CHECK(told.account().overtaken == 1);
    CHECK(told.account().overtaken_events == std::vector{a2});
  }
  SECTION("one overtaken by several counts once, several overtaken by one each") {
    told.take(a4, 1);
    told.take(a1, 2);
    told.take(a2, 3);
    told.take(a3, 4);
    CHECK(told.account().overtaken == 1);
  }
  SECTION("in the air together") {
    struct Row {
      std::int64_t apart_ms;
      std::uint64_t overtaken, together;
    };
    const Row row = GENERATE(values<Row>({{0, 0, 1}, {1'000, 0, 1}, {1'001, 1, 0}}));
    told.take(a2, 1, 200, 5'000);
    told.take(a1, 2, 200, 5'000 + row.apart_ms);
    const Ledger::Account account = told.account();
    CHECK(account.overtaken == row.overtaken);
    CHECK(account.together == row.together);
    CHECK(account.overtaken_ms == row.apart_ms);
    CHECK(account.overtaken_at == std::map<VendorNumber, std::uint64_t>{{kApns, 1}});
  }
  SECTION("the work changed hands between") {
    using What = Disturbance::What;
    struct Row {
      const char* name;
      Disturbance disturbance;
      std::uint64_t taken_over;
    };
    const Row row = GENERATE(values<Row>({
        {"a kill", {What::Takeover, 7'000, 22'000, {}, 7'000}, 1},
        {"a rebalance around both", {What::Takeover, 1'000, 40'000, {}, 25'000}, 1},
        {"a kill before the first", {What::Takeover, 4'000, 19'000, {}, 4'000}, 0},
        {"a kill behind the last", {What::Takeover, 10'001, 25'001, {}, 10'001}, 0},
        {"a line", {What::Line, 7'000, 22'000, {}, 7'000}, 0},
    }));
    CAPTURE(row.name);
    told.take(a2, 1, 200, 5'000);
    told.take(a1, 2, 200, 10'000);
    const Ledger::Account account = told.account({row.disturbance});
    CHECK(account.taken_over == row.taken_over);
    CHECK(account.overtaken == 1 - row.taken_over);
    CHECK(account.together == 0);
  }
  SECTION("what was retried may come late") {
    told.take(a1, 1, 503);
    told.take(a2, 2);
    told.take(a1, 3);
    told.take(a3, 5);
    told.hear(a3, "retrying");
    told.take(a4, 4);
    CHECK(told.account().overtaken == 0);
    CHECK(told.account().ordered == 2);
  }
  SECTION("a repeat after a kill is where it was first") {
    told.take(a1, 1);
    told.take(a2, 2);
    told.take(a1, 3);
    told.take(a2, 4);
    CHECK(told.account().overtaken == 0);
  }
}

TEST_CASE("ledger: latencies by phase, of the vendors asked for; what is open is as late as now", "[chaos]") {
  Told told;
  const EventNumber done = told.send();
  told.send(1, {kFcm});
  told.hear(done, "accepted");
  told.ledger.begin_phase("trouble");
  told.send();
  const std::vector<VendorNumber> apns = {kApns};
  const auto phases = told.ledger.phases(apns, 9'000);
  REQUIRE(phases.size() == 2);
  CHECK(phases[0].name == "calm");
  CHECK(phases[0].units == 2);
  CHECK(phases[0].accepted == 1);
  CHECK(phases[0].open == 1);
  CHECK(phases[0].latency.count() == 1);
  CHECK(phases[0].latency.percentile(0.99) == 500);
  CHECK(phases[1].latency.percentile(0.99) == 8'000);
  CHECK(told.ledger.phases({}, 9'000)[0].latency.count() == 0);
}

TEST_CASE("latencies: percentiles are exact", "[chaos]") {
  support::Latencies latencies;
  CHECK(latencies.percentile(0.5) == 0);
  for (std::int64_t ms = 100; ms >= 1; --ms) latencies.add(ms);
  struct Row {
    double p;
    std::int64_t want;
  };
  const Row row = GENERATE(values<Row>({{0.001, 1}, {0.01, 1}, {0.5, 50}, {0.99, 99}, {0.995, 99}, {1, 100}}));
  CHECK(latencies.percentile(row.p) == row.want);
}

}  // namespace
}  // namespace nightpost::chaos
