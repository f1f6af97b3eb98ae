#include "im/domain/message.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace nightpost::im {
namespace {

constexpr std::array<std::string_view, 4> kPriorities = {"high", "normal", "low", "lowest"};  // as the enum

}  // namespace

std::string_view name_of(Priority priority) noexcept { return kPriorities[static_cast<std::size_t>(priority)]; }

std::optional<Priority> priority_from(std::string_view name) noexcept {
  const auto found = std::ranges::find(kPriorities, name);
  if (found == kPriorities.end()) return std::nullopt;
  return static_cast<Priority>(found - kPriorities.begin());
}

}  // namespace nightpost::im
