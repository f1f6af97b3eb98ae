// Many dead tokens at once, a store that is busy, an end in between.
#include "app/token_remover.h"

#include <sqlite3.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <future>

#include "core/c_handle.h"
#include "unit/store/temp_store.h"

namespace nightpost::app {
namespace {

using store::a_device;
using store::a_phone;
using store::kApp;
using store::TempStore;
using namespace std::chrono_literals;

class WriteLock {
 public:
  explicit WriteLock(const std::string& path) {
    sqlite3* raw = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &raw) == SQLITE_OK);
    db_.reset(raw);
    REQUIRE(sqlite3_exec(raw, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  }

 private:
  Handle<sqlite3, sqlite3_close_v2> db_;
};

/// A remover and what it told, which comes on its thread.
struct RemoverBed {
  explicit RemoverBed(TokenRemoverOptions options = {}) : remover(temp.open({.busy_timeout = 1ms}), options) {}

  std::future<Result<bool>> remove(const std::string& user, const Device& device = a_device()) {
    auto told = std::make_shared<std::promise<Result<bool>>>();
    remover.remove({kApp, user, device}, [told](Result<bool> removed) { told->set_value(std::move(removed)); });
    return told->get_future();
  }

  TempStore temp;
  std::unique_ptr<store::Store> other = temp.open({.busy_timeout = 30s});
  TokenRemover remover;
};

TEST_CASE("token remover: each hears of its own row", "[app][removals]") {
  RemoverBed bed({.commit_max = GENERATE(std::size_t{1}, std::size_t{3}, std::size_t{500})});
  for (int i = 0; i < 20; ++i) REQUIRE(bed.other->set_device(kApp, std::to_string(i), a_phone(std::to_string(i))));
  std::vector<std::future<Result<bool>>> told;
  for (int i = 0; i < 20; ++i) {
    Device device = a_phone(std::to_string(i));
    if (i % 3 == 0) device.registered_at += 1ms;  // another registration than the one that stands there
    told.push_back(bed.remove(std::to_string(i), device));
  }
  told.push_back(bed.remove("nobody"));
  for (int i = 0; i < 20; ++i) {
    CAPTURE(i);
    CHECK(told[std::size_t(i)].get() == (i % 3 != 0));
    const ReceiverKey key{kApp, std::to_string(i)};
    CHECK(bed.other->receivers({&key, 1})->front().devices.size() == (i % 3 == 0 ? 1 : 0));
  }
  CHECK(told.back().get() == false);
}

TEST_CASE("token remover: late news of an old binding leaves the new owner alone", "[app][removals]") {
  RemoverBed bed;
  const Device first = a_phone("shared");
  REQUIRE(bed.other->set_device(kApp, "ann", first));
  Device second = first;  // another login on that phone
  second.registered_at += 1ms;
  REQUIRE(bed.other->set_device(kApp, "ben", second));
  CHECK(bed.remove("ann", first).get() == false);
  CHECK(bed.remove("ben", first).get() == false);
  const ReceiverKey ben{kApp, "ben"};
  CHECK(bed.other->receivers({&ben, 1})->front().devices.size() == 1);
  Device other_token = second;
  other_token.token = DeviceToken("another");
  CHECK(bed.remove("ben", other_token).get() == false);
  CHECK(bed.remove("ben", second).get() == true);
  CHECK(bed.other->receivers({&ben, 1})->front().devices.empty());
}

TEST_CASE("token remover: it waits for the write lock, nobody else does", "[app][removals]") {
  RemoverBed bed;
  REQUIRE(bed.other->set_device(kApp, "ann", a_device()));
  std::optional<WriteLock> lock(bed.temp.path());
  auto told = bed.remove("ann");
  CHECK(told.wait_for(0s) == std::future_status::timeout);
  lock.reset();
  CHECK(told.get() == true);
}

TEST_CASE("token remover: a lock that does not end, and a full queue, are told", "[app][removals]") {
  RemoverBed bed({.queued_max = 2, .commit_max = 1, .wait = 100ms});
  REQUIRE(bed.other->set_device(kApp, "ann", a_device()));
  const WriteLock lock(bed.temp.path());
  std::vector<std::future<Result<bool>>> told;
  for (int i = 0; i < 10; ++i) told.push_back(bed.remove("ann"));
  int full = 0, locked = 0;
  for (auto& each : told) {
    const Result<bool> removed = each.get();
    REQUIRE_FALSE(removed);
    CHECK(removed.error().code == Errc::Overloaded);
    full += removed.error().detail.contains("removals_queued_max") ? 1 : 0;
    locked += removed.error().detail.contains("another connection is writing") ? 1 : 0;
  }
  CHECK(full > 0);  // two wait, one is tried: seven, unless this thread stood still for a while
  CHECK(full + locked == 10);
  const ReceiverKey key{kApp, "ann"};
  CHECK(bed.other->receivers({&key, 1})->front().devices.size() == 1);
}

TEST_CASE("token remover: its end does not wait for the lock, and forgets what waits", "[app][removals]") {
  std::atomic<int> told = 0;
  RemoverBed bed({.commit_max = 1});
  REQUIRE(bed.other->set_device(kApp, "ann", a_device()));
  const WriteLock lock(bed.temp.path());
  for (int i = 0; i < 5; ++i) bed.remover.remove({kApp, "ann", a_device()}, [&](const Result<bool>&) { ++told; });
  bed.remover.stop();
  CHECK(told == 0);
  bed.remover.remove({kApp, "ann", a_device()}, [&](const Result<bool>&) { ++told; });
  CHECK(told == 0);
}

TEST_CASE("token remover: several shards at once, each row goes once", "[app][removals]") {
  RemoverBed bed;
  for (int i = 0; i < 50; ++i) REQUIRE(bed.other->set_device(kApp, std::to_string(i), a_phone(std::to_string(i))));
  std::atomic<int> went = 0, told = 0;
  std::promise<void> all;
  {
    std::vector<std::jthread> shards;
    for (int shard = 0; shard < 4; ++shard)
      shards.emplace_back([&] {
        for (int i = 0; i < 50; ++i)
          bed.remover.remove({kApp, std::to_string(i), a_phone(std::to_string(i))}, [&](const Result<bool>& removed) {
            if (removed && *removed) ++went;
            if (++told == 200) all.set_value();
          });
      });
  }
  all.get_future().wait();
  CHECK(went == 50);
}

}  // namespace
}  // namespace nightpost::app
