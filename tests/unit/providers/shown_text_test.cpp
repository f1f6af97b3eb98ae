#include "providers/shown_text.h"

#include <catch2/catch.hpp>

using namespace nightpost;

namespace {

Result<ShownText> shown(std::string title, std::string body, std::string_view app_name = {}) {
  Notification n;
  n.title = std::move(title);
  n.body = std::move(body);
  return shown_text(n, app_name, 10, 20);
}

}  // namespace

TEST_CASE("shown text: control characters go, words and lines stay apart", "[providers]") {
  struct Row {
    const char* name;
    std::string title, body, want_title, want_body;
  };
  const Row row = GENERATE(values<Row>({
      {"plain", "标题", "text", "标题", "text"},
      {"lines", "a\nb", "a\nb", "a b", "a\nb"},
      {"tabs", "a\tb", "a\tb", "a b", "a b"},
      {"carriage returns", "a\r\nb", "a\r\nb", "a b", "a\nb"},
      {"bell, escape, delete", "a\x07\x1b\x7f", "b\x07\x1b\x7f", "a", "b"},
      {"zero", std::string("a\0b", 3), std::string("\0c", 2), "ab", "c"},
      {"C1", "a\xc2\x80\xc2\x9fz", "\xc2\x85y", "az", "y"},
      {"what looks like C1 and is not", "\xc2\xa0z", "é\xc2\xa9", "\xc2\xa0z", "é\xc2\xa9"},
      {"joiners in emoji stay", "👨‍👩‍👧", "👍🏽", "👨‍👩‍👧", "👍🏽"},
      {"cut", "12345678901", "123456789012345678901", "123456789…", "1234567890123456789…"},
  }));
  CAPTURE(row.name);
  const auto made = shown(row.title, row.body);
  REQUIRE(made);
  CHECK(made->title == row.want_title);
  CHECK(made->body == row.want_body);
}

TEST_CASE("shown text: what readers would see nothing of", "[providers]") {
  const std::string blank =
      GENERATE(std::string(), std::string(" "), std::string("\n\n"), std::string("\t\x01"), std::string("\xe3\x80\x80"),
               std::string("\xc2\xa0"), std::string("\xe2\x80\x8b"), std::string("\xef\xb8\x8f"));
  CHECK(shown(blank, "b", "App")->title == "App");
  const auto untitled = shown(blank, "b", blank);
  REQUIRE_FALSE(untitled);
  CHECK(untitled.error().code == Errc::Malformed);
  const auto empty = shown("t", blank, "App");
  REQUIRE_FALSE(empty);
  CHECK(empty.error().code == Errc::Malformed);
}

TEST_CASE("shown text: of a character too big for the limit something is shown", "[providers]") {
  std::string huge = "e";
  for (int i = 0; i < 100'000; ++i) huge += "\xcc\x81";
  const auto made = shown(huge, huge);
  REQUIRE(made);
  CHECK(made->title == huge.substr(0, 1 + 2 * 8) + "…");
  CHECK(made->body == huge.substr(0, 1 + 2 * 18) + "…");
}

TEST_CASE("clean text: a view where nothing is wrong, else a copy in order", "[providers]") {
  const std::string plain = "标题 👨‍👩‍👧";
  CHECK(CleanText(plain)->data() == plain.data());
  CHECK(CleanText("a\nb", true)->size() == 3);
  CHECK(std::string_view(CleanText("a\nb")) == "a b");
  CHECK(std::string_view(CleanText("a\x1b\xc2\x85z\x7f")) == "az");
  CHECK(std::string_view(CleanText("a\xff\x01")) == "a\uFFFD");
  CHECK(is_blank("\t \x01\u200b\u3000"));
  CHECK(is_blank(""));
  CHECK_FALSE(is_blank(" a"));
}
