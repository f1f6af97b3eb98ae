#include <catch2/catch.hpp>
#include <vector>

#include "store/limits.h"
#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

TEST_CASE("receivers: come in the order of the keys, unknown ones empty", "[store][receivers]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  REQUIRE(store->set_device(kApp, "one", a_device("1")));
  REQUIRE(store->set_device(kApp, "two", a_phone("two", "1")));
  REQUIRE(store->set_device(kApp, "two", a_device("2")));
  REQUIRE(store->set_settings(kApp, "quiet", {.enabled = false}));
  const std::vector<ReceiverKey> keys = {{kApp, "two"}, {kApp, "nobody"}, {kApp, "one"},      {AppId{7}, "one"},
                                         {kApp, "two"}, {kApp, ""},       {AppId{}, "quiet"}, {kApp, "quiet"}};
  const auto found = store->receivers(keys);
  REQUIRE(found);
  std::vector<std::size_t> devices;
  for (const Receiver& receiver : *found) devices.push_back(receiver.devices.size());
  CHECK(devices == std::vector<std::size_t>{2, 0, 1, 0, 2, 0, 0, 0});
  CHECK_FALSE(found->back().settings.enabled);
  CHECK((*found)[6].settings.enabled);
  CHECK(store->receivers({})->empty());
}

TEST_CASE("receivers: settings are the user's, or the defaults", "[store][receivers]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const bool with_device = GENERATE(false, true);
  if (with_device) REQUIRE(store->set_device(kApp, "vinson", a_device()));
  const PushSettings before = receiver_of(*store, "vinson").settings;
  CHECK(before.enabled);
  CHECK(before.badge);
  CHECK(before.language.empty());
  REQUIRE(store->set_settings(
      kApp, "vinson",
      {.enabled = false, .language = "en", .sound_c2c = "a.caf", .sound_group = "b.caf", .badge = false}));
  const PushSettings after = receiver_of(*store, "vinson").settings;
  CHECK_FALSE(after.enabled);
  CHECK(after.language == "en");
  CHECK(after.sound_c2c == "a.caf");
  CHECK(after.sound_group == "b.caf");
  CHECK_FALSE(after.badge);
  REQUIRE(store->set_settings(kApp, "vinson", {}));
  CHECK(receiver_of(*store, "vinson").settings.enabled);
}

TEST_CASE("receivers: settings that do not fit are refused", "[store][receivers]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  const auto spoil = GENERATE(
      as<void (*)(PushSettings&)>{}, [](PushSettings& s) { s.language = std::string(kLanguageBytesMax + 1, 'l'); },
      [](PushSettings& s) { s.sound_c2c = std::string(kSoundBytesMax + 1, 's'); },
      [](PushSettings& s) { s.sound_group = std::string(kSoundBytesMax + 1, 's'); },
      [](PushSettings& s) { s.language = "\xff"; }, [](PushSettings& s) { s.sound_c2c = "a\tb"; });
  PushSettings settings{.enabled = false};
  spoil(settings);
  CHECK(store->set_settings(kApp, "vinson", settings).error().code == Errc::Malformed);
  CHECK(receiver_of(*store, "vinson").settings.enabled);
}

TEST_CASE("receivers: mutes come and go, beside settings and without", "[store][receivers]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  if (GENERATE(false, true)) REQUIRE(store->set_settings(kApp, "vinson", {.sound_c2c = "a.caf"}));
  if (GENERATE(false, true)) REQUIRE(store->set_device(kApp, "vinson", a_device()));
  const Mute group{.kind = Mute::Kind::Group, .target = "g1", .until = wall_from_ms(5), .unless_mentioned = true};
  const Mute peer{.kind = Mute::Kind::Peer, .target = "g1"};
  REQUIRE(store->set_mute(kApp, "vinson", group));
  REQUIRE(store->set_mute(kApp, "vinson", peer));
  REQUIRE(store->set_mute(kApp, "vinson", {}));  // everything
  REQUIRE(store->set_mute(kApp, "denny", peer));
  const auto mutes = receiver_of(*store, "vinson").mutes;
  REQUIRE(mutes.size() == 3);
  CHECK(mutes[0].kind == Mute::Kind::All);
  CHECK(mutes[0].until == WallTime::max());
  CHECK(mutes[1].kind == Mute::Kind::Group);
  CHECK(mutes[1].target == "g1");
  CHECK(mutes[1].until == wall_from_ms(5));
  CHECK(mutes[1].unless_mentioned);
  CHECK(mutes[2].kind == Mute::Kind::Peer);

  REQUIRE(store->set_mute(kApp, "vinson", {.kind = Mute::Kind::Group, .target = "g1", .until = wall_from_ms(9)}));
  CHECK(receiver_of(*store, "vinson").mutes[1].until == wall_from_ms(9));  // set anew, counted once
  CHECK_FALSE(receiver_of(*store, "vinson").mutes[1].unless_mentioned);

  CHECK(store->remove_mute(kApp, "vinson", Mute::Kind::Group, "other"));  // was not there
  CHECK(store->remove_mute(kApp, "vinson", Mute::Kind::Peer, ""));
  CHECK(receiver_of(*store, "vinson").mutes.size() == 3);
  REQUIRE(store->remove_mute(kApp, "vinson", Mute::Kind::Group, "g1"));
  REQUIRE(store->remove_mute(kApp, "vinson", Mute::Kind::All, ""));
  CHECK(receiver_of(*store, "vinson").mutes.size() == 1);
  REQUIRE(store->set_settings(kApp, "vinson", {.enabled = false}));  // does not lose the count
  CHECK(receiver_of(*store, "vinson").mutes.size() == 1);
  REQUIRE(store->remove_mute(kApp, "vinson", Mute::Kind::Peer, "g1"));
  CHECK(receiver_of(*store, "vinson").mutes.empty());
  CHECK(receiver_of(*store, "denny").mutes.size() == 1);
}

TEST_CASE("receivers: mutes have a limit and a shape", "[store][receivers]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open({.mutes_per_user_max = 2});
  REQUIRE(store->set_mute(kApp, "vinson", {.kind = Mute::Kind::Peer, .target = "1"}));
  REQUIRE(store->set_mute(kApp, "vinson", {.kind = Mute::Kind::Peer, .target = "2"}));
  const auto third = store->set_mute(kApp, "vinson", {.kind = Mute::Kind::Peer, .target = "3"});
  REQUIRE_FALSE(third);
  CHECK(third.error().detail.contains("store.mutes_per_user_max"));
  CHECK(store->set_mute(kApp, "vinson", {.kind = Mute::Kind::Peer, .target = "2", .until = wall_from_ms(1)}));

  const Mute bad = GENERATE(values<Mute>({
      {.kind = Mute::Kind::All, .target = "someone"},
      {.kind = Mute::Kind::Peer, .target = ""},
      {.kind = Mute::Kind::Group, .target = ""},
      {.kind = Mute::Kind{9}, .target = "x"},
      {.kind = Mute::Kind::Peer, .target = std::string(kTargetBytesMax + 1, 't')},
      {.kind = Mute::Kind::Peer, .target = "\xff"},
      {.kind = Mute::Kind::Peer, .target = std::string("a\0b", 3)},
  }));
  CHECK(store->set_mute(kApp, "denny", bad).error().code == Errc::Malformed);
  CHECK(receiver_of(*store, "denny").mutes.empty());
}

TEST_CASE("receivers: an app is known by a certificate or a device", "[store][receivers]") {
  const TempStore temp(GENERATE(each_store()));
  const auto store = temp.open();
  CHECK(store->app_known(kApp) == false);
  REQUIRE(store->set_settings(kApp, "vinson", {}));
  CHECK(store->app_known(kApp) == false);
  const CertificateId id = store->add_certificate(a_certificate())->id;
  CHECK(store->app_known(kApp) == true);
  REQUIRE(store->remove_certificate(id));
  CHECK(store->app_known(kApp) == false);
  REQUIRE(store->set_device(kApp, "vinson", a_device()));
  CHECK(store->app_known(kApp) == true);
  CHECK(store->app_known(AppId{7}) == false);
}

}  // namespace
}  // namespace nightpost::store
