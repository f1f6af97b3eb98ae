#include "core/traceparent.h"

#include <algorithm>

namespace nightpost {
namespace {

constexpr std::size_t kVersion00Bytes = 55;  // "00-" trace id "-" parent id "-" flags

bool is_hex(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_zero(std::string_view text) noexcept { return text.find_first_not_of('0') == std::string_view::npos; }

}  // namespace

bool is_traceparent(std::string_view text) noexcept {
  if (text.size() < kVersion00Bytes || text.size() > kTraceparentBytesMax) return false;
  const std::string_view version = text.substr(0, 2), trace = text.substr(3, 32), parent = text.substr(36, 16),
                         flags = text.substr(53, 2);
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  if (!is_hex(version) || !is_hex(trace) || !is_hex(parent) || !is_hex(flags)) return false;
  if (version == "ff" || is_zero(trace) || is_zero(parent)) return false;
  if (text.size() == kVersion00Bytes) return true;
  // What a later version adds stands behind another dash; it is carried on, so it must be plain.
  return version != "00" && text[kVersion00Bytes] == '-' &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace nightpost
