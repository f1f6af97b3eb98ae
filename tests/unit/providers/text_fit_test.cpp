#include "providers/text_fit.h"

#include <catch2/catch.hpp>
#include <thread>

using namespace nightpost;

TEST_CASE("text fit: prefixes end between characters as readers see them", "[providers]") {
  struct Row {
    const char* name;
    const char* text;
    std::size_t escaped_max;
    std::size_t bytes, clusters;
  };
  const Row row = GENERATE(values<Row>({
      {"empty", "", 10, 0, 0},
      {"nothing fits", "abc", 0, 0, 0},
      {"ASCII", "abc", 2, 2, 2},
      {"all of it", "abc", 3, 3, 3},
      {"CJK is three bytes", "消息", 5, 3, 1},
      {"family fits", "👨‍👩‍👧‍👦x", 25, 25, 1},
      {"family does not", "👨‍👩‍👧‍👦x", 24, 0, 0},
      {"flags in a row", "🇨🇳🇩🇪", 15, 8, 1},
      {"accent stays with its letter", "ae\u0301", 3, 1, 1},
      {"escapes count", "a\"b", 2, 1, 1},
      {"escapes count whole", "a\"b", 3, 2, 2},
      {"control character is six", "\x01", 5, 0, 0},
  }));
  CAPTURE(row.name);
  const Prefix prefix = longest_prefix(row.text, row.escaped_max);
  CHECK(prefix.bytes == row.bytes);
  CHECK(prefix.clusters == row.clusters);
}

TEST_CASE("text fit: a limit of characters", "[providers]") {
  CHECK(longest_prefix("🇨🇳🇩🇪abc", 1'000, 3).bytes == 17);
  CHECK(longest_prefix("abc", 1'000, 0).bytes == 0);
  CHECK(shortened("abc", 2) == "ab…");
  CHECK(shortened("abc", 3) == "abc");
  CHECK(shortened("", 3).empty());
}

TEST_CASE("text fit: fitted", "[providers]") {
  CHECK(fitted("hello", 5, 20) == "hello");  // whole: the minimum is not asked
  CHECK(fitted("hello", 4, 1) == "h…");
  CHECK(fitted("", 0, 1) == "");
  CHECK_FALSE(fitted("hello", 4, 2));
  CHECK_FALSE(fitted("hello", 3, 0));  // an ellipsis alone says nothing
  CHECK_FALSE(fitted("hello", 2, 0));
  CHECK(fitted("\"\"\"", 6, 1) == "\"\"\"");
  CHECK(fitted("\"\"\"", 5, 1) == "\"…");
}

TEST_CASE("text fit: sizes are those of the escaped text", "[providers]") {
  CHECK(json_escaped_size("") == 0);
  CHECK(json_escaped_size("a\"\\\n\x01消") == 1 + 2 + 2 + 2 + 6 + 3);
}

TEST_CASE("text fit: UTF-16 units as Java counts them", "[providers]") {
  CHECK(utf16_size("") == 0);
  CHECK(utf16_size("abc") == 3);
  CHECK(utf16_size("é消") == 2);
  CHECK(utf16_size("😀") == 2);
  CHECK(utf16_size("👨‍👩‍👧‍👦") == 11);
  CHECK(utf16_size("🇨🇳") == 4);
}

TEST_CASE("text fit: cut to UTF-16 units, never inside a character", "[providers]") {
  struct Row {
    const char* name;
    std::string in;
    std::size_t units_max;
    std::string out;
  };
  const Row row = GENERATE(values<Row>({
      {"empty", "", 1, ""},
      {"fits", "abc", 3, "abc"},
      {"one too many", "abcd", 3, "ab…"},
      {"CJK counts one", "消息消息", 4, "消息消息"},
      {"CJK cut", "消息消息", 3, "消息…"},
      {"longer in bytes, not in units", "消", 1, "消"},
      {"a pair fits", "a😀", 3, "a😀"},
      {"a pair is not halved", "a😀😀", 4, "a😀…"},
      {"a pair does not fit beside the dots", "a😀b", 3, "a…"},
      {"family stays", "👨‍👩‍👧‍👦ab", 12, "👨‍👩‍👧‍👦…"},
      {"family goes", "a👨‍👩‍👧‍👦b", 12, "a…"},
      {"flags are pairs of pairs", "🇨🇳🇩🇪x", 8, "🇨🇳…"},
      {"accent stays with its letter", "ae\u0301x", 3, "a…"},
      {"nothing fits", "😀😀", 2, ""},
      {"only the dots would be left", "ab", 1, ""},
  }));
  CAPTURE(row.name);
  const std::string out = fitted_utf16(row.in, row.units_max);
  CHECK(out == row.out);
  CHECK(utf16_size(out) <= row.units_max);
}

TEST_CASE("text fit: threads do not share an iterator", "[providers]") {
  std::vector<std::size_t> counts(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t& count : counts)
      threads.emplace_back([&count] {
        for (int i = 0; i < 200; ++i)
          count += longest_prefix("👨‍👩‍👧‍👦🇨🇳e\u0301", 1'000).clusters;
      });
  }
  CHECK(counts == std::vector<std::size_t>(4, 600));
}
