// The number by which Android's shade tells notifications apart: equal for every attempt of one message, so that a
// repeat replaces what it repeats.
#pragma once

#include <cstdint>
#include <string_view>

namespace nightpost {

/// FNV-1a of the collapse id, 31 bits, never 0 (spec §5 "hash31").
constexpr std::int32_t notify_id(std::string_view collapse_id) noexcept {
  std::uint32_t hash = 2166136261U;
  for (const char c : collapse_id) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  hash &= 0x7fffffffU;
  return hash == 0 ? 1 : static_cast<std::int32_t>(hash);
}

}  // namespace nightpost
