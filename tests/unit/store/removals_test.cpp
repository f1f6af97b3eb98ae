// Dead tokens whose removal is held, and tokens that move.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

const StoreOptions kWaits{.busy_timeout = milliseconds(30'000)};
const Store::KeptLimits kRoomy{.devices_max = 1'000};

HeldRemoval held(const std::string& user, std::int64_t certificate = 1) {
  return held_removal_of(kApp, user, a_phone(user, "phone", certificate));
}

RemovalHold hold(std::int64_t certificate, std::string worker = "w1", std::int64_t last = 100) {
  return {.certificate = {certificate},
          .worker = std::move(worker),
          .heard = "answers",
          .code = "Unregistered",
          .last = wall_from_ms(last)};
}

/// "1/w1 answers Unregistered 100-200 2+0": certificate, worker, where, code, since, last, kept, unkept.
std::string said(Store& store, std::optional<AppId> app = std::nullopt) {
  std::string all;
  for (const RemovalHold& each : store.removal_holds(app).value())
    all += std::to_string(each.certificate.value) + "/" + each.worker + " " + each.heard + " " + each.code + " " +
           std::to_string(to_ms(each.since)) + "-" + std::to_string(to_ms(each.last)) + " " +
           std::to_string(each.kept) + "+" + std::to_string(each.unkept) + "; ";
  return all;
}

/// A store with certificate 1 and phones of these users.
struct Held {
  TempStore temp{GENERATE(each_store())};
  std::unique_ptr<Store> store = temp.open();
  CertificateId id;
  explicit Held(std::initializer_list<const char*> users = {"ann", "bob", "cid"}) {
    id = store->add_certificate(a_certificate()).value().id;
    REQUIRE(id.value == 1);
    for (const char* user : users) REQUIRE(store->set_device(kApp, user, a_phone(user)));
  }
  void keep(std::vector<HeldRemoval> removals, const RemovalHold& by = hold(1), std::int64_t version = 1,
            const Store::KeptLimits& limits = kRoomy) {
    REQUIRE(store->keep_removals(by, version, removals, limits));
  }
  std::string left() {
    std::string all;
    for (const auto& row : store->devices(kApp, std::nullopt, 100).value()) all += row.user_id + " ";
    return all;
  }
};

TEST_CASE("removals: what workers hold is read by others, added up", "[store][removals]") {
  Held f;
  CHECK(said(*f.store).empty());
  f.keep({held("ann")});
  f.keep({held("bob"), held("ann")}, hold(1, "w1", 200));
  CHECK(said(*f.temp.open()) == "1/w1 answers Unregistered 100-200 2+0; ");
  RemovalHold other = hold(1, "w2", 150);
  other.heard = "receipts";
  other.code = "16";
  other.unkept = 7;
  f.keep({held("cid"), held("ann")}, other);  // the last that holds it has it
  CHECK(said(*f.store) == "1/w1 answers Unregistered 100-200 1+0; 1/w2 receipts 16 150-150 2+7; ");
  f.keep({}, hold(1, "w1", 50));  // told late
  CHECK(said(*f.store, kApp) == "1/w1 answers Unregistered 100-200 1+0; 1/w2 receipts 16 150-150 2+7; ");
  CHECK(said(*f.store, AppId{7}).empty());
  CHECK(f.left() == "ann bob cid ");
}

TEST_CASE("removals: no more of a certificate are kept than the limit, and the rest is counted", "[store][removals]") {
  Held f;
  f.keep({held("ann"), held("bob"), held("cid")}, hold(1), 1, {.devices_max = 2});
  CHECK(said(*f.store) == "1/w1 answers Unregistered 100-100 2+1; ");
  f.keep({held("dan")}, hold(1, "w2"), 1, {.devices_max = 2});
  CHECK(said(*f.store) == "1/w1 answers Unregistered 100-100 2+1; 1/w2 answers Unregistered 100-100 0+1; ");
}

TEST_CASE("removals: of another version of the certificate, or of none, nothing is kept", "[store][removals]") {
  Held f;
  f.keep({held("ann")}, hold(1), 2);
  f.keep({held("ann")}, hold(99), 1);
  CHECK(said(*f.store).empty());
  f.keep({held("ann")});
  REQUIRE(f.store->approve_removals(f.id, wall_from_ms(5)));
  SECTION("an edit forgets all of it") {
    REQUIRE(f.store->replace_certificate(f.id, a_certificate()));
    CHECK(f.store->remove_held(f.id, 10)->looked_at == 0);
    CHECK(f.left() == "ann bob cid ");
  }
  SECTION("as does switching it off") {
    REQUIRE(f.store->set_certificate_status(f.id, CertificateStatus::Disabled));
    CHECK(f.store->remove_held(f.id, 10)->looked_at == 0);
  }
  SECTION("and its end") {
    for (const char* user : {"ann", "bob", "cid"}) REQUIRE(f.store->remove_device(kApp, user, "phone"));
    REQUIRE(f.store->remove_certificate(f.id));
  }
  CHECK(said(*f.store).empty());
  CHECK(f.store->removal_approvals()->empty());
}

TEST_CASE("removals: once enough live all of the certificate is forgotten, and no other's", "[store][removals]") {
  Held f;
  const CertificateId other = f.store->add_certificate(a_certificate("other")).value().id;
  f.keep({held("ann")});
  f.keep({held("bob")}, hold(1, "w2"));
  f.keep({held("cid")}, hold(other.value));
  REQUIRE(f.store->forget_removals(f.id));
  CHECK(said(*f.store) == "2/w1 answers Unregistered 100-100 1+0; ");
  REQUIRE(f.store->forget_removals(f.id));
  CHECK(f.store->remove_held(f.id, 10)->looked_at == 0);
  CHECK(f.left() == "ann bob cid ");
}

TEST_CASE("removals: what is too old is forgotten, of any worker", "[store][removals]") {
  Held f;
  f.keep({held("ann")}, hold(1, "gone", 100));
  f.keep({held("bob")}, hold(1, "w1", 200), 1, {.devices_max = 10, .oldest = wall_from_ms(100)});
  CHECK(said(*f.store) == "1/gone answers Unregistered 100-100 1+0; 1/w1 answers Unregistered 200-200 1+0; ");
  f.keep({}, hold(1, "w1", 300), 1, {.devices_max = 10, .oldest = wall_from_ms(101)});
  CHECK(said(*f.store) == "1/w1 answers Unregistered 200-300 1+0; ");
  CHECK(f.store->remove_held(f.id, 10)->looked_at == 1);
  CHECK(f.left() == "ann cid ");
}

TEST_CASE("removals: ops' word is read by workers", "[store][removals]") {
  Held f;
  CHECK(f.store->removal_approvals()->empty());
  CHECK(f.store->approve_removals({99}, wall_from_ms(5)).error().code == Errc::NotFound);
  REQUIRE(f.store->approve_removals(f.id, wall_from_ms(5)));
  REQUIRE(f.store->approve_removals(f.id, wall_from_ms(9)));
  const auto said = f.temp.open()->removal_approvals();
  REQUIRE(said->size() == 1);
  CHECK((*said)[0].certificate == f.id);
  CHECK((*said)[0].version == 1);
  CHECK((*said)[0].until == wall_from_ms(9));
}

TEST_CASE("removals: what is held is removed, part by part, unless it has registered since", "[store][removals]") {
  Held f({"ann", "bob", "cid", "dan", "eve"});
  f.keep({held("ann"), held("bob"), held("cid"), held("dan"), held("nobody")});
  Device again = a_phone("bob");
  again.registered_at += milliseconds(1);
  REQUIRE(f.store->set_device(kApp, "bob", again));
  REQUIRE(f.store->set_device(kApp, "dan", a_phone("dan", "phone", 2)));  // of another certificate by now
  SECTION("at once") {
    const auto told = f.store->remove_held(f.id, 100);
    CHECK(told->looked_at == 5);
    CHECK(told->removed == 2);
  }
  SECTION("two at a time") {
    std::size_t removed = 0, looks = 0;
    for (bool more = true; more; ++looks) {
      const auto told = f.store->remove_held(f.id, 2);
      more = told->looked_at == 2;
      removed += told->removed;
      if (more) CHECK_FALSE(said(*f.store).empty());
    }
    CHECK(looks == 3);
    CHECK(removed == 2);
  }
  CHECK(f.left() == "bob dan eve ");
  CHECK(said(*f.store).empty());
  CHECK(f.store->remove_held(f.id, 100)->looked_at == 0);
}

TEST_CASE("removals: caches hear of what was removed", "[store][removals][changes]") {
  Held f;
  const auto other = f.temp.open();
  REQUIRE(other->changes());
  f.keep({held("ann")});
  CHECK(other->changes()->empty());  // nothing that anybody keeps a copy of
  f.store->remove_held(f.id, 10).value();
  CHECK(other->changes()->receivers == std::vector<ReceiverKey>{{kApp, "ann"}});
}

TEST_CASE("removals: workers and ops at once: within the limit, each device once", "[store][removals][concurrency]") {
  Held f({});
  constexpr int kDevices = 60;
  for (int i = 0; i < kDevices; ++i) {
    const std::string user = "u" + std::to_string(i);
    REQUIRE(f.store->set_device(kApp, user, a_phone(user)));
  }
  std::atomic<int> failures = 0;
  std::atomic<std::size_t> removed = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        auto store = f.temp.try_open(kWaits);
        if (!store) ++failures;
        for (int i = 0; store && i < kDevices; ++i) {
          const HeldRemoval one = held("u" + std::to_string(i));
          const RemovalHold by = hold(1, "w" + std::to_string(t), 100 + i);
          // Each forgets what is older, of the other, too.
          if (!(*store)->keep_removals(by, 1, {&one, 1}, {.devices_max = 10, .oldest = by.last})) ++failures;
          std::size_t kept = 0;
          for (const RemovalHold& each : (*store)->removal_holds(std::nullopt).value_or(std::vector<RemovalHold>()))
            kept += each.kept;
          if (kept > 10) ++failures;
        }
      });
      threads.emplace_back([&] {
        auto store = f.temp.try_open(kWaits);
        if (!store) ++failures;
        for (int i = 0; store && i < kDevices; ++i) {
          if (i % 20 == 0 && !(*store)->forget_removals({1})) ++failures;
          const auto told = (*store)->remove_held({1}, 3);
          if (!told) ++failures;
          if (told) removed += told->removed;
        }
      });
    }
  }
  CHECK(failures == 0);
  CHECK(f.store->devices(kApp, std::nullopt, 100)->size() == kDevices - removed);
}

// --- a token that moves ---

TEST_CASE("devices: a token moves only while its row is still that very one", "[store][devices]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const Device device = a_device();
  REQUIRE(store->set_device(kApp, "vinson", device));
  struct Row {
    const char* name;
    const char* user;
    void (*change)(Device&);
    bool moves = false;
  };
  const Row row = GENERATE(values<Row>({
      {"the same", "vinson", [](Device&) {}, true},
      {"state and badge have moved on", "vinson",
       [](Device& d) {
         d.state = DeviceState::Foreground;
         d.badge_base = 99;
       },
       true},
      {"registered since, same token", "vinson", [](Device& d) { d.registered_at -= milliseconds(1); }},
      {"another token", "vinson", [](Device& d) { d.token = DeviceToken("0123456789abcdeF"); }},
      {"another device", "vinson", [](Device& d) { d.device_id = "tablet"; }},
      {"another user", "denny", [](Device&) {}},
  }));
  CAPTURE(row.name);
  Store::DeviceRow seen{kApp, row.user, device};
  row.change(seen.device);
  const WallTime at = device.registered_at + seconds(5);
  REQUIRE(store->move_token(seen, DeviceToken("the next", TokenKind::Fid), at) == row.moves);
  const Receiver found = receiver_of(*store, "vinson");
  REQUIRE(found.devices.size() == 1);
  Device want = device;
  if (row.moves) {
    want.token = DeviceToken("the next", TokenKind::Fid);
    want.registered_at = at;
  }
  CHECK(found.devices[0].token == want.token);
  CHECK(found.devices[0].registered_at == want.registered_at);
  CHECK(found.devices[0].state == device.state);  // as it is in the store, whatever was seen
  CHECK(found.devices[0].badge_base == device.badge_base);
  CHECK(receiver_of(*store, "denny").devices.empty());
}

TEST_CASE("devices: a token that moves has one owner, the latest to register", "[store][devices]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const Device mine = a_device();
  Device theirs = a_phone("denny");
  theirs.registered_at = mine.registered_at + seconds(10);
  REQUIRE(store->set_device(kApp, "vinson", mine));
  REQUIRE(store->set_device(kApp, "denny", theirs));
  const auto owner = [&] {
    std::string all;
    for (const auto& row : store->devices_with_token({1}, theirs.token.text(), 10).value()) all += row.user_id;
    return all;
  };
  SECTION("later than theirs") {
    CHECK(store->move_token({kApp, "vinson", mine}, theirs.token, theirs.registered_at + seconds(1)) == true);
    CHECK(owner() == "vinson");
    CHECK(receiver_of(*store, "denny").devices.empty());
  }
  SECTION("earlier than theirs: this phone is theirs by now") {
    CHECK(store->move_token({kApp, "vinson", mine}, theirs.token, theirs.registered_at - seconds(1)) == true);
    CHECK(owner() == "denny");
    CHECK(receiver_of(*store, "vinson").devices.empty());
  }
  SECTION("a row that has changed takes nothing from anybody") {
    Device old = mine;
    old.registered_at -= seconds(1);
    CHECK(store->move_token({kApp, "vinson", old}, theirs.token, theirs.registered_at + seconds(1)) == false);
    CHECK(owner() == "denny");
    CHECK(receiver_of(*store, "vinson").devices.size() == 1);
  }
  SECTION("no token to move to is refused, and nothing happens") {
    CHECK(store->move_token({kApp, "vinson", mine}, DeviceToken(), theirs.registered_at).error().code ==
          Errc::Malformed);
    CHECK(receiver_of(*store, "vinson").devices.size() == 1);
  }
}

TEST_CASE("concurrency: a token moves while another owner reports it: one of them has it", "[store][concurrency]") {
  const TempStore temp(GENERATE(each_store()));
  temp.open();
  constexpr int kRounds = 40;
  std::atomic<int> failures = 0, next = 0;
  {
    std::vector<std::jthread> threads;
    for (const char* user : {"ann", "bob"})
      threads.emplace_back([&, user = std::string(user)] {
        auto store = temp.try_open(kWaits);
        if (!store) ++failures;
        for (int i = 0; store && i < kRounds; ++i) {
          Device device = a_phone(user);
          device.registered_at = wall_from_ms(++next);
          if (!(*store)->set_device(kApp, user, device)) ++failures;
          if (!(*store)->move_token({kApp, user, device}, DeviceToken("shared"), wall_from_ms(++next))) ++failures;
        }
      });
    threads.emplace_back([&] {
      auto store = temp.try_open(kWaits);
      if (!store) ++failures;
      for (int i = 0; store && i < kRounds; ++i) {
        Device device = a_device("tablet");
        device.token = DeviceToken("shared");
        device.registered_at = wall_from_ms(++next);
        if (!(*store)->set_device(kApp, "cid", device)) ++failures;
        if (const auto owners = (*store)->devices_with_token({1}, "shared", 10); !owners || owners->size() > 1)
          ++failures;
      }
    });
  }
  CHECK(failures == 0);
  CHECK(temp.open()->devices_with_token({1}, "shared", 10)->size() == 1);
}

}  // namespace
}  // namespace nightpost::store
