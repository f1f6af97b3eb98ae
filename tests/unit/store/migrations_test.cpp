#include "store/migrations.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

void execute(const std::string& path, const std::string& sql) {
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &raw) == SQLITE_OK);
  const Handle<sqlite3, sqlite3_close_v2> db(raw);
  REQUIRE(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_CASE("migrations: a fresh file is made, and found again", "[store][migrations]") {
  const TempStore temp;
  REQUIRE(temp.open()->set_device(kApp, "vinson", a_device()));
  for (int i = 0; i < 3; ++i) CHECK(receiver_of(*temp.open(), "vinson").devices.size() == 1);
  auto connection = Connection::open(temp.path(), {});
  REQUIRE(connection);
  CHECK(version_of(*connection) == schema_version());
}

TEST_CASE("migrations: the file is its owner's alone", "[store][migrations]") {
  const TempStore temp;
  const auto store = temp.open();
  REQUIRE(store->set_device(kApp, "vinson", a_device()));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat about{};
    CAPTURE(suffix);
    REQUIRE(::stat((temp.path() + suffix).c_str(), &about) == 0);
    CHECK((about.st_mode & 0777) == 0600);
  }
}

TEST_CASE("migrations: what is not ours is refused and stays as it was", "[store][migrations]") {
  const TempStore temp;
  const std::string newer = "PRAGMA user_version=" + std::to_string(schema_version() + 1);
  struct Row {
    const char* name;
    std::string sql;
    const char* words;
  };
  const Row row = GENERATE_COPY(values<Row>({
      {"a newer schema", "PRAGMA application_id=1315402832;" + newer, "run the newer Nightpost"},
      {"another program's file", "CREATE TABLE songs (title)", "another program"},
      {"another program's version", "PRAGMA user_version=1; CREATE TABLE songs (title)", "another program"},
      {"another program's mark", "PRAGMA application_id=7", "another program"},
      {"our mark without a version", "PRAGMA application_id=1315402832", "another program"},
      {"a negative version", "PRAGMA application_id=1315402832; PRAGMA user_version=-1", "another program"},
  }));
  CAPTURE(row.name);
  execute(temp.path(), row.sql);
  const std::string before = bytes_of(temp.path());
  const auto store = open_sqlite(temp.path(), nullptr);
  REQUIRE_FALSE(store);
  CHECK(store.error().code == Errc::Malformed);
  CHECK(store.error().detail.contains(row.words));
  CHECK(store.error().detail.contains(temp.path()));
  CHECK(bytes_of(temp.path()) == before);
}

TEST_CASE("migrations: what cannot be a store says why", "[store][migrations]") {
  const TempStore temp;
  std::ofstream(temp.path("words")) << std::string(4096, 'x');
  std::ofstream(temp.path("cut")) << std::string("SQLite format 3\0", 16);
  struct Row {
    const char* name;
    std::string file;
    Errc code;
  };
  const Row row = GENERATE(values<Row>({
      {"no path", "", Errc::Malformed},
      {"a folder", ".", Errc::Io},
      {"no such folder", "absent/store.db", Errc::Io},
      {"not SQLite", "words", Errc::Malformed},
      {"cut short", "cut", Errc::Malformed},
  }));
  CAPTURE(row.name);
  const auto store = open_sqlite(row.file.empty() ? "" : temp.path(row.file), nullptr);
  REQUIRE_FALSE(store);
  CAPTURE(store.error().detail);
  CHECK(store.error().code == row.code);
}

TEST_CASE("migrations: a store in memory is one's own", "[store][migrations]") {
  auto one = open_sqlite(":memory:", nullptr);
  auto two = open_sqlite(":memory:", nullptr);
  REQUIRE(one);
  REQUIRE(two);
  REQUIRE((*one)->set_device(kApp, "vinson", a_device()));
  CHECK(receiver_of(**one, "vinson").devices.size() == 1);
  CHECK(receiver_of(**two, "vinson").devices.empty());
}

TEST_CASE("migrations: many threads may be the first to open", "[store][migrations]") {
  for (int round = 0; round < 5; ++round) {
    const TempStore temp;
    std::vector<std::string> failures(6);
    {
      std::vector<std::jthread> threads;
      for (std::string& failure : failures)
        threads.emplace_back([&temp, &failure] {
          if (auto store = open_sqlite(temp.path(), nullptr, {.busy_timeout = seconds(30)}); !store)
            failure = store.error().detail;
        });
    }
    for (const std::string& failure : failures) CHECK(failure.empty());
  }
}

TEST_CASE("migrations: many processes may be the first to open", "[store][migrations]") {
  const TempStore temp;
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto store = open_sqlite(temp.path(), nullptr, {.busy_timeout = seconds(30)});
      bool good = store.has_value();
      for (int n = 0; n < 10 && good; ++n)
        good = (*store)->set_device(kApp, "user" + std::to_string(i), a_device("d" + std::to_string(n))).has_value();
      ::_exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  CHECK(temp.open()->devices(kApp, std::nullopt, 1000)->size() == 40);
}

}  // namespace
}  // namespace nightpost::store
