#include "core/uuid.h"

#include <bit>
#include <cstddef>
#include <cstring>

namespace nightpost {
namespace {

// splitmix64's finalizer (Steele, Lea, Flood 2014): every input bit reaches every output bit.
constexpr std::uint64_t mixed(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// Little-endian on every machine, so that names are the same everywhere.
std::uint64_t word_at(const char* bytes, std::size_t count) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, count);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

void append_hex(char* out, std::uint64_t value, int digits) noexcept {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int i = digits - 1; i >= 0; --i, value >>= 4) out[i] = kDigits[value & 15];
}

}  // namespace

Hash128 hash128(std::initializer_list<std::string_view> parts) noexcept {
  std::uint64_t a = 0x9e3779b97f4a7c15ULL;
  std::uint64_t b = 0xc2b2ae3d27d4eb4fULL;
  const auto absorb = [&](std::uint64_t word) {
    a = mixed(a ^ word) + 0x9e3779b97f4a7c15ULL;
    b = mixed(b + word) ^ std::rotl(a, 23);
  };
  for (const std::string_view part : parts) {
    std::size_t at = 0;
    for (; at + 8 <= part.size(); at += 8) absorb(word_at(part.data() + at, 8));
    if (at < part.size()) absorb(word_at(part.data() + at, part.size() - at));
    absorb(part.size() ^ 0xff51afd7ed558ccdULL);  // delimits: "ab","c" is not "a","bc"
  }
  return {mixed(a + b), mixed(b ^ std::rotl(a, 31))};
}

std::string uuid_of(std::initializer_list<std::string_view> parts) {
  Hash128 hash = hash128(parts);
  hash.high = (hash.high & ~0xf000ULL) | 0x8000ULL;                       // version 8
  hash.low = (hash.low & 0x3fffffffffffffffULL) | 0x8000000000000000ULL;  // variant 10
  std::string text(36, '-');
  append_hex(text.data(), hash.high >> 32, 8);
  append_hex(text.data() + 9, hash.high >> 16, 4);
  append_hex(text.data() + 14, hash.high, 4);
  append_hex(text.data() + 19, hash.low >> 48, 4);
  append_hex(text.data() + 24, hash.low, 12);
  return text;
}

std::string hex_of(std::initializer_list<std::string_view> parts) {
  const Hash128 hash = hash128(parts);
  std::string text(32, '0');
  append_hex(text.data(), hash.high, 16);
  append_hex(text.data() + 16, hash.low, 16);
  return text;
}

}  // namespace nightpost
