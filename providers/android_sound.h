// A sound file's name as Android's resource, which is what its vendors mean.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

namespace nightpost {

/// "chime" of "chime.caf", which is APNs' name of it. nullopt: "default", and what no app can have among its resources
/// (".hidden", "a.b.wav", "sub/dir.wav", "Chime.wav"): then the phone's own sound is the best there is.
inline std::optional<std::string_view> android_sound(std::string_view sound) noexcept {
  const std::string_view name = sound.substr(0, sound.rfind('.'));
  const bool resource =
      !name.empty() && name != "default" && (name[0] < '0' || name[0] > '9') &&
      std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
  return resource ? std::optional(name) : std::nullopt;
}

}  // namespace nightpost
