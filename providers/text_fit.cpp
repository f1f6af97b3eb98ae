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
  UErrorCode status = U_ZERO_ERROR;
  UText storage = UTEXT_INITIALIZER;
  const Handle<UText, utext_close> source(
      utext_openUTF8(&storage, text.data(), static_cast<std::int64_t>(text.size()), &status));
  UBreakIterator* const boundaries = cluster_iterator();
  if (boundaries == nullptr || U_FAILURE(status)) return {};
  ubrk_setUText(boundaries, source.get(), &status);
  if (U_FAILURE(status)) return {};

  Prefix prefix;
  std::string scratch;
  for (std::size_t used = 0; prefix.clusters < clusters_max; ++prefix.clusters) {
    const std::int32_t end = ubrk_next(boundaries);
    if (end == UBRK_DONE) break;
    scratch.clear();
    append_json_escaped(scratch, text.substr(prefix.bytes, static_cast<std::size_t>(end) - prefix.bytes));
    used += scratch.size();
    if (used > escaped_max) break;
    prefix.bytes = static_cast<std::size_t>(end);
  }
  return prefix;
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
  // A cluster has at least one unit, so more than this many clusters cannot fit; then whole clusters are given back.
  Prefix kept = longest_prefix(text, std::numeric_limits<std::size_t>::max(), units_max - 1);
  while (kept.clusters > 0 && utf16_size(text.substr(0, kept.bytes)) > units_max - 1)
    kept = longest_prefix(text, std::numeric_limits<std::size_t>::max(), kept.clusters - 1);
  if (kept.clusters == 0) return {};
  return std::string(text.substr(0, kept.bytes)).append(kEllipsis);
}

}  // namespace nightpost
