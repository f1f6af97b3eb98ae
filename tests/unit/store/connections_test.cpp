// Two and more connections to one file, as shards and other processes have them.
#include <sqlite3.h>
#include <sys/wait.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>
#include <vector>

#include "core/c_handle.h"
#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

/// A connection outside of ours that does what it is told.
class Intruder {
 public:
  explicit Intruder(const std::string& path) {
    sqlite3* raw = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &raw) == SQLITE_OK);
    db_.reset(raw);
    sqlite3_busy_timeout(raw, 30'000);  // who reads in the moment of a commit is waited for
  }
  explicit Intruder(const TempStore& temp) {
    if (temp.url().empty())
      db_ = std::move(Intruder(temp.path()).db_);
    else
      client_ = std::make_unique<support::PostgresClient>(temp.url());
  }
  void run(const std::string& sql) {
    CAPTURE(sql);
    if (client_)
      client_->run(sql);
    else
      REQUIRE(sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  }

 private:
  Handle<sqlite3, sqlite3_close_v2> db_;
  std::unique_ptr<support::PostgresClient> client_;
};

TEST_CASE("connections: one sees what another has written", "[store][connections]") {
  const TempStore temp(GENERATE(each_store()));
  const auto one = temp.open();
  const auto two = temp.open();
  REQUIRE(one->set_device(kApp, "vinson", a_device("phone")));
  CHECK(receiver_of(*two, "vinson").devices.size() == 1);
  REQUIRE(two->set_device(kApp, "vinson", a_device("tablet")));
  CHECK(receiver_of(*one, "vinson").devices.size() == 2);
  CHECK(two->remove_token(kApp, "vinson", a_device("phone")) == true);
  CHECK(one->remove_token(kApp, "vinson", a_device("phone")) == false);
}

TEST_CASE("connections: another process' commit is seen too", "[store][connections]") {
  const TempStore temp;
  REQUIRE(temp.open()->set_device(kApp, "vinson", a_device("mine")));
  const pid_t child = ::fork();  // before this process holds a connection: SQLite forbids carrying one over
  REQUIRE(child >= 0);
  if (child == 0) {
    auto store = open_sqlite(temp.path(), nullptr, {.busy_timeout = seconds(30)});
    bool good = store.has_value();
    for (int i = 0; i < 200 && good; ++i)
      good = (*store)->set_device(kApp, "child", a_device(std::to_string(i % 10))).has_value();
    ::_exit(good ? 0 : 1);
  }
  const auto store = temp.open({.busy_timeout = seconds(30)});
  REQUIRE(store->changes());
  bool seen = false;
  const auto look = [&] {
    const Changes changed = store->changes().value();
    seen = seen || changed.everything || std::ranges::count(changed.receivers, ReceiverKey{kApp, "child"}) > 0;
  };
  for (int i = 0; i < 200; ++i) {  // interleaved with the child's
    REQUIRE(store->set_device(kApp, "parent", a_phone("parent", std::to_string(i % 10))));
    look();
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  look();
  CHECK(seen);
  CHECK(receiver_of(*store, "child").devices.size() == 10);
  CHECK(receiver_of(*store, "parent").devices.size() == 10);
}

TEST_CASE("connections: a batch is of one moment", "[store][connections]") {
  const TempStore temp(GENERATE(each_store()));
  REQUIRE(temp.open()->set_device(kApp, "a", a_device("0")));
  std::atomic<bool> stop = false;
  std::atomic<int> failures = 0;
  const std::jthread writer([&] {  // one device, moving between two users in one transaction
    Intruder intruder(temp);
    const std::string begin = temp.url().empty() ? "BEGIN IMMEDIATE" : "BEGIN";
    for (int i = 0; i < 300; ++i)
      intruder.run(begin + "; UPDATE devices SET user_id = '" + (i % 2 == 0 ? "b" : "a") + "'; COMMIT");
    stop = true;
  });
  const auto store = temp.open();
  const std::vector<ReceiverKey> keys = {{kApp, "a"}, {kApp, "b"}};
  while (!stop) {
    const auto found = store->receivers(keys);
    if (!found || (*found)[0].devices.size() + (*found)[1].devices.size() != 1) ++failures;
  }
  CHECK(failures == 0);
}

TEST_CASE("connections: a held write lock makes writes wait, then say so; reads go on", "[store][connections]") {
  const TempStore temp;
  const auto store = temp.open({.busy_timeout = milliseconds(20)});
  const CertificateId id = store->add_certificate(a_certificate())->id;
  REQUIRE(store->set_device(kApp, "vinson", a_device()));
  Intruder intruder(temp.path());
  intruder.run("BEGIN IMMEDIATE");
  const auto refused = [](const auto& result) {
    if (result.has_value() || result.error().code != Errc::Overloaded) return false;
    return result.error().detail.contains("another connection is writing");
  };
  CHECK(refused(store->set_device(kApp, "vinson", a_device("2"))));
  CHECK(refused(store->remove_device(kApp, "vinson", "phone")));
  CHECK(refused(store->remove_token(kApp, "vinson", a_device())));
  CHECK(refused(store->set_settings(kApp, "vinson", {})));
  CHECK(refused(store->set_mute(kApp, "vinson", {})));
  CHECK(refused(store->add_certificate(a_certificate("x"))));
  CHECK(refused(store->replace_certificate(id, a_certificate("x"))));
  CHECK(refused(store->set_certificate_status(id, CertificateStatus::Disabled)));
  CHECK(refused(store->remove_certificate(id)));
  CHECK(receiver_of(*store, "vinson").devices.size() == 1);
  CHECK(store->certificate(id));
  CHECK(store->changes());
  CHECK(store->app_known(kApp) == true);
  intruder.run("ROLLBACK");
  CHECK(store->set_device(kApp, "vinson", a_device("2")));
}

TEST_CASE("connections: a new file that somebody else is making is waited for", "[store][connections]") {
  const TempStore temp;
  Intruder intruder(temp.path());
  intruder.run("BEGIN IMMEDIATE");  // SQLite refuses the switch to WAL at once, whatever its busy timeout
  const auto began = std::chrono::steady_clock::now();
  const auto early = open_sqlite(temp.path(), nullptr, {.busy_timeout = milliseconds(40)});
  CHECK(std::chrono::steady_clock::now() - began >= milliseconds(40));
  REQUIRE_FALSE(early);
  CHECK(early.error().code == Errc::Overloaded);
  Result<std::unique_ptr<Store>> store;
  {
    const std::jthread waiting([&] { store = open_sqlite(temp.path(), nullptr, {.busy_timeout = seconds(30)}); });
    intruder.run("COMMIT");
  }
  REQUIRE(store);
  CHECK((*store)->set_device(kApp, "vinson", a_device()));
}

TEST_CASE("connections: a broken file is an error of every call, never more", "[store][connections]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  REQUIRE(store->add_certificate(a_certificate()));
  Intruder intruder(temp);
  for (const char* table : {"mutes", "users", "devices", "certificate_facts", "certificates"})
    intruder.run("DROP TABLE " + std::string(table) + (temp.url().empty() ? "" : " CASCADE"));
  const auto failed = [](const auto& result) {
    return !result.has_value() && result.error().code == Errc::Io &&
           (result.error().detail.contains("no such table") || result.error().detail.contains("does not exist"));
  };
  const ReceiverKey key{kApp, "vinson"};
  CHECK(failed(store->add_certificate(a_certificate("x"))));
  CHECK(failed(store->replace_certificate({1}, a_certificate("x"))));
  CHECK(failed(store->set_certificate_status({1}, CertificateStatus::Active)));
  CHECK(failed(store->certificates(std::nullopt)));
  CHECK(failed(store->certificate({1})));
  CHECK(failed(store->secret({1})));
  CHECK(failed(store->remove_certificate({1})));
  CHECK(failed(store->set_device(kApp, "vinson", a_device())));
  CHECK(failed(store->remove_device(kApp, "vinson", "phone")));
  CHECK(failed(store->devices(kApp, std::nullopt, 10)));
  CHECK(failed(store->devices(kApp, "vinson", 10)));
  CHECK(failed(store->remove_token(kApp, "vinson", a_device())));
  CHECK(failed(store->set_settings(kApp, "vinson", {})));
  CHECK(failed(store->set_mute(kApp, "vinson", {})));
  CHECK(failed(store->remove_mute(kApp, "vinson", Mute::Kind::All, "")));
  CHECK(failed(store->receivers({&key, 1})));
  CHECK(failed(store->app_known(kApp)));
}

TEST_CASE("connections: words of a newer binary are an error, not a guess", "[store][connections]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  REQUIRE(store->add_certificate(a_certificate()));
  REQUIRE(store->set_device(kApp, "vinson", a_device()));
  REQUIRE(store->set_mute(kApp, "denny", {}));
  Intruder intruder(temp);
  intruder.run((temp.url().empty() ? std::string("PRAGMA ignore_check_constraints=ON; ")
                                   : "ALTER TABLE devices DROP CONSTRAINT devices_platform_check; "
                                     "ALTER TABLE mutes DROP CONSTRAINT mutes_kind_check; ") +
               "UPDATE devices SET platform = 'watch';"
               "UPDATE mutes SET kind = 'moon'; UPDATE certificates SET vendor = 'pigeon'");
  const ReceiverKey vinson{kApp, "vinson"};
  const ReceiverKey denny{kApp, "denny"};
  CHECK(store->receivers({&vinson, 1}).error().code == Errc::Io);
  CHECK(store->receivers({&denny, 1}).error().code == Errc::Io);
  CHECK(store->devices(kApp, std::nullopt, 10).error().code == Errc::Io);
  CHECK(store->certificate({1}).error().code == Errc::Io);
  CHECK(store->remove_certificate({1}).error().code == Errc::Io);
}

TEST_CASE("connections: threads with one each do not lose a write", "[store][connections]") {
  const TempStore temp(GENERATE(each_store()));
  {
    const auto first = temp.open();
  }
  constexpr int kThreads = 4, kWrites = 60;
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&temp, &failures, t] {
        auto store = temp.try_open({.busy_timeout = seconds(30)});
        if (!store) {
          ++failures;
          return;
        }
        for (int i = 0; i < kWrites; ++i) {
          const std::string user = "user" + std::to_string(i);
          if (!(*store)->set_device(kApp, user, a_phone(user, std::to_string(t)))) ++failures;
          if (!(*store)->set_mute(kApp, user, {.kind = Mute::Kind::Peer, .target = std::to_string(t)})) ++failures;
        }
      });
  }
  CHECK(failures == 0);
  const auto store = temp.open();
  for (int i = 0; i < kWrites; ++i) {
    const Receiver receiver = receiver_of(*store, "user" + std::to_string(i));
    CHECK(receiver.devices.size() == kThreads);
    CHECK(receiver.mutes.size() == kThreads);
  }
}

}  // namespace
}  // namespace nightpost::store
