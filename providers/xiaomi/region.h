// Xiaomi's hosts: a registration id exists in its own region only (spec §2.1).
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace nightpost::xiaomi {

struct Region {
  std::string_view name;
  std::string_view host;
};

inline constexpr std::array kRegions = {
    Region{"china", "https://api.xmpush.xiaomi.com"},
    Region{"india", "https://idmb-api.xmpush.global.xiaomi.com"},
    Region{"europe", "https://fr-api.xmpush.global.xiaomi.com"},  // EEA and UK
    Region{"russia", "https://ru-api.xmpush.global.xiaomi.com"},
    Region{"global", "https://sgp-api.xmpush.global.xiaomi.com"},  // all others
};

/// Of a region's name; empty means china. nullopt: no such region.
constexpr std::optional<std::string_view> host_of(std::string_view region) noexcept {
  const auto* const found = std::ranges::find(kRegions, region.empty() ? kRegions.front().name : region, &Region::name);
  if (found == kRegions.end()) return std::nullopt;
  return found->host;
}

}  // namespace nightpost::xiaomi
