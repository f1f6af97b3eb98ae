#include "im/domain/login_policy.h"

#include <algorithm>
#include <array>

namespace nightpost::im {
namespace {

constexpr std::array<std::string_view, 3> kStates = {"logged_in", "displaced", "logged_out"};

bool in_browser(Platform platform) noexcept { return platform == Platform::Web || platform == Platform::MiniProgram; }

bool same_slot(Platform one, Platform other) noexcept { return one == other || (in_browser(one) && in_browser(other)); }

}  // namespace

std::string_view name_of(TerminalState state) noexcept { return kStates[static_cast<std::size_t>(state)]; }

std::optional<TerminalState> terminal_state_from(std::string_view name) noexcept {
  const auto found = std::ranges::find(kStates, name);
  if (found == kStates.end()) return std::nullopt;
  return static_cast<TerminalState>(found - kStates.begin());
}

LoginPlan plan_login(std::span<const KnownTerminal> known, std::string_view device, Platform platform, bool force,
                     const LoginPolicy& policy) {
  LoginPlan plan;
  std::vector<std::size_t> beside;  // logged in, in the same slot
  std::vector<std::size_t> ended;
  bool is_known = false;
  for (std::size_t i = 0; i < known.size(); ++i) {
    const KnownTerminal& each = known[i];
    if (each.device == device) {
      is_known = true;
      if (each.state == TerminalState::Displaced && !force) return {.refused = true};
      plan.replaces = each.state == TerminalState::LoggedIn;
    } else if (each.state != TerminalState::LoggedIn) {
      ended.push_back(i);
    } else if (same_slot(each.platform, platform)) {
      beside.push_back(i);
    }
  }
  const auto older = [&](std::size_t one, std::size_t other) { return known[one].epoch < known[other].epoch; };
  const std::size_t slots = in_browser(platform) ? std::max<std::size_t>(policy.web_slots, 1) : 1;
  if (beside.size() >= slots) {
    std::ranges::sort(beside, older);
    beside.resize(beside.size() - (slots - 1));
    plan.displaces = std::move(beside);
  }
  const std::size_t after = known.size() + (is_known ? 0 : 1);
  if (after > policy.terminals_kept) {
    std::ranges::sort(ended, older);
    ended.resize(std::min(ended.size(), after - policy.terminals_kept));
    plan.forgets = std::move(ended);
  }
  return plan;
}

}  // namespace nightpost::im
