// What a device runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace nightpost {

/// Web and mini programs never receive a push.
enum class Platform : std::uint8_t { Ios, Android, Web, MiniProgram, Desktop };
std::string_view name_of(Platform platform) noexcept;  // "ios", "android", "web", "mini_program", "desktop"
std::optional<Platform> platform_from(std::string_view name) noexcept;

}  // namespace nightpost
