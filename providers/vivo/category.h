// What a message is about decides how vivo counts and when it shows it.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/time.h"
#include "providers/vivo/limits.h"

namespace nightpost::vivo {

enum class Classification : std::uint8_t { Operation = 0, System = 1 };  // the values on the wire

struct Category {
  std::string_view name;
  Classification classification;  // another one earns 10097
};
inline constexpr std::array kCategories = {
    Category{"IM", Classification::System},           Category{"ACCOUNT", Classification::System},
    Category{"TODO", Classification::System},         Category{"DEVICE_REMINDER", Classification::System},
    Category{"ORDER", Classification::System},        Category{"SUBSCRIPTION", Classification::System},
    Category{"NEWS", Classification::Operation},      Category{"CONTENT", Classification::Operation},
    Category{"MARKETING", Classification::Operation}, Category{"SOCIAL", Classification::Operation},
};

/// Null: vivo knows no such category (10096).
constexpr const Category* category_of(std::string_view name) noexcept {
  const auto found = std::ranges::find(kCategories, name, &Category::name);
  return found == kCategories.end() ? nullptr : &*found;
}

/// When operation messages are taken again: 07:00 at UTC+8. nullopt: they are taken now (until 23:00).
constexpr std::optional<WallTime> operation_opens(WallTime now) noexcept {
  constexpr std::chrono::hours kChina{8};
  const auto there = now + kChina;
  const auto day = std::chrono::floor<std::chrono::days>(there);
  if (there - day < kOpens) return day + kOpens - kChina;
  if (there - day >= kCloses) return day + std::chrono::days(1) + kOpens - kChina;
  return std::nullopt;
}

}  // namespace nightpost::vivo
