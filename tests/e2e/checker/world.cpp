#include "e2e/checker/world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

namespace nightpost::e2e::checker {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> kUsers = {"ann", "bob", "cid", "dee"};
constexpr std::uint64_t kStepsAway = 30;  // that Redis is away

}  // namespace

World::World(WorldOptions options) : options_(options) {
  for (const std::string& user : kUsers)
    for (const char* platform : {"ios", "android"}) devices_.emplace_back(user, platform);
  witness_ = enter("wit", "wit-web", "web");
  for (Device& device : devices_) connect(device);
  const std::unique_ptr<ImClient> owner = enter("ann", "ann-maker", "web");
  groups_.create(*owner, "ann", "club", "Public");
  groups_.create(*owner, "ann", "crew", "Work");
  groups_.create(*owner, "ann", "hall", "Meeting");
}

void World::run(std::uint64_t steps) {
  for (std::uint64_t step = 0; step < steps; ++step) {
    Device& device = dice_.one_of(devices_);
    ground_->check_alive();
    if (ground_->alive() == 0) end_disturbances();
    if (without_redis_ > 0 && --without_redis_ == 0) ground_->give_redis();
    if (options_.kills && step == steps / 2) ground_->restart_broker();
    switch (dice_.below(100)) {
      case 0:
        disturb();
        break;
      case 1 ... 3:
        device.lose();
        break;
      case 4 ... 6:
        device.frozen = !device.frozen;
        break;
      case 7 ... 26:
        for (Device& each : devices_) look(each);
        break;
      case 27 ... 46:
        ask_all();
        break;
      case 47 ... 50:
        groups_.wish_duel();
        ask_all();
        break;
      default:
        wish(device);
    }
  }
}

void World::wish(Device& device) {
  switch (dice_.below(8)) {
    case 0 ... 1:
      return chats_.wish_send(device);
    case 2:
      if (dice_.one_in(3)) return chats_.wish_recall(device);
      return dice_.one_in(5) ? chats_.wish_remove(device) : chats_.wish_read(device);
    default:
      groups_.wish(device);
  }
}

// ---- Connections ----

/// 0, where nobody listens: no node is alive.
std::uint16_t World::some_port() {
  while (ground_->alive() > 0)
    if (ImProcess* const node = ground_->node(dice_.below(ground_->nodes()))) return node->port();
  return 0;
}

void World::connect(Device& device) {
  if (device.connect(some_port(), ground_->bed.hello(device.user, device.name, device.platform))) sync(device);
}

void World::sync(Device& device) {
  chats_.before_sync(device);
  if (!device.sync()) return;
  chats_.after_sync(device);
  groups_.after_sync(device);
}

void World::look(Device& device) {
  if (device.look(!dice_.one_in(5))) return;
  if (dice_.one_in(2))
    device.lose();
  else
    sync(device);
}

std::unique_ptr<ImClient> World::try_enter(const std::string& user, const std::string& device,
                                           const std::string& platform) {
  try {
    auto client = std::make_unique<ImClient>(some_port());
    if (client->hello(ground_->bed.hello(user, device, platform)).at("code") == 0) return client;
  } catch (const std::runtime_error&) {
  }
  return nullptr;
}

std::unique_ptr<ImClient> World::enter(const std::string& user, const std::string& device,
                                       const std::string& platform) {
  std::unique_ptr<ImClient> client;
  REQUIRE(support::eventually(60s, [&] { return (client = try_enter(user, device, platform)) != nullptr; }, 50ms));
  return client;
}

bool World::witness_sees() {
  try {
    if (!witness_) witness_ = try_enter("wit", "wit-web", "web");
    if (!witness_) return false;
    while (witness_->next(0ms)) {
    }
    const json answer = witness_->ask("group_infos", {{"groups", groups_.names()}});
    if (answer.at("code") != 0) return false;
    groups_.saw(answer.at("body"));
    return true;
  } catch (const std::runtime_error&) {  // cut, or silent
    witness_.reset();
    return false;
  }
}

void World::ask_all(bool one_dies) {
  std::vector<Device*> those;
  for (Device& device : devices_)
    if (!device.frozen && !device.wishes.empty()) those.push_back(&device);
  std::ranges::shuffle(those, dice_.source());
  for (Device* const each : those)
    if (!each->connected()) connect(*each);
  for (Device* const each : those) each->ask(dice_.one_in(12));
  if (one_dies) ground_->kill(dice_.below(ground_->nodes()));
  for (Device* const each : those) {
    each->hear_answer();
    look(*each);
  }
  witness_sees();
}

// ---- Disturbances ----

void World::disturb() {
  if (!options_.kills) return;
  if (ground_->alive() < ground_->nodes()) return end_disturbances();
  switch (ground_->has_more() ? dice_.below(6) : 0) {
    case 0 ... 2:
      ask_all(true);
      // The others go on alone for some time.
      if (ground_->alive() == 0 || dice_.one_in(2)) end_disturbances();
      break;
    case 3:
      ground_->take_store();
      ask_all();
      ground_->give_store();
      break;
    default:
      if (without_redis_ > 0) return;
      ground_->take_redis();
      without_redis_ = kStepsAway;
  }
}

void World::end_disturbances() {
  if (std::exchange(without_redis_, 0) > 0) ground_->give_redis();
  for (std::size_t i = 0; i < ground_->nodes(); ++i)
    if (ground_->node(i) == nullptr) ground_->start(i);
}

// ---- The end ----

void World::answer_all() {
  const auto all_answered = [&] {
    ground_->check_alive();
    if (ground_->alive() == 0) end_disturbances();
    ask_all();
    return std::ranges::all_of(devices_, [](const Device& device) { return device.wishes.empty(); });
  };
  REQUIRE(support::eventually(60s, all_answered, 5ms));
  REQUIRE(support::eventually(20s, [&] { return witness_sees(); }));
}

void World::send_to_the_absent() {
  for (Device& device : devices_) groups_.wish_return(device);
  answer_all();
  for (Device& device : devices_) groups_.wish_pushes(device);
  answer_all();
  for (Device& device : devices_)
    if (device.platform == "android") device.away = true, device.lose();
  for (Device& device : devices_) {
    if (device.away) continue;
    chats_.wish_send(device);
    groups_.wish_sends(device);
  }
  answer_all();
}

void World::check() {
  ground_->check_alive();
  // One that died at last may stay so: the other answers for what it left.
  if (ground_->alive() != 1 || ground_->nodes() == 1 || dice_.one_in(2)) end_disturbances();
  for (Device& device : devices_) device.frozen = false;
  answer_all();
  send_to_the_absent();
  groups_.read_logs(*enter("wit", "wit-web", "web"));
  groups_.check_answers();
  const auto all_shown = [&] {
    for (Device& device : devices_) {
      if (!device.connected() && !device.away) connect(device);
      look(device);
    }
    return std::ranges::all_of(devices_, [&](const Device& device) {
      return device.away || (groups_.has_all(device) && chats_.has_all(device));
    });
  };
  CHECK(support::eventually(20s, all_shown, 50ms));
  for (const Device& device : devices_) groups_.check_live(device, ground_->nodes() > 1);

  for (Device& device : devices_) device.lose();
  ground_->wait_for_broker();
  const auto all_settled = [&] {
    ground_->check_alive();
    return ground_->all_settled();
  };
  REQUIRE(support::eventually(30s, all_settled, 100ms));
  check_histories();
  const Events events(ground_->bed.topics, ground_->bed.names.offline);
  // A death may forget that the broker has it.
  chats_.check_events(events, ground_->deaths());
  groups_.check_events(events, ground_->deaths());
  CHECK(chats_.size() > 10);
  CHECK(groups_.size() > 20);
}

void World::check_histories() {
  for (const std::string& user : kUsers) {
    const std::unique_ptr<ImClient> client = enter(user, user + "-ios", "ios");
    const json synced = client->done("sync", {{"ver", 0}});
    std::int64_t total = 0;
    chats_.check_histories(user, *client, synced, total);
    groups_.check_histories(user, *client, synced, total);
    CHECK(synced.value("unread_total", std::int64_t{0}) == total);
  }
  chats_.check_all_seen();
}

}  // namespace nightpost::e2e::checker
