// Statements that share a round trip.
#include <catch2/catch.hpp>

#include "store/postgres_connection.h"
#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

using support::PostgresClient;

constexpr PostgresQuery kBegin = {"t_begin", "test", "BEGIN"};
constexpr PostgresQuery kAdd = {"t_add", "things", "INSERT INTO things (id, word) VALUES ($1, $2)"};
constexpr PostgresQuery kCount = {"t_count", "things", "SELECT count(*) FROM things"};
constexpr PostgresQuery kWord = {"t_word", "things", "SELECT word FROM things WHERE id = $1"};
constexpr PostgresQuery kCommit = {"t_commit", "test", "COMMIT"};
constexpr PostgresQuery kNowhere = {"t_nowhere", "nowhere", "SELECT 1 FROM nowhere"};
constexpr PostgresQuery kEnd = {"t_end", "test", "SELECT pg_terminate_backend(pg_backend_pid())"};

struct Things {
  Things() {
    PostgresClient(temp.url())
        .run("CREATE TABLE things (id bigint PRIMARY KEY, word text COLLATE \"C\" CHECK (word <> 'bad'))");
  }
  std::int64_t stored() const { return std::stoll(PostgresClient(temp.url()).text("SELECT count(*) FROM things")); }
  std::int64_t count() {
    auto rows = connection.query(kCount);
    REQUIRE(rows);
    REQUIRE(rows->next());
    return rows->integer(0);
  }
  void roll_back() {
    (void)connection.settle();
    REQUIRE(connection.run("ROLLBACK", "test"));
  }

  TempStore temp{Kind::Postgres};
  PostgresConnection connection = PostgresConnection::open(temp.url(), {}).value();
};

TEST_CASE("postgres later: what is on its way is there for what is asked next", "[store][postgres]") {
  Things things;
  PostgresConnection& connection = things.connection;
  REQUIRE(connection.settle());  // nothing
  REQUIRE(connection.later(kBegin));
  REQUIRE(connection.later(kAdd, 1, "one"));
  CHECK(things.count() == 1);
  CHECK(things.count() == 1);  // nothing on its way
  REQUIRE(connection.later(kAdd, 2, std::string("two")));
  REQUIRE(connection.settle());
  auto word = connection.query(kWord, 2);
  REQUIRE(word);
  REQUIRE(word->next());
  CHECK(word->text(0) == "two");
  CHECK(connection.change(kAdd, 3, "three").value() == 1);
  CHECK(things.stored() == 0);
  REQUIRE(connection.later(kAdd, 4, Null{}));
  REQUIRE(connection.later(kCommit));
  REQUIRE(connection.settle());
  CHECK(things.stored() == 4);
  REQUIRE(connection.ready());
}

TEST_CASE("postgres later: the first refusal is told, what follows is not run, and the connection goes on",
          "[store][postgres]") {
  Things things;
  PostgresConnection& connection = things.connection;
  REQUIRE(connection.later(kBegin));
  REQUIRE(connection.later(kAdd, 1, "one"));
  REQUIRE(connection.later(kAdd, 2, "bad"));
  REQUIRE(connection.later(kNowhere));  // never prepared, for it is behind
  REQUIRE(connection.later(kAdd, 3, "three"));
  SECTION("by the next question") {
    const auto rows = connection.query(kWord, 1);
    REQUIRE_FALSE(rows);
    CHECK(rows.error().code == Errc::Malformed);
    CHECK_THAT(rows.error().detail, Catch::Contains("things") && !Catch::Contains("bad"));
  }
  SECTION("by a settle") {
    const auto done = connection.settle();
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Errc::Malformed);
  }
  SECTION("by a run") { CHECK_FALSE(connection.run("SELECT 1", "test")); }
  CHECK_FALSE(connection.lost());
  things.roll_back();
  CHECK(things.count() == 0);
  REQUIRE(connection.later(kBegin));
  REQUIRE(connection.later(kAdd, 5, "five"));
  CHECK(things.count() == 1);  // prepared once, and still
  const auto nowhere = connection.query(kNowhere);
  REQUIRE_FALSE(nowhere);
  CHECK_THAT(nowhere.error().detail, Catch::Contains("nowhere"));
  things.roll_back();
  CHECK(things.stored() == 0);
}

TEST_CASE("postgres later: a statement that cannot be prepared is told, and may be tried again", "[store][postgres]") {
  Things things;
  PostgresConnection& connection = things.connection;
  for (int i = 0; i < 2; ++i) {
    REQUIRE(connection.prepare_later(kCount));
    REQUIRE(connection.prepare_later(kNowhere));
    REQUIRE(connection.prepare_later(kWord));
    const auto done = connection.settle();
    REQUIRE_FALSE(done);
    CHECK_THAT(done.error().detail, Catch::Contains("nowhere"));
  }
  CHECK(things.count() == 0);
  CHECK(connection.query(kWord, 1));
  PostgresClient(things.temp.url()).run("CREATE TABLE nowhere ()");
  REQUIRE(connection.prepare_later(kNowhere));
  CHECK(connection.settle());
  CHECK(connection.query(kNowhere));
}

TEST_CASE("postgres later: of many, no more than some are on their way", "[store][postgres]") {
  Things things;
  REQUIRE(things.connection.later(kBegin));
  for (int i = 0; i < 500; ++i) REQUIRE(things.connection.later(kAdd, i, std::string(20'000, 'x')));
  CHECK(things.count() == 500);
  bool refused = false;  // with the last of some, though nobody asked
  for (int i = 0; i < 100 && !refused; ++i) refused = !things.connection.later(kAdd, 1, "again");
  CHECK(refused);
}

TEST_CASE("postgres later: a connection that ends is lost once, and is another one then", "[store][postgres]") {
  Things things;
  PostgresConnection& connection = things.connection;
  REQUIRE(connection.later(kBegin));
  REQUIRE(connection.later(kAdd, 1, "one"));
  REQUIRE(connection.later(kEnd));
  REQUIRE(connection.later(kAdd, 2, "two"));
  CHECK_FALSE(connection.settle());
  CHECK(connection.lost());
  CHECK_FALSE(connection.later(kAdd, 3, "three"));
  CHECK_FALSE(connection.query(kCount));
  CHECK_FALSE(connection.run("SELECT 1", "test"));
  REQUIRE(connection.ready());
  CHECK(things.count() == 0);
  connection.drop();
  CHECK_FALSE(connection.query(kCount));
  const auto session = connection.session();
  REQUIRE(connection.ready());
  CHECK(connection.session() != session);
  CHECK(things.count() == 0);
}

TEST_CASE("postgres later: a commit of what had failed is none", "[store][postgres]") {
  Things things;
  auto transaction = PostgresTransaction::begin(things.connection, PostgresTransaction::Kind::Write);
  REQUIRE(transaction);
  CHECK_FALSE(things.connection.query(kNowhere));
  const auto done = transaction->commit();
  REQUIRE_FALSE(done);
  CHECK_THAT(done.error().detail, Catch::Contains("rolled it back"));
  CHECK_FALSE(things.connection.lost());
}

}  // namespace
}  // namespace nightpost::store
