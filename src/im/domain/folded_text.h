// Text in the form in which words are sought in it, so that a change of case or width, or a character that does not
// show, hides none. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nightpost::im {

/// Whether blanks and punctuation between a word's characters count. Ignore finds "b.a d" where "bad" is sought, and
/// also "grab ad".
enum class WordSpacing : std::uint8_t { Keep, Ignore };

/// Byte i was made of the bytes [from[i], to[i]) of the original.
struct FoldedText {
  std::string bytes;
  std::vector<std::uint32_t> from, to;
};

/// Unicode's NFKC_Casefold: case, full and half width and other forms of a character are one; what does not show
/// (zero-width characters, variation selectors, marks of direction, soft hyphens) is left out. With Ignore, so are
/// blanks, controls, punctuation, mathematical and currency signs, and strokes that are laid over letters. Linear in
/// the length. REQUIRED: valid UTF-8.
FoldedText folded(std::string_view utf8, WordSpacing spacing);

}  // namespace nightpost::im
