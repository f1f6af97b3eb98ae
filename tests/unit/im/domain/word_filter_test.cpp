#include "im/domain/word_filter.h"

#include <catch2/catch.hpp>
#include <random>

#include "core/text.h"

namespace nightpost::im {
namespace {

/// "refused", or the text as it goes on.
std::string after(const WordFilter& filter, std::string_view text) {
  const WordVerdict verdict = filter.judge(text);
  return verdict.refused ? "refused" : verdict.masked.value_or(std::string(text));
}

std::vector<Word> masked_words(std::initializer_list<const char*> words) {
  std::vector<Word> out;
  for (const char* const word : words) out.push_back({word, WordAction::Mask});
  return out;
}

TEST_CASE("words: what is found and what is not", "[im][domain][words]") {
  struct Row {
    const char* name;
    const char* word;
    const char* text;
    const char* want;  // with spacing kept
    const char* want_ignored;
  };
  const Row row = GENERATE(values<Row>({
      {"itself", "bad", "bad", "***", "***"},
      {"not there", "bad", "good", "good", "good"},
      {"a beginning alone", "bad", "ba", "ba", "ba"},
      {"inside another", "bad", "abadb", "a***b", "a***b"},
      {"twice", "bad", "bad bad", "*** ***", "*** ***"},
      {"case", "BaD", "bAd", "***", "***"},
      {"case of one beyond ASCII", "ÄRGER", "ärger", "*****", "*****"},
      {"sharp s is ss", "STRASSE", "straße", "******", "******"},
      {"full width", "bad", "ＢＡＤ", "***", "***"},
      {"half width katakana", "ガス", "ｶﾞｽ", "***", "***"},
      {"composed, sought decomposed", "e\u0301t\u0301e\u0301", "ét\u0301é", "****", "****"},
      {"an accent is no trick", "ete", "été", "été", "été"},
      {"Chinese", "坏词", "这是坏词吗", "这是**吗", "这是**吗"},
      {"a character too few", "坏词汇", "这是坏词吗", "这是坏词吗", "这是坏词吗"},
      {"zero width between", "bad", "b\u200ba\u200dd", "*****", "*****"},
      {"a byte order mark, a soft hyphen", "bad", "b\ufeffa\u00add", "*****", "*****"},
      {"marks of direction", "bad", "\u202eb\u202cad", "\u202e****", "\u202e****"},
      {"a variation selector", "❤坏", "❤\ufe0f坏", "***", "***"},
      {"blanks between", "bad", "b a d", "b a d", "*****"},
      {"punctuation between", "坏词", "坏。，词", "坏。，词", "****"},
      {"an ideographic blank", "坏词", "坏　词", "坏　词", "***"},
      {"strokes laid over letters", "bad", "b\u0336a\u0336d\u0336", "b\u0336a\u0336d\u0336", "*****\u0336"},
      {"a sign of its own between", "bad", "b☆ad", "b☆ad", "b☆ad"},
      {"across two words", "bad", "grab ad", "grab ad", "gra****"},
      {"a word with a blank", "bad word", "a Bad Word", "a ********", "a ********"},
      {"a word with a blank, none in the text", "bad word", "badword", "badword", "*******"},
      {"a ligature hides a letter", "fine", "ﬁne", "***", "***"},
      {"nothing", "bad", "", "", ""},
  }));
  CAPTURE(row.name);
  const std::vector<Word> words = {{row.word, WordAction::Mask}};
  CHECK(after(WordFilter(words, WordSpacing::Keep), row.text) == row.want);
  CHECK(after(WordFilter(words, WordSpacing::Ignore), row.text) == row.want_ignored);
  const std::vector<Word> refused = {{row.word, WordAction::Refuse}};
  CHECK(WordFilter(refused, WordSpacing::Keep).judge(row.text).refused == (std::string(row.text) != row.want));
}

TEST_CASE("words: several that overlap, begin alike or stand in each other", "[im][domain][words]") {
  const WordFilter filter(masked_words({"he", "she", "his", "hers", "ers x"}), WordSpacing::Keep);
  CHECK(filter.words() == 5);
  CHECK(after(filter, "ushers") == "u*****");
  CHECK(after(filter, "ushe his") == "u*** ***");
  CHECK(after(filter, "hers x") == "******");
  CHECK(after(filter, "hi her") == "hi **r");
  const WordFilter chain(masked_words({"aaaa", "aa"}), WordSpacing::Keep);
  CHECK(after(chain, "aaa b a") == "*** b a");
}

TEST_CASE("words: refusing goes before masking, also of a word within", "[im][domain][words]") {
  const std::vector<Word> both = {{"grandbad", WordAction::Mask}, {"bad", WordAction::Refuse}};
  const WordFilter filter(both, WordSpacing::Keep);
  CHECK(after(filter, "grandbad") == "refused");
  CHECK(after(filter, "grandba") == "grandba");
  const std::vector<Word> twice = {{"Bad", WordAction::Mask}, {"BAD", WordAction::Refuse}, {"bad", WordAction::Mask}};
  CHECK(WordFilter(twice, WordSpacing::Keep).words() == 1);
  CHECK(after(WordFilter(twice, WordSpacing::Keep), "bad") == "refused");
}

TEST_CASE("words: none find nothing, and bad ones are passed over", "[im][domain][words]") {
  CHECK(after(WordFilter({}, WordSpacing::Keep), "anything") == "anything");
  const WordFilter filter(masked_words({"", "...", "\xff", "ok"}), WordSpacing::Keep);
  CHECK(filter.words() == 1);
  CHECK(after(filter, "... ok") == "... **");
}

TEST_CASE("words: what may be one", "[im][domain][words]") {
  for (const char* word : {"a", "坏", "7", "bad word", "❤", "c++", "é"}) {
    CAPTURE(word);
    CHECK(check_word(word));
  }
  CHECK(check_word(std::string(64, 'a')));
  for (const std::string& word :
       {std::string(), std::string(65, 'a'), std::string("a\nb"), std::string("a\0b", 3), std::string("\xc3"),
        std::string(" "), std::string("--- !"), std::string("\u200b\u200b"), std::string("＋＝"), std::string("\t")}) {
    CAPTURE(word);
    const auto ok = check_word(word);
    REQUIRE_FALSE(ok);
    CHECK(ok.error().code == Code::Malformed);
    CHECK_THAT(ok.error().why, Catch::StartsWith("word: "));
  }
  CHECK(word_key("ＢＡＤ") == word_key("bad"));
  CHECK(word_key("b ad") != word_key("bad"));
}

TEST_CASE("words: a list is read by lines, and a mistake names its own", "[im][domain][words]") {
  const auto list = word_list_from("# ours\nbad\n\n  worse \tmask\r\n坏词\trefuse\nlast", WordAction::Mask);
  REQUIRE(list);
  CHECK(*list == std::vector<Word>{{"bad", WordAction::Mask},
                                   {"worse", WordAction::Mask},
                                   {"坏词", WordAction::Refuse},
                                   {"last", WordAction::Mask}});
  CHECK(word_list_from("", WordAction::Mask)->empty());
  CHECK(word_list_from("\n#x\n", WordAction::Mask)->empty());
  struct Row {
    const char* text;
    const char* why;
  };
  const Row row = GENERATE(values<Row>({
      {"a\nb\tdrop", "line 2: action: none of refuse, mask, mark"},
      {"a\tmask\tmask", "line 1: action: none of refuse, mask, mark"},
      {"\n\n...", "line 3: word: nothing but"},
      {"\xff", "line 1: word: not UTF-8"},
  }));
  const auto bad = word_list_from(row.text, WordAction::Mask);
  REQUIRE_FALSE(bad);
  CHECK_THAT(bad.error().why, Catch::StartsWith(row.why));
}

TEST_CASE("words: what is marked passes, and is told of", "[im][domain][words]") {
  struct Row {
    const char* name;
    std::vector<Word> words;
    const char* text;
    const char* want;
    bool marked;
  };
  constexpr auto kMark = WordAction::Mark, kMask = WordAction::Mask, kRefuse = WordAction::Refuse;
  const Row row = GENERATE(values<Row>({
      {"itself", {{"odd", kMark}}, "how odd", "how odd", true},
      {"not there", {{"odd", kMark}}, "how od", "how od", false},
      {"a masked word is none", {{"odd", kMask}}, "how odd", "how ***", false},
      {"both in one text", {{"odd", kMark}, {"rude", kMask}}, "odd and rude", "odd and ****", true},
      {"one inside of the other", {{"odd", kMark}, {"oddly", kMask}}, "oddly", "*****", true},
      {"the other way round", {{"oddly", kMark}, {"odd", kMask}}, "oddly", "***ly", true},
      {"refused goes before", {{"odd", kMark}, {"bad", kRefuse}}, "odd and bad", "refused", false},
      {"of one word the mask counts", {{"ODD", kMark}, {"odd", kMask}}, "odd", "***", false},
      {"... and the refusal", {{"odd", kMark}, {"Odd", kRefuse}}, "odd", "refused", false},
  }));
  CAPTURE(row.name);
  const WordFilter filter(row.words, WordSpacing::Keep);
  CHECK(after(filter, row.text) == row.want);
  CHECK(filter.judge(row.text).marked == row.marked);
}

TEST_CASE("words: actions have their names", "[im][domain][words]") {
  for (const WordAction action : {WordAction::Refuse, WordAction::Mask, WordAction::Mark})
    CHECK(word_action_from(name_of(action)) == action);
  CHECK_FALSE(word_action_from("Refuse"));
  CHECK_FALSE(word_action_from(""));
}

/// The plain way: at each place each word.
std::string masked_slowly(const std::vector<std::string>& words, const std::string& text) {
  std::string out = text;
  for (std::size_t at = 0; at < text.size(); ++at)
    for (const std::string& word : words)
      if (text.compare(at, word.size(), word) == 0) out.replace(at, word.size(), word.size(), '*');
  return out;
}

TEST_CASE("words: random words and texts, compared with the plain way", "[im][domain][words]") {
  const unsigned seed = GENERATE(range(1u, 40u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto letters = [&](std::size_t most) {
    std::string out(1 + random() % most, 'a');
    for (char& c : out) c = static_cast<char>('a' + random() % 3);
    return out;
  };
  std::vector<std::string> plain;
  std::vector<Word> words;
  for (unsigned i = 0; i < 1 + seed % 12; ++i) {
    plain.push_back(letters(5));
    words.push_back({plain.back(), WordAction::Mask});
  }
  const WordFilter filter(words, WordSpacing::Keep);
  for (int i = 0; i < 50; ++i) {
    const std::string text = letters(40);
    CAPTURE(text);
    CHECK(after(filter, text) == masked_slowly(plain, text));
  }
}

TEST_CASE("words: what is masked is UTF-8 still, and no longer than before", "[im][domain][words]") {
  const WordFilter filter(masked_words({"a", "\u0301", "坏", "ss", "ｶ"}), WordSpacing::Ignore);
  std::mt19937 random(7);
  const char* const pieces[] = {"a",      "\u0301", "\u0316",     "坏", "ß",  "ﬃ",      "ｶ", "ﾞ",
                                "\u200b", " ",      "\U000e0100", "ﷺ",  "한", "\u1112", "😀"};
  for (int i = 0; i < 300; ++i) {
    std::string text;
    for (unsigned n = random() % 60; n > 0; --n) text += pieces[random() % std::size(pieces)];
    const std::string out = after(filter, text);
    CAPTURE(text, out);
    CHECK(is_valid_utf8(out));
    CHECK(out.size() <= text.size());
  }
}

TEST_CASE("words: a heap of marks costs no square, and hides nothing behind it", "[im][domain][words]") {
  const WordFilter filter(masked_words({"bad"}), WordSpacing::Keep);
  std::string heap;
  for (int i = 0; i < 50'000; ++i) heap += i % 2 == 0 ? "\u0301" : "\u0316";  // each pair out of order
  CHECK(after(filter, "x" + heap + " bad").ends_with(" ***"));
}

}  // namespace
}  // namespace nightpost::im
