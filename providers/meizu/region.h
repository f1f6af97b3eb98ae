// Meizu's hosts (spec §5.1).
#pragma once

#include <optional>
#include <string_view>

namespace nightpost::meizu {

/// Of a region's name; empty means china. nullopt: no such region.
constexpr std::optional<std::string_view> host_of(std::string_view region) noexcept {
  if (region.empty() || region == "china") return "https://server-api-push.meizu.com";
  if (region == "overseas") return "https://server-api-push.in.meizu.com";
  return std::nullopt;
}

}  // namespace nightpost::meizu
