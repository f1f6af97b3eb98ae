// Making text fit a vendor's byte limit without breaking a character a reader would see. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace nightpost {

/// Bytes of `text` inside a JSON string (core/text.h append_json_escaped). REQUIRED: valid UTF-8.
std::size_t json_escaped_size(std::string_view text);

/// A prefix of whole extended grapheme clusters (UAX #29): no surrogate pair, combining sequence, emoji family or flag
/// is cut in two. A cluster of more than kClusterBytesMax is no character of any script, and counts as several.
inline constexpr std::size_t kClusterBytesMax = 64;  // the longest emoji family has 45
struct Prefix {
  std::size_t bytes = 0;
  std::size_t clusters = 0;
};

/// The longest one of at most `clusters_max` clusters whose JSON-escaped size is at most `escaped_max`. Walks no
/// further than that. REQUIRED: valid UTF-8.
Prefix longest_prefix(std::string_view text, std::size_t escaped_max,
                      std::size_t clusters_max = std::numeric_limits<std::size_t>::max());

/// `text` whole where it fits into `escaped_max` bytes of JSON, else the longest prefix that does with "…" after it.
/// nullopt: then fewer than `clusters_min` clusters would be left (at least 1). REQUIRED: valid UTF-8.
std::optional<std::string> fitted(std::string_view text, std::size_t escaped_max, std::size_t clusters_min);

/// The first `clusters` clusters with "…" after them, or `text` whole if it has no more than these.
std::string shortened(std::string_view text, std::size_t clusters);

/// UTF-16 code units of `text`, which is what vendors' Java counts as characters. REQUIRED: valid UTF-8.
std::size_t utf16_size(std::string_view text) noexcept;

/// `text` whole where it has at most `units_max` UTF-16 code units, else whole clusters of at most `units_max` - 1 with
/// "…" after them; where not even one fits, what fits of its code points. REQUIRED: valid UTF-8, units_max ≥ 1.
std::string fitted_utf16(std::string_view text, std::size_t units_max);

}  // namespace nightpost
