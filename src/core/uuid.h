// Names derived from content, so that a repeat after a crash carries the same ones.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace nightpost {

/// 128 bits of the parts, length-delimited ("ab","c" differs from "a","bc"). Stable across versions and machines; not
/// cryptographic (two rounds of a 64-bit mixer with different seeds).
struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};
Hash128 hash128(std::initializer_list<std::string_view> parts) noexcept;

/// Canonical lower-case UUID (RFC 9562 version 8: custom) of the hash of the parts.
std::string uuid_of(std::initializer_list<std::string_view> parts);
/// 32 hex digits of the hash of the parts.
std::string hex_of(std::initializer_list<std::string_view> parts);

}  // namespace nightpost
