#include "store/store_url.h"

#include <catch2/catch.hpp>
#include <string>

namespace nightpost::store {
namespace {

TEST_CASE("store url: a file or a server", "[store][url]") {
  struct Row {
    std::string text;
    StoreUrl::Kind kind;
    std::string place, shown;
  };
  const Row row = GENERATE(values<Row>({
      {"sqlite:var/nightpost.db", StoreUrl::Kind::Sqlite, "var/nightpost.db", "var/nightpost.db"},
      {"sqlite:/a b/c?d.db", StoreUrl::Kind::Sqlite, "/a b/c?d.db", "/a b/c?d.db"},
      {"sqlite::memory:", StoreUrl::Kind::Sqlite, ":memory:", ":memory:"},
      {"postgresql://np@db:5432/push?sslmode=verify-full", StoreUrl::Kind::Postgres,
       "postgresql://np@db:5432/push?sslmode=verify-full", "postgresql://np@db:5432/push"},
      {"postgres://db1:1,db2:2/push?user=np&target_session_attrs=read-write", StoreUrl::Kind::Postgres,
       "postgres://db1:1,db2:2/push?user=np&target_session_attrs=read-write", "postgres://db1:1,db2:2/push"},
      {"postgresql://[::1]:5432/push?passfile=/etc/pgpass", StoreUrl::Kind::Postgres,
       "postgresql://[::1]:5432/push?passfile=/etc/pgpass", "postgresql://[::1]:5432/push"},
      {"postgresql:///push?host=/run/postgresql", StoreUrl::Kind::Postgres, "postgresql:///push?host=/run/postgresql",
       "postgresql:///push"},
  }));
  CAPTURE(row.text);
  const auto url = parse_store_url(row.text);
  REQUIRE(url);
  CHECK(url->kind == row.kind);
  CHECK(url->place == row.place);
  CHECK(url->shown() == row.shown);
}

TEST_CASE("store url: what is none is refused without being repeated", "[store][url]") {
  struct Row {
    std::string text, says;
  };
  const Row row = GENERATE(values<Row>({
      {"", "neither"},
      {"var/nightpost.db", "neither"},
      {"sqlite:", "names no file"},
      {"sqlite3:SECRET", "neither"},
      {"mysql://SECRET@h/d", "neither"},
      {"postgresql:SECRET", "neither"},
      {std::string("sqlite:a\0b", 10), "zero"},
      {"postgresql://np:SECRET@db/push", "store.password_file"},
      {"postgresql://np:@db/push", "store.password_file"},
      {"postgres://np:SEC/RET@db/push", "store.password_file"},
      {"postgres://np:SEC?RET@db/push", "store.password_file"},
      {"postgresql://np:SEC@RET@db/push", "store.password_file"},
      {"postgresql://np@db/push?password=SECRET", "store.password_file"},
      {"postgresql://np@db/push?sslmode=require&password=SECRET", "store.password_file"},
      {"postgresql://np@db/push?%70assword=SECRET", "store.password_file"},
      {"postgresql://np@db/push?sslpassword=SECRET", "store.password_file"},
  }));
  CAPTURE(row.text);
  const auto url = parse_store_url(row.text);
  REQUIRE_FALSE(url);
  CHECK(url.error().code == Errc::Malformed);
  CHECK(url.error().detail.contains(row.says));
  CHECK_FALSE(url.error().detail.contains("SEC"));
}

}  // namespace
}  // namespace nightpost::store
