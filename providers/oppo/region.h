// Where a registration id lives, and which host serves it.
#pragma once

#include <cstdint>
#include <string_view>

namespace nightpost::oppo {

enum class Region : std::uint8_t { China, Overseas };

/// By the parts of the id between '_', as OPPO's own SDK decides: "…", "CN_…" and "realme_CN_…" are China's.
constexpr Region region_of(std::string_view registration_id) noexcept {
  const std::size_t first = registration_id.find('_');
  if (first == std::string_view::npos) return Region::China;
  const std::size_t second = registration_id.find('_', first + 1);
  if (second == std::string_view::npos)
    return registration_id.substr(0, first) == "CN" ? Region::China : Region::Overseas;
  const bool three = registration_id.find('_', second + 1) == std::string_view::npos;
  return three && registration_id.substr(first + 1, second - first - 1) == "CN" ? Region::China : Region::Overseas;
}

/// The setting "region": "cn" or nothing, "intl".
constexpr Region region_from(std::string_view setting) noexcept {
  return setting == "intl" ? Region::Overseas : Region::China;
}

constexpr std::string_view own_origin(Region region) noexcept {
  return region == Region::China ? "https://api.push.oppomobile.com" : "https://api-intl.push.oppomobile.com";
}

}  // namespace nightpost::oppo
