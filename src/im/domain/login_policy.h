// Which logins of a user stand beside each other. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/platform.h"
#include "im/domain/ids.h"

namespace nightpost::im {

enum class TerminalState : std::uint8_t { LoggedIn, Displaced, LoggedOut };
std::string_view name_of(TerminalState state) noexcept;  // "logged_in", "displaced", "logged_out"
std::optional<TerminalState> terminal_state_from(std::string_view name) noexcept;

/// One slot each for iOS, Android and desktop; browsers and mini programs share a number of slots.
struct LoginPolicy {
  std::size_t web_slots = 1;
  std::size_t terminals_kept = 20;  // a user's; ended ones beyond it are forgotten, the oldest login first
};

struct KnownTerminal {
  std::string device;
  Platform platform = Platform::Ios;
  TerminalState state = TerminalState::LoggedIn;
  Epoch epoch;  // of its last login: a later login has a greater one
};

struct LoginPlan {
  /// This device was displaced: the login is refused once, which takes the state from it. Nothing else happens.
  bool refused = false;
  bool replaces = false;               // the same device's earlier login, which ends
  std::vector<std::size_t> displaces;  // places in `known`
  std::vector<std::size_t> forgets;    // likewise; none of them is logged in
};
/// `known`: all terminals of the user, in any order, a device once.
LoginPlan plan_login(std::span<const KnownTerminal> known, std::string_view device, Platform platform, bool force,
                     const LoginPolicy& policy);

}  // namespace nightpost::im
