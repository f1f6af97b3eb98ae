// The companion's tables on both stores.
#include "im/store/schema.h"

#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "place.h"
#include "store/migrations.h"

namespace nightpost::im {
namespace {

/// "table.column" → "integer" or "text", with " null" where it may be.
using Columns = std::map<std::string, std::string>;

Columns columns_of_file(const std::string& path) {
  auto file = store::Connection::open(path, {});
  REQUIRE(file);
  auto statement = store::Statement::prepare(
      file->get(),
      "SELECT t.name || '.' || c.name, lower(c.type), c.\"notnull\" <> 0 OR c.pk > 0 FROM pragma_table_list t JOIN "
      "pragma_table_info(t.name) c WHERE t.name LIKE 'im\\_%' ESCAPE '\\'",
      "test");
  REQUIRE(statement);
  Columns out;
  auto rows = statement->query();
  while (rows.next())
    out[std::string(rows.text(0))] = std::string(rows.text(1)) + (rows.integer(2) != 0 ? "" : " null");
  return out;
}

Columns columns_of_server(const std::string& url) {
  auto server = store::PostgresConnection::open(url, {});
  REQUIRE(server);
  auto rows = server->run(
      "SELECT table_name || '.' || column_name, CASE data_type WHEN 'bigint' THEN 'integer' WHEN 'text' THEN CASE "
      "collation_name WHEN 'C' THEN 'text' ELSE 'text in some language' END ELSE data_type END, is_nullable FROM "
      "information_schema.columns WHERE table_schema = current_schema() AND table_name LIKE 'im\\_%'",
      "test");
  REQUIRE(rows);
  Columns out;
  while (rows->next())
    out[std::string(rows->text(0))] = std::string(rows->text(1)) + (rows->text(2) == "NO" ? "" : " null");
  return out;
}

TEST_CASE("im schema: both stores have the same tables and columns", "[im][store]") {
  const Place file(StoreKind::Sqlite), server(StoreKind::Postgres);
  REQUIRE(file.open(Tables::Use::Write));
  REQUIRE(server.open(Tables::Use::Write));
  Columns in_file = columns_of_file(file.url.place);
  Columns on_server = columns_of_server(server.url.place);
  CHECK(in_file.size() > 50);
  // What one of them alone needs.
  CHECK(in_file.erase("im_messages.id") == 1);
  for (const char* column : {"im_commits.one", "im_commits.number", "im_commit_log.number", "im_commit_log.concerned"})
    CHECK(on_server.erase(column) == 1);
  for (const auto& [column, type] : in_file) {
    CAPTURE(column);
    CHECK(on_server[column] == type);
  }
  CHECK(on_server.size() == in_file.size());
}

TEST_CASE("im schema: on PostgreSQL nothing that each message changes is indexed", "[im][store]") {
  const Place server(StoreKind::Postgres);
  REQUIRE(server.open());
  const auto indexed = [&](const std::string& column) {
    return PostgresClient(server.url.place)
        .text(
            "SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY "
            "(i.indkey) WHERE i.indrelid = 'im_" +
            column.substr(0, column.find('.')) + "'::regclass AND a.attname = '" + column.substr(column.find('.') + 1) +
            "'");
  };
  for (const char* column : {"accounts.ver", "accounts.unread", "convs.seq", "convs.last_at", "chats.ver", "chats.head",
                             "chats.unread", "chats.head_at"}) {
    CAPTURE(column);
    CHECK(indexed(column) == "0");
  }
  CHECK(indexed("accounts.user_id") == "2");
}

TEST_CASE("im schema: PostgreSQL takes every statement's arguments as bigint or text", "[im][store]") {
  // "?1 = 0 OR a < ?1" makes it an integer of 32 bits, which no time fits: a column has to come first.
  const Place server(StoreKind::Postgres);
  auto tables = server.open();
  REQUIRE(tables);
  auto rows = tables->database().server()->run(
      "SELECT statement FROM pg_prepared_statements WHERE EXISTS (SELECT 1 FROM unnest(parameter_types) t WHERE t NOT "
      "IN "
      "('bigint'::regtype, 'text'::regtype)) UNION ALL SELECT count(*)::text FROM pg_prepared_statements",
      "test");
  REQUIRE(rows);
  std::vector<std::string> said;
  while (rows->next()) said.emplace_back(rows->text(0));
  REQUIRE(said.size() == 1);  // the count alone
  CHECK(std::stoi(said[0]) > 60);
}

TEST_CASE("im schema: no statement walks a table that grows with messages, members or users", "[im][store]") {
  // These are queues, which work empties, or stay short, or are left by their beginning, so many rows at a time.
  const std::set<std::string> others = {"im_app_rules",   "im_callbacks",     "im_dropped_attributes",
                                        "im_follow_ups",  "im_group_intents", "im_intents",
                                        "im_mass_chunks", "im_mass_tasks",    "im_nodes",
                                        "im_send_keys",   "im_unbinds",       "waiting"};
  const Place file(StoreKind::Sqlite);
  auto tables = file.open(Tables::Use::Write);
  REQUIRE(tables);
  sqlite3* const db = tables->database().file()->get();
  std::vector<std::string> all;
  for (sqlite3_stmt* each = sqlite3_next_stmt(db, nullptr); each != nullptr; each = sqlite3_next_stmt(db, each))
    all.emplace_back(sqlite3_sql(each));
  CHECK(all.size() > 200);
  std::size_t steps = 0;
  for (const std::string& sql : all) {
    CAPTURE(sql);
    auto plan = store::Statement::prepare(db, "EXPLAIN QUERY PLAN " + sql, "test");
    REQUIRE(plan);
    for (auto rows = plan->query(); rows.next(); ++steps) {
      const std::string step(rows.text(3));
      if (!step.starts_with("SCAN ") || step == "SCAN CONSTANT ROW") continue;
      CHECK(others.contains(step.substr(5, step.find(' ', 5) - 5)));
    }
  }
  CHECK(steps > 200);
}

TEST_CASE("im schema: of several that open an empty store at once, one makes the tables", "[im][store]") {
  const StoreKind kind = GENERATE(StoreKind::Sqlite, StoreKind::Postgres);
  const Place place(kind);
  std::vector<std::string> wrong(6);
  std::vector<std::thread> threads;
  for (std::string& why : wrong)
    threads.emplace_back([&] {
      if (const auto opened = place.open(); !opened) why = opened.error().detail;
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& why : wrong) CHECK(why.empty());
  CHECK(place.open(Tables::Use::Write));
}

TEST_CASE("im schema: a newer Nightpost's tables, another program's and missing ones are refused and left alone",
          "[im][store]") {
  const StoreKind kind = GENERATE(StoreKind::Sqlite, StoreKind::Postgres);
  const Place place(kind);
  SECTION("newer") {
    REQUIRE(place.open(Tables::Use::Write));
    place.run("UPDATE im_schema SET version = 99");
    const auto opened = place.open(Tables::Use::Write);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::Malformed);
    CHECK_THAT(opened.error().detail, Catch::Contains("version 99") && Catch::Contains("newer Nightpost"));
    place.run("UPDATE im_schema SET version = 98 WHERE version = 99");  // as it was
    CHECK_FALSE(place.open());
  }
  SECTION("negative") {
    REQUIRE(place.open(Tables::Use::Write));
    place.run("UPDATE im_schema SET version = -1");
    CHECK_FALSE(place.open());
  }
  SECTION("another program's") {
    if (kind == StoreKind::Sqlite) {  // in a file of ours: another's is refused whole
      auto file = store::Connection::open(place.url.place, {});
      REQUIRE(file);
      REQUIRE(file->configure({}));
      REQUIRE(store::migrate(*file));
    }
    place.run("CREATE TABLE im_chats (word text)");
    const auto opened = place.open(Tables::Use::Write);
    REQUIRE_FALSE(opened);
    CHECK_THAT(opened.error().detail, Catch::Contains("im_chats") && Catch::Contains("already exists"));
    place.run("DROP TABLE im_chats");
    CHECK(place.open(Tables::Use::Write));
  }
  SECTION("missing") {
    REQUIRE(place.open(Tables::Use::Write));
    place.run("DROP TABLE im_hides");
    const auto opened = place.open();
    REQUIRE_FALSE(opened);
    CHECK_THAT(opened.error().detail, Catch::Contains("im_hides"));
  }
}

}  // namespace
}  // namespace nightpost::im
