#include "core/text.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>

using namespace nightpost;
using namespace std::string_literals;

TEST_CASE("base64: RFC 4648 §10 vectors, both alphabets", "[core][text]") {
  struct Row {
    std::string plain, padded;
  };
  const Row row = GENERATE(values<Row>({{"", ""},
                                        {"f", "Zg=="},
                                        {"fo", "Zm8="},
                                        {"foo", "Zm9v"},
                                        {"foob", "Zm9vYg=="},
                                        {"fooba", "Zm9vYmE="},
                                        {"foobar", "Zm9vYmFy"}}));
  CAPTURE(row.plain);
  CHECK(base64(row.plain) == row.padded);
  CHECK(from_base64(row.padded) == row.plain);
  CHECK(base64url(row.plain) == row.padded.substr(0, row.padded.find('=')));
  CHECK(from_base64url(base64url(row.plain)) == row.plain);
}

TEST_CASE("base64: what is refused", "[core][text]") {
  const std::string bad = GENERATE("Z"s, "Zg="s, "Zg"s, "Zm9v=="s, "Zg==Zg=="s, "Zm 9v"s, "Zm9-"s, "Zh=="s, "===="s);
  CAPTURE(bad);
  CHECK_FALSE(from_base64(bad));
}

TEST_CASE("base64url: what is refused", "[core][text]") {
  const std::string bad = GENERATE("Z"s, "Zg=="s, "Zm9+"s, "Zm9/"s, "Zh"s, "Zm9vZ"s, "Zm\n9"s);
  CAPTURE(bad);
  CHECK_FALSE(from_base64url(bad));
}

TEST_CASE("base64url: bytes that need the other alphabet", "[core][text]") {
  CHECK(base64url("\xfb\xff\xfe") == "-__-");
  CHECK(base64("\xfb\xff\xfe") == "+//+");
  CHECK(hex("\x00\x9f\xff"s) == "009fff");
}

TEST_CASE("json: escaped text is read back by a JSON parser as it was", "[core][text]") {
  const std::uint32_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::vector<std::string> pieces = {"a", "\"",   "\\", "\n", "\x01"s, "\0"s, "語",   "👨‍👩‍👧",
                                           "/", "\x1f", "\t", "é",  " ",     "!",   "\x7f", "#",
                                           "]"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::size_t n = random() % 40; n > 0; --n) text += pieces[random() % pieces.size()];
    std::string json = "{";
    append_json_member(json, "t", text);
    append_json_member(json, "n", -42);
    json += '}';
    CAPTURE(json);
    const auto read = nlohmann::json::parse(json, nullptr, false);
    REQUIRE(read.is_object());
    CHECK(read["t"] == text);
    CHECK(read["n"] == -42);
  }
}

TEST_CASE("json: non-ASCII stays raw, only what must be escaped is", "[core][text]") {
  std::string out;
  append_json_escaped(out, "語\"\\\n\x1b/é 12345678");
  CHECK(out == "語\\\"\\\\\\n\\u001b/é 12345678");
}

TEST_CASE("text: ends and case", "[core][text]") {
  CHECK(trimmed(" \t a b\r\n") == "a b");
  CHECK(trimmed("a") == "a");
  CHECK(trimmed(" \n").empty());
  CHECK(trimmed("").empty());
  CHECK(ascii_lower("Http-PROXY 語Ä") == "http-proxy 語Ä");
  CHECK(ascii_lower("@[`{") == "@[`{");
}

TEST_CASE("utf8: repair follows Unicode's maximal subparts", "[core][text]") {
  struct Row {
    const char* name;
    std::string in, out;
  };
  const std::string r = "\xef\xbf\xbd";
  const Row row = GENERATE_COPY(values<Row>({
      {"ASCII", "plain", "plain"},
      {"two to four bytes", "é語😀", "é語😀"},
      {"lone continuation", "a\x80z", "a" + r + "z"},
      {"overlong slash", "\xc0\xaf", r + r},
      {"overlong three", "\xe0\x80\x80", r + r + r},
      {"surrogate as CESU-8", "\xed\xa0\x80", r + r + r},
      {"above U+10FFFF", "\xf4\x90\x80\x80", r + r + r + r},
      {"truncated four is one subpart", "\xf0\x9f\x98", r},
      {"truncated then ASCII",
       "\xe8\xaa"
       "A",
       r + "A"},
      {"bad byte deep inside a long run",
       "0123456789abcdef\xff"
       "0123456789",
       "0123456789abcdef" + r + "0123456789"},
      {"0xfe and 0xff", "\xfe\xff", r + r},
  }));
  CAPTURE(row.name);
  CHECK(utf8_repaired(row.in) == row.out);
  CHECK(is_valid_utf8(row.in) == (row.in == row.out));
  CHECK(is_valid_utf8(utf8_repaired(row.in)));
}

TEST_CASE("form: values are escaped once, as browsers do it", "[core][text]") {
  struct Row {
    const char* name;
    std::string in, out;
  };
  const Row row = GENERATE(values<Row>({
      {"empty", "", ""},
      {"plain", "aZ09-_.*", "aZ09-_.*"},
      {"a blank is a plus", "a b", "a+b"},
      {"a plus is not", "a+b", "a%2Bb"},
      {"what parts fields", "&=;#%", "%26%3D%3B%23%25"},
      {"already escaped is escaped again", "%41", "%2541"},
      {"tilde and quotes", "~'\"()!", "%7E%27%22%28%29%21"},
      {"comma and slash", "a,b/c", "a%2Cb%2Fc"},
      {"UTF-8 bytes in capitals", "消😀", "%E6%B6%88%F0%9F%98%80"},
      {"control characters", std::string("\0\n\x7f", 3), "%00%0A%7F"},
  }));
  CAPTURE(row.name);
  std::string out = "x=";
  append_form_escaped(out, row.in);
  CHECK(out == "x=" + row.out);
}

TEST_CASE("form: fields are joined", "[core][text]") {
  std::string form;
  append_form_field(form, "a", "1");
  append_form_field(form, "extra.b c", "");
  append_form_field(form, "", "&");
  CHECK(form == "a=1&extra.b+c=&=%26");
}
