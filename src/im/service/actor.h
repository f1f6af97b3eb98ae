// On whose behalf a command runs.
#pragma once

#include <optional>
#include <string>

#include "im/service/service.h"

namespace nightpost::im {

/// On whose behalf a command runs: a device that is logged in, or the app's server, which has every right.
struct Actor {
  UserKey user;  // of the app's server: for whom it acts; an empty name: for the app itself
  std::optional<Terminal> terminal;
  ConvId live{};  // the live room that the user was in when he asked; 0: none
  bool admin() const { return !terminal; }
};
inline Actor actor_of(const Terminal& who) { return {who.user, who}; }
/// The device that asks, which is told by the answer; empty: the app's server.
inline std::string device_of(const Actor& who) { return who.terminal ? who.terminal->device : std::string(); }

}  // namespace nightpost::im
