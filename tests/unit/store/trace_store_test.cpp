#include "store/trace_store.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "store/migrations.h"
#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

constexpr std::int64_t kAt = 1'795'225'887'405;

TraceHop hop(std::string event, std::string user = "vinson", std::int64_t at = kAt, std::string what = "outcome") {
  return {.event_id = std::move(event),
          .app = kApp,
          .user_id = std::move(user),
          .device_id = "phone",
          .hop = std::move(what),
          .at = wall_from_ms(at),
          .facts = R"({"rule":"accepted"})"};
}

std::unique_ptr<TraceStore> open_trace(const TempStore& temp) {
  auto opened = open_sqlite_trace(temp.path("trace.db"));
  if (!opened) FAIL(opened.error().detail);
  return *std::move(opened);
}

std::optional<WallTime> oldest_of(TraceStore& store) {
  const auto oldest = store.oldest();
  REQUIRE(oldest.has_value());
  return oldest.value();
}

std::vector<std::string> events_of(const Result<std::vector<TraceHop>>& hops) {
  REQUIRE(hops);
  std::vector<std::string> out;
  for (const TraceHop& each : *hops) out.push_back(each.event_id);
  return out;
}

TEST_CASE("trace store: what is added is found by event, in its order, by another connection", "[store][trace]") {
  const TempStore temp;
  const auto store = open_trace(temp);
  TraceHop whole = hop("e1", "", kAt - 5, "consumed");
  whole.device_id.clear();
  const std::vector hops = {whole, hop("e1"), hop("e2"), hop("e1", "denny", kAt - 1)};
  REQUIRE(store->add(hops, wall_from_ms(kAt)));
  const auto other = open_trace(temp);
  CHECK(other->of_event("e1", std::nullopt, 10) == std::vector{hops[0], hops[1], hops[3]});
  CHECK(other->of_event("e1", "denny", 10) == std::vector{hops[0], hops[3]});
  CHECK(other->of_event("e1", std::nullopt, 2) == std::vector{hops[0], hops[1]});
  CHECK(other->of_event("e3", std::nullopt, 10)->empty());
  CHECK(other->of_event("", std::nullopt, 10)->empty());
  CHECK(other->of_event("e1' OR 1=1", std::nullopt, 10)->empty());
}

TEST_CASE("trace store: a user's events, the latest first, each once", "[store][trace]") {
  const TempStore temp;
  const auto store = open_trace(temp);
  TraceHop other_app = hop("e9", "vinson", kAt + 9);
  other_app.app = {2};
  const std::vector hops = {hop("e1", "vinson", kAt, "attempt"),
                            hop("e2", "vinson", kAt + 2),
                            hop("e1", "vinson", kAt + 3),
                            hop("e0", "vinson", kAt - 100),
                            hop("e5", "denny", kAt + 5),
                            hop("e6", "", kAt + 6),
                            other_app};
  REQUIRE(store->add(hops, wall_from_ms(kAt)));
  const auto found = store->of_user(kApp, "vinson", wall_from_ms(kAt - 1), 10);
  CHECK(events_of(found) == std::vector<std::string>{"e1", "e2"});
  CHECK(found->front() == hops[2]);  // its latest
  CHECK(events_of(store->of_user(kApp, "vinson", wall_from_ms(0), 1)) == std::vector<std::string>{"e1"});
  CHECK(events_of(store->of_user(kApp, "", wall_from_ms(0), 10)).empty());
  CHECK(events_of(store->of_user({3}, "vinson", wall_from_ms(0), 10)).empty());
}

TEST_CASE("trace store: the oldest go, a few at a time", "[store][trace]") {
  const TempStore temp;
  const auto store = open_trace(temp);
  CHECK(oldest_of(*store) == std::optional<WallTime>());
  CHECK(store->prune(WallTime::max(), 0, 100) == std::size_t{0});
  for (int i = 0; i < 10; ++i) REQUIRE(store->add(std::vector{hop("e" + std::to_string(i))}, wall_from_ms(kAt + i)));
  CHECK(oldest_of(*store) == std::optional(wall_from_ms(kAt)));

  SECTION("by age") {
    CHECK(store->prune(wall_from_ms(kAt + 5), 1'000, 3) == std::size_t{3});
    CHECK(store->prune(wall_from_ms(kAt + 5), 1'000, 3) == std::size_t{2});
    CHECK(store->prune(wall_from_ms(kAt + 5), 1'000, 3) == std::size_t{0});
    CHECK(oldest_of(*store) == std::optional(wall_from_ms(kAt + 5)));
  }
  SECTION("by number") {
    CHECK(store->prune(wall_from_ms(0), 4, 100) == std::size_t{6});
    CHECK(store->prune(wall_from_ms(0), 4, 100) == std::size_t{0});
    CHECK(oldest_of(*store) == std::optional(wall_from_ms(kAt + 6)));
  }
  SECTION("all of them, and new ones are numbered on") {
    CHECK(store->prune(WallTime::max(), 0, 100) == std::size_t{10});
    REQUIRE(store->add(std::vector{hop("new")}, wall_from_ms(kAt + 20)));
    CHECK(store->prune(wall_from_ms(0), 1, 100) == std::size_t{0});
    CHECK(store->of_event("new", std::nullopt, 10)->size() == 1);
  }
}

TEST_CASE("trace store: a batch that cannot be written whole leaves nothing", "[store][trace]") {
  const TempStore temp;
  const auto store = open_trace(temp);
  auto writer = Connection::open(temp.path("trace.db"), {.busy_timeout = milliseconds(1)});
  REQUIRE(writer);
  auto lock = Transaction::begin(writer->get(), Transaction::Kind::Write);
  REQUIRE(lock);
  auto impatient = open_sqlite_trace(temp.path("trace.db"), {.busy_timeout = milliseconds(1)});
  REQUIRE(impatient);
  const auto refused = (*impatient)->add(std::vector{hop("e1"), hop("e2")}, wall_from_ms(kAt));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::Overloaded);
  CHECK(store->of_event("e1", std::nullopt, 10)->empty());
}

TEST_CASE("trace store: its file and the store's are not taken for each other", "[store][trace]") {
  const TempStore temp;
  {
    const auto store = temp.open();
  }
  const auto as_trace = open_sqlite_trace(temp.path());
  REQUIRE_FALSE(as_trace);
  CHECK(as_trace.error().code == Errc::Malformed);
  {
    const auto trace = open_trace(temp);
  }
  const auto as_store = open_sqlite(temp.path("trace.db"), nullptr);
  REQUIRE_FALSE(as_store);
  CHECK(as_store.error().code == Errc::Malformed);
  auto connection = Connection::open(temp.path("trace.db"), {});
  REQUIRE(connection);
  CHECK(version_of(*connection, kTraceSchema) == schema_version(kTraceSchema));
}

TEST_CASE("trace store: no shard has to look what it wrote", "[store][trace]") {
  const TempStore temp;
  (void)temp.open();
  auto shard = Connection::open(temp.path(), {});
  REQUIRE(shard);
  const auto before = shard->number("PRAGMA data_version", "store");
  REQUIRE(open_trace(temp)->add(std::vector{hop("e1")}, wall_from_ms(kAt)));
  CHECK(shard->number("PRAGMA data_version", "store") == before.value());
}

TEST_CASE("trace store: both questions are answered by an index", "[store][trace]") {
  const TempStore temp;
  {
    const auto trace = open_trace(temp);
  }
  auto connection = Connection::open(temp.path("trace.db"), {});
  REQUIRE(connection);
  struct Row {
    const char* sql;
    const char* index;
  };
  const Row row = GENERATE(values<Row>({
      {"EXPLAIN QUERY PLAN SELECT facts FROM hops WHERE event_id = 'e' ORDER BY id", "hops_by_event"},
      {"EXPLAIN QUERY PLAN SELECT max(at) FROM hops WHERE user_id = ?1 AND app_id = 1 AND at >= 5 AND user_id <> ''",
       "hops_by_user"},
  }));
  auto plan = Statement::prepare(connection->get(), row.sql, "plan");
  REQUIRE(plan);
  Rows rows = plan->query();
  std::string all;
  while (rows.next()) all += std::string(rows.text(3)) + "\n";
  CAPTURE(all);
  CHECK(all.find(row.index) != std::string::npos);
  CHECK(all.find("TEMP B-TREE") == std::string::npos);
}

}  // namespace
}  // namespace nightpost::store
