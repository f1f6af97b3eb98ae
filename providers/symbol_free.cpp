#include "providers/symbol_free.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstddef>
#include <cstdint>

namespace nightpost {
namespace {

bool is_refused(UChar32 c) {
  return c < 0 || u_charType(c) == U_OTHER_SYMBOL || u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC) ||
         u_hasBinaryProperty(c, UCHAR_EMOJI_MODIFIER) || u_hasBinaryProperty(c, UCHAR_REGIONAL_INDICATOR);
}

/// Joiners, variation selectors, keycaps and tags: part of the emoji before them, nothing without it.
bool is_emoji_glue(UChar32 c) {
  return c == 0x200d || c == 0x20e3 || (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0020 && c <= 0xe007f);
}

}  // namespace

std::string symbol_free(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto size = static_cast<std::int32_t>(text.size());
  bool replaced = false;  // the last thing written is the '*' of a run that may go on
  for (std::int32_t i = 0; i < size;) {
    const std::int32_t start = i;
    UChar32 c = 0;
    U8_NEXT(text.data(), i, size, c);
    if (is_emoji_glue(c)) continue;
    if (is_refused(c)) {
      if (!replaced) out += '*';
      replaced = true;
    } else {
      out.append(text, static_cast<std::size_t>(start), static_cast<std::size_t>(i - start));
      replaced = false;
    }
  }
  return out;
}

}  // namespace nightpost
