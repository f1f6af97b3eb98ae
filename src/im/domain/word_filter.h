// The words that an app does not want said, and where a text holds one. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "im/domain/codes.h"
#include "im/domain/folded_text.h"

namespace nightpost::im {

/// Refuse: what holds it is not sent. Mask: each of its characters becomes "*". Mark: it passes, and the app's server
/// is told that it did. Of two that hold for one text the first here does.
enum class WordAction : std::uint8_t { Refuse, Mask, Mark };
std::string_view name_of(WordAction action) noexcept;  // "refuse", "mask", "mark"
std::optional<WordAction> word_action_from(std::string_view name) noexcept;

inline constexpr std::size_t kWordBytesMax = 64;

struct Word {
  std::string text;
  WordAction action = WordAction::Refuse;
  bool operator==(const Word&) const = default;
};

/// Malformed: empty, too long, no UTF-8, a control character, or nothing in it but what WordSpacing::Ignore leaves out.
Answer<void> check_word(std::string_view text);
/// What two spellings of one word have in common. REQUIRED: check_word().
std::string word_key(std::string_view text);

/// A list of words, a line each: WORD or WORD<tab>ACTION; without an action it is `action`. Empty lines and those that
/// begin with '#' are passed over. Malformed: `why` begins with the line's number.
Answer<std::vector<Word>> word_list_from(std::string_view text, WordAction action);

struct WordVerdict {
  bool refused = false;
  std::optional<std::string> masked;  // the text with its masked words; absent: it holds none
  bool marked = false;
};

/// An Aho-Corasick automaton over folded text: one pass, whatever the number of words. Immutable, for any thread; some
/// 12 bytes for each byte of its words that no other word begins with.
class WordFilter {
 public:
  /// Words that check_word() refuses are passed over. Of those with one key the first action counts.
  WordFilter(std::span<const Word> words, WordSpacing spacing);
  WordVerdict judge(std::string_view utf8) const;
  std::size_t words() const noexcept { return words_; }

 private:
  // Nodes stand in the order of their depth, so the children of one stand together, by their bytes. 0 is the root.
  using Node = std::uint32_t;
  Node child(Node node, std::uint8_t byte) const noexcept;  // 0: none
  Node next(Node node, std::uint8_t byte) const noexcept;
  void build(const std::vector<std::pair<std::string, WordAction>>& sorted);

  WordSpacing spacing_;
  std::size_t words_ = 0;
  std::vector<std::uint8_t> byte_;     // that leads to the node
  std::vector<Node> first_;            // of its children; they end where the next one's begin
  std::vector<Node> fallback_;         // the longest proper suffix that is a node
  std::vector<std::uint16_t> masks_;   // bytes of the longest word that ends here and is masked; 0: none
  std::vector<std::uint8_t> refuses_;  // whether one ends here that is refused
  std::vector<std::uint8_t> marks_;    // likewise, marked
  std::array<Node, 256> from_root_{};
};

}  // namespace nightpost::im
