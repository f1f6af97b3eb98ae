#include "im/domain/word_filter.h"

#include <algorithm>
#include <utility>

#include "core/text.h"

namespace nightpost::im {
namespace {

using KeyedWord = std::pair<std::string, WordAction>;

/// Of those with one key the first in the order of actions stays.
std::vector<KeyedWord> sorted_words(std::span<const Word> words, WordSpacing spacing) {
  std::vector<KeyedWord> out;
  for (const Word& word : words)
    if (check_word(word.text)) out.emplace_back(folded(word.text, spacing).bytes, word.action);
  std::ranges::sort(out);
  const auto twice = std::ranges::unique(out, {}, &KeyedWord::first);
  out.erase(twice.begin(), twice.end());
  return out;
}

struct WordRange {
  std::size_t from = 0, to = 0;
};

/// In order of their ends; those that touch or overlap become one.
void add_range(std::vector<WordRange>& ranges, WordRange range) {
  while (!ranges.empty() && ranges.back().to >= range.from) {
    range.from = std::min(range.from, ranges.back().from);
    ranges.pop_back();
  }
  ranges.push_back(range);
}

std::string masked_in(std::string_view text, const std::vector<WordRange>& ranges) {
  std::string out;
  std::size_t at = 0;
  for (const WordRange& range : ranges) {
    out += text.substr(at, range.from - at);
    for (const char c : text.substr(range.from, range.to - range.from))
      if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) out += '*';
    at = range.to;
  }
  return out.append(text.substr(at));
}

}  // namespace

std::string_view name_of(WordAction action) noexcept {
  switch (action) {
    case WordAction::Mask:
      return "mask";
    case WordAction::Mark:
      return "mark";
    case WordAction::Refuse:
      break;
  }
  return "refuse";
}

std::optional<WordAction> word_action_from(std::string_view name) noexcept {
  for (const WordAction action : {WordAction::Refuse, WordAction::Mask, WordAction::Mark})
    if (name == name_of(action)) return action;
  return std::nullopt;
}

Answer<void> check_word(std::string_view text) {
  if (text.empty() || text.size() > kWordBytesMax)
    return refuse(Code::Malformed, "word: not 1-" + std::to_string(kWordBytesMax) + " bytes");
  if (!is_valid_utf8(text)) return refuse(Code::Malformed, "word: not UTF-8");
  if (has_control(text)) return refuse(Code::Malformed, "word: has a control character");
  if (folded(text, WordSpacing::Ignore).bytes.empty())
    return refuse(Code::Malformed, "word: nothing but blanks, punctuation or what does not show");
  return {};
}

std::string word_key(std::string_view text) { return folded(text, WordSpacing::Keep).bytes; }

Answer<std::vector<Word>> word_list_from(std::string_view text, WordAction action) {
  std::vector<Word> out;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t tab = line.find('\t');
    Word word{std::string(trimmed(line.substr(0, tab))), action};
    const auto wrong = [&](std::string_view why) {
      return refuse(Code::Malformed, "line " + std::to_string(number) + ": " + std::string(why));
    };
    if (tab != line.npos) {
      const auto named = word_action_from(trimmed(line.substr(tab + 1)));
      if (!named) return wrong("action: none of refuse, mask, mark");
      word.action = *named;
    }
    if (const auto ok = check_word(word.text); !ok) return wrong(ok.error().why);
    out.push_back(std::move(word));
  }
  return out;
}

WordFilter::WordFilter(std::span<const Word> words, WordSpacing spacing) : spacing_(spacing) {
  const std::vector<KeyedWord> sorted = sorted_words(words, spacing);
  words_ = sorted.size();
  build(sorted);
}

void WordFilter::build(const std::vector<KeyedWord>& sorted) {
  // The words that a node is a beginning of stand together.
  struct Open {
    std::size_t from = 0, to = 0, depth = 0;
  };
  std::vector<Open> opens = {{0, sorted.size(), 0}};
  byte_ = {0};
  fallback_ = {0};
  masks_ = {0};
  refuses_ = {0};
  marks_ = {0};
  for (Node node = 0; node < opens.size(); ++node) {
    first_.push_back(static_cast<Node>(opens.size()));
    auto [from, to, depth] = opens[node];
    if (depth > 0 && sorted[from].first.size() == depth) {
      const WordAction action = sorted[from].second;
      refuses_[node] = action == WordAction::Refuse ? 1 : 0;
      marks_[node] = action == WordAction::Mark ? 1 : 0;
      if (action == WordAction::Mask) masks_[node] = static_cast<std::uint16_t>(depth);
      ++from;
    }
    while (from < to) {
      const char byte = sorted[from].first[depth];
      std::size_t end = from;
      while (end < to && sorted[end].first[depth] == byte) ++end;
      byte_.push_back(static_cast<std::uint8_t>(byte));
      if (node == 0) from_root_[static_cast<std::uint8_t>(byte)] = static_cast<Node>(opens.size());
      opens.push_back({from, end, depth + 1});
      fallback_.push_back(0);
      masks_.push_back(0);
      refuses_.push_back(0);
      marks_.push_back(0);
      from = end;
    }
  }
  first_.push_back(static_cast<Node>(opens.size()));
  // Parents come first, and what a node falls back to is less deep.
  for (Node parent = 0; parent < opens.size(); ++parent)
    for (Node node = first_[parent]; node < first_[parent + 1]; ++node) {
      if (parent != 0) fallback_[node] = next(fallback_[parent], byte_[node]);
      const Node shorter = fallback_[node];
      refuses_[node] |= refuses_[shorter];
      marks_[node] |= marks_[shorter];
      if (masks_[node] == 0) masks_[node] = masks_[shorter];
    }
}

WordFilter::Node WordFilter::child(Node node, std::uint8_t byte) const noexcept {
  if (node == 0) return from_root_[byte];
  const auto begin = byte_.begin() + first_[node], end = byte_.begin() + first_[node + 1];
  const auto found = std::lower_bound(begin, end, byte);
  return found != end && *found == byte ? static_cast<Node>(found - byte_.begin()) : 0;
}

WordFilter::Node WordFilter::next(Node node, std::uint8_t byte) const noexcept {
  for (;; node = fallback_[node]) {
    if (const Node found = child(node, byte); found != 0 || node == 0) return found;
  }
}

WordVerdict WordFilter::judge(std::string_view utf8) const {
  if (words_ == 0) return {};
  const FoldedText text = folded(utf8, spacing_);
  std::vector<WordRange> ranges;
  Node node = 0;
  bool marked = false;
  for (std::size_t i = 0; i < text.bytes.size(); ++i) {
    node = next(node, static_cast<std::uint8_t>(text.bytes[i]));
    if (refuses_[node] != 0) return {.refused = true, .masked = std::nullopt};
    marked = marked || marks_[node] != 0;
    if (masks_[node] != 0) add_range(ranges, {text.from[i + 1 - masks_[node]], text.to[i]});
  }
  if (ranges.empty()) return {.refused = false, .masked = std::nullopt, .marked = marked};
  return {.refused = false, .masked = masked_in(utf8, ranges), .marked = marked};
}

}  // namespace nightpost::im
