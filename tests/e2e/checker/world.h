// Many clients at random, and what becomes of the servers meanwhile; then everything is compared with the model.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "e2e/checker/chats.h"
#include "e2e/checker/device.h"
#include "e2e/checker/dice.h"
#include "e2e/checker/ground.h"
#include "e2e/checker/groups.h"

namespace nightpost::e2e::checker {

struct WorldOptions {
  std::uint64_t seed = 1;
  std::size_t nodes = 1;
  bool kills = true;  // without: nothing may come twice
};

class World {
 public:
  explicit World(WorldOptions options);
  void run(std::uint64_t steps);
  void check();

 private:
  void connect(Device& device);
  void sync(Device& device);
  void look(Device& device);
  void wish(Device& device);
  /// All at once ask what they want most; that is how rights race.
  void ask_all(bool one_dies = false);
  void disturb();
  void end_disturbances();
  std::uint16_t some_port();
  /// Null: nobody is there, or is busy.
  std::unique_ptr<ImClient> try_enter(const std::string& user, const std::string& device, const std::string& platform);
  std::unique_ptr<ImClient> enter(const std::string& user, const std::string& device, const std::string& platform);
  bool witness_sees();
  /// Until all is answered, and the heads behind it are seen.
  void answer_all();
  /// A device of each user goes for good; then all others speak, so pushes are due.
  void send_to_the_absent();
  void check_histories();

  const WorldOptions options_;
  Dice dice_{options_.seed};
  std::unique_ptr<Ground> ground_ = make_ground(options_.nodes);
  std::deque<Device> devices_;
  Chats chats_{dice_, devices_};
  Groups groups_{dice_, devices_, "wit"};
  std::unique_ptr<ImClient> witness_;
  std::uint64_t without_redis_ = 0;  // steps until it is back
};

}  // namespace nightpost::e2e::checker
