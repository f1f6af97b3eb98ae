// Bulk writes and the pages of an export.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "store/connection.h"
#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

using DeviceRow = Store::DeviceRow;
using UserRow = Store::UserRow;
constexpr auto kWrite = Store::ImportMode::Write;
constexpr auto kCheck = Store::ImportMode::Check;

DeviceRow a_row(const std::string& user, const std::string& device = "phone", AppId app = kApp) {
  return {app, user, a_phone(user, device)};
}

bool same(const Device& one, const Device& two) {
  return one.device_id == two.device_id && one.platform == two.platform && one.certificate == two.certificate &&
         one.token == two.token && one.registered_at == two.registered_at && one.state == two.state &&
         one.badge_base == two.badge_base && one.language == two.language;
}

std::vector<DeviceRow> all_devices(Store& store, std::optional<AppId> app = {}, std::size_t limit = 2) {
  std::vector<DeviceRow> all;
  for (DeviceRow last;;) {
    const auto page = store.devices_after(last, app, limit);
    REQUIRE(page);
    REQUIRE(page->size() <= limit);
    if (page->empty()) return all;
    all.insert(all.end(), page->begin(), page->end());
    last = page->back();
  }
}

std::vector<UserRow> all_users(Store& store, std::optional<AppId> app = {}, std::size_t limit = 2) {
  std::vector<UserRow> all;
  for (UserRow last;;) {
    const auto page = store.users_after(last, app, limit);
    REQUIRE(page);
    if (page->empty()) return all;
    all.insert(all.end(), page->begin(), page->end());
    last = page->back();
  }
}

TEST_CASE("import: devices are as set_device leaves them", "[store][import]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  std::vector<DeviceRow> rows = {a_row("b"), a_row("a", "2"), a_row("文森"), a_row("a", "1"), a_row("a", "1", {7})};
  rows[2].device.token = DeviceToken("another", TokenKind::Fid);
  rows[2].device.state = DeviceState::LoggedOut;
  rows[2].device.platform = Platform::Android;
  const auto refused = store->import_devices(rows, kWrite);
  REQUIRE(refused);
  CHECK(refused->empty());
  const auto other = temp.open();
  for (const DeviceRow& row : rows) {
    const Receiver found = receiver_of(*other, row.user_id, row.app);
    CHECK(std::ranges::count_if(found.devices, [&](const Device& d) { return same(d, row.device); }) == 1);
  }
  CHECK(all_devices(*other).size() == rows.size());

  SECTION("the same again changes nothing") {
    REQUIRE(store->import_devices(rows, kWrite)->empty());
    CHECK(all_devices(*other).size() == rows.size());
  }
  SECTION("a row replaces the one before it") {
    rows[0].device.token = DeviceToken("newer");
    REQUIRE(store->import_devices({&rows[0], 1}, kWrite)->empty());
    CHECK(receiver_of(*other, "b").devices.at(0).token.text() == "newer");
  }
  SECTION("nothing is a batch, too") { CHECK(store->import_devices({}, kWrite)->empty()); }
}

TEST_CASE("import: refused rows are named and left out, the others written", "[store][import]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  std::vector<DeviceRow> rows = {a_row("z"), a_row(""), a_row("y"), a_row("x"), a_row("w", "phone", {0}), a_row("v")};
  rows[2].device.token = DeviceToken("SECRET\n");
  rows[3].device.certificate = {};
  const auto refused = store->import_devices(rows, kWrite);
  REQUIRE(refused);
  const std::array expected = {std::pair{1uz, "user id"}, std::pair{2uz, "device token"},
                               std::pair{3uz, "device certificate"}, std::pair{4uz, "app id"}};
  REQUIRE(refused->size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK((*refused)[i].row == expected[i].first);
    CHECK((*refused)[i].why.contains(expected[i].second));
    CHECK_FALSE((*refused)[i].why.contains("SECRET"));
  }
  CHECK(all_devices(*store).size() == 2);
}

TEST_CASE("import: of two rows for one device the last wins", "[store][import]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open({.devices_per_user_max = 1});
  std::vector<DeviceRow> rows = {a_row("a"), a_row("b"), a_row("a"), a_row("a")};
  rows[0].device.token = DeviceToken("first");
  rows[2].device.token = DeviceToken("second");
  SECTION("") { rows[3].device.token = DeviceToken("third"); }
  SECTION("a bad one is none") {
    rows[3].device.language = "\xff";
    rows[2].device.token = DeviceToken("third");
  }
  const auto refused = store->import_devices(rows, kWrite);
  REQUIRE(refused);
  const Receiver found = receiver_of(*store, "a");
  REQUIRE(found.devices.size() == 1);
  CHECK(found.devices[0].token.text() == "third");
}

TEST_CASE("import: a user's devices have their limit, inside of a batch and with those there are", "[store][import]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open({.devices_per_user_max = 3});
  REQUIRE(store->set_device(kApp, "a", a_device("0")));
  std::vector<DeviceRow> rows;
  for (const char* id : {"1", "2", "3", "0", "4", "2"}) {
    rows.push_back(a_row("a", id));
    rows.push_back(a_row("b", id));
    rows.push_back(a_row("a", id, {7}));
  }
  const auto refused = store->import_devices(rows, kWrite);
  REQUIRE(refused);
  std::vector<std::string> names;
  for (const auto& row : *refused) {
    names.push_back(std::to_string(rows[row.row].app.value % 10) + rows[row.row].user_id +
                    rows[row.row].device.device_id);
    CHECK(row.why.contains("already has 3"));
    CHECK(row.why.contains("store.devices_per_user_max"));
  }
  CHECK(names == std::vector<std::string>{"1a3", "1b0", "7a0", "1a4", "1b4", "7a4"});
  CHECK(receiver_of(*store, "a").devices.size() == 3);
  CHECK(receiver_of(*store, "b").devices.size() == 3);

  // A limit that was lowered since: as set_device, even a device that is there is one too many.
  const auto strict = temp.open({.devices_per_user_max = 2});
  CHECK(strict->import_devices(rows, kWrite)->size() == rows.size());
  CHECK_FALSE(strict->set_device(kApp, "a", a_device("0")));
}

TEST_CASE("import: a token has one owner, the latest to register", "[store][import]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const auto row = [](const char* user, const char* token, int at_ms) {
    DeviceRow out = a_row(user);
    out.device.token = DeviceToken(token);
    out.device.registered_at = wall_from_ms(at_ms);
    return out;
  };
  const auto users = [&] {
    std::string out;
    for (const DeviceRow& each : all_devices(*store)) out += each.user_id + "=" + each.device.token.text() + " ";
    return out;
  };
  for (const DeviceRow& each : {row("a", "t", 100), row("b", "u", 100)})
    REQUIRE(store->set_device(each.app, each.user_id, each.device));
  REQUIRE(store
              ->import_devices(std::vector{row("c", "t", 200), row("d", "u", 50), row("e", "v", 2), row("f", "v", 1)},
                               kWrite)
              ->empty());
  CHECK(users() == "b=u c=t e=v ");
}

TEST_CASE("import: many devices in one batch, against set_device one by one", "[store][import]") {
  const Kind kind = GENERATE(each_store());
  const TempStore temp(kind), model(kind);
  const StoreOptions options{.devices_per_user_max = 4};
  const auto store = temp.open(options);
  const auto slow = model.open(options);
  std::vector<DeviceRow> rows;
  std::uint32_t seed = 2'463'534'242;
  const auto random = [&](std::uint32_t below) {
    seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
    return seed % below;
  };
  for (std::size_t batch = 0; batch < 3; ++batch) {
    rows.clear();
    for (std::size_t i = 0; i < 400; ++i) {
      DeviceRow& row = rows.emplace_back(
          a_row("user" + std::to_string(random(40)), std::to_string(random(7)), {1 + std::int64_t{random(2)}}));
      row.device.token = DeviceToken(row.user_id + "/" + row.device.device_id + "/" + std::to_string(random(3)));
      if (random(20) == 0) row.device.badge_base = -1;
    }
    std::vector<std::size_t> expected, got;
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (!slow->set_device(rows[i].app, rows[i].user_id, rows[i].device)) expected.push_back(i);
    const auto refused = store->import_devices(rows, kWrite);
    REQUIRE(refused);
    for (const auto& row : *refused) got.push_back(row.row);
    CHECK(got == expected);
  }
  const auto one = all_devices(*store, {}, 64), two = all_devices(*slow, {}, 64);
  REQUIRE(one.size() == two.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(one[i].app == two[i].app);
    CHECK(one[i].user_id == two[i].user_id);
    CHECK(same(one[i].device, two[i].device));
  }
}

TEST_CASE("import: a check writes nothing and refuses the same", "[store][import]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open({.devices_per_user_max = 1, .mutes_per_user_max = 1});
  const std::vector<DeviceRow> rows = {a_row("a"), a_row("a", "2"), a_row("")};
  CHECK(store->import_devices(rows, kCheck)->size() == 2);
  const std::vector<UserRow> users = {
      {kApp, "a", PushSettings{}, {{}}}, {kApp, "a", {}, {{Mute::Kind::Peer, "p"}}}, {kApp, "", PushSettings{}, {}}};
  CHECK(store->import_users(users, kCheck)->size() == 2);
  CHECK(all_devices(*store).empty());
  CHECK(all_users(*store).empty());
  CHECK(store->import_devices(rows, kWrite)->size() == 2);
  CHECK(store->import_users(users, kWrite)->size() == 2);
}

TEST_CASE("import: names the apps that were written, and no receiver", "[store][import]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open({.import_named_max = 1});
  const auto reader = temp.open();
  REQUIRE(reader->changes());
  const std::vector<DeviceRow> rows = {a_row("a"), a_row("b", "1", {7}), a_row("c", "1", {7}), a_row("", "1", {8})};
  const std::vector<UserRow> users = {{{9}, "a", PushSettings{}, {{}}}};
  REQUIRE(store->import_devices(rows, kCheck));
  REQUIRE(store->import_users(users, kCheck));
  CHECK(reader->changes()->empty());
  REQUIRE(store->import_devices(rows, kWrite));
  REQUIRE(store->import_devices(rows, kWrite));  // updates are not named either
  REQUIRE(store->import_users(users, kWrite));
  REQUIRE(store->import_users(users, kWrite));
  const auto changes = reader->changes();
  REQUIRE(changes);
  CHECK(changes->apps == std::vector<AppId>{{7}, kApp, {7}, kApp, {9}, {9}});
  CHECK(changes->receivers.empty());
  CHECK_FALSE(changes->everything);
  // And it ends with the batch.
  REQUIRE(store->set_device(kApp, "a", a_device("tablet")));
  REQUIRE(store->set_settings(kApp, "b", {}));
  CHECK(reader->changes()->receivers.size() >= 2);
}

/// Of these apps all receivers, or these users.
struct NamedChanges {
  std::vector<AppId> apps;
  std::set<std::string> users;
  bool operator==(const NamedChanges&) const = default;
};
NamedChanges named_in(Store& reader) {
  const auto changes = reader.changes();
  REQUIRE(changes);
  CHECK_FALSE(changes->everything);
  CHECK_FALSE(changes->certificates);
  NamedChanges out{changes->apps, {}};
  for (const ReceiverKey& key : changes->receivers) out.users.insert(key.user_id + "@" + std::to_string(key.app.value));
  return out;
}

TEST_CASE("import: of few rows names the receivers that it changed, and no app", "[store][import]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open({.import_named_max = 3});
  const auto reader = temp.open();
  REQUIRE(store->import_devices(std::vector{a_row("owner")}, kWrite));
  REQUIRE(reader->changes());
  const std::vector<DeviceRow> three = {a_row("a"), a_row("b", "1", {7}), a_row("", "1", {8})};
  REQUIRE(store->import_devices(three, kCheck));
  CHECK(named_in(*reader) == NamedChanges{});
  REQUIRE(store->import_devices(three, kWrite));
  CHECK(named_in(*reader) == NamedChanges{{}, {"a@1400000001", "b@7"}});
  // Whose phone it was is named, too.
  DeviceRow taken = a_row("thief");
  taken.device.token = a_row("owner").device.token;
  taken.device.registered_at += std::chrono::seconds(1);
  REQUIRE(store->import_devices({&taken, 1}, kWrite)->empty());
  CHECK(named_in(*reader) == NamedChanges{{}, {"owner@1400000001", "thief@1400000001"}});
  std::vector<DeviceRow> four = three;
  four.push_back(a_row("c"));
  REQUIRE(store->import_devices(four, kWrite));
  CHECK(named_in(*reader) == NamedChanges{{{7}, kApp}, {}});

  const Mute peer{Mute::Kind::Peer, "p"}, group{Mute::Kind::Group, "g"};
  REQUIRE(store->import_users(std::vector{UserRow{kApp, "a", PushSettings{}, {peer, group}}}, kWrite)->empty());
  CHECK(named_in(*reader) == NamedChanges{{}, {"a@1400000001"}});
  // Mutes count as rows.
  const std::vector<UserRow> more = {{kApp, "a", PushSettings{}, {peer, group}}, {{9}, "b", PushSettings{}, {}}};
  REQUIRE(store->import_users(more, kWrite)->empty());
  CHECK(named_in(*reader) == NamedChanges{{{9}, kApp}, {}});
}

TEST_CASE("import: another connection's lock is Overloaded, and nothing was written", "[store][import]") {
  const TempStore temp;
  const auto store = temp.open({.busy_timeout = milliseconds(1)});
  auto holder = Connection::open(temp.path(), {});
  REQUIRE(holder);
  const std::vector<DeviceRow> rows = {a_row("a")};
  {
    const auto held = Transaction::begin(holder->get(), Transaction::Kind::Write);
    REQUIRE(held);
    const auto refused = store->import_devices(rows, kWrite);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Overloaded);
  }
  CHECK(all_devices(*store).empty());
  CHECK(store->import_devices(rows, kWrite)->empty());
}

TEST_CASE("import: settings and mutes", "[store][import]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open({.mutes_per_user_max = 3});
  REQUIRE(store->set_settings(kApp, "kept", {.enabled = false, .sound_c2c = "ding"}));
  REQUIRE(store->set_mute(kApp, "kept", {Mute::Kind::Peer, "old"}));
  REQUIRE(store->set_mute(kApp, "full", {Mute::Kind::Peer, "1"}));
  const Mute team{Mute::Kind::Group, "team", wall_from_ms(5), true};
  const std::vector<UserRow> rows = {
      {kApp, "kept", {}, {team, {Mute::Kind::Peer, "old", wall_from_ms(7)}}},
      {kApp, "new", PushSettings{false, "zh", "a", "b", false}, {}},
      {kApp, "full", PushSettings{.enabled = false}, {{Mute::Kind::Peer, "1"}, team, {}}},
      {kApp, "full", PushSettings{.enabled = true}, {{Mute::Kind::Peer, "2"}}},  // one mute too many
      {kApp, "full", {}, {team, team}},                                          // both are there
      {kApp, "bad", PushSettings{}, {team, {Mute::Kind::Peer, ""}}},             // a peer without a name
      {kApp, "bad", PushSettings{.language = "\xff"}, {}},
      {{7}, "kept", PushSettings{}, {}},
  };
  const auto refused = store->import_users(rows, kWrite);
  REQUIRE(refused);
  REQUIRE(refused->size() == 3);
  CHECK(refused->at(0).row == 3);
  CHECK(refused->at(0).why.contains("would have 4, more than store.mutes_per_user_max"));
  CHECK(refused->at(1).row == 5);
  CHECK(refused->at(1).why.contains("mutes[1]: mute target"));
  CHECK(refused->at(2).row == 6);
  CHECK(refused->at(2).why.contains("settings language"));

  const Receiver kept = receiver_of(*store, "kept");
  CHECK_FALSE(kept.settings.enabled);
  CHECK(kept.settings.sound_c2c == "ding");
  REQUIRE(kept.mutes.size() == 2);
  CHECK(kept.mutes[0].target == "team");
  CHECK(kept.mutes[0].unless_mentioned);
  CHECK(kept.mutes[1].until == wall_from_ms(7));
  const Receiver fresh = receiver_of(*store, "new");
  CHECK_FALSE(fresh.settings.badge);
  CHECK(fresh.settings.sound_group == "b");
  const Receiver full = receiver_of(*store, "full");
  CHECK_FALSE(full.settings.enabled);
  CHECK(full.mutes.size() == 3);
  CHECK(receiver_of(*store, "bad").mutes.empty());
}

TEST_CASE("export: pages name each row once, in the order of user, app, device", "[store][import]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  std::vector<DeviceRow> rows;
  for (const char* user : {"a", "A", "ab", "b", "文"})
    for (const std::int64_t app : {1, 2})
      for (const char* device : {"x", "y"}) rows.push_back(a_row(user, device, {app}));
  REQUIRE(store->import_devices(rows, kWrite)->empty());
  std::ranges::sort(rows, {},
                    [](const DeviceRow& row) { return std::tuple(row.user_id, row.app.value, row.device.device_id); });
  const auto key = [](const DeviceRow& row) {
    return row.user_id + "/" + std::to_string(row.app.value) + "/" + row.device.device_id;
  };
  for (const std::size_t limit : {1, 3, 20, 1'000}) {
    const auto all = all_devices(*store, {}, limit);
    REQUIRE(all.size() == rows.size());
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(key(all[i]) == key(rows[i]));
    const auto of_one = all_devices(*store, AppId{2}, limit);
    CHECK(of_one.size() == rows.size() / 2);
    CHECK(std::ranges::all_of(of_one, [](const DeviceRow& row) { return row.app.value == 2; }));
  }
  CHECK(all_devices(*store, AppId{3}).empty());
}

TEST_CASE("export: users come with all their mutes, and many mutes make a page shorter", "[store][import]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  REQUIRE(store->set_settings({2}, "a", {.enabled = false, .language = "zh", .sound_group = "s", .badge = false}));
  for (int i = 0; i < 5; ++i) REQUIRE(store->set_mute(kApp, "b", {Mute::Kind::Peer, std::to_string(i)}));
  REQUIRE(store->set_settings(kApp, "c", {}));
  REQUIRE(store->set_mute(kApp, "c", {}));
  const auto all = all_users(*store);
  REQUIRE(all.size() == 3);
  CHECK(all[0].user_id == "a");
  CHECK_FALSE(all[0].settings.value().enabled);
  CHECK_FALSE(all[0].settings.value().badge);
  CHECK(all[0].settings.value().language == "zh");
  CHECK(all[0].settings.value().sound_group == "s");
  CHECK(all[1].mutes.size() == 5);
  CHECK(all[2].mutes.size() == 1);
  CHECK(all_users(*store, AppId{2}).size() == 1);
  CHECK(store->users_after({}, kApp, 6)->size() == 1);  // b's row and its five mutes
  CHECK(store->users_after({}, kApp, 7)->size() == 2);
}

TEST_CASE("export and import: a store goes over whole", "[store][import]") {
  const TempStore temp(GENERATE(each_store())), copy(GENERATE(each_store()));
  const auto store = temp.open();
  const auto other = copy.open();
  for (int i = 0; i < 30; ++i) {
    const std::string user = "user" + std::to_string(i % 11);
    Device device = a_device(std::to_string(i), i);
    device.platform = static_cast<Platform>(i % 5);
    device.state = static_cast<DeviceState>(i % 4);
    if (i == 0) device.platform = Platform::Web;  // no certificate
    REQUIRE(store->set_device({1 + i % 2}, user, device));
    REQUIRE(
        store->set_mute({1 + i % 2}, user, {static_cast<Mute::Kind>(1 + i % 2), std::to_string(i), wall_from_ms(i)}));
  }
  REQUIRE(other->import_devices(all_devices(*store, {}, 7), kWrite)->empty());
  REQUIRE(other->import_users(all_users(*store, {}, 7), kWrite)->empty());
  const auto one = all_devices(*store), two = all_devices(*other);
  REQUIRE(one.size() == 30);
  REQUIRE(two.size() == 30);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(same(one[i].device, two[i].device));
  const auto users = all_users(*store), copied = all_users(*other);
  REQUIRE(users.size() == copied.size());
  for (std::size_t i = 0; i < users.size(); ++i) {
    CHECK(users[i].user_id == copied[i].user_id);
    CHECK(users[i].mutes.size() == copied[i].mutes.size());
  }
}

}  // namespace
}  // namespace nightpost::store
