#include "providers/text_fit.h"

#include <unicode/ubrk.h>
#include <unicode/utext.h>

#include <algorithm>
#include <cstdint>

#include "core/c_handle.h"
#include "core/text.h"

namespace nightpost {
namespace {

constexpr std::string_view kEllipsis = "…";

/// The thread's own iterator: opening one costs far more than a walk, and ICU's are not to be shared. Null where ICU
/// has no break rules (its data is missing); then no boundary is known and nothing can be cut.
UBreakIterator* cluster_iterator() {
  thread_local const Handle<UBreakIterator, ubrk_close> iterator = [] {
    UErrorCode status = U_ZERO_ERROR;
    return Handle<UBreakIterator, ubrk_close>(ubrk_open(UBRK_CHARACTER, "", nullptr, 0, &status));
  }();
  return iterator.get();
}

/// Bytes of the whole code points among the first `bytes_max` of `text`, which has more.
std::size_t whole_code_points(std::string_view text, std::size_t bytes_max) noexcept {
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0U) == 0x80) --bytes_max;
  return bytes_max;
}

/// The longest prefix of at most `clusters_max` clusters whose sizes add up to at most `size_max`.
template <class SizeOf>
Prefix walked(std::string_view text, std::size_t size_max, std::size_t clusters_max, SizeOf size_of) {
  UErrorCode status = U_ZERO_ERROR;
  UText storage = UTEXT_INITIALIZER;
  const Handle<UText, utext_close> source(
      utext_openUTF8(&storage, text.data(), static_cast<std::int64_t>(text.size()), &status));
  UBreakIterator* const boundaries = cluster_iterator();
  if (boundaries == nullptr || U_FAILURE(status)) return {};
  ubrk_setUText(boundaries, source.get(), &status);
  if (U_FAILURE(status)) return {};

  Prefix prefix;
  std::size_t boundary = 0;  // of the cluster that the walk is in or behind
  for (std::size_t used = 0; prefix.clusters < clusters_max; ++prefix.clusters) {
    if (prefix.bytes == boundary) {
      const std::int32_t next = ubrk_next(boundaries);
      if (next == UBRK_DONE) break;
      boundary = static_cast<std::size_t>(next);
    }
    std::size_t end = boundary;
    if (end - prefix.bytes > kClusterBytesMax)
      end = prefix.bytes + whole_code_points(text.substr(prefix.bytes), kClusterBytesMax);
    used += size_of(text.substr(prefix.bytes, end - prefix.bytes));
    if (used > size_max) break;
    prefix.bytes = end;
  }
  return prefix;
}

}  // namespace

std::size_t json_escaped_size(std::string_view text) {
  std::string scratch;  // measured by doing it, so that it cannot disagree with what is sent
  scratch.reserve(text.size() + text.size() / 8);
  append_json_escaped(scratch, text);
  return scratch.size();
}

// A walk, not a search: sizes of whole clusters add up, so the first one too many is the answer, and the walk costs
// what is kept rather than what came in.
Prefix longest_prefix(std::string_view text, std::size_t escaped_max, std::size_t clusters_max) {
  std::string scratch;
  return walked(text, escaped_max, clusters_max, [&](std::string_view cluster) {
    scratch.clear();
    append_json_escaped(scratch, cluster);
    return scratch.size();
  });
}

std::optional<std::string> fitted(std::string_view text, std::size_t escaped_max, std::size_t clusters_min) {
  // Escaping never makes text shorter, so what is longer already needs no measuring.
  if (text.size() <= escaped_max && json_escaped_size(text) <= escaped_max) return std::string(text);
  if (escaped_max < kEllipsis.size()) return std::nullopt;
  const Prefix kept = longest_prefix(text, escaped_max - kEllipsis.size());
  if (kept.clusters < std::max<std::size_t>(clusters_min, 1)) return std::nullopt;
  return std::string(text.substr(0, kept.bytes)).append(kEllipsis);
}

std::string shortened(std::string_view text, std::size_t clusters) {
  const Prefix kept = longest_prefix(text, std::numeric_limits<std::size_t>::max(), clusters);
  std::string out(text.substr(0, kept.bytes));
  if (kept.bytes < text.size()) out += kEllipsis;
  return out;
}

std::size_t utf16_size(std::string_view text) noexcept {
  std::size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    units += (byte & 0xc0U) == 0x80 ? 0 : (byte >= 0xf0 ? 2 : 1);  // four bytes are a surrogate pair
  }
  return units;
}

std::string fitted_utf16(std::string_view text, std::size_t units_max) {
  if (text.size() <= units_max || utf16_size(text) <= units_max) return std::string(text);
  const Prefix kept = walked(text, units_max - 1, std::numeric_limits<std::size_t>::max(),
                             [](std::string_view cluster) { return utf16_size(cluster); });
  std::size_t bytes = kept.bytes;
  if (bytes == 0) {
    // One character of more units than there are: its first code points are more than nothing.
    for (std::size_t units = 0, end = 0; end < text.size(); bytes = end) {
      do ++end;
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80);
      units += utf16_size(text.substr(bytes, end - bytes));
      if (units > units_max - 1) break;
    }
  }
  return bytes == 0 ? std::string() : std::string(text.substr(0, bytes)).append(kEllipsis);
}

}  // namespace nightpost
