// Many connections at once on one store of either kind, compared with a model.
#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "unit/store/temp_store.h"

namespace nightpost::store {
namespace {

constexpr std::size_t kDevicesMax = 3, kMutesMax = 2;
const StoreOptions kPatient{
    .busy_timeout = seconds(60), .devices_per_user_max = kDevicesMax, .mutes_per_user_max = kMutesMax};

/// What a store should hold of one user.
struct Model {
  std::map<std::string, Device> devices;
  std::map<std::string, WallTime> mutes;  // of peers
  bool enabled = true;

  bool operator==(const Receiver& found) const {
    if (found.devices.size() != devices.size() || found.mutes.size() != mutes.size()) return false;
    if (found.settings.enabled != enabled) return false;
    for (const Device& device : found.devices) {
      const auto mine = devices.find(device.device_id);
      if (mine == devices.end() || mine->second.token != device.token ||
          mine->second.registered_at != device.registered_at || mine->second.badge_base != device.badge_base ||
          mine->second.state != device.state)
        return false;
    }
    for (const Mute& mute : found.mutes) {
      const auto mine = mutes.find(mute.target);
      if (mine == mutes.end() || mine->second != mute.until) return false;
    }
    return true;
  }
};

/// One step of a random life; true if the store did what the model says it should.
bool step(Store& store, const std::string& user, Model& model, std::mt19937& random) {
  const std::string id = std::to_string(random() % 5);
  const auto known = model.devices.find(id);
  switch (random() % 8) {
    case 0:
    case 1:
    case 2: {
      Device device = a_device(id);
      device.token = DeviceToken(user + "/" + id + "/" + std::to_string(random() % 3));
      device.registered_at = wall_from_ms(static_cast<std::int64_t>(random() % 3));
      device.badge_base = static_cast<std::int32_t>(random() % 3);
      device.state = random() % 2 == 0 ? DeviceState::Foreground : DeviceState::Background;
      const bool fits = known != model.devices.end() || model.devices.size() < kDevicesMax;
      const auto done = store.set_device(kApp, user, device);
      if (fits) model.devices[id] = device;
      return fits ? done.has_value() : !done && done.error().code == Errc::Malformed;
    }
    case 3: {
      const auto done = store.remove_device(kApp, user, id);
      return model.devices.erase(id) > 0 ? done.has_value() : !done && done.error().code == Errc::NotFound;
    }
    case 4: {
      Device device = a_device(id);
      device.token = DeviceToken(user + "/" + id + "/" + std::to_string(random() % 3));
      device.registered_at = wall_from_ms(static_cast<std::int64_t>(random() % 3));
      const bool goes = known != model.devices.end() && known->second.token == device.token &&
                        known->second.registered_at == device.registered_at;
      if (goes) model.devices.erase(known);
      return store.remove_token(kApp, user, device) == goes;
    }
    case 5: {
      model.enabled = random() % 2 == 0;
      return store.set_settings(kApp, user, {.enabled = model.enabled}).has_value();
    }
    case 6: {
      const bool fits = model.mutes.contains(id) || model.mutes.size() < kMutesMax;
      const WallTime until = wall_from_ms(static_cast<std::int64_t>(random() % 9));
      const auto done = store.set_mute(kApp, user, {.kind = Mute::Kind::Peer, .target = id, .until = until});
      if (fits) model.mutes[id] = until;
      return fits ? done.has_value() : !done && done.error().code == Errc::Malformed;
    }
    default:
      model.mutes.erase(id);
      return store.remove_mute(kApp, user, Mute::Kind::Peer, id).has_value();
  }
}

TEST_CASE("concurrency: many writers in random order leave what a model says", "[store][concurrency]") {
  const TempStore temp(GENERATE(each_store()));
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  constexpr int kThreads = 4, kUsers = 3, kSteps = 150;
  temp.open();  // the schema is there
  std::atomic<int> failures = 0;
  std::array<std::array<Model, kUsers>, kThreads> models;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        std::mt19937 random(seed + static_cast<unsigned>(t));
        auto store = temp.try_open(kPatient);
        if (!store) {
          ++failures;
          return;
        }
        for (int i = 0; i < kSteps; ++i) {
          const std::size_t u = random() % kUsers;
          Model& model = models[static_cast<std::size_t>(t)][u];
          const ReceiverKey key{kApp, std::to_string(t) + "-" + std::to_string(u)};
          if (!step(**store, key.user_id, model, random)) ++failures;
          if (i % 5 != 0) continue;
          const auto found = (*store)->receivers({&key, 1});
          if (!found || !(model == found->front())) ++failures;
        }
      });
  }
  CHECK(failures == 0);
  const auto store = temp.open();
  for (std::size_t t = 0; t < kThreads; ++t)
    for (std::size_t u = 0; u < kUsers; ++u)
      CHECK(models[t][u] == receiver_of(*store, std::to_string(t) + "-" + std::to_string(u)));
}

TEST_CASE("concurrency: limits of a user hold whoever counts at once", "[store][concurrency]") {
  const TempStore temp(GENERATE(each_store()));
  temp.open();
  std::atomic<int> set = 0, refused = 0, muted = 0, failures = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        auto store = temp.try_open(kPatient);
        for (int i = 0; store && i < 5; ++i) {
          const std::string id = std::to_string(t) + "-" + std::to_string(i);
          const auto done = (*store)->set_device(kApp, "ann", a_device(id));
          if (done)
            ++set;
          else if (done.error().code == Errc::Malformed)
            ++refused;
          if ((*store)->set_mute(kApp, "ann", {.kind = Mute::Kind::Peer, .target = id})) ++muted;
        }
        if (!store) ++failures;
      });
  }
  CHECK(failures == 0);
  CHECK(set == int{kDevicesMax});
  CHECK(set + refused == 20);
  CHECK(muted == int{kMutesMax});
  CHECK(receiver_of(*temp.open(), "ann").devices.size() == kDevicesMax);
  CHECK(receiver_of(*temp.open(), "ann").mutes.size() == kMutesMax);
}

TEST_CASE("concurrency: a token that users report at once ends with one owner", "[store][concurrency]") {
  const TempStore temp(GENERATE(each_store()));
  temp.open();
  constexpr int kUsers = 4, kReports = 40;
  std::atomic<int> failures = 0, next = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kUsers; ++t)
      threads.emplace_back([&, t] {
        auto store = temp.try_open(kPatient);
        for (int i = 0; store && i < kReports; ++i) {
          Device device = a_device();
          device.registered_at = wall_from_ms(++next);
          if (!(*store)->set_device(kApp, "user" + std::to_string(t), device)) ++failures;
        }
        if (!store) ++failures;
      });
  }
  CHECK(failures == 0);
  const auto owners = temp.open()->devices_with_token({1}, a_device().token.text(), 10).value();
  REQUIRE(owners.size() == 1);
  CHECK(to_ms(owners[0].device.registered_at) == kUsers * kReports);
  CHECK(temp.open()->devices(kApp, std::nullopt, 10)->size() == 1);
}

TEST_CASE("concurrency: a token is removed once, and never one that was registered since", "[store][concurrency]") {
  const TempStore temp(GENERATE(each_store()));
  constexpr int kVersions = 60;
  const auto version = [](std::int64_t at) {
    Device device = a_device();
    device.registered_at = wall_from_ms(at);
    return device;
  };
  REQUIRE(temp.open()->set_device(kApp, "ann", version(0)));
  std::atomic<bool> written = false;
  std::atomic<int> failures = 0;
  std::array<std::vector<std::int64_t>, 2> removed;
  {
    std::vector<std::jthread> threads;
    threads.emplace_back([&] {
      auto store = temp.try_open(kPatient);
      for (int i = 1; store && i < kVersions; ++i)
        if (!(*store)->set_device(kApp, "ann", version(i))) ++failures;
      if (!store) ++failures;
      written = true;
    });
    for (std::size_t t = 0; t < removed.size(); ++t)
      threads.emplace_back([&, t] {
        auto store = temp.try_open(kPatient);
        if (!store) ++failures;
        const ReceiverKey key{kApp, "ann"};
        while (store && !written) {
          const auto found = (*store)->receivers({&key, 1});
          if (!found) ++failures;
          if (!found || found->front().devices.empty()) continue;
          const Device& device = found->front().devices[0];
          const auto gone = (*store)->remove_token(kApp, "ann", device);
          if (!gone) ++failures;
          if (gone && *gone) removed[t].push_back(to_ms(device.registered_at));
        }
      });
  }
  CHECK(failures == 0);
  std::set<std::int64_t> all;
  for (const auto& versions : removed)
    for (const std::int64_t one : versions) CHECK(all.insert(one).second);
  const Receiver left = receiver_of(*temp.open(), "ann");
  CHECK(left.devices.size() == (all.contains(kVersions - 1) ? 0 : 1));
  if (!left.devices.empty()) CHECK(to_ms(left.devices[0].registered_at) == kVersions - 1);
}

}  // namespace
}  // namespace nightpost::store
