// What a caller of the admin API may do: each role may do all that stands before it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace nightpost::admin {

enum class Role : std::uint8_t { Viewer, Sender, Operator, Admin };

inline constexpr std::array<std::string_view, 4> kRoleNames = {"viewer", "sender", "operator", "admin"};

constexpr std::string_view name_of(Role role) noexcept { return kRoleNames[std::size_t(role)]; }
constexpr std::optional<Role> role_from(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kRoleNames.size(); ++i)
    if (kRoleNames[i] == name) return Role(i);
  return std::nullopt;
}

}  // namespace nightpost::admin
