#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <set>
#include <vector>

#include "store/connection.h"
#include "store/limits.h"
#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

void check_equal(const Device& one, const Device& two) {
  CHECK(one.device_id == two.device_id);
  CHECK(one.platform == two.platform);
  CHECK(one.certificate == two.certificate);
  CHECK(one.token == two.token);
  CHECK(one.registered_at == two.registered_at);
  CHECK(one.state == two.state);
  CHECK(one.badge_base == two.badge_base);
  CHECK(one.language == two.language);
}

TEST_CASE("devices: what was reported is read back whole", "[store][devices]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  Device given = a_device();
  given.platform = GENERATE(Platform::Ios, Platform::Android, Platform::Web, Platform::MiniProgram, Platform::Desktop);
  given.state =
      GENERATE(DeviceState::Foreground, DeviceState::Background, DeviceState::Offline, DeviceState::LoggedOut);
  given.token = DeviceToken("0123456789abcdef", GENERATE(TokenKind::Token, TokenKind::Fid));
  REQUIRE(store->set_device(kApp, "文森", given));
  const Receiver found = receiver_of(*temp.open(), "文森");
  REQUIRE(found.devices.size() == 1);
  check_equal(found.devices[0], given);
}

TEST_CASE("devices: a phone's VoIP token is a row beside the phone's own", "[store][devices][voip]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  REQUIRE(store->set_device(kApp, "vinson", a_device("phone")));
  Device voip = a_device("phone.voip");
  voip.token = DeviceToken("pushkit", TokenKind::Voip);
  REQUIRE(store->set_device(kApp, "vinson", voip));
  const Receiver found = receiver_of(*temp.open(), "vinson");
  REQUIRE(found.devices.size() == 2);
  CHECK(found.devices[0].device_id == "phone");
  check_equal(found.devices[1], voip);
  CHECK(store->devices_with_token(voip.certificate, "pushkit", 10)->size() == 1);
  CHECK(store->remove_token(kApp, "vinson", voip) == true);
  const Receiver left = receiver_of(*store, "vinson");
  REQUIRE(left.devices.size() == 1);
  CHECK(left.devices[0].token == a_device("phone").token);
}

TEST_CASE("devices: a report replaces the one before it", "[store][devices]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  REQUIRE(store->set_device(kApp, "vinson", a_device("phone", 1)));
  Device again = a_device("phone", 2);
  again.token = DeviceToken("another", TokenKind::Fid);
  again.state = DeviceState::Offline;
  REQUIRE(store->set_device(kApp, "vinson", again));
  const Receiver found = receiver_of(*store, "vinson");
  REQUIRE(found.devices.size() == 1);
  check_equal(found.devices[0], again);
}

TEST_CASE("devices: are keyed by app, user and device together", "[store][devices]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  REQUIRE(store->set_device(kApp, "a", a_device("1")));
  REQUIRE(store->set_device(kApp, "a", a_device("2")));
  REQUIRE(store->set_device(kApp, "A", a_phone("A", "1")));
  REQUIRE(store->set_device(kApp, "ab", a_phone("ab", "1")));
  REQUIRE(store->set_device(AppId{7}, "a", a_device("1")));
  CHECK(receiver_of(*store, "a").devices.size() == 2);
  CHECK(receiver_of(*store, "A").devices.size() == 1);
  CHECK(receiver_of(*store, "a", AppId{7}).devices.size() == 1);
  CHECK(receiver_of(*store, "").devices.empty());

  const auto listed = [&](AppId app, std::optional<std::string_view> user, std::size_t limit) {
    std::string out;
    for (const auto& row : store->devices(app, user, limit).value()) {
      CHECK(row.app == app);
      out += row.user_id + row.device.device_id + " ";
    }
    return out;
  };
  CHECK(listed(kApp, std::nullopt, 100) == "A1 a1 a2 ab1 ");
  CHECK(listed(kApp, std::nullopt, 2) == "A1 a1 ");
  CHECK(listed(kApp, "a", 100) == "a1 a2 ");
  CHECK(listed(kApp, "a", 1) == "a1 ");
  CHECK(listed(kApp, "a", 0).empty());
  CHECK(listed(kApp, "nobody", 100).empty());
  CHECK(listed(AppId{7}, std::nullopt, SIZE_MAX) == "a1 ");
  CHECK(listed(AppId{8}, std::nullopt, 100).empty());

  REQUIRE(store->remove_device(kApp, "a", "1"));
  CHECK(listed(kApp, std::nullopt, 100) == "A1 a2 ab1 ");
  CHECK(store->remove_device(kApp, "a", "1").error().code == Errc::NotFound);
  CHECK(store->remove_device(AppId{8}, "a", "2").error().code == Errc::NotFound);
}

TEST_CASE("devices: a token goes only if it is still that very one", "[store][devices]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const Device device = a_device();
  REQUIRE(store->set_device(kApp, "vinson", device));
  struct Row {
    const char* name;
    AppId app;
    const char* user;
    void (*change)(Device&);
    bool goes = false;
  };
  const Row row = GENERATE(values<Row>({
      {"the same", kApp, "vinson", [](Device&) {}, true},
      {"state and badge have moved on", kApp, "vinson",
       [](Device& d) {
         d.state = DeviceState::Foreground;
         d.badge_base = 99;
       },
       true},
      {"registered since, same token", kApp, "vinson", [](Device& d) { d.registered_at -= milliseconds(1); }},
      {"another token", kApp, "vinson", [](Device& d) { d.token = DeviceToken("0123456789abcdeF"); }},
      {"no token", kApp, "vinson", [](Device& d) { d.token = DeviceToken(); }},
      {"another device", kApp, "vinson", [](Device& d) { d.device_id = "tablet"; }},
      {"another user", kApp, "denny", [](Device&) {}},
      {"another app", AppId{7}, "vinson", [](Device&) {}},
  }));
  CAPTURE(row.name);
  Device refused = device;
  row.change(refused);
  CHECK(store->remove_token(row.app, row.user, refused) == row.goes);
  CHECK(receiver_of(*store, "vinson").devices.size() == (row.goes ? 0 : 1));
  CHECK(store->remove_token(row.app, row.user, refused) == false);
}

TEST_CASE("devices: are found by certificate and token", "[store][devices]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const auto report = [&](AppId app, const char* user, std::int64_t certificate, const char* token, int at_ms) {
    Device device = a_device("phone", certificate);
    device.token = DeviceToken(token);
    device.registered_at = wall_from_ms(at_ms);
    REQUIRE(store->set_device(app, user, device));
  };
  report(kApp, "early", 1, "t", 10);
  report(kApp, "late", 1, "t", 30);
  report(AppId{7}, "between", 1, "t", 20);
  report(kApp, "other certificate", 2, "t", 40);
  report(kApp, "other token", 1, "T", 50);
  const auto found = [&](std::int64_t certificate, std::string_view token, std::size_t limit) {
    std::string out;
    for (const auto& row : store->devices_with_token({certificate}, token, limit).value())
      out += std::to_string(row.app.value) + row.user_id + row.device.device_id + " ";
    return out;
  };
  CHECK(found(1, "t", 100) == "1400000001latephone 7betweenphone ");  // of one app there is one
  CHECK(found(1, "t", 1) == "1400000001latephone ");
  CHECK(found(1, "t", SIZE_MAX).size() > 0);
  CHECK(found(1, "t", 0).empty());
  CHECK(found(1, "tt", 100).empty());
  CHECK(found(1, "", 100).empty());
  CHECK(found(1, std::string(100'000, 't'), 100).empty());
  CHECK(found(3, "t", 100).empty());
  CHECK(found(2, "t", 100) == "1400000001other certificatephone ");
}

TEST_CASE("devices: a token has one owner, the latest to register", "[store][devices]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const auto reader = temp.open();
  struct Row {
    const char* name;
    AppId app;
    const char *user, *id;
    std::int64_t certificate;
    const char* token;
    int at_ms;
    std::string owners;           // of app kApp, of token "t" and certificate 1
    std::set<std::string> named;  // users whose receivers have changed
  };
  const Row rows[] = {
      {"the first", kApp, "ann", "phone", 1, "t", 100, "ann/phone ", {"ann"}},
      {"again", kApp, "ann", "phone", 1, "t", 101, "ann/phone ", {"ann"}},
      {"another token of another user", kApp, "bob", "phone", 1, "T", 200, "ann/phone ", {"bob"}},
      {"another certificate", kApp, "cid", "phone", 2, "t", 200, "ann/phone ", {"cid"}},
      {"another app", AppId{7}, "dan", "phone", 1, "t", 200, "ann/phone ", {"dan"}},
      {"another user takes it, and has that device already",
       kApp,
       "bob",
       "phone",
       1,
       "t",
       300,
       "bob/phone ",
       {"ann", "bob"}},
      {"an old report does not take it back", kApp, "ann", "phone", 1, "t", 299, "bob/phone ", {}},
      {"one of the same moment does", kApp, "ann", "phone", 1, "t", 300, "ann/phone ", {"ann", "bob"}},
      {"the same user by another device id", kApp, "ann", "tablet", 1, "t", 400, "ann/tablet ", {"ann"}},
  };
  REQUIRE(reader->changes());
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Device device = a_device(row.id, row.certificate);
    device.token = DeviceToken(row.token);
    device.registered_at = wall_from_ms(row.at_ms);
    REQUIRE(store->set_device(row.app, row.user, device));
    std::string owners;
    for (const auto& each : store->devices_with_token({1}, "t", 10).value())
      if (each.app == kApp) owners += each.user_id + "/" + each.device.device_id + " ";
    CHECK(owners == row.owners);
    std::set<std::string> named;
    for (const ReceiverKey& key : reader->changes()->receivers) named.insert(key.user_id);
    CHECK(named == row.named);
  }
  CHECK(receiver_of(*store, "ann").devices.size() == 1);
  CHECK(receiver_of(*store, "bob").devices.empty());
  CHECK(receiver_of(*store, "cid").devices.size() == 1);

  // Without a token there is nothing to own.
  Device out = a_device();
  out.token = DeviceToken();
  out.state = DeviceState::LoggedOut;
  REQUIRE(store->set_device(kApp, "eve", out));
  REQUIRE(store->set_device(kApp, "fay", out));
  CHECK(receiver_of(*store, "eve").devices.size() == 1);
}

TEST_CASE("devices: the look-up by token uses its index", "[store][devices]") {
  const TempStore temp;
  REQUIRE(temp.open());
  auto connection = Connection::open(temp.path(), {});
  REQUIRE(connection);
  auto plan = Statement::prepare(connection->get(),
                                 "EXPLAIN QUERY PLAN SELECT user_id FROM devices WHERE token = ?1 AND "
                                 "certificate_id = ?2 ORDER BY registered_at DESC LIMIT ?3",
                                 "devices");
  REQUIRE(plan);
  Rows rows = plan->query(std::string_view("t"), 1, 1);
  REQUIRE(rows.next());
  CHECK(rows.text(3).contains("SEARCH devices USING INDEX devices_by_token (token=? AND certificate_id=?)"));
}

TEST_CASE("devices: many tokens go in one commit, each only if it is still that very one", "[store][devices]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const auto other = temp.open();
  std::vector<Store::DeviceRow> rows;
  for (const char* user : {"a", "b", "c"}) {
    REQUIRE(store->set_device(kApp, user, a_phone(user)));
    rows.push_back({kApp, user, a_phone(user)});
  }
  rows[1].device.registered_at -= milliseconds(1);
  REQUIRE(other->changes());
  CHECK(store->remove_tokens(rows) == std::vector{true, false, true});
  CHECK(other->changes()->receivers == std::vector<ReceiverKey>{{kApp, "a"}, {kApp, "c"}});
  CHECK(receiver_of(*store, "a").devices.empty());
  CHECK(receiver_of(*store, "b").devices.size() == 1);
  CHECK(receiver_of(*store, "c").devices.empty());
  CHECK(store->remove_tokens(rows) == std::vector{false, false, false});
  CHECK(store->remove_tokens({})->empty());
}

TEST_CASE("devices: one more than the limit is refused, a report of one there is not", "[store][devices]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open({.devices_per_user_max = 3});
  for (const char* id : {"1", "2", "3"}) REQUIRE(store->set_device(kApp, "vinson", a_device(id)));
  const auto fourth = store->set_device(kApp, "vinson", a_device("4"));
  REQUIRE_FALSE(fourth);
  CHECK(fourth.error().code == Errc::Malformed);
  CHECK(fourth.error().detail.contains("store.devices_per_user_max"));
  CHECK(store->set_device(kApp, "vinson", a_device("2", 5)));
  CHECK(store->set_device(kApp, "denny", a_device("4")));
  REQUIRE(store->remove_device(kApp, "vinson", "1"));
  CHECK(store->set_device(kApp, "vinson", a_device("4")));
  CHECK(receiver_of(*store, "vinson").devices.size() == 3);
}

TEST_CASE("devices: what cannot be one is refused", "[store][devices]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  struct Row {
    const char* name;
    void (*spoil)(Device&);
    bool good = false;
  };
  const Row row = GENERATE(values<Row>({
      {"as it is", [](Device&) {}, true},
      {"a certificate that is not there", [](Device& d) { d.certificate = {9'999}; }, true},
      {"longest token", [](Device& d) { d.token = DeviceToken(std::string(kTokenBytesMax, 't')); }, true},
      {"logged out, token unbound",
       [](Device& d) {
         d.state = DeviceState::LoggedOut;
         d.token = DeviceToken();
         d.certificate = {};
       },
       true},
      {"a web page has neither token nor certificate",
       [](Device& d) {
         d.platform = Platform::Web;
         d.token = DeviceToken();
         d.certificate = {};
       },
       true},
      {"no id", [](Device& d) { d.device_id.clear(); }},
      {"id too long", [](Device& d) { d.device_id = std::string(kDeviceIdBytesMax + 1, 'd'); }},
      {"id not UTF-8", [](Device& d) { d.device_id = "\xc3"; }},
      {"id with a zero", [](Device& d) { d.device_id = std::string("a\0", 2); }},
      {"no token", [](Device& d) { d.token = DeviceToken(); }},
      {"token too long", [](Device& d) { d.token = DeviceToken(std::string(kTokenBytesMax + 1, 't')); }},
      {"token of two lines", [](Device& d) { d.token = DeviceToken("SECRET-1\nSECRET-2"); }},
      {"no certificate", [](Device& d) { d.certificate = {}; }},
      {"certificate below 0", [](Device& d) { d.certificate = {-1}; }},
      {"badge below 0", [](Device& d) { d.badge_base = -1; }},
      {"language too long", [](Device& d) { d.language = std::string(kLanguageBytesMax + 1, 'l'); }},
      {"no platform", [](Device& d) { d.platform = Platform{9}; }},
      {"no state", [](Device& d) { d.state = DeviceState{9}; }},
      {"a VoIP token under the phone's own id", [](Device& d) { d.token = DeviceToken("t", TokenKind::Voip); }},
      {"a VoIP token of no phone",
       [](Device& d) { d.device_id = ".voip", d.token = DeviceToken("t", TokenKind::Voip); }},
      {"a VoIP token of Android",
       [](Device& d) {
         d.device_id = "phone.voip";
         d.platform = Platform::Android;
         d.token = DeviceToken("t", TokenKind::Voip);
       }},
      {"a VoIP token beside the phone's",
       [](Device& d) { d.device_id = "phone.voip", d.token = DeviceToken("t", TokenKind::Voip); }, true},
      {"another token under such an id", [](Device& d) { d.device_id = "phone.voip"; }, true},
      {"no token kind", [](Device& d) { d.token = DeviceToken("t", TokenKind{9}); }},
  }));
  CAPTURE(row.name);
  Device device = a_device();
  row.spoil(device);
  const auto set = store->set_device(kApp, "vinson", device);
  CHECK(set.has_value() == row.good);
  if (!set) {
    CHECK(set.error().code == Errc::Malformed);
    CHECK_FALSE(set.error().detail.contains("SECRET"));
  }
  CHECK(receiver_of(*store, "vinson").devices.size() == (row.good ? 1 : 0));
}

TEST_CASE("devices: so is a user that cannot be one", "[store][devices]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  struct Row {
    const char* name;
    AppId app;
    std::string user;
    bool good = false;
  };
  const Row row = GENERATE(values<Row>({
      {"longest", kApp, std::string(kUserIdBytesMax, 'u'), true},
      {"not English", kApp, "文森", true},
      {"empty", kApp, ""},
      {"too long", kApp, std::string(kUserIdBytesMax + 1, 'u')},
      {"not UTF-8", kApp, "\xff"},
      {"a zero inside", kApp, std::string("a\0b", 3)},
      {"a line feed", kApp, "a\nb"},
      {"app 0", AppId{0}, "vinson"},
      {"app below 0", AppId{-1}, "vinson"},
  }));
  CAPTURE(row.name);
  const std::array codes = {store->set_device(row.app, row.user, a_device()),
                            store->set_settings(row.app, row.user, {}), store->set_mute(row.app, row.user, {})};
  for (const Result<void>& done : codes) {
    CHECK(done.has_value() == row.good);
    if (!done) CHECK(done.error().code == Errc::Malformed);
  }
}

}  // namespace
}  // namespace nightpost::store
