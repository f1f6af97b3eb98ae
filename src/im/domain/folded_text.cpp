#include "im/domain/folded_text.h"

#include <unicode/bytestream.h>
#include <unicode/edits.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstddef>

#include "core/text.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kMarksMax = 30;  // in a row: sorting them costs the square of it (UAX #15, Stream-Safe Text)

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// Where a piece ends that is normalised by itself: at the end of the text, unless marks are heaped on a character.
std::size_t piece_end(std::string_view text, std::size_t begin) {
  const auto size = static_cast<std::int32_t>(text.size());
  std::size_t marks = 0;
  for (auto i = static_cast<std::int32_t>(begin); i < size;) {
    const std::int32_t start = i;
    UChar32 c = 0;
    U8_NEXT(text.data(), i, size, c);
    marks = c >= 0x300 && u_getCombiningClass(c) != 0 ? marks + 1 : 0;
    if (marks > kMarksMax) return static_cast<std::size_t>(start);
  }
  return text.size();
}

void append_same(FoldedText& out, std::size_t from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    out.from.push_back(static_cast<std::uint32_t>(from + i));
    out.to.push_back(static_cast<std::uint32_t>(from + i + 1));
  }
}

void append_piece(FoldedText& out, std::string_view text, std::size_t begin, std::size_t end) {
  const std::string_view piece = text.substr(begin, end - begin);
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* const form = icu::Normalizer2::getNFKCCasefoldInstance(status);
  std::string made;
  icu::StringByteSink<std::string> sink(&made);
  icu::Edits edits;
  if (U_SUCCESS(status))
    form->normalizeUTF8(0, {piece.data(), static_cast<std::int32_t>(piece.size())}, sink, &edits, status);
  if (U_FAILURE(status)) {  // no memory, no data: words are still found as they are written
    out.bytes += piece;
    return append_same(out, begin, piece.size());
  }
  out.bytes += made;
  for (auto step = edits.getFineIterator(); step.next(status);) {
    const auto from = begin + static_cast<std::size_t>(step.sourceIndex());
    const auto old = static_cast<std::size_t>(step.oldLength()), now = static_cast<std::size_t>(step.newLength());
    if (!step.hasChange()) {
      append_same(out, from, old);
      continue;
    }
    out.from.insert(out.from.end(), now, static_cast<std::uint32_t>(from));
    out.to.insert(out.to.end(), now, static_cast<std::uint32_t>(from + old));
  }
}

bool counts_in_words(UChar32 c) {
  constexpr std::uint32_t kPassedOver = U_GC_Z_MASK | U_GC_P_MASK | U_GC_CC_MASK | U_GC_CF_MASK | U_GC_SM_MASK |
                                        U_GC_SC_MASK | U_GC_SK_MASK | U_GC_ME_MASK;
  return (U_GET_GC_MASK(c) & kPassedOver) == 0 && !(c >= 0x300 && c < 0x370);
}

void leave_out_spacing(FoldedText& all) {
  const auto size = static_cast<std::int32_t>(all.bytes.size());
  std::size_t kept = 0;
  for (std::int32_t i = 0; i < size;) {
    const auto start = static_cast<std::size_t>(i);
    UChar32 c = 0;
    U8_NEXT(all.bytes.data(), i, size, c);
    if (!counts_in_words(c)) continue;
    for (std::size_t at = start; at < static_cast<std::size_t>(i); ++at, ++kept) {
      all.bytes[kept] = all.bytes[at];
      all.from[kept] = all.from[at];
      all.to[kept] = all.to[at];
    }
  }
  all.bytes.resize(kept);
  all.from.resize(kept);
  all.to.resize(kept);
}

}  // namespace

FoldedText folded(std::string_view utf8, WordSpacing spacing) {
  FoldedText out;
  out.bytes.reserve(utf8.size());
  out.from.reserve(utf8.size());
  out.to.reserve(utf8.size());
  if (is_ascii(utf8)) {
    out.bytes = ascii_lower(utf8);
    append_same(out, 0, utf8.size());
  } else {
    for (std::size_t begin = 0; begin < utf8.size();) {
      const std::size_t end = piece_end(utf8, begin);
      append_piece(out, utf8, begin, end);
      begin = end;
    }
  }
  if (spacing == WordSpacing::Ignore) leave_out_spacing(out);
  return out;
}

}  // namespace nightpost::im
